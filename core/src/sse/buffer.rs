//! Buffers that grow no further than a limit and are given back when they are large.

use alloc::string::String;
use alloc::vec::Vec;

/// Appends, and grows twofold but not beyond `limit` as long as that suffices.
#[inline]
pub(super) fn extend(buffer: &mut Vec<u8>, value: &[u8], limit: usize) {
    if buffer.capacity() - buffer.len() < value.len() {
        grow(buffer, value.len(), limit);
    }
    buffer.extend_from_slice(value);
}

#[cold]
fn grow(buffer: &mut Vec<u8>, more: usize, limit: usize) {
    let len = buffer.len();
    let wanted = (len * 2).max(LEAST).min(limit).max(len + more);
    buffer.reserve_exact(wanted - len);
}

pub(super) fn clear(buffer: &mut Vec<u8>) {
    buffer.clear();
    if buffer.capacity() > KEEP {
        *buffer = Vec::new();
    }
}

pub(super) fn clear_text(text: &mut String) {
    text.clear();
    if text.capacity() > KEEP {
        *text = String::new();
    }
}

/// The smallest buffer.
const LEAST: usize = 256;

/// Larger buffers are given back when they are not needed.
pub(super) const KEEP: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffer_grows_twofold_up_to_the_limit() {
        let mut buffer = Vec::new();
        let mut capacities = Vec::new();
        for _ in 0..1000 {
            extend(&mut buffer, b"x", 1000);
            capacities.push(buffer.capacity());
        }
        capacities.dedup();
        assert_eq!(capacities, [256, 512, 1000]);
    }

    #[test]
    fn only_buffers_above_16_kib_are_given_back() {
        for (capacity, kept) in [(100, 100), (16_384, 16_384), (16_385, 0)] {
            let mut buffer = Vec::with_capacity(capacity);
            buffer.push(b'x');
            clear(&mut buffer);
            assert_eq!((buffer.len(), buffer.capacity()), (0, kept));
            let mut text = String::with_capacity(capacity);
            text.push('x');
            clear_text(&mut text);
            assert_eq!((text.len(), text.capacity()), (0, kept));
        }
    }
}
