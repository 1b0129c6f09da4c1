//! The clock of whoever speaks HTTP, as the `Date` of its answers tells it (RFC 9110, 6.6.1).

use reqwest::header::{DATE, HeaderMap};
use time::{PrimitiveDateTime, format_description::BorrowedFormatItem, macros::format_description};

use crate::domain::time::Timestamp;

/// What every server sends today: `Sun, 06 Nov 1994 08:49:37 GMT`.
const SHAPE: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);

/// The instant of an answer, in whole seconds; `None` where it does not say.
pub fn of(headers: &HeaderMap) -> Option<Timestamp> {
    read(headers.get(DATE)?.to_str().ok()?)
}

fn read(text: &str) -> Option<Timestamp> {
    let at = PrimitiveDateTime::parse(text, SHAPE).ok()?;
    Some(Timestamp::from_secs(at.assume_utc().unix_timestamp()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_date_is_read_and_nothing_else_is() {
        let at = read("Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(at, Some(Timestamp::from_secs(784_111_777)));
        for text in [
            "",
            "Sun, 06 Nov 1994 08:49:37",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun, 36 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _at = read(&text);
        }
    }
}
