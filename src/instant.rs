//! Time: UTC inside, Italian legal time for people (RFC 6109 §4.2, ARCHITECTURE "Time").

use std::fmt;

use serde::{Deserialize, Serialize};

/// Seconds since 1970-01-01T00:00:00Z, without leap seconds, up to the end of year 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(into = "u64", try_from = "u64")]
pub struct Instant(u64);

impl Instant {
    /// The instant `seconds` after the epoch.
    ///
    /// # Errors
    /// `None` after the year 9999, which no format of the rules could write.
    pub const fn from_unix(seconds: u64) -> Option<Self> {
        if seconds > LAST_SECOND {
            None
        } else {
            Some(Self(seconds))
        }
    }

    /// Seconds since the epoch.
    pub const fn unix(self) -> u64 {
        self.0
    }

    /// This instant and `seconds` more; stays at the last representable one.
    pub const fn plus(self, seconds: u64) -> Self {
        let sum = self.0.saturating_add(seconds);
        Self(if sum > LAST_SECOND { LAST_SECOND } else { sum })
    }

    /// This instant less `seconds`; stays at the epoch.
    pub const fn minus(self, seconds: u64) -> Self {
        Self(self.0.saturating_sub(seconds))
    }

    /// Seconds from `earlier` to this instant; 0 if `earlier` is later.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The wall clock in Italy at this instant.
    pub fn legal_time(self) -> LegalTime {
        let offset = if is_summer_time(self.0) { 2 } else { 1 };
        LegalTime {
            civil: Civil::from_unix(self.0 + offset * HOUR),
            offset_hours: offset as u8,
        }
    }

    /// `yyyymmddhhmmss` in UTC.
    pub fn compact_utc(self) -> String {
        let c = Civil::from_unix(self.0);
        format!(
            "{:04}{:02}{:02}{:02}{:02}{:02}",
            c.year, c.month, c.day, c.hour, c.minute, c.second
        )
    }

    /// The instant at which clocks with UTC offset `zone` (`[+|-]hhmm`) show this day and time
    /// of day (`dd/mm/yyyy`, `hh:mm:ss`; RFC 6109 §4.4).
    ///
    /// # Errors
    /// `None` if one of the three is not of that form or no such time exists.
    pub fn from_local(day: &str, time: &str, zone: &str) -> Option<Self> {
        let [d, m, y] = numbers(day, '/')?;
        let [hour, minute, second] = numbers(time, ':')?;
        let in_range = (1970..=9999).contains(&y)
            && (1..=12).contains(&m)
            && (1..=days_in_month(y, m)).contains(&d)
            && hour < 24
            && minute < 60
            && second <= 60;
        if !in_range {
            return None;
        }
        let local = days_from_civil(y, m, d) * DAY + hour * HOUR + minute * 60 + second.min(59);
        let (sign, digits) = zone.split_at_checked(1)?;
        let digits: u64 = (digits.len() == 4).then(|| digits.parse().ok())??;
        let offset = digits / 100 * HOUR + digits % 100 * 60;
        let unix = match sign {
            "+" => local.checked_sub(offset)?,
            "-" => local.checked_add(offset)?,
            _ => return None,
        };
        Self::from_unix(unix)
    }
}

impl TryFrom<u64> for Instant {
    type Error = AfterLast;

    fn try_from(seconds: u64) -> Result<Self, AfterLast> {
        Self::from_unix(seconds).ok_or(AfterLast)
    }
}

impl From<Instant> for u64 {
    fn from(at: Instant) -> Self {
        at.unix()
    }
}

/// Seconds that lead beyond the year 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AfterLast;

impl fmt::Display for AfterLast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("after year 9999")
    }
}

impl std::error::Error for AfterLast {}

/// RFC 3339, UTC: for logs and error texts.
impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = Civil::from_unix(self.0);
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            c.year, c.month, c.day, c.hour, c.minute, c.second
        )
    }
}

/// A point in time as Italian clocks show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LegalTime {
    civil: Civil,
    offset_hours: u8,
}

impl LegalTime {
    /// `dd/mm/yyyy` (RFC 6109 §4.2 `full-date`).
    pub fn day(&self) -> String {
        format!(
            "{:02}/{:02}/{:04}",
            self.civil.day, self.civil.month, self.civil.year
        )
    }

    /// `hh:mm:ss` (RFC 6109 §4.2 `partial-time`).
    pub fn time(&self) -> String {
        format!(
            "{:02}:{:02}:{:02}",
            self.civil.hour, self.civil.minute, self.civil.second
        )
    }

    /// `+0100` or `+0200` (PRACTICE 1: no colon).
    pub fn zone(&self) -> String {
        format!("+{:02}00", self.offset_hours)
    }

    /// RFC 5322 `date-time`, for `Date:`.
    pub fn rfc5322(&self) -> String {
        let c = &self.civil;
        let weekday = WEEKDAYS[(days_from_civil(c.year, c.month, c.day) % 7) as usize];
        let month = MONTHS[(c.month - 1) as usize];
        format!(
            "{weekday}, {} {month} {:04} {} {}",
            c.day,
            c.year,
            self.time(),
            self.zone()
        )
    }
}

/// Proleptic Gregorian calendar fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Civil {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

impl Civil {
    fn from_unix(unix: u64) -> Self {
        // Days are counted from 0000-03-01, so that the leap day is the last of its year.
        let days = unix / DAY + DAYS_TO_EPOCH;
        let era = days / 146_097;
        let of_era = days % 146_097;
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * of_year + 2) / 153;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        let seconds = unix % DAY;
        Self {
            year: era * 400 + year_of_era + u64::from(month <= 2),
            month,
            day: of_year - (153 * month_from_march + 2) / 5 + 1,
            hour: seconds / HOUR,
            minute: seconds / 60 % 60,
            second: seconds % 60,
        }
    }
}

/// Directive 2000/84/EC: from 01:00 UTC on the last Sunday of March to 01:00 UTC on the last
/// Sunday of October. The directive's rule is applied to all years: nothing certified is older
/// than 2005.
fn is_summer_time(unix: u64) -> bool {
    let year = Civil::from_unix(unix).year;
    let change = |month| last_sunday(year, month) * DAY + HOUR;
    (change(3)..change(10)).contains(&unix)
}

/// Day number of the last Sunday of a month of 31 days.
fn last_sunday(year: u64, month: u64) -> u64 {
    let last = days_from_civil(year, month, 31);
    // Day 0 was a Thursday: Sundays are 3 modulo 7.
    last - (last + 4) % 7
}

/// Days from the epoch to a date not before it.
fn days_from_civil(year: u64, month: u64, day: u64) -> u64 {
    let year = year - u64::from(month <= 2);
    let month_from_march = (month + 9) % 12;
    let of_year = (153 * month_from_march + 2) / 5 + day - 1;
    year / 400 * 146_097 + year % 400 * 365 + year % 400 / 4 - year % 400 / 100 + of_year
        - DAYS_TO_EPOCH
}

fn days_in_month(year: u64, month: u64) -> u64 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Exactly three unsigned numbers with this separator.
fn numbers(text: &str, separator: char) -> Option<[u64; 3]> {
    let mut parts = text.trim().split(separator).map(|part| {
        let digits = part.bytes().all(|b| b.is_ascii_digit());
        (digits && part.len() <= 4).then(|| part.parse().ok())?
    });
    let three = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(three)
}

const HOUR: u64 = 3_600;
const DAY: u64 = 86_400;
/// Days from 0000-03-01 to 1970-01-01.
const DAYS_TO_EPOCH: u64 = 719_468;
/// 9999-12-31T21:59:59Z: in legal time still the year 9999.
const LAST_SECOND: u64 = 253_402_293_599;
/// Day 0 was a Thursday.
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(unix: u64) -> String {
        Instant::from_unix(unix).unwrap().legal_time().rfc5322()
    }

    /// Expected values from `TZ=Europe/Rome date -R -d @…`.
    #[test]
    fn t12_legal_time_across_both_changes_and_a_leap_day() {
        assert_eq!(shown(0), "Thu, 1 Jan 1970 01:00:00 +0100");
        assert_eq!(shown(1_774_745_999), "Sun, 29 Mar 2026 01:59:59 +0100");
        assert_eq!(shown(1_774_746_000), "Sun, 29 Mar 2026 03:00:00 +0200");
        assert_eq!(shown(1_792_889_999), "Sun, 25 Oct 2026 02:59:59 +0200");
        assert_eq!(shown(1_792_890_000), "Sun, 25 Oct 2026 02:00:00 +0100");
        assert_eq!(shown(1_835_438_400), "Tue, 29 Feb 2028 13:00:00 +0100");
        assert_eq!(shown(1_789_825_279), "Sat, 19 Sep 2026 15:41:19 +0200");
    }

    #[test]
    fn local_time_is_read_back() {
        let read = |d, t, z| Instant::from_local(d, t, z).map(Instant::unix);
        assert_eq!(read("19/09/2026", "15:41:19", "+0200"), Some(1_789_825_279));
        assert_eq!(read("29/02/2028", "13:00:00", "+0100"), Some(1_835_438_400));
        assert_eq!(read("29/02/2027", "13:00:00", "+0100"), None);
        assert_eq!(read("19/09/2026", "15:41", "+0200"), None);
        assert_eq!(read("19/09/2026", "15:41:19", "0200"), None);
        assert_eq!(read("01/01/1970", "00:00:00", "+0100"), None);
    }
}
