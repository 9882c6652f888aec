//! `tidewire tail ws://…`: what it prints, sends and ends with, against servers by tungstenite that follow a script.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use serde_json::{Value, json};
use tidewire_tests::authority::Authority;
use tidewire_tests::canned::Answer;
use tidewire_tests::command::{Ended, Running, run};
use tidewire_tests::proxy::Proxy;
use tidewire_tests::relay::Relay;
use tidewire_tests::ws_peers::Package;
use tungstenite::Message;

#[path = "support/ws_canned.rs"]
mod ws_canned;

use ws_canned::Step::{Binary, Close, CloseWithout, Drop, Echo, EchoAll, Hear, Ignore, Ping, Raw, Swallow, Text};
use ws_canned::{Canned, Heard, Step};

const TIDEWIRE: &str = env!("CARGO_BIN_EXE_tidewire");
const RUNTIMES: [&str; 2] = ["tokio", "smol"];

#[test]
fn json_lines_read_exactly_as_documented() {
    for runtime in RUNTIMES {
        let server = Canned::start(vec![vec![
            text("h\u{e9}\n\"1\""),
            Binary(vec![0xff, 0]),
            Ping(b"there?".into()),
            text(""),
            Close(1000, "bye"),
        ]]);
        let ended = run(TIDEWIRE, &["tail", "--json", "--runtime", runtime, &server.url()], b"");
        let expected = [
            &*format!(r#"{{"t":"open","url":"{}","status":101}}"#, server.url()),
            r#"{"t":"message","text":"hé\n\"1\""}"#,
            r#"{"t":"message","base64":"/wA="}"#,
            r#"{"t":"message","text":""}"#,
            r#"{"t":"closed","code":1000,"reason":"bye"}"#,
        ];
        assert_eq!(ended.stdout.lines().collect::<Vec<_>>(), expected);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        assert!(server.request().starts_with("/\n"));
        assert_eq!(server.heard(), Heard::Pong(b"there?".into()));
        assert_eq!(server.heard(), Heard::Close(Some((1000, String::new()))), "the close is answered");
    }
}

#[test]
fn pings_are_told_to_who_wants_to_know() {
    let script = || vec![Ping(b"there?".into()), text("a"), Close(1000, "")];
    assert_eq!(tail(&[script()], &["--verbose"]).stdout, "[ping] there?\na\n");
    assert_eq!(tail(&[script()], &[]).stdout, "a\n");
    let ended = tail(&[script()], &["--verbose", "--json"]);
    assert_eq!(ended.stdout.lines().nth(1), Some(r#"{"t":"ping","payload":"there?"}"#));
}

#[test]
fn a_redirect_is_followed_to_the_web_socket() {
    for runtime in RUNTIMES {
        let server = Canned::start(vec![said()]);
        // As an http URL, which is all that a server may know of itself.
        let location = server.url().replace("ws:", "http:");
        let (ended, _) = answered(
            &format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"),
            &["--json", "--runtime", runtime],
        );
        let open = format!(r#"{{"t":"open","url":"{}","status":101}}"#, server.url());
        assert_eq!((ended.code, ended.stdout.lines().next()), (Some(0), Some(&*open)), "{}", ended.stdout);
    }
}

#[test]
fn a_server_that_is_busy_is_asked_again() {
    let busy = "HTTP/1.1 503 Busy\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n";
    let (ended, _) = answered(busy, &["--max-failures", "3", "--max-delay", "10ms"]);
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    assert!(ended.stderr.contains("gave up after 3 failures"), "{}", ended.stderr);
    let (ended, _) = answered(busy, &["--retry-status=429"]);
    assert_eq!((ended.code, ended.stderr.contains("gave up")), (Some(4), false), "{}", ended.stderr);
}

#[test]
fn plain_output_is_the_data_and_the_rest_goes_to_standard_error() {
    for runtime in RUNTIMES {
        let server = Canned::start(vec![said()]);
        let ended = run(TIDEWIRE, &["tail", "--runtime", runtime, &server.url()], b"");
        assert_eq!(ended.stdout, "{\"a\":1}\n[binary] AP8KQQ==\ntwo\nlines\n");
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let lines: Vec<&str> = ended.stderr.lines().collect();
        let open = format!("open {} (101)", server.url());
        assert_eq!(lines[1..], [&*open, "closed: by the server, with 1000: done"]);
    }
}

#[test]
fn each_format_shows_text_and_bytes() {
    for (format, expected) in [
        ("data", &b"{\"a\":1}\n\0\xff\nAtwo\nlines\n"[..]),
        (
            "pretty",
            b"[text]\n{\n  \"a\": 1\n}\n[binary] 4 bytes\n00000000  00 ff 0a 41                                      |...A|\n\
              [text]\ntwo\nlines\n",
        ),
    ] {
        let server = Canned::start(vec![said()]);
        let ended = run("sh", &["-c", &format!("{TIDEWIRE} tail --output {format} {} | od -An -v -tx1", server.url())], b"");
        let hex: String = ended.stdout.split_whitespace().collect();
        assert_eq!(hex, expected.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), "{format}");
    }
    let ended = tail(&[said()], &["--output", "raw"]);
    assert_eq!(ended.code, Some(2));
}

#[test]
fn what_a_hostile_server_sends_drives_no_terminal() {
    for format in ["plain", "pretty", "data", "json"] {
        let server = Canned::start(vec![vec![
            text("\u{1b}[2J\u{9b}2J\u{8}\u{202e}title"),
            text("{\"a\":\"\u{9b}2J\u{7f}\"}"),
            Binary(b"\x1b[2J\x07\x9b".into()),
            Close(4000, "\u{1b}]0;title\u{7}"),
        ]]);
        let command = format!("env TERM=xterm NO_COLOR=1 {TIDEWIRE} tail --output {format} {}", server.url());
        let shown = run("script", &["-qec", &command, "/dev/null"], b"").stdout;
        let obeyed = |c: char| c.is_control() && c != '\r' && c != '\n' || c == '\u{202e}';
        assert!(!shown.contains(obeyed), "{format}: {shown:?}");
        assert!(shown.contains("title"), "{format}: {shown:?}");
    }
}

#[test]
fn what_is_lost_is_opened_again() {
    for runtime in RUNTIMES {
        let server = Canned::start(vec![
            vec![text("a"), Drop],
            vec![text("b"), Close(1012, "restart")],
            vec![text("c"), Close(1000, "")],
        ]);
        let ended = run(TIDEWIRE, &["tail", "--json", "--max-delay", "10ms", "--runtime", runtime, &server.url()], b"");
        let lines = objects(&ended.stdout);
        let kinds: Vec<&str> = lines.iter().filter_map(|line| line["t"].as_str()).collect();
        assert_eq!(kinds, ["open", "message", "error", "open", "message", "error", "open", "message", "closed"]);
        assert_eq!((&lines[2]["state"], &lines[2]["code"]), (&json!("connecting"), &Value::Null));
        assert!(lines[2]["retry_in_ms"].as_u64().is_some_and(|ms| ms <= 11), "{}", lines[2]);
        assert_eq!((&lines[5]["state"], &lines[5]["code"]), (&json!("connecting"), &json!(1012)));
        assert_eq!(lines[8], json!({ "t": "closed", "code": 1000, "reason": "" }));
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    }
}

#[test]
fn it_comes_back_through_a_relay_that_cuts() {
    for runtime in RUNTIMES {
        let numbers: Vec<Step> = (0..100).map(|number| text(&number.to_string())).chain([Hear]).collect();
        let server = Canned::start(vec![numbers]);
        let cuts = [150, 7, 201, 333, 202, 90];
        let relay = Relay::cutting(server.address(), "", cuts);
        let url = format!("ws://{}/", relay.address());
        let ended = run(TIDEWIRE, &["tail", "--max-delay", "10ms", "--until", "99", "--runtime", runtime, &url], b"");
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert_eq!(relay.connections(), cuts.len() + 1, "all cuts were made");
        let whole: String = (0..100).map(|number| format!("{number}\n")).collect();
        assert!(ended.stdout.ends_with(&whole), "the last connection brought all: {}", ended.stdout);
        // Each of the others brought whole messages, in order from the first on.
        let mut next = 0;
        for number in ended.stdout.lines().map(|line| line.parse::<u32>().unwrap()) {
            assert!(number == 0 || number == next, "{number} after {next}");
            next = number + 1;
        }
    }
}

#[test]
fn standard_input_goes_out_line_by_line_and_its_end_closes() {
    for runtime in RUNTIMES {
        let server = Canned::start(vec![vec![EchoAll]]);
        let ended =
            run(TIDEWIRE, &["tail", "--send", "--runtime", runtime, &server.url()], "one\n\ntwö\r\nlast".as_bytes());
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "one\n\ntwö\nlast\n"), "{}", ended.stderr);
        server.request();
        for line in ["one", "", "twö", "last"] {
            assert_eq!(server.heard(), Heard::Message(line.into()));
        }
        assert_eq!(server.heard(), Heard::Close(Some((1000, String::new()))));
    }
}

#[test]
fn each_line_is_sent_when_it_is_there() {
    for runtime in RUNTIMES {
        let server = Canned::start(vec![vec![EchoAll]]);
        let mut running = Running::start(TIDEWIRE, &["tail", "--send", "--json", "--runtime", runtime, &server.url()]);
        assert!(running.line().contains("\"open\""));
        for number in 0..20 {
            running.write(format!("{number}\n").as_bytes());
            assert_eq!(running.line(), format!("{{\"t\":\"message\",\"text\":\"{number}\"}}"));
        }
        let ended = running.end();
        assert_eq!(ended.code, Some(0));
        assert_eq!(ended.stdout, "{\"t\":\"closed\",\"reason\":\"the end of standard input\"}\n");
    }
}

#[test]
fn lines_can_be_sent_as_bytes() {
    let ended_with = |arguments: &[&str]| {
        let server = Canned::start(vec![vec![EchoAll]]);
        let ended = run(TIDEWIRE, &[&["tail", "--json"], arguments, &[&*server.url()]].concat(), b"\xff\r\nb\n");
        server.request();
        (ended, server)
    };
    let (ended, server) = ended_with(&["--send", "--binary"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    assert_eq!(server.heard(), Heard::Message(Message::binary(&b"\xff\r"[..])));
    assert_eq!(server.heard(), Heard::Message(Message::binary(&b"b"[..])));
    assert!(ended.stdout.contains("{\"t\":\"message\",\"base64\":\"/w0=\"}\n"), "{}", ended.stdout);
    let (ended, server) = ended_with(&["--send"]);
    assert_eq!(ended.code, Some(7), "{}", ended.stderr);
    assert!(ended.stderr.contains("line 1") && ended.stderr.contains("--binary"), "{}", ended.stderr);
    assert_eq!(server.heard(), Heard::Close(Some((1000, String::new()))));
}

#[test]
fn it_goes_on_reading_after_the_input_where_something_else_ends_it() {
    for arguments in [&["--send=stay", "--count", "2"][..], &["--send", "--count", "2"], &["--send", "--until", "late"]]
    {
        let server = Canned::start(vec![vec![Echo, text("late"), Hear]]);
        let ended = run(TIDEWIRE, &[&["tail"], arguments, &[&*server.url()]].concat(), b"subscribe\n");
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "subscribe\nlate\n"), "{}", ended.stderr);
        server.request();
        assert_eq!(server.heard(), Heard::Message("subscribe".into()));
        assert_eq!(server.heard(), Heard::Close(Some((1000, String::new()))), "{arguments:?}");
    }
}

#[test]
fn input_waits_for_the_connection_that_can_take_it() {
    for runtime in RUNTIMES {
        let server = Canned::start(vec![vec![Close(1013, "busy")], vec![EchoAll]]);
        let mut running =
            Running::start(TIDEWIRE, &["tail", "--send", "--max-delay", "300ms", "--runtime", runtime, &server.url()]);
        assert!(running.error_line().starts_with("connecting"));
        assert!(running.error_line().starts_with("open"));
        assert!(running.error_line().starts_with("lost: "));
        running.write(b"now\n");
        assert_eq!(running.line(), "now");
        assert_eq!(running.end().code, Some(0));
    }
}

#[test]
fn what_could_not_be_sent_is_told_and_has_an_exit_code() {
    for runtime in RUNTIMES {
        let server = Canned::start(vec![vec![Echo, Swallow(100_000), Drop]]);
        // More than any buffer on the way takes.
        let input = format!("first\n{}\nnever read\n", "x".repeat(12 << 20));
        let ended =
            run(TIDEWIRE, &["tail", "--send", "--no-reconnect", "--runtime", runtime, &server.url()], input.as_bytes());
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(13), "first\n"), "{}", ended.stderr);
        assert!(ended.stderr.contains("could not be sent"), "{}", ended.stderr);
    }
}

#[test]
fn a_close_that_is_not_answered_leaves_open_what_arrived() {
    for runtime in RUNTIMES {
        // What follows is read, and thrown away with the connection.
        let server = Canned::start(vec![vec![Echo, Swallow(20), Drop]]);
        let ended = run(TIDEWIRE, &["tail", "--send", "--runtime", runtime, &server.url()], b"first\nsecond\n");
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), "first\n"), "{}", ended.stderr);
        assert!(ended.stderr.contains("nobody knows whether all of it arrived"), "{}", ended.stderr);
    }
}

#[test]
fn a_server_that_finds_fault_with_the_last_line_is_believed() {
    for runtime in RUNTIMES {
        // Two lines and our close are on their way when it closes.
        let objection = b"\x88\x0a\x03\xf1too long".to_vec();
        let server = Canned::start(vec![vec![Swallow(11 + 12 + 8), Raw(objection), Drop]]);
        let ended = run(TIDEWIRE, &["tail", "--send", "--runtime", runtime, &server.url()], b"first\nsecond\n");
        assert_eq!(ended.code, Some(4), "{}", ended.stderr);
        assert!(ended.stderr.contains("closed: by the server, with 1009: too long"), "{}", ended.stderr);
    }
}

#[test]
fn a_close_without_a_code_is_told_without_one() {
    let ended = tail(&[vec![CloseWithout]], &["--no-reconnect"]);
    assert_eq!(ended.code, Some(0));
    assert!(ended.stderr.contains("closed: the peer closed the connection without a code"), "{}", ended.stderr);
    let ended = tail(&[vec![CloseWithout]], &["--no-reconnect", "--json"]);
    assert!(objects(&ended.stdout).last().is_some_and(|last| last.get("code").is_none()), "{}", ended.stdout);
}

#[test]
fn every_cause_has_its_exit_code() {
    let scripts = [
        (vec![Close(1000, "")], 0),
        (vec![CloseWithout], 0),
        (vec![Close(1001, "")], 3),
        (vec![Close(1011, "")], 3),
        (vec![Close(1012, "")], 3),
        (vec![Close(1013, "")], 3),
        (vec![Close(1002, "")], 4),
        (vec![Close(1003, "")], 4),
        (vec![Close(1008, "no")], 4),
        (vec![Close(1009, "")], 4),
        (vec![Close(3000, "")], 4),
        (vec![Close(4001, "who are you")], 4),
        (vec![Drop], 3),
        // A reserved opcode, a masked frame, text that is none, half a code point, a ping of 126 bytes.
        (vec![Raw(b"\x83\x00".into()), Ignore], 5),
        (vec![Raw(b"\x81\x80\0\0\0\0".into()), Ignore], 5),
        (vec![Raw(b"\x81\x02a\xff".into()), Ignore], 5),
        (vec![Raw(b"\x81\x01\xc3".into()), Ignore], 5),
        (vec![Raw([&b"\x89\x7e\0\x7e"[..], &[0; 126]].concat()), Ignore], 5),
    ];
    for (script, code) in scripts {
        for runtime in RUNTIMES {
            let server = Canned::start(vec![script.clone()]);
            let ended = run(TIDEWIRE, &["tail", "--json", "--no-reconnect", "--runtime", runtime, &server.url()], b"");
            assert_eq!(ended.code, Some(code), "{script:?}: {}", ended.stdout);
            let lines = objects(&ended.stdout);
            let last = lines.last().unwrap();
            assert_eq!(last["t"], "closed", "{script:?}: {lines:?}");
            if let [Close(code, reason)] = &script[..] {
                assert_eq!(last, &json!({ "t": "closed", "code": code, "reason": reason }));
            }
            let failed = lines.iter().any(|line| line["t"] == "error" && line["state"] == "closed");
            assert_eq!(failed, code != 0, "{script:?}: {lines:?}");
        }
    }
    assert_eq!(run(TIDEWIRE, &["tail", "--no-reconnect", "ws://127.0.0.1:1/"], b"").code, Some(3));
    let (ended, _) = answered("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", &[]);
    assert_eq!(ended.code, Some(4));
    let (ended, _) = answered("HTTP/1.1 426 Upgrade Required\r\ncontent-length: 0\r\n\r\n", &[]);
    assert_eq!(ended.code, Some(4));
    let (ended, _) = answered("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\nhi", &[]);
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    let wrong = "HTTP/1.1 101 S\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: x\r\n\r\n";
    assert_eq!(answered(wrong, &["--no-reconnect"]).0.code, Some(5));
    let ended = tail(&[vec![Hear]], &["--timeout", "300ms"]);
    assert_eq!(ended.code, Some(124));
}

#[test]
fn a_refusal_is_told_with_what_it_says() {
    for runtime in RUNTIMES {
        let refusal =
            "HTTP/1.1 403 Forbidden\r\ncontent-type: text/plain\r\ncontent-length: 22\r\n\r\nthis origin may not in";
        let (ended, url) = answered(refusal, &["--json", "--runtime", runtime]);
        let lines = objects(&ended.stdout);
        assert_eq!((ended.code, lines.len()), (Some(4), 2), "{}", ended.stdout);
        assert_eq!((&lines[0]["state"], &lines[0]["status"]), (&json!("closed"), &json!(403)));
        let reason = lines[0]["reason"].as_str().unwrap();
        assert!(
            reason.contains("this origin may not in") && reason.contains("403") && reason.contains(&url),
            "{reason}"
        );
        assert_eq!(lines[1], json!({ "t": "closed", "reason": reason }));
    }
}

#[test]
fn the_request_is_as_told() {
    let server = Canned::start(vec![vec![Close(1000, "")]]);
    let path = format!("{}a%20b?c=d", server.url());
    let arguments =
        ["-H", "X-One: 1", "--bearer", "sesame", "-A", "me/1", "--protocol", "other", "--protocol", "protocol"];
    let ended = run(TIDEWIRE, &[&["tail", "--json"], &arguments[..], &[&*path]].concat(), b"");
    let open = format!(r#"{{"t":"open","url":"{path}","status":101,"protocol":"protocol"}}"#);
    assert_eq!((ended.code, ended.stdout.lines().next()), (Some(0), Some(&*open)), "{}", ended.stderr);
    let request = server.request();
    assert!(request.starts_with("/a%20b?c=d\n"), "{request}");
    for field in [
        "x-one: 1",
        "authorization: Bearer sesame",
        "user-agent: me/1",
        "sec-websocket-protocol: other, protocol",
        "sec-websocket-version: 13",
    ] {
        assert!(request.contains(&format!("\n{field}\n")), "{field}: {request}");
    }
    assert!(!request.contains("sec-websocket-extensions") && !request.contains("text/event-stream"), "{request}");
}

#[test]
fn what_an_option_cannot_mean_is_said() {
    for (arguments, because) in [
        (&["-X", "POST"][..], "GET"),
        (&["-d", "x"], "--send"),
        (&["--last-event-id", "7"], "IDs"),
        (&["--first-byte-timeout", "1s"], "--ping"),
        (&["--retry-post"], "GET"),
        (&["--any-content-type"], "content type"),
        (&["--json-answer"], "messages"),
        (&["--output", "raw"], "event stream"),
        (&["--filter", "id=7"], "IDs"),
        (&["--until", "id=7"], "IDs"),
        (&["--protocol", "no token"], "--protocol"),
        (&["--ping", "10s", "--idle-timeout", "10s"], "--idle-timeout"),
    ] {
        let ended = run(TIDEWIRE, &[&["tail"], arguments, &["ws://127.0.0.1:1/"]].concat(), b"");
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{arguments:?}: {}", ended.stderr);
        assert!(
            ended.stderr.starts_with("tidewire: -") && ended.stderr.contains(because),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
    for arguments in [&["--send"][..], &["--protocol", "a"], &["--ping", "1s"]] {
        let ended = run(TIDEWIRE, &[&["tail"], arguments, &["http://127.0.0.1:1/"]].concat(), b"");
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("event stream"), "{arguments:?}: {}", ended.stderr);
    }
    let ended = run(TIDEWIRE, &["tail", "--binary", "ws://127.0.0.1:1/"], b"");
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
}

#[test]
fn filters_look_into_messages() {
    for (arguments, expected) in [
        (&["--filter", "event=text"][..], "{\"a\":1}\ntwo\nlines\n"),
        (&["--filter", "/a=1"], "{\"a\":1}\n"),
        (&["--filter", "event=binary"], "[binary] AP8KQQ==\n"),
        (&["--until", "event=binary"], "{\"a\":1}\n[binary] AP8KQQ==\n"),
        (&["--until", "two\nlines"], "{\"a\":1}\n[binary] AP8KQQ==\ntwo\nlines\n"),
        (&["-n", "1"], "{\"a\":1}\n"),
    ] {
        let ended = tail(&[said()], arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), expected), "{arguments:?}: {}", ended.stderr);
    }
    let ended = tail(&[said()], &["--until", "never"]);
    assert_eq!(ended.code, Some(10));
    assert!(ended.stderr.contains("of --until has not come"), "{}", ended.stderr);
}

#[test]
fn who_has_enough_says_goodbye() {
    for runtime in RUNTIMES {
        let server = Canned::start(vec![vec![text("a"), Hear]]);
        let ended = run(TIDEWIRE, &["tail", "-n", "1", "--json", "--runtime", runtime, &server.url()], b"");
        let last = r#"{"t":"closed","reason":"as many messages as --count asked for"}"#;
        assert_eq!((ended.code, ended.stdout.lines().last()), (Some(0), Some(last)));
        server.request();
        assert_eq!(server.heard(), Heard::Close(Some((1000, String::new()))));
        let server = Canned::start(vec![vec![text("a"), Hear]]);
        let mut running = Running::start(TIDEWIRE, &["tail", "--runtime", runtime, &server.url()]);
        assert_eq!(running.line(), "a");
        running.signal("TERM");
        assert_eq!(running.wait(), Some(130));
        server.request();
        assert_eq!(server.heard(), Heard::Close(Some((1000, String::new()))));
    }
}

#[test]
fn a_silent_server_is_pinged_and_taken_for_lost() {
    for runtime in RUNTIMES {
        let server = Canned::start(vec![vec![Ignore]]);
        let arguments = ["tail", "--idle-timeout", "400ms", "--no-reconnect", "--runtime", runtime, &server.url()];
        let ended = run(TIDEWIRE, &arguments, b"");
        assert_eq!(ended.code, Some(3), "{}", ended.stderr);
        // One that answers pings may be silent for longer.
        let ended = tail(&[vec![Hear]], &["--idle-timeout", "400ms", "--timeout", "1200ms", "--no-reconnect"]);
        assert_eq!(ended.code, Some(124), "{}", ended.stderr);
    }
}

#[test]
fn a_recording_plays_as_it_came() {
    let file = std::env::temp_dir().join(format!("tidewire-ws-{}.jsonl", std::process::id()));
    let path = file.display().to_string();
    let live = tail(&[said()], &["--save", &path, "--overwrite"]);
    assert_eq!(live.code, Some(0), "{}", live.stderr);
    let played = run(TIDEWIRE, &["tail", "--replay", &path, "--speed", "max"], b"");
    assert_eq!((played.code, &played.stdout), (Some(0), &live.stdout), "{}", played.stderr);
    let recorded = fs::read(&file).unwrap();
    let text: Vec<u8> = recorded
        .split_inclusive(|&byte| byte == b'\n')
        .filter(|line| !line.windows(6).any(|part| part == b"base64"))
        .flatten()
        .copied()
        .collect();
    let encoded = run(TIDEWIRE, &["encode"], &text);
    assert_eq!((encoded.code, &*encoded.stdout), (Some(0), "data: {\"a\":1}\n\ndata: two\ndata: lines\n\n"));
    let encoded = run(TIDEWIRE, &["encode"], &recorded);
    assert_eq!(encoded.code, Some(7));
    assert!(encoded.stderr.contains("line 3") && encoded.stderr.contains("bytes"), "{}", encoded.stderr);
    fs::remove_file(&file).unwrap();
}

#[test]
fn messages_are_compressed_where_both_ends_want_it() {
    for runtime in RUNTIMES {
        let mut server = Package::Ws.listen(&Package::Ws.deflate(&json!({})));
        let url = server.url("/");
        let mut running =
            Running::start(TIDEWIRE, &["tail", "--json", "--send", "--compressed", "--runtime", runtime, &url]);
        let open = format!(r#"{{"t":"open","url":"{url}","status":101,"compressed":true}}"#);
        assert_eq!(running.line(), open);
        assert!(server.opened().1.starts_with("permessage-deflate"));
        let long = "again and ".repeat(20_000);
        server.begin(json!(["text", long]));
        assert_eq!(running.line(), format!(r#"{{"t":"message","text":"{long}"}}"#));
        running.write(format!("{long}\n").as_bytes());
        assert_eq!(server.told(), json!(["text", long]));
        let [read, written] = [1, 2].map(|at| server.step(json!(["bytes"]))[at].as_u64().unwrap());
        assert!(read < 5_000 && written < 5_000, "200,000 bytes went as {read} and {written}");
        assert_eq!(server.step(json!(["close", 1000, "bye"])), json!(["closed", 1000, ""]));
        assert_eq!(running.wait(), Some(0));
        let plain = Package::Ws.listen(&Package::Ws.deflate(&json!({})));
        let url = plain.url("/");
        let _running = Running::start(TIDEWIRE, &["tail", "--runtime", runtime, &url]);
        assert_eq!(plain.opened().1, "", "it is offered only with --compressed");
    }
}

#[cfg(unix)]
#[test]
fn a_unix_socket_takes_the_place_of_host_and_port() {
    use std::os::unix::net::UnixListener;

    let path = std::env::temp_dir().join(format!("tidewire-ws-{}.sock", std::process::id()));
    let listener = UnixListener::bind(&path).unwrap();
    for runtime in RUNTIMES {
        let ended = thread::scope(|scope| {
            scope.spawn(|| greet(listener.accept().unwrap().0));
            run(TIDEWIRE, &["tail", "--runtime", runtime, "--unix-socket", &path.display().to_string(), NOWHERE], b"")
        });
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "hello\n"), "{}", ended.stderr);
    }
    fs::remove_file(&path).unwrap();
}

#[test]
fn a_proxy_is_asked_for_a_tunnel() {
    for runtime in RUNTIMES {
        let server = Canned::start(vec![vec![text("hello"), Close(1000, "")]]);
        let proxy = Proxy::leading_to(server.address());
        let url = format!("http://{}", proxy.address());
        let ended = run(TIDEWIRE, &["tail", "--runtime", runtime, "--proxy", &url, NOWHERE], b"");
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "hello\n"), "{}", ended.stderr);
        let head = proxy.head();
        assert!(head.starts_with("CONNECT nowhere.invalid:80 HTTP/1.1\r\n"), "{head}");
        assert!(server.request().contains("host: nowhere.invalid\n"));
    }
}

#[test]
fn wss_is_followed_where_the_certificate_is_trusted() {
    let authority = Authority::new();
    let issued = authority.issue(&["localhost"]);
    let tls = tidewire_tls::Server::from_pem(issued.chain.as_bytes(), issued.key.as_bytes()).unwrap();
    let file = std::env::temp_dir().join(format!("tidewire-ws-{}.pem", std::process::id()));
    fs::write(&file, authority.pem()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("wss://localhost:{}/", listener.local_addr().unwrap().port());
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let session = tidewire_tls::rustls::ServerConnection::new(tls.config().clone()).unwrap();
            greet(tidewire_tls::rustls::StreamOwned::new(session, socket));
        }
    });
    for runtime in RUNTIMES {
        let follow = |arguments: &[&str]| {
            run(TIDEWIRE, &[&["tail", "--no-reconnect", "--runtime", runtime], arguments, &[&url]].concat(), b"")
        };
        for trusting in [&["--cacert", &*file.display().to_string()][..], &["--insecure"]] {
            let ended = follow(trusting);
            assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "hello\n"), "{}", ended.stderr);
        }
        let unknown = follow(&[]);
        assert_eq!((unknown.code, unknown.stdout.as_str()), (Some(3), ""), "{}", unknown.stderr);
        assert!(unknown.stderr.contains("--cacert"), "{}", unknown.stderr);
    }
    fs::remove_file(&file).unwrap();
}

#[test]
fn doctor_finds_a_web_socket_well() {
    let server = Canned::start(vec![vec![text("a"), text("b"), Hear]]);
    let (ended, lines) = examine(&["--for", "500ms", &server.url()]);
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
    let levels: Vec<(&str, &str)> = lines.iter().map(|line| (str_of(line, "check"), str_of(line, "level"))).collect();
    let expected = [("upgrade", "ok"), ("server", "note"), ("compression", "note"), ("ping", "ok"), ("closing", "ok")];
    assert_eq!(levels[..5], expected, "{}", ended.stdout);
    let watched = lines.last().unwrap();
    assert_eq!(
        (&watched["t"], &watched["messages"], &watched["comments"]),
        (&json!("watched"), &json!(2), &Value::Null)
    );
    server.request();
    assert_eq!(server.heard(), Heard::Close(Some((1000, String::new()))), "it says goodbye");
    let compressing = Package::Ws.listen(&Package::Ws.deflate(&json!({})));
    let (ended, lines) = examine(&["--for", "500ms", &compressing.url("/")]);
    assert_eq!((str_of(&lines[2], "check"), str_of(&lines[2], "level")), ("compression", "ok"), "{}", ended.stdout);
    let shown = run(TIDEWIRE, &["doctor", "--for", "100ms", &server.url()], b"").stdout;
    assert!(shown.ends_with("2 messages; nothing stands between a client and this stream\n"), "{shown}");
}

#[test]
fn doctor_says_what_came_instead_of_a_web_socket() {
    for (answer, arguments, says, remedy) in [
        ("426 Upgrade Required\r\nserver: nginx\r\ncontent-length: 9", &[][..], "(answered by nginx)", "$http_upgrade"),
        ("200 OK\r\ncontent-length: 9", &[], "200", "$http_upgrade"),
        ("403 Forbidden\r\ncontent-length: 9", &["--origin", "https://a.example"], "403", "origin"),
        ("401 Unauthorized\r\ncontent-length: 9", &[], "says this", "--bearer"),
        ("302 Found\r\nlocation: /b\r\ncontent-length: 9", &[], "302", "where it leads"),
        ("101 S\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: x", &[], "no WebSocket", "101"),
    ] {
        let server = tidewire_tests::canned::Canned::start(vec![Answer::Ends(
            format!("HTTP/1.1 {answer}\r\n\r\nsays this").into(),
        )]);
        let url = server.url().replace("http:", "ws:");
        let (ended, lines) = examine(&[arguments, &[&*url]].concat());
        assert_eq!(ended.code, Some(11), "{answer}: {}", ended.stdout);
        assert_eq!((str_of(&lines[0], "check"), str_of(&lines[0], "level")), ("upgrade", "fault"), "{}", ended.stdout);
        assert!(str_of(&lines[0], "says").contains(says), "{answer}: {}", ended.stdout);
        assert!(str_of(&lines[0], "remedy").contains(remedy), "{answer}: {}", ended.stdout);
    }
    let (ended, lines) = examine(&["ws://127.0.0.1:1/"]);
    assert_eq!((ended.code, str_of(&lines[0], "check")), (Some(3), "connection"), "{}", ended.stdout);
}

#[test]
fn doctor_notices_who_answers_no_ping_and_who_goes() {
    let finding = |script: Vec<Step>, check: &str| {
        let server = Canned::start(vec![script]);
        let (ended, lines) = examine(&["--for", "300ms", &server.url()]);
        let found = lines.iter().find(|line| line["check"] == check);
        let level = found.map(|line| str_of(line, "level").to_owned());
        (ended.code, level.unwrap_or_default())
    };
    assert_eq!(finding(vec![Ignore], "ping"), (Some(11), "fault".into()));
    assert_eq!(finding(vec![Drop], "closing").1, "warning");
    assert_eq!(finding(vec![Close(1008, "no")], "closing").1, "note");
    assert_eq!(finding(vec![Raw(b"\x83\x00".into()), Ignore], "closing"), (Some(11), "fault".into()));
}

/// Runs doctor and returns its lines, too.
fn examine(arguments: &[&str]) -> (Ended, Vec<Value>) {
    let ended = run(TIDEWIRE, &[&["doctor", "--json"], arguments].concat(), b"");
    let lines = objects(&ended.stdout);
    (ended, lines)
}

fn str_of<'a>(line: &'a Value, field: &str) -> &'a str {
    line[field].as_str().unwrap_or_default()
}

#[test]
fn commands_that_speak_http_alone_say_so() {
    for arguments in [&["publish", "ws://127.0.0.1:1/", "-c", "news", "x"][..], &["bench", "ws://127.0.0.1:1/"]] {
        let ended = run(TIDEWIRE, arguments, b"");
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("http://"), "{arguments:?}: {}", ended.stderr);
    }
}

fn text(text: &str) -> Step {
    Text(text.to_owned())
}

/// Text that is JSON, bytes that are no text, text of two lines, and goodbye.
fn said() -> Vec<Step> {
    vec![text("{\"a\":1}"), Binary(b"\0\xff\nA".into()), text("two\nlines"), Close(1000, "done")]
}

/// Follows a server that does as scripted.
fn tail(scripts: &[Vec<Step>], arguments: &[&str]) -> Ended {
    let server = Canned::start(scripts.to_vec());
    run(TIDEWIRE, &[&["tail"], arguments, &[&*server.url()]].concat(), b"")
}

/// Follows a server that gives an HTTP answer; returns its URL too.
fn answered(answer: &str, arguments: &[&str]) -> (Ended, String) {
    let server = tidewire_tests::canned::Canned::start(vec![Answer::Ends(answer.into())]);
    let url = server.url().replace("http:", "ws:");
    (run(TIDEWIRE, &[&["tail"], arguments, &[&*url]].concat(), b""), url)
}

fn objects(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

/// Says hello on a connection, and goodbye.
fn greet(stream: impl Read + Write) {
    let Ok(mut socket) = tungstenite::accept(stream) else { return };
    let _ = socket.send("hello".into());
    let _ = socket.close(Some(tungstenite::protocol::frame::CloseFrame { code: 1000.into(), reason: "".into() }));
    while socket.read().is_ok() {}
}

/// A name that nobody has (RFC 2606 §2): who gets there was led.
const NOWHERE: &str = "ws://nowhere.invalid/";
