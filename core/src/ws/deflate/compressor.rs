use alloc::vec::Vec;

use super::{Config, Context, Deflater, WindowBits};

/// Compresses each message once for all who are sent it: see [`Prepared`](crate::ws::Prepared).
///
/// It keeps some 320 KB from its first longer message on: one for a server, not one for a connection.
#[derive(Debug)]
pub struct Compressor {
    deflater: Deflater,
    min_len: usize,
    compressed: u64,
}

impl Compressor {
    /// Makes one that is small until it is used. It compresses in the window of [`Config::send`], each message alone: what connections
    /// agree on by the same config, they can be sent, unless a peer asked for a smaller window.
    pub const fn new(config: &Config) -> Self {
        let context = Context { takeover: false, bits: config.send.bits };
        Self { deflater: Deflater::new(context, config), min_len: config.min_len, compressed: 0 }
    }

    /// Appends the payload of the compressed message; `false`, and nothing is appended, when the message is to be sent as it is: when it is
    /// shorter than [`Config::min_len`] or would not become shorter.
    pub fn compress(&mut self, message: &[u8], out: &mut Vec<u8>) -> bool {
        if message.len() < self.min_len {
            return false;
        }
        self.compressed += 1;
        let start = out.len();
        self.deflater.write(message, out);
        let is_shorter = out.len() - start < message.len();
        if !is_shorter {
            out.truncate(start);
        }
        is_shorter
    }

    /// Returns the window that it compresses in.
    pub const fn bits(&self) -> WindowBits {
        self.deflater.context().bits
    }

    /// Returns how many messages were compressed.
    pub const fn compressed(&self) -> u64 {
        self.compressed
    }
}

impl Default for Compressor {
    fn default() -> Self {
        Self::new(&Config::default())
    }
}
