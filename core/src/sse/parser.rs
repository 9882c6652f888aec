use alloc::string::String;
use alloc::vec::Vec;

use super::buffer;
use super::error::{Error, Violation};
use super::events::Events;
use super::field::Field;
use super::limits::Limits;

/// Reads an event stream (HTML §9.2.6), cut anywhere.
///
/// States of a stream, and what a byte does to them:
///
/// ```text
/// bom? ─▶ line start ─▶ head of a line ─▶ value of a line ─┐
///             ▲   └──────── (7 bytes say which field) ─────┤
///             └──────────────── LF, CR, CR LF ─────────────┘   an empty line dispatches
/// ```
#[derive(Debug)]
pub struct Parser {
    pub(super) limits: Limits,
    /// A value so long, together with the id and the type of its event, is within all limits.
    pub(super) short: usize,
    pub(super) strict: bool,
    /// What the first byte of the next chunk may still belong to.
    pub(super) before: Before,
    /// Where in a line the last chunk ended.
    pub(super) line: Line,
    /// Bytes of the unfinished line so far.
    pub(super) line_len: usize,
    /// Lines ended so far.
    pub(super) lines: u64,
    /// The unfinished line's first bytes, or what came of its value if it is no data; or the comment being lent.
    pub(super) part: Vec<u8>,
    /// HTML §9.2.6, "data buffer": data lines, each with its LF.
    pub(super) data: Vec<u8>,
    /// Where in `data` the unfinished data line begins.
    pub(super) value_start: usize,
    /// Whether `data` was empty at the last chunk's start, too.
    is_data_idle: bool,
    /// HTML §9.2.6, "event type buffer".
    pub(super) event_type: String,
    /// HTML §9.2.6, "last event ID buffer", while it differs from the last event ID.
    pub(super) id: String,
    pub(super) has_id: bool,
    pub(super) last_event_id: String,
    /// Whether the event being lent brought its id.
    pub(super) has_own_id: bool,
    /// What is lent in place of bytes that are not UTF-8.
    pub(super) lossy: String,
    pub(super) lent: Lent,
    /// Whether it is known that nothing is lent and nothing of an event has come but perhaps its id.
    pub(super) idle: bool,
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

impl Parser {
    /// Returns a parser at the start of a stream, with default limits.
    pub fn new() -> Self {
        Self::with_limits(Limits::default())
    }

    /// Returns a parser at the start of a stream.
    pub fn with_limits(limits: Limits) -> Self {
        let limits = limits.at_least_a_head();
        Self {
            short: limits.short(),
            limits,
            strict: false,
            before: Before::Bom(0),
            line: Line::Start,
            line_len: 0,
            lines: 0,
            part: Vec::new(),
            data: Vec::new(),
            value_start: 0,
            is_data_idle: false,
            event_type: String::new(),
            id: String::new(),
            has_id: false,
            last_event_id: String::new(),
            has_own_id: false,
            lossy: String::new(),
            lent: Lent::Nothing,
            idle: false,
        }
    }

    /// Makes the parser strict: what the standard passes over is an [`Error::Violation`], told once at the end of its line. The events
    /// are those of a lenient parser.
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self.idle = false;
        self
    }

    /// Sets the last event ID, as if an earlier stream had brought it.
    pub fn with_last_event_id(mut self, id: &str) -> Self {
        self.set_last_event_id(id);
        self
    }

    /// Sets the last event ID, as if an earlier stream had brought it.
    pub fn set_last_event_id(&mut self, id: &str) {
        self.settle();
        self.last_event_id.clear();
        self.last_event_id.push_str(id);
    }

    /// Takes the next chunk of the stream and returns what is in it, lending.
    ///
    /// Take items until there are none: that is also the fastest way. Who stops earlier finds the unread bytes in [`Events::rest`] and has
    /// to feed them again, since the parser keeps no chunk: it stands exactly behind the last item taken.
    #[inline]
    pub fn feed<'p, 'c>(&'p mut self, chunk: &'c [u8]) -> Events<'p, 'c> {
        self.shrink();
        let rest = if self.before == Before::Line { chunk } else { self.step_over(chunk) };
        Events::new(self, rest)
    }

    /// Takes one item of a chunk, whose [rest](Events::rest) is fed again: nothing behind it is looked at.
    #[inline]
    pub(crate) fn feed_one<'p, 'c>(&'p mut self, chunk: &'c [u8]) -> Events<'p, 'c> {
        self.feed(chunk).one()
    }

    /// Notes the end of the stream and returns whether anything was lost by it; what comes next is a new stream, with the same last
    /// event ID.
    pub fn finish(&mut self) -> End {
        self.settle();
        let in_line = !matches!(self.line, Line::Start | Line::Told) || matches!(self.before, Before::Bom(1..));
        let in_event = !self.data.is_empty() || !self.event_type.is_empty() || self.has_id;
        let failed = self.before == Before::Failure;
        let end = if in_line || in_event || failed { End::MidEvent } else { End::Clean };

        // HTML §9.2.6: "Once the end of the file is reached, any pending data must be discarded."
        buffer::clear(&mut self.data);
        buffer::clear(&mut self.part);
        buffer::clear_text(&mut self.event_type);
        buffer::clear_text(&mut self.id);
        self.has_id = false;
        self.before = Before::Bom(0);
        self.line = Line::Start;
        self.line_len = 0;
        self.lines = 0;
        end
    }

    /// Returns the last event ID: of the last message, or of the last block that was only an id.
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// Returns how many lines of the stream have ended.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Returns the bytes of memory held, whether in use or not.
    pub fn allocated(&self) -> usize {
        let texts = [&self.event_type, &self.id, &self.last_event_id, &self.lossy];
        texts.iter().map(|text| text.capacity()).sum::<usize>() + self.data.capacity() + self.part.capacity()
    }

    /// Returns whether nothing of an event has come but perhaps its id, and nothing needs a second look.
    pub(super) fn become_idle(&mut self) -> bool {
        self.settle();
        self.idle = self.line == Line::Start && self.data.is_empty() && self.event_type.is_empty() && !self.strict;
        self.idle
    }

    /// Clears what was lent with the last item.
    fn settle(&mut self) {
        match self.lent {
            Lent::Nothing => return,
            Lent::Line => buffer::clear(&mut self.part),
            Lent::Event => {
                // Whether a large buffer goes is decided with the next chunk: the next event may be as large.
                self.data.clear();
                buffer::clear_text(&mut self.event_type);
                self.has_own_id = false;
            }
        }
        if !self.lossy.is_empty() {
            self.lossy = String::new();
        }
        self.lent = Lent::Nothing;
    }

    /// Gives back the memory of a large event when a whole chunk has passed without a use for it.
    #[inline]
    fn shrink(&mut self) {
        if self.data.capacity() > buffer::KEEP {
            self.shrink_data();
        }
    }

    fn shrink_data(&mut self) {
        self.settle();
        let idle = self.data.is_empty();
        if idle && self.is_data_idle {
            self.data = Vec::new();
        }
        self.is_data_idle = idle;
    }

    /// Returns what is left of a chunk whose beginning belongs to what came before.
    #[cold]
    fn step_over<'c>(&mut self, chunk: &'c [u8]) -> &'c [u8] {
        match self.before {
            Before::Line => chunk,
            Before::Failure => &[],
            _ if chunk.is_empty() => &[],
            Before::Lf => {
                self.before = Before::Line;
                chunk.strip_prefix(b"\n").unwrap_or(chunk)
            }
            Before::Bom(seen) => self.skip_bom(seen, chunk),
        }
    }

    /// HTML §9.2.5: "Streams must be decoded using the UTF-8 decode algorithm", which "strips one leading UTF-8 Byte Order Mark".
    fn skip_bom<'c>(&mut self, seen: u8, chunk: &'c [u8]) -> &'c [u8] {
        let (came, missing) = BOM.split_at_checked(seen.into()).unwrap_or_default();
        if missing.len() > chunk.len() && missing.starts_with(chunk) {
            self.before = Before::Bom(seen + chunk.len() as u8);
            return &[];
        }
        self.before = Before::Line;
        if let Some(rest) = chunk.strip_prefix(missing) {
            return rest;
        }
        // No BOM: what looked like one begins the first line.
        if !came.is_empty() {
            self.extend_part(came);
            self.idle = false;
            self.line = Line::Head;
            self.line_len = came.len();
        }
        chunk
    }

    /// Objects to the line that has just ended, if the parser is strict.
    #[inline]
    pub(super) fn object(&mut self, violation: Violation) -> Result<(), Error> {
        if self.strict { Err(Error::Violation { line: self.lines, violation }) } else { Ok(()) }
    }

    /// Returns the bytes of the event that the value of `field` would be added to; `data` stands for the data buffer.
    #[inline]
    pub(super) fn pending(&self, field: Field, data: usize) -> usize {
        data + if field == Field::Event { 0 } else { self.event_type.len() }
            + if field == Field::Id { 0 } else { self.id.len() }
    }

    /// Adds to the data buffer.
    #[inline]
    pub(super) fn extend_data(&mut self, value: &[u8]) {
        buffer::extend(&mut self.data, value, self.limits.max_event);
    }

    /// Adds to what is kept of the unfinished line.
    pub(super) fn extend_part(&mut self, value: &[u8]) {
        buffer::extend(&mut self.part, value, self.limits.max_line);
    }

    /// Gives up the stream at a line that breaks a limit: see [`Limits::reached_first`].
    #[cold]
    pub(super) fn give_up(&mut self, line_len: usize, head_len: usize, pending: usize) -> Error {
        self.before = Before::Failure;
        self.line = Line::Start;
        (self.data, self.part) = (Vec::new(), Vec::new());
        self.limits.reached_first(line_len, head_len, pending)
    }
}

/// How a stream ended.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// Between events: nothing was lost.
    Clean,
    /// In an event or a line, or after a limit was reached: what was unfinished is discarded, its id included.
    MidEvent,
}

/// Where in a line a chunk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Between two lines.
    Start,
    /// In the first [`HEAD`](super::field::HEAD) bytes; they are in `part`.
    Head,
    /// In the value.
    Value(Field),
    /// Behind a comment that was objected to and is still to be told; it is in `part`.
    Told,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lent {
    Nothing,
    /// `part` or `lossy`, in the middle of an event.
    Line,
    /// The event's buffers.
    Event,
}

/// What the first byte of a chunk may still belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// A line.
    Line,
    /// The LF of the CR that ended the last chunk, or a line.
    Lf,
    /// A BOM of which so many bytes came, or the first line.
    Bom(u8),
    /// Nothing more of this stream is taken: a limit was reached.
    Failure,
}

const BOM: &[u8] = "\u{feff}".as_bytes();

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::{format, vec};

    use super::*;
    use crate::sse::Event;

    #[test]
    fn unfinished_event_is_discarded_and_told() {
        let mut parser = Parser::new();
        assert_eq!(tell(&mut parser, b"id: 1\ndata: a\n\nid: 2\ndata: b\n"), ["message 1 1 a"]);
        assert_eq!(parser.finish(), End::MidEvent);
        assert_eq!(parser.last_event_id(), "1");
        assert_eq!(tell(&mut parser, b"data: c\n\n"), ["message - 1 c"]);
        assert_eq!(parser.finish(), End::Clean);
    }

    #[test]
    fn what_took_effect_is_no_loss() {
        for (stream, end) in [
            (&b""[..], End::Clean),
            (b"\xef\xbb\xbf", End::Clean),
            (b"\xef\xbb", End::MidEvent),
            (b": comment\nretry: 5\ncolor: blue\n", End::Clean),
            (b": comm", End::MidEvent),
            (b"id: 5\n", End::MidEvent),
            (b"id: 5\n\n", End::Clean),
            (b"data\n", End::MidEvent),
            (b"data\r\r", End::Clean),
        ] {
            let mut parser = Parser::new();
            parser.feed(stream).owned().for_each(drop);
            assert_eq!(parser.finish(), end, "{stream:?}");
        }
    }

    #[test]
    fn event_ended_by_cr_cr_does_not_wait() {
        let mut parser = Parser::new();
        assert_eq!(tell(&mut parser, b"data: a\r\r"), ["message - - a"]);
        assert_eq!(tell(&mut parser, b"\ndata: b\n\n"), ["message - - b"]);
    }

    #[test]
    fn rest_fed_again_loses_nothing() {
        let stream = b": hi\r\ndata: a\r\n\r\nretry: 7\ndata: b\ndata: c\n: x\n\nda";
        let mut expected = vec![];
        let mut parser = Parser::new();
        parser.feed(stream).owned().for_each(|event| expected.push(event));

        let mut parser = Parser::new();
        let (mut rest, mut taken) = (&stream[..], vec![]);
        while !rest.is_empty() {
            let mut events = parser.feed(rest);
            taken.extend(events.next().map(|item| item.map(|item| item.to_owned())));
            rest = events.rest();
        }
        assert_eq!(taken, expected);
    }

    #[test]
    fn event_of_one_data_line_in_one_chunk_is_not_copied() {
        for stream in [
            &b"data: a\n\n"[..],
            b"data: a\r\r",
            b"data: a\r\n\r\n",
            b"data: a\n\r\n",
            b"data\n\n",
            b"data: a\ncolor: blue\n\n",
            b"event: x\ndata: a\n\n",
            b": c\n:\n\ndata: a\n\n",
        ] {
            let mut parser = Parser::new();
            let mut events = parser.feed(stream);
            while events.next().is_some() {}
            assert_eq!(parser.allocated(), 0, "{stream:?}");
        }
    }

    #[test]
    fn lines_are_counted_alike_by_both_ways() {
        let stream = b"id: 1\nevent: x\ndata: a\n\n:\n\ndata: b\r\n\r\n: c\r\r\ndata: d\ndata: e\n\n\n";
        let mut parser = Parser::new();
        tell(&mut parser, stream);
        assert_eq!(parser.lines(), 14);
        parser = Parser::new();
        stream.iter().for_each(|&byte| drop(tell(&mut parser, &[byte])));
        assert_eq!(parser.lines(), 14);
    }

    #[test]
    fn strict_parser_objects_once_a_line_and_gives_the_same_events() {
        let stream = b":\xff\ndata: \xff\nid: a\0b\nretry: 5s\ncolor: blue\n\nevent: x\n\ndata: ok\n\n";
        let lenient = tell(&mut Parser::new(), stream);
        let strict = tell(&mut Parser::new().strict(), stream);
        let (objections, events): (Vec<_>, Vec<_>) = strict.into_iter().partition(|line| line.starts_with("line "));
        assert_eq!(events, lenient);
        assert_eq!(
            objections,
            [
                "line 1: not UTF-8; read with U+FFFD instead",
                "line 2: not UTF-8; read with U+FFFD instead",
                "line 3: `id` has a NUL in it; ignored",
                "line 4: `retry` is not made of digits only; ignored",
                "line 5: unknown field; ignored",
                "line 8: event has a type and no data; dropped",
            ]
        );
        let mut parser = Parser::new().strict();
        let bytewise: Vec<_> = stream.iter().flat_map(|&byte| tell(&mut parser, &[byte])).collect();
        assert_eq!(bytewise.len(), objections.len() + events.len());
    }

    /// One line for each item or error: kind, own id, last event ID, text.
    fn tell(parser: &mut Parser, chunk: &[u8]) -> Vec<String> {
        let or_dash = |text: &str| if text.is_empty() { "-".to_string() } else { text.to_string() };
        let line = |event: Result<Event, Error>| match event {
            Ok(Event::Message(message)) => format!(
                "{} {} {} {}",
                message.event_type(),
                message.own_id().unwrap_or("-"),
                or_dash(message.last_event_id()),
                message.data()
            ),
            Ok(Event::Comment(text)) => format!(":{text}"),
            Ok(Event::Retry(time)) => format!("retry {}", time.as_millis()),
            Err(error) => error.to_string(),
        };
        parser.feed(chunk).owned().map(line).collect()
    }
}
