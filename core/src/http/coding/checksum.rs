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

/// CRC-32 of two contents, one behind the other, out of those of each, and [`shift_by`] the length of the second.
pub(super) fn combine(first: u32, second: u32, shift: u32) -> u32 {
    multiply(shift, first) ^ second
}

/// What `len` bytes behind it do to a CRC-32: it is multiplied by this, x to the power of their bits.
pub(super) fn shift_by(len: u64) -> u32 {
    let mut product = ONE;
    // x^(8·len) is the product of the squares of squares of x^8 that the digits of `len` name.
    for (at, power) in POWERS.iter().enumerate() {
        if len >> at & 1 == 1 {
            product = multiply(*power, product);
        }
    }
    product
}

/// The product of two polynomials over GF(2), modulo that of the CRC; the highest bit is x⁰.
const fn multiply(a: u32, mut b: u32) -> u32 {
    let mut product = 0;
    let mut at = 32;
    while at > 0 {
        at -= 1;
        product ^= b & (a >> at & 1).wrapping_neg();
        b = b >> 1 ^ POLYNOMIAL & (b & 1).wrapping_neg();
    }
    product
}

/// The polynomial 1.
const ONE: u32 = 1 << 31;

/// x^8, x^16, x^32, …: each is the square of the one before.
static POWERS: [u32; 64] = powers();

const fn powers() -> [u32; 64] {
    let mut powers = [ONE >> 8; 64];
    let mut at = 1;
    while at < 64 {
        powers[at] = multiply(powers[at - 1], powers[at - 1]);
        at += 1;
    }
    powers
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
    fn the_checksum_of_two_contents_is_that_of_both() {
        let bytes: vec::Vec<u8> = (0..70_000_u32).map(|number| (number.wrapping_mul(number) >> 3) as u8).collect();
        for len in [0, 1, 2, 3, 255, 256, 65_535, 70_000] {
            let bytes = &bytes[..len];
            for cut in [0, 1, 2, 7, 128, 65_536, len / 2, len].into_iter().filter(|cut| *cut <= len) {
                let (first, second) = bytes.split_at(cut);
                let shift = shift_by(second.len() as u64);
                assert_eq!(combine(crc32(0, first), crc32(0, second), shift), crc32(0, bytes), "{len} {cut}");
            }
        }
    }

    #[test]
    fn lengths_of_64_bits_add_up() {
        // What 2^40 + 3 zero bytes do is what 2^40 do and then 3.
        assert_eq!(shift_by((1 << 40) + 3), multiply(shift_by(1 << 40), shift_by(3)));
        assert_eq!((shift_by(0), shift_by(1)), (ONE, ONE >> 8));
        let zeros = [0; 64];
        assert_eq!(combine(0x1234_5678, crc32(0, &zeros), shift_by(64)), crc32(0x1234_5678, &zeros));
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
