//! The other end of a WebSocket, written for the tests alone: it makes any frame, right or wrong, and takes apart what comes, octet by
//! octet. It shares nothing with what it tests.

use tidewire_core::ws::Role;
use tidewire_core::{Random, SplitMix64};

use crate::vectors_ws::Frame;

/// A frame of the machine under test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The last of its message.
    pub fin: bool,
    /// The reserved bits.
    pub rsv: u8,
    /// The opcode.
    pub opcode: u8,
    /// The payload, unmasked.
    pub payload: Vec<u8>,
}

/// Writes frames as one end sends them, and reads those of the other.
#[derive(Clone, Debug)]
pub struct Peer {
    role: Role,
    keys: SplitMix64,
    /// What came and is no whole frame yet, from `at` on.
    came: Vec<u8>,
    at: usize,
}

impl Peer {
    /// A peer that has this role itself.
    pub fn new(role: Role) -> Self {
        Self { role, keys: SplitMix64::new(11), came: Vec::new(), at: 0 }
    }

    /// Writes `frame`, and returns where in `out` its payload begins. A client's are masked, each with another key (RFC 6455 §5.3).
    pub fn write(&mut self, frame: &Frame, out: &mut Vec<u8>) -> usize {
        let masked = self.role == Role::Client;
        out.push(u8::from(frame.fin) << 7 | frame.rsv << 4 | frame.opcode);
        let bit = u8::from(masked) << 7;
        match frame.payload.len() {
            len @ 0..=125 => out.push(bit | len as u8),
            len @ 126..=0xffff => {
                out.push(bit | 126);
                out.extend((len as u16).to_be_bytes());
            }
            len => {
                out.push(bit | 127);
                out.extend((len as u64).to_be_bytes());
            }
        }
        let mut key = [0; 4];
        if masked {
            self.keys.fill(&mut key);
            out.extend(key);
        }
        let start = out.len();
        out.extend(&frame.payload);
        mask(key, &mut out[start..]);
        start
    }

    /// Takes what the machine sends.
    pub fn take(&mut self, bytes: &[u8]) {
        self.came.extend(bytes);
    }

    /// Returns the next whole frame that came.
    ///
    /// # Panics
    ///
    /// If it is masked by a server or not masked by a client, or its length is not written as shortly as it can be.
    pub fn read(&mut self) -> Option<Seen> {
        let came = &self.came[self.at..];
        let [first, second, rest @ ..] = came else { return None };
        let (len, rest) = match second & 127 {
            126 => {
                let (len, rest) = rest.split_first_chunk()?;
                let len = usize::from(u16::from_be_bytes(*len));
                assert!(len > 125, "126 for {len}");
                (len, rest)
            }
            127 => {
                let (len, rest) = rest.split_first_chunk()?;
                let len = u64::from_be_bytes(*len) as usize;
                assert!(len > 0xffff, "127 for {len}");
                (len, rest)
            }
            len => (usize::from(len), rest),
        };
        let masked = second & 128 != 0;
        assert_eq!(masked, self.role == Role::Server, "clients mask and servers do not (RFC 6455 §5.1)");
        let (key, rest) = if masked { rest.split_first_chunk()? } else { (&[0; 4], rest) };
        let mut payload = rest.get(..len)?.to_vec();
        mask(*key, &mut payload);
        let seen = Seen { fin: first & 128 != 0, rsv: first >> 4 & 7, opcode: first & 15, payload };
        self.at += came.len() - rest.len() + len;
        if self.at == self.came.len() {
            self.came.clear();
            self.at = 0;
        }
        Some(seen)
    }

    /// Tells whether part of a frame came.
    pub fn is_in_a_frame(&self) -> bool {
        self.at < self.came.len()
    }
}

/// RFC 6455 §5.3: "Octet i of the transformed data … is the XOR of octet i of the original data … with octet at index i modulo 4 of the
/// masking key". Four at once, as the tests of 16 MiB are not optimized.
fn mask(key: [u8; 4], payload: &mut [u8]) {
    if key == [0; 4] {
        return;
    }
    let key_of_four = u32::from_ne_bytes(key);
    let mut fours = payload.chunks_exact_mut(4);
    for four in &mut fours {
        let masked = u32::from_ne_bytes([four[0], four[1], four[2], four[3]]) ^ key_of_four;
        four.copy_from_slice(&masked.to_ne_bytes());
    }
    fours.into_remainder().iter_mut().zip(key).for_each(|(octet, key)| *octet ^= key);
}
