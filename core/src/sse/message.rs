use alloc::string::String;
use core::fmt;

/// The event type of a message that names none (HTML §9.2.6).
const DEFAULT_EVENT_TYPE: &str = "message";

/// A message lent by a [`Parser`](super::Parser), or a view of a [`Message`].
///
/// Two messages are equal when event type, own id and data are; the last event ID belongs to the stream around them.
#[derive(Clone, Copy)]
pub struct MessageRef<'a> {
    pub(super) event_type: &'a str,
    pub(super) last_event_id: &'a str,
    pub(super) data: &'a str,
    pub(super) has_own_id: bool,
}

impl<'a> MessageRef<'a> {
    /// Returns the event type, `message` when the message named none.
    #[inline]
    pub fn event_type(&self) -> &'a str {
        if self.event_type.is_empty() { DEFAULT_EVENT_TYPE } else { self.event_type }
    }

    /// Returns the event type as sent, if one was sent and is not empty.
    #[inline]
    pub fn raw_event_type(&self) -> Option<&'a str> {
        Some(self.event_type).filter(|name| !name.is_empty())
    }

    /// Returns the data: its lines joined by LF.
    #[inline]
    pub fn data(&self) -> &'a str {
        self.data
    }

    /// Returns the id that this message itself brought, which may be empty.
    #[inline]
    pub fn own_id(&self) -> Option<&'a str> {
        self.has_own_id.then_some(self.last_event_id)
    }

    /// Returns the last event ID of the stream at this message: its own or the one before.
    #[inline]
    pub fn last_event_id(&self) -> &'a str {
        self.last_event_id
    }

    /// Copies the message, with one allocation.
    // `ToOwned` cannot be: `MessageRef` is `Clone`.
    #[allow(clippy::should_implement_trait)]
    #[inline]
    pub fn to_owned(&self) -> Message {
        let (event_len, id_len) = (self.event_type.len(), self.last_event_id.len());
        let mut text = String::with_capacity(event_len + id_len + self.data.len());
        if event_len != 0 {
            text.push_str(self.event_type);
        }
        if id_len != 0 {
            text.push_str(self.last_event_id);
        }
        text.push_str(self.data);
        Message { text, event_len, id_len, has_own_id: self.has_own_id, has_data: true }
    }
}

impl fmt::Debug for MessageRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("event_type", &self.event_type())
            .field("own_id", &self.own_id())
            .field("last_event_id", &self.last_event_id)
            .field("data", &self.data)
            .finish()
    }
}

impl PartialEq for MessageRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.event_type == other.event_type && self.own_id() == other.own_id() && self.data == other.data
    }
}

impl Eq for MessageRef<'_> {}

/// A message to keep or to send.
///
/// Two messages are equal when event type, own id and data are; the last event ID belongs to the stream around them.
#[derive(Clone, Default)]
pub struct Message {
    /// Event type, last event ID and data, one behind the other: one allocation.
    pub(super) text: String,
    /// Bytes of the event type; 0: none.
    pub(super) event_len: usize,
    /// Bytes of the last event ID.
    pub(super) id_len: usize,
    /// Whether this message itself brought the last event ID.
    pub(super) has_own_id: bool,
    /// Whether there is a line of data, be it an empty one.
    pub(super) has_data: bool,
}

impl Message {
    /// Returns the event type, `message` when the message names none.
    pub fn event_type(&self) -> &str {
        self.as_ref().event_type()
    }

    /// Returns the event type, if there is one and it is not empty.
    pub fn raw_event_type(&self) -> Option<&str> {
        self.as_ref().raw_event_type()
    }

    /// Returns the data: its lines joined by LF.
    pub fn data(&self) -> &str {
        self.as_ref().data
    }

    /// Returns the id that this message itself brings, which may be empty.
    pub fn own_id(&self) -> Option<&str> {
        self.as_ref().own_id()
    }

    /// Returns the last event ID of the stream at this message: its own or the one before.
    pub fn last_event_id(&self) -> &str {
        self.as_ref().last_event_id
    }

    /// Lends the message.
    // The trait `AsRef` cannot be: what is lent is not a reference.
    #[allow(clippy::should_implement_trait)]
    pub fn as_ref(&self) -> MessageRef<'_> {
        let (event_type, rest) = self.text.split_at_checked(self.event_len).unwrap_or_default();
        let (last_event_id, data) = rest.split_at_checked(self.id_len).unwrap_or_default();
        MessageRef { event_type, last_event_id, data, has_own_id: self.has_own_id }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.as_ref() == other.as_ref()
    }
}

impl Eq for Message {}

impl From<MessageRef<'_>> for Message {
    fn from(message: MessageRef<'_>) -> Self {
        message.to_owned()
    }
}

impl<'a> From<&'a Message> for MessageRef<'a> {
    fn from(message: &'a Message) -> Self {
        message.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owned_message_tells_what_the_lent_one_does() {
        let lent = MessageRef { event_type: "greeting", last_event_id: "7", data: "hä\nllo", has_own_id: false };
        let owned = lent.to_owned();
        assert_eq!(owned.as_ref(), lent);
        assert_eq!(Message::from(lent), owned);
        assert_eq!(MessageRef::from(&owned), lent);
        assert_eq!((owned.event_type(), owned.raw_event_type()), ("greeting", Some("greeting")));
        assert_eq!((owned.own_id(), owned.last_event_id(), owned.data()), (None, "7", "hä\nllo"));
        assert_eq!(owned.text.capacity(), owned.text.len());
    }

    #[test]
    fn message_without_a_type_is_of_type_message() {
        let message = Message::default();
        assert_eq!((message.event_type(), message.raw_event_type()), ("message", None));
    }

    #[test]
    fn last_event_id_of_the_stream_makes_no_message_different() {
        let message = |last_event_id, has_own_id| MessageRef { event_type: "", last_event_id, data: "x", has_own_id };
        assert_eq!(message("1", false), message("2", false));
        assert_ne!(message("1", true), message("2", true));
        assert_ne!(message("", true), message("", false));
    }

    #[test]
    fn debug_form_shows_every_part() {
        let message = Message::new("x").with_id(crate::sse::EventId::new("7").unwrap());
        let expected = r#"Message { event_type: "message", own_id: Some("7"), last_event_id: "7", data: "x" }"#;
        assert_eq!(alloc::format!("{message:?}"), expected);
        assert_eq!(alloc::format!("{:?}", message.as_ref()), expected);
    }
}
