use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::{EventId, EventName, Fields, Message, MessageRef, NameError, encode};

/// A type that can be sent as a message: anything with data, and perhaps an id and an event type.
///
/// Ids and event types need not be checked beforehand: one that cannot be sent is refused, and nothing is written.
///
/// ```
/// use std::borrow::Cow;
/// use tidewire_core::sse::ToMessage;
///
/// struct Price {
///     number: String,
///     cents: u32,
/// }
///
/// impl ToMessage for Price {
///     fn own_id(&self) -> Option<&str> {
///         Some(&self.number)
///     }
///     fn data(&self) -> Cow<'_, str> {
///         self.cents.to_string().into()
///     }
/// }
///
/// let mut out = Vec::new();
/// Price { number: "7".into(), cents: 499 }.encode_to(&mut out)?;
/// assert_eq!(out, b"id: 7\ndata: 499\n\n");
/// assert!(Price { number: "7\ndata: 0".into(), cents: 499 }.encode_to(&mut out).is_err());
/// # Ok::<(), tidewire_core::sse::NameError>(())
/// ```
pub trait ToMessage {
    /// Returns the id, if there is one; an empty one resets the reader's last event ID. None unless overridden.
    fn own_id(&self) -> Option<&str> {
        None
    }

    /// Returns the event type, if there is one; an empty one is none. None unless overridden.
    fn raw_event_type(&self) -> Option<&str> {
        None
    }

    /// Returns the data.
    fn data(&self) -> Cow<'_, str>;

    /// Appends the message to a buffer, as [`encode`](super::encode) does.
    ///
    /// # Errors
    ///
    /// Id or event type cannot be sent; nothing was appended.
    fn encode_to(&self, out: &mut Vec<u8>) -> Result<(), NameError> {
        let (id, event) = checked(self)?;
        Fields { id: id.as_ref(), event: event.as_ref(), retry: None, data: &self.data() }.encode(out);
        Ok(())
    }

    /// Returns the message to keep.
    ///
    /// # Errors
    ///
    /// Id or event type cannot be sent.
    fn to_message(&self) -> Result<Message, NameError> {
        let (id, event) = checked(self)?;
        let mut message = Message::new(self.data());
        if let Some(id) = id {
            message.set_id(id);
        }
        if let Some(event) = event {
            message.set_event(event);
        }
        Ok(message)
    }
}

/// A text is the data of a message with nothing else.
impl ToMessage for str {
    fn data(&self) -> Cow<'_, str> {
        self.into()
    }
}

impl ToMessage for String {
    fn data(&self) -> Cow<'_, str> {
        self.into()
    }
}

impl ToMessage for Message {
    fn own_id(&self) -> Option<&str> {
        Self::own_id(self)
    }

    fn raw_event_type(&self) -> Option<&str> {
        Self::raw_event_type(self)
    }

    fn data(&self) -> Cow<'_, str> {
        Self::data(self).into()
    }

    // What a parser gave may have a NUL in its event type and is sent as it came.
    fn encode_to(&self, out: &mut Vec<u8>) -> Result<(), NameError> {
        encode(self.as_ref(), None, out);
        Ok(())
    }

    fn to_message(&self) -> Result<Message, NameError> {
        Ok(self.clone())
    }
}

impl ToMessage for MessageRef<'_> {
    fn own_id(&self) -> Option<&str> {
        Self::own_id(self)
    }

    fn raw_event_type(&self) -> Option<&str> {
        Self::raw_event_type(self)
    }

    fn data(&self) -> Cow<'_, str> {
        Self::data(self).into()
    }

    // What a parser gave may have a NUL in its event type and is sent as it came.
    fn encode_to(&self, out: &mut Vec<u8>) -> Result<(), NameError> {
        encode(*self, None, out);
        Ok(())
    }

    fn to_message(&self) -> Result<Message, NameError> {
        Ok(Self::to_owned(self))
    }
}

impl<T: ToMessage + ?Sized> ToMessage for &T {
    fn own_id(&self) -> Option<&str> {
        T::own_id(self)
    }

    fn raw_event_type(&self) -> Option<&str> {
        T::raw_event_type(self)
    }

    fn data(&self) -> Cow<'_, str> {
        T::data(self)
    }

    fn encode_to(&self, out: &mut Vec<u8>) -> Result<(), NameError> {
        T::encode_to(self, out)
    }

    fn to_message(&self) -> Result<Message, NameError> {
        T::to_message(self)
    }
}

type Checked<'a> = (Option<EventId<'a>>, Option<EventName<'a>>);

fn checked<T: ToMessage + ?Sized>(message: &T) -> Result<Checked<'_>, NameError> {
    let id = message.own_id().map(EventId::new).transpose()?;
    let event = message.raw_event_type().filter(|name| !name.is_empty()).map(EventName::new).transpose()?;
    Ok((id, event))
}
