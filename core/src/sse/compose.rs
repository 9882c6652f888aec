//! A [`Message`] as the type that one composes, and its readable form.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

use memchr::memchr2;

use super::{EventId, EventName, Message, MessageRef};

impl Message {
    /// Returns a message with this data. CR and CRLF in it become LF, which is how they read at the other end.
    pub fn new(data: impl Into<String>) -> Self {
        let mut text = data.into();
        if text.contains('\r') {
            let mut clean = String::with_capacity(text.len());
            push_lines(&text, &mut clean);
            text = clean;
        }
        Self { text, has_data: true, ..Self::default() }
    }

    /// Sets the event type.
    pub fn with_event(mut self, name: EventName<'_>) -> Self {
        self.set_event(name);
        self
    }

    /// Sets the id; an empty one resets the reader's last event ID.
    pub fn with_id(mut self, id: EventId<'_>) -> Self {
        self.set_id(id);
        self
    }

    /// Sets the event type.
    pub fn set_event(&mut self, name: EventName<'_>) {
        self.replace_event(name.as_str());
    }

    /// Makes the message one that names no event type.
    pub fn clear_event(&mut self) {
        self.replace_event("");
    }

    /// Sets the id; an empty one resets the reader's last event ID.
    pub fn set_id(&mut self, id: EventId<'_>) {
        self.replace_id(id.as_str());
        self.has_own_id = true;
    }

    /// Makes the message one without an id.
    pub fn clear_id(&mut self) {
        self.replace_id("");
        self.has_own_id = false;
    }

    /// Adds a line to the data, or several: what stands there is ended by LF first. CR and CRLF become LF.
    pub fn push_data(&mut self, line: &str) {
        if self.has_data {
            self.text.push('\n');
        }
        self.has_data = true;
        push_lines(line, &mut self.text);
    }

    /// Takes everything out and keeps the memory.
    pub fn reset(&mut self) {
        self.text.clear();
        (self.event_len, self.id_len) = (0, 0);
        (self.has_own_id, self.has_data) = (false, false);
    }

    /// Writes the readable form, which [`Display`](fmt::Display) gives, too.
    ///
    /// It is an event between two comments that are braces: `: {`, `event`, `id`, `data`, `: }` and a blank line, so that it reads as
    /// the same message. One that was given no data shows none, and reads as no message (HTML §9.2.6).
    ///
    /// # Errors
    ///
    /// What `out` says.
    pub fn write_to(&self, out: &mut impl fmt::Write) -> fmt::Result {
        let message = self.as_ref();
        out.write_str(": {\n")?;
        if let Some(event) = message.raw_event_type() {
            writeln!(out, "event: {event}")?;
        }
        if let Some(id) = message.own_id() {
            writeln!(out, "id: {id}")?;
        }
        if self.has_data {
            for line in message.data().split('\n') {
                writeln!(out, "data: {line}")?;
            }
        }
        out.write_str(": }\n\n")
    }

    fn replace_event(&mut self, name: &str) {
        let rest = self.text.get(self.event_len..).unwrap_or_default();
        self.text = [name, rest].concat();
        self.event_len = name.len();
    }

    fn replace_id(&mut self, id: &str) {
        let MessageRef { event_type, data, .. } = self.as_ref();
        self.text = [event_type, id, data].concat();
        self.id_len = id.len();
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_to(f)
    }
}

impl From<String> for Message {
    fn from(data: String) -> Self {
        Self::new(data)
    }
}

impl From<&str> for Message {
    fn from(data: &str) -> Self {
        Self::new(data.to_owned())
    }
}

/// Appends text, with every line end a LF.
fn push_lines(mut text: &str, out: &mut String) {
    while let Some((line, rest)) = memchr2(b'\r', b'\n', text.as_bytes()).and_then(|at| text.split_at_checked(at)) {
        out.push_str(line);
        out.push('\n');
        text = rest.strip_prefix("\r\n").or_else(|| rest.get(1..)).unwrap_or_default();
    }
    out.push_str(text);
}
