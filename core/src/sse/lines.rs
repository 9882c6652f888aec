//! All rules of HTML §9.2.6, line by line.

use core::mem;

use memchr::memchr2;

use super::dispatch::Found;
use super::error::{Error, Violation};
use super::events::{Events, split_line, without_space};
use super::field::{self, Field, HEAD};
use super::parser::{Before, Line};
use super::{buffer, text};

impl<'c> Events<'_, 'c> {
    /// Takes lines up to the next item.
    pub(super) fn find(&mut self) -> Result<Option<Found<'c>>, Error> {
        if self.parser.line != Line::Start
            && let Some(found) = self.resume()?
        {
            return Ok(Some(found));
        }
        // The event's only data line so far, as long as it needs not be copied.
        let mut held: Option<&'c [u8]> = None;
        loop {
            match self.rest {
                [b'\n' | b'\r', ..] => {
                    self.end_line(self.rest);
                    match self.parser.dispatch(held.take()) {
                        Ok(None) => {}
                        found => return found,
                    }
                }
                [] => {
                    self.keep(held);
                    return Ok(None);
                }
                [b'd', b'a', b't', b'a', b':', ..] if held.is_some() || !self.parser.data.is_empty() => {
                    self.keep(held.take());
                    self.take_data_lines()?;
                }
                _ => match self.take_line(&mut held) {
                    Ok(None) => {}
                    found => {
                        self.keep(held);
                        return found;
                    }
                },
            }
        }
    }

    /// Takes a line of any kind, whole or not; not an empty one.
    fn take_line(&mut self, held: &mut Option<&'c [u8]>) -> Result<Option<Found<'c>>, Error> {
        let Some((line, end)) = split_line(self.rest) else {
            self.keep(held.take());
            return self.begin(self.rest).map(|()| None);
        };
        let (field, value) = field::split(line);
        let parser = &mut *self.parser;
        let pending = parser.pending(field, held.map_or(parser.data.len(), |value| value.len() + 1));
        let size = match field {
            Field::Data => pending + value.len() + 1,
            Field::Event | Field::Id => pending + value.len(),
            Field::Comment | Field::Retry | Field::Unknown => 0,
        };
        if line.len() > parser.limits.max_line || size > parser.limits.max_event {
            let head_len = if size == 0 { line.len() } else { line.len() - value.len() };
            return Err(parser.give_up(line.len(), head_len, pending));
        }
        self.end_line(end);
        match field {
            Field::Data => {
                let is_first = held.is_none() && self.parser.data.is_empty();
                self.keep(held.replace(value));
                if !is_first || self.parser.strict {
                    self.keep(held.take());
                    self.object_to_text(value)?;
                }
                Ok(None)
            }
            Field::Comment => {
                let told = self.object_to_text(value);
                if told.is_err() {
                    self.parser.extend_part(value);
                    self.parser.line = Line::Told;
                }
                told.map(|()| Some(Found::Comment(Some(value))))
            }
            Field::Event | Field::Id | Field::Retry | Field::Unknown => {
                Ok(self.parser.set_field(field, value)?.map(Found::Retry))
            }
        }
    }

    /// Takes data lines behind the first of an event as long as they come.
    fn take_data_lines(&mut self) -> Result<(), Error> {
        let others = self.parser.pending(Field::Data, 0);
        while let Some(value) = self.rest.strip_prefix(b"data:") {
            let line = self.rest;
            let value = without_space(value);
            let Some(at) = memchr2(b'\n', b'\r', value) else { return self.begin(line) };
            let parser = &mut *self.parser;
            let pending = parser.data.len() + others;
            if pending + at > parser.short {
                let head_len = line.len() - value.len();
                if head_len + at > parser.limits.max_line || pending + at >= parser.limits.max_event {
                    return Err(parser.give_up(head_len + at, head_len, pending));
                }
            }
            self.keep_line(value, at);
            if self.parser.strict {
                self.object_to_text(value.get(..at).unwrap_or_default())?;
            }
        }
        Ok(())
    }

    /// Steps over the line end that `end` begins with.
    #[inline]
    fn end_line(&mut self, end: &'c [u8]) {
        self.parser.lines += 1;
        self.rest = match end {
            [b'\r', b'\n', rest @ ..] => rest,
            // Whether a LF follows is not waited for: the line is a line at once.
            [b'\r'] => {
                self.parser.before = Before::Lf;
                &[]
            }
            [_, rest @ ..] => rest,
            [] => &[],
        };
    }

    /// Copies a data line into the data buffer.
    ///
    /// HTML §9.2.6: "Append the field value to the data buffer, then append a single U+000A LINE FEED (LF) character to the data
    /// buffer."
    fn keep(&mut self, value: Option<&'c [u8]>) {
        if let Some(value) = value {
            self.parser.extend_data(value);
            self.parser.extend_data(b"\n");
        }
    }

    /// Copies the first `at` bytes of `line`, which end a data line, into the data buffer and steps over the line end behind them.
    #[inline(always)]
    fn keep_line(&mut self, line: &'c [u8], at: usize) {
        // A LF at the end goes into the buffer together with the value.
        if let Some((with_lf @ [.., b'\n'], rest)) = line.split_at_checked(at + 1) {
            self.parser.extend_data(with_lf);
            self.parser.lines += 1;
            self.rest = rest;
        } else if let Some((value, end)) = line.split_at_checked(at) {
            self.keep(Some(value));
            self.end_line(end);
        }
    }

    /// Objects to the line that has just ended if its value is not UTF-8 and the parser is strict.
    fn object_to_text(&mut self, value: &[u8]) -> Result<(), Error> {
        if self.parser.strict && text::decode(value).is_none() {
            return self.parser.object(Violation::InvalidUtf8);
        }
        Ok(())
    }

    /// Keeps the beginning of a line that the chunk does not end.
    pub(super) fn begin(&mut self, line: &'c [u8]) -> Result<(), Error> {
        self.rest = &[];
        self.parser.line_len = 0;
        if line.len() < HEAD {
            self.parser.line_len = line.len();
            self.parser.extend_part(line);
            self.parser.line = Line::Head;
            return Ok(());
        }
        let (field, value) = field::split(line);
        self.begin_value(field);
        self.append(field, line.len(), value)
    }

    fn begin_value(&mut self, field: Field) {
        self.parser.line = Line::Value(field);
        self.parser.value_start = self.parser.data.len();
    }

    /// Goes on with a line that an earlier chunk began.
    fn resume(&mut self) -> Result<Option<Found<'c>>, Error> {
        match self.parser.line {
            Line::Start => Ok(None),
            Line::Told => {
                self.parser.line = Line::Start;
                Ok(Some(Found::Comment(None)))
            }
            Line::Head => {
                if !self.resume_head()? {
                    return Ok(None);
                }
                self.resume()
            }
            Line::Value(Field::Data) => self.resume_data().map(|_| None),
            Line::Value(field) => {
                let Some(at) = memchr2(b'\n', b'\r', self.rest) else {
                    let value = mem::take(&mut self.rest);
                    return self.append(field, value.len(), value).map(|()| None);
                };
                let (value, end) = self.rest.split_at_checked(at).unwrap_or_default();
                self.append(field, at, value)?;
                self.end_line(end);
                self.finish_line(field)
            }
        }
    }

    /// Goes on with a data line, and tells whether it came to its end.
    pub(super) fn resume_data(&mut self) -> Result<bool, Error> {
        let rest = self.rest;
        let at = memchr2(b'\n', b'\r', rest);
        let more = at.unwrap_or(rest.len());
        let parser = &mut *self.parser;
        let pending = parser.pending(Field::Data, parser.data.len());
        parser.line_len = parser.line_len.saturating_add(more);
        let size = pending + more + usize::from(at.is_some());
        if parser.line_len > parser.limits.max_line || size > parser.limits.max_event {
            let came = parser.data.len() - parser.value_start;
            let head_len = parser.line_len.saturating_sub(came + more);
            return Err(parser.give_up(parser.line_len, head_len, pending.saturating_sub(came)));
        }
        let Some(at) = at else {
            parser.extend_data(rest);
            self.rest = &[];
            return Ok(false);
        };
        parser.line = Line::Start;
        let start = parser.value_start;
        self.keep_line(rest, at);
        if self.parser.strict {
            let value = self.parser.data.get(start..).unwrap_or_default();
            if text::decode(value).is_none() {
                self.parser.object(Violation::InvalidUtf8)?;
            }
        }
        Ok(true)
    }

    /// Goes on with the first bytes of a line, and tells whether they are all there.
    fn resume_head(&mut self) -> Result<bool, Error> {
        let missing = HEAD.saturating_sub(self.parser.part.len()).min(self.rest.len());
        let (head, rest) = self.rest.split_at_checked(missing).unwrap_or_default();
        let end = head.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let (head, rest) = match end {
            Some(at) => self.rest.split_at_checked(at).unwrap_or_default(),
            None => (head, rest),
        };
        self.rest = rest;
        self.parser.line_len += head.len();
        self.parser.extend_part(head);
        if end.is_none() && self.parser.part.len() < HEAD {
            return Ok(false);
        }
        let mut line = [0; HEAD];
        let len = self.parser.part.len();
        for (to, from) in line.iter_mut().zip(self.parser.part.drain(..)) {
            *to = from;
        }
        let (field, value) = field::split(line.get(..len).unwrap_or_default());
        self.begin_value(field);
        self.append(field, 0, value)?;
        Ok(true)
    }

    /// Adds `value` to the unfinished line, which grows by `line_len` bytes.
    fn append(&mut self, field: Field, line_len: usize, value: &[u8]) -> Result<(), Error> {
        let parser = &mut *self.parser;
        parser.line_len = parser.line_len.saturating_add(line_len);
        let (came, size) = match field {
            Field::Data => (parser.data.len() - parser.value_start, parser.data.len()),
            Field::Event | Field::Id => (parser.part.len(), parser.data.len() + parser.part.len()),
            Field::Comment | Field::Retry => (parser.part.len(), 0),
            Field::Unknown => (0, 0),
        };
        let is_of_event = matches!(field, Field::Data | Field::Event | Field::Id);
        let size = if is_of_event { parser.pending(field, size) + value.len() } else { 0 };
        if parser.line_len > parser.limits.max_line || size > parser.limits.max_event {
            let came = if is_of_event { came + value.len() } else { 0 };
            return Err(parser.give_up(
                parser.line_len,
                parser.line_len.saturating_sub(came),
                size.saturating_sub(came),
            ));
        }
        match field {
            Field::Data => parser.extend_data(value),
            Field::Comment | Field::Event | Field::Id | Field::Retry => parser.extend_part(value),
            Field::Unknown => {}
        }
        Ok(())
    }

    /// Takes a line whose value is complete in the parser's buffers.
    fn finish_line(&mut self, field: Field) -> Result<Option<Found<'c>>, Error> {
        let parser = &mut *self.parser;
        parser.line = Line::Start;
        match field {
            Field::Data => Ok(None),
            Field::Comment => {
                if parser.strict && text::decode(&parser.part).is_none() {
                    parser.line = Line::Told;
                    parser.object(Violation::InvalidUtf8)?;
                }
                Ok(Some(Found::Comment(None)))
            }
            Field::Event | Field::Id | Field::Retry | Field::Unknown => {
                let mut value = mem::take(&mut parser.part);
                let result = parser.set_field(field, &value);
                buffer::clear(&mut value);
                parser.part = value;
                Ok(result?.map(Found::Retry))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::sse::{Limits, Parser};

    #[test]
    fn line_without_a_limit_may_be_longer_than_a_length_can_say() {
        for head in [&b"data: x"[..], b": comment", b"unknown"] {
            let mut parser = Parser::with_limits(Limits { max_line: usize::MAX, max_event: usize::MAX });
            assert_eq!(parser.feed(head).next(), None);
            parser.line_len = usize::MAX - 1;
            assert_eq!(parser.feed(b"four").next(), None, "{head:?}");
        }
    }
}
