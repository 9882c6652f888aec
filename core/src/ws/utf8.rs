use alloc::string::String;

/// Bytes are not UTF-8, whatever may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotUtf8;

/// A character whose bytes have not all come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    bytes: [u8; 4],
    len: u8,
}

impl Begun {
    pub(super) const NONE: Self = Self { bytes: [0; 4], len: 0 };

    /// Appends the text that `piece` goes on with; keeps what is cut at its end.
    ///
    /// It fails at the first byte with which no text can go on, as no character has such bytes.
    pub(super) fn push(&mut self, piece: &[u8], text: &mut String) -> Result<(), NotUtf8> {
        let mut rest = piece;
        while self.len > 0 {
            let Some((byte, after)) = rest.split_first() else { return Ok(()) };
            self.take(*byte, text)?;
            rest = after;
        }
        let (whole, cut) = rest.split_at_checked(whole_len(rest)).unwrap_or((rest, &[]));
        text.push_str(decode(whole).ok_or(NotUtf8)?);
        cut.iter().try_for_each(|byte| self.take(*byte, text))
    }

    /// Returns whether there is none.
    pub(super) const fn is_none(&self) -> bool {
        self.len == 0
    }

    /// Returns how many of its bytes have come.
    pub(super) const fn len(&self) -> usize {
        self.len as usize
    }

    fn take(&mut self, byte: u8, text: &mut String) -> Result<(), NotUtf8> {
        let at = usize::from(self.len);
        *self.bytes.get_mut(at).ok_or(NotUtf8)? = byte;
        match core::str::from_utf8(self.bytes.get(..=at).unwrap_or_default()) {
            Ok(character) => {
                text.push_str(character);
                self.len = 0;
                Ok(())
            }
            // Without a length the error is that the end came too early.
            Err(error) if error.error_len().is_none() => {
                self.len += 1;
                Ok(())
            }
            Err(_) => Err(NotUtf8),
        }
    }
}

/// Returns `bytes` as text if they are UTF-8.
#[inline]
pub(super) fn decode(bytes: &[u8]) -> Option<&str> {
    if bytes.len() < SIMD_FROM { core::str::from_utf8(bytes).ok() } else { simdutf8::basic::from_utf8(bytes).ok() }
}

/// Returns how many of `bytes` stand before a character that may be cut at the end.
fn whole_len(bytes: &[u8]) -> usize {
    let len = bytes.len();
    for back in 1..=len.min(3) {
        match bytes.get(len - back) {
            Some(0x80..0xC0) => {}
            Some(0xC0..) => return len - back,
            _ => return len,
        }
    }
    len
}

/// From how many bytes on the SIMD validation is faster than the standard library's.
pub(super) const SIMD_FROM: usize = 64;
