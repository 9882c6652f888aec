use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;

use super::PublishError;
use crate::log::Burst;
use crate::server::CloseReason;
use crate::sse::ToMessage;

/// What [`Channels::read`](super::Channels::read) gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read<'a> {
    /// To be written as it is: publications, or what tells of a gap.
    Burst {
        /// The bytes, shared with all readers that stand at the same place.
        burst: &'a Burst,
        /// Whether there is more to read already: the reader is not woken again before it has read it.
        more: bool,
    },
    /// The application's repository is asked for what comes next; [`handle_loaded`](super::Channels::handle_loaded) takes the answer.
    Load(Load),
    /// The stream ends. There is nothing more to read.
    End(End),
}

/// What the repository of a channel is asked: what follows an id, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// The channel.
    pub channel: Arc<str>,
    /// The id after which to begin, exclusively; `None`: with the first.
    pub after: Option<Box<str>>,
    /// The most publications that are wanted.
    pub max_publications: usize,
    /// About how many bytes are wanted.
    pub max_bytes: usize,
}

impl Load {
    /// Asks for what follows `id` in `channel`, without a limit.
    pub fn after(channel: &str, id: &str) -> Self {
        Self { after: Some(id.into()), ..Self::all(channel) }
    }

    /// Asks for all of `channel`, without a limit.
    pub fn all(channel: &str) -> Self {
        Self { channel: channel.into(), after: None, max_publications: usize::MAX, max_bytes: usize::MAX }
    }
}

/// What a repository answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Own ids and encoded events, oldest first.
    pub publications: Vec<(Box<str>, Bytes)>,
    /// Whether more follows these.
    pub more: bool,
    /// Whether the store does not know the id it was asked about, or not any longer: the reader is told of a gap, and these begin with
    /// the oldest that there is.
    pub missed: bool,
}

impl Batch {
    /// Appends a message with an id of its own.
    ///
    /// # Errors
    ///
    /// It has none, or its id or event type cannot be sent; nothing was appended.
    pub fn push(&mut self, message: &(impl ToMessage + ?Sized)) -> Result<(), PublishError> {
        let id = message.own_id().ok_or(PublishError::NoOwnId)?;
        let mut bytes = Vec::new();
        message.encode_to(&mut bytes).map_err(PublishError::Name)?;
        self.publications.push((id.into(), bytes.into()));
        Ok(())
    }
}

/// How a stream ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Why.
    pub reason: CloseReason,
    /// The reader's own reconnection time.
    pub retry: Option<Duration>,
    /// The last event, to be written before it.
    pub last: Option<Bytes>,
}
