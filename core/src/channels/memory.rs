use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use core::time::Duration;

use bytes::Bytes;

use super::{Batch, Load, PublishError};
use crate::sse::ToMessage;
use crate::{Instant, log};

/// Bounds of a [`Memory`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MemoryConfig {
    /// Messages kept of a channel, at least 1; beyond it the oldest goes. Default 10,000.
    pub max_publications: usize,
    /// Bytes kept of a channel, with 192 for each message; beyond it the oldest goes. Default 8 MiB.
    pub max_channel_bytes: usize,
    /// Bytes kept of all channels, counted alike; beyond it the oldest of all goes. Default 256 MiB.
    pub max_bytes: usize,
    /// Channels known at once; beyond it that one goes that was added to least recently. Default 100,000.
    pub max_channels: usize,
    /// Age at which a message goes, if any. Default 24 h.
    pub max_age: Option<Duration>,
}

impl Default for MemoryConfig {
    fn default() -> Self {
        Self {
            max_publications: 10_000,
            max_channel_bytes: 8 << 20,
            max_bytes: 256 << 20,
            max_channels: 100_000,
            max_age: Some(Duration::from_secs(24 * 60 * 60)),
        }
    }
}

/// The built-in repository: messages with ids of their own, in the order in which they were added.
///
/// What follows an id begins *behind* it, and adding an id that is there replaces its message at its place.
///
/// ```
/// use tidewire_core::Instant;
/// use tidewire_core::channels::{Load, Memory, MemoryConfig};
/// use tidewire_core::sse::{EventId, Message};
///
/// let now = Instant::START;
/// let mut memory = Memory::new(MemoryConfig::default());
/// for id in ["9", "10"] {
///     memory.add(now, "news", &Message::new("text").with_id(EventId::new(id)?))?;
/// }
/// let batch = memory.load(now, &Load::after("news", "9"));
/// assert_eq!(batch.publications, [("10".into(), "id: 10\ndata: text\n\n".into())]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Memory {
    config: MemoryConfig,
    channels: BTreeMap<Arc<str>, Stored>,
    /// All that is kept, oldest first.
    order: BTreeMap<u64, Arc<str>>,
    /// The channels by when they were added to last.
    recent: BTreeSet<(u64, Arc<str>)>,
    next: u64,
    bytes: usize,
}

/// One channel's messages by the order in which they were added.
#[derive(Debug, Default)]
struct Stored {
    messages: BTreeMap<u64, Kept>,
    ids: BTreeMap<Arc<str>, u64>,
    /// The id that went last: what follows it is still here.
    gone: Option<Arc<str>>,
    bytes: usize,
    last: u64,
}

#[derive(Debug)]
struct Kept {
    id: Arc<str>,
    bytes: Bytes,
    at: Instant,
}

impl Memory {
    /// Makes an empty one.
    pub const fn new(config: MemoryConfig) -> Self {
        Self { config, channels: BTreeMap::new(), order: BTreeMap::new(), recent: BTreeSet::new(), next: 0, bytes: 0 }
    }

    /// Adds a message behind all others of the channel, or in the place of the one with its id.
    ///
    /// # Errors
    ///
    /// It has no id of its own, cannot be sent, or is larger than all that is kept; nothing has changed then.
    pub fn add(
        &mut self,
        now: Instant,
        channel: &str,
        message: &(impl ToMessage + ?Sized),
    ) -> Result<(), PublishError> {
        let id = message.own_id().filter(|id| !id.is_empty()).ok_or(PublishError::NoOwnId)?;
        let mut bytes = alloc::vec::Vec::new();
        message.encode_to(&mut bytes).map_err(PublishError::Name)?;
        let size = bytes.len() + OVERHEAD;
        if size > self.config.max_channel_bytes.min(self.config.max_bytes) {
            return Err(PublishError::Log(log::PublishError::TooLarge));
        }
        self.evict_aged(now);
        let name = self.enter(channel);
        let Some(stored) = self.channels.get_mut(&name) else { return Ok(()) };

        self.next += 1;
        self.recent.remove(&(stored.last, Arc::clone(&name)));
        stored.last = self.next;
        self.recent.insert((self.next, Arc::clone(&name)));
        let known = stored.ids.get(id).copied();
        if let Some(kept) = known.and_then(|known| stored.messages.get_mut(&known)) {
            let old = kept.size();
            kept.bytes = bytes.into();
            stored.bytes = stored.bytes - old + size;
            self.bytes = self.bytes - old + size;
        } else {
            let id: Arc<str> = id.into();
            stored.ids.insert(Arc::clone(&id), self.next);
            stored.messages.insert(self.next, Kept { id, bytes: bytes.into(), at: now });
            stored.bytes += size;
            self.bytes += size;
            self.order.insert(self.next, Arc::clone(&name));
        }

        while let Some(stored) = self.channels.get(&name)
            && (stored.messages.len() > self.config.max_publications.max(1)
                || stored.bytes > self.config.max_channel_bytes)
            && let Some(oldest) = stored.messages.keys().next().copied()
        {
            self.evict(oldest);
        }
        while self.bytes > self.config.max_bytes
            && let Some(oldest) = self.order.keys().next().copied()
        {
            self.evict(oldest);
        }
        Ok(())
    }

    /// Answers what a reader is to be given next.
    pub fn load(&mut self, now: Instant, load: &Load) -> Batch {
        self.evict_aged(now);
        let mut batch = Batch::default();
        let Some(stored) = self.channels.get(&*load.channel) else {
            batch.missed = load.after.is_some();
            return batch;
        };
        let after = match load.after.as_deref() {
            None => 0,
            Some(id) => match stored.ids.get(id) {
                Some(place) => *place,
                None => {
                    batch.missed = stored.gone.as_deref() != Some(id);
                    0
                }
            },
        };
        let mut bytes = 0;
        for kept in stored.messages.range(after + 1..).map(|(_, kept)| kept) {
            let full = bytes + kept.bytes.len() > load.max_bytes || batch.publications.len() >= load.max_publications;
            if full && !batch.publications.is_empty() {
                batch.more = true;
                break;
            }
            bytes += kept.bytes.len();
            batch.publications.push((Box::from(&*kept.id), kept.bytes.clone()));
        }
        batch
    }

    /// Forgets a channel and all that was kept of it.
    pub fn remove(&mut self, channel: &str) {
        let Some((name, stored)) = self.channels.remove_entry(channel) else { return };
        self.bytes -= stored.bytes;
        for place in stored.messages.keys() {
            self.order.remove(place);
        }
        self.recent.remove(&(stored.last, name));
    }

    /// Returns how many messages are kept.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Tells whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Returns what they count in bytes, with 192 for each.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the name of a channel that is known from here on.
    fn enter(&mut self, channel: &str) -> Arc<str> {
        if let Some((name, _)) = self.channels.get_key_value(channel) {
            return Arc::clone(name);
        }
        if self.channels.len() >= self.config.max_channels.max(1)
            && let Some((_, oldest)) = self.recent.first().cloned()
        {
            self.remove(&oldest);
        }
        let name: Arc<str> = channel.into();
        self.channels.insert(Arc::clone(&name), Stored::default());
        self.recent.insert((0, Arc::clone(&name)));
        name
    }

    fn evict_aged(&mut self, now: Instant) {
        let Some(max_age) = self.config.max_age else { return };
        while let Some((place, channel)) = self.order.first_key_value()
            && let Some(kept) = self.channels.get(channel).and_then(|stored| stored.messages.get(place))
            && kept.at + max_age <= now
        {
            let place = *place;
            self.evict(place);
        }
    }

    fn evict(&mut self, place: u64) {
        let Some(stored) = self.order.remove(&place).and_then(|channel| self.channels.get_mut(&channel)) else {
            return;
        };
        let Some(kept) = stored.messages.remove(&place) else { return };
        stored.ids.remove(&kept.id);
        stored.bytes -= kept.size();
        self.bytes -= kept.size();
        stored.gone = Some(kept.id);
    }
}

impl Kept {
    fn size(&self) -> usize {
        self.bytes.len() + OVERHEAD
    }
}

/// An id and its place in three maps.
const OVERHEAD: usize = 192;
