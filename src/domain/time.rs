//! Instants and spans: instants end in `_at`, spans in `ttl`.

use std::{fmt, ops::RangeInclusive, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use time::{OffsetDateTime, UtcDateTime, format_description::well_known::Rfc3339};

/// The years 0 to 9999, in milliseconds: no other instant can be written (RFC 3339, section 5.6).
const WRITTEN: RangeInclusive<i64> = -62_167_219_200_000..=253_402_300_799_999;

/// An instant: milliseconds since the Unix epoch, written as RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The instant that is `milliseconds` after the Unix epoch.
    pub const fn from_millis(milliseconds: i64) -> Self {
        Self(milliseconds)
    }

    /// The instant that is `seconds` after the Unix epoch.
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the Unix epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This much later.
    #[must_use]
    pub fn after(self, ttl: Duration) -> Self {
        Self(self.0.saturating_add(millis(ttl)))
    }

    /// This much earlier.
    #[must_use]
    pub fn before(self, ttl: Duration) -> Self {
        Self(self.0.saturating_sub(millis(ttl)))
    }

    /// How long until this instant, seen from `now`; zero once it has passed.
    pub fn left(self, now: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(now.0)).unwrap_or(0))
    }

    /// The same instant for libraries that speak `time`; clamped to the years that can be written.
    pub fn to_offset(self) -> OffsetDateTime {
        let within = self.0.clamp(*WRITTEN.start(), *WRITTEN.end());
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(within) * 1_000_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// Reads RFC 3339, as `2026-11-22T10:00:00Z`: an instant that can be written again, in UTC.
    pub fn parse(text: &str) -> Option<Self> {
        let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        i64::try_from(at.unix_timestamp_nanos() / 1_000_000)
            .ok()
            .filter(|at| WRITTEN.contains(at))
            .map(Self)
    }

    /// RFC 3339 without fractions, as other tools want it: `2026-11-22T10:00:00Z`.
    pub fn to_rfc3339_seconds(self) -> String {
        Self::from_secs(self.secs()).to_string()
    }
}

fn millis(ttl: Duration) -> i64 {
    i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UtcDateTime::from(self.to_offset()).format(&Rfc3339) {
            Ok(text) => f.write_str(&text),
            Err(_) => write!(f, "{}", self.0),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("not an RFC 3339 instant"))
    }
}

/// A span as a person writes it: `30m`, `1h 30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ttl(pub Duration);

impl FromStr for Ttl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match humantime::parse_duration(text) {
            Ok(span) if !span.is_zero() => Ok(Self(span)),
            Ok(_) => {
                Err("a span must be longer than nothing; write it as \"30m\" or \"1h\"".into())
            }
            Err(_) => Err(format!(
                "{text:?} is not a span; write it as \"30m\" or \"1h\""
            )),
        }
    }
}

impl fmt::Display for Ttl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

impl<'de> Deserialize<'de> for Ttl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_survives_its_text() {
        let at = Timestamp::from_millis(1_800_000_000_123);
        assert_eq!(Timestamp::parse(&at.to_string()), Some(at));
        assert_eq!(at.to_rfc3339_seconds(), "2027-01-15T08:00:00Z");
    }

    #[test]
    fn an_instant_that_cannot_be_written_is_none() {
        for (last, beyond) in [
            ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59-00:01"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00+00:01"),
        ] {
            let read = Timestamp::parse(last).unwrap();
            assert_eq!(read.to_string(), last);
            assert_eq!(Timestamp::parse(beyond), None, "{beyond}");
        }
    }

    #[test]
    fn a_clock_that_jumps_never_overflows() {
        let far = Timestamp::from_millis(i64::MAX);
        assert_eq!(far.after(Duration::MAX), far);
        assert_eq!(Timestamp::from_millis(i64::MIN).left(far), Duration::ZERO);
        assert_eq!(far.to_string(), "9999-12-31T23:59:59.999Z");
        let early = Timestamp::from_millis(i64::MIN);
        assert_eq!(early.to_string(), "0000-01-01T00:00:00Z");
    }
}
