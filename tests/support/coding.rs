//! Compressing for tests, by another library's compressor and a checksum of its own; and decoding in pieces.

use miniz_oxide::deflate::core::{
    CompressorOxide, TDEFLFlush, TDEFLStatus, compress_to_output, create_comp_flags_from_zip_params,
};
use tidewire_core::http::Fields;
use tidewire_core::http::coding::{CodingError, Codings, Decoder, Limits};

/// What came out of a decoder, and the error that ended it.
pub type Decoded = (Vec<u8>, Option<CodingError>);

/// Returns a decoder for the value of a `Content-Encoding`.
pub fn decoder(codings: &str, limits: Limits) -> Decoder {
    let mut fields = Fields::new();
    fields.append("Content-Encoding", codings).expect("a good field");
    Decoder::for_fields(&fields, Codings::ALL, limits).expect("a supported coding").expect("a coding")
}

/// Decodes pieces, then notes the end.
pub fn decode(mut decoder: Decoder, pieces: &[&[u8]]) -> Decoded {
    let mut output = Vec::new();
    for piece in pieces {
        if let Err(error) = feed(&mut decoder, piece, &mut output) {
            assert_eq!(decoder.fill(b"more"), Err(error), "an error stays");
            assert!(decoder.data().is_empty());
            return (output, Some(error));
        }
    }
    (output, decoder.finish().err())
}

/// Decodes a piece whole.
///
/// # Errors
///
/// That of the decoder.
pub fn feed(decoder: &mut Decoder, piece: &[u8], output: &mut Vec<u8>) -> Result<(), CodingError> {
    let mut rest = piece;
    loop {
        let used = decoder.fill(rest)?;
        rest = &rest[used..];
        if decoder.data().is_empty() {
            assert!(rest.is_empty(), "what is not taken brings data");
            return Ok(());
        }
        assert_eq!(decoder.fill(rest), Ok(0), "nothing is taken while there is data");
        // In two steps, as an application may.
        let some = decoder.data().len() / 2;
        output.extend_from_slice(&decoder.data()[..some]);
        decoder.consume(some);
        output.extend_from_slice(decoder.data());
        decoder.consume(usize::MAX);
    }
}

/// Compresses parts to bare deflate; each is flushed, the last ends it.
pub fn deflate(parts: &[&[u8]], level: i32) -> Vec<Vec<u8>> {
    let mut machine = CompressorOxide::new(create_comp_flags_from_zip_params(level, -15, 0));
    let mut run = |part: &[u8], flush| {
        let mut output = Vec::new();
        let (status, used) = compress_to_output(&mut machine, part, flush, |bytes| {
            output.extend_from_slice(bytes);
            true
        });
        assert!(matches!(status, TDEFLStatus::Okay | TDEFLStatus::Done) && used == part.len());
        output
    };
    let mut outputs: Vec<_> = parts.iter().map(|part| run(part, TDEFLFlush::Sync)).collect();
    outputs.push(run(b"", TDEFLFlush::Finish));
    outputs
}

/// Compresses to one member of gzip.
pub fn gzip(content: &[u8]) -> Vec<u8> {
    gzip_of(&deflate(&[content], 6).concat(), content)
}

/// Makes one member of gzip of compressed data and their content.
pub fn gzip_of(compressed: &[u8], content: &[u8]) -> Vec<u8> {
    [GZIP_HEAD, compressed, &crc32(content).to_le_bytes(), &(content.len() as u32).to_le_bytes()].concat()
}

/// Compresses to zlib.
pub fn zlib(content: &[u8]) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec_zlib(content, 6)
}

/// CRC-32 bit by bit.
pub fn crc32(content: &[u8]) -> u32 {
    !content.iter().fold(!0, |crc: u32, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

/// The head of a member of gzip, with nothing that may be left out.
pub const GZIP_HEAD: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
