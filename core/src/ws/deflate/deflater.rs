use alloc::vec::Vec;

use super::inflater::TAIL;
use super::{Config, Context};
use crate::http::coding::deflate::{Deflate, Flush};

/// Compresses the messages of one direction.
///
/// It holds some 320 KB from the first message on that it compresses: until that is done, or, with [`takeover`](Context::takeover), until
/// the connection ends.
#[derive(Debug)]
pub struct Deflater {
    context: Context,
    deflate: Deflate,
    level: u8,
    min_len: usize,
    /// How many bytes there are that the next one may refer to.
    behind: usize,
}

impl Deflater {
    /// Makes one that compresses in `context`. It is small until it is used.
    pub const fn new(context: Context, config: &Config) -> Self {
        Self { context, deflate: Deflate::new(config.level), level: config.level, min_len: config.min_len, behind: 0 }
    }

    /// Appends the payload of the compressed message; `false`, and nothing is appended, when the message is to be sent as it is: when it is
    /// shorter than [`Config::min_len`], or, without takeover, would not become shorter.
    ///
    /// What is appended is to be sent, and before what is appended later.
    pub fn deflate(&mut self, message: &[u8], out: &mut Vec<u8>) -> bool {
        if message.len() < self.min_len {
            return false;
        }
        let start = out.len();
        self.write(message, out);
        if self.context.takeover {
            return true;
        }
        self.forget();
        let is_shorter = out.len() - start < message.len();
        if !is_shorter {
            out.truncate(start);
        }
        is_shorter
    }

    /// Forgets what was compressed, and gives the memory back: the next message refers to nothing before it.
    ///
    /// For who sends compressed messages besides, which refer to nothing: the peer's window has them, and this one would not.
    pub fn forget(&mut self) {
        self.deflate = Deflate::new(self.level);
        self.behind = 0;
    }

    /// Returns how it compresses.
    pub const fn context(&self) -> Context {
        self.context
    }

    /// Compresses a message such that nothing in it refers to more than a window before, and any message without takeover to nothing
    /// before it; the machine is kept.
    pub(super) fn write(&mut self, message: &[u8], out: &mut Vec<u8>) {
        if message.is_empty() {
            // RFC 7692 §7.2.3.6: "0x00" is the payload of an empty message.
            out.push(0);
            return;
        }
        let start = out.len();
        let window = self.context.bits.window();
        // The machine refers to up to 32 KiB before. In a smaller window it is made to forget in time, here where nothing waits in it …
        let is_too_far = self.context.bits.get() < 15 && self.behind + message.len() > window;
        if self.behind > 0 && (is_too_far || !self.context.takeover) {
            self.deflate.restart();
            self.behind = 0;
        }
        let size = if self.context.bits.get() < 15 { window } else { usize::MAX };
        let mut parts = message.chunks(size).peekable();
        while let Some(part) = parts.next() {
            // … or in the midst of a message that is longer.
            let flush = if parts.peek().is_some() { Flush::Full } else { Flush::Sync };
            self.deflate.run(part, flush, out);
            self.behind = if flush == Flush::Full { 0 } else { self.behind.saturating_add(part.len()) };
        }
        // RFC 7692 §7.2.1: "Remove 4 octets (that are 0x00 0x00 0xff 0xff) from the tail end."
        debug_assert!(out.len() > start + TAIL.len() && out.ends_with(&TAIL));
        out.truncate((out.len() - TAIL.len()).max(start));
    }
}
