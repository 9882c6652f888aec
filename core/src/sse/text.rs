use alloc::string::String;

/// Returns `bytes` as text if they are UTF-8.
#[inline]
pub(super) fn decode(bytes: &[u8]) -> Option<&str> {
    if bytes.len() < SIMD_FROM { core::str::from_utf8(bytes).ok() } else { simdutf8::basic::from_utf8(bytes).ok() }
}

/// Returns `bytes` without a sequence at their end that is cut.
pub(super) fn whole(bytes: &[u8]) -> &[u8] {
    let cut = (1..=3).find_map(|len| {
        let from = bytes.len().checked_sub(len)?;
        match bytes.get(from)? {
            0x80..0xC0 => None,
            lead => Some(if *lead >= 0xC0 { from } else { bytes.len() }),
        }
    });
    cut.and_then(|at| bytes.get(..at)).unwrap_or(bytes)
}

/// Returns `bytes` with U+FFFD for what is not UTF-8.
///
/// Each maximal subpart of an ill-formed sequence becomes one U+FFFD: the Encoding Standard's "UTF-8 decode" and the practice of
/// `from_utf8_lossy`. A line end is ASCII and ends a sequence, so decoding line by line is decoding the stream.
#[cold]
pub(super) fn decode_lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// From how many bytes on the SIMD validation is faster than the standard library's.
const SIMD_FROM: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_maximal_subpart_becomes_one_replacement() {
        // The table of Unicode 16, §3.9.6, "U+FFFD Substitution of Maximal Subparts".
        assert_eq!(decode_lossy(b"\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"), "\u{FFFD}".repeat(8) + "A");
        assert_eq!(decode_lossy(b"\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"), "\u{FFFD}".repeat(8) + "A");
        assert_eq!(decode_lossy(b"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), "\u{FFFD}".repeat(4) + "A");
    }

    #[test]
    fn sequence_that_may_be_cut_is_left_out() {
        assert_eq!(whole(b""), b"");
        assert_eq!(whole(b"a"), b"a");
        assert_eq!(whole(b"\x80"), b"\x80");
        assert_eq!(whole("a€".as_bytes().split_last().unwrap().1), b"a");
        assert_eq!(whole("a€".as_bytes().split_at(2).0), b"a");
        assert_eq!(whole("a🌊".as_bytes().split_last().unwrap().1), b"a");
        assert_eq!(whole("a🌊b".as_bytes()), "a🌊b".as_bytes());
    }

    #[test]
    fn both_validations_agree() {
        for length in SIMD_FROM - 4..SIMD_FROM + 4 {
            let mut bytes = alloc::vec![b'x'; length];
            assert!(decode(&bytes).is_some());
            bytes[length - 1] = 0xE2;
            assert!(decode(&bytes).is_none());
        }
    }
}
