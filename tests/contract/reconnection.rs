//! What comes after a connection was lost.

use serde_json::json;

use crate::harness::{Contract, Stream, event};

/// Begins to follow a stream that is reconnected to at once.
fn begin(contract: &mut Contract) -> Stream {
    contract.create(json!({ "initialDelayMs": 0 }));
    contract.stream()
}

pub(crate) fn restart_on_demand(contract: &mut Contract) {
    let mut first = begin(contract);
    first.send("data: Hello\n\n");
    contract.events(&[event("Hello")]);
    let answer = contract.post(contract.location(), &json!({ "command": "restart" }));
    assert!(answer.status < 300, "restart: {} {}", answer.status, answer.text());
    let mut second = contract.stream();
    second.send("data: Thanks\n\n");
    contract.events(&[event("Thanks")]);
    contract.nothing_else(&mut second);
}

pub(crate) fn last_event_id_is_sent(contract: &mut Contract) {
    let mut first = begin(contract);
    assert!(first.request.fields("last-event-id").is_empty());
    first.send("id: abc\ndata: Hello\n\n");
    contract.events(&[event("Hello").with_id("abc")]);
    first.end();
    assert_eq!(contract.stream().request.fields("last-event-id"), ["abc"]);
}

pub(crate) fn last_event_id_outlives_events_without_one(contract: &mut Contract) {
    let mut first = begin(contract);
    first.send("id: abc\ndata: Hello\n\n");
    first.send("data: World\n\n");
    contract.events(&[event("Hello").with_id("abc"), event("World").with_id("abc")]);
    first.end();
    assert_eq!(contract.stream().request.fields("last-event-id"), ["abc"]);
}

pub(crate) fn empty_id_takes_the_field_away(contract: &mut Contract) {
    let mut first = begin(contract);
    first.send("id: abc\ndata: Hello\n\n");
    first.send("id: \ndata: World\n\n");
    contract.events(&[event("Hello").with_id("abc"), event("World")]);
    first.end();
    assert!(contract.stream().request.fields("last-event-id").is_empty(), "not even an empty one");
}

pub(crate) fn body_is_sent_again(contract: &mut Contract) {
    let body = r#"{"hello": "world"}"#;
    let headers = json!({ "content-type": "application/json; charset=utf-8" });
    contract.create(json!({ "initialDelayMs": 0, "headers": headers, "method": "POST", "body": body }));
    let first = contract.stream();
    assert_eq!((&*first.request.method, &*first.request.body), ("POST", body.as_bytes()));
    first.end();
    let second = contract.stream().request;
    assert_eq!((&*second.method, &*second.body), ("POST", body.as_bytes()));
}

pub(crate) fn silence_is_an_error(contract: &mut Contract) {
    contract.create(json!({ "initialDelayMs": 0, "readTimeoutMs": 500 }));
    let mut first = contract.stream();
    first.send("data: Hello\n\n");
    contract.events(&[event("Hello")]);
    contract.error();
    contract.stream();
}

pub(crate) fn partial_event_is_discarded(contract: &mut Contract) {
    let mut first = begin(contract);
    first.send("id: abc\ndata: Hello\n\n");
    first.send("id: def\ndata: Goodbye");
    contract.events(&[event("Hello").with_id("abc")]);
    first.end();
    let mut second = contract.stream();
    assert_eq!(second.request.fields("last-event-id"), ["abc"]);
    second.send("data: World\n\n");
    contract.error();
    contract.events(&[event("World").with_id("abc")]);
    contract.nothing_else(&mut second);
}

pub(crate) fn events_flow_on_the_next_connection(contract: &mut Contract) {
    let mut first = begin(contract);
    first.send("data: Hello\n\n");
    contract.events(&[event("Hello")]);
    first.end();
    let mut second = contract.stream();
    second.send("data: World\n\n");
    contract.error();
    contract.events(&[event("World")]);
    contract.nothing_else(&mut second);
}
