use alloc::sync::Arc;
use alloc::vec::Vec;

use super::place::Ending;
use super::{ChannelConfig, Channels, Unregister};
use crate::Instant;
use crate::log::{ConfigureError, ReaderId};
use crate::server::CloseReason;

/// A channel that is registered, or has readers.
#[derive(Debug, Default)]
pub(super) struct Channel {
    /// `None`: not registered, there on demand.
    pub(super) config: Option<ChannelConfig>,
    pub(super) readers: usize,
}

impl Channels {
    /// Registers a channel. One that is registered already takes the new configuration for what comes.
    ///
    /// # Errors
    ///
    /// When its name is too long, or there are too many.
    pub fn register(&mut self, name: &str, config: ChannelConfig) -> Result<(), ConfigureError> {
        self.log.configure(name, config.topic())?;
        self.channels.entry(name.into()).or_default().config = Some(config);
        Ok(())
    }

    /// Unregisters a channel, and returns whether it was registered. What was published until then is given to those who read it, and
    /// to nobody else: a channel that is registered anew begins with nothing.
    pub fn unregister(&mut self, now: Instant, name: &str, readers: Unregister) -> bool {
        self.note_time(now);
        let Some(channel) = self.channels.remove(name) else { return false };
        let of: Vec<ReaderId> = self.log.readers_of(name).collect();
        self.log.detach_topic(name);
        for reader in of {
            match readers {
                Unregister::EndReaders => self.end(reader, Ending { reason: CloseReason::Unregistered, drain: true }),
                // There is nobody to ask any more.
                Unregister::KeepReaders => self.give_up_loading(reader),
            }
        }
        channel.config.is_some()
    }

    /// Returns how the channel is; `None` when it is not there.
    pub(super) fn config_of(&self, name: &str) -> Option<&ChannelConfig> {
        let registered = self.channels.get(name).and_then(|channel| channel.config.as_ref());
        registered.or_else(|| self.config.on_demand.then_some(&self.config.channel))
    }

    /// Counts one more reader of a channel.
    pub(super) fn enter(&mut self, name: &str) -> Arc<str> {
        let name = match self.channels.get_key_value(name) {
            Some((name, _)) => Arc::clone(name),
            None => name.into(),
        };
        self.channels.entry(Arc::clone(&name)).or_default().readers += 1;
        name
    }

    /// Counts one reader less.
    pub(super) fn exit(&mut self, name: &Arc<str>) {
        let Some((known, channel)) = self.channels.get_key_value(name) else { return };
        // A channel of this name that was registered anew is another one.
        if !Arc::ptr_eq(known, name) {
            return;
        }
        if channel.readers <= 1 && channel.config.is_none() {
            self.channels.remove(name);
        } else if let Some(channel) = self.channels.get_mut(name) {
            channel.readers = channel.readers.saturating_sub(1);
        }
    }
}
