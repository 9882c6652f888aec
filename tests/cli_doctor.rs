//! `tidewire doctor` before servers, and before a real nginx with its default and with its right configuration.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tidewire_tests::authority::Authority;
use tidewire_tests::canned::{Answer, Canned};
use tidewire_tests::command::{Ended, run};
use tidewire_tests::nginx::Nginx;
use tidewire_tests::paced;
use tidewire_tests::program::Program;
use tidewire_tls::Server;
use tidewire_tls::rustls::{ServerConfig, ServerConnection, StreamOwned};

const TIDEWIRE: &str = env!("CARGO_BIN_EXE_tidewire");

/// Events of a server that does everything right but for what a test changes.
const GOOD: &str = "cache-control: no-cache, no-transform\r\n";

fn examine(arguments: &[&str]) -> (Ended, Vec<Value>) {
    let ended = run(TIDEWIRE, &[&["doctor", "--json"], arguments].concat(), b"");
    let lines = ended.stdout.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
    (ended, lines)
}

fn level<'a>(lines: &'a [Value], check: &str) -> Option<&'a str> {
    lines.iter().find(|line| line["check"] == check).and_then(|line| line["level"].as_str())
}

#[test]
fn the_default_of_nginx_is_found_to_collect_events() {
    let server = paced::serve(GOOD, 200, Duration::from_millis(10), true);
    let nginx = Nginx::start(server, "");
    let socket = nginx.socket();
    let (ended, lines) = examine(&["--for", "3s", "--unix-socket", socket.to_str().expect("text"), "localhost/"]);
    assert_eq!(level(&lines, "buffering"), Some("fault"), "{}", ended.stdout);
    assert!(ended.stdout.contains("proxy_buffering off"), "{}", ended.stdout);
    assert_eq!(ended.code, Some(11));
}

#[test]
fn an_nginx_that_holds_back_even_the_head_is_found_out() {
    let server = paced::serve(GOOD, 10, Duration::from_millis(100), true);
    let nginx = Nginx::start(server, "");
    let socket = nginx.socket();
    let (ended, lines) = examine(&["--for", "1s", "--unix-socket", socket.to_str().expect("text"), "localhost/"]);
    assert_eq!(level(&lines, "buffering"), Some("fault"), "{}", ended.stdout);
    assert_eq!(lines[0]["says"], "no answer within 1.0 s", "{}", ended.stdout);
    assert_eq!(ended.code, Some(11));
}

#[test]
fn the_right_configuration_of_nginx_is_found_right() {
    let server = paced::serve(GOOD, 200, Duration::from_millis(50), true);
    let nginx = Nginx::start(server, "proxy_buffering off; proxy_http_version 1.1; proxy_set_header Connection '';");
    let socket = nginx.socket();
    let (ended, lines) = examine(&["--for", "2s", "--unix-socket", socket.to_str().expect("text"), "localhost/"]);
    for check in ["status", "head", "content-type", "buffering", "compression", "resuming", "caching"] {
        assert_eq!(level(&lines, check), Some("ok"), "{check}: {}", ended.stdout);
    }
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
}

#[test]
fn the_nginx_of_the_operators_page_is_found_right() {
    let page = include_str!("../core/src/server/operating.md");
    let (_, block) = page.split_once("```nginx\nlocation / {\n").expect("an example for nginx");
    let (settings, _) = block.split_once("\n}\n").expect("its end");
    let settings: Vec<&str> = settings.lines().filter(|line| !line.contains("proxy_pass")).collect();
    let server = paced::serve(GOOD, 200, Duration::from_millis(50), true);
    let nginx = Nginx::start(server, &format!("{}\n", settings.join("\n")));
    let socket = nginx.socket();
    let (ended, lines) = examine(&["--for", "2s", "--unix-socket", socket.to_str().expect("text"), "localhost/"]);
    for check in ["status", "head", "content-type", "buffering", "compression", "resuming", "caching"] {
        assert_eq!(level(&lines, check), Some("ok"), "{check}: {}", ended.stdout);
    }
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
}

#[test]
fn a_server_that_asks_nginx_not_to_buffer_needs_no_configuration() {
    let program = Program::serve(TIDEWIRE, &[]);
    let nginx = Nginx::start(program.address(), "proxy_set_header Host localhost;");
    for number in 0..3 {
        program.publish("n", &number.to_string());
    }
    let socket = nginx.socket();
    let url = "localhost/v1/events?channel=n";
    let (ended, lines) = examine(&["--for", "1s", "--unix-socket", socket.to_str().expect("text"), url]);
    assert_eq!(level(&lines, "head"), Some("ok"), "{}", ended.stdout);
    assert_eq!(level(&lines, "buffering"), Some("ok"), "{}", ended.stdout);
    assert_eq!(ended.code, Some(0), "{}", ended.stdout);
}

#[test]
fn a_server_that_ignores_last_event_id_is_warned_of() {
    let server = paced::serve(GOOD, 1, Duration::from_millis(20), false);
    let (ended, lines) = examine(&["--for", "1s", &server.to_string()]);
    assert_eq!(level(&lines, "resuming"), Some("warning"), "{}", ended.stdout);
    assert_eq!(ended.code, Some(0), "a warning is no fault: {}", ended.stdout);
}

#[test]
fn compression_that_holds_events_back_is_found() {
    let plain = || Answer::Stays(Canned::stream("id: 1\ndata: a\n\n"));
    let coded = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\n\r\n";
    let server = Canned::start(vec![plain(), Answer::Stays(coded.to_vec()), plain()]);
    let (ended, lines) = examine(&["--for", "1s", &server.url()]);
    assert_eq!(level(&lines, "compression"), Some("fault"), "{}", ended.stdout);
    let offered: Vec<bool> = server.left_over().iter().map(|request| request.contains("gzip")).collect();
    assert_eq!(offered, [false, true]);
}

#[test]
fn what_is_no_stream_is_said_with_what_to_do() {
    let html = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 5\r\n\r\nhello";
    let server = Canned::start(vec![Answer::Ends(html.to_vec())]);
    let (ended, lines) = examine(&["--for", "1s", &server.url()]);
    assert_eq!(level(&lines, "content-type"), Some("fault"), "{}", ended.stdout);
    assert_eq!(level(&lines, "framing"), Some("fault"), "{}", ended.stdout);
    assert_eq!(ended.code, Some(11));
    let refused = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 8\r\n\r\nno token";
    let server = Canned::start(vec![Answer::Ends(refused.to_vec())]);
    let ended = run(TIDEWIRE, &["doctor", "--for", "1s", &server.url()], b"");
    assert!(ended.stdout.contains("401") && ended.stdout.contains("no token"), "{}", ended.stdout);
    assert!(ended.stdout.contains("-H 'Authorization"), "{}", ended.stdout);
}

#[test]
fn what_no_client_takes_is_said_by_its_name() {
    let plain = || Answer::Stays(Canned::stream("data: a\n\n"));
    let coded = |coding: &str| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: {coding}\r\n\r\n");
        Answer::Ends(head.into_bytes())
    };
    let lost = b"HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n".to_vec();
    for (answers, check) in [
        (vec![coded("gzip")], "compression"),
        (vec![plain(), coded("br")], "compression"),
        (vec![Answer::Ends(lost)], "status"),
    ] {
        let server = Canned::start(answers);
        let (ended, lines) = examine(&["--for", "300ms", &server.url()]);
        assert_eq!(level(&lines, check), Some("fault"), "{}", ended.stdout);
        assert_eq!(ended.code, Some(11), "{}", ended.stdout);
    }
}

#[test]
fn a_proxy_that_wants_to_know_who_asks_is_told_apart_from_the_server() {
    let refused = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
    let server = Canned::start(vec![Answer::Ends(refused.to_vec())]);
    let ended = run(TIDEWIRE, &["doctor", "--proxy", &server.url(), "localhost/"], b"");
    assert!(ended.stdout.contains("--proxy http://USER:PASSWORD@HOST:PORT"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("Authorization"), "{}", ended.stdout);
}

#[test]
fn a_server_with_http_2_is_known_by_what_it_takes_in_the_handshake() {
    for (protocols, expected) in [(&["h2", "http/1.1"][..], "ok"), (&["http/1.1"], "note")] {
        let authority = Authority::new();
        let file = std::env::temp_dir().join(format!("tidewire-doctor-{}-{expected}.pem", std::process::id()));
        std::fs::write(&file, authority.pem()).expect("writes");
        let url = secured(&authority, protocols);
        let (ended, lines) = examine(&["--for", "1s", "--cacert", file.to_str().expect("text"), &url]);
        let _ = std::fs::remove_file(&file);
        assert_eq!(level(&lines, "status"), Some("ok"), "{}", ended.stdout);
        assert_eq!(level(&lines, "http-version"), Some(expected), "{}", ended.stdout);
    }
}

/// Starts a server that takes one of these protocols and has a stream for who speaks HTTP/1.1; returns its URL.
fn secured(authority: &Authority, protocols: &[&str]) -> String {
    let issued = authority.issue(&["localhost"]);
    let tls = Server::from_pem(issued.chain.as_bytes(), issued.key.as_bytes()).expect("a certificate");
    let mut tls = ServerConfig::clone(tls.config());
    tls.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let (tls, listener) = (Arc::new(tls), TcpListener::bind("127.0.0.1:0").expect("a free port"));
    let port = listener.local_addr().expect("bound").port();
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let session = ServerConnection::new(Arc::clone(&tls)).expect("a configuration");
            // Who only shook hands leaves, and the others stay until the test is over.
            thread::spawn(move || {
                let mut stream = StreamOwned::new(session, socket);
                let mut byte = [0];
                if matches!(stream.read(&mut byte), Ok(1)) {
                    let _ = stream.write_all(&Canned::stream("id: 1\ndata: a\n\n"));
                    while matches!(stream.read(&mut byte), Ok(1)) {}
                }
            });
        }
    });
    format!("https://localhost:{port}/")
}

#[test]
fn a_server_that_is_not_there_is_said_and_has_the_code_of_the_network() {
    let closed = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound");
    let ended = run(TIDEWIRE, &["doctor", &closed.to_string()], b"");
    assert!(ended.stdout.contains("refused"), "{}", ended.stdout);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
}

#[test]
fn what_a_server_says_does_not_drive_the_terminal() {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/\xc2\x9b31m\r\n\r\ndata: a\n\n";
    let server = Canned::start(vec![Answer::Stays(answer.to_vec())]);
    let ended = run(TIDEWIRE, &["doctor", "--for", "1s", &server.url()], b"");
    assert!(!ended.stdout.chars().any(|c| c.is_control() && c != '\n'), "{:?}", ended.stdout);
}

#[test]
fn a_stream_that_nobody_can_read_on_is_a_fault() {
    let broken = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n9\r\ndata: a\n\n\r\nx\r\n";
    let server = Canned::start(vec![Answer::Stays(broken.to_vec())]);
    let (ended, lines) = examine(&["--for", "1s", &server.url()]);
    assert_eq!(level(&lines, "ending"), Some("fault"), "{}", ended.stdout);
    assert_eq!(ended.code, Some(11));
    let cut =
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n9\r\ndata: a\n\n\r\n";
    let server = Canned::start(vec![Answer::Ends(cut.to_vec())]);
    let (ended, lines) = examine(&["--for", "1s", &server.url()]);
    assert_eq!(level(&lines, "ending"), Some("warning"), "{}", ended.stdout);
}
