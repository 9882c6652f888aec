//! Calls of the Model Context Protocol in both versions, flow by flow.

use core::time::Duration;

use serde_json::{Value, json};
use tidewire_core::client::{CloseReason, Config, ConnectError, Event, Reason, State, mcp};
use tidewire_core::http::{Fields, ResponseHead, Url};
use tidewire_core::sse::EventId;
use tidewire_core::{Closing, Protocol};
use tidewire_tests::client::{CHUNKED, Client, UNTIL_CLOSE, field, response};

const CALL: &str = r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"weather","arguments":{}}}"#;
const PROGRESS: &str = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progress":1}}"#;
const RESULT: &str = r#"{"jsonrpc":"2.0","id":2,"result":{"content":[]}}"#;

fn url() -> Url {
    Url::parse("http://example.test/mcp").unwrap()
}

/// A call of version 2025-11-25 in a session, its delays without chance.
fn resumable() -> Config {
    let mut config = Config::mcp_2025_11_25(url(), CALL);
    config.fields.set(mcp::SESSION_ID, "1868a90c").unwrap();
    config.fields.set("Authorization", "Bearer secret").unwrap();
    config.backoff.jitter = 0.0;
    config
}

/// A call of version 2026-07-28.
fn single() -> Config {
    Config::mcp_2026_07_28(url(), CALL)
}

fn event(id: &str, data: &str) -> String {
    if id.is_empty() { format!("data: {data}\n\n") } else { format!("id: {id}\ndata: {data}\n\n") }
}

/// The methods or results of the messages and answers so far, and how it ended.
fn told(client: &mut Client) -> Vec<String> {
    let events: Vec<_> = client.events.drain(..).collect();
    let told = events.iter().filter_map(|event| {
        let name = |value: Value| value["method"].as_str().unwrap_or("response").to_owned();
        match event {
            Event::Message(_) | Event::Answer(_) => event.json::<Value>().unwrap().map(name),
            Event::Disconnected { reason, retry_in, .. } => Some(format!("{reason}: {retry_in:?}")),
            Event::Closed(reason) => Some(reason.to_string()),
            _ => None,
        }
    });
    told.collect()
}

const COMPLETE: &str = "the stream is complete";
const CUT_OFF: &str = "the server ended the stream before it was complete";

#[test]
fn call_says_what_the_standard_wants() {
    let mut client = Client::new(resumable());
    let request = client.accept();
    assert!(request.starts_with("POST /mcp HTTP/1.1\r\n") && request.ends_with(CALL), "{request}");
    for (name, value) in [
        ("accept", "application/json, text/event-stream"),
        ("content-type", "application/json"),
        ("mcp-protocol-version", "2025-11-25"),
        ("mcp-session-id", "1868a90c"),
        ("authorization", "Bearer secret"),
    ] {
        assert_eq!(field(&request, name), Some(value));
    }
    assert_eq!(field(&request, "last-event-id"), None);
}

#[test]
fn answer_in_json_is_the_response() {
    for config in [resumable(), single()] {
        let mut client = Client::accepted(config);
        client.receive(response("200 OK", "Content-Type: application/json\r\n", RESULT));
        assert_eq!(told(&mut client), ["response", "the server answered in one piece"]);
        assert!(!client.connected);
    }
}

#[test]
fn stream_ends_with_the_response_and_the_connection_is_dropped() {
    for config in [resumable(), single()] {
        let mut client = Client::accepted(config);
        client.receive(CHUNKED);
        let events = [event("", PROGRESS), ": keep-alive\n\n".into(), event("", RESULT), event("", PROGRESS)].concat();
        client.receive(format!("{:x}\r\n{events}\r\n", events.len()));
        assert_eq!(told(&mut client), ["notifications/progress", "response", COMPLETE]);
        assert!(!client.connected);
    }
}

#[test]
fn primed_stream_is_polled_by_get_after_the_time_the_server_asks_for() {
    let mut client = Client::accepted(resumable());
    client.receive(format!("{UNTIL_CLOSE}id: s1/0\ndata:\n\nretry: 3500\n\n"));
    client.eof();
    assert_eq!(told(&mut client), [format!("{CUT_OFF}: 3.5s")]);
    client.advance(Duration::from_millis(3499));
    assert_eq!(client.connects.len(), 1);
    client.advance(Duration::from_millis(1));
    assert_eq!(client.connects.len(), 2);

    let request = client.accept();
    assert!(request.starts_with("GET /mcp HTTP/1.1\r\n") && request.ends_with("\r\n\r\n"), "{request}");
    for (name, value) in [
        ("accept", Some("text/event-stream")),
        ("last-event-id", Some("s1/0")),
        ("mcp-session-id", Some("1868a90c")),
        ("mcp-protocol-version", Some("2025-11-25")),
        ("authorization", Some("Bearer secret")),
        ("content-type", None),
        ("content-length", None),
    ] {
        assert_eq!(field(&request, name), value, "{name}");
    }
    client.receive(format!("{UNTIL_CLOSE}{}{}", event("s1/1", PROGRESS), event("s1/2", RESULT)));
    assert_eq!(told(&mut client), ["notifications/progress", "response", COMPLETE]);
}

#[test]
fn stream_is_polled_as_often_as_the_server_likes() {
    let mut client = Client::accepted(resumable());
    client.receive(format!("{UNTIL_CLOSE}retry: 100\nid: 0\ndata: \n\n"));
    for poll in 1..100 {
        client.eof();
        let request = client.reconnect();
        assert_eq!(field(&request, "last-event-id"), Some((poll - 1).to_string().as_str()));
        client.receive(format!("{UNTIL_CLOSE}id: {poll}\ndata:\n\n"));
    }
    assert_eq!(client.now.since_start(), Duration::from_millis(9900), "no poll is a failure");
    client.receive(event("100", RESULT));
    assert_eq!(told(&mut client).last().unwrap(), COMPLETE);
}

#[test]
fn event_with_empty_data_is_no_message() {
    for config in [resumable(), single()] {
        let mut client = Client::accepted(config);
        client.receive(format!("{UNTIL_CLOSE}id: 1\ndata:\n\nid: 2\ndata: \n\ndata\n\n"));
        assert!(matches!(client.events.as_slice(), [Event::Opened { .. }]), "{:?}", client.events);
        assert_eq!(client.machine.last_event_id(), "2");
    }
}

#[test]
fn call_without_an_id_to_resume_from_is_not_repeated() {
    let mut client = Client::accepted(resumable());
    client.receive(format!("{UNTIL_CLOSE}{}", event("", PROGRESS)));
    client.reset();
    assert!(matches!(client.ended(), CloseReason::NotResent { reason, .. } if *reason == Reason::Reset));

    let mut client = Client::accepted(resumable());
    client.eof();
    assert!(matches!(client.ended(), CloseReason::NotResent { reason, .. } if *reason == Reason::NoResponse));
}

#[test]
fn call_that_was_never_sent_is_sent_later() {
    let mut client = Client::new(resumable());
    client.refuse(ConnectError::Refused);
    let request = client.reconnect();
    assert!(request.starts_with("POST ") && request.ends_with(CALL));
}

#[test]
fn stream_of_an_earlier_process_is_gone_on_with() {
    let mut config = resumable();
    config.last_event_id = Some(EventId::new("s1/7").unwrap());
    let request = Client::new(config).accept();
    assert!(request.starts_with("GET ") && field(&request, "last-event-id") == Some("s1/7"), "{request}");
}

#[test]
fn busy_server_is_asked_again_in_kind() {
    let busy = response("503 Service Unavailable", "Retry-After: 7\r\n", "");
    let mut client = Client::accepted(resumable());
    client.receive(&busy);
    assert!(matches!(client.events.last(), Some(Event::Disconnected { retry_in, .. }) if retry_in.as_secs() >= 7));
    assert!(client.reconnect().starts_with("POST "));
    client.receive(format!("{UNTIL_CLOSE}id: 1\ndata:\n\n"));
    client.eof();
    for _ in 0..2 {
        let request = client.reconnect();
        assert!(request.starts_with("GET ") && field(&request, "last-event-id") == Some("1"));
        client.receive(&busy);
    }
    client.reconnect();
    client.receive(format!("{UNTIL_CLOSE}{}", event("2", RESULT)));
    assert_eq!(told(&mut client).last().unwrap(), COMPLETE);
}

#[test]
fn server_error_after_which_it_may_have_acted_is_final() {
    for status in ["500 Internal Server Error", "502 Bad Gateway", "504 Gateway Timeout"] {
        let mut client = Client::accepted(resumable());
        client.receive(response(status, "", ""));
        assert!(matches!(client.ended(), CloseReason::Status(_)));
    }
}

#[test]
fn session_that_is_gone_is_told_at_once() {
    let gone = response("404 Not Found", "", "");
    let mut client = Client::accepted(resumable());
    client.receive(&gone);
    assert!(matches!(client.ended(), CloseReason::Status(refusal) if refusal.head.status == 404));

    let mut client = Client::accepted(resumable());
    client.receive(format!("{UNTIL_CLOSE}id: 1\ndata:\n\n"));
    client.eof();
    client.reconnect();
    client.receive(&gone);
    assert!(matches!(client.ended(), CloseReason::Status(refusal) if refusal.head.status == 404));
}

#[test]
fn server_that_cannot_resume_is_told_at_once() {
    let mut client = Client::accepted(resumable());
    client.receive(format!("{UNTIL_CLOSE}id: 1\ndata:\n\n"));
    client.eof();
    client.reconnect();
    client.receive(response("405 Method Not Allowed", "Allow: POST\r\n", ""));
    assert!(matches!(client.ended(), CloseReason::Status(refusal) if refusal.head.status == 405));
}

#[test]
fn server_that_stays_away_ends_the_call() {
    let mut client = Client::accepted(resumable());
    client.receive(format!("{UNTIL_CLOSE}id: 1\ndata:\n\n"));
    client.eof();
    for _ in 0..9 {
        client.await_connect();
        client.refuse(ConnectError::Refused);
    }
    assert!(matches!(client.ended(), CloseReason::GaveUp { failures: 10, .. }));
}

#[test]
fn only_the_response_to_the_call_ends_the_stream() {
    for (data, ends) in [
        (json!({"jsonrpc": "2.0", "id": 2, "result": {}}), true),
        (json!({"jsonrpc": "2.0", "id": 2, "error": {"code": -32000, "message": "x"}}), true),
        (json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32700, "message": "x"}}), true),
        (json!({"jsonrpc": "2.0", "error": {"code": -32700, "message": "x"}}), true),
        (json!({"jsonrpc": "2.0", "id": 3, "result": {}}), false),
        (json!({"jsonrpc": "2.0", "id": "2", "result": {}}), false),
        (json!({"jsonrpc": "2.0", "id": 2, "method": "elicitation/create", "params": {}}), false),
        (json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"result": {}}}), false),
        (json!([]), false),
    ] {
        let mut client = Client::open(resumable());
        client.receive(event("", &data.to_string()));
        assert!(matches!(&client.events[0], Event::Message(_)), "{data}");
        assert_eq!(matches!(client.events.last(), Some(Event::Closed(CloseReason::Complete))), ends, "{data}");
    }
    let mut client = Client::open(resumable());
    client.receive("data: no JSON\n\n");
    assert_eq!(client.events.len(), 1);
}

#[test]
fn parameters_of_any_type_do_not_hide_the_id_of_a_call() {
    let call = r#"{"jsonrpc":"2.0","id":2,"method":"tools/list","params":null}"#;
    let mut client = Client::accepted(Config::mcp_2025_11_25(url(), call));
    client.receive(UNTIL_CLOSE);
    client.receive(event("1", r#"{"jsonrpc":"2.0","id":1,"result":{}}"#));
    assert_eq!(client.machine.state(), State::Open, "that answers another call");
    client.receive(event("2", r#"{"jsonrpc":"2.0","id":2,"result":{}}"#));
    assert_eq!(client.ended(), CloseReason::Complete);
}

#[test]
fn id_of_a_call_may_be_text() {
    let mut client = Client::open(Config::mcp_2025_11_25(url(), r#"{"id":"a","method":"ping"}"#));
    client.receive(event("", r#"{"id":2,"result":{}}"#));
    client.receive(event("", r#"{"id":"a","result":{}}"#));
    assert_eq!(told(&mut client), ["response", "response", COMPLETE]);
}

#[test]
fn initialize_goes_without_a_version_and_may_begin_a_session() {
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}"#;
    let mut client = Client::new(Config::mcp_2025_11_25(url(), body));
    assert_eq!(field(&client.accept(), "mcp-protocol-version"), None);
    let fields = "Content-Type: application/json\r\nmcp-session-id: 1868a90c\r\n";
    client.receive(response("200 OK", fields, r#"{"jsonrpc":"2.0","id":1,"result":{}}"#));
    let Some(Event::Answer(answer)) = client.events.first() else { panic!() };
    assert_eq!(mcp::session_id(&answer.head), Some("1868a90c"));
    for (value, id) in [(&b"~!"[..], Some("~!")), (b"", None), (b"a b", None), (b"\xc3\xa4", None)] {
        let mut head = ResponseHead::new(200);
        head.fields.append(mcp::SESSION_ID, value).unwrap();
        assert_eq!(mcp::session_id(&head), id);
    }
    assert_eq!(mcp::session_id(&ResponseHead::new(200)), None);
}

#[test]
fn listener_resumes_for_ever_and_ends_where_nothing_is_offered() {
    let mut config = Config::mcp_2025_11_25_listen(url());
    config.backoff.jitter = 0.0;
    let mut client = Client::new(config.clone());
    let request = client.accept();
    assert!(request.starts_with("GET "));
    assert_eq!(field(&request, "accept"), Some("text/event-stream"));
    assert_eq!(field(&request, "mcp-protocol-version"), Some("2025-11-25"));
    client.receive(format!("{UNTIL_CLOSE}id: 1\ndata:\n\n{}", event("2", PROGRESS)));
    client.eof();
    assert_eq!(told(&mut client), ["notifications/progress", "the server ended the stream: 1s"]);
    assert_eq!(field(&client.reconnect(), "last-event-id"), Some("2"));

    let mut client = Client::accepted(config);
    client.receive(response("405 Method Not Allowed", "", ""));
    assert!(matches!(client.ended(), CloseReason::Status(refusal) if refusal.head.status == 405));
}

#[test]
fn single_call_repeats_in_its_fields_what_the_body_says() {
    let fields = |body: &str| {
        let request = Client::new(Config::mcp_2026_07_28(url(), body.to_owned())).accept();
        let get = |name| field(&request, name).map(str::to_owned);
        assert_eq!(get("mcp-protocol-version").as_deref(), Some("2026-07-28"));
        assert_eq!(get("accept").as_deref(), Some("application/json, text/event-stream"));
        (get("mcp-method"), get("mcp-name"))
    };
    for (body, method, name) in [
        (CALL, Some("tools/call"), Some("weather")),
        (r#"{"id":1,"method":"prompts/get","params":{"name":"a b"}}"#, Some("prompts/get"), Some("a b")),
        (
            r#"{"id":1,"method":"resources/read","params":{"uri":"file:///a"}}"#,
            Some("resources/read"),
            Some("file:///a"),
        ),
        (r#"{"id":1,"method":"tools/list","params":{"name":"x"}}"#, Some("tools/list"), None),
        (
            r#"{"id":1,"method":"tools/call","params":{"name":"Wetter für Köln"}}"#,
            Some("tools/call"),
            Some("=?base64?V2V0dGVyIGbDvHIgS8O2bG4=?="),
        ),
        (r#"{"id":1,"method":"tools/list","params":null}"#, Some("tools/list"), None),
        (r#"{"id":1,"method":"logging/x","params":{"name":{"of":"another type"}}}"#, Some("logging/x"), None),
        ("no JSON", None, None),
    ] {
        assert_eq!(fields(body), (method.map(str::to_owned), name.map(str::to_owned)), "{body}");
    }
}

#[test]
fn values_of_fields_are_encoded_as_the_standard_shows() {
    for (value, expected) in [
        ("us-west1", "us-west1"),
        ("a b", "a b"),
        ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
        (" padded ", "=?base64?IHBhZGRlZCA=?="),
        ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
        ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
    ] {
        assert_eq!(mcp::field_value(value), expected);
        Fields::new().append("Mcp-Param-X", mcp::field_value(value).as_bytes()).unwrap();
    }
}

#[test]
fn single_call_that_is_lost_is_over() {
    let over = |client: &mut Client| match client.ended() {
        CloseReason::Lost(reason) => *reason,
        other => panic!("{other}"),
    };
    let mut client = Client::new(single());
    client.refuse(ConnectError::Refused);
    assert_eq!(over(&mut client), Reason::Connect(ConnectError::Refused));

    let mut client = Client::open(single());
    client.receive(event("1", PROGRESS));
    client.eof();
    assert_eq!(over(&mut client), Reason::Unfinished { mid_event: false });

    let mut client = Client::open(single());
    client.receive(event("1", PROGRESS));
    client.reset();
    assert_eq!(over(&mut client), Reason::Reset);
    assert_eq!(client.connects.len(), 1);
    client.advance(Duration::from_secs(1_000_000));
    assert_eq!(client.connects.len(), 1);
}

#[test]
fn closing_a_single_call_drops_its_connection_at_once() {
    let mut client = Client::open(single());
    client.receive(event("", PROGRESS));
    client.sent.clear();
    client.machine.close(client.now);
    assert_eq!((client.machine.closing(), client.machine.poll_transmit()), (Closing::Abort, None));
    client.settle();
    assert_eq!(told(&mut client), ["notifications/progress", "closed as asked"]);
    assert!(client.sent.is_empty() && !client.connected);
}

#[test]
fn error_of_json_rpc_in_a_refusal_is_kept() {
    let body = r#"{"jsonrpc":"2.0","id":2,"error":{"code":-32020,"message":"Header mismatch"}}"#;
    for config in [resumable(), single()] {
        let mut client = Client::accepted(config);
        client.receive(response("400 Bad Request", "Content-Type: application/json\r\n", body));
        let CloseReason::Status(refusal) = client.ended() else { panic!() };
        assert_eq!(refusal.text(), Some(body));
    }
}

#[test]
fn page_in_place_of_an_answer_is_refused() {
    for config in [resumable(), single()] {
        let mut client = Client::accepted(config);
        client.receive(response("200 OK", "Content-Type: text/html\r\n", "<h1>Sign in</h1>"));
        assert!(matches!(client.ended(), CloseReason::ContentType(_)));
    }
}

#[test]
fn notification_is_accepted_without_an_answer() {
    let mut client = Client::accepted(Config::mcp_2025_11_25(url(), r#"{"method":"notifications/initialized"}"#));
    client.receive("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
    assert!(matches!(client.ended(), CloseReason::Status(refusal) if refusal.head.status == 202));
}
