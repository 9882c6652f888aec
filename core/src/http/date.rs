use crate::UnixTime;
use crate::time::MONTHS;

/// Reads an HTTP date in any of its three forms (RFC 9110 §5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`,
/// `Sunday, 06-Nov-94 08:49:37 GMT` and `Sun Nov  6 08:49:37 1994`. `near` tells the century of the second form; a time
/// before 1970 reads as 1970. The name of the day is not looked at, and separators may be others.
pub fn parse_date(text: &str, near: UnixTime) -> Option<UnixTime> {
    let mut parts = text.split([' ', ',', '-']).filter(|part| !part.is_empty());
    let _weekday = parts.next()?;
    let first = parts.next()?;
    let (day, month, year, time) = if first.starts_with(|char: char| char.is_ascii_digit()) {
        let (month, year, time) = (parts.next()?, parts.next()?, parts.next()?);
        parts.next().filter(|zone| ["GMT", "UTC"].contains(zone))?;
        (first, month, year, time)
    } else {
        let (day, time, year) = (parts.next()?, parts.next()?, parts.next()?);
        (day, first, year, time)
    };
    if parts.next().is_some() {
        return None;
    }
    let year = match year.len() {
        4 => number(year)?,
        // RFC 9110 §5.6.7: "Recipients of a timestamp value in rfc850-date format, which uses a two-digit year, MUST interpret
        // a timestamp that appears to be more than 50 years in the future as representing the most recent year in the past
        // that had the same last two digits."
        2 => {
            let earliest = near.year().saturating_sub(49);
            earliest + (number(year)? + 100 - earliest % 100) % 100
        }
        _ => return None,
    };
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))? as u64 + 1;
    let day = number(day).filter(|day| (1..=days_of(year, month)).contains(day))?;
    let mut time = time.splitn(3, ':').map(|part| number(part).filter(|_| part.len() == 2));
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    // A leap second is counted into the next minute.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days_since_0000(year, month, day).checked_sub(DAYS_TO_1970);
    let seconds = seconds.map_or(0, |days| days * 86_400 + hour * 3600 + minute * 60 + second);
    Some(UnixTime::from_millis(seconds * 1000))
}

/// Returns the number that is nothing but digits, four at most.
fn number(text: &str) -> Option<u64> {
    let digits = text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

fn days_of(year: u64, month: u64) -> u64 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Returns the days since 0000-03-01, or zero for those before (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn days_since_0000(year: u64, month: u64, day: u64) -> u64 {
    let Some(year) = year.checked_sub(u64::from(month <= 2)) else { return 0 };
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year
}

const DAYS_TO_1970: u64 = 719_468;

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn the_three_forms_of_the_rfc_are_one_time() {
        for text in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(parse_date(text, NEAR), Some(UnixTime::from_millis(784_111_777_000)), "{text}");
        }
    }

    #[test]
    fn what_prints_as_a_date_reads_as_the_same() {
        let mut seconds = 0;
        while seconds < 254_000_000_000 / 1000 * 100 {
            let time = UnixTime::from_millis(seconds * 1000);
            assert_eq!(parse_date(&time.http_date().to_string(), NEAR), Some(time), "{time}");
            seconds += 40_000_003;
        }
    }

    #[test]
    fn two_digits_are_the_year_nearest() {
        let year = |digits: &str, near: &str| {
            let near = parse_date(&alloc::format!("Sat, 01 Jan {near} 00:00:00 GMT"), NEAR).expect("a date");
            parse_date(&alloc::format!("Monday, 01-Jan-{digits} 00:00:00 GMT"), near).map(|time| time.year())
        };
        for (digits, near, expected) in [
            ("26", "2026", 2026),
            ("00", "2026", 2000),
            ("76", "2026", 2076),
            ("77", "2026", 1977),
            ("99", "2000", 1999),
            ("01", "1999", 2001),
            ("49", "1999", 2049),
        ] {
            assert_eq!(year(digits, near), Some(expected), "{digits} near {near}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "120",
            "Sun",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 08:49:37 GMT more",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 8:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37:00 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:60:37 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sun, 29 Feb 1994 08:49:37 GMT",
            "Sun, 29 Feb 1900 08:49:37 GMT",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 06 Nov 994 08:49:37 GMT",
            "Sun, 06 Nov 11994 08:49:37 GMT",
            "Sun, 06 Nov +994 08:49:37 GMT",
            "Sun, 6ö Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(parse_date(text, NEAR), None, "{text}");
        }
    }

    #[test]
    fn leap_days_and_times_before_1970_are_read() {
        let at = |text| parse_date(text, NEAR).map(UnixTime::as_millis);
        assert_eq!(at("Tue, 29 Feb 2000 00:00:00 GMT"), Some(951_782_400_000));
        assert_eq!(at("Sat, 31 Dec 2016 23:59:60 GMT"), Some(1_483_228_800_000));
        assert_eq!(at("Wed, 31 Dec 1969 23:59:59 GMT"), Some(0));
        assert_eq!(at("Sat, 01 Jan 0000 00:00:00 GMT"), Some(0));
    }

    /// 2000-01-01.
    const NEAR: UnixTime = UnixTime::from_millis(946_684_800_000);
}
