//! The request, and answers that are no stream.

use std::time::Duration;

use serde_json::json;

use crate::harness::{Contract, event};

pub(crate) fn default_method_and_fields(contract: &mut Contract) {
    contract.create(json!({}));
    let request = contract.stream().request;
    assert_eq!((&*request.method, &*request.target), ("GET", "/stream"));
    assert_eq!(request.fields("accept"), ["text/event-stream"]);
    assert_eq!(request.fields("cache-control"), ["no-cache"]);
    assert!(request.fields("last-event-id").is_empty(), "not even an empty one");
}

pub(crate) fn no_content_ends_it(contract: &mut Contract) {
    contract.create(json!({ "initialDelayMs": 0 }));
    contract.request().respond(204, &[]);
    contract.no_request_within(Duration::from_secs(1));
}

fn follows(contract: &mut Contract, status: u16) {
    contract.create(json!({}));
    let elsewhere = contract.stream_url("/elsewhere");
    contract.request().respond(status, &[("location", &elsewhere)]);
    let mut stream = contract.stream();
    assert_eq!(stream.request.target, "/elsewhere");
    stream.send("data: Hello\n\n");
    contract.events(&[event("Hello")]);
    contract.nothing_else(&mut stream);
}

pub(crate) fn follows_301(contract: &mut Contract) {
    follows(contract, 301);
}

pub(crate) fn follows_307(contract: &mut Contract) {
    follows(contract, 307);
}

fn cannot_follow(contract: &mut Contract, status: u16, fields: &[(&str, &str)]) {
    contract.create(json!({ "initialDelayMs": 0 }));
    contract.request().respond(status, fields);
    contract.error();
}

pub(crate) fn empty_location_of_301_is_an_error(contract: &mut Contract) {
    cannot_follow(contract, 301, &[("location", "")]);
}

pub(crate) fn empty_location_of_307_is_an_error(contract: &mut Contract) {
    cannot_follow(contract, 307, &[("location", "")]);
}

pub(crate) fn missing_location_of_301_is_an_error(contract: &mut Contract) {
    cannot_follow(contract, 301, &[]);
}

pub(crate) fn missing_location_of_307_is_an_error(contract: &mut Contract) {
    cannot_follow(contract, 307, &[]);
}

pub(crate) fn custom_fields(contract: &mut Contract) {
    contract.create(json!({ "headers": { "header-name-1": "value-1", "header-name-2": "value-2" } }));
    let request = contract.stream().request;
    assert_eq!(request.fields("header-name-1"), ["value-1"]);
    assert_eq!(request.fields("header-name-2"), ["value-2"]);
}

fn sends_body(contract: &mut Contract, method: &str) {
    let content_type = "application/json; charset=utf-8";
    contract.create(json!({ "headers": { "content-type": content_type }, "method": method, "body": BODY }));
    let request = contract.stream().request;
    assert_eq!(request.method, method);
    assert_eq!(request.fields("content-type"), [content_type]);
    assert_eq!(request.body, BODY.as_bytes());
}

pub(crate) fn post_with_a_body(contract: &mut Contract) {
    sends_body(contract, "POST");
}

pub(crate) fn report_with_a_body(contract: &mut Contract) {
    sends_body(contract, "REPORT");
}

pub(crate) fn initial_last_event_id(contract: &mut Contract) {
    contract.create(json!({ "lastEventId": "abc" }));
    assert_eq!(contract.stream().request.fields("last-event-id"), ["abc"]);
}

const BODY: &str = r#"{"hello": "world"}"#;
