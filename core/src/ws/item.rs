use alloc::string::String;

use bytes::Bytes;

use super::{CloseCode, CloseFrame, Error, Message};

/// What a [`Reader`](super::Reader) found, lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A text message.
    Text(&'a str),
    /// A message of any bytes.
    Binary(&'a [u8]),
    /// A ping, with at most [`MAX_CONTROL`](super::MAX_CONTROL) bytes, which the pong is to have too.
    Ping(&'a [u8]),
    /// A pong, with at most [`MAX_CONTROL`](super::MAX_CONTROL) bytes.
    Pong(&'a [u8]),
    /// The peer will send no more: the code and the reason, of at most [`MAX_REASON`](super::MAX_REASON) bytes, if it gave a code.
    Close(Option<(CloseCode, &'a str)>),
}

/// What a [`Reader`](super::Reader) found, owned: each with one allocation at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnedItem {
    /// A message.
    Message(Message),
    /// A ping.
    Ping(Bytes),
    /// A pong.
    Pong(Bytes),
    /// The peer will send no more.
    Close(Option<CloseFrame>),
}

impl Item<'_> {
    /// Returns a copy that is owned.
    #[inline]
    pub fn to_owned(&self) -> OwnedItem {
        match *self {
            Self::Text(text) => OwnedItem::Message(text.into()),
            Self::Binary(bytes) => OwnedItem::Message(Message::Binary(Bytes::copy_from_slice(bytes))),
            Self::Ping(payload) => OwnedItem::Ping(Bytes::copy_from_slice(payload)),
            Self::Pong(payload) => OwnedItem::Pong(Bytes::copy_from_slice(payload)),
            Self::Close(said) => {
                OwnedItem::Close(said.map(|(code, reason)| CloseFrame { code, reason: String::from(reason) }))
            }
        }
    }
}

/// Reads the payload of a close frame.
pub(super) fn read_close(payload: &[u8]) -> Result<Option<(CloseCode, &str)>, Error> {
    // RFC 6455 §5.5.1: "If there is a body, the first two bytes of the body MUST be a 2-byte unsigned integer".
    let Some((code, reason)) = payload.split_first_chunk() else {
        return if payload.is_empty() { Ok(None) } else { Err(Error::CloseTooShort) };
    };
    let number = u16::from_be_bytes(*code);
    let code = CloseCode::new(number).ok_or(Error::CloseCode(number))?;
    let reason = core::str::from_utf8(reason).map_err(|_| Error::CloseReason)?;
    Ok(Some((code, reason)))
}
