//! `tidewire serve`, `publish` and `tail` together, on both runtimes, over real sockets.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use serde_json::Value;
use tidewire_tests::command::{Ended, Running, run, serve};
use tidewire_tests::relay::Relay;

const TIDEWIRE: &str = env!("CARGO_BIN_EXE_tidewire");
const RUNTIMES: [&str; 2] = ["tokio", "smol"];

#[test]
fn what_is_published_is_followed() {
    for runtime in RUNTIMES {
        let (_server, address) = serve(TIDEWIRE, &["--runtime", runtime]);
        let tail = follow(address, runtime, &["--count", "4"]);
        let connected = event(&tail);
        assert_eq!(connected["type"], "connected");
        let first = published(address, &["--channel", "news", "Hello"]);
        let second = published(address, &["--channel", "news", "--event", "alert", "--json", "{\"level\":3}"]);
        let third = published(address, &["--channel", "news", "-"]);
        for (id, data) in [(&first, "\"Hello\""), (&second, "{\"level\":3}"), (&third, "\"from stdin\"")] {
            let message = event(&tail);
            let envelope: Value = serde_json::from_str(message["data"].as_str().unwrap()).unwrap();
            assert_eq!(message["id"], **id, "{message}");
            assert_eq!(envelope["id"], **id, "{message}");
            assert_eq!(envelope["data"], serde_json::from_str::<Value>(data).unwrap(), "{message}");
        }
        assert_eq!(tail.line(), r#"{"t":"closed","reason":"as many events as --count asked for"}"#);
        assert_eq!(tail.end().code, Some(0));
    }
}

#[test]
fn each_line_is_a_publication_over_one_connection() {
    let (_server, address) = serve(TIDEWIRE, &[]);
    let tail = follow(address, "tokio", &[]);
    assert_eq!(event(&tail)["type"], "connected");
    let relay = Relay::start(address, "");
    let mut publish = Running::start(TIDEWIRE, &["publish", &relay.address().to_string(), "-c", "news", "--lines"]);
    let mut ids = Vec::new();
    for line in ["1\n", "2\r\n", "\n", "4"] {
        publish.write(line.as_bytes());
        if line.ends_with('\n') {
            ids.push(publish.line());
        }
    }
    let ended = publish.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ids.push(ended.stdout.trim().to_owned());
    for (id, data) in ids.iter().zip(["1", "2", "", "4"]) {
        let envelope = envelope(&tail);
        assert_eq!((&envelope["id"], &envelope["data"]), (&id.as_str().into(), &data.into()));
    }
    assert_eq!(ids.len(), 4, "{ids:?}");
    assert_eq!(relay.connections(), 1);
}

#[test]
fn publish_connects_again_when_the_server_let_the_connection_go() {
    let (_server, address) = serve(TIDEWIRE, &[]);
    let relay = Relay::start(address, "");
    let mut publish = Running::start(TIDEWIRE, &["publish", &relay.address().to_string(), "-c", "news", "--lines"]);
    publish.write(b"1\n");
    publish.line();
    relay.cut();
    relay.mend();
    publish.write(b"2\n");
    publish.line();
    assert_eq!(publish.end().code, Some(0));
}

#[test]
fn a_cut_connection_resumes_without_loss_or_duplicate() {
    for runtime in RUNTIMES {
        let (_server, address) = serve(TIDEWIRE, &["--runtime", runtime]);
        let relay = Relay::start(address, "");
        let tail = follow(relay.address(), runtime, &[]);
        let mut publish = Running::start(TIDEWIRE, &["publish", &address.to_string(), "-c", "news", "--lines"]);
        assert_eq!(event(&tail)["type"], "connected");
        for number in 0..60 {
            publish.write(format!("{number}\n").as_bytes());
            publish.line();
            match number {
                // Before the first event of a connection as well as in the middle of a row.
                0 | 7 | 29 => relay.cut(),
                3 | 8 | 40 => relay.mend(),
                _ => {}
            }
        }
        let mut next = 0;
        while next < 60 {
            let message = event(&tail);
            if message["type"] != "connected" {
                let envelope: Value = serde_json::from_str(message["data"].as_str().unwrap()).unwrap();
                assert_eq!(envelope["data"], next.to_string(), "{message}");
                next += 1;
            }
        }
    }
}

#[test]
fn a_restarted_server_is_followed_again_and_the_gap_is_told() {
    let (mut server, address) = serve(TIDEWIRE, &[]);
    let tail = follow(address, "tokio", &[]);
    assert_eq!(event(&tail)["type"], "connected");
    published(address, &["-c", "news", "before"]);
    event(&tail);
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    let listen = address.to_string();
    let again = Running::start(TIDEWIRE, &["serve", "--listen", &listen, "--runtime", "smol"]);
    assert!(again.line().contains(&listen));
    let connected = event(&tail);
    assert_eq!(connected["type"], "connected");
    let gap = event(&tail);
    assert_eq!(gap["type"], "gap", "{gap}");
    assert!(gap["data"].as_str().unwrap().contains("\"reason\":\"epoch\""), "{gap}");
}

#[test]
fn publish_says_in_a_sentence_why_it_was_refused() {
    let (_server, address) = serve(TIDEWIRE, &[]);
    let ended = publish(address, &["--channel", "no/slash", "x"]);
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    assert!(ended.stderr.starts_with("tidewire: 400 Bad Request: the name of a channel is "), "{}", ended.stderr);
    assert!(ended.stderr.ends_with("(invalid_channel)\n"), "{}", ended.stderr);
    let ended = publish(address, &["--channel", "news", &"x".repeat(100_000)]);
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    assert!(ended.stderr.starts_with("tidewire: 413 "), "{}", ended.stderr);
    let ended = publish(address, &["--channel", "news", "--json", "{"]);
    assert_eq!(ended.code, Some(7), "{}", ended.stderr);
    assert!(ended.stderr.contains("no JSON: see line 1, column "), "{}", ended.stderr);
    let ended = publish(address, &["--channel", "news", "-H", "host: example.org", "x"]);
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
}

#[test]
fn a_body_far_too_long_is_refused_unread() {
    let (_server, address) = serve(TIDEWIRE, &[]);
    let mut stream = TcpStream::connect(address).unwrap();
    let length = 1 << 18;
    write!(stream, "POST /v1/channels/a/publish HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("body_too_large"), "{answer}");
}

#[test]
fn publish_without_a_server_is_exit_code_3() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ended = publish(address, &["--channel", "news", "x"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("does the server run, and on this port?"), "{}", ended.stderr);
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ended = publish(listener.local_addr().unwrap(), &["--channel", "news", "--timeout", "200ms", "x"]);
    assert_eq!(ended.code, Some(124), "{}", ended.stderr);
    assert!(ended.stderr.contains("did not answer in time"), "{}", ended.stderr);
}

#[test]
fn a_taken_port_is_told_with_the_way_out() {
    for runtime in RUNTIMES {
        let (_server, address) = serve(TIDEWIRE, &["--runtime", runtime]);
        let ended = run(TIDEWIRE, &["serve", "--runtime", runtime, "--listen", &address.to_string()], b"");
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(9), ""));
        assert!(ended.stderr.starts_with(&format!("tidewire: port {} is taken", address.port())), "{}", ended.stderr);
        assert!(ended.stderr.contains("tidewire serve --listen 127.0.0.1:"), "{}", ended.stderr);
    }
}

#[test]
fn serve_prints_what_to_open() {
    let (server, address) = serve(TIDEWIRE, &[]);
    let lines = server.lines_until(|line| line.starts_with("Ctrl-C"));
    for line in [
        format!("http://{address}/"),
        format!("curl -N 'http://{address}/v1/events?channel=news'"),
        format!("tidewire tail '{address}/v1/events?channel=news'"),
        format!("tidewire publish {address} --channel news 'Hello'"),
    ] {
        assert!(lines.iter().any(|printed| printed.ends_with(&line)), "{line}: {lines:?}");
    }
}

#[test]
fn no_subcommand_is_serve() {
    let server = Running::start(TIDEWIRE, &["--listen", "127.0.0.1:0"]);
    assert!(server.line().starts_with("tidewire listens on http://127.0.0.1:"));
}

#[test]
fn ctrl_c_and_sigterm_drain_and_end_with_0() {
    for (runtime, signal) in [("tokio", "INT"), ("smol", "INT"), ("tokio", "TERM"), ("smol", "TERM")] {
        let (mut server, address) = serve(TIDEWIRE, &["--runtime", runtime]);
        let tail = follow(address, runtime, &["--no-reconnect", "--verbose"]);
        assert_eq!(event(&tail)["type"], "connected");
        server.signal(signal);
        assert_eq!(server.wait(), Some(0), "{runtime} {signal}");
        // Its reader was told when to come back, and that the stream ended.
        let ended = tail.end();
        assert!(ended.stdout.contains("{\"t\":\"retry\",\"ms\":"), "{}", ended.stdout);
        assert_eq!(ended.code, Some(0), "{} {}", ended.stdout, ended.stderr);
    }
}

#[test]
fn a_second_ctrl_c_ends_it_at_once() {
    for runtime in RUNTIMES {
        let (mut server, address) = serve(TIDEWIRE, &["--runtime", runtime]);
        // A reader that never ends its side holds the draining for a while.
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET /v1/events?channel=news HTTP/1.1\r\nhost: {address}\r\n\r\n").unwrap();
        stream.read_exact(&mut [0]).unwrap();
        server.signal("INT");
        assert!(server.error_line().contains("again"));
        server.signal("INT");
        assert_eq!(server.wait(), Some(130));
    }
}

#[test]
fn history_is_as_long_as_told() {
    let (_server, address) = serve(TIDEWIRE, &["--history", "2"]);
    let tail = follow(address, "tokio", &[]);
    assert_eq!(event(&tail)["type"], "connected");
    let first = published(address, &["-c", "news", "0"]);
    for data in ["1", "2", "3"] {
        published(address, &["-c", "news", data]);
    }
    let tail = follow(address, "tokio", &["--last-event-id", &first]);
    assert_eq!(event(&tail)["type"], "connected");
    let gap = event(&tail);
    assert_eq!(gap["type"], "gap");
    assert!(gap["data"].as_str().unwrap().contains("\"reason\":\"evicted\""), "{gap}");
    assert_eq!([envelope(&tail), envelope(&tail)].map(|envelope| envelope["data"].clone()), ["2", "3"]);
}

#[test]
fn hosts_and_origins_are_as_told() {
    let origins = ["--allow-origin", "https://example.org", "--allow-origin", "*.app.example"];
    let (_server, address) = serve(TIDEWIRE, &[&["--allow-host", "events.example.org"], &origins[..]].concat());
    for field in ["host: events.example.org", "origin: https://example.org", "origin: https://one.app.example"] {
        published(address, &["-c", "news", "-H", field, "x"]);
    }
    for (field, code) in [
        ("host: other.example.org", "host"),
        ("origin: https://other.example.org", "origin"),
        ("origin: https://app.example", "origin"),
    ] {
        let ended = publish(address, &["-c", "news", "-H", field, "x"]);
        assert_eq!(ended.code, Some(4), "{}", ended.stderr);
        assert!(ended.stderr.ends_with(&format!("({code}_not_allowed)\n")), "{}", ended.stderr);
    }
    let url = format!("{address}/v1/events?channel=news");
    let ended = run(TIDEWIRE, &["tail", "--json", "-H", "host: other.example.org", &url], b"");
    let error: Value = serde_json::from_str(ended.stdout.lines().next().unwrap()).unwrap();
    assert_eq!((ended.code, &error["status"]), (Some(4), &403.into()));
    let reason = error["reason"].as_str().unwrap();
    assert!(reason.contains(": 403 Forbidden: the Host field") && reason.ends_with("(host_not_allowed)"), "{reason}");
}

#[test]
fn the_log_is_quiet_unless_asked() {
    for (arguments, lines) in [(&[][..], 0), (&["-v"][..], 1)] {
        let (server, address) = serve(TIDEWIRE, arguments);
        published(address, &["-c", "news", "x"]);
        server.signal("INT");
        let log = server.end().stderr;
        let requests = log.lines().filter(|line| line.contains("/v1/channels/news/publish")).count();
        assert_eq!(requests, lines, "{log}");
        assert!(!log.contains('\u{1b}'), "no colour in a pipe: {log}");
    }
}

fn follow(address: SocketAddr, runtime: &str, arguments: &[&str]) -> Running {
    let url = format!("http://{address}/v1/events?channel=news");
    Running::start(TIDEWIRE, &[&["tail", "--json", "--runtime", runtime], arguments, &[&url]].concat())
}

/// Waits for the next event that `tail --json` prints.
fn event(tail: &Running) -> Value {
    let lines = tail.lines_until(|line| line.starts_with("{\"t\":\"event\""));
    serde_json::from_str(lines.last().unwrap()).unwrap()
}

/// Waits for the next publication and returns its envelope.
fn envelope(tail: &Running) -> Value {
    let message = event(tail);
    serde_json::from_str(message["data"].as_str().unwrap()).unwrap_or_else(|_| panic!("{message}"))
}

fn publish(address: SocketAddr, arguments: &[&str]) -> Ended {
    run(TIDEWIRE, &[&["publish", &address.to_string()], arguments].concat(), b"from stdin")
}

/// Publishes and returns the ID.
fn published(address: SocketAddr, arguments: &[&str]) -> String {
    let ended = publish(address, arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.stdout.trim().to_owned()
}
