use super::recent::Recent;
use super::{Burst, Messages};
#[cfg(feature = "deflate")]
use crate::ws::deflate::{self, Compressor};

/// The bursts that were last made [messages](Messages) of WebSocket, so that each is once for all who read it so, and compressed at most
/// once.
///
/// It keeps 16 bursts in both forms, whatever readers do; and some 320 KB from the first that is compressed on.
#[derive(Debug, Default)]
pub struct Framer {
    recent: Recent,
    framed: u64,
    #[cfg(feature = "deflate")]
    compressor: Compressor,
}

impl Framer {
    /// Makes one that is small until it is used.
    pub fn new() -> Self {
        Self {
            recent: Recent::new(),
            framed: 0,
            #[cfg(feature = "deflate")]
            compressor: Compressor::default(),
        }
    }

    /// Has messages compressed as `config` says, for readers that agreed on it.
    #[cfg(feature = "deflate")]
    pub fn set_deflate(&mut self, config: &deflate::Config) {
        self.compressor = Compressor::new(config);
    }

    /// Returns the burst with its [messages](Burst::messages), also compressed where `compress` says so.
    pub fn frame(&mut self, burst: &Burst, compress: bool) -> &Burst {
        let framed = &mut self.framed;
        let found = self.recent.find(burst, |burst| {
            *framed += 1;
            burst.set_messages(Messages::of(&burst.bytes()));
        });
        #[cfg(feature = "deflate")]
        if compress {
            found.compress_messages(&mut self.compressor);
        }
        let _: bool = compress;
        found
    }

    /// Makes messages of a burst that is one reader's alone, and keeps nothing of it.
    pub fn frame_own(&mut self, burst: &mut Burst, compress: bool) {
        burst.set_messages(Messages::of(&burst.bytes()));
        #[cfg(feature = "deflate")]
        if compress {
            burst.compress_messages(&mut self.compressor);
        }
        let _: bool = compress;
    }

    /// Returns how many bursts were made messages of.
    pub const fn framed(&self) -> u64 {
        self.framed
    }

    /// Returns how many messages were compressed.
    #[cfg(feature = "deflate")]
    pub const fn compressed(&self) -> u64 {
        self.compressor.compressed()
    }
}
