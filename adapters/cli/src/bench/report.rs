//! What the run found, for people and as JSON.

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::histogram;
use super::numbers::{bytes, grouped, rate, time};
use super::publisher::Published;
use super::tally::{Causes, Missing, Tally};
use crate::args::Bench;
use crate::exit::Exit;

/// All that was measured.
pub(super) struct Report<'a> {
    pub(super) args: &'a Bench,
    pub(super) url: String,
    pub(super) threads: usize,
    pub(super) tally: Tally,
    pub(super) missing: Missing,
    /// None if nothing was to be published.
    pub(super) published: Option<Published>,
    /// How long events were counted that nobody here published, in microseconds.
    pub(super) listened: u64,
    /// How many processors the program used on average, where the system tells.
    pub(super) processors: Option<f64>,
    pub(super) interrupted: bool,
}

impl Report<'_> {
    /// Returns why this is no success, if it is none.
    pub(super) fn exit(&self, failed: Option<Exit>) -> Exit {
        let (tally, published) = (&self.tally, self.published.as_ref());
        if self.interrupted {
            return Exit::Interrupted;
        }
        if tally.opened == 0 {
            return failed.unwrap_or(Exit::Network);
        }
        if let Some(failure) = published.and_then(|published| published.gave_up.as_ref()) {
            return failure.exit;
        }
        let unaccepted = published.is_some_and(|published| !published.unaccepted.is_empty());
        let faults = self.missing.events + tally.duplicates + tally.late;
        if faults > 0 || unaccepted || tally.opened < self.asked() { Exit::Faulty } else { Exit::Done }
    }

    /// Returns the report for people, line by line.
    pub(super) fn text(&self) -> Vec<String> {
        let tally = &self.tally;
        let mut lines =
            vec![format!("{} on {:?}, {} threads", self.url, self.args.runtime, self.threads), String::new()];
        lines.push(format!(
            "readers     {} of {} opened, {} open at the end; {} connects, {} a second; each took {}",
            grouped(tally.opened),
            grouped(self.asked()),
            grouped(tally.open),
            grouped(tally.connects.len()),
            self.connects_a_second().map_or("-".into(), rate),
            short(&tally.connects),
        ));
        if let Some(published) = &self.published {
            lines.push(format!(
                "published   {} messages, {} a second of {} asked for; {} accepted; each took {}",
                grouped(published.sent),
                rate(published.sent as f64 / self.seconds()),
                rate(self.args.rate),
                grouped(published.accepted),
                short(&published.answers),
            ));
        }
        let (events, of) = match &self.published {
            Some(_) => (tally.delivered, format!(" of {}", grouped(tally.fresh() + self.missing.events))),
            None => (tally.others, String::new()),
        };
        lines.push(format!(
            "delivered   {} events{of}, {} a second; {} of data, {} a second",
            grouped(events),
            rate(events as f64 / self.seconds()),
            bytes(tally.bytes as f64),
            bytes(tally.bytes as f64 / self.seconds()),
        ));
        if self.published.is_some() {
            lines.push(format!(
                "            missing {} (at {} readers), duplicates {}, out of order {}; others {}, gaps told {}",
                grouped(self.missing.events),
                grouped(self.missing.readers),
                grouped(tally.duplicates),
                grouped(tally.late),
                grouped(tally.others),
                grouped(tally.gaps),
            ));
        }
        lines.push(match self.causes() {
            causes if causes.is_empty() => "failures    none".into(),
            causes => format!("failures    {}", grouped(causes.values().sum())),
        });
        lines.extend(self.causes().iter().map(|(cause, count)| format!("            {} × {cause}", grouped(*count))));
        if let Some(processors) = self.processors {
            lines.push(format!("processors  {processors:.2} used by this program{}", self.busy(processors)));
        }
        if !tally.delays.is_empty() {
            lines.push(String::new());
            lines.push("delay from the planned publication to the reader".into());
            lines.push(format!("  {}", long(&tally.delays)));
            lines.push("  since it was really sent".into());
            lines.push(format!("  {}", long(&tally.from_sending)));
            lines.push(String::new());
            lines.extend(histogram::rows(&tally.delays));
        }
        lines
    }

    /// Returns the report for programs.
    pub(super) fn json(&self, exit: Exit) -> Value {
        let tally = &self.tally;
        let seconds = self.seconds();
        json!({
            "t": "bench",
            "url": self.url,
            "runtime": format!("{:?}", self.args.runtime).to_lowercase(),
            "threads": self.threads,
            "seconds": seconds,
            "readers": { "asked": self.asked(), "opened": tally.opened, "open": tally.open },
            "connects": {
                "count": tally.connects.len(),
                "per_second": self.connects_a_second(),
                "us": percentiles(&tally.connects),
            },
            "published": self.published.as_ref().map(|published| json!({
                "sent": published.sent,
                "accepted": published.accepted,
                "per_second": published.sent as f64 / seconds,
                "rate_asked": self.args.rate,
                "us": percentiles(&published.answers),
            })),
            "delivered": {
                "events": tally.delivered,
                "others": tally.others,
                "per_second": if self.published.is_some() { tally.delivered } else { tally.others } as f64 / seconds,
                "bytes": tally.bytes,
            },
            "missing": { "events": self.missing.events, "readers": self.missing.readers },
            "duplicates": tally.duplicates,
            "out_of_order": tally.late,
            "gaps": tally.gaps,
            "delay_us": percentiles(&tally.delays),
            "delay_from_sending_us": percentiles(&tally.from_sending),
            "failures": self.causes(),
            "processors": self.processors,
            "exit": exit as u8,
        })
    }

    fn asked(&self) -> u64 {
        self.args.readers.get() as u64
    }

    /// How long was published, or listened.
    fn seconds(&self) -> f64 {
        let span = self.published.as_ref().and_then(|published| published.span);
        let micros = span.map_or(self.listened, |(begin, end)| end.saturating_sub(begin));
        (micros as f64 / 1e6).max(1e-6)
    }

    fn connects_a_second(&self) -> Option<f64> {
        let (first, last) = self.tally.opening?;
        (last > first).then(|| (self.tally.opened - 1) as f64 / ((last - first) as f64 / 1e6))
    }

    fn causes(&self) -> Causes {
        let mut causes = self.tally.failures.clone();
        let publishing = self.published.as_ref().map(|published| published.failures.clone()).unwrap_or_default();
        causes.extend(publishing);
        causes
    }

    /// Says so when the figures are rather ours than the server's.
    fn busy(&self, processors: f64) -> &'static str {
        if processors > 0.9 * self.threads as f64 {
            ": as much as its threads can; the delays are its own, too"
        } else {
            ""
        }
    }
}

fn short(times: &Histogram<u64>) -> String {
    if times.is_empty() {
        return "-".into();
    }
    let [p50, p99] = [0.5, 0.99].map(|quantile| time(times.value_at_quantile(quantile)));
    format!("p50 {p50}, p99 {p99}, max {}", time(times.max()))
}

fn long(times: &Histogram<u64>) -> String {
    let named = QUANTILES.map(|(name, quantile)| format!("{name} {}", time(times.value_at_quantile(quantile))));
    format!("{}  max {}", named.join("  "), time(times.max()))
}

fn percentiles(times: &Histogram<u64>) -> Value {
    if times.is_empty() {
        return Value::Null;
    }
    let mut object = serde_json::Map::new();
    for (name, quantile) in QUANTILES {
        object.insert(name.replace('.', ""), times.value_at_quantile(quantile).into());
    }
    object.insert("max".into(), times.max().into());
    object.insert("mean".into(), times.mean().into());
    object.into()
}

const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];
