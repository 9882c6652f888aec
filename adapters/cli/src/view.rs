//! What `tail` shows of a stream: events on standard output, the connection's fate on standard error; with `--json`, both in
//! lines on standard output.

use std::time::Duration;

use tidewire_core::client::publish::Refusal as Problem;
use tidewire_core::client::{CloseReason, Event, Reason, Refusal};
use tidewire_core::http::BodyError;
use tidewire_core::sse::Message;

use crate::args::Tail;
use crate::duration;
use crate::exit::{Exit, Failure};
use crate::json_lines::{Line, State};
use crate::output::{self, Output};
use crate::plain::{self, Reader};

/// Shows events, until it has shown the last.
#[derive(Debug)]
pub(crate) struct View {
    json: bool,
    verbose: bool,
    colors: bool,
    left: Option<u64>,
    output: Output,
}

/// Whether more is to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    More,
    Last(Exit),
}

/// How a line about the connection is marked on a terminal.
#[derive(Clone, Copy, Debug)]
enum Mark {
    Good,
    Waiting,
    Bad,
    Quiet,
}

impl View {
    pub(crate) fn new(args: &Tail) -> Self {
        let (json, verbose, left) = (args.json, args.verbose, args.count);
        Self { json, verbose, colors: output::colors(), left, output: Output::new() }
    }

    /// Shows that the first connection is on its way.
    pub(crate) fn connecting(&self, url: &str) {
        if !self.json {
            self.tell(Mark::Quiet, &format!("connecting to {url}"));
        }
    }

    /// Shows an event, at the latest with the next [`flush`](Self::flush).
    pub(crate) fn event(&mut self, event: &Event) -> Result<Shown, Failure> {
        match event {
            Event::Opened { status, url, .. } => {
                let url = url.to_string();
                let plain = format!("open {url} ({status})");
                self.connection(&Line::Open { url: url.into(), status: *status }, Mark::Good, &plain)?;
            }
            Event::Message(message) => return self.message(message),
            Event::Comment(comment) if self.verbose => {
                self.show(&Line::Comment { comment: (&**comment).into() }, |reader, out| {
                    plain::comment(comment, reader, out);
                });
            }
            Event::Retry(time) if self.verbose => {
                self.show(&Line::Retry { ms: millis(*time) }, |_, out| plain::retry(*time, out));
            }
            Event::Disconnected { reason, retry_in, .. } => self.disconnected(reason, *retry_in)?,
            Event::Closed(reason) => return self.closed(reason),
            _ => {}
        }
        Ok(Shown::More)
    }

    /// Shows an end that came from outside.
    pub(crate) fn stopped(&mut self, reason: &str, exit: Exit) -> Result<Shown, Failure> {
        let line = Line::Closed { reason: reason.into() };
        self.connection(&line, Mark::Quiet, &format!("closed: {reason}"))?;
        Ok(Shown::Last(exit))
    }

    /// Writes out what was shown since the last time.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.output.flush()
    }

    fn message(&mut self, message: &Message) -> Result<Shown, Failure> {
        self.show(&Line::message(message.as_ref()), |reader, out| {
            plain::event(message.event_type(), message.data(), reader, out);
        });
        if self.output.lines.len() >= BURST {
            self.flush()?;
        }
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                return self.stopped("as many events as --count asked for", Exit::Done);
            }
        }
        Ok(Shown::More)
    }

    fn disconnected(&mut self, reason: &Reason, retry_in: Duration) -> Result<(), Failure> {
        let text = lost(reason);
        let what = match reason {
            Reason::Connect(_) | Reason::ConnectTimeout { .. } => "no connection",
            _ => "lost",
        };
        let plain = format!("{what}: {text}; next attempt in {}", duration::display(retry_in));
        let (status, retry_in_ms) = (status_of(reason), Some(millis(retry_in)));
        let line = Line::Error { state: State::Connecting, reason: text.into(), status, retry_in_ms };
        self.connection(&line, Mark::Waiting, &plain)
    }

    fn closed(&mut self, reason: &CloseReason) -> Result<Shown, Failure> {
        let exit = exit(reason);
        let text = over(reason);
        if exit == Exit::Done {
            return self.stopped(&text, exit);
        }
        if self.json {
            let status = status(reason);
            let error = Line::Error { state: State::Closed, reason: (&*text).into(), status, retry_in_ms: None };
            error.write(&mut self.output.lines);
        }
        self.connection(&Line::Closed { reason: (&*text).into() }, Mark::Bad, &format!("closed: {text}"))?;
        Ok(Shown::Last(exit))
    }

    /// Shows what came of the stream.
    fn show(&mut self, line: &Line<'_>, plain: impl FnOnce(Reader, &mut Vec<u8>)) {
        if self.json {
            line.write(&mut self.output.lines);
        } else {
            plain(self.output.reader, &mut self.output.lines);
        }
    }

    /// Shows what became of the connection.
    fn connection(&mut self, line: &Line<'_>, mark: Mark, plain: &str) -> Result<(), Failure> {
        if self.json {
            line.write(&mut self.output.lines);
            return Ok(());
        }
        // Where both outputs are one terminal, what came before stands before.
        self.flush()?;
        self.tell(mark, plain);
        Ok(())
    }

    fn tell(&self, mark: Mark, text: &str) {
        output::tell(&mark.line(self.colors, &output::printable(text)));
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

/// Says why it is over.
fn over(reason: &CloseReason) -> String {
    match reason {
        CloseReason::Status(refusal) => refused(refusal),
        reason => reason.to_string(),
    }
}

/// Says why the connection was lost.
fn lost(reason: &Reason) -> String {
    match reason {
        Reason::Status(refusal) => refused(refusal),
        reason => reason.to_string(),
    }
}

/// Says why the server refused: if it explains itself as our server does, with its sentence.
fn refused(refusal: &Refusal) -> String {
    let problem = Problem::read(refusal.head.status, &refusal.body);
    if problem.reason.is_some() { format!("{}: {problem}", refusal.url) } else { refusal.to_string() }
}

/// The exit code of an end.
fn exit(reason: &CloseReason) -> Exit {
    match reason {
        CloseReason::Requested => Exit::Done,
        CloseReason::NoContent => Exit::NoContent,
        CloseReason::Status(_) | CloseReason::Redirect { .. } | CloseReason::NoTls(_) => Exit::Refused,
        CloseReason::ContentType(_) | CloseReason::ContentCoding(_) => Exit::NotAStream,
        CloseReason::Lost(reason) | CloseReason::NotResent { reason, .. } => match &**reason {
            // The stream was all there was to have.
            Reason::Ended { mid_event: false } => Exit::Done,
            Reason::Ended { mid_event: true } => Exit::Unfinished,
            Reason::Status(_) => Exit::Refused,
            Reason::Head(_) | Reason::TooManyInterim { .. } | Reason::Framing(_) | Reason::Stream(_) => {
                Exit::NotAStream
            }
            Reason::Body(error) if *error != BodyError::Truncated => Exit::NotAStream,
            _ => Exit::Network,
        },
        _ => Exit::Failed,
    }
}

/// The status that ended it, if one did.
fn status(reason: &CloseReason) -> Option<u16> {
    match reason {
        CloseReason::NoContent => Some(204),
        CloseReason::Status(refusal) | CloseReason::ContentType(refusal) | CloseReason::ContentCoding(refusal) => {
            Some(refusal.head.status)
        }
        CloseReason::Redirect { status, .. } => Some(*status),
        CloseReason::Lost(reason) | CloseReason::NotResent { reason, .. } => status_of(reason),
        _ => None,
    }
}

fn status_of(reason: &Reason) -> Option<u16> {
    match reason {
        Reason::Status(refusal) => Some(refusal.head.status),
        _ => None,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Bytes of lines that are written out even though more events are at hand.
const BURST: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_terminal_gets_marks_and_colours() {
        for mark in [Mark::Good, Mark::Waiting, Mark::Bad, Mark::Quiet] {
            assert_eq!(mark.line(false, "open"), "open");
            let line = mark.line(true, "open");
            assert!(line.starts_with("\u{1b}[") && line.ends_with(" open\u{1b}[0m"), "{line:?}");
        }
    }
}
