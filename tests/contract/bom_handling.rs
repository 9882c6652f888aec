//! A byte order mark at the start of the stream is no part of it.

use crate::harness::{Contract, event};

const BOM: &str = "\u{feff}";

pub(crate) fn mark_is_stripped(contract: &mut Contract) {
    contract.parses(&[format!("{BOM}data: Hello\n\n")], &[event("Hello")]);
}

pub(crate) fn mark_before_type_and_id(contract: &mut Contract) {
    let expected = event("Hello").with_type("greeting").with_id("abc");
    contract.parses(&[format!("{BOM}event: greeting\nid: abc\ndata: Hello\n\n")], &[expected]);
}

pub(crate) fn mark_before_two_events(contract: &mut Contract) {
    contract.parses(&[format!("{BOM}data: First\n\ndata: Second\n\n")], &[event("First"), event("Second")]);
}

pub(crate) fn mark_in_later_data_is_kept(contract: &mut Contract) {
    let chunks = ["data: First\n\n".into(), format!("data: {BOM}Second\n\n")];
    contract.parses(&chunks, &[event("First"), event(format!("{BOM}Second"))]);
}

pub(crate) fn mark_cut_into_two_and_one(contract: &mut Contract) {
    contract.parses(&[&b"\xef\xbb"[..], b"\xbfdata: Hello\n\n"], &[event("Hello")]);
}

pub(crate) fn mark_cut_into_three(contract: &mut Contract) {
    contract.parses(&[&b"\xef"[..], b"\xbb", b"\xbf", b"data: Hello\n\n"], &[event("Hello")]);
}

pub(crate) fn only_the_first_of_two_is_stripped(contract: &mut Contract) {
    contract.parses(&[format!("{BOM}data: {BOM}Hello\n\n")], &[event(format!("{BOM}Hello"))]);
}

pub(crate) fn no_mark(contract: &mut Contract) {
    contract.parses(&["data: Hello\n\n"], &[event("Hello")]);
}

pub(crate) fn mark_before_two_lines(contract: &mut Contract) {
    contract.parses(&[format!("{BOM}data: Line1\ndata: Line2\n\n")], &[event("Line1\nLine2")]);
}

pub(crate) fn mark_before_a_comment(contract: &mut Contract) {
    contract.create(serde_json::json!({}));
    let mut stream = contract.stream();
    stream.send(format!("{BOM}:comment\ndata: Hello\n\n"));
    contract.comment("comment");
    contract.events(&[event("Hello")]);
    contract.nothing_else(&mut stream);
}

pub(crate) fn mark_before_empty_data(contract: &mut Contract) {
    contract.parses(&[format!("{BOM}data:\n\n")], &[event("")]);
}
