use tidewire_core::channels::PublishError;
use tidewire_core::log::EventId;
use tidewire_core::sse::ToMessage;

use crate::{Broadcaster, DeliverError, Delivery};

/// A handle to publish to the channels of a server with, from any thread. A clone is another one.
///
/// None of its methods waits for a reader: what is published is appended to the log of the server, from which each reader reads at its own pace.
#[derive(Clone, Debug)]
pub struct Publisher {
    broadcaster: Broadcaster,
}

impl Publisher {
    pub(crate) fn new(broadcaster: Broadcaster) -> Self {
        Self { broadcaster }
    }

    /// Appends a message to channels, for all their readers; one that reads several of them is given it once. Its id is the
    /// acknowledgement that it was accepted: every reader is given it, or is told of a gap.
    ///
    /// # Errors
    ///
    /// After the server was shut down, for a channel that is not there, and when the message cannot be sent or kept. Nothing is published
    /// then.
    pub fn publish<'c>(
        &self,
        channels: impl IntoIterator<Item = &'c str>,
        message: &(impl ToMessage + ?Sized),
    ) -> Result<EventId, PublishError> {
        self.broadcaster.with(|all, now| all.publish(now, channels, message))
    }

    /// Does what [`publish`](Self::publish) does, and returns what tells when the message is written to the socket of every reader.
    ///
    /// # Errors
    ///
    /// As `publish`, and when too many are waited for already.
    pub fn deliver<'c>(
        &self,
        channels: impl IntoIterator<Item = &'c str>,
        message: &(impl ToMessage + ?Sized),
    ) -> Result<Delivery, DeliverError> {
        self.broadcaster.deliver(channels, message)
    }

    /// Appends a comment to channels.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub fn comment<'c>(
        &self,
        channels: impl IntoIterator<Item = &'c str>,
        text: &str,
    ) -> Result<EventId, PublishError> {
        self.broadcaster.with(|all, now| all.comment(now, channels, text))
    }
}
