//! Durations as one writes them on a command line: `500ms`, `5s`, `1.5s`, `1m`, `2h`.

use std::time::Duration;

/// Reads a duration; a number needs its unit.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "" => return Err(format!("a unit is missing: {text}s, {text}ms, {text}m or {text}h?")),
        _ => return Err(HELP.into()),
    };
    let number: f64 = number.parse().map_err(|_| HELP)?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| "too long".into())
}

/// Reads a duration that is not zero.
pub(crate) fn positive(text: &str) -> Result<Duration, String> {
    parse(text).and_then(|time| if time.is_zero() { Err("it must be longer than zero".into()) } else { Ok(time) })
}

/// Writes a duration as a person reads it.
pub(crate) fn display(duration: Duration) -> String {
    let millis = duration.as_millis();
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{}.{} s", millis / 1000, millis / 100 % 10),
        _ => format!("{} min {} s", millis / 60_000, millis / 1000 % 60),
    }
}

const HELP: &str = "write a number and its unit, such as 500ms, 5s, 1m or 2h";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read() {
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(parse("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse("1m"), Ok(Duration::from_secs(60)));
        assert_eq!(parse("2h"), Ok(Duration::from_secs(7200)));
        assert_eq!(parse("0s"), Ok(Duration::ZERO));
    }

    #[test]
    fn what_is_no_duration_says_what_would_be() {
        assert_eq!(parse("5"), Err("a unit is missing: 5s, 5ms, 5m or 5h?".into()));
        for text in ["", "s", "5 s", "-5s", "5parsecs", "1.2.3s", ".s", "é"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(parse("99999999999999999999h"), Err("too long".into()));
    }

    #[test]
    fn a_person_reads_them() {
        assert_eq!(display(Duration::from_millis(43)), "43 ms");
        assert_eq!(display(Duration::from_millis(1_250)), "1.2 s");
        assert_eq!(display(Duration::from_secs(90)), "1 min 30 s");
    }
}
