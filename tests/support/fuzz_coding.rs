//! Body of the fuzz target for `http::coding`: the first line of an input is the `Content-Encoding`, of which what is not
//! supported is left out; the second tells the cuts (`fuzz::chunks`).

use tidewire_core::http::coding::{CodingError, Limits, MAX_CODINGS};

use crate::coding::{decode, decoder};
use crate::fuzz::{chunks, split_line};

/// Any bytes, cut anywhere: the same comes out, within the limits.
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
