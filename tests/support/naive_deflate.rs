//! DEFLATE (RFC 1951) as plainly as it can be written, for the other end of permessage-deflate: a decoder that holds every distance
//! against the window that was agreed, and an encoder of stored blocks and of fixed codes.

/// Decompresses messages of one direction.
#[derive(Clone, Debug)]
pub struct Inflate {
    window: usize,
    takeover: bool,
    /// What came so far, or of the message alone.
    history: Vec<u8>,
}

impl Inflate {
    /// With a window of `1 << bits` octets, that lasts from message to message or not.
    pub fn new(bits: u8, takeover: bool) -> Self {
        Self { window: 1 << bits, takeover, history: Vec::new() }
    }

    /// Decompresses the payload of a message, whose last four octets are left out (RFC 7692 §7.2.1).
    ///
    /// # Panics
    ///
    /// If it is no such payload, or reaches behind the window.
    pub fn message(&mut self, payload: &[u8]) -> Vec<u8> {
        if !self.takeover {
            self.history.clear();
        }
        let start = self.history.len();
        let whole = [payload, &[0, 0, 0xff, 0xff]].concat();
        let mut bits = Bits { bytes: &whole, at: 0 };
        while bits.at < whole.len() * 8 {
            let last = bits.take(1) == 1;
            match bits.take(2) {
                0 => self.stored(&mut bits),
                1 => {
                    let lengths: Vec<u8> = (0..288).map(|symbol| fixed(symbol).1).collect();
                    self.coded(&mut bits, &Codes::new(&lengths), &Codes::new(&[5; 30]));
                }
                2 => {
                    let (literals, distances) = read_codes(&mut bits);
                    self.coded(&mut bits, &literals, &distances);
                }
                _ => panic!("a block of no type"),
            }
            // What follows a last block is the end that was put there.
            if last {
                break;
            }
            // Between messages nothing is left but the bits that fill the last octet.
            if whole.len() * 8 - bits.at < 8 {
                break;
            }
        }
        let message = self.history[start..].to_vec();
        if self.history.len() > 1 << 18 {
            self.history.drain(..self.history.len() - (1 << 15));
        }
        message
    }

    fn stored(&mut self, bits: &mut Bits<'_>) {
        bits.at = bits.at.div_ceil(8) * 8;
        let (len, not) = (bits.take(16), bits.take(16));
        assert_eq!(len, !not & 0xffff, "the length of a stored block");
        for _ in 0..len {
            self.history.push(bits.take(8) as u8);
        }
    }

    fn coded(&mut self, bits: &mut Bits<'_>, literals: &Codes, distances: &Codes) {
        loop {
            match literals.read(bits) {
                octet @ 0..=255 => self.history.push(octet as u8),
                256 => return,
                symbol => {
                    let (base, extra) = LENGTHS[symbol - 257];
                    let len = base + bits.take(extra);
                    let (base, extra) = DISTANCES[distances.read(bits)];
                    let distance = base + bits.take(extra);
                    assert!(distance <= self.window, "a distance of {distance} in a window of {}", self.window);
                    let from = self.history.len().checked_sub(distance).expect("a distance to before the beginning");
                    for at in from..from + len {
                        self.history.push(self.history[at]);
                    }
                }
            }
        }
    }
}

/// Compresses messages of one direction.
#[derive(Clone, Debug)]
pub struct Deflate {
    window: usize,
    takeover: bool,
    history: Vec<u8>,
    messages: usize,
}

impl Deflate {
    /// With a window of `1 << bits` octets, that lasts from message to message or not.
    pub fn new(bits: u8, takeover: bool) -> Self {
        Self { window: 1 << bits, takeover, history: Vec::new(), messages: 0 }
    }

    /// Compresses a message, without its last four octets. Every third is stored.
    pub fn message(&mut self, message: &[u8]) -> Vec<u8> {
        if !self.takeover {
            self.history.clear();
        }
        self.messages += 1;
        let mut out = Pack::default();
        let start = self.history.len();
        self.history.extend(message);
        if self.messages.is_multiple_of(3) {
            for part in message.chunks(0xffff) {
                out.put(0, 3);
                out.fill();
                out.put(part.len(), 16);
                out.put(!part.len() & 0xffff, 16);
                part.iter().for_each(|&octet| out.put(usize::from(octet), 8));
            }
        } else {
            self.coded(start, &mut out);
        }
        // An empty stored block, whose lengths are left out (RFC 7692 §7.2.1).
        out.put(0, 3);
        out.fill();
        if self.history.len() > 1 << 18 {
            self.history.drain(..self.history.len() - self.window);
        }
        out.bytes
    }

    fn coded(&self, start: usize, out: &mut Pack) {
        let history = &self.history;
        let mut seen = vec![usize::MAX; 1 << 12];
        let slot = |at: usize| match history[at..] {
            [a, b, c, ..] => {
                (usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c)).wrapping_mul(0x9e37_79b1) >> 16 & 0xfff
            }
            _ => 0,
        };
        (start.saturating_sub(self.window)..start).for_each(|at| seen[slot(at)] = at);
        out.put(0b010, 3);
        let mut at = start;
        while at < history.len() {
            let before = std::mem::replace(&mut seen[slot(at)], at);
            let near = before < at && at - before <= self.window;
            let same = |len: &usize| at + len < history.len() && history[before + len] == history[at + len];
            let len = if near { (0..258).take_while(same).count() } else { 0 };
            if len < 3 {
                out.symbol(usize::from(history[at]));
                at += 1;
                continue;
            }
            let symbol = LENGTHS.iter().rposition(|(base, _)| *base <= len).expect("three at least");
            out.symbol(257 + symbol);
            out.put(len - LENGTHS[symbol].0, LENGTHS[symbol].1);
            let distance = at - before;
            let symbol = DISTANCES.iter().rposition(|(base, _)| *base <= distance).expect("one at least");
            out.code(symbol, 5);
            out.put(distance - DISTANCES[symbol].0, DISTANCES[symbol].1);
            at += len;
        }
        out.symbol(256);
    }
}

/// A canonical code: how many have each length, and the symbols in their order (RFC 1951 §3.2.2).
struct Codes {
    counts: [usize; 16],
    symbols: Vec<usize>,
}

impl Codes {
    fn new(lengths: &[u8]) -> Self {
        let mut counts = [0; 16];
        lengths.iter().filter(|len| **len > 0).for_each(|len| counts[usize::from(*len)] += 1);
        let mut symbols: Vec<usize> = (0..lengths.len()).filter(|symbol| lengths[*symbol] > 0).collect();
        symbols.sort_by_key(|symbol| lengths[*symbol]);
        Self { counts, symbols }
    }

    fn read(&self, bits: &mut Bits<'_>) -> usize {
        let (mut code, mut first, mut index) = (0, 0, 0);
        let next = bits.peek();
        for (len, count) in self.counts.iter().enumerate().skip(1) {
            code |= next >> (len - 1) & 1;
            if code < first + count {
                bits.take(len);
                return self.symbols[index + code - first];
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        panic!("a code that stands for nothing")
    }
}

fn read_codes(bits: &mut Bits<'_>) -> (Codes, Codes) {
    let (literals, distances, lengths) = (bits.take(5) + 257, bits.take(5) + 1, bits.take(4) + 4);
    let mut of_lengths = [0; 19];
    ORDER[..lengths].iter().for_each(|symbol| of_lengths[*symbol] = bits.take(3) as u8);
    let codes = Codes::new(&of_lengths);
    let mut all: Vec<u8> = Vec::new();
    while all.len() < literals + distances {
        let (times, what) = match codes.read(bits) {
            16 => (3 + bits.take(2), *all.last().expect("one before")),
            17 => (3 + bits.take(3), 0),
            18 => (11 + bits.take(7), 0),
            len => (1, len as u8),
        };
        all.extend(std::iter::repeat_n(what, times));
    }
    assert_eq!(all.len(), literals + distances, "as many lengths as were named");
    (Codes::new(&all[..literals]), Codes::new(&all[literals..]))
}

/// The code and its length of a symbol in a block of fixed codes (RFC 1951 §3.2.6).
fn fixed(symbol: usize) -> (usize, u8) {
    match symbol {
        0..=143 => (0x30 + symbol, 8),
        144..=255 => (0x190 + symbol - 144, 9),
        256..=279 => (symbol - 256, 7),
        _ => (0xc0 + symbol - 280, 8),
    }
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> usize {
        let value = self.peek() & ((1 << count) - 1);
        self.at += count;
        assert!(self.at <= self.bytes.len() * 8, "the payload is cut");
        value
    }

    /// Returns at least the next 16 bits; behind the end there are zeros.
    fn peek(&self) -> usize {
        let next = self.bytes.get(self.at / 8..).unwrap_or_default();
        let next = [0, 1, 2].map(|index| usize::from(next.get(index).copied().unwrap_or_default()));
        (next[0] | next[1] << 8 | next[2] << 16) >> (self.at % 8)
    }
}

#[derive(Default)]
struct Pack {
    bytes: Vec<u8>,
    bits: u32,
    count: usize,
}

impl Pack {
    fn put(&mut self, value: usize, count: usize) {
        self.bits |= (value as u32) << self.count;
        self.count += count;
        while self.count >= 8 {
            self.bytes.push(self.bits as u8);
            self.bits >>= 8;
            self.count -= 8;
        }
    }

    /// Codes begin with their highest bit.
    fn code(&mut self, code: usize, len: usize) {
        (0..len).rev().for_each(|bit| self.put(code >> bit & 1, 1));
    }

    fn symbol(&mut self, symbol: usize) {
        let (code, len) = fixed(symbol);
        self.code(code, usize::from(len));
    }

    fn fill(&mut self) {
        if self.count > 0 {
            self.put(0, 8 - self.count);
        }
    }
}

/// The least length of each symbol, and how many bits follow it.
const LENGTHS: [(usize, usize); 29] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];

/// The least distance of each symbol, and how many bits follow it.
const DISTANCES: [(usize, usize); 30] = [
    (1, 0),
    (2, 0),
    (3, 0),
    (4, 0),
    (5, 1),
    (7, 1),
    (9, 2),
    (13, 2),
    (17, 3),
    (25, 3),
    (33, 4),
    (49, 4),
    (65, 5),
    (97, 5),
    (129, 6),
    (193, 6),
    (257, 7),
    (385, 7),
    (513, 8),
    (769, 8),
    (1025, 9),
    (1537, 9),
    (2049, 10),
    (3073, 10),
    (4097, 11),
    (6145, 11),
    (8193, 12),
    (12289, 12),
    (16385, 13),
    (24577, 13),
];

/// In which order the lengths of the lengths' codes stand.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7692 §7.2.3.1 to §7.2.3.4.
    #[test]
    fn examples_of_the_standard_are_hello() {
        let mut taken_over = Inflate::new(15, true);
        assert_eq!(taken_over.message(&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]), b"Hello");
        assert_eq!(taken_over.message(&[0xf2, 0x00, 0x11, 0x00, 0x00]), b"Hello");
        let mut alone = Inflate::new(8, false);
        assert_eq!(alone.message(&[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00]), b"Hello");
        assert_eq!(alone.message(&[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00]), b"Hello");
        assert_eq!(
            alone.message(&[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00]),
            b"Hello"
        );
        assert_eq!(Deflate::new(15, false).message(b"Hello"), [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
    }

    #[test]
    fn what_one_compressed_the_other_reads_within_its_window() {
        for bits in 8..=15 {
            for takeover in [false, true] {
                let (mut deflate, mut inflate) = (Deflate::new(bits, takeover), Inflate::new(bits, takeover));
                let mut sizes = Vec::new();
                for round in 0..9 {
                    let message: Vec<u8> =
                        (0..2000_usize).map(|at| b"how now brown cow"[(at * at + round) % 17]).collect();
                    let payload = deflate.message(&message);
                    sizes.push(payload.len());
                    assert_eq!(inflate.message(&payload), message, "{bits} {takeover} {round}");
                }
                assert!(sizes[0] < 1000 && sizes[2] > 2000, "{sizes:?}");
            }
        }
    }
}
