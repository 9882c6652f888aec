//! The two checksums of compressed data.

/// CRC-32 of what `crc` is of, followed by `bytes`; of nothing it is 0 (RFC 1952 §8).
pub(super) fn crc32(crc: u32, bytes: &[u8]) -> u32 {
    let (eights, rest) = bytes.as_chunks::<8>();
    let mut crc = !crc;
    for [a, b, c, d, e, f, g, h] in eights {
        let [i, j, k, l] = (crc ^ u32::from_le_bytes([*a, *b, *c, *d])).to_le_bytes();
        crc = look_up(7, i) ^ look_up(6, j) ^ look_up(5, k) ^ look_up(4, l);
        crc ^= look_up(3, *e) ^ look_up(2, *f) ^ look_up(1, *g) ^ look_up(0, *h);
    }
    for byte in rest {
        let [low, ..] = crc.to_le_bytes();
        crc = look_up(0, low ^ byte) ^ (crc >> 8);
    }
    !crc
}

/// Adler-32 of what `adler` is of, followed by `bytes`; of nothing it is 1 (RFC 1950 §8.2).
pub(super) fn adler32(adler: u32, bytes: &[u8]) -> u32 {
    let (mut sum, mut sum_of_sums) = (adler & 0xffff, adler >> 16);
    for part in bytes.chunks(UNREDUCED) {
        for byte in part {
            sum += u32::from(*byte);
            sum_of_sums += sum;
        }
        (sum, sum_of_sums) = (sum % PRIME, sum_of_sums % PRIME);
    }
    sum_of_sums << 16 | sum
}

/// What a byte becomes with so many zero bytes behind it.
fn look_up(zeros: usize, byte: u8) -> u32 {
    TABLES.get(zeros).and_then(|table| table.get(usize::from(byte))).copied().unwrap_or_default()
}

/// RFC 1952 §8: the polynomial, reversed.
const POLYNOMIAL: u32 = 0xedb8_8320;

static TABLES: [[u32; 256]; 8] = tables();

const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut zeros = 0;
        while zeros < 8 {
            let mut bit = 0;
            while bit < 8 {
                crc = if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 };
                bit += 1;
            }
            tables[zeros][byte] = crc;
            zeros += 1;
        }
        byte += 1;
    }
    tables
}

/// RFC 1950 §8.2: "65521 is the largest prime smaller than 65536".
const PRIME: u32 = 65_521;

/// So many bytes of 255 overflow no sum.
const UNREDUCED: usize = 5552;

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn checksums_are_those_of_the_standards() {
        assert_eq!((crc32(0, b""), crc32(0, b"123456789")), (0, 0xcbf4_3926));
        assert_eq!((adler32(1, b""), adler32(1, b"Wikipedia")), (1, 0x11e6_0398));
    }

    #[test]
    fn checksums_may_be_taken_in_parts() {
        let bytes: vec::Vec<u8> = (0..20_000_u32).map(|number| ((number * number) >> 3) as u8).collect();
        let whole = (crc32(0, &bytes), adler32(1, &bytes));
        for cut in [0, 1, 7, 8, 9, 5551, 5552, 5553, 19_999] {
            let (first, second) = bytes.split_at(cut);
            assert_eq!((crc32(crc32(0, first), second), adler32(adler32(1, first), second)), whole);
        }
    }

    #[test]
    fn many_large_bytes_overflow_no_sum() {
        assert_eq!(adler32(1, &[255; 5552]), adler32(adler32(1, &[255; 2776]), &[255; 2776]));
        assert_eq!(adler32(0xfff0_fff0, &vec![255; 100_000]) >> 16, adler32(0xfff0_fff0, &[255; 100_000]) >> 16);
    }
}
