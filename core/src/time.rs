use core::fmt;
use core::ops::{Add, Sub};
use core::time::Duration;

/// A point in time, told by the driver: the time since the driver's own start. There is no `now()`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(Duration);

impl Instant {
    /// The driver's start.
    pub const START: Self = Self(Duration::ZERO);

    /// Returns the instant `since_start` after the driver's start.
    pub const fn from_start(since_start: Duration) -> Self {
        Self(since_start)
    }

    /// Returns the time since the driver's start.
    pub const fn since_start(self) -> Duration {
        self.0
    }
}

/// Saturates instead of overflowing.
impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}

/// Returns zero when `earlier` is later.
impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// Wall time in milliseconds since 1970-01-01T00:00:00Z, told by the driver; leap seconds are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(u64);

impl UnixTime {
    /// Returns the time `millis` milliseconds after the epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Returns the milliseconds since the epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Returns the time as an HTTP date, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7, IMF-fixdate).
    pub const fn http_date(self) -> HttpDate {
        HttpDate(self)
    }

    pub(crate) fn year(self) -> u64 {
        self.civil().year
    }

    fn civil(self) -> Civil {
        let seconds = self.0 / 1000;
        let days = seconds / 86_400;
        // Days since 0000-03-01, in eras of 400 years (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
        let shifted = days + 719_468;
        let era = shifted / 146_097;
        let day_of_era = shifted % 146_097;
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        Civil {
            year: year_of_era + era * 400 + u64::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted_month + 2) / 5 + 1,
            hour: seconds / 3600 % 24,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            weekday: (days + 4) % 7,
        }
    }
}

/// Saturates instead of overflowing; counts whole milliseconds.
impl Add<Duration> for UnixTime {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// RFC 3339 with milliseconds, `1994-11-06T08:49:37.000Z`.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Civil { year, month, day, hour, minute, second, .. } = self.civil();
        let millis = self.0 % 1000;
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

/// A [`UnixTime`] that prints as an HTTP date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpDate(UnixTime);

impl fmt::Display for HttpDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Civil { year, month, day, hour, minute, second, weekday } = self.0.civil();
        let weekday = WEEKDAYS.get(weekday as usize).unwrap_or(&"");
        let month = MONTHS.get(month as usize - 1).unwrap_or(&"");
        write!(f, "{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
    }
}

struct Civil {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
    weekday: u64,
}

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
pub(crate) const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn dates_of_the_rfc_print_as_there() {
        let time = UnixTime::from_millis(784_111_777_000);
        assert_eq!(time.http_date().to_string(), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(time.to_string(), "1994-11-06T08:49:37.000Z");
    }

    #[test]
    fn leap_days_and_ends_of_years_are_right() {
        let text = |millis| UnixTime::from_millis(millis).to_string();
        assert_eq!(text(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(text(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(text(4_107_542_399_999), "2100-02-28T23:59:59.999Z");
        assert_eq!(text(4_107_542_400_000), "2100-03-01T00:00:00.000Z");
        assert_eq!(text(1_735_689_599_999), "2024-12-31T23:59:59.999Z");
    }

    #[test]
    fn instants_saturate() {
        let late = Instant::from_start(Duration::MAX);
        assert_eq!(late + Duration::from_secs(1), late);
        assert_eq!(Instant::START - late, Duration::ZERO);
    }
}
