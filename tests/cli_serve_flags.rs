//! What each option of `tidewire serve` does, as its readers see it.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tidewire_tests::command::{Running, serve};

const TIDEWIRE: &str = env!("CARGO_BIN_EXE_tidewire");

#[test]
fn a_keep_alive_has_its_form_and_its_rhythm() {
    for (form, wanted) in
        [("comment", "3\r\n:\n\n\r\n"), ("newline", "1\r\n\n\r\n"), ("event:ping", "event: ping\ndata")]
    {
        let (_server, address) = serve(TIDEWIRE, &["--keep-alive", "20ms", "--keep-alive-form", form]);
        let mut reader = follow(address, "news", "");
        while reader.text.matches(wanted).count() < 2 {
            assert!(reader.read(), "{form}: {}", reader.text);
        }
    }
    // Also between publications.
    let always = ["--keep-alive", "50ms", "--keep-alive-when", "always", "--keep-alive-jitter", "50"];
    let (_server, address) = serve(TIDEWIRE, &always);
    let mut reader = follow(address, "news", "");
    let mut publishing = Running::start(TIDEWIRE, &["publish", &address.to_string(), "-c", "news", "--lines"]);
    while reader.text.matches("\r\n3\r\n:\n\n\r\n").count() < 3 {
        publishing.write(b"x\n");
        publishing.line();
        assert!(reader.read(), "{}", reader.text);
    }
}

#[test]
fn counts_of_nothing_are_refused_in_plain_words() {
    for option in ["--max-behind", "--history", "--history-bytes", "--history-total", "--return-rate"] {
        let refused = Command::new(TIDEWIRE).args(["serve", "--listen", "0", option, "0"]).output().unwrap();
        let told = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(2), "{option}: {told}");
        assert!(told.contains("it must be at least 1"), "{option}: {told}");
    }
}

#[test]
fn readers_are_told_when_to_come_back() {
    let (_server, address) = serve(TIDEWIRE, &["--retry", "7s"]);
    follow(address, "news", "").until("retry: 7000\n");
}

#[test]
fn streams_open_with_padding_where_it_is_asked_for() {
    let (_server, address) = serve(TIDEWIRE, &["--padding"]);
    let reader = follow(address, "news", "");
    let (head, _) = reader.text.split_once("event: connected").unwrap();
    assert!(head.contains(&format!(":{}", " ".repeat(2000))), "{head}");
    let (_server, address) = serve(TIDEWIRE, &[]);
    assert!(follow(address, "news", "").text.len() < 1000);
}

#[test]
fn streams_are_compressed_for_who_asks_where_the_server_may() {
    for (arguments, coded) in [(&["--gzip"][..], true), (&[][..], false)] {
        let (_server, address) = serve(TIDEWIRE, arguments);
        let mut reader = open(address, "/v1/events?channel=news", "accept-encoding: gzip;q=0.5, br\r\n");
        reader.until("\r\n\r\n");
        assert_eq!(reader.text.contains("content-encoding: gzip\r\n"), coded, "{}", reader.text);
        assert_eq!(reader.text.contains("accept-encoding"), coded, "{}", reader.text);
        let tail = follow_json(address, &["--compressed", "--count", "2"]);
        assert_eq!(event(&tail)["type"], "connected");
        publish(address, "news", "hello");
        assert!(event(&tail)["data"].as_str().unwrap().contains("hello"));
    }
}

#[test]
fn a_stream_has_its_longest_time_and_resumes() {
    let (_server, address) = serve(TIDEWIRE, &["--max-stream-time", "200ms", "--retry", "10ms"]);
    let started = Instant::now();
    let mut reader = follow(address, "news", "");
    let text = reader.end();
    assert!(started.elapsed() < Duration::from_secs(10));
    // When to come back was told at the start, and is told again at the end.
    assert_eq!(text.matches("retry: ").count(), 2, "{text}");
    assert!(text.ends_with("\r\n0\r\n\r\n"), "{text}");
}

#[test]
fn only_the_latest_is_given_where_that_is_asked_for() {
    let (_server, address) = serve(TIDEWIRE, &["--debounce", "300ms"]);
    let mut reader = follow(address, "news", "");
    for number in 0..20 {
        publish(address, "news", &format!("number {number}."));
    }
    reader.until("number 19.");
    let given = reader.text.matches("number ").count();
    assert!(given < 20, "{given}");
}

#[test]
fn a_publication_too_long_is_told_the_option() {
    let (_server, address) = serve(TIDEWIRE, &["--max-message", "10"]);
    assert!(post(address, "news", "0123456789").starts_with("HTTP/1.1 200 "));
    let refused = post(address, "news", "0123456789a");
    assert!(refused.starts_with("HTTP/1.1 413 ") && refused.contains("--max-message"), "{refused}");
}

#[test]
fn one_connection_too_many_is_told_to_come_back() {
    for limit in ["--max-connections", "--max-connections-per-ip"] {
        for runtime in ["tokio", "smol"] {
            let (_server, address) = serve(TIDEWIRE, &[limit, "1", "--runtime", runtime]);
            let first = follow(address, "news", "");
            let refused = open(address, "/v1/events?channel=news", "").end();
            assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("\r\nretry-after: "), "{refused}");
            assert!(refused.contains(limit), "{refused}");
            // A page's EventSource gives up for good at any other status.
            let told = open(address, "/v1/events?channel=news", "sec-fetch-mode: cors\r\n").end();
            assert!(told.starts_with("HTTP/1.1 200 ") && told.contains("retry: "), "{told}");
            drop(first);
            let again = Instant::now();
            while !open(address, "/v1/events?channel=news", "").begins() {
                assert!(again.elapsed() < PATIENCE, "there is room again");
            }
        }
    }
}

#[test]
fn who_is_too_many_is_answered_as_asked() {
    for (busy, browser, program) in [("status", 503, 503), ("stream", 200, 200), ("by-client", 200, 503)] {
        let (_server, address) = serve(TIDEWIRE, &["--max-readers", "1", "--busy", busy]);
        let _first = follow(address, "news", "");
        for (field, status) in [("sec-fetch-mode: cors\r\n", browser), ("", program)] {
            let mut refused = open(address, "/v1/events?channel=news", field);
            refused.until("\r\n\r\n");
            assert!(refused.text.starts_with(&format!("HTTP/1.1 {status} ")), "{busy}: {}", refused.text);
        }
        // The limit is the channel's.
        follow(address, "other", "");
    }
}

#[test]
fn a_reader_too_far_behind_is_told_a_gap_or_ended_as_asked() {
    for (on_lag, then) in [("gap", Some(2)), ("latest", Some(1)), ("end", None)] {
        let (_server, address) = serve(TIDEWIRE, &["--max-behind", "2", "--on-lag", on_lag]);
        let mut reader = follow(address, "news", "");
        flood(address, "news");
        match (reader.try_until("--the last--"), then) {
            (true, Some(left)) => {
                let (_, after) = reader.text.rsplit_once("event: gap").expect("a gap");
                assert!(after.contains("\"reason\":\"lag\""), "{on_lag}: {}", after.get(..200).unwrap_or(after));
                assert_eq!(after.matches("event: message").count(), left, "{on_lag}");
            }
            (false, None) => {}
            (reached, _) => panic!("{on_lag}: {reached}"),
        }
    }
}

#[test]
fn bytes_behind_count_as_well() {
    // So much is kept that nothing else makes a gap.
    let arguments = ["--history-bytes", "100000000", "--max-behind-bytes", "100000", "--on-lag", "gap"];
    let (_server, address) = serve(TIDEWIRE, &arguments);
    let mut reader = follow(address, "news", "");
    flood(address, "news");
    assert!(reader.try_until("--the last--"));
    assert!(reader.text.contains("\"reason\":\"lag\""));
}

#[test]
fn pages_may_bring_credentials_where_they_may() {
    let allowed = ["--allow-origin", "https://example.org", "--allow-credentials"];
    let (_server, address) = serve(TIDEWIRE, &allowed);
    let mut reader = open(address, "/v1/events?channel=news", "origin: https://example.org\r\n");
    reader.until("\r\n\r\n");
    for field in ["access-control-allow-origin: https://example.org\r\n", "access-control-allow-credentials: true\r\n"]
    {
        assert!(reader.text.contains(field), "{field}: {}", reader.text);
    }
}

#[test]
fn the_end_is_told_to_each_reader_with_its_own_time_to_come_back() {
    for runtime in ["tokio", "smol"] {
        let arguments = ["--last-event", "back in a minute", "--return-rate", "1", "--runtime", runtime];
        let (mut server, address) = serve(TIDEWIRE, &arguments);
        let mut readers: Vec<Reader> = (0..3).map(|_| follow(address, "news", "")).collect();
        server.signal("TERM");
        let mut times: Vec<u64> = readers
            .iter_mut()
            .map(|reader| {
                let text = reader.end();
                let (_, last) = text.split_once("event: connected").unwrap();
                assert!(last.contains(r#"event: system"#) && last.contains("back in a minute"), "{last}");
                let (_, retry) = last.split_once("retry: ").unwrap();
                retry.lines().next().unwrap().parse().unwrap()
            })
            .collect();
        times.sort_unstable();
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 900), "one a second: {times:?}");
        assert!(TcpStream::connect(address).is_err(), "nobody new");
        assert_eq!(server.wait(), Some(0));
    }
}

#[test]
fn who_stays_after_the_end_is_dropped_in_time() {
    for runtime in ["tokio", "smol"] {
        let (mut server, address) = serve(TIDEWIRE, &["--drain", "200ms", "--runtime", runtime]);
        // It does not end its side, for which it has longer by itself.
        let reader = follow(address, "news", "");
        let started = Instant::now();
        server.signal("TERM");
        assert_eq!(server.wait(), Some(0));
        assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
        drop(reader);
    }
}

/// A reader on a bare socket.
struct Reader {
    socket: TcpStream,
    opened: Instant,
    text: String,
}

/// Asks for `target`.
fn open(address: SocketAddr, target: &str, fields: &str) -> Reader {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(socket, "GET {target} HTTP/1.1\r\nhost: {address}\r\n{fields}\r\n").unwrap();
    Reader { socket, opened: Instant::now(), text: String::new() }
}

/// Follows a channel, from its first event on.
fn follow(address: SocketAddr, channel: &str, fields: &str) -> Reader {
    let mut reader = open(address, &format!("/v1/events?channel={channel}"), fields);
    reader.until("event: connected\n");
    reader
}

impl Reader {
    /// Reads once; false is the end.
    fn read(&mut self) -> bool {
        assert!(self.opened.elapsed() < PATIENCE, "it does not come: {}", self.text);
        let mut buffer = [0; 1 << 16];
        match self.socket.read(&mut buffer) {
            Ok(count) => {
                self.text.push_str(&String::from_utf8_lossy(&buffer[..count]));
                count > 0
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("{error}: {}", self.text),
        }
    }

    fn try_until(&mut self, wanted: &str) -> bool {
        while !self.text.contains(wanted) {
            if !self.read() {
                return false;
            }
        }
        true
    }

    fn until(&mut self, wanted: &str) {
        assert!(self.try_until(wanted), "it ended: {}", self.text);
    }

    fn end(&mut self) -> String {
        while self.read() {}
        self.text.clone()
    }

    fn begins(&mut self) -> bool {
        self.try_until("event: connected\n")
    }
}

fn post(address: SocketAddr, channel: &str, text: &str) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    let length = text.len();
    write!(
        socket,
        "POST /v1/channels/{channel}/publish HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-type: text/plain\r\ncontent-length: {length}\r\n\r\n{text}"
    )
    .unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

fn publish(address: SocketAddr, channel: &str, text: &str) {
    let answer = post(address, channel, text);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

/// Publishes more than any socket holds.
fn flood(address: SocketAddr, channel: &str) {
    let text = "x".repeat(60_000);
    for _ in 0..200 {
        publish(address, channel, &text);
    }
    publish(address, channel, "--the last--");
}

fn follow_json(address: SocketAddr, arguments: &[&str]) -> Running {
    let url = format!("http://{address}/v1/events?channel=news");
    Running::start(TIDEWIRE, &[&["tail", "--json"], arguments, &[&url]].concat())
}

fn event(tail: &Running) -> Value {
    let lines = tail.lines_until(|line| line.starts_with("{\"t\":\"event\""));
    serde_json::from_str(lines.last().unwrap()).unwrap()
}

const PATIENCE: Duration = Duration::from_secs(30);
