//! Times of day as one reads them in logs: RFC 3339, in UTC, with milliseconds.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A time of day, as `2026-11-21T14:19:22.123Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time {
    /// Milliseconds since 1970, at most to the end of the year 9999.
    millis: u64,
}

impl Time {
    /// Returns what the clock says; one set before 1970 says 1970.
    pub(crate) fn now() -> Self {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self::from_millis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
    }

    fn from_millis(millis: u64) -> Self {
        Self { millis: millis.min(LAST) }
    }

    /// Returns how long `earlier` is ago; zero if it is not.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.millis.saturating_sub(earlier.millis))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, millis) = (self.millis / DAY, self.millis % DAY);
        let (year, month, day) = civil(days);
        let (hour, minute, second) = (millis / 3_600_000, millis / 60_000 % 60, millis / 1000 % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", millis % 1000)
    }
}

/// Reads the form that [`Display`](fmt::Display) writes, with any number of digits of the second, or none.
impl FromStr for Time {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or("write a time in UTC as 2026-11-21T14:19:22.123Z")
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

fn parse(text: &str) -> Option<Time> {
    // RFC 3339 §5.6: "date-time = full-date "T" full-time"; "Applications that generate this format SHOULD use upper case
    // letters."
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let (time, fraction) = time.split_once('.').map_or((time, None), |(time, fraction)| (time, Some(fraction)));
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let millis = match fraction {
        None => 0,
        Some(digits) if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) => return None,
        Some(digits) => digits.chars().chain("00".chars()).take(3).collect::<String>().parse::<u64>().ok()?,
    };
    let days = days(year, month, day)?;
    // A leap second counts as the one before it.
    let second = (hour < 24 && minute < 60 && second < 61).then(|| second.min(59))?;
    Some(Time::from_millis(days * DAY + ((hour * 60 + minute) * 60 + second) * 1000 + millis))
}

/// Reads numbers of so many digits each.
fn numbers(text: &str, separator: char, digits: [usize; 3]) -> Option<[u64; 3]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; 3];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part =
            parts.next().filter(|part| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// Returns year, month and day of a number of days since 1970, by counting from 1 March of the year 0: the leap day is then the
/// last of its year.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + TO_1970;
    let (era, day_of_era) = (days / ERA, days % ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 { (year_of_era, month + 3) } else { (year_of_era + 1, month - 9) };
    (era * 400 + year, month, day)
}

/// Returns the number of days from 1970 to a date, if it is one.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (year, month_from_march) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * ERA + day_of_era - TO_1970;
    // The 31st of a month that has 30 days is another date when it is read back.
    (civil(days).2 == day).then_some(days)
}

/// Milliseconds of a day.
const DAY: u64 = 24 * 60 * 60 * 1000;
/// Days of 400 years.
const ERA: u64 = 146_097;
/// Days from 1 March of the year 0 to 1970.
const TO_1970: u64 = 719_468;
/// The end of the year 9999, the last with four digits.
const LAST: u64 = 253_402_300_799_999;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_and_read_back() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (784_111_777_001, "1994-11-06T08:49:37.001Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (LAST, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Time::from_millis(millis).to_string(), text);
            assert_eq!(text.parse(), Ok(Time::from_millis(millis)));
        }
        assert_eq!(Time::from_millis(u64::MAX), Time::from_millis(LAST));
    }

    #[test]
    fn every_day_of_four_centuries_is_the_one_after_the_last() {
        let mut before = (1969, 12, 31);
        for number in 0..ERA {
            let today = civil(number);
            let (year, month, day) = before;
            assert!([(year, month, day + 1), (year, month + 1, 1), (year + 1, 1, 1)].contains(&today), "{today:?}");
            assert_eq!(days(today.0, today.1, today.2), Some(number));
            before = today;
        }
        assert_eq!(before, (2369, 12, 31));
    }

    #[test]
    fn the_second_may_have_any_precision() {
        for (text, millis) in
            [("2026-01-01T00:00:01Z", 1000), ("2026-01-01T00:00:01.5Z", 1500), ("2026-01-01T00:00:01.123456789Z", 1123)]
        {
            let start: Time = "2026-01-01T00:00:00Z".parse().unwrap();
            assert_eq!(text.parse::<Time>().unwrap().since(start), Duration::from_millis(millis));
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "now",
            "2026-11-21",
            "2026-11-21 14:19:22Z",
            "2026-11-21T14:19:22",
            "2026-11-21T14:19:22+01:00",
            "2026-11-21T14:19:22.Z",
            "2026-11-21T14:19:22.xZ",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-1-01T00:00:00Z",
            "1969-12-31T00:00:00Z",
            "2026-01-01-01T00:00:00Z",
            "+026-01-01T00:00:00Z",
        ] {
            assert!(text.parse::<Time>().is_err(), "{text}");
        }
    }
}
