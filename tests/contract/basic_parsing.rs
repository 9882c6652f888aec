//! Events, fields and ids.

use std::time::Duration;

use serde_json::json;

use crate::harness::{Contract, WAIT, event};

pub(crate) fn one_line_in_one_chunk(contract: &mut Contract) {
    contract.parses(&["data: Hello\n\n"], &[event("Hello")]);
}

pub(crate) fn one_line_in_two_chunks(contract: &mut Contract) {
    contract.parses(&["data: Hel", "lo\n\n"], &[event("Hello")]);
}

pub(crate) fn two_events_in_one_chunk(contract: &mut Contract) {
    contract.parses(&["data: Hello\n\ndata: World\n\n"], &[event("Hello"), event("World")]);
}

pub(crate) fn two_events_cut_into_three_chunks(contract: &mut Contract) {
    contract.parses(&["data: test", "test\n\ndata:", "test\n\n"], &[event("testtest"), event("test")]);
}

pub(crate) fn two_lines_in_one_chunk(contract: &mut Contract) {
    contract.parses(&["data: Hello\ndata:World\n\n"], &[event("Hello\nWorld")]);
}

pub(crate) fn seven_megabytes_in_one_chunk(contract: &mut Contract) {
    contract.patience = 6 * WAIT;
    let blob = random_base64(FIVE_MIB, 1);
    contract.parses(&[format!("data: {blob}\n\n")], &[event(blob)]);
}

pub(crate) fn fourteen_megabytes_in_two_chunks(contract: &mut Contract) {
    contract.patience = 6 * WAIT;
    let (first, second) = (random_base64(FIVE_MIB, 1), random_base64(FIVE_MIB, 2));
    contract.parses(&[format!("data: {first}"), format!("{second}\n\n")], &[event(first + &second)]);
}

pub(crate) fn empty_data(contract: &mut Contract) {
    contract.parses(&["data:\n\n"], &[event("")]);
}

pub(crate) fn event_with_a_type(contract: &mut Contract) {
    contract.parses(&["event: greeting\ndata: Hello\n\n"], &[event("Hello").with_type("greeting")]);
}

pub(crate) fn default_type_is_message(contract: &mut Contract) {
    contract.parses(&["data: Hello\n\n"], &[event("Hello").with_type("message")]);
}

pub(crate) fn event_with_an_id(contract: &mut Contract) {
    contract.parses(&["id: abc\ndata: Hello\n\n"], &[event("Hello").with_id("abc")]);
}

pub(crate) fn event_with_type_and_id(contract: &mut Contract) {
    let expected = event("Hello").with_type("greeting").with_id("abc");
    contract.parses(&["event: greeting\nid: abc\ndata: Hello\n\n"], &[expected]);
}

pub(crate) fn id_with_a_null_is_ignored(contract: &mut Contract) {
    contract.parses(&["id: a\0bc\ndata: Hello\n\n"], &[event("Hello")]);
}

pub(crate) fn id_holds_for_later_events(contract: &mut Contract) {
    let expected = [event("first").with_id("abc"), event("second").with_id("abc")];
    contract.parses(&["id: abc\ndata: first\n\n", "data: second\n\n"], &expected);
}

pub(crate) fn id_is_reset_by_an_empty_one(contract: &mut Contract) {
    let expected = [event("first").with_id("abc"), event("second")];
    contract.parses(&["id: abc\ndata: first\n\n", "id: \ndata: second\n\n"], &expected);
}

pub(crate) fn fields_in_reverse_order(contract: &mut Contract) {
    let expected = event("Hello").with_type("greeting").with_id("abc");
    contract.parses(&["data: Hello\nid: abc\nevent: greeting\n\n"], &[expected]);
}

pub(crate) fn unknown_field_is_ignored(contract: &mut Contract) {
    let expected = event("Hello").with_type("greeting");
    contract.parses(&["event: greeting\ncolor: blue\ndata: Hello\n\n"], &[expected]);
}

pub(crate) fn no_space_after_the_colon(contract: &mut Contract) {
    contract.parses(&["event:greeting\ndata:Hello\n\n"], &[event("Hello").with_type("greeting")]);
}

pub(crate) fn only_one_space_is_stripped(contract: &mut Contract) {
    contract.parses(&["event:  greeting\ndata:  Hello\n\n"], &[event(" Hello").with_type(" greeting")]);
}

pub(crate) fn field_without_a_colon(contract: &mut Contract) {
    contract.parses(&["data\n\ndata\ndata\n\n"], &[event(""), event("\n")]);
}

pub(crate) fn characters_of_several_bytes(contract: &mut Contract) {
    contract.parses(&["data: €豆腐\n\n"], &[event("€豆腐")]);
}

pub(crate) fn characters_of_several_bytes_byte_by_byte(contract: &mut Contract) {
    contract.create(json!({}));
    let mut stream = contract.stream();
    stream.send_in_chunks("data: €豆腐\n\n", 1, Duration::from_millis(20));
    contract.events(&[event("€豆腐")]);
    contract.nothing_else(&mut stream);
}

pub(crate) fn hundred_events_keep_their_order(contract: &mut Contract) {
    let numbers = 0..100;
    let chunk: String = numbers.clone().map(|number| format!("data: message {number}\n\n")).collect();
    let expected: Vec<_> = numbers.map(|number| event(format!("message {number}"))).collect();
    contract.parses(&[chunk], &expected);
}

/// Returns so many random bytes as base64.
fn random_base64(bytes: usize, seed: u64) -> String {
    let mut state = seed;
    let characters = (0..bytes.div_ceil(3) * 4).map(|_| {
        // Knuth's MMIX; its upper bits are good enough for a blob.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(BASE64[(state >> 58) as usize])
    });
    characters.collect()
}

const FIVE_MIB: usize = 5 << 20;

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
