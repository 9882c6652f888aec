//! Where the events of every parser go.

use std::hash::{DefaultHasher, Hasher};
use std::hint::black_box;

/// Looks at each event: just enough that no parser can leave it out, or all of it.
#[derive(Debug, Default)]
pub struct Sink {
    hasher: Option<DefaultHasher>,
    events: u64,
    bytes: u64,
}

impl Sink {
    /// Returns a sink that looks at every byte.
    pub fn checking() -> Self {
        Self { hasher: Some(DefaultHasher::new()), ..Self::default() }
    }

    /// Takes an event.
    #[inline]
    pub fn event(&mut self, event_type: &str, data: &str) {
        self.events += 1;
        self.bytes += (event_type.len() + data.len()) as u64;
        black_box((event_type, data));
        if let Some(hasher) = &mut self.hasher {
            for text in [event_type, data] {
                hasher.write_usize(text.len());
                hasher.write(text.as_bytes());
            }
        }
    }

    /// Takes what is no event: a comment or a reconnection time.
    #[inline]
    pub fn other(&mut self, bytes: usize) {
        black_box(bytes);
    }

    /// Returns how many events came, how many bytes they had, and the checksum of a checking sink.
    pub fn sums(&self) -> (u64, u64, u64) {
        (self.events, self.bytes, self.hasher.as_ref().map_or(0, Hasher::finish))
    }
}
