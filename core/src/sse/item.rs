use alloc::boxed::Box;
use core::time::Duration;

use super::{Message, MessageRef};

/// What a [`Parser`](super::Parser) finds, lent from the chunk or from the parser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A message, at its blank line.
    Message(MessageRef<'a>),
    /// The text of a comment line behind its colon, at the end of the line.
    Comment(&'a str),
    /// A new reconnection time, at the end of its line.
    Retry(Duration),
}

impl Item<'_> {
    /// Copies the item, with one allocation at most.
    // `ToOwned` cannot be: `Item` is `Clone`.
    #[allow(clippy::should_implement_trait)]
    #[inline]
    pub fn to_owned(&self) -> Event {
        match self {
            Self::Message(message) => Event::Message(message.to_owned()),
            Self::Comment(text) => Event::Comment(Box::from(*text)),
            Self::Retry(time) => Event::Retry(*time),
        }
    }
}

/// An [`Item`] to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A message.
    Message(Message),
    /// The text of a comment line behind its colon.
    Comment(Box<str>),
    /// A new reconnection time.
    Retry(Duration),
}
