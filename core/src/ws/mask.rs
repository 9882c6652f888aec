/// Masks `bytes`, or unmasks them, which is the same (RFC 6455 §5.3). They begin `offset` bytes into the payload.
#[inline]
pub fn apply_mask(bytes: &mut [u8], key: [u8; 4], offset: usize) {
    let key = rotated(key, offset);
    let wide = u64::from_ne_bytes([key[0], key[1], key[2], key[3], key[0], key[1], key[2], key[3]]);
    // Words of a known width: the compiler makes vectors of them.
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    // RFC 6455 §5.3: "j = i MOD 4; transformed-octet-i = original-octet-i XOR masking-key-octet-j"
    for (byte, key) in rest.iter_mut().zip(wide.to_ne_bytes()) {
        *byte ^= key;
    }
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
