//! Instants as people type and read them.
//!
//! Everything inside counts UTC seconds. People in this story read Italian legal time, because the
//! messages are written in it.

use std::fmt;
use std::str::FromStr;

use jiff::{Timestamp, Zoned, tz::TimeZone};

/// An instant given on the command line: RFC 3339 (`2026-09-19T15:41:19+02:00`) or seconds since
/// 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub u64);

impl Moment {
    /// Day and time in Italy, as messages write them: `19/09/2026 15:41:19 (+0200)`.
    pub fn in_italy(self) -> String {
        self.format("%d/%m/%Y %H:%M:%S (%z)")
    }

    /// Time of day in Italy: `15:41:19`.
    pub fn time_in_italy(self) -> String {
        self.format("%H:%M:%S")
    }

    /// The day in Italy, for people: `19 September 2026`.
    pub fn date_in_italy(self) -> String {
        self.format("%-d %B %Y")
    }

    /// The same without the year: `19 September`.
    pub fn day_in_italy(self) -> String {
        self.format("%-d %B")
    }

    /// `Date:` of a message written in Italy: `Sat, 19 Sep 2026 15:41:19 +0200`.
    pub fn rfc5322(self) -> String {
        self.format("%a, %d %b %Y %H:%M:%S %z")
    }

    fn format(self, format: &str) -> String {
        match self.zoned() {
            Some(zoned) => zoned.strftime(format).to_string(),
            // Past the year 9999: no calendar to show, but no reason to fail either.
            None => format!("@{}", self.0),
        }
    }

    fn zoned(self) -> Option<Zoned> {
        let seconds = i64::try_from(self.0).ok()?;
        Some(
            Timestamp::from_second(seconds)
                .ok()?
                .to_zoned(ITALY.clone()),
        )
    }
}

impl FromStr for Moment {
    type Err = BadMoment;

    fn from_str(text: &str) -> Result<Moment, BadMoment> {
        if let Ok(seconds) = text.parse::<u64>() {
            // A number that no calendar has is a typing mistake (milliseconds, most likely).
            return match i64::try_from(seconds)
                .ok()
                .and_then(|s| Timestamp::from_second(s).ok())
            {
                Some(_) => Ok(Moment(seconds)),
                None => Err(BadMoment),
            };
        }
        let timestamp: Timestamp = text.parse().map_err(|_| BadMoment)?;
        u64::try_from(timestamp.as_second())
            .map(Moment)
            .map_err(|_| BadMoment)
    }
}

impl fmt::Display for Moment {
    /// RFC 3339 in UTC: what `--now` and `--at` read back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match i64::try_from(self.0)
            .ok()
            .and_then(|s| Timestamp::from_second(s).ok())
        {
            Some(timestamp) => timestamp.fmt(f),
            None => write!(f, "@{}", self.0),
        }
    }
}

/// What was typed is no instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadMoment;

impl fmt::Display for BadMoment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("write RFC 3339, for example 2026-09-19T15:41:19+02:00, or seconds since 1970")
    }
}

impl std::error::Error for BadMoment {}

/// Compiled in, so that a machine without time zone data tells the same time.
static ITALY: TimeZone = jiff::tz::get!("Europe/Rome");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_writing_mean_the_same() {
        let moment: Moment = "2026-09-19T15:41:19+02:00".parse().unwrap();
        assert_eq!(moment, "2026-09-19T13:41:19Z".parse().unwrap());
        assert_eq!(moment, "1789825279".parse().unwrap());
        assert_eq!(moment.to_string(), "2026-09-19T13:41:19Z");
        for bad in [
            "",
            "yesterday",
            "2026-09-19",
            "-5",
            "1969-12-31T00:00:00Z",
            "99999999999999",
        ] {
            assert!(bad.parse::<Moment>().is_err(), "{bad}");
        }
    }

    #[test]
    fn people_read_italian_legal_time_in_summer_and_winter() {
        // EU Directive 2000/84/EC: the change is at 01:00 UTC on the last Sunday of October.
        let before: Moment = "2026-10-25T00:59:59Z".parse().unwrap();
        assert_eq!(before.in_italy(), "25/10/2026 02:59:59 (+0200)");
        assert_eq!(
            Moment(before.0 + 1).in_italy(),
            "25/10/2026 02:00:00 (+0100)"
        );
        assert_eq!(before.rfc5322(), "Sun, 25 Oct 2026 02:59:59 +0200");
    }
}
