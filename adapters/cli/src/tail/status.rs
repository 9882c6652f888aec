//! What becomes of the connection, for people, on standard error: a line each, and on a terminal one that counts down while waiting.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::output::{self, is_obeyed};
use crate::time::Time;

/// Tells what becomes of the connection.
#[derive(Debug)]
pub(super) struct Status {
    look: Look,
    timestamps: bool,
    waiting: Option<Waiting>,
    /// Whether the line of the wait is on the screen, to be replaced.
    drawn: bool,
}

/// How a line about the connection is marked on a terminal.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mark {
    Good,
    Waiting,
    Bad,
    Quiet,
}

/// What standard error can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Pipe,
    Terminal,
    Colors,
}

/// A wait for the next attempt.
#[derive(Clone, Debug)]
struct Waiting {
    attempt: u64,
    reason: String,
    until: Instant,
}

impl Status {
    pub(super) fn new(timestamps: bool) -> Self {
        let look = match (io::stderr().is_terminal() && output::can_move(), output::colors()) {
            (true, true) => Look::Colors,
            (true, false) => Look::Terminal,
            (false, _) => Look::Pipe,
        };
        Self { look, timestamps, waiting: None, drawn: false }
    }

    /// Tells something that stays on the screen, in the place of a wait's line.
    pub(super) fn tell(&mut self, time: Time, mark: Mark, text: &str) {
        self.waiting = None;
        self.erase();
        let line = mark.line(self.look == Look::Colors, &output::printable(text));
        output::tell(&if self.timestamps { format!("{time} {line}") } else { line });
    }

    /// Tells that attempt `attempt` begins after `delay`, and why: on a terminal in a line that counts down and is replaced.
    pub(super) fn wait(&mut self, time: Time, attempt: u64, reason: &str, delay: Duration) {
        if self.look == Look::Pipe {
            let delay = crate::duration::display(delay);
            return self.tell(time, Mark::Waiting, &format!("{reason}; attempt {attempt} in {delay}"));
        }
        let until = Instant::now().checked_add(delay);
        self.waiting = until.map(|until| Waiting { attempt, reason: one_line(reason), until });
        self.redraw();
    }

    /// Returns when to call [`redraw`](Self::redraw).
    pub(super) fn redraw_in(&self) -> Option<Duration> {
        let left = self.waiting.as_ref()?.until.saturating_duration_since(Instant::now());
        // The next whole second, for that is what is shown.
        (!left.is_zero()).then(|| left - Duration::from_secs(seconds(left) - 1))
    }

    /// Draws the line of a wait anew.
    pub(super) fn redraw(&mut self) {
        let Some(waiting) = &self.waiting else { return };
        let left = waiting.until.saturating_duration_since(Instant::now());
        let line = Mark::Waiting.line(self.look == Look::Colors, &waiting.line(left));
        draw(&format!("{ERASE}{NO_WRAP}{line}{WRAP}"));
        self.drawn = true;
    }

    fn erase(&mut self) {
        if std::mem::take(&mut self.drawn) {
            draw(ERASE);
        }
    }
}

impl Drop for Status {
    fn drop(&mut self) {
        self.erase();
    }
}

impl Waiting {
    fn line(&self, left: Duration) -> String {
        let Self { attempt, reason, .. } = self;
        match seconds(left) {
            0 => format!("attempt {attempt}: connecting … ({reason})"),
            seconds @ 1..60 => format!("attempt {attempt} in {seconds} s ({reason})"),
            seconds => format!("attempt {attempt} in {} min {} s ({reason})", seconds / 60, seconds % 60),
        }
    }
}

impl Mark {
    fn line(self, colors: bool, text: &str) -> String {
        match self {
            _ if !colors => text.to_owned(),
            Self::Good => format!("\x1b[32m● {text}\x1b[0m"),
            Self::Waiting => format!("\x1b[33m◌ {text}\x1b[0m"),
            Self::Bad => format!("\x1b[31m● {text}\x1b[0m"),
            Self::Quiet => format!("\x1b[2m○ {text}\x1b[0m"),
        }
    }
}

/// Returns the seconds that are left, the begun one included.
fn seconds(left: Duration) -> u64 {
    left.as_secs() + u64::from(left.subsec_nanos() > 0)
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if is_obeyed(c) { ' ' } else { c }).collect()
}

/// Writes in one go, so that nothing comes between; where standard error cannot be written to, there is nobody to be told.
fn draw(text: &str) {
    let mut stderr = io::stderr();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// Back to the beginning of the line, which is emptied.
const ERASE: &str = "\r\x1b[K";
/// What is longer than the line is cut there: a line that wraps could not be replaced.
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";

#[cfg(test)]
mod tests {
    use super::*;

    fn status(look: Look) -> Status {
        Status { look, timestamps: false, waiting: None, drawn: false }
    }

    #[test]
    fn only_a_terminal_gets_marks_and_colours() {
        for mark in [Mark::Good, Mark::Waiting, Mark::Bad, Mark::Quiet] {
            assert_eq!(mark.line(false, "open"), "open");
            let line = mark.line(true, "open");
            assert!(line.starts_with("\u{1b}[") && line.ends_with(" open\u{1b}[0m"), "{line:?}");
        }
    }

    #[test]
    fn the_wait_counts_down_in_whole_seconds() {
        let waiting = Waiting { attempt: 3, reason: "the connection broke".into(), until: Instant::now() };
        let line = |millis| waiting.line(Duration::from_millis(millis));
        assert_eq!(line(90_500), "attempt 3 in 1 min 31 s (the connection broke)");
        assert_eq!(line(2_001), "attempt 3 in 3 s (the connection broke)");
        assert_eq!(line(1), "attempt 3 in 1 s (the connection broke)");
        assert_eq!(line(0), "attempt 3: connecting … (the connection broke)");
    }

    #[test]
    fn a_terminal_is_drawn_anew_each_second_of_a_wait() {
        let mut status = status(Look::Terminal);
        assert_eq!(status.redraw_in(), None);
        status.wait(Time::now(), 1, "two\nlines", Duration::from_millis(3_600));
        let next = status.redraw_in().unwrap();
        assert!(next <= Duration::from_millis(600), "{next:?}");
        assert!(status.drawn);
        assert_eq!(status.waiting.as_ref().unwrap().reason, "two lines");
        status.tell(Time::now(), Mark::Good, "open");
        assert_eq!((status.redraw_in(), status.drawn), (None, false));
        status.wait(Time::now(), 1, "over", Duration::ZERO);
        assert_eq!(status.redraw_in(), None);
    }

    #[test]
    fn a_pipe_gets_a_line_and_nothing_to_draw() {
        let mut status = status(Look::Pipe);
        status.wait(Time::now(), 1, "the connection broke", Duration::from_secs(3));
        assert_eq!((status.redraw_in(), status.drawn), (None, false));
    }
}
