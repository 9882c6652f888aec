use memchr::memchr2;

use super::error::{Error, Violation};
use super::field::{self, Field, HEAD};
use super::item::{Event, Item};
use super::parser::{Found, Line, Parser, clear};
use super::text;

/// What is in a chunk: see [`Parser::feed`].
#[must_use = "what is not taken is not parsed"]
#[derive(Debug)]
pub struct Events<'p, 'c> {
    pub(super) parser: &'p mut Parser,
    pub(super) rest: &'c [u8],
}

impl<'p, 'c> Events<'p, 'c> {
    /// Returns the next item; none when the chunk is used up.
    ///
    /// # Errors
    ///
    /// A limit was reached, and nothing more comes of this stream; or the parser is strict, and goes on if asked again.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<Result<Item<'_>, Error>> {
        self.parser.settle();
        match self.find() {
            Ok(None) => None,
            Ok(Some(found)) => Some(Ok(self.parser.lend(found))),
            Err(error) => {
                if error.is_fatal() {
                    self.rest = &[];
                }
                Some(Err(error))
            }
        }
    }

    /// Returns the bytes of the chunk behind the last item taken; empty when there are no more items.
    pub fn rest(&self) -> &'c [u8] {
        self.rest
    }

    /// Returns an iterator of copies of the items.
    pub fn owned(self) -> OwnedEvents<'p, 'c> {
        OwnedEvents(self)
    }

    fn find(&mut self) -> Result<Option<Found<'c>>, Error> {
        if self.parser.line != Line::Start
            && let Some(found) = self.resume()?
        {
            return Ok(Some(found));
        }
        // The event's only data line so far, as long as it needs not be copied.
        let mut held: Option<&'c [u8]> = None;
        loop {
            let line = self.rest;
            let value = match line {
                [b'd', b'a', b't', b'a', b':', b' ', value @ ..] | [b'd', b'a', b't', b'a', b':', value @ ..] => value,
                [b'\n' | b'\r', ..] => {
                    self.end_line(line);
                    match self.parser.dispatch(held.take()) {
                        Ok(None) => continue,
                        found => return found,
                    }
                }
                [] => {
                    self.keep(held);
                    return Ok(None);
                }
                _ => match self.other(line, &mut held) {
                    Ok(None) if self.rest.is_empty() => {
                        self.keep(held);
                        return Ok(None);
                    }
                    Ok(None) => continue,
                    found => {
                        self.keep(held);
                        return found;
                    }
                },
            };
            let Some((value, end)) = memchr2(b'\n', b'\r', value).and_then(|at| value.split_at_checked(at)) else {
                self.keep(held);
                return self.begin(line).map(|()| None);
            };
            self.data_line(line.len() - end.len(), value, end, &mut held)?;
        }
    }

    /// Takes a whole data line.
    #[inline]
    fn data_line(
        &mut self,
        line_len: usize,
        value: &'c [u8],
        end: &'c [u8],
        held: &mut Option<&'c [u8]>,
    ) -> Result<(), Error> {
        let parser = &mut *self.parser;
        let pending = parser.pending(Field::Data, held.map_or(parser.data.len(), |value| value.len() + 1));
        if line_len > parser.limits.max_line || pending + value.len() >= parser.limits.max_event {
            return Err(parser.give_up(line_len, line_len - value.len(), pending));
        }
        self.end_line(end);
        if held.is_none() && self.parser.data.is_empty() && !self.parser.strict {
            *held = Some(value);
            return Ok(());
        }
        self.keep(held.take());
        self.keep(Some(value));
        if self.parser.strict && text::decode(value).is_none() {
            self.parser.object(Violation::InvalidUtf8)?;
        }
        Ok(())
    }

    /// Takes a line that does not begin with `data:`, whole or not.
    fn other(&mut self, line: &'c [u8], held: &mut Option<&'c [u8]>) -> Result<Option<Found<'c>>, Error> {
        let Some((line, end)) = memchr2(b'\n', b'\r', line).and_then(|at| line.split_at_checked(at)) else {
            self.keep(held.take());
            return self.begin(line).map(|()| None);
        };
        let (field, value) = field::split(line);
        if field == Field::Data {
            return self.data_line(line.len(), value, end, held).map(|()| None);
        }
        let parser = &mut *self.parser;
        let pending = parser.pending(field, held.map_or(parser.data.len(), |value| value.len() + 1));
        let size = if matches!(field, Field::Event | Field::Id) { pending + value.len() } else { 0 };
        if line.len() > parser.limits.max_line || size > parser.limits.max_event {
            let head_len = if size == 0 { line.len() } else { line.len() - value.len() };
            return Err(parser.give_up(line.len(), head_len, pending));
        }
        self.end_line(end);
        if field == Field::Comment {
            if self.parser.strict && text::decode(value).is_none() {
                self.parser.part.extend_from_slice(value);
                self.parser.line = Line::Told;
                self.parser.object(Violation::InvalidUtf8)?;
            }
            return Ok(Some(Found::Comment(Some(value))));
        }
        Ok(self.parser.set_field(field, value)?.map(Found::Retry))
    }

    /// Steps over the line end that `end` begins with.
    #[inline]
    fn end_line(&mut self, end: &'c [u8]) {
        self.parser.lines += 1;
        self.rest = match end {
            [b'\r', b'\n', rest @ ..] => rest,
            // Whether a LF follows is not waited for: the line is a line at once.
            [b'\r'] => {
                self.parser.after_cr = true;
                &[]
            }
            [_, rest @ ..] => rest,
            [] => &[],
        };
    }

    /// Copies a data line into the data buffer.
    fn keep(&mut self, value: Option<&'c [u8]>) {
        if let Some(value) = value {
            self.parser.data.reserve(value.len() + 1);
            self.parser.data.extend_from_slice(value);
            self.parser.data.push(b'\n');
        }
    }

    /// Keeps the beginning of a line that the chunk does not end.
    fn begin(&mut self, line: &'c [u8]) -> Result<(), Error> {
        self.rest = &[];
        self.parser.line_len = line.len();
        if line.len() < HEAD {
            self.parser.part.extend_from_slice(line);
            self.parser.line = Line::Head;
            return Ok(());
        }
        let (field, value) = field::split(line);
        self.parser.line = Line::Value(field);
        self.parser.value_start = self.parser.data.len();
        self.append(field, value);
        self.check(field, false)
    }

    /// Goes on with a line that an earlier chunk began.
    fn resume(&mut self) -> Result<Option<Found<'c>>, Error> {
        if self.parser.line == Line::Told {
            self.parser.line = Line::Start;
            return Ok(Some(Found::Comment(None)));
        }
        if self.parser.line == Line::Head {
            let missing = HEAD.saturating_sub(self.parser.part.len()).min(self.rest.len());
            let (head, rest) = self.rest.split_at_checked(missing).unwrap_or_default();
            let at = head.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let head = at.and_then(|at| head.get(..at)).unwrap_or(head);
            self.parser.part.extend_from_slice(head);
            self.parser.line_len += head.len();
            self.rest = if at.is_some() { self.rest.get(head.len()..).unwrap_or_default() } else { rest };
            if at.is_none() && self.parser.part.len() < HEAD {
                return Ok(None);
            }
            let mut head = [0; HEAD];
            let len = self.parser.part.len();
            for (to, from) in head.iter_mut().zip(self.parser.part.drain(..)) {
                *to = from;
            }
            let (field, value) = field::split(head.get(..len).unwrap_or_default());
            self.parser.line = Line::Value(field);
            self.parser.value_start = self.parser.data.len();
            self.append(field, value);
        }
        let Line::Value(field) = self.parser.line else { return Ok(None) };
        let at = memchr2(b'\n', b'\r', self.rest);
        let (value, end) = self.rest.split_at_checked(at.unwrap_or(self.rest.len())).unwrap_or_default();
        self.parser.line_len += value.len();
        self.append(field, value);
        self.check(field, at.is_some())?;
        if at.is_none() {
            self.rest = &[];
            return Ok(None);
        }
        self.end_line(end);
        self.finish_line(field)
    }

    /// Adds to the value of the unfinished line.
    fn append(&mut self, field: Field, value: &[u8]) {
        match field {
            Field::Data => self.parser.data.extend_from_slice(value),
            Field::Comment | Field::Event | Field::Id | Field::Retry => self.parser.part.extend_from_slice(value),
            Field::Unknown => {}
        }
    }

    /// Holds the unfinished line, or one that has come to its end, against the limits.
    fn check(&mut self, field: Field, ended: bool) -> Result<(), Error> {
        let parser = &mut *self.parser;
        let (pending, value, end) = match field {
            Field::Data => {
                let start = parser.value_start;
                (parser.pending(field, start), parser.data.len().saturating_sub(start), usize::from(ended))
            }
            Field::Event | Field::Id => (parser.pending(field, parser.data.len()), parser.part.len(), 0),
            Field::Comment | Field::Retry | Field::Unknown => (0, 0, 0),
        };
        if parser.line_len > parser.limits.max_line || pending + value + end > parser.limits.max_event {
            return Err(parser.give_up(parser.line_len, parser.line_len.saturating_sub(value), pending));
        }
        Ok(())
    }

    /// Takes a line whose value is complete in the parser's buffers.
    fn finish_line(&mut self, field: Field) -> Result<Option<Found<'c>>, Error> {
        let parser = &mut *self.parser;
        parser.line = Line::Start;
        match field {
            Field::Data => {
                let value = parser.data.get(parser.value_start..).unwrap_or_default();
                let objection = parser.strict && text::decode(value).is_none();
                parser.data.push(b'\n');
                if objection {
                    parser.object(Violation::InvalidUtf8)?;
                }
                Ok(None)
            }
            Field::Comment => {
                if parser.strict && text::decode(&parser.part).is_none() {
                    parser.line = Line::Told;
                    parser.object(Violation::InvalidUtf8)?;
                }
                Ok(Some(Found::Comment(None)))
            }
            Field::Event | Field::Id | Field::Retry | Field::Unknown => {
                let mut value = core::mem::take(&mut parser.part);
                let result = parser.set_field(field, &value);
                clear(&mut value);
                parser.part = value;
                Ok(result?.map(Found::Retry))
            }
        }
    }
}

/// Copies of the items of a chunk: see [`Events::owned`].
#[must_use = "what is not taken is not parsed"]
#[derive(Debug)]
pub struct OwnedEvents<'p, 'c>(Events<'p, 'c>);

impl Iterator for OwnedEvents<'_, '_> {
    type Item = Result<Event, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|item| item.map(|item| item.to_owned()))
    }
}
