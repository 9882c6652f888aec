//! The routes of the program: requests in, answers out, without a socket.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tidewire_core::api::{self, Caller};
use tidewire_core::channels::{self, Answer, Channels, Guest, Read};
use tidewire_core::http::{Method, RequestHead};
use tidewire_core::log::ReaderId;
use tidewire_core::server::{Heartbeat, Reply, Request};
use tidewire_core::sse::{Item, Parser};
use tidewire_core::{Instant, SplitMix64, UnixTime};

#[test]
fn page_is_one_of_three_files_and_loads_nothing_from_elsewhere() {
    let mut api = api();
    for (path, media_type) in [("/", "text/html"), ("/page.css", "text/css"), ("/page.js", "text/javascript")] {
        let reply = reply(&mut api, get(path));
        assert_eq!(reply.status, 200, "{path}");
        assert!(field(&reply, "content-type").starts_with(media_type), "{path}");
        assert!(field(&reply, "content-security-policy").contains("default-src 'none'"), "{path}");
        assert!(!text(&reply).contains("://"), "{path} names another host");
    }
}

#[test]
fn stream_begins_with_retry_and_connected() {
    let mut api = api();
    let (_, first) = stream(&mut api, get("/v1/events?channel=news&user=ada"));
    assert!(first.starts_with("retry: 1000\n\n"), "{first}");
    let [connected] = &events(&first)[..] else { panic!("one event: {first}") };
    assert_eq!(connected.name, "connected");
    assert_eq!(connected.data["user_id"], "ada");
    assert_eq!(connected.data["resumed"], false);
    assert_eq!(connected.data["heartbeat_ms"], 15_000);
    assert_eq!(connected.data["connection_id"].as_str().unwrap().len(), 32);
    assert_ne!(connected.data["connection_id"], connected.data["session_id"]);
    assert!(connected.id.ends_with("-0"), "the id is where the stream starts: {}", connected.id);
}

#[test]
fn streams_keep_alive_as_their_readers_are_told() {
    let mut api = api_with(|config| config.channels.heartbeat = Some(Heartbeat::new(Duration::from_secs(40))));
    let Answer::Stream { head, first, .. } = api.handle_request(now(0), &get("/v1/events?channel=news")) else {
        panic!("a stream")
    };
    assert_eq!(head.heartbeat, Some(Heartbeat::new(Duration::from_secs(40))));
    assert_eq!(events(str::from_utf8(&first).unwrap())[0].data["heartbeat_ms"], 40_000);
}

#[test]
fn nameless_user_is_anonymous() {
    let (_, first) = stream(&mut api(), get("/v1/events?channel=news"));
    assert!(events(&first)[0].data["user_id"].as_str().unwrap().starts_with("anonymous-"));
}

#[test]
fn publication_reaches_its_channel_as_an_envelope() {
    let mut api = api();
    let (reader, _) = stream(&mut api, get("/v1/events?channel=news"));
    let (other, _) = stream(&mut api, get("/v1/events?channel=other"));
    let answer = json_of(&reply(&mut api, post("/v1/channels/news/publish?user=ada", "text/plain", "a\nb")));

    let [event] = &read(&mut api, reader)[..] else { panic!("one event") };
    assert_eq!((&*event.name, &*event.id), ("message", answer["id"].as_str().unwrap()));
    let expected = json!({
        "id": answer["id"], "type": "message", "channel_id": "news", "user_id": "ada", "data": "a\nb",
        "timestamp": "2024-07-03T09:46:40.000Z",
    });
    assert_eq!(event.data, expected);
    assert!(read(&mut api, other).is_empty());
}

#[test]
fn body_is_taken_by_its_content_type() {
    let mut api = api();
    let (reader, _) = stream(&mut api, get("/v1/events?channel=a"));
    let mut taken = |media_type: &str, body: &str| {
        let reply = reply(&mut api, post("/v1/channels/a/publish", media_type, body));
        assert_eq!(reply.status, 200, "{media_type}: {}", text(&reply));
        let event = read(&mut api, reader).remove(0).data;
        (event["data"].clone(), event.get("content_type").cloned())
    };
    assert_eq!(taken("text/plain; charset=utf-8", "hé"), (json!("hé"), None));
    assert_eq!(taken("application/x-www-form-urlencoded", "a=b"), (json!("a=b"), None));
    assert_eq!(taken("text/html", "<b>"), (json!("<b>"), Some(json!("text/html"))));
    assert_eq!(taken("application/octet-stream", "\0\u{1}"), (json!("AAE="), Some(json!("application/octet-stream"))));
    assert_eq!(taken("image/png", ""), (json!(""), Some(json!("image/png"))));
    assert_eq!(
        taken("application/json", r#"{"data": [1.0, 12345678901234567890]}"#).0.to_string(),
        "[1.0,12345678901234567890]"
    );
}

#[test]
fn json_body_brings_what_goes_with_the_data() {
    let mut api = api();
    let (reader, _) = stream(&mut api, get("/v1/events?channel=a"));
    let body = r#"{"data":{"x":1},"event":"moved","metadata":{"k":"v"},"thread_id":"t-1","nonce":"n-1"}"#;
    let answer = json_of(&reply(&mut api, post("/v1/channels/a/publish", "application/json", body)));
    assert_eq!(answer["nonce"], "n-1");
    let event = read(&mut api, reader).remove(0).data;
    assert_eq!(event["data"], json!({"x": 1}));
    assert_eq!(event["event"], "moved");
    assert_eq!(event["metadata"], json!({"k": "v"}));
    assert_eq!(event["thread_id"], "t-1");
}

#[test]
fn bad_requests_get_their_status_and_code() {
    let long = "x".repeat(64 * 1024 + 1);
    let cases = [
        (get("/nothing"), 404, "not_found"),
        (get("/v1/events/"), 404, "not_found"),
        (get("/v1/events"), 400, "channel_missing"),
        (get("/v1/events?channel=a%20b"), 400, "invalid_channel"),
        (get("/v1/events?channel=%FF"), 400, "invalid_channel"),
        (get("/v1/events?channel=a&user="), 400, "invalid_user"),
        (get("/v1/channels/a/publish"), 405, "method_not_allowed"),
        (post("/v1/events", "text/plain", ""), 405, "method_not_allowed"),
        (post("/v1/channels/a%2Fb/publish", "text/plain", ""), 400, "invalid_channel"),
        (post("/v1/channels/%FF/publish", "text/plain", ""), 400, "invalid_target"),
        (post("/v1/channels/a/publish", "text/plain", &long), 413, "message_too_long"),
        (post("/v1/channels/a/publish", "application/json", "{"), 400, "invalid_body"),
        (post("/v1/channels/a/publish", "application/json", "{}"), 400, "invalid_body"),
        (post("/v1/channels/a/publish", "application/json", r#"{"data":1,"x":1}"#), 400, "invalid_body"),
        (post("/v1/channels/a/publish", "application/json", r#"{"data":1,"metadata":1}"#), 400, "invalid_body"),
        (post("/v1/channels/a/publish", "application/json", r#"{"data":1,"event":"a\nb"}"#), 400, "invalid_body"),
        (with(get("/v1/events?channel=a"), "accept", "application/json"), 406, "not_acceptable"),
        (with(get("/"), "origin", "https://evil.example"), 403, "origin_not_allowed"),
        (with(post("/v1/channels/a/publish", "text/plain", ""), "content-encoding", "gzip"), 415, "unsupported_coding"),
    ];
    for (request, status, code) in cases {
        let target = request.head.target.clone();
        let reply = reply(&mut api(), request);
        assert_eq!(reply.status, status, "{target}: {}", text(&reply));
        assert_eq!(field(&reply, "content-type"), "application/problem+json", "{target}");
        let problem = json_of(&reply);
        assert_eq!((&problem["status"], &problem["code"]), (&json!(status), &json!(code)), "{target}");
        assert!(!problem["detail"].as_str().unwrap().is_empty());
    }
}

#[test]
fn message_longer_than_the_history_is_told_what_to_raise() {
    let mut api = api_with(|config| config.channels.channel.topic.max_bytes = 1000);
    let reply = reply(&mut api, post("/v1/channels/a/publish", "text/plain", &"x".repeat(1000)));
    assert_eq!((reply.status, &json_of(&reply)["code"]), (413, &json!("message_too_long")));
    assert!(text(&reply).contains("--history-bytes"), "{}", text(&reply));
}

#[test]
fn text_that_is_not_utf_8_is_refused() {
    let mut request = post("/v1/channels/a/publish", "text/plain", "");
    request.body = Bytes::from_static(b"\xff");
    assert_eq!(json_of(&reply(&mut api(), request))["code"], "invalid_text");
}

#[test]
fn other_hosts_are_refused_before_anything_else() {
    let mut request = get("/nothing");
    request.head.fields.set("host", "evil.example").unwrap();
    assert_eq!(json_of(&reply(&mut api(), request))["code"], "host_not_allowed");
}

#[test]
fn longest_message_is_taken_and_one_byte_more_is_not() {
    let mut api = api();
    for (length, status) in [(64 * 1024 - 1, 200), (64 * 1024, 200), (64 * 1024 + 1, 413)] {
        let publish = post("/v1/channels/a/publish", "text/plain", &"x".repeat(length));
        assert_eq!(reply(&mut api, publish).status, status, "{length} bytes");
    }
}

#[test]
fn wrong_method_is_told_the_right_ones() {
    let reply = reply(&mut api(), post("/v1/events", "text/plain", ""));
    assert_eq!((reply.status, field(&reply, "allow")), (405, "GET, HEAD, OPTIONS"));
}

#[test]
fn options_tells_the_methods_and_a_preflight_is_answered() {
    let mut api = api_with(|config| config.api.endpoint.access.origins = vec!["https://app.example".into()]);
    let plain = reply(&mut api, request(Method::OPTIONS, "/v1/channels/a/publish"));
    assert_eq!((plain.status, field(&plain, "allow")), (204, "POST, OPTIONS"));

    let asked = with(request(Method::OPTIONS, "/v1/events?channel=a"), "origin", "https://app.example");
    let answer = reply(&mut api, with(asked, "access-control-request-method", "GET"));
    assert_eq!(answer.status, 204);
    assert_eq!(field(&answer, "access-control-allow-origin"), "https://app.example");
    assert!(field(&answer, "access-control-allow-headers").contains("last-event-id"));
    assert_eq!(answer.fields.get_all("access-control-allow-origin").count(), 1);
}

#[test]
fn allowed_origin_may_read_answers_and_streams() {
    let mut api = api_with(|config| config.api.endpoint.access.origins = vec!["https://app.example".into()]);
    let page = reply(&mut api, with(get("/health/live"), "origin", "https://app.example"));
    assert_eq!(field(&page, "access-control-allow-origin"), "https://app.example");
    let request = with(get("/v1/events?channel=a"), "origin", "https://app.example");
    let Answer::Stream { head, .. } = api.handle_request(now(0), &request) else { panic!("a stream") };
    assert_eq!(head.fields.get_str("access-control-allow-origin"), Some("https://app.example"));
}

#[test]
fn health_follows_the_shutdown() {
    let mut api = api();
    assert_eq!(reply(&mut api, get("/health/ready")).status, 200);
    api.channels.shutdown(now(0));
    assert_eq!(reply(&mut api, get("/health/ready")).status, 503);
    assert_eq!(reply(&mut api, get("/health/live")).status, 200);
    let refused = reply(&mut api, get("/v1/events?channel=a"));
    assert_eq!((refused.status, field(&refused, "retry-after")), (503, "5"));
}

#[test]
fn one_reader_too_many_is_told_to_come_back() {
    let mut api = api_with(|config| config.channels.log.max_readers = 1);
    let (first, _) = stream(&mut api, get("/v1/events?channel=a"));
    assert_eq!(json_of(&reply(&mut api, get("/v1/events?channel=a")))["code"], "overloaded");
    api.channels.close(first);
    stream(&mut api, get("/v1/events?channel=a"));
}

#[test]
fn head_of_a_stream_opens_no_reader() {
    let mut api = api();
    let head = reply(&mut api, request(Method::HEAD, "/v1/events?channel=a"));
    assert_eq!((head.status, field(&head, "content-type")), (200, "text/event-stream"));
    assert_eq!(field(&head, "x-accel-buffering"), "no");
    assert_eq!(api.channels.log().stats().readers, 0);
}

#[test]
fn resuming_over_two_channels_is_exact() {
    let mut api = api();
    let ids: Vec<String> =
        ["a1", "b1", "c1", "a2", "b2"].iter().map(|text| publish(&mut api, &text[..1], text)).collect();

    let (reader, first) = stream(&mut api, with(get("/v1/events?channel=a&channel=b"), "last-event-id", &ids[0]));
    assert_eq!(events(&first)[0].data["resumed"], true);
    assert_eq!(events(&first)[0].id, ids[0]);
    publish(&mut api, "b", "b3");
    let texts: Vec<Value> = read(&mut api, reader).into_iter().map(|event| event.data["data"].clone()).collect();
    assert_eq!(texts, ["b1", "a2", "b2", "b3"]);
}

#[test]
fn reader_cut_before_its_first_publication_resumes_from_connected() {
    let mut api = api();
    publish(&mut api, "a", "before");
    let (reader, first) = stream(&mut api, get("/v1/events?channel=a"));
    api.channels.close(reader);
    publish(&mut api, "a", "while away");

    let id = events(&first)[0].id.clone();
    let (reader, _) = stream(&mut api, get(&format!("/v1/events?channel=a&last_event_id={id}")));
    let texts: Vec<Value> = read(&mut api, reader).into_iter().map(|event| event.data["data"].clone()).collect();
    assert_eq!(texts, ["while away"]);
}

#[test]
fn what_cannot_be_resumed_is_a_gap_with_its_reason() {
    let mut api = api_with(|config| config.channels.channel.topic.max_publications = 2);
    let ids: Vec<String> = (1..=4).map(|n| publish(&mut api, "a", &n.to_string())).collect();
    let (epoch, _) = ids[0].split_once('-').unwrap();
    let cases = [
        ("no id".to_owned(), "malformed", Value::Null),
        (format!("{epoch}-99"), "ahead", Value::Null),
        ("zzz-1".to_owned(), "epoch", json!(ids[2])),
        (ids[0].clone(), "evicted", json!(ids[2])),
    ];
    for (after, reason, next) in cases {
        let (reader, first) = stream(&mut api, with(get("/v1/events?channel=a"), "last-event-id", &after));
        let [connected, gap] = &events(&first)[..] else { panic!("two events: {first}") };
        assert_eq!((&*gap.name, &connected.data["resumed"]), ("gap", &json!(false)), "{after}");
        // A reader that is cut between the two comes back with the id it had, and is told of the gap.
        assert_eq!(connected.id, "", "{after}");
        assert_eq!(gap.data, json!({"reason": reason, "after": after, "next": next}));
        let replayed = read(&mut api, reader).len();
        assert_eq!(replayed, if next.is_null() { 0 } else { 2 }, "{after}");
        api.channels.close(reader);
        // The id of the gap is where to go on from.
        let (reader, first) = stream(&mut api, with(get("/v1/events?channel=a"), "last-event-id", &gap.id));
        assert_eq!(events(&first).len(), 1, "no gap again after {after}");
        assert_eq!(read(&mut api, reader).len(), replayed);
        api.channels.close(reader);
    }
    let (_, first) = stream(&mut api, with(get("/v1/events?channel=a"), "last-event-id", &ids[1]));
    assert_eq!(events(&first).len(), 1, "just before the oldest that is kept");
}

#[test]
fn slow_reader_is_told_what_it_missed() {
    let mut api = api_with(|config| config.channels.channel.topic.max_publications = 2);
    let (reader, _) = stream(&mut api, get("/v1/events?channel=a"));
    for n in 1..=4 {
        publish(&mut api, "a", &n.to_string());
    }
    let got = read(&mut api, reader);
    assert_eq!(got[0].name, "gap");
    assert_eq!(got[0].data["reason"], "lag");
    let texts: Vec<&Value> = got[1..].iter().map(|event| &event.data["data"]).collect();
    assert_eq!(texts, ["3", "4"]);
}

#[test]
fn too_old_publications_go() {
    let mut api = api_with(|config| config.channels.log.max_age = Some(Duration::from_secs(60)));
    publish(&mut api, "a", "old");
    let due = api.channels.poll_timeout().unwrap();
    assert_eq!(due, now(60));
    api.channels.handle_timeout(due);
    assert_eq!(api.channels.log().stats().publications, 0);
    assert_eq!(api.channels.poll_timeout(), None);
}

#[test]
fn timestamps_follow_the_clock() {
    let mut api = api();
    api.start = UnixTime::from_millis(5_000);
    let (reader, _) = stream(&mut api, get("/v1/events?channel=a"));
    api.handle_request(now(2), &post("/v1/channels/a/publish", "text/plain", "x"));
    assert_eq!(read(&mut api, reader)[0].data["timestamp"], "1970-01-01T00:00:07.000Z");
}

struct Received {
    name: String,
    id: String,
    data: Value,
}

fn events(stream: &str) -> Vec<Received> {
    let mut parser = Parser::new();
    let mut items = parser.feed(stream.as_bytes());
    let mut received = Vec::new();
    while let Some(item) = items.next() {
        if let Item::Message(message) = item.unwrap() {
            received.push(Received {
                name: message.event_type().to_owned(),
                id: message.own_id().unwrap_or_default().to_owned(),
                data: serde_json::from_str(message.data()).unwrap(),
            });
        }
    }
    received
}

fn read(api: &mut Program, reader: ReaderId) -> Vec<Received> {
    let mut all = Vec::new();
    while let Some(Read::Burst { burst, .. }) = api.channels.read(now(0), reader, 1 << 20) {
        all.extend_from_slice(&burst.bytes());
    }
    events(str::from_utf8(&all).unwrap())
}

fn publish(api: &mut Program, channel: &str, text: &str) -> String {
    let answer = reply(api, post(&format!("/v1/channels/{channel}/publish"), "text/plain", text));
    json_of(&answer)["id"].as_str().unwrap().to_owned()
}

fn stream(api: &mut Program, request: Request) -> (ReaderId, String) {
    match api.handle_request(now(0), &request) {
        Answer::Stream { reader, first, .. } => (reader, String::from_utf8(first.to_vec()).unwrap()),
        Answer::Reply(reply) => panic!("a stream, not {}: {}", reply.status, text(&reply)),
    }
}

fn reply(api: &mut Program, request: Request) -> Reply {
    match api.handle_request(now(0), &request) {
        Answer::Reply(reply) => reply,
        Answer::Stream { .. } => panic!("a reply, not a stream"),
    }
}

fn text(reply: &Reply) -> &str {
    str::from_utf8(&reply.body).unwrap()
}

fn json_of(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap()
}

fn field<'a>(reply: &'a Reply, name: &str) -> &'a str {
    reply.fields.get_str(name).unwrap_or_default()
}

fn get(target: &str) -> Request {
    request(Method::GET, target)
}

fn post(target: &str, media_type: &str, body: &str) -> Request {
    let mut request = with(request(Method::POST, target), "content-type", media_type);
    request.body = Bytes::copy_from_slice(body.as_bytes());
    request
}

fn with(mut request: Request, name: &str, value: &str) -> Request {
    request.head.fields.append(name, value).unwrap();
    request
}

fn request(method: Method, target: &str) -> Request {
    let mut head = RequestHead::new(method, target);
    head.fields.append("host", "localhost:8080").unwrap();
    Request { head, body: Bytes::new() }
}

fn api() -> Program {
    api_with(|_| {})
}

fn api_with(change: impl FnOnce(&mut Config)) -> Program {
    let mut config = Config::default();
    change(&mut config);
    let mut channels = Channels::new(config.channels, Box::new(SplitMix64::new(7)), now(0));
    let guest = channels.admit(None).unwrap();
    Program { api: api::Api::new(config.api), channels, guest, start: UnixTime::from_millis(1_720_000_000_000) }
}

#[derive(Default)]
struct Config {
    api: api::Config,
    channels: channels::Config,
}

/// The routes, the channels behind them and one connection.
struct Program {
    api: api::Api,
    channels: Channels,
    guest: Guest,
    start: UnixTime,
}

impl Program {
    fn handle_request(&mut self, now: Instant, request: &Request) -> Answer {
        let unix = UnixTime::from_millis(self.start.as_millis() + now.since_start().as_millis() as u64);
        self.api.handle_request(&mut self.channels, Caller { guest: self.guest, now, unix }, request)
    }
}

fn now(seconds: u64) -> Instant {
    Instant::from_start(Duration::from_secs(seconds))
}
