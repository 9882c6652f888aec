//! Standard output: what was written reaches the reader at once, and a reader that went away ends the program quietly.

use std::env;
use std::io::{self, ErrorKind, IsTerminal, Write};

use crate::exit::{Exit, Failure};
use crate::plain::Reader;

/// Lines on their way to standard output.
#[derive(Debug)]
pub(crate) struct Output {
    /// Lines that [`flush`](Self::flush) has not written yet.
    pub(crate) lines: Vec<u8>,
    /// Who reads it.
    pub(crate) reader: Reader,
}

impl Output {
    pub(crate) fn new() -> Self {
        let reader = match io::stdout().is_terminal() {
            false => Reader::Pipe,
            true if colors_wanted() => Reader::Colors,
            true => Reader::Terminal,
        };
        Self { lines: Vec::new(), reader }
    }

    /// Writes all lines out.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(&self.lines).and_then(|()| stdout.flush());
        self.lines.clear();
        written.map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => Failure::told(Exit::Done),
            _ => Failure::new(Exit::Failed, format!("cannot write to standard output: {error}")),
        })
    }
}

/// Returns whether to colour what goes to standard error.
pub(crate) fn colors() -> bool {
    io::stderr().is_terminal() && colors_wanted()
}

/// Returns whether a terminal can do more than write on, line after line.
pub(crate) fn can_move() -> bool {
    env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// On a terminal that can, unless `NO_COLOR` is set (<https://no-color.org>).
fn colors_wanted() -> bool {
    let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !refused && can_move()
}

/// Writes a line to standard error. Where that cannot be written to, there is nobody to be told.
pub(crate) fn tell(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Returns whether a terminal obeys this character instead of showing it: a control character, or one that turns the direction of
/// what follows (Unicode Standard Annex #9 §2), so that it reads as something else.
pub(crate) fn is_obeyed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns text without what is obeyed, but line ends: what a stranger sent is not to drive a terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().filter(|&c| !is_obeyed(c) || c == '\n').collect()
}
