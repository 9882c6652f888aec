//! A histogram of times in plain text: each row is twice as long as the one before.

use hdrhistogram::Histogram;

use super::numbers::{grouped, time};

/// Returns the rows.
pub(super) fn rows(times: &Histogram<u64>) -> Vec<String> {
    if times.is_empty() {
        return Vec::new();
    }
    let first = times.value_at_quantile(0.0).max(1).ilog2();
    let last = times.max().max(1).ilog2();
    // The shortest times share a row where there would be too many.
    let first = first.max((last + 1).saturating_sub(MOST_ROWS));
    let counted: Vec<(u64, u64)> = (first..=last)
        .map(|power| {
            let low = if power == first { 0 } else { 1 << power };
            let high = (1_u64 << (power + 1)) - 1;
            (high + 1, times.count_between(low, if power == last { times.max() } else { high }))
        })
        .collect();
    let most = counted.iter().map(|(_, count)| *count).max().unwrap_or(1).max(1);
    let row = |(below, count): (u64, u64)| {
        let share = count as f64 * 100.0 / times.len() as f64;
        // Something is never shown as nothing.
        let bar = "#".repeat((count * WIDTH).div_ceil(most) as usize);
        format!("{:>9} {bar:<40} {share:5.1} %  {}", format!("< {}", time(below)), grouped(count))
    };
    counted.into_iter().map(row).collect()
}

const MOST_ROWS: u32 = 16;
const WIDTH: u64 = 40;

#[cfg(test)]
mod tests {
    use super::super::tally::times;
    use super::*;

    #[test]
    fn every_time_stands_in_one_row() {
        let mut measured = times();
        for micros in [100, 100, 300, 5_000, 2_000_000] {
            measured.record(micros).unwrap();
        }
        let rows = rows(&measured);
        assert!(rows.len() <= 16 && rows[0].contains("< 128 µs ##########"), "{rows:#?}");
        let counts = rows.iter().map(|row| row.rsplit(' ').next().unwrap().parse::<u64>().unwrap());
        assert_eq!(counts.sum::<u64>(), 5, "{rows:#?}");
        assert!(rows.last().unwrap().contains("< 2.10 s ####"), "{rows:#?}");
    }

    #[test]
    fn the_shortest_share_a_row_where_there_are_too_many() {
        let mut measured = times();
        (0..32).for_each(|power| measured.saturating_record(1 << power));
        let rows = rows(&measured);
        let counts = rows.iter().map(|row| row.rsplit(' ').next().unwrap().parse::<u64>().unwrap());
        assert_eq!((rows.len(), counts.sum::<u64>()), (16, 32), "{rows:#?}");
        assert!(rows_of_nothing().is_empty());
    }

    fn rows_of_nothing() -> Vec<String> {
        rows(&times())
    }
}
