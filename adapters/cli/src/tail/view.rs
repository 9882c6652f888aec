//! What `tail` shows of a stream: events on standard output, the connection's fate on standard error; with `--json`, both in
//! lines on standard output.

use std::fmt::Write;
use std::time::Duration;

use tidewire_core::client::Event;

use super::binary;
use super::condition::{Condition, Seen};
use super::recording::Recorder;
use super::status::{Mark, Status};
use super::story::Told;
use crate::args::{Format, Tail};
use crate::encode;
use crate::exit::{Exit, Failure};
use crate::json_lines::{Line, State, Timed};
use crate::output::Output;
use crate::plain::{self, Reader};
use crate::time::Time;

/// Shows events, until it has shown the last.
#[derive(Debug)]
pub(super) struct View {
    format: Format,
    verbose: bool,
    timestamps: bool,
    filter: Vec<Condition>,
    until: Vec<Condition>,
    left: Option<u64>,
    output: Output,
    status: Status,
    recorder: Option<Recorder>,
    /// Attempts since the stream was open.
    attempts: u64,
    /// Whether it has ended with an error.
    failed: bool,
}

/// Whether more is to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    More,
    Last(Exit),
}

impl View {
    pub(super) fn new(args: &Tail, recorder: Option<Recorder>) -> Self {
        Self {
            format: args.format(),
            verbose: args.verbose,
            timestamps: args.timestamps,
            filter: args.filter.clone(),
            until: args.until.clone(),
            left: args.count,
            output: Output::new(),
            status: Status::new(args.timestamps),
            recorder,
            attempts: 1,
            failed: false,
        }
    }

    /// Tells what begins: a first connection, or the playing of a file.
    pub(super) fn begin(&mut self, what: &str) {
        if self.format != Format::Json {
            self.status.tell(Time::now(), Mark::Quiet, what);
        }
    }

    /// Shows an event of the client, at the latest with the next [`flush`](Self::flush).
    pub(super) fn event(&mut self, event: &Event) -> Result<Shown, Failure> {
        self.told(Told::new(event))
    }

    /// Shows what an event of a client tells.
    pub(super) fn told(&mut self, told: Told<'_>) -> Result<Shown, Failure> {
        let time = Time::now();
        match told {
            Told::Nothing => Ok(Shown::More),
            Told::Line(line) => self.line(time, &line),
            Told::End { error, code, reason, exit } => {
                if let Some(error) = error {
                    self.line(time, &error)?;
                }
                self.end(time, code, reason, exit)
            }
        }
    }

    /// Shows a line of a recording.
    pub(super) fn recorded(&mut self, timed: &Timed<'_>) -> Result<Shown, Failure> {
        self.line(timed.time.unwrap_or_else(Time::now), &timed.line)
    }

    /// Shows an end that came from outside.
    pub(super) fn stopped(&mut self, reason: &str, exit: Exit) -> Result<Shown, Failure> {
        self.line(Time::now(), &Line::Closed { code: None, reason: reason.into() })?;
        Ok(Shown::Last(exit))
    }

    /// Shows that the recording is over.
    pub(super) fn played(&mut self) -> Result<Shown, Failure> {
        self.flush()?;
        let missed = !self.until.is_empty();
        let what = if missed { format!("the recording is over; {MISSED}") } else { "the recording is over".into() };
        self.begin(&what);
        Ok(Shown::Last(if missed { Exit::NotReached } else { Exit::Done }))
    }

    /// Writes out what was shown since the last time.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        // The recording first: a reader that does not read does not hold it.
        if let Some(recorder) = &mut self.recorder {
            recorder.flush()?;
        }
        self.output.flush()
    }

    /// Returns when to call [`redraw`](Self::redraw), if nothing else happens.
    pub(super) fn redraw_in(&self) -> Option<Duration> {
        self.status.redraw_in()
    }

    /// Draws anew what changes with the time.
    pub(super) fn redraw(&mut self) {
        self.status.redraw();
    }

    fn line(&mut self, time: Time, line: &Line<'_>) -> Result<Shown, Failure> {
        if let Some(recorder) = &mut self.recorder {
            recorder.push(time, line);
        }
        match line {
            Line::Event { kind, data, id, .. } => return self.message(time, line, &Seen::new(kind, id, data)),
            Line::Message { text: Some(text), .. } => {
                return self.message(time, line, &Seen::new(TEXT, "", text));
            }
            Line::Message { .. } => {
                // What is text in a frame of bytes can be looked into as text.
                let bytes = line.bytes();
                return self.message(time, line, &Seen::new(BINARY, "", str::from_utf8(&bytes).unwrap_or_default()));
            }
            Line::Comment { .. } | Line::Retry { .. } | Line::Ping { .. } | Line::Pong { .. } => {
                if self.verbose {
                    self.show(time, line);
                }
            }
            Line::Open { .. } | Line::Error { .. } | Line::Closed { .. } if self.format == Format::Json => {
                self.show(time, line);
            }
            Line::Open { .. } | Line::Error { .. } | Line::Closed { .. } => {
                // Where both outputs are one terminal, what came before stands before.
                self.flush()?;
                self.tell(time, line);
            }
        }
        Ok(Shown::More)
    }

    fn message(&mut self, time: Time, line: &Line<'_>, seen: &Seen<'_>) -> Result<Shown, Failure> {
        let wanted = self.filter.iter().all(|condition| condition.holds(seen));
        if wanted {
            self.show(time, line);
            if self.output.lines.len() >= BURST {
                self.flush()?;
            }
            self.left = self.left.map(|left| left.saturating_sub(1));
        }
        if self.until.iter().any(|condition| condition.holds(seen)) {
            let event = if matches!(line, Line::Message { .. }) { "message" } else { "event" };
            return self.stopped(&format!("the {event} of --until has come"), Exit::Done);
        }
        if self.left == Some(0) {
            let events = if matches!(line, Line::Message { .. }) { "messages" } else { "events" };
            return self.stopped(&format!("as many {events} as --count asked for"), Exit::Done);
        }
        Ok(Shown::More)
    }

    fn end(&mut self, time: Time, code: Option<u16>, reason: String, exit: Exit) -> Result<Shown, Failure> {
        let missed = exit == Exit::Done && !self.until.is_empty();
        let (reason, exit) = if missed { (format!("{reason}; {MISSED}"), Exit::NotReached) } else { (reason, exit) };
        self.failed |= missed;
        self.line(time, &Line::Closed { code, reason: reason.into() })?;
        Ok(Shown::Last(exit))
    }

    /// Shows what came of the stream; as JSON, also what became of the connection.
    fn show(&mut self, time: Time, line: &Line<'_>) {
        let reader = self.output.reader;
        let out = &mut self.output.lines;
        let stamp = |out: &mut Vec<u8>| {
            if self.timestamps {
                out.extend_from_slice(format!("{time} ").as_bytes());
            }
        };
        match (self.format, line) {
            (Format::Json, line) => json(self.timestamps.then_some(time), line, reader, out),
            (Format::Raw, line) => raw(self.timestamps.then_some(time), line, reader, out),
            (Format::Data, Line::Event { data, .. }) => {
                stamp(out);
                plain::text(data, reader, out);
                out.push(b'\n');
            }
            (Format::Data, Line::Comment { .. } | Line::Retry { .. } | Line::Ping { .. } | Line::Pong { .. }) => {}
            (_, Line::Ping { payload }) => {
                stamp(out);
                plain::event("ping", payload, reader, out);
            }
            (_, Line::Pong { payload }) => {
                stamp(out);
                plain::event("pong", payload, reader, out);
            }
            (Format::Plain, Line::Event { kind, data, .. }) => {
                stamp(out);
                plain::event(kind, data, reader, out);
            }
            (Format::Pretty, Line::Event { kind, data, id, .. }) => {
                stamp(out);
                plain::pretty(kind, id, data, reader, out);
            }
            (format, Line::Message { text: Some(text), .. }) => {
                stamp(out);
                if format == Format::Pretty {
                    plain::pretty(TEXT, "", text, reader, out);
                } else {
                    plain::event("message", text, reader, out);
                }
            }
            (format, Line::Message { base64, .. }) => {
                // Bytes for a program are those bytes, without a line end.
                let stamped = format != Format::Data || reader != Reader::Pipe;
                if stamped {
                    stamp(out);
                }
                match (format, base64) {
                    (Format::Pretty, _) => binary::pretty(&line.bytes(), reader, out),
                    (Format::Data, _) if reader == Reader::Pipe => out.extend_from_slice(&line.bytes()),
                    (_, base64) => plain::event(BINARY, base64.as_deref().unwrap_or_default(), reader, out),
                }
            }
            (_, Line::Comment { comment }) => {
                stamp(out);
                plain::comment(comment, reader, out);
            }
            (_, Line::Retry { ms }) => {
                stamp(out);
                plain::retry(Duration::from_millis(*ms), out);
            }
            (_, Line::Open { .. } | Line::Error { .. } | Line::Closed { .. }) => {}
        }
    }

    /// Tells what became of the connection.
    fn tell(&mut self, time: Time, line: &Line<'_>) {
        match line {
            Line::Open { url, status, protocol, compressed } => {
                let mut text = format!("open {url} ({status})");
                // Writing to a String does not fail.
                if let Some(protocol) = protocol {
                    let _ = write!(text, ", protocol {protocol}");
                }
                if *compressed {
                    text.push_str(", compressed");
                }
                if self.attempts > 1 {
                    let _ = write!(text, ", attempt {}", self.attempts);
                }
                self.status.tell(time, Mark::Good, &text);
                self.attempts = 0;
            }
            Line::Error { state: State::Connecting, reason, retry_in_ms, .. } => {
                let what = if self.attempts == 0 { "lost" } else { "no stream" };
                self.attempts += 1;
                let delay = Duration::from_millis(retry_in_ms.unwrap_or(0));
                self.status.wait(time, self.attempts, &format!("{what}: {reason}"), delay);
            }
            Line::Error { state: State::Closed, .. } => self.failed = true,
            Line::Closed { code, reason } => {
                let reason = closed(*code, reason);
                let mark = if self.failed { Mark::Bad } else { Mark::Quiet };
                self.status.tell(time, mark, &format!("closed: {reason}"));
            }
            Line::Event { .. }
            | Line::Message { .. }
            | Line::Comment { .. }
            | Line::Retry { .. }
            | Line::Ping { .. }
            | Line::Pong { .. } => {}
        }
    }
}

/// Says for people why it is over: with a close code, it was the server that closed.
fn closed(code: Option<u16>, reason: &str) -> String {
    match code {
        None => reason.to_owned(),
        Some(code) if reason.is_empty() => format!("by the server, with {code}"),
        Some(code) => format!("by the server, with {code}: {reason}"),
    }
}

fn json(time: Option<Time>, line: &Line<'_>, reader: Reader, out: &mut Vec<u8>) {
    let start = out.len();
    match time {
        Some(time) => line.write_timed(time, out),
        None => line.write(out),
    }
    if reader != Reader::Pipe {
        let text = String::from_utf8_lossy(&out.split_off(start)).into_owned();
        out.extend_from_slice(plain::json(&text, reader).as_bytes());
    }
}

/// Appends a line as a piece of an event stream; its time is a comment.
fn raw(time: Option<Time>, line: &Line<'_>, reader: Reader, out: &mut Vec<u8>) {
    let mut bytes = time.map(|time| format!(": {time}\n").into_bytes()).unwrap_or_default();
    // A name or id that cannot be sent was not received either; a recording that was edited may have one.
    if encode::append(line, &mut bytes).is_ok() {
        plain::text(&String::from_utf8_lossy(&bytes), reader, out);
    }
}

/// What conditions take for the type of a WebSocket's messages.
const TEXT: &str = "text";
const BINARY: &str = "binary";

/// Why an end that would be good is none.
const MISSED: &str = "the event of --until has not come";

/// Bytes of lines that are written out even though more events are at hand.
const BURST: usize = 64 << 10;
