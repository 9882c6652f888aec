//! What fields and empty lines do to the event, and how it is lent.

use alloc::string::String;
use core::mem;
use core::time::Duration;

use super::error::{Error, Violation};
use super::field::Field;
use super::item::Item;
use super::message::MessageRef;
use super::parser::{Lent, Parser};
use super::{buffer, text};

/// What was found: `None` stands for a buffer of the parser.
#[derive(Debug)]
pub(super) enum Found<'a> {
    Message(Option<&'a [u8]>),
    Comment(Option<&'a [u8]>),
    Retry(Duration),
}

impl Parser {
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
        buffer::clear_text(&mut self.event_type);
        self.object(Violation::NoData).map(|()| None)
    }

    pub(super) fn commit_id(&mut self) {
        mem::swap(&mut self.last_event_id, &mut self.id);
        buffer::clear_text(&mut self.id);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_is_digits_only_and_saturates() {
        assert_eq!(retry(b"0"), Some(Duration::ZERO));
        assert_eq!(retry(b"3000"), Some(Duration::from_secs(3)));
        assert_eq!(retry(b"999999999999999999999999999999"), Some(Duration::from_millis(u64::MAX)));
        for value in [&b""[..], b"+5", b"-5", b"5s", b" 5", b"5 ", b"\xd9\xa3"] {
            assert_eq!(retry(value), None, "{value:?}");
        }
    }
}
