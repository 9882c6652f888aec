use memchr::memchr2;

use super::error::Error;
use super::field::{Field, HEAD};
use super::item::{Event, Item};
use super::parser::{Line, Parser};
use super::text;

/// What is in a chunk: see [`Parser::feed`].
#[must_use = "what is not taken is not parsed"]
#[derive(Debug)]
pub struct Events<'p, 'c> {
    pub(super) parser: &'p mut Parser,
    pub(super) rest: &'c [u8],
    /// The part of the chunk that was validated last; empty if it is not UTF-8.
    text: &'c str,
    /// How many bytes the chunk has from the beginning of that part on, and behind it.
    text_start: usize,
    text_end: usize,
}

impl<'p, 'c> Events<'p, 'c> {
    pub(super) fn new(parser: &'p mut Parser, rest: &'c [u8]) -> Self {
        Self { parser, rest, text: "", text_start: 0, text_end: rest.len() }
    }

    /// Validates no more than is lent: it is one item that will be taken.
    #[inline]
    pub(super) fn one(mut self) -> Self {
        self.text_end = 0;
        self
    }

    /// Returns the next item; none when the chunk is used up.
    ///
    /// # Errors
    ///
    /// A limit was reached, and nothing more comes of this stream; or the parser is strict, and goes on if asked again.
    // What is common is taken here: events of one data line that lie in the chunk, with type and id before it, and comments, all with LF or
    // CR LF. Whatever is anything else is left, untouched, to `find`, which knows all rules.
    #[allow(clippy::should_implement_trait)]
    // Measured: a call costs as much as a short event.
    #[inline(always)]
    pub fn next(&mut self) -> Option<Result<Item<'_>, Error>> {
        if !self.parser.idle {
            if self.parser.line == Line::Value(Field::Data) {
                match self.resume_data() {
                    Ok(true) => {}
                    Ok(false) => return None,
                    Err(error) => return self.fail(error),
                }
            }
            if !self.parser.become_idle() {
                return self.next_of_any();
            }
        }
        let mut event_type = "";
        loop {
            let line = self.rest;
            match line {
                [b'd', ..] => {
                    let Some(value) = line.strip_prefix(b"data:") else { break };
                    let value = without_space(value);
                    let Some((data, end)) = split_line(value) else { return self.begin_data(event_type, value) };
                    if event_type.len() + self.parser.id.len() + data.len() > self.parser.short {
                        break;
                    }
                    let rest = match end {
                        [b'\n', b'\n', rest @ ..] | [b'\r', b'\n', b'\r', b'\n', rest @ ..] => rest,
                        _ => break,
                    };
                    let Some(data) = self.text(line, data, end) else { break };
                    self.rest = rest;
                    return Some(Ok(Item::Message(self.parser.lend_message(event_type, data))));
                }
                // The heartbeat of many servers; the empty line that often follows dispatches nothing.
                [b':', b'\n', b'\n', rest @ ..] if event_type.is_empty() && !self.parser.has_id => {
                    self.rest = rest;
                    self.parser.lines += 2;
                    return Some(Ok(Item::Comment("")));
                }
                [b'\n', rest @ ..] if event_type.is_empty() && !self.parser.has_id => {
                    self.rest = rest;
                    self.parser.lines += 1;
                }
                [b'e', ..] => {
                    let Some(value) = line.strip_prefix(b"event:") else { break };
                    let Some((name, rest)) = self.short_line(line, without_space(value)) else { break };
                    event_type = name;
                    self.rest = rest;
                    self.parser.lines += 1;
                }
                [b'i', ..] => {
                    let Some(value) = line.strip_prefix(b"id:") else { break };
                    let Some((id, rest)) = self.short_line(line, without_space(value)) else { break };
                    // The type and the id together may be longer than a short line.
                    if event_type.len() + id.len() > self.parser.short {
                        break;
                    }
                    self.rest = rest;
                    self.parser.lines += 1;
                    self.parser.set_id(id);
                }
                [b':', value @ ..] if event_type.is_empty() => {
                    let Some((text, rest)) = self.short_line(line, value) else { break };
                    self.rest = rest;
                    self.parser.lines += 1;
                    return Some(Ok(Item::Comment(text)));
                }
                [] if event_type.is_empty() => return None,
                _ => break,
            }
        }
        self.keep_type(event_type);
        self.next_of_any()
    }

    /// Returns the bytes of the chunk behind the last item taken; empty when there are no more items.
    ///
    /// Only a strict parser may have one more behind the last byte: a comment that it objected to comes after the objection.
    pub fn rest(&self) -> &'c [u8] {
        self.rest
    }

    /// Returns an iterator of copies of the items.
    pub fn owned(self) -> OwnedEvents<'p, 'c> {
        OwnedEvents(self)
    }

    #[inline(never)]
    fn next_of_any(&mut self) -> Option<Result<Item<'_>, Error>> {
        self.parser.idle = false;
        match self.find() {
            Ok(None) => None,
            Ok(Some(found)) => Some(Ok(self.parser.lend(found))),
            Err(error) => self.fail(error),
        }
    }

    #[cold]
    fn fail(&mut self, error: Error) -> Option<Result<Item<'_>, Error>> {
        if error.is_fatal() {
            self.rest = &[];
        }
        Some(Err(error))
    }

    /// Keeps the beginning of a data line that the chunk does not end, and the event type before it.
    #[inline(never)]
    fn begin_data(&mut self, event_type: &str, value: &'c [u8]) -> Option<Result<Item<'_>, Error>> {
        let parser = &mut *self.parser;
        let line = self.rest;
        if line.len() < HEAD || event_type.len() + parser.id.len() + value.len() > parser.short {
            self.keep_type(event_type);
            return self.next_of_any();
        }
        parser.idle = false;
        parser.event_type.push_str(event_type);
        parser.line = Line::Value(Field::Data);
        parser.line_len = line.len();
        parser.value_start = 0;
        parser.extend_data(value);
        self.rest = &[];
        None
    }

    /// Splits what `line` begins with into the text of `value` and what follows, if the line is common and within all limits.
    #[inline]
    fn short_line(&mut self, line: &'c [u8], value: &'c [u8]) -> Option<(&'c str, &'c [u8])> {
        let (value, end) = split_line(value)?;
        if self.parser.id.len() + value.len() > self.parser.short {
            return None;
        }
        let ([b'\n', rest @ ..] | [b'\r', b'\n', rest @ ..]) = end else { return None };
        Some((self.text(line, value, end)?, rest))
    }

    #[cold]
    fn keep_type(&mut self, event_type: &str) {
        self.parser.idle = false;
        self.parser.event_type.push_str(event_type);
    }

    /// Returns `value` as text, if it is UTF-8; it lies in `line`, before `end`, and both go up to the chunk's end.
    #[inline]
    fn text(&mut self, line: &'c [u8], value: &'c [u8], end: &'c [u8]) -> Option<&'c str> {
        match self.validated(value, end) {
            Some(text) => Some(text),
            None => self.validate(line, value, end),
        }
    }

    #[inline]
    fn validated(&self, value: &'c [u8], end: &'c [u8]) -> Option<&'c str> {
        // As seen from the chunk's end, which every slice here goes up to.
        let start = self.text_start.checked_sub(end.len() + value.len())?;
        self.text.get(start..start + value.len())
    }

    /// Validates many short values at once: that is cheaper than one by one.
    #[inline(never)]
    fn validate(&mut self, line: &'c [u8], value: &'c [u8], end: &'c [u8]) -> Option<&'c str> {
        // A window that is not UTF-8 is not tried again.
        if end.len() < self.text_end && value.len() < WINDOW / 2 {
            let window = text::whole(line.get(..WINDOW).unwrap_or(line));
            self.text = text::decode(window).unwrap_or_default();
            self.text_start = line.len();
            self.text_end = line.len() - window.len();
        }
        self.validated(value, end).or_else(|| text::decode(value))
    }
}

/// Returns the value of a field from what follows its colon.
#[inline]
pub(super) fn without_space(bytes: &[u8]) -> &[u8] {
    match bytes {
        [b' ', value @ ..] => value,
        _ => bytes,
    }
}

/// Splits before the next line end, if there is one.
#[inline]
pub(super) fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(memchr2(b'\n', b'\r', bytes)?)
}

/// Copies of the items of a chunk: see [`Events::owned`].
#[must_use = "what is not taken is not parsed"]
#[derive(Debug)]
pub struct OwnedEvents<'p, 'c>(Events<'p, 'c>);

impl Iterator for OwnedEvents<'_, '_> {
    type Item = Result<Event, Error>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self.0.next()? {
            Ok(item) => Some(Ok(item.to_owned())),
            Err(error) => Some(Err(error)),
        }
    }
}

/// How many bytes are validated at once.
const WINDOW: usize = 2 << 10;
