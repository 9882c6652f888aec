/// Masks `bytes`, or unmasks them, which is the same (RFC 6455 §5.3). They begin `offset` bytes into the payload.
#[inline]
pub fn apply_mask(bytes: &mut [u8], key: [u8; 4], offset: usize) {
    let word = wide(rotated(key, offset));
    // Blocks of a known width: the compiler makes vectors of them.
    let (blocks, rest) = bytes.as_chunks_mut::<16>();
    for block in blocks {
        let (words, _) = block.as_chunks_mut();
        words.iter_mut().for_each(|bytes| mask_word(bytes, word));
    }
    let (words, rest) = rest.as_chunks_mut();
    words.iter_mut().for_each(|bytes| mask_word(bytes, word));
    // RFC 6455 §5.3: "j = i MOD 4; transformed-octet-i = original-octet-i XOR masking-key-octet-j"
    for (byte, key) in rest.iter_mut().zip(word.to_ne_bytes()) {
        *byte ^= key;
    }
}

/// Unmasks what begins at `from`, and moves it to `to`, which is not behind that.
#[inline]
pub(super) fn unmask_to(bytes: &mut [u8], mut from: usize, mut to: usize, key: [u8; 4]) {
    let word = wide(key);
    while let Some(&(mut next)) = bytes.get(from..).and_then(<[u8]>::first_chunk) {
        mask_word(&mut next, word);
        if let Some(place) = bytes.get_mut(to..).and_then(<[u8]>::first_chunk_mut) {
            *place = next;
        }
        (from, to) = (from + next.len(), to + next.len());
    }
    for key in word.to_ne_bytes() {
        let Some(&byte) = bytes.get(from) else { break };
        if let Some(place) = bytes.get_mut(to) {
            *place = byte ^ key;
        }
        (from, to) = (from + 1, to + 1);
    }
}

/// Returns the key twice.
#[inline]
const fn wide(key: [u8; 4]) -> u64 {
    u32::from_ne_bytes(key) as u64 * 0x1_0000_0001
}

#[inline]
fn mask_word(bytes: &mut [u8; 8], word: u64) {
    *bytes = (u64::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
}

/// Returns the key for what begins `offset` bytes into the payload.
#[inline]
pub(super) const fn rotated(key: [u8; 4], offset: usize) -> [u8; 4] {
    u32::from_le_bytes(key).rotate_right((offset % 4) as u32 * 8).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn each_byte_has_its_byte_of_the_key() {
        let key = [1, 20, 33, 240];
        for len in 0..70 {
            for offset in 0..9 {
                let plain: Vec<u8> = (0..len).map(|at| at as u8).collect();
                let masked: Vec<u8> =
                    plain.iter().enumerate().map(|(at, byte)| byte ^ key[(at + offset) % 4]).collect();
                let mut bytes = plain.clone();
                apply_mask(&mut bytes, key, offset);
                assert_eq!(bytes, masked, "{len} bytes at {offset}");
                apply_mask(&mut bytes, key, offset);
                assert_eq!(bytes, plain);
            }
        }
    }
}
