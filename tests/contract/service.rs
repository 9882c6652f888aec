//! The service itself, beside the client in it.

use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Contract, WAIT, event};
use crate::harness_http::ask;

pub(crate) fn names_itself_and_its_capabilities(contract: &mut Contract) {
    let answer = ask(contract.service, "GET", "/", "");
    assert_eq!((answer.status, answer.field("content-type")), (200, Some("application/json")));
    let described: Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert_eq!(described["name"], "tidewire");
    let capabilities = [
        "bom",
        "comments",
        "headers",
        "last-event-id",
        "post",
        "read-timeout",
        "report",
        "restart",
        "server-directed-shutdown-request",
    ];
    assert_eq!(described["capabilities"], json!(capabilities));
}

pub(crate) fn says_what_is_wrong_with_parameters(contract: &mut Contract) {
    let wrong = [
        ("streamUrl", json!("not a url"), "streamUrl: "),
        ("callbackUrl", json!("ftp://127.0.0.1/"), "callbackUrl: "),
        ("initialDelayMs", json!("soon"), "invalid type"),
        ("headers", json!({ "a b": "c" }), "headers: "),
        ("method", json!("a b"), "method: "),
        ("lastEventId", json!("a\nb"), "lastEventId: "),
    ];
    for (name, value, sentence) in wrong {
        let answer = contract.post("/", &contract.parameters(json!({ name: value })));
        assert_eq!(answer.status, 400, "{name}");
        assert!(answer.text().starts_with(sentence), "{name}: {}", answer.text());
    }
    assert_eq!(ask(contract.service, "POST", "/", "{}").status, 400);
    assert_eq!(ask(contract.service, "POST", "/", "").status, 400);
    contract.no_request_within(Duration::ZERO);
}

pub(crate) fn knows_only_its_streams_and_commands(contract: &mut Contract) {
    contract.create(json!({}));
    assert_eq!(contract.post(contract.location(), &json!({ "command": "listen" })).status, 400);
    let restart = json!({ "command": "restart" });
    assert_eq!(contract.post("/streams/99", &restart).status, 404);
    assert_eq!(contract.post("/elsewhere", &restart).status, 404);
    assert_eq!(ask(contract.service, "DELETE", "/streams/99", "").status, 404);
    assert_eq!(ask(contract.service, "DELETE", contract.location(), "").status, 204);
    assert_eq!(contract.post(contract.location(), &restart).status, 404);
    contract.create(json!({}));
}

pub(crate) fn stops_at_once(contract: &mut Contract) {
    contract.create(json!({ "initialDelayMs": 0 }));
    let mut stream = contract.stream();
    stream.send("data: again\n\n".repeat(20_000));
    contract.events(&[event("again")]);
    assert_eq!(ask(contract.service, "DELETE", contract.location(), "").status, 204);
    let came = contract.reports_that_came().len();
    assert!(came < 19_999, "too late to tell");
    // It has turns enough to report more.
    for _ in 0..20 {
        assert_eq!(ask(contract.service, "GET", "/", "").status, 200);
    }
    let late = contract.reports_that_came().len();
    assert!(late <= 1, "{late} reports, where one could be on its way");
    stream.end();
    contract.no_request_within(Duration::ZERO);
    contract.create(json!({}));
    contract.stream();
}

pub(crate) fn quits(contract: &mut Contract) {
    contract.create(json!({}));
    assert_eq!(ask(contract.service, "DELETE", "/", "").status, 204);
    let until = Instant::now() + WAIT;
    while TcpStream::connect(contract.service).is_ok() {
        assert!(Instant::now() < until, "it listens still");
        thread::sleep(Duration::from_millis(5));
    }
    contract.forget();
}
