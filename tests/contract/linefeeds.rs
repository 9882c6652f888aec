//! LF, CRLF and CR all end a line, wherever the bytes are cut; an event comes out at once, also where a LF could follow its last CR.

use std::time::Duration;

use serde_json::json;

use crate::harness::{Contract, event};

/// How long a chunk is at most.
#[derive(Clone, Copy)]
pub(crate) struct ChunkSize(usize);

pub(crate) const ONE_CHUNK: ChunkSize = ChunkSize(usize::MAX);
pub(crate) const ONE_BYTE_CHUNKS: ChunkSize = ChunkSize(1);
pub(crate) const TWO_BYTE_CHUNKS: ChunkSize = ChunkSize(2);

/// A text, with LF for the line end that is tried, and the data of its events.
#[derive(Clone, Copy)]
pub(crate) struct Input(&'static str, &'static [&'static str]);

pub(crate) const ONE_LINE: Input = Input("data: event 1\n\n", &["event 1"]);
pub(crate) const ONE_AND_TWO_LINES: Input = Input(
    "data: event 1\n\ndata: event 2 line 1\ndata: event 2 line 2\n\n",
    &["event 1", "event 2 line 1\nevent 2 line 2"],
);
pub(crate) const EMPTY_FIRST_LINE: Input = Input("data:\ndata: line2\ndata: line3\n\n", &["\nline2\nline3"]);
pub(crate) const EMPTY_MIDDLE_LINE: Input = Input("data: line1\ndata:\ndata: line3\n\n", &["line1\n\nline3"]);
pub(crate) const ONE_EXTRA_BLANK_LINE: Input = Input("data: event 1\n\n\ndata: event 2\n\n", &["event 1", "event 2"]);
pub(crate) const TWO_EXTRA_BLANK_LINES: Input =
    Input("data: event 1\n\n\n\ndata: event 2\n\n", &["event 1", "event 2"]);

pub(crate) fn ends(contract: &mut Contract, line_end: &str, size: ChunkSize, input: Input) {
    let (ChunkSize(size), Input(text, expected)) = (size, input);
    contract.create(json!({}));
    let mut stream = contract.stream();
    stream.send_in_chunks(text.replace('\n', line_end), size, Duration::from_millis(10));
    let expected: Vec<_> = expected.iter().map(|data| event(*data)).collect();
    contract.events(&expected);
    contract.nothing_else(&mut stream);
}

pub(crate) fn crlf_cut_between(contract: &mut Contract) {
    let chunks = ["data: Hello\r", "\ndata: World\r", "\n\r\ndata: OK\r", "\n", "\r", "\n"];
    contract.parses(&chunks, &[event("Hello\nWorld"), event("OK")]);
}
