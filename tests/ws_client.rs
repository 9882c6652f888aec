//! What the reconnecting WebSocket client does when, with a server and a time that the test plays. Redirects have a file of their own.

use core::time::Duration;
use std::collections::BTreeSet;

use tidewire_core::client::{
    CloseCodes, CloseReason, Config, ConnectError, Decision, Event, EventSource, FailureHook, FirstConnection, NoProxy,
    OpenHook, Peer, Proxies, Proxy, Reason, RequestHook, Restart, RetryStatus, SendError, State, WebSocketEvent,
};
use tidewire_core::http::Url;
use tidewire_core::ws::{self, CloseCode, HandshakeError, Message, OfferError};
use tidewire_core::{Closing, Instant, Protocol};
use tidewire_tests::client::{field, response, target};
use tidewire_tests::naive_peer::Seen;
use tidewire_tests::ws_client::{
    BINARY, Client, PING, TEXT, agreement, close_frame, config, config_of, config_with, frame,
};

const SECOND: Duration = Duration::from_secs(1);

// The request.

#[test]
fn the_request_is_what_the_rfc_asks_for() {
    let mut client = Client::new(config_of("ws://example.test/chat?stream=list&list=123"));
    assert_eq!(target(&client.connects[0]), ("example.test", 80, false));
    let request = client.accept();
    let key = field(&request, "sec-websocket-key").unwrap();
    let agent = field(&request, "user-agent").unwrap();
    assert!(agent.starts_with("tidewire/"));
    let expected = format!(
        "GET /chat?stream=list&list=123 HTTP/1.1\r\nHost: example.test\r\nUser-Agent: {agent}\r\nAccept-Encoding: identity\r\nupgrade: websocket\r\n\
         connection: upgrade\r\nsec-websocket-key: {key}\r\nsec-websocket-version: 13\r\n\r\n"
    );
    assert_eq!(request, expected);
    assert_eq!((key.len(), &key[22..]), (24, "=="), "16 bytes");
}

#[test]
fn every_connection_has_a_key_of_its_own() {
    let mut client = Client::new(config());
    let mut keys = BTreeSet::new();
    for _ in 0..20 {
        client.await_connect();
        let request = client.accept();
        keys.insert(field(&request, "sec-websocket-key").unwrap().to_owned());
        client.reset();
    }
    assert_eq!(keys.len(), 20);
}

#[test]
fn the_callers_fields_go_along_but_the_handshake_is_the_machines_own() {
    let mut config = config();
    config.http.method = tidewire_core::http::Method::POST;
    config.http.body = Some("x".into());
    for (name, value) in [
        ("Authorization", "Bearer t"),
        ("Origin", "https://page.test"),
        ("Content-Type", "text/plain"),
        ("Connection", "close"),
        ("Upgrade", "h2c"),
        ("Sec-WebSocket-Key", "mine"),
        ("Sec-WebSocket-Version", "8"),
        ("Sec-WebSocket-Extensions", "x"),
        ("Sec-WebSocket-Protocol", "mine"),
        ("Last-Event-ID", "7"),
    ] {
        config.http.fields.append(name, value).unwrap();
    }
    config.http.before_request = Some(RequestHook::new(|request, attempt| {
        request.fields.set("X-Attempt", attempt.to_string()).unwrap();
        request.fields.set("Upgrade", "other").unwrap();
    }));
    let mut client = Client::new(config);
    let request = client.accept();
    assert!(request.starts_with("GET /chat HTTP/1.1\r\n") && request.ends_with("\r\n\r\n"));
    assert_eq!(field(&request, "authorization"), Some("Bearer t"));
    assert_eq!(field(&request, "origin"), Some("https://page.test"));
    assert_eq!(field(&request, "x-attempt"), Some("1"));
    let lower = request.to_lowercase();
    for once in ["connection: upgrade\r\n", "upgrade: websocket\r\n", "sec-websocket-version: 13\r\n"] {
        assert_eq!(lower.matches(once).count(), 1, "{once}");
    }
    for none in ["mine", "h2c", "other", "close", "content-", "last-event-id", "extensions", "sec-websocket-protocol"] {
        assert!(!lower.contains(none), "{none} in {request}");
    }
    client.reset();
    assert_eq!(client.lost(), Reason::Reset, "a GET may be sent again");
}

#[test]
fn an_http_url_is_taken_for_that_of_a_web_socket() {
    for (url, host, port, tls, shown) in [
        ("http://a.test/x?list=123", "a.test", 80, false, "ws://a.test/x?list=123"),
        ("https://a.test/x", "a.test", 443, true, "wss://a.test/x"),
        ("ws://a.test:8080", "a.test", 8080, false, "ws://a.test:8080/"),
        ("wss://[::1]/", "::1", 443, true, "wss://[::1]/"),
    ] {
        let mut client = Client::new(config_of(url));
        assert_eq!(target(&client.connects[0]), (host, port, tls), "{url}");
        assert_eq!(client.machine.url().to_string(), shown);
        let request = client.accept();
        let path = client.machine.url().target().to_owned();
        assert!(request.starts_with(&format!("GET {path} HTTP/1.1\r\n")), "{request}");
    }
}

#[test]
fn an_event_source_says_that_it_is_no_web_socket() {
    let mut config = Config::new(Url::parse("wss://example.test/chat").unwrap());
    let ended = |source: &mut EventSource| {
        assert!(source.poll_connect(Instant::START).is_none());
        assert_eq!(source.poll_timeout(), Some(Instant::START), "the event is due");
        let Some(Event::Closed(reason)) = source.poll_event() else { panic!() };
        assert_eq!((source.poll_event(), source.poll_timeout()), (None, None));
        assert_eq!((source.state(), source.closing()), (State::Closed, Closing::Abort));
        reason
    };
    let reason = ended(&mut EventSource::new(config.clone(), 1, Instant::START));
    assert_eq!(reason, CloseReason::WebSocketUrl(Box::new(config.url.clone())));
    let text =
        "wss://example.test/chat is the address of a WebSocket; an event stream has one with http:// or https://";
    assert_eq!(reason.to_string(), text);

    // A hook that leads there.
    config.url = Url::parse("https://example.test/chat").unwrap();
    config.before_request = Some(RequestHook::new(|request, _| request.url = request.url.to_web_socket()));
    ended(&mut EventSource::new(config, 1, Instant::START));
}

// The answer.

#[test]
fn what_follows_the_head_at_once_is_read_wherever_it_is_cut() {
    let answer = |request: &str| {
        let mut bytes = agreement(request, "X-Answer: 42\r\n");
        bytes.extend(frame(TEXT, "grüße".as_bytes()));
        bytes.extend(frame(PING, b"p"));
        bytes.extend(frame(BINARY, &[0, 255]));
        bytes.extend(close_frame(1001, "off"));
        bytes
    };
    let expected = [
        "open ws://example.test/chat #0",
        "text \"grüße\"",
        "ping b\"p\"",
        "binary b\"\\0\\xff\"",
        "closing 1001 \"off\"",
        "lost (the peer closed the connection: code 1001, off) unsent 0 retry in 1s",
    ];
    let mut client = Client::new(config());
    let length = answer(&client.accept()).len();
    for cut in 0..=length {
        let mut client = Client::new(config());
        let bytes = answer(&client.accept());
        client.receive(&bytes[..cut]);
        client.receive(&bytes[cut..]);
        client.eof();
        assert_eq!(client.lines(), expected, "{cut}");
        assert_eq!(client.said().last().unwrap(), "close 1001 \"\"", "{cut}");
    }
    let mut client = Client::new(config());
    for byte in answer(&client.accept()) {
        client.receive([byte]);
    }
    client.eof();
    assert_eq!(client.lines(), expected);
}

#[test]
fn an_end_right_behind_the_head_loses_the_open_connection() {
    for is_eof in [true, false] {
        let mut client = Client::new(config());
        client.accept();
        client.agree("");
        if is_eof {
            client.eof()
        } else {
            client.reset()
        }
        let reason = if is_eof { "the peer ended the connection without closing it" } else { "the connection broke" };
        let expected = ["open ws://example.test/chat #0", &format!("lost ({reason}) unsent 0 retry in 1s")];
        assert_eq!(client.lines(), expected);
    }
}

#[test]
fn a_subprotocol_is_told_that_was_chosen_and_none_is_no_fault() {
    let mut config = config();
    config.protocols = vec!["chat.v2".into(), "chat.v1".into()];
    for (fields, chosen) in [("Sec-WebSocket-Protocol: chat.v1\r\n", Some("chat.v1")), ("", None)] {
        let mut client = Client::new(config.clone());
        let request = client.accept();
        assert_eq!(field(&request, "sec-websocket-protocol"), Some("chat.v2, chat.v1"));
        assert_eq!(client.machine.protocol(), None);
        client.agree(fields);
        assert_eq!(client.machine.protocol(), chosen);
        let Some(WebSocketEvent::Opened(opened)) = client.events.pop() else { panic!() };
        assert_eq!(opened.protocol.as_deref(), chosen);
        client.reset();
        assert_eq!(client.machine.protocol(), None, "not open");
    }
}

#[test]
fn a_wrong_handshake_ends_it_unless_told_otherwise() {
    type Spoil = fn(String) -> String;
    let spoilt: [(HandshakeError, Spoil); 5] = [
        (HandshakeError::Accept, |answer| answer.replace("Accept: ", "Accept: x")),
        (HandshakeError::MissingAccept, |answer| answer.replace("Sec-WebSocket-Accept", "X-Accept")),
        (HandshakeError::Upgrade, |answer| answer.replace("Upgrade: websocket", "Upgrade: websockets")),
        (HandshakeError::Connection, |answer| answer.replace("Connection: Upgrade", "Connection: close")),
        (HandshakeError::ProtocolNotOffered, |answer| {
            answer.replace("\r\n\r\n", "\r\nSec-WebSocket-Protocol: x\r\n\r\n")
        }),
    ];
    for (expected, spoil) in spoilt {
        let mut client = Client::new(config());
        client.accept();
        let answer = spoil(String::from_utf8(client.agreement("")).unwrap());
        client.receive(&answer);
        let reason = client.ended();
        let url = Box::new(config().http.url);
        assert_eq!(reason, CloseReason::Handshake { url, error: expected });
        assert_eq!(reason.to_string(), format!("ws://example.test/chat is no WebSocket: {expected}"));

        let hook = FailureHook::new(|failure| {
            assert_eq!(failure.status(), Some(101));
            Decision::Retry
        });
        for config in [
            config_with(|config| config.on_failure = Some(hook)),
            config_with(|config| config.retry_status = RetryStatus::NEVER.with(101)),
        ] {
            let mut client = Client::new(config);
            client.accept();
            let answer = spoil(String::from_utf8(client.agreement("")).unwrap());
            client.receive(&answer);
            assert!(matches!(client.lost(), Reason::Handshake { error, .. } if error == expected));
            client.reconnect();
            assert_eq!(client.machine.state(), State::Open);
        }
    }
}

#[test]
fn a_refusal_is_told_with_what_it_says() {
    let mut client = Client::new(config());
    client.accept();
    client.receive(response("401 Unauthorized", "", "Error: Access token invalid"));
    let reason = client.ended();
    let refusal = reason.refusal().unwrap();
    assert_eq!((refusal.head.status, refusal.text()), (401, Some("Error: Access token invalid")));
    let text = "401 Unauthorized from ws://example.test/chat: Error: Access token invalid";
    assert_eq!(reason.to_string(), text);
    assert!(!reason.is_complete());
}

#[test]
fn a_page_instead_of_a_web_socket_is_a_refusal() {
    for (status, text) in [
        (
            "200 OK",
            "200 OK from ws://example.test/chat: hello; the server did not switch to WebSocket; is this its address?",
        ),
        ("426 Upgrade Required", "426 Upgrade Required from ws://example.test/chat: hello"),
    ] {
        let mut client = Client::new(config());
        client.accept();
        client.receive(response(status, "", "hello"));
        let reason = client.ended();
        assert!(matches!(reason, CloseReason::Status(_)), "{reason:?}");
        assert_eq!(reason.to_string(), text);
    }
    let mut client = Client::new(config());
    client.accept();
    client.receive("HTTP/1.1 204 No Content\r\n\r\n");
    let reason = client.ended();
    assert!(matches!(reason, CloseReason::Status(_)) && !reason.is_complete(), "{reason:?}");
}

#[test]
fn a_server_that_is_not_there_yet_is_asked_again_and_no_sooner_than_it_says() {
    let mut client = Client::new(config());
    client.accept();
    client.receive(response("502 Bad Gateway", "", "nginx"));
    assert_eq!(client.lines(), ["lost (502 Bad Gateway from ws://example.test/chat: nginx) unsent 0 retry in 1s"]);
    client.await_connect();
    client.accept();
    client.receive(response("503 Service Unavailable", "Retry-After: 7\r\n", ""));
    let lost = client.lines();
    assert!(lost[0].ends_with("retry in 7s"), "{lost:?}");
    client.await_connect();
    client.refuse(ConnectError::Refused);
    assert_eq!(client.machine.failures(), 3);
    client.reconnect();
    assert_eq!(client.machine.state(), State::Open);
}

#[test]
fn a_failed_dial_is_told_and_ends_it_only_where_that_is_said() {
    let mut client = Client::new(config());
    client.refuse(ConnectError::Refused);
    assert_eq!(client.lost(), Reason::Connect(ConnectError::Refused));

    let mut client = Client::new(config_with(|config| config.first_connection = FirstConnection::Never));
    client.refuse(ConnectError::Refused);
    assert!(matches!(client.ended(), CloseReason::FirstConnection { within: None, .. }));

    let mut client = Client::new(config_with(|config| config.max_failures = Some(2)));
    client.refuse(ConnectError::Refused);
    client.await_connect();
    client.refuse(ConnectError::Resolve);
    assert!(matches!(client.ended(), CloseReason::GaveUp { failures: 2, .. }));
}

#[test]
fn each_step_has_the_deadline_of_the_sse_client() {
    let mut client = Client::new(config());
    client.advance(Duration::from_secs(10));
    assert!(matches!(client.lost(), Reason::ConnectTimeout { .. }));
    client.await_connect();
    client.accept();
    client.receive("HTTP/1.1 101 Swi");
    client.advance(Duration::from_secs(60));
    assert!(matches!(client.lost(), Reason::HeadTimeout { .. }));
}

#[test]
fn what_cannot_be_offered_ends_it_before_anything_is_sent() {
    for protocols in [vec!["a b"], vec!["a", "a"], vec![""], vec!["a,b"]] {
        let mut config = config();
        config.protocols = protocols.iter().map(|&protocol| protocol.into()).collect();
        let mut client = Client::new(config);
        assert_eq!(client.ended(), CloseReason::Offer(OfferError::Protocols), "{protocols:?}");
        assert!(client.connects.is_empty());
    }
}

// What comes and goes.

#[test]
fn messages_go_both_ways_and_are_masked() {
    let mut client = Client::open(config());
    client.send("hello");
    client.machine.send_binary(client.now, &[1, 2, 3]).unwrap();
    client.machine.send(client.now, &Message::from("again")).unwrap();
    client.machine.ping(client.now, b"there?").unwrap();
    client.settle();
    // The peer of the test refuses frames that are not masked.
    // A ping waits for no message.
    assert_eq!(client.said(), ["text \"hello\"", "ping \"there?\"", "binary [1, 2, 3]", "text \"again\""]);
    client.receive_frame(10, b"there?");
    client.receive_text("hi");
    assert_eq!(client.lines(), ["pong b\"there?\"", "text \"hi\""]);
}

#[test]
fn nothing_is_kept_for_a_later_connection() {
    let mut client = Client::new(config());
    assert_eq!(client.machine.send_text(client.now, "x"), Err(SendError::NotOpen));
    client.accept();
    assert_eq!(client.machine.ping(client.now, b""), Err(SendError::NotOpen));
    client.agree("");
    client.send("y");
    assert_eq!(client.said(), ["text \"y\""]);
    client.reset();
    assert_eq!(client.machine.send_text(client.now, "z"), Err(SendError::NotOpen));
    client.reconnect();
    assert_eq!(client.said(), [""; 0]);
    client.close_by_server(1000, "");
    assert_eq!(client.machine.send_text(client.now, "z"), Err(SendError::Over));
    assert_eq!(SendError::Over.to_string(), "it is over; nothing can be sent any more");
}

#[test]
fn what_was_taken_and_did_not_leave_is_counted_at_the_end() {
    let mut client = Client::open(config());
    client.send("left");
    client.writes = false;
    for text in ["a", "b", "c"] {
        client.send(text);
    }
    client.reset();
    assert_eq!(client.lines(), ["lost (the connection broke) unsent 3 retry in 1s"]);
    client.writes = true;
    client.reconnect();
    assert_eq!(client.lines(), ["open ws://example.test/chat #1"]);
    client.reset();
    assert_eq!(client.lines(), ["lost (the connection broke) unsent 0 retry in 2s"], "counted once");

    let mut client = Client::open(config());
    client.writes = false;
    client.send("a");
    client.restart(Restart::AtOnce);
    assert_eq!(client.lines(), ["lost (restarted as asked) unsent 1 retry in 0ns"]);
}

#[test]
fn a_piece_that_the_driver_took_counts_until_it_asks_for_more() {
    let mut client = Client::open(config());
    client.writes = false;
    client.send("a");
    let piece = client.machine.poll_transmit().expect("a frame");
    assert!(!piece.is_empty());
    client.reset();
    assert_eq!(client.lines(), ["lost (the connection broke) unsent 1 retry in 1s"], "it may not have left whole");
}

#[test]
fn a_full_queue_refuses_and_takes_again_when_there_is_room() {
    let mut config = config();
    config.connection_mut().max_queued_frames = 2;
    let mut client = Client::open(config);
    client.writes = false;
    client.send("a");
    client.send("b");
    let full = Err(SendError::Connection(ws::SendError::Full { limit: 2 }));
    assert_eq!(client.machine.send_text(client.now, "c"), full);
    client.writes = true;
    client.settle();
    client.send("c");
    assert_eq!(client.said(), ["text \"a\"", "text \"b\"", "text \"c\""]);
}

#[test]
fn what_the_hook_says_goes_first_on_every_connection() {
    let mut config = config();
    config.on_open = Some(OpenHook::new(|opened| {
        assert_eq!(opened.url.to_string(), "ws://example.test/chat");
        vec![format!("subscribe #{}", opened.reconnections).into(), "and this".into()]
    }));
    let mut client = Client::new(config);
    for number in 0..5 {
        client.await_connect();
        client.accept();
        client.writes = false;
        client.agree("");
        // The application sends as soon as it hears of it.
        assert!(matches!(client.events.last(), Some(WebSocketEvent::Opened(_))));
        client.send("mine");
        client.writes = true;
        client.settle();
        assert_eq!(client.said(), [&format!("text \"subscribe #{number}\""), "text \"and this\"", "text \"mine\""]);
        client.reset();
    }
}

#[test]
fn what_the_hook_says_may_be_more_than_the_queue_takes() {
    let mut config = config();
    config.connection_mut().max_queued_frames = 2;
    config.on_open = Some(OpenHook::new(|_| (0..7).map(|number| number.to_string().into()).collect()));
    let mut client = Client::new(config.clone());
    client.accept();
    client.writes = false;
    client.agree("");
    let full = Err(SendError::Connection(ws::SendError::Full { limit: 2 }));
    assert_eq!(client.machine.send_text(client.now, "mine"), full, "not before the hook's");
    client.writes = true;
    client.settle();
    client.send("mine");
    let expected: Vec<String> =
        (0..7).map(|number| format!("text \"{number}\"")).chain(["text \"mine\"".to_owned()]).collect();
    assert_eq!(client.said(), expected);

    let mut client = Client::new(config);
    client.accept();
    client.writes = false;
    client.agree("");
    client.reset();
    assert_eq!(client.lines()[1], "lost (the connection broke) unsent 7 retry in 1s", "those that wait too");
}

#[test]
fn json_goes_both_ways() {
    let mut client = Client::open(config());
    client.machine.send_json(client.now, &["a", "b"]).unwrap();
    client.settle();
    assert_eq!(client.said(), ["text \"[\\\"a\\\",\\\"b\\\"]\""]);
    client.receive_text("[1,2]");
    client.receive_frame(BINARY, b"[3]");
    client.receive_text("nonsense");
    client.receive_frame(PING, b"");
    let read: Vec<_> = client.events.iter().map(|event| event.json::<Vec<u8>>().map_err(drop)).collect();
    assert_eq!(read, [Ok(Some(vec![1, 2])), Ok(Some(vec![3])), Err(()), Ok(None)]);
}

// The end of a connection.

#[test]
fn the_close_code_says_whether_one_comes_back() {
    let again = |code| matches!(code, 1001 | 1011..=1014);
    for code in (1000..=1014).chain([3000, 3999, 4000, 4321, 4999]).filter(|code| CloseCode::new(*code).is_some()) {
        let mut client = Client::open(config());
        client.close_by_server(code, "so");
        let last = client.events.pop().unwrap();
        match last {
            WebSocketEvent::Disconnected { reason: Reason::WebSocket(closed), .. } if again(code) => {
                assert_eq!((closed.code, &*closed.reason), (code, "so"));
                client.reconnect();
            }
            WebSocketEvent::Closed { reason: CloseReason::WebSocket(closed), .. } if !again(code) => {
                assert_eq!((closed.code, &*closed.reason), (code, "so"));
                assert_eq!(CloseReason::WebSocket(closed).is_complete(), code == 1000);
            }
            other => panic!("{code}: {other:?}"),
        }
        assert_eq!(client.said().first(), (!again(code)).then(|| format!("close {code} \"\"")).as_ref(), "{code}");
    }
    // Without a code, and without a frame.
    let mut client = Client::open(config());
    client.receive_frame(8, b"");
    client.eof();
    assert!(matches!(client.lost(), Reason::WebSocket(closed) if closed.code == 1005));
}

#[test]
fn which_codes_one_comes_back_after_is_for_the_application_to_say() {
    let mut config = config();
    config.come_back = CloseCodes::NEVER.with(1000).with_range(4000, 4099);
    for (code, again) in [(1000, true), (1001, false), (4000, true), (4099, true), (4100, false)] {
        let mut client = Client::open(config.clone());
        client.close_by_server(code, "");
        let is_again = matches!(client.events.last(), Some(WebSocketEvent::Disconnected { .. }));
        assert_eq!(is_again, again, "{code}");
    }
    // 1006 stands for a loss, 1005 for a frame without a code.
    let mut client = Client::open(config.clone());
    client.reset();
    assert!(matches!(client.ended(), CloseReason::WebSocket(closed) if closed.code == 1006));
    let mut client = Client::open(config);
    client.receive_frame(8, b"");
    client.eof();
    assert!(matches!(client.ended(), CloseReason::WebSocket(closed) if closed.code == 1005));
}

#[test]
fn a_hook_decides_whatever_the_code() {
    let mut config = config();
    config.http.on_failure = Some(FailureHook::new(|failure| match failure.reason {
        Reason::WebSocket(closed) if closed.code == 4001 => Decision::RetryIn(Duration::from_millis(5)),
        Reason::WebSocket(closed) if closed.code == 1001 => Decision::Stop,
        _ => Decision::Default,
    }));
    let mut client = Client::open(config.clone());
    client.close_by_server(4001, "token expired");
    let lost = client.lines().pop().unwrap();
    assert_eq!(lost, "lost (the peer closed the connection: code 4001, token expired) unsent 0 retry in 5ms");
    let mut client = Client::open(config);
    client.close_by_server(1001, "");
    assert!(matches!(client.ended(), CloseReason::Stopped(_)));
}

#[test]
fn without_reconnecting_the_first_loss_is_the_end() {
    let mut client = Client::open(config_with(|config| config.reconnect = false));
    client.reset();
    assert!(matches!(client.ended(), CloseReason::Lost(_)));
    let mut client = Client::open(config_with(|config| config.reconnect = false));
    client.close_by_server(1000, "");
    assert!(client.ended().is_complete());
}

#[test]
fn the_end_is_told_when_the_socket_is_done_with() {
    let mut client = Client::open(config());
    client.receive(close_frame(1001, ""));
    assert_eq!(client.lines(), ["closing 1001 \"\""]);
    assert_eq!(client.said(), ["close 1001 \"\""]);
    assert_eq!(client.machine.closing(), Closing::No, "the server ends it first");
    assert_eq!(client.machine.send_text(client.now, "x"), Err(SendError::Connection(ws::SendError::Closing)));
    // One that never does is waited for no longer than the limit.
    client.advance(Duration::from_millis(4_999));
    assert_eq!(client.lines(), [""; 0]);
    client.advance(Duration::from_millis(1));
    assert_eq!(client.lines().len(), 1);
    assert_eq!(client.machine.closing(), Closing::Abort);
    client.reconnect();
}

#[test]
fn a_peer_that_answers_no_ping_is_lost_and_asked_again() {
    let mut client = Client::open(config());
    client.advance(Duration::from_secs(30));
    assert_eq!(client.said(), ["ping \"\""]);
    client.receive_frame(10, b"");
    client.events.clear();
    client.advance(Duration::from_secs(30));
    assert_eq!(client.said(), ["ping \"\""]);
    client.advance(Duration::from_secs(19));
    assert_eq!(client.lines(), [""; 0]);
    client.advance(SECOND);
    // Open for 80 s: healthy.
    assert_eq!(client.lines(), ["lost (the peer did not answer a ping) unsent 0 retry in 1s"]);
    client.reconnect();
}

#[test]
fn a_fault_of_the_servers_is_told_it_and_is_no_health() {
    let mut client = Client::open(config());
    for delay in [1, 2, 4, 8] {
        client.receive_text("fine");
        client.receive_frame(3, b"");
        client.eof();
        let lines = client.lines();
        assert!(lines.last().unwrap().ends_with(&format!("unsent 0 retry in {delay}s")), "{lines:?}");
        assert!(matches!(client.machine.last_error(), Some(Reason::WebSocket(_))));
        let said = client.said();
        assert!(said[0].starts_with("close 1002 "), "{said:?}");
        client.reconnect();
    }
    client.receive_text("fine");
    client.reset();
    let lines = client.lines();
    assert!(lines.last().unwrap().ends_with("retry in 1s"), "{lines:?}");
}

#[test]
fn restarting_and_overloaded_servers_are_asked_less_and_less_often() {
    for (code, delays) in [(1012, [1, 2, 4, 8]), (1013, [1, 2, 4, 8]), (1001, [1, 1, 1, 1]), (1011, [1, 1, 1, 1])] {
        let mut client = Client::open(config());
        for delay in delays {
            client.receive_text("one");
            client.close_by_server(code, "");
            let lines = client.lines();
            assert!(lines.last().unwrap().ends_with(&format!("retry in {delay}s")), "{code}: {lines:?}");
            client.reconnect();
        }
    }
}

#[test]
fn a_message_or_a_minute_is_health_and_pings_are_none() {
    let mut client = Client::open(config());
    for (seconds, what, delay) in
        [(0, "", 1), (59, "ping", 2), (0, "text", 1), (0, "", 2), (60, "", 1), (0, "ping", 2), (0, "", 4)]
    {
        client.advance(Duration::from_secs(seconds / 2));
        match what {
            "text" => client.receive_text("x"),
            "ping" => client.receive_frame(PING, b""),
            _ => {}
        }
        client.receive_frame(10, b"");
        client.advance(Duration::from_secs(seconds - seconds / 2));
        client.reset();
        let lines = client.lines();
        assert!(lines.last().unwrap().ends_with(&format!("retry in {delay}s")), "{seconds} {what}: {lines:?}");
        client.reconnect();
        client.events.clear();
    }
}

// The end of it all.

#[test]
fn closing_says_goodbye_and_tells_what_comes_until_it_is_answered() {
    let mut client = Client::open(config());
    client.send("last words");
    client.close();
    assert_eq!(client.said(), ["text \"last words\"", "close 1000 \"\""]);
    assert_eq!(client.machine.state(), State::Open);
    client.receive_text("one more");
    client.restart(Restart::AtOnce);
    assert_eq!(client.lines(), ["text \"one more\""], "what is being closed is not restarted");
    client.receive(close_frame(1000, ""));
    client.eof();
    let lines = client.lines();
    assert_eq!(lines.last().unwrap(), "closed (closed as asked) unsent 0");
    assert!(client.machine.farewell().is_some_and(|closed| closed.is_clean && closed.code == 1000));
    client.close();
    assert_eq!(client.lines(), [""; 0], "once");
}

#[test]
fn closing_says_what_it_is_told_to_and_only_what_can_be_said() {
    let mut client = Client::open(config());
    let too_long = "x".repeat(124);
    assert!(client.machine.close_with(client.now, CloseCode::new(4000), &too_long).is_err());
    assert!(client.machine.close_with(client.now, None, "why").is_err());
    client.settle();
    assert_eq!((client.said(), client.machine.state()), (vec![], State::Open), "nothing happened");
    client.machine.close_with(client.now, CloseCode::new(4000), "enough").unwrap();
    client.settle();
    assert_eq!(client.said(), ["close 4000 \"enough\""]);
    client.reset();
    assert_eq!(client.ended(), CloseReason::Requested, "answered or not");
}

#[test]
fn a_server_that_does_not_answer_a_close_is_not_waited_for_long() {
    let mut client = Client::open(config());
    client.close();
    client.advance(Duration::from_secs(5));
    assert_eq!(client.ended(), CloseReason::Requested);
    assert!(client.machine.farewell().is_some_and(|closed| !closed.is_clean));
    assert_eq!(client.machine.closing(), Closing::Abort);
}

#[test]
fn closing_while_the_server_closes_ends_it_whatever_its_code() {
    let mut client = Client::open(config());
    client.receive(close_frame(1001, ""));
    client.close();
    client.eof();
    assert_eq!(client.ended(), CloseReason::Requested);
}

#[test]
fn closing_without_a_connection_is_the_end_at_once() {
    let mut client = Client::new(config());
    client.close();
    assert_eq!(client.ended(), CloseReason::Requested);
    let mut client = Client::new(config());
    client.accept();
    client.close();
    assert_eq!(client.ended(), CloseReason::Requested);
    let mut client = Client::open(config());
    client.reset();
    client.events.clear();
    client.close();
    assert_eq!(client.ended(), CloseReason::Requested);
}

#[test]
fn a_restart_drops_the_connection_and_makes_another_one() {
    let mut client = Client::open(config());
    client.restart(Restart::AtOnce);
    assert_eq!(client.lines(), ["lost (restarted as asked) unsent 0 retry in 0ns"]);
    client.reconnect();
    assert_eq!(client.lines(), ["open ws://example.test/chat #1"]);
    client.restart(Restart::AfterDelay);
    assert_eq!(client.lines(), ["lost (restarted as asked) unsent 0 retry in 1s"]);
}

#[test]
fn a_deadline_over_all_ends_the_open_connection_too() {
    let mut client = Client::open(config_with(|config| config.total_timeout = Some(Duration::from_secs(7))));
    client.writes = false;
    client.send("x");
    client.advance(Duration::from_secs(7));
    let Some(WebSocketEvent::Closed { reason, unsent }) = client.events.pop() else { panic!() };
    assert!(matches!(reason, CloseReason::TotalTimeout { .. }));
    assert_eq!(unsent, 1);
}

#[test]
fn events_that_nobody_has_taken_yet_come_before_the_end() {
    let mut client = Client::open(config());
    let mut bytes = frame(TEXT, b"a");
    bytes.extend(frame(TEXT, b"b"));
    client.machine.handle_input(client.now, &bytes);
    client.machine.handle_reset(client.now);
    client.settle();
    assert_eq!(client.lines(), ["text \"a\"", "text \"b\"", "lost (the connection broke) unsent 0 retry in 1s"]);
}

#[test]
fn a_busy_application_holds_the_server_back() {
    let mut client = Client::open(config());
    assert!(client.machine.wants_input());
    client.machine.handle_input(client.now, &frame(TEXT, b"a").repeat(100));
    assert!(!client.machine.wants_input());
    client.settle();
    assert!(client.machine.wants_input());
    assert_eq!(client.lines().len(), 100);
}

// The way there.

#[test]
fn a_proxy_is_asked_to_pass_on_whatever_the_scheme() {
    for (url, authority, tls) in
        [("ws://example.test/chat", "example.test:80", false), ("wss://example.test/chat", "example.test:443", true)]
    {
        let mut config = config_of(url);
        config.http.proxies = Proxies::all(Proxy::parse("u:p@proxy.test:3128").unwrap());
        let mut client = Client::new(config.clone());
        let connect = &client.connects[0];
        assert_eq!(connect.peer, Peer::Tcp { host: "proxy.test".into(), port: 3128 });
        assert_eq!(connect.tls.as_deref(), tls.then_some("example.test"));
        let mut tunnel = connect.tunnel.clone().expect("CONNECT");
        let asked = tunnel.poll_transmit().unwrap();
        let asked = str::from_utf8(&asked).unwrap();
        assert!(asked.starts_with(&format!("CONNECT {authority} HTTP/1.1\r\n")), "{asked}");
        assert_eq!(field(asked, "proxy-authorization"), Some("Basic dTpw"));
        let request = client.accept();
        assert!(request.starts_with("GET /chat HTTP/1.1\r\n"), "{request}");
        assert_eq!(field(&request, "proxy-authorization"), None);

        config.http.proxies.except = NoProxy::parse("example.test");
        let client = Client::new(config);
        assert!(client.connects[0].tunnel.is_none());
        assert_eq!(target(&client.connects[0]).0, "example.test");
    }
    // By the scheme's own.
    let mut config = config();
    config.http.proxies.https = Some(Proxy::parse("proxy.test").unwrap());
    assert!(Client::new(config.clone()).connects[0].tunnel.is_none());
    config.http.proxies.http = config.http.proxies.https.take();
    assert!(Client::new(config).connects[0].tunnel.is_some());
}

#[test]
fn a_unix_socket_takes_the_place_of_host_and_proxy() {
    let mut config = config();
    config.http.unix_socket = Some("/run/app.sock".into());
    config.http.proxies = Proxies::all(Proxy::parse("proxy.test").unwrap());
    let mut client = Client::new(config);
    assert_eq!(client.connects[0].peer, Peer::Unix("/run/app.sock".into()));
    assert!(client.connects[0].tunnel.is_none());
    assert_eq!(field(&client.accept(), "host"), Some("example.test"));
}

#[test]
fn a_driver_without_tls_says_so_once() {
    let mut client = Client::new(config_of("wss://example.test/"));
    client.refuse(ConnectError::NoTls);
    let text =
        "wss://example.test/ wants TLS, which is not built in; follow it by ws:// through something that speaks TLS";
    assert_eq!(client.ended().to_string(), text);
}

// What is shown.

#[test]
fn secrets_are_never_shown() {
    let mut config = config();
    config.token = Some("hunter2".into());
    config.protocols = vec!["hunter3".into()];
    config.http.fields.append("Authorization", "hunter4").unwrap();
    let mut client = Client::new(config.clone());
    let request = client.accept();
    assert_eq!(field(&request, "sec-websocket-protocol"), Some("hunter3, hunter2"));
    let mut shown = format!("{config:?} {:?} {:?}", client.machine, client.connects);
    client.agree("Sec-WebSocket-Protocol: hunter2\r\n");
    shown += &format!("{:?} {:?}", client.machine, client.events);
    client.send("hunter5");
    client.receive_text("x");
    shown += &format!("{:?} {}", client.machine, client.events[1]);
    assert!(shown.contains("WebSocket"));
    assert!(!shown.contains("hunter"), "{shown}");
    // A new one takes effect with the next attempt.
    client.machine.set_token(Some("fresh".into()));
    client.reset();
    assert_eq!(field(&client.reconnect(), "sec-websocket-protocol"), Some("hunter3, fresh"));
}

#[test]
fn events_read_well_and_drive_no_terminal() {
    let mut client = Client::open(config());
    client.receive_text("a\u{1b}[2J");
    client.receive_frame(BINARY, b"abc");
    client.writes = false;
    client.send("x");
    client.receive(close_frame(1001, "bye\u{1b}[2J"));
    client.reset();
    let shown: Vec<String> = client.events.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "message, 5 bytes of text",
            "message, 3 bytes",
            "the server closes the connection (1001)",
            "the peer closed the connection: code 1001, bye[2J; 1 message was not sent; reconnecting in 1.0s",
        ]
    );
}

#[test]
fn masks_differ_from_frame_to_frame_and_from_connection_to_connection() {
    let mut client = Client::open(config());
    let mut keys = BTreeSet::new();
    for _ in 0..10 {
        client.writes = false;
        for _ in 0..3 {
            client.send("same");
            let piece = client.machine.poll_transmit().expect("a frame");
            keys.insert(piece[2..6].to_vec());
        }
        client.writes = true;
        client.settle();
        client.reset();
        client.reconnect();
    }
    assert_eq!(keys.len(), 30);
}

#[test]
fn what_the_peer_of_the_tests_sees_is_a_frame() {
    let mut client = Client::open(config());
    client.send("x");
    assert_eq!(client.seen(), [Seen { fin: true, rsv: 0, opcode: TEXT, payload: b"x".to_vec() }]);
}
