//! Instants in the user's time zone: that of `TZ`, or the system's own; UTC where neither is known.

use jiff::{
    Timestamp as Instant,
    civil::{Date, DateTime, Time},
    tz::TimeZone,
};

use crate::domain::time::Timestamp;

/// A time zone.
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

impl Zone {
    /// The time zone that this process runs in.
    pub fn of_the_user() -> Self {
        Self(TimeZone::try_system().unwrap_or(TimeZone::UTC))
    }

    /// RFC 3339 with the zone's offset, without fractions: `2026-11-22T11:00:00+01:00`, and `Z` for UTC.
    pub fn written(&self, at: Timestamp) -> String {
        let Ok(instant) = Instant::from_millisecond(at.millis()) else {
            return at.to_rfc3339_seconds();
        };
        let local = instant.to_zoned(self.0.clone());
        if local.offset().is_zero() {
            return at.to_rfc3339_seconds();
        }
        local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }

    /// Reads RFC 3339, or a date (`2026-11-22`, `today`, `yesterday`), a time of today (`14:00`), or both, in
    /// this time zone. A date alone is its first moment.
    pub fn read(&self, text: &str, now: Timestamp) -> Option<Timestamp> {
        Timestamp::parse(text).or_else(|| {
            let local = self.read_local(text.trim(), now)?;
            let instant = local.to_zoned(self.0.clone()).ok()?.timestamp();
            // Only what can be written again.
            Timestamp::parse(&Timestamp::from_millis(instant.as_millisecond()).to_string())
        })
    }

    fn read_local(&self, text: &str, now: Timestamp) -> Option<DateTime> {
        let now = Instant::from_millisecond(now.millis()).ok()?;
        let today = now.to_zoned(self.0.clone()).date();
        let (day, time) = match text.split_once([' ', 'T']) {
            Some((day, time)) => (day, Some(time.trim_start())),
            None if text.contains(':') => ("today", Some(text)),
            None => (text, None),
        };
        let day = match day {
            "today" => today,
            "yesterday" => today.yesterday().ok()?,
            written => written.parse::<Date>().ok()?,
        };
        let time = time.map_or(Ok(Time::midnight()), str::parse).ok()?;
        Some(day.to_datetime(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Central Europe: an hour ahead of UTC, two in summer.
    fn central_europe() -> Zone {
        Zone(TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap())
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn an_instant_is_written_with_the_offset_of_its_day() {
        let zone = central_europe();
        let written = |text| zone.written(at(text));
        assert_eq!(written("2026-11-22T10:00:00Z"), "2026-11-22T11:00:00+01:00");
        assert_eq!(written("2026-07-22T10:00:00Z"), "2026-07-22T12:00:00+02:00");
        let utc = Zone(TimeZone::UTC);
        assert_eq!(
            utc.written(at("2026-07-22T10:00:00.5Z")),
            "2026-07-22T10:00:00Z"
        );
        let last = Timestamp::from_millis(i64::MAX);
        assert_eq!(zone.written(last), last.to_rfc3339_seconds());
    }

    #[test]
    fn a_date_and_a_time_are_read_in_the_zone() {
        let zone = central_europe();
        let now = at("2026-11-24T23:30:00Z");
        for (text, instant) in [
            ("2026-11-22T10:00:00Z", "2026-11-22T10:00:00Z"),
            ("2026-11-22T10:00:00+05:00", "2026-11-22T05:00:00Z"),
            ("2026-11-22", "2026-11-21T23:00:00Z"),
            ("2026-11-22 10:00", "2026-11-22T09:00:00Z"),
            ("2026-07-22T10:00:30", "2026-07-22T08:00:30Z"),
            // It is the 25th there.
            ("today", "2026-11-24T23:00:00Z"),
            ("yesterday", "2026-11-23T23:00:00Z"),
            ("yesterday 14:00", "2026-11-24T13:00:00Z"),
            ("14:00", "2026-11-25T13:00:00Z"),
        ] {
            assert_eq!(zone.read(text, now), Some(at(instant)), "{text}");
        }
        for text in [
            "",
            "tomorrow",
            "2026-13-01",
            "25:00",
            "2026-11-22 x",
            "now then",
        ] {
            assert_eq!(zone.read(text, now), None, "{text}");
        }
    }
}
