//! One event written field by field, in the order of the calls.

use alloc::vec::Vec;
use core::time::Duration;

use super::encoder::{lines, retry_line};
use super::{EventId, EventName, NameError, encode_comment, encode_field};

/// Appends one event to a buffer, a field at a time and in the order of the calls; nothing of it stays unless it is committed.
///
/// For those who want the order of the fields, comments inside an event, or the data in several pieces to be theirs. What is
/// written reads as one block and cannot break out of it: every line of the data and of a comment is a line of its own, ids and event
/// types that would end a line are refused, and what was refused is not written.
///
/// ```
/// use tidewire_core::sse::EventWriter;
///
/// let mut out = Vec::new();
/// let mut event = EventWriter::new(&mut out);
/// event.comment("two lines");
/// event.event("greeting")?;
/// event.id("7")?;
/// event.data("hello\r\nworld");
/// event.commit();
/// assert_eq!(out, b":two lines\nevent: greeting\nid: 7\ndata: hello\ndata: world\n\n");
///
/// let mut event = EventWriter::new(&mut out);
/// event.data("this is taken back");
/// assert!(event.id("7\ndata: forged").is_err());
/// drop(event);
/// assert!(out.ends_with(b"world\n\n"));
/// # Ok::<(), tidewire_core::sse::NameError>(())
/// ```
#[derive(Debug)]
pub struct EventWriter<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
}

impl<'a> EventWriter<'a> {
    /// Begins an event at the end of `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        let start = out.len();
        Self { out, start }
    }

    /// Writes what `fill` writes and commits it; when `fill` fails, nothing is written.
    ///
    /// # Errors
    ///
    /// What `fill` says.
    pub fn compose<E>(out: &'a mut Vec<u8>, fill: impl FnOnce(&mut EventWriter<'a>) -> Result<(), E>) -> Result<(), E> {
        let mut writer = EventWriter::new(out);
        fill(&mut writer)?;
        writer.commit();
        Ok(())
    }

    /// Writes the event type; the last one that is written counts.
    ///
    /// # Errors
    ///
    /// It is empty, or has a CR, LF or NUL in it.
    pub fn event(&mut self, name: &str) -> Result<(), NameError> {
        EventName::new(name)?;
        lines(b"event: ", name.as_bytes(), self.out);
        Ok(())
    }

    /// Writes the id; the last one that is written counts, and an empty one resets the reader's last event ID.
    ///
    /// # Errors
    ///
    /// It has a CR, LF or NUL in it.
    pub fn id(&mut self, id: &str) -> Result<(), NameError> {
        EventId::new(id)?;
        lines(b"id: ", id.as_bytes(), self.out);
        Ok(())
    }

    /// Writes data, a field for each of its lines (LF, CR or CRLF ends one); what was written before is ended by LF to the reader.
    pub fn data(&mut self, text: &str) {
        lines(b"data: ", text.as_bytes(), self.out);
    }

    /// Writes a new reconnection time, in whole milliseconds rounded up.
    pub fn retry(&mut self, time: Duration) {
        retry_line(time, self.out);
    }

    /// Writes a comment, a line for each of its lines (LF, CR or CRLF ends one), with no space behind the colon.
    pub fn comment(&mut self, text: &str) {
        encode_comment(text, self.out);
    }

    /// Writes a field of one's own: see [`encode_field`].
    ///
    /// # Errors
    ///
    /// The field is `id` or `event`, and its value is none that [`id`](Self::id) or [`event`](Self::event) takes.
    pub fn field(&mut self, name: &str, value: &str) -> Result<(), NameError> {
        match name {
            "id" => self.id(value),
            "event" => self.event(value),
            name => {
                encode_field(name, value, self.out);
                Ok(())
            }
        }
    }

    /// Returns the bytes written so far.
    pub fn len(&self) -> usize {
        self.out.len() - self.start
    }

    /// Returns whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends the event with a blank line, and returns the bytes of it all; of nothing there is no end.
    ///
    /// Without data it is no event to a reader (HTML §9.2.6): comments, id and reconnection time count all the same.
    pub fn commit(mut self) -> usize {
        if !self.is_empty() {
            self.out.push(b'\n');
        }
        let len = self.len();
        self.start = self.out.len();
        len
    }
}

impl Drop for EventWriter<'_> {
    /// Takes back what was not committed.
    fn drop(&mut self) {
        self.out.truncate(self.start);
    }
}
