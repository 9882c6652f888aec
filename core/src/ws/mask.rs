/// Masks `bytes`, or unmasks them, which is the same (RFC 6455 §5.3). They begin `offset` bytes into the payload.
#[inline]
pub fn apply_mask(bytes: &mut [u8], key: [u8; 4], offset: usize) {
    let word = u64::from(u32::from_ne_bytes(rotated(key, offset))) * 0x1_0000_0001;
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
