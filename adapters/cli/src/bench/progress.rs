//! How far the run is: a bar on a terminal, else a line now and then.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::numbers::{grouped, time};
use super::tally::Tally;
use crate::output;

/// Shows on standard error how far the run is.
pub(super) struct Progress {
    /// None where a line after the other is all that can be shown.
    bar: Option<ProgressBar>,
    /// When something was shown last, and how much had come by then.
    last: Option<(Instant, u64)>,
    phase: &'static str,
}

impl Progress {
    pub(super) fn new() -> Self {
        let style = ProgressStyle::with_template("{prefix} [{bar:24}] {pos}/{len} {wide_msg}");
        let bar = style.ok().filter(|_| io::stderr().is_terminal() && output::can_move()).map(|style| {
            let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr());
            bar.set_style(style.progress_chars("=> "));
            bar
        });
        Self { bar, last: None, phase: "" }
    }

    /// Shows that `phase` is at `done` of `all`, if it begins or it is time to show anything.
    pub(super) fn show(&mut self, phase: &'static str, done: u64, all: u64, tally: impl FnOnce() -> Tally) {
        let pause = if self.bar.is_some() { REDRAW } else { LINE };
        let since = self.last.map(|(at, _)| at.elapsed());
        if self.phase == phase && since.is_some_and(|since| since < pause) {
            return;
        }
        let begins = std::mem::replace(&mut self.phase, phase) != phase;
        let tally = tally();
        let new = tally.delivered + tally.others - self.last.map_or(0, |(_, before)| before);
        let rate = since.map_or(0.0, |since| new as f64 / since.as_secs_f64());
        self.last = Some((Instant::now(), tally.delivered + tally.others));
        let failures: u64 = tally.failures.values().sum();
        let mut text = format!("{} open, {} events/s", grouped(tally.open), grouped(rate as u64));
        if !tally.delays.is_empty() {
            text += &format!(", delay p99 {}", time(tally.delays.value_at_quantile(0.99)));
        }
        if failures > 0 {
            text += &format!(", {} failures", grouped(failures));
        }
        match &self.bar {
            Some(bar) => {
                if begins {
                    bar.set_position(0);
                    bar.set_prefix(phase);
                }
                bar.set_length(all);
                bar.set_position(done);
                bar.set_message(text);
            }
            None => output::tell(&format!("{phase}: {} of {}; {text}", grouped(done), grouped(all))),
        }
    }

    /// Takes the bar away: what follows is the report.
    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

const REDRAW: Duration = Duration::from_millis(250);
const LINE: Duration = Duration::from_secs(2);
