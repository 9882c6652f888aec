//! Numbers as people read them.

/// Writes a number with its thousands apart.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes a time of so many microseconds, to three digits.
pub(super) fn time(micros: u64) -> String {
    let (value, unit) = match micros {
        0..1_000 => return format!("{micros} µs"),
        1_000..1_000_000 => (micros as f64 / 1e3, "ms"),
        _ => (micros as f64 / 1e6, "s"),
    };
    format!("{} {unit}", three(value))
}

/// Writes a number of bytes, to three digits.
pub(super) fn bytes(count: f64) -> String {
    match count {
        ..1e3 => format!("{count:.0} B"),
        ..1e6 => format!("{} kB", three(count / 1e3)),
        ..1e9 => format!("{} MB", three(count / 1e6)),
        _ => format!("{} GB", three(count / 1e9)),
    }
}

/// Writes a rate: to three digits where it is small.
pub(super) fn rate(value: f64) -> String {
    if value < 100.0 { three(value) } else { grouped(value.round() as u64) }
}

fn three(value: f64) -> String {
    match value {
        ..9.995 => format!("{value:.2}"),
        ..99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([7, 999, 1_234, 56_789, 1_500_000].map(time), ["7 µs", "999 µs", "1.23 ms", "56.8 ms", "1.50 s"]);
        assert_eq!([12.0, 1_500.0, 2.5e6].map(bytes), ["12 B", "1.50 kB", "2.50 MB"]);
        assert_eq!([0.5, 20.0, 98_765.4].map(rate), ["0.50", "20.0", "98,765"]);
    }
}
