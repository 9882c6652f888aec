use alloc::string::String;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use super::error::{Error, Violation};
use super::events::Events;
use super::field::{Field, HEAD};
use super::item::Item;
use super::message::MessageRef;
use super::text;

/// How much of a stream a [`Parser`] keeps.
///
/// Together they bound its memory: at most `max_line` + `max_event` + the last event ID (itself at most `max_line`), and three times
/// as much of a text that is not UTF-8 while it is lent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Longest line, in bytes without its end; every line counts, whether field, comment or unknown. Beyond it:
    /// [`Error::LineTooLong`]. Default 16 MiB (the standard has no limit; a 10 MiB event is in LaunchDarkly's contract tests). A value
    /// under 7 counts as 7.
    pub max_line: usize,
    /// Most bytes of one event as received: data, one for the end of each data line (so that empty ones count), event type and id.
    /// Beyond it: [`Error::EventTooLong`]. Default 16 MiB, as for a line.
    pub max_event: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_line: 16 << 20, max_event: 16 << 20 }
    }
}

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
    last_event_id: String,
    /// Whether the event being lent brought its id.
    has_own_id: bool,
    /// What is lent in place of bytes that are not UTF-8.
    lossy: String,
    lent: Lent,
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
        let limits = Limits { max_line: limits.max_line.max(HEAD), ..limits };
        Self {
            short: (limits.max_line - HEAD).min(limits.max_event.saturating_sub(1)),
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
    /// Take items until there are none. Who stops earlier finds the unread bytes in [`Events::rest`] and has to feed them again: the
    /// parser stands exactly behind the last item taken.
    #[inline]
    pub fn feed<'p, 'c>(&'p mut self, chunk: &'c [u8]) -> Events<'p, 'c> {
        self.shrink();
        let rest = if self.before == Before::Line { chunk } else { self.step_over(chunk) };
        Events::new(self, rest)
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
        clear(&mut self.data);
        clear(&mut self.part);
        clear_text(&mut self.event_type);
        clear_text(&mut self.id);
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
            Lent::Line => clear(&mut self.part),
            Lent::Event => {
                // Whether a large buffer goes is decided with the next chunk: the next event may be as large.
                self.data.clear();
                clear_text(&mut self.event_type);
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
        if self.data.capacity() > KEEP {
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
            self.part.extend_from_slice(came);
            self.idle = false;
            self.line = Line::Head;
            self.line_len = came.len();
        }
        chunk
    }

    /// Lends what was found; the next call of `settle` ends the loan.
    pub(super) fn lend<'s>(&'s mut self, found: Found<'s>) -> Item<'s> {
        match found {
            Found::Message(value) => {
                self.lent = Lent::Event;
                // HTML §9.2.6: "If the data buffer's last character is a U+000A LINE FEED (LF) character, then remove [it]".
                let bytes = value.unwrap_or_else(|| self.data.strip_suffix(b"\n").unwrap_or(&self.data));
                let data = match text::decode(bytes) {
                    Some(text) => text,
                    None => {
                        self.lossy = text::decode_lossy(bytes);
                        &self.lossy
                    }
                };
                let (event_type, last_event_id) = (&self.event_type, &self.last_event_id);
                Item::Message(MessageRef { event_type, last_event_id, data, has_own_id: self.has_own_id })
            }
            Found::Comment(value) => {
                self.lent = Lent::Line;
                let bytes = value.unwrap_or(&self.part);
                Item::Comment(match text::decode(bytes) {
                    Some(text) => text,
                    None => {
                        self.lossy = text::decode_lossy(bytes);
                        &self.lossy
                    }
                })
            }
            Found::Retry(time) => Item::Retry(time),
        }
    }

    /// Dispatches a message that lies in the chunk, with its two line ends.
    #[inline]
    pub(super) fn lend_message<'s>(&'s mut self, event_type: &'s str, data: &'s str) -> MessageRef<'s> {
        self.lines += 2;
        let has_own_id = self.has_id;
        if has_own_id {
            self.commit_id();
            self.lent = Lent::Event;
            self.idle = false;
        }
        MessageRef { event_type, last_event_id: &self.last_event_id, data, has_own_id }
    }

    /// Does what an empty line does. `value` is the event's only data line, if that is still in the chunk.
    #[inline]
    pub(super) fn dispatch<'a>(&mut self, value: Option<&'a [u8]>) -> Result<Option<Found<'a>>, Error> {
        // HTML §9.2.6: "Set the last event ID string of the event source to the value of the last event ID buffer." Before data is asked
        // for: an event without data commits its id, too.
        if self.has_id {
            self.commit_id();
        }
        if value.is_some() || !self.data.is_empty() {
            return Ok(Some(Found::Message(value)));
        }
        // HTML §9.2.6: "If the data buffer is an empty string, set the data buffer and the event type buffer to the empty string and
        // return."
        self.has_own_id = false;
        if self.event_type.is_empty() {
            return Ok(None);
        }
        clear_text(&mut self.event_type);
        self.object(Violation::NoData).map(|()| None)
    }

    pub(super) fn commit_id(&mut self) {
        mem::swap(&mut self.last_event_id, &mut self.id);
        clear_text(&mut self.id);
        self.has_id = false;
        self.has_own_id = true;
    }

    /// HTML §9.2.6: "If the field value does not contain U+0000 NULL, then set the last event ID buffer to the field value. Otherwise,
    /// ignore the field."
    #[inline]
    pub(super) fn set_id(&mut self, id: &str) {
        if memchr::memchr(0, id.as_bytes()).is_none() {
            self.id.clear();
            self.id.push_str(id);
            self.has_id = true;
        }
    }

    /// Takes a whole line that is neither data nor a comment.
    pub(super) fn set_field(&mut self, field: Field, value: &[u8]) -> Result<Option<Duration>, Error> {
        match field {
            // HTML §9.2.6: "Set the event type buffer to field value."
            Field::Event => {
                set_text(&mut self.event_type, value).or_else(|violation| self.object(violation)).map(|()| None)
            }
            // HTML §9.2.6: "If the field value does not contain U+0000 NULL, then set the last event ID buffer to the field value.
            // Otherwise, ignore the field."
            Field::Id if memchr::memchr(0, value).is_some() => self.object(Violation::NulInId).map(|()| None),
            Field::Id => {
                self.has_id = true;
                set_text(&mut self.id, value).or_else(|violation| self.object(violation)).map(|()| None)
            }
            Field::Retry => match retry(value) {
                Some(time) => Ok(Some(time)),
                None => self.object(Violation::InvalidRetry).map(|()| None),
            },
            // HTML §9.2.6: "Otherwise: The field is ignored."
            Field::Unknown | Field::Data | Field::Comment => self.object(Violation::UnknownField).map(|()| None),
        }
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
        if self.data.capacity() - self.data.len() < value.len() {
            self.grow_data(value.len());
        }
        self.data.extend_from_slice(value);
    }

    /// Makes room for `more` bytes: twice as much as before, but no more than an event can be.
    #[cold]
    fn grow_data(&mut self, more: usize) {
        let (len, limit) = (self.data.len(), self.limits.max_event);
        let wanted = (len * 2).min(limit).max(len + more).max(LEAST);
        self.data.reserve_exact(wanted - len);
    }

    /// Gives up the stream at a line that breaks a limit: the limit that is reached first, whatever the cuts. `head_len` is what stands
    /// before the line's value, `pending` what the event holds without it.
    #[cold]
    pub(super) fn give_up(&mut self, line_len: usize, head_len: usize, pending: usize) -> Error {
        self.before = Before::Failure;
        self.line = Line::Start;
        (self.data, self.part) = (Vec::new(), Vec::new());
        let Limits { max_line, max_event } = self.limits;
        if line_len > max_line && max_line <= head_len.saturating_add(max_event.saturating_sub(pending)) {
            Error::LineTooLong { limit: max_line }
        } else {
            Error::EventTooLong { limit: max_event }
        }
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
    /// In the first [`HEAD`] bytes; they are in `part`.
    Head,
    /// In the value.
    Value(Field),
    /// Behind a comment that was objected to and is still to be told; it is in `part`.
    Told,
}

/// What was found: `None` stands for a buffer of the parser.
#[derive(Debug)]
pub(super) enum Found<'a> {
    Message(Option<&'a [u8]>),
    Comment(Option<&'a [u8]>),
    Retry(Duration),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lent {
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

/// HTML §9.2.6: "If the field value consists of only ASCII digits, then interpret the field value as an integer in base ten, and set the
/// event stream's reconnection time to that integer [of milliseconds]." Saturates. No digits are no number.
fn retry(value: &[u8]) -> Option<Duration> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let millis = value.iter().fold(0, |sum: u64, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    Some(Duration::from_millis(millis))
}

fn set_text(text: &mut String, value: &[u8]) -> Result<(), Violation> {
    text.clear();
    match text::decode(value) {
        Some(value) => {
            text.push_str(value);
            Ok(())
        }
        None => {
            *text = text::decode_lossy(value);
            Err(Violation::InvalidUtf8)
        }
    }
}

pub(super) fn clear(buffer: &mut Vec<u8>) {
    buffer.clear();
    if buffer.capacity() > KEEP {
        *buffer = Vec::new();
    }
}

fn clear_text(text: &mut String) {
    text.clear();
    if text.capacity() > KEEP {
        *text = String::new();
    }
}

const BOM: &[u8] = "\u{feff}".as_bytes();

/// The smallest data buffer.
const LEAST: usize = 256;

/// Larger buffers are given back when they are not needed.
const KEEP: usize = 16 << 10;

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
    fn retry_is_digits_only_and_saturates() {
        assert_eq!(retry(b"0"), Some(Duration::ZERO));
        assert_eq!(retry(b"3000"), Some(Duration::from_secs(3)));
        assert_eq!(retry(b"999999999999999999999999999999"), Some(Duration::from_millis(u64::MAX)));
        for value in [&b""[..], b"+5", b"-5", b"5s", b" 5", b"5 ", b"\xd9\xa3"] {
            assert_eq!(retry(value), None, "{value:?}");
        }
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
