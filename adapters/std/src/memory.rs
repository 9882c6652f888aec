use std::sync::{Mutex, MutexGuard, PoisonError};

use tidewire_core::channels::{self, Load, MemoryConfig, PublishError};
use tidewire_core::sse::ToMessage;

use crate::Clock;
use crate::repository::{Loading, Repository};

/// The built-in [`Repository`]: messages with ids of the application, in the order in which they were added, whatever their ids look like;
/// bounded by count, bytes and age. Shared by `Arc`.
///
/// ```
/// use std::sync::Arc;
///
/// use tidewire_core::channels::ChannelConfig;
/// use tidewire_core::sse::{EventId, Message};
/// use tidewire_std::{EventServer, Memory};
///
/// let memory = Arc::new(Memory::default());
/// let server = EventServer::default();
/// server.register_with("news", ChannelConfig::default(), Arc::clone(&memory))?;
///
/// // Stored first, published after.
/// let article = Message::new("The tide is high").with_id(EventId::new("2026-07-01")?);
/// memory.add("news", &article)?;
/// server.publisher().publish(["news"], &article)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Memory {
    clock: Clock,
    kept: Mutex<channels::Memory>,
}

impl Memory {
    /// Makes an empty one.
    pub fn new(config: MemoryConfig) -> Self {
        Self { clock: Clock::start(), kept: Mutex::new(channels::Memory::new(config)) }
    }

    /// Adds a message behind all others of the channel, or in the place of the one with its id.
    ///
    /// # Errors
    ///
    /// It has no id of its own, cannot be sent, or is larger than all that is kept; nothing has changed then.
    pub fn add(&self, channel: &str, message: &(impl ToMessage + ?Sized)) -> Result<(), PublishError> {
        self.lock().add(self.clock.now(), channel, message)
    }

    /// Forgets a channel and all that was kept of it.
    pub fn remove(&self, channel: &str) {
        self.lock().remove(channel);
    }

    /// Returns how many messages are kept.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Tells whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, channels::Memory> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new(MemoryConfig::default())
    }
}

impl Repository for Memory {
    fn following<'a>(&'a self, load: &'a Load) -> Loading<'a> {
        Loading::ready(Ok(self.lock().load(self.clock.now(), load)))
    }
}
