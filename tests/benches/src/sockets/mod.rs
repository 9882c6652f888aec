//! WebSocket in memory: the same bytes to and from every contestant.

mod memory;
pub mod receive;
pub mod send;

use tidewire_core::ws::{FrameHeader, Opcode, encode_frame};
use tidewire_core::{Random, SplitMix64};

pub use memory::Memory;

/// A kind of traffic: text messages of one length, a frame each.
#[derive(Clone, Copy, Debug)]
pub struct Traffic {
    /// What it is called.
    pub name: &'static str,
    /// Bytes of a message.
    pub len: usize,
    /// How many there are in one pass.
    pub count: usize,
    /// What the text repeats.
    pub text: &'static str,
}

/// What is measured: as much as stays in a cache of the second level, but for the largest.
pub const TRAFFIC: [Traffic; 4] = [
    Traffic { name: "32 B", len: 32, count: 8192, text: ASCII },
    Traffic { name: "1 KiB", len: 1024, count: 512, text: ASCII },
    Traffic { name: "1 KiB, CJK", len: 1024, count: 512, text: "実時間の流れ" },
    Traffic { name: "64 KiB", len: 64 << 10, count: 32, text: ASCII },
];

const ASCII: &str = "{\"room\":\"lobby\",\"text\":\"hello\"} ";

impl Traffic {
    /// Returns the text of every message.
    pub fn message(&self) -> String {
        let mut text = String::new();
        for character in self.text.chars().cycle() {
            if text.len() + character.len_utf8() > self.len {
                break;
            }
            text.push(character);
        }
        // Where no more of them fits, dots do.
        text.extend(std::iter::repeat_n('.', self.len - text.len()));
        text
    }

    /// Returns the frames of one pass as a client sends them: each masked with another key.
    pub fn masked(&self) -> Vec<u8> {
        let (mut random, mut out, message) = (SplitMix64::new(1), Vec::new(), self.message());
        for _ in 0..self.count {
            let mut key = [0; 4];
            random.fill(&mut key);
            let header = FrameHeader { mask: Some(key), ..FrameHeader::new(Opcode::Text, 0) };
            encode_frame(header, message.as_bytes(), &mut out);
        }
        out
    }
}

/// What came, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many messages.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Of all bytes, if they are checked.
    pub hash: u64,
    checks: bool,
}

impl Tally {
    /// Looks at every byte.
    pub fn checking() -> Self {
        Self { checks: true, ..Self::default() }
    }

    /// Counts one.
    #[inline]
    pub fn take(&mut self, message: &[u8]) {
        self.messages += 1;
        self.add(std::hint::black_box(message));
    }

    /// Counts bytes.
    #[inline]
    pub fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        if self.checks {
            for byte in bytes {
                self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
    }
}
