//! Bodies of the fuzz targets for `http::coding`.

use tidewire_core::http::coding::{CodingError, Compressor, Encoder, GzipStream, Limits, MAX_CODINGS, Segment};

use crate::coding::{decode, decoder, feed};
use crate::fuzz::{chunks, split_line};

/// Any bytes, cut anywhere: the same comes out, within the limits. The first line of an input is the `Content-Encoding`, of which
/// what is not supported is left out; the second tells the cuts (`fuzz::chunks`).
pub fn coding(input: &[u8]) {
    let (codings, rest) = split_line(input);
    let (cuts, content) = split_line(rest);
    let names = codings.split(|&byte| byte == b',').filter_map(|name| match name {
        b"gzip" => Some("gzip"),
        b"deflate" => Some("deflate"),
        _ => None,
    });
    let names: Vec<_> = names.take(MAX_CODINGS).collect();
    if names.is_empty() {
        return;
    }
    let mut limits = Limits::default();
    limits.max_output = Some(100_000);
    let fresh = || decoder(&names.join(","), limits);
    let (whole, error) = decode(fresh(), &[content]);
    assert!(whole.len() <= 100_000);
    let (cut, cut_error) = decode(fresh(), &chunks(content, cuts));
    let is_ratio = |error: &Option<CodingError>| matches!(error, Some(CodingError::Ratio { .. }));
    if names.len() > 1 && [error, cut_error].iter().any(is_ratio) {
        // Where exactly that is noticed depends on how much of what one undid the next had taken.
        assert!(whole.starts_with(&cut) || cut.starts_with(&whole));
    } else {
        assert_eq!((cut, cut_error), (whole, error));
    }
}

/// Any bytes, in pieces, come out of each encoder as they went in, and whole at each flush. The first line tells the pieces
/// (`fuzz::chunks`); the bit 32 of their letter (`a` instead of `A`) has a piece flushed, and stored among segments; a piece is
/// repeated, so that there is something to refer to.
pub fn encoder(input: &[u8]) {
    let (steps, content) = split_line(input);
    let pieces: Vec<Vec<u8>> =
        chunks(content, steps).into_iter().map(|piece| piece.repeat(1 + (piece.len() / 8).min(16))).collect();
    let flushes: Vec<bool> = pieces.iter().zip(steps.iter().cycle()).map(|(_, step)| step & 32 != 0).collect();
    let whole = pieces.concat();
    // What is repeated that often shrinks as bombs do.
    let mut limits = Limits::default();
    limits.max_ratio = u32::MAX;

    for (mut encoder, coding) in [(Encoder::gzip(), "gzip"), (Encoder::deflate(), "deflate")] {
        let mut decoder = decoder(coding, limits);
        let (mut written, mut read) = (0, Vec::new());
        for (at, piece) in pieces.iter().enumerate() {
            let mut out = Vec::new();
            encoder.write(piece, &mut out);
            written += piece.len();
            if flushes.get(at) == Some(&true) {
                encoder.flush(&mut out);
            }
            feed(&mut decoder, &out, &mut read).expect("it reads");
            assert!(flushes.get(at) != Some(&true) || read.len() == written);
        }
        let mut out = Vec::new();
        encoder.finish(&mut out);
        feed(&mut decoder, &out, &mut read).expect("it reads");
        assert!(read == whole && decoder.finish().is_ok());
    }

    let (mut compressor, mut stream) = (Compressor::new(), GzipStream::new());
    let mut decoder = decoder("gzip", limits);
    let mut read = Vec::new();
    feed(&mut decoder, &GzipStream::HEADER, &mut read).expect("it reads");
    let mut written = 0;
    for (at, piece) in pieces.iter().enumerate() {
        let stored = flushes.get(at) == Some(&true);
        let segment = if stored { Segment::stored(piece) } else { compressor.compress(piece) };
        stream.add(&segment);
        feed(&mut decoder, &segment.bytes(), &mut read).expect("it reads");
        written += piece.len();
        assert_eq!(read.len(), written, "a segment is whole when it has come");
    }
    feed(&mut decoder, &stream.trailer(), &mut read).expect("the checksum is right");
    assert!(read == whole && decoder.finish().is_ok());
}
