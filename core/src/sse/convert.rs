#[cfg(feature = "json")]
use serde::de::DeserializeOwned;

use super::{Message, MessageRef};

/// A type that a message decodes into: see [`MessageRef::decode`].
///
/// ```
/// use tidewire_core::sse::{FromMessage, MessageRef};
///
/// enum Chat {
///     Text(String),
///     Done,
/// }
///
/// impl FromMessage for Chat {
///     type Error = core::convert::Infallible;
///
///     fn from_message(message: MessageRef<'_>) -> Result<Self, Self::Error> {
///         Ok(if message.data() == "[DONE]" { Self::Done } else { Self::Text(message.data().into()) })
///     }
/// }
/// ```
pub trait FromMessage: Sized {
    /// Why a message is none of this type.
    type Error;

    /// Decodes `message`.
    fn from_message(message: MessageRef<'_>) -> Result<Self, Self::Error>;
}

impl FromMessage for Message {
    type Error = core::convert::Infallible;

    fn from_message(message: MessageRef<'_>) -> Result<Self, Self::Error> {
        Ok(message.to_owned())
    }
}

/// Decodes the data of a message as JSON.
#[cfg(feature = "json")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

#[cfg(feature = "json")]
impl<T: DeserializeOwned> FromMessage for Json<T> {
    type Error = serde_json::Error;

    fn from_message(message: MessageRef<'_>) -> Result<Self, Self::Error> {
        serde_json::from_str(message.data()).map(Self)
    }
}

impl MessageRef<'_> {
    /// Decodes the message into a type of the caller's.
    ///
    /// # Errors
    ///
    /// What [`FromMessage::from_message`] of the type says.
    pub fn decode<T: FromMessage>(&self) -> Result<T, T::Error> {
        T::from_message(*self)
    }

    /// Decodes the data as JSON; `None` when there is none but white space: such a message only brings an id, or says that
    /// the server is alive.
    ///
    /// # Errors
    ///
    /// When the data is not the JSON of a `T`.
    #[cfg(feature = "json")]
    pub fn json<T: DeserializeOwned>(&self) -> Result<Option<T>, serde_json::Error> {
        match self.data().trim() {
            "" => Ok(None),
            data => serde_json::from_str(data).map(Some),
        }
    }
}

impl Message {
    /// Decodes the message into a type of the caller's.
    ///
    /// # Errors
    ///
    /// What [`FromMessage::from_message`] of the type says.
    pub fn decode<T: FromMessage>(&self) -> Result<T, T::Error> {
        T::from_message(self.as_ref())
    }

    /// Decodes the data as JSON; `None` when there is none but white space: such a message only brings an id, or says that
    /// the server is alive.
    ///
    /// # Errors
    ///
    /// When the data is not the JSON of a `T`.
    #[cfg(feature = "json")]
    pub fn json<T: DeserializeOwned>(&self) -> Result<Option<T>, serde_json::Error> {
        self.as_ref().json()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_decodes_into_itself() {
        let message = Message::new("7");
        assert_eq!(message.decode(), Ok(message.clone()));
        assert_eq!(message.as_ref().decode(), Ok(message.clone()));
    }

    #[cfg(feature = "json")]
    #[test]
    fn data_decodes_as_json() {
        assert_eq!(Message::new("[1,2]").decode::<Json<[u8; 2]>>().ok(), Some(Json([1, 2])));
        assert!(Message::new("[1,").decode::<Json<[u8; 2]>>().is_err());
    }

    #[cfg(feature = "json")]
    #[test]
    fn no_data_is_no_json_and_no_error() {
        assert_eq!(Message::new("[1,2]").json::<[u8; 2]>().ok(), Some(Some([1, 2])));
        assert!(Message::new("[1,").json::<[u8; 2]>().is_err());
        for data in ["", " ", "\n"] {
            assert_eq!(Message::new(data).json::<[u8; 2]>().ok(), Some(None), "{data:?}");
        }
    }
}
