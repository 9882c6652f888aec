use alloc::string::ToString;
use alloc::vec::Vec;

use super::{Channels, PublishError};
use crate::Instant;
use crate::log::{self, EventId, Watch, WatchError, Written};
use crate::sse::{self, EventName, Fields, ToMessage};

impl Channels {
    /// Appends a message to channels, for all their readers; one that reads several of them is given it once. Returns its id: from
    /// then on it is accepted.
    ///
    /// On channels of the server's ids the event bears the id that is returned, and the message must not have one of its own. On a channel of
    /// the application's ids it must, and that is the id of the event.
    ///
    /// # Errors
    ///
    /// After [`shutdown`](Self::shutdown), for a channel that is not there, and when it cannot be sent or kept. Nothing is published then.
    pub fn publish<'c>(
        &mut self,
        now: Instant,
        channels: impl IntoIterator<Item = &'c str>,
        message: &(impl ToMessage + ?Sized),
    ) -> Result<EventId, PublishError> {
        let names: Vec<&str> = channels.into_iter().collect();
        let own_ids = self.check(&names)?;
        if own_ids {
            let id = message.own_id().filter(|id| !id.is_empty()).ok_or(PublishError::NoOwnId)?;
            let mut bytes = Vec::new();
            message.encode_to(&mut bytes).map_err(PublishError::Name)?;
            self.note_time(now);
            let published = self.log.publish_own(now, &names, id, |_, out| out.extend_from_slice(&bytes));
            return self.published(published);
        }
        if message.own_id().is_some() {
            return Err(PublishError::OwnId);
        }
        let event = message.raw_event_type().filter(|name| !name.is_empty()).map(EventName::new).transpose();
        let event = event.map_err(PublishError::Name)?;
        let data = message.data();
        self.publish_with(now, names, |id, out| {
            let id = id.to_string();
            let id = sse::EventId::new(&*id).ok();
            Fields { id: id.as_ref(), event: event.as_ref(), retry: None, data: &data }.encode(out);
        })
    }

    /// Appends a publication to channels as [`publish`](Self::publish) does; `encode` is given its id and appends its bytes, whole events.
    /// On a channel of the application's ids it has none of those, as a comment has none.
    ///
    /// # Errors
    ///
    /// As `publish`.
    pub fn publish_with<'c>(
        &mut self,
        now: Instant,
        channels: impl IntoIterator<Item = &'c str>,
        encode: impl FnOnce(EventId, &mut Vec<u8>),
    ) -> Result<EventId, PublishError> {
        let names: Vec<&str> = channels.into_iter().collect();
        self.check(&names)?;
        self.note_time(now);
        let published = self.log.publish_to(now, &names, encode);
        self.published(published)
    }

    /// Appends a comment to channels, as [`publish`](Self::publish) does a message.
    ///
    /// # Errors
    ///
    /// As `publish`.
    pub fn comment<'c>(
        &mut self,
        now: Instant,
        channels: impl IntoIterator<Item = &'c str>,
        text: &str,
    ) -> Result<EventId, PublishError> {
        self.publish_with(now, channels, |_, out| sse::encode_comment(text, out))
    }

    /// Watches a publication until it is [written](Self::poll_written) to the sockets of all who read it.
    ///
    /// # Errors
    ///
    /// When too many are watched.
    pub fn watch(&mut self, id: EventId) -> Result<Watch, WatchError> {
        self.log.watch(id)
    }

    /// Returns what became of the next publication that was watched: every reader that read one of its channels has written it to its
    /// socket, moved past it, or left.
    pub fn poll_written(&mut self) -> Option<Written> {
        self.log.poll_written()
    }

    /// Counts a publication and ends those who are too far behind for it.
    fn published(&mut self, published: Result<EventId, log::PublishError>) -> Result<EventId, PublishError> {
        let id = published.map_err(|error| match error {
            log::PublishError::NoTopics => PublishError::NoChannels,
            error => PublishError::Log(error),
        })?;
        self.totals.published += 1;
        self.end_lagging();
        Ok(id)
    }

    /// Tells whether the channels are all there, and whether their ids belong to the application.
    fn check(&self, names: &[&str]) -> Result<bool, PublishError> {
        if self.closed {
            return Err(PublishError::Closed);
        }
        let mut own_ids = false;
        for name in names {
            own_ids |= self.config_of(name).ok_or(PublishError::UnknownChannel)?.has_own_ids();
        }
        // One id cannot be of two kinds.
        if own_ids && names.len() > 1 && !names.iter().all(|name| self.config_of(name).is_some_and(|c| c.has_own_ids()))
        {
            return Err(PublishError::MixedIds);
        }
        Ok(own_ids)
    }
}
