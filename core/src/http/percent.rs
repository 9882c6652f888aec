use alloc::vec::Vec;

/// Appends `text` to `out`, each byte for which `keep` is false as `%XX`.
pub(super) fn encode_into(text: &[u8], keep: impl Fn(u8) -> bool, out: &mut Vec<u8>) {
    for &byte in text {
        if keep(byte) {
            out.push(byte);
        } else {
            let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or(b'0');
            out.extend([b'%', digit(byte >> 4), digit(byte & 0xf)]);
        }
    }
}

/// Appends `text` to `out` with each `%XX` as the byte it stands for, and returns whether every `%` had its two digits;
/// one that has not stays as it is.
pub(crate) fn decode_into(mut text: &[u8], out: &mut Vec<u8>) -> bool {
    let mut well_formed = true;
    while let Some((&byte, rest)) = text.split_first() {
        text = rest;
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        if let [high, low, rest @ ..] = text
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            out.push(high * 16 + low);
            text = rest;
        } else {
            out.push(b'%');
            well_formed = false;
        }
    }
    well_formed
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &[u8]) -> (Vec<u8>, bool) {
        let mut out = Vec::new();
        let well_formed = decode_into(text, &mut out);
        (out, well_formed)
    }

    #[test]
    fn escapes_are_read_in_both_cases() {
        assert_eq!(decode(b"a%2f%2Fb%00%fF"), (b"a//b\0\xff".to_vec(), true));
    }

    #[test]
    fn malformed_escapes_stay_as_they_are() {
        for text in [&b"%"[..], b"%2", b"%zz", b"%%", b"a%2", b"%+1", b"%2\xc3"] {
            assert_eq!(decode(text), (text.to_vec(), false));
        }
        assert_eq!(decode(b"%%41"), (b"%A".to_vec(), false));
    }

    #[test]
    fn every_byte_survives() {
        for byte in 0..=255 {
            let mut encoded = Vec::new();
            encode_into(&[byte], |_| false, &mut encoded);
            assert_eq!(encoded.len(), 3);
            assert_eq!(decode(&encoded), ([byte].to_vec(), true));
        }
    }
}
