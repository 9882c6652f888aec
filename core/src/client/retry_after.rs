use core::time::Duration;

use crate::UnixTime;
use crate::http::{Fields, parse_date};

/// Returns how long a response asks to wait, if it does; `unix` is the wall time, if it is known.
// RFC 9110 §10.2.3: "The Retry-After field value can be either an HTTP-date or a number of seconds to delay after receiving
// the response."
pub(super) fn retry_after(fields: &Fields, unix: Option<UnixTime>) -> Option<Duration> {
    // Of no standard, but OpenAI's and Azure's APIs send it beside the other, rounded up, and their clients look at it first.
    if let Some(millis) = fields.get_str("retry-after-ms").and_then(whole) {
        return Some(Duration::from_millis(millis));
    }
    let value = fields.get_str("retry-after")?;
    if let Some(seconds) = whole(value) {
        return Some(Duration::from_secs(seconds));
    }
    let near = unix.unwrap_or(SOME_TIME);
    let at = parse_date(value, near)?;
    // The server's own clock tells how far away its date is; ours may be wrong.
    let date = fields.get_str("date").and_then(|date| parse_date(date, near));
    let now = date.or(unix)?;
    Some(Duration::from_millis(at.as_millis().saturating_sub(now.as_millis())))
}

/// Returns the number that digits are; more than fits is for ever.
fn whole(value: &str) -> Option<u64> {
    let is_one = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    is_one.then(|| value.parse().unwrap_or(u64::MAX))
}

/// 2000-01-01: where the wall time is not known, only the difference of two dates counts, whatever their century.
const SOME_TIME: UnixTime = UnixTime::from_millis(946_684_800_000);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_understood_and_nothing_else() {
        for (value, expected) in [
            ("120", Some(120_000)),
            ("0", Some(0)),
            ("Fri, 31 Dec 1999 23:59:59 GMT", Some(59_000)),
            ("Friday, 31-Dec-99 23:59:59 GMT", Some(59_000)),
            ("Fri Dec 31 23:59:59 1999", Some(59_000)),
            ("Fri, 31 Dec 1999 23:00:00 GMT", Some(0)),
            ("", None),
            ("soon", None),
            ("-1", None),
            ("+1", None),
            ("1.5", None),
            ("1, 2", None),
        ] {
            let found = retry_after(&fields(&[("Retry-After", value)]), Some(NOW));
            assert_eq!(found, expected.map(Duration::from_millis), "{value}");
        }
        assert_eq!(retry_after(&Fields::new(), Some(NOW)), None);
    }

    #[test]
    fn more_seconds_than_fit_are_for_ever() {
        let found = retry_after(&fields(&[("Retry-After", "99999999999999999999999")]), None);
        assert_eq!(found, Some(Duration::from_secs(u64::MAX)));
    }

    #[test]
    fn milliseconds_come_first_if_they_are_any() {
        for (millis, expected) in
            [("250", 250), ("0", 0), ("99999999999999999999999", u64::MAX), ("", 1000), ("-5", 1000)]
        {
            let found = retry_after(&fields(&[("Retry-After", "1"), ("retry-after-ms", millis)]), None);
            assert_eq!(found, Some(Duration::from_millis(expected)), "{millis}");
        }
        assert_eq!(retry_after(&fields(&[("Retry-After-Ms", "20")]), None), Some(Duration::from_millis(20)));
    }

    #[test]
    fn a_date_counts_from_that_of_the_response_else_from_the_wall_time() {
        let at = ("Retry-After", "Fri, 31 Dec 1999 23:59:59 GMT");
        let both = fields(&[at, ("Date", "Friday, 31-Dec-99 23:59:49 GMT")]);
        for unix in [None, Some(NOW), Some(UnixTime::from_millis(0))] {
            assert_eq!(retry_after(&both, unix), Some(Duration::from_secs(10)), "{unix:?}");
        }
        let bad = fields(&[at, ("Date", "yesterday")]);
        assert_eq!(retry_after(&bad, Some(NOW)), Some(Duration::from_secs(59)));
        assert_eq!(retry_after(&bad, None), None, "nobody knows how far away that is");
    }

    fn fields(list: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::new();
        for (name, value) in list {
            fields.append(name, value).expect("a good field");
        }
        fields
    }

    /// 1999-12-31T23:59:00Z.
    const NOW: UnixTime = UnixTime::from_millis(946_684_740_000);
}
