//! Servers that misbehave in every way there is, each for an hour of fake time: what the client says of each, how often it asks
//! again, and that it never holds more than its limits.
//!
//! `hostile::live` looks after what is the same for all: one outcome an attempt, nothing after the end, always a deadline where
//! nothing else can happen, bounded memory.

use core::time::Duration;

use tidewire_core::client::{Config, ConnectError, FirstConnection, Marks, Resend, RetryStatus};
use tidewire_core::http::coding::Codings;
use tidewire_core::{Closing, Protocol};
use tidewire_tests::client::{CHUNKED, Client, UNTIL_CLOSE, chunk, config, config_post, field, redirect, response};
use tidewire_tests::coding::gzip;
use tidewire_tests::heap::Heap;
use tidewire_tests::hostile::{Act, Report, live};
use tidewire_tests::naive_sse;

#[global_allocator]
static HEAP: Heap = Heap;

/// A server that does the same on each connection.
struct Row {
    name: &'static str,
    acts: Vec<Act>,
    /// What the client is told but the defaults.
    told: fn(&mut Config),
    expected: Expected,
}

enum Expected {
    /// It is over after so many requests, and this is said.
    Over(usize, &'static str),
    /// Each attempt is lost, and this is said; in an hour there are so many requests at least and at most.
    Lost(&'static str, usize, usize),
    /// The stream stays open for the hour.
    Open,
}

use Expected::{Lost, Open, Over};

fn row(name: &'static str, acts: impl IntoIterator<Item = Act>, expected: Expected) -> Row {
    Row { name, acts: acts.into_iter().collect(), told: |_| (), expected }
}

impl Row {
    fn told(mut self, told: fn(&mut Config)) -> Self {
        self.told = told;
        self
    }
}

/// The defaults with limits that a test can reach.
fn usual() -> Config {
    let mut config = config();
    config.backoff = Config::new(config.url.clone()).backoff;
    (config.limits.max_line, config.limits.max_event) = (16 << 10, 16 << 10);
    config
}

/// All limits together: a line and an event, each twice as they grow, a driver's read, a head, a refusal.
const BOUND: isize = 160 << 10;

const HOUR: Duration = Duration::from_secs(3600);

/// Requests in an hour where each fails at once: the delay doubles from 1 s to 30 s, and chance takes away up to a half.
const GROWING: (usize, usize) = (120, 250);

/// Requests in an hour where each takes its whole time, here a minute, and then the same delays.
const MINUTES: (usize, usize) = (40, 55);

fn check(rows: Vec<Row>) {
    for Row { name, acts, told, expected } in rows {
        let mut config = usual();
        told(&mut config);
        let report = live(config, HOUR, BOUND, |_| acts.clone());
        let requests = report.requests.len();
        match expected {
            Over(times, said) => {
                let closed =
                    report.closed.unwrap_or_else(|| panic!("{name}: not over, lost {:?}", report.lost.first()));
                assert!(closed.contains(said), "{name}: {closed}");
                assert_eq!(requests, times, "{name}");
            }
            Lost(said, least, most) => {
                assert_eq!(report.closed, None, "{name}");
                assert!(report.lost.iter().all(|lost| lost.contains(said)), "{name}: {:?}", report.lost.first());
                assert!((least..=most).contains(&requests), "{name}: {requests} requests");
                assert_eq!(report.hops % requests, report.hops, "{name}");
            }
            Open => {
                assert_eq!((report.closed, report.lost, requests, report.opened), (None, vec![], 1, 1), "{name}");
            }
        }
    }
}

fn lost(said: &'static str, (least, most): (usize, usize)) -> Expected {
    Lost(said, least, most)
}

/// A response that ends with its connection.
fn ended(text: impl AsRef<[u8]>) -> [Act; 2] {
    [Act::send(text), Act::End]
}

fn stream(body: &str) -> String {
    format!("{UNTIL_CLOSE}{body}")
}

fn chunked(body: &str) -> String {
    format!("{CHUNKED}{body}")
}

// Responses that are no stream.

#[test]
fn answers_that_are_no_stream_end_it_all() {
    let html = "Content-Type: text/html\r\n";
    check(vec![
        row("200 text/html", ended(response("200 OK", html, "<p>not here")), Over(1, "not `text/event-stream`")),
        row(
            "200 application/json",
            ended(response("200 OK", "Content-Type: application/json\r\n", "{\"error\":\"no\"}")),
            Over(1, "application/json"),
        ),
        row("200 without a type", ended(response("200 OK", "", "data: x\n\n")), Over(1, "no content-type")),
        row(
            "200 text/html that never ends",
            [Act::send(format!("HTTP/1.1 200 OK\r\n{html}\r\n")), Act::Flood(vec![b'x'; 1000], 1000)],
            Over(1, "not `text/event-stream`"),
        ),
        row(
            "200 text/html and then silence",
            [Act::send(format!("HTTP/1.1 200 OK\r\n{html}\r\n<p>"))],
            Over(1, "not `text/event-stream`"),
        ),
        row(
            "gzip that nobody asked for",
            ended(response("200 OK", "Content-Type: text/event-stream\r\nContent-Encoding: gzip\r\n", "\u{1f}\u{8b}")),
            Over(1, "compressed (`gzip`)"),
        ),
        row("204", ended("HTTP/1.1 204 No Content\r\n\r\n"), Over(1, "204")),
        row(
            "204, and more behind it",
            ended(format!("HTTP/1.1 204 No Content\r\n\r\n{}", stream("data: x\n\n"))),
            Over(1, "204"),
        ),
        row("204 and then silence", [Act::send("HTTP/1.1 204 No Content\r\n\r\n")], Over(1, "204")),
        row("205", ended("HTTP/1.1 205 Reset Content\r\n\r\n"), Over(1, "205 Reset Content")),
        row("206", ended(format!("HTTP/1.1 206 Partial\r\n{}", &UNTIL_CLOSE[17..])), Over(1, "206")),
        row(
            "401 with a body",
            ended(response("401 Unauthorized", "WWW-Authenticate: Bearer\r\n", "no token")),
            Over(1, "401 Unauthorized from http://example.test/events: no token"),
        ),
        row(
            "401 whose body never ends",
            [Act::send("HTTP/1.1 401 No\r\n\r\n"), Act::Flood(vec![b'x'; 5000], 100)],
            Over(1, "401"),
        ),
        row(
            "401 whose body comes byte by byte",
            [Act::send("HTTP/1.1 401 No\r\n\r\n"), Act::Drip(vec![b'x'; 5000], Duration::from_secs(1))],
            Over(1, "401 No from http://example.test/events: xxxx"),
        ),
        row(
            "404 that lies about its length",
            [Act::send("HTTP/1.1 404 No\r\nContent-Length: 1000\r\n\r\nhalf"), Act::End],
            Over(1, "404"),
        ),
        row("503 for ever", ended(response("503 Busy", "", "later")), Over(1, "503")),
        row(
            "101 that nobody asked for",
            ended("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"),
            Over(1, "101"),
        ),
        row("a status of nobody", ended(response("999 ?", "", "")), Over(1, "999")),
    ]);
}

#[test]
fn statuses_that_pass_are_asked_again_ever_more_rarely() {
    let told = |config: &mut Config| config.retry_status = RetryStatus::TRANSIENT;
    check(vec![
        row("503 for ever", ended(response("503 Busy", "", "later")), lost("503 Busy", GROWING)).told(told),
        row("429 for ever", ended(response("429 Slow Down", "", "")), lost("429", GROWING)).told(told),
        row(
            "500 whose body never ends",
            [Act::send("HTTP/1.1 500 Oops\r\n\r\n"), Act::Flood(vec![b'x'; 5000], 100)],
            lost("500", GROWING),
        )
        .told(told),
        row("500 whose body stalls", [Act::send("HTTP/1.1 500 Oops\r\n\r\nx")], lost("500", (95, 200))).told(told),
        row("501 is no such", ended(response("501 Never", "", "")), Over(1, "501")).told(told),
    ]);
}

// Redirects.

#[test]
fn redirects_never_go_round_for_ever() {
    check(vec![
        row("to itself", ended(redirect(302, "/events")), Over(21, "20 redirects")),
        row("deeper and deeper", ended(redirect(307, "x/")), Over(21, "20 redirects")),
        row("301 without Location", ended(response("301 Moved", "", "")), Over(1, "`location`")),
        row("307 with an empty Location", ended(redirect(307, "")), Over(1, "`location`")),
        row("to no URL", ended(redirect(302, "http://[")), Over(1, "302")),
        row("to another scheme", ended(redirect(302, "file:///etc/passwd")), Over(1, "302")),
        row("304", ended("HTTP/1.1 304 Not Modified\r\n\r\n"), Over(1, "304")),
        row("300", ended(response("300 Choices", "", "")), Over(1, "300")),
        row("a head that never ends", [Act::send("HTTP/1.1 302 Found\r\nLocation: /x\r\n")], lost("60s", MINUTES)),
    ]);
}

#[test]
fn each_reconnection_follows_the_redirect_again_and_the_delays_grow() {
    let report = live(usual(), HOUR, BOUND, |number| {
        ended(if number % 2 == 0 { redirect(302, "/there") } else { stream("") }).to_vec()
    });
    assert_eq!(report.opened, report.requests.len() / 2);
    assert_eq!(report.hops, report.opened);
    assert!((GROWING.0..=GROWING.1).contains(&report.opened), "{}", report.opened);
    assert!(report.requests.iter().step_by(2).all(|request| request.starts_with("GET /events ")));
    assert!(report.requests.iter().skip(1).step_by(2).all(|request| request.starts_with("GET /there ")));
}

// Heads.

#[test]
fn heads_that_are_none_are_lost_connections() {
    let second = Duration::from_secs(1);
    check(vec![
        row("nothing", [Act::End], lost("before it answered", GROWING)),
        row("a reset", [Act::Reset], lost("broke", GROWING)),
        row("a reset after some thought", [Act::Wait(10 * second), Act::Reset], lost("broke", (85, 160))),
        row("silence", [], lost("60s", MINUTES)),
        row("half a head and silence", [Act::send("HTTP/1.1 200 OK\r\nConte")], lost("60s", MINUTES)),
        row("a head byte by byte", [Act::Drip(stream("").into(), 2 * second)], lost("60s", MINUTES)),
        row("half a head and the end", ended("HTTP/1.1 200 OK\r\nConte"), lost("before it answered", GROWING)),
        row(
            "an endless field",
            [Act::send("HTTP/1.1 200 OK\r\nX: "), Act::Flood(vec![b'x'; 1000], 1000)],
            lost("the response is not understood", GROWING),
        ),
        row(
            "endless fields",
            [Act::send("HTTP/1.1 200 OK\r\n"), Act::Flood(b"X: y\r\n".to_vec(), 10_000)],
            lost("the response is not understood", GROWING),
        ),
        row(
            "an endless status line",
            [Act::Flood(b"HTTP/1.1 200 ".to_vec(), 10_000)],
            lost("the response is not understood", GROWING),
        ),
        row(
            "a flood of 1xx",
            [Act::Flood(b"HTTP/1.1 102 Processing\r\n\r\n".to_vec(), 10_000)],
            lost("interim responses", GROWING),
        ),
        row(
            "a 1xx a second",
            [Act::Drip(b"HTTP/1.1 100 Continue\r\n\r\n".repeat(31), second / 10)],
            lost("60s", MINUTES),
        ),
        row(
            "another protocol",
            ended("SSH-2.0-OpenSSH_9.2p1\r\n\r\n"),
            lost("the response is not understood", GROWING),
        ),
        row("TLS", ended(b"\x16\x03\x01\x02\x00\x01\x00"), lost("the response is not understood", GROWING)),
        row("HTTP/2", ended(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00"), lost("the response is not understood", GROWING)),
        row(
            "NUL in a field",
            ended("HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n"),
            lost("the response is not understood", GROWING),
        ),
        row(
            // RFC 9112 §5.2: a user agent replaces the fold by spaces.
            "a folded field",
            ended("HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n"),
            Over(1, "no content-type"),
        ),
    ]);
}

// Framing.

#[test]
fn framing_that_is_wrong_is_a_lost_connection() {
    let head = |fields: &str| format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{fields}\r\n");
    let unclear = "the length of the response is not understood";
    check(vec![
        row("two lengths", ended(head("Content-Length: 5\r\nContent-Length: 6\r\n")), lost(unclear, GROWING)),
        row("length of -1", ended(head("Content-Length: -1\r\n")), lost(unclear, GROWING)),
        row("length of 2^64", ended(head("Content-Length: 18446744073709551616\r\n")), lost(unclear, GROWING)),
        row(
            "length beyond all there is",
            ended(head("Content-Length: 18446744073709551615\r\n")),
            lost("cut short", GROWING),
        ),
        row(
            "length and chunks",
            ended(format!(
                "{}9\r\ndata: x\n\n\r\n0\r\n\r\n",
                head("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")
            )),
            lost("", (1, 8000)),
        ),
        row("a coding that is not chunked", ended(head("Transfer-Encoding: gzip\r\n")), lost(unclear, GROWING)),
        row(
            "too short a length: the rest is not ours",
            ended(format!("{}data: a\n\ndata: b\n\n", head("Content-Length: 9\r\n"))),
            lost("ended the stream", (3000, 8000)),
        ),
        row(
            "too long a length",
            ended(format!("{}: x\n", head("Content-Length: 100\r\n"))),
            lost("cut short", GROWING),
        ),
        row("a chunk size of letters", ended(chunked("xyz\r\n")), lost("chunk size", GROWING)),
        row(
            "an endless chunk size",
            [Act::send(CHUNKED), Act::Flood(b"0".to_vec(), 10_000)],
            lost("chunk size", GROWING),
        ),
        row("a chunk that is longer than it says", ended(chunked("1\r\ndata: x\n\n\r\n")), lost("chunk", GROWING)),
        row("a chunk that is shorter than it says", ended(chunked("ff\r\n: x\n")), lost("cut short", GROWING)),
        row(
            "an endless chunk extension",
            [Act::send(CHUNKED), Act::send("1;"), Act::Flood(vec![b'x'; 100], 1000)],
            lost("chunk extension", GROWING),
        ),
        row(
            "extensions at each chunk",
            [Act::send(CHUNKED), Act::Flood(format!("3;{}\r\n: x\r\n1\r\n\n\r\n", "x".repeat(200)).into(), 1000)],
            lost("not a byte", (10, 12)),
        ),
        row(
            "endless trailers",
            [Act::send(chunked("0\r\n")), Act::Flood(b"X: y\r\n".to_vec(), 10_000)],
            lost("trailers", GROWING),
        ),
        row("bare LF in the chunks", ended(chunked("2\n: \n")), lost("CRLF", GROWING)),
        row(
            "a second response behind the first",
            ended(format!("{}{}", chunked(&format!("{}0\r\n\r\n", chunk(": x\n"))), stream("data: theirs\n\n"))),
            lost("ended the stream", GROWING),
        ),
        row(
            "chunks for HTTP/1.0",
            ended("HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"),
            lost(unclear, GROWING),
        ),
    ]);
}

// Streams.

#[test]
fn streams_that_bring_nothing_count_as_failures() {
    let second = Duration::from_secs(1);
    check(vec![
        row("an empty 200", ended(stream("")), lost("ended the stream", GROWING)),
        row(
            "a 200 of length 0",
            ended(response("200 OK", "Content-Type: text/event-stream\r\n", "")),
            lost("ended the stream", GROWING),
        ),
        row("a 200 of no chunk", ended(chunked("0\r\n\r\n")), lost("ended the stream", GROWING)),
        row("an empty 200 that is reset", [Act::send(stream("")), Act::Reset], lost("broke", GROWING)),
        row(
            "a 200 that ends after half a minute",
            [Act::send(stream("")), Act::Wait(30 * second), Act::End],
            lost("ended the stream", (60, 90)),
        ),
        row("only comments", ended(stream(": hi\n\n: there\n\n")), lost("ended the stream", GROWING)),
        row("only a retry of 0", ended(stream("retry: 0\n\n")), lost("ended the stream", GROWING)),
        row("only an id", ended(stream("id: 7\n\n")), lost("ended the stream", GROWING)),
        row("half an event", ended(stream("id: 7\ndata: half\n")), lost("in the middle of an event", GROWING)),
        row(
            "half a character",
            ended([UNTIL_CLOSE.as_bytes(), b"data: \xe2\x82"].concat()),
            lost("in the middle of an event", GROWING),
        ),
        row("an event without data", ended(stream("event: x\nid: 5\n\n")), lost("ended the stream", GROWING)),
        row(
            "half a BOM",
            ended([UNTIL_CLOSE.as_bytes(), b"\xef\xbb"].concat()),
            lost("in the middle of an event", GROWING),
        ),
    ]);
}

#[test]
fn streams_beyond_a_limit_count_as_failures_whatever_they_brought() {
    check(vec![
        row(
            "an endless line",
            [Act::send(stream("data: x\n\n")), Act::Flood(vec![b'x'; 5000], 100)],
            lost(" than 16384 bytes", GROWING),
        ),
        row(
            "an endless data line",
            [Act::send(stream("data: ")), Act::Flood(vec![b'x'; 5000], 100)],
            lost(" than 16384 bytes", GROWING),
        ),
        row(
            "many empty data lines",
            [Act::send(stream("")), Act::Flood(b"data:\n".repeat(1000), 100)],
            lost(" than 16384 bytes", GROWING),
        ),
        row(
            "an endless id",
            [Act::send(stream("id: ")), Act::Flood(vec![b'x'; 5000], 100)],
            lost(" than 16384 bytes", GROWING),
        ),
        row(
            "an endless comment",
            [Act::send(stream(":")), Act::Flood(vec![b'x'; 5000], 100)],
            lost(" than 16384 bytes", GROWING),
        ),
        row(
            "an endless field of nobody",
            [Act::send(stream("x")), Act::Flood(vec![b'x'; 5000], 100)],
            lost(" than 16384 bytes", GROWING),
        ),
        row(
            "an endless line in small chunks",
            [Act::send(CHUNKED), Act::Flood(chunk("x").into(), 2000)],
            lost(" than 1000 bytes", GROWING),
        )
        .told(|config| config.limits.max_line = 1000),
    ]);
}

#[test]
fn floods_and_odd_fields_leave_the_stream_open() {
    // Silence follows; it has to last the hour.
    let told = |config: &mut Config| config.read_timeout = Some(2 * HOUR);
    let open = |name, text: &[u8]| row(name, [Act::send([UNTIL_CLOSE.as_bytes(), text].concat())], Open).told(told);
    check(vec![
        row("a flood of comments", [Act::send(stream("")), Act::Flood(b":\n".repeat(4000), 20)], Open).told(told),
        row("a flood of empty lines", [Act::send(stream("")), Act::Flood(b"\n".repeat(8000), 20)], Open).told(told),
        row("a flood of retries", [Act::send(stream("")), Act::Flood(b"retry: 1\n".repeat(1000), 20)], Open).told(told),
        row("a flood of ids", [Act::send(stream("")), Act::Flood(b"id: 1\n\n".repeat(1000), 20)], Open).told(told),
        row("a flood of events", [Act::send(stream("")), Act::Flood(b"data:\n\n".repeat(1000), 20)], Open).told(told),
        open("NUL in an id", b"id: a\0b\ndata: x\n\n"),
        open(
            "a retry that is no number",
            b"retry: soon\nretry: -1\nretry: 1e3\nretry: 99999999999999999999999\ndata: x\n\n",
        ),
        open(
            "bytes that are no UTF-8",
            b"data: \xff\xfe\xc0\x80\xed\xa0\x80\n\n: \xff\nevent: \xff\nid: \xff\ndata: x\n\n",
        ),
        open("fields of nobody", b"Data: x\n data: x\ndata : x\ncolor: blue\n\n"),
        open("terminal codes", b": \x1b[2J\x07\nevent: \x1b]0;x\x07\ndata: \x1bc\n\n"),
        row(
            "a byte a minute",
            [Act::send(stream("")), Act::Drip(b"data: slow\n\n".repeat(5), Duration::from_secs(60))],
            Open,
        )
        .told(|config| config.read_timeout = Some(2 * HOUR)),
        row(
            "a byte each four minutes",
            [Act::send(stream("")), Act::Drip(b":\n".repeat(10), Duration::from_secs(240))],
            Open,
        ),
    ]);
}

#[test]
fn silence_on_an_open_stream_is_noticed() {
    check(vec![
        // Each stays open for five minutes, which is healthy.
        row("silence from the beginning", [Act::send(stream(""))], lost("not a byte for 300s", (11, 13))),
        row("silence after an event", [Act::send(stream("data: x\n\n"))], lost("not a byte for 300s", (11, 13))),
        row("silence within an event", [Act::send(stream("data: x"))], lost("not a byte for 300s", (11, 13))),
        row("silence within a chunk", [Act::send(chunked("ff\r\ndata"))], lost("not a byte for 300s", (11, 13))),
        row("silence within the size of a chunk", [Act::send(chunked("f"))], lost("not a byte for 300s", (11, 13))),
        row(
            "silence before the last chunk's end",
            [Act::send(chunked("0\r\n"))],
            lost("not a byte for 300s", (11, 13)),
        ),
    ]);
}

// What servers ask for.

#[test]
fn retry_is_a_floor_and_no_means_to_silence_or_to_drive_a_client() {
    let asked =
        |retry: &str| live(usual(), 3 * HOUR, BOUND, |_| ended(stream(&format!("retry: {retry}\n\n"))).to_vec());
    let gaps = |report: &Report| report.times.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<_>>();

    // A day is taken for an hour.
    let day = asked("86400000");
    assert!(
        gaps(&day).iter().all(|gap| *gap >= HOUR && *gap < HOUR * 11 / 10 + Duration::from_secs(1)),
        "{:?}",
        gaps(&day)
    );
    // Ten seconds are the least, and the growth goes on to 30.
    let ten = asked("10000");
    assert!(gaps(&ten).iter().all(|gap| *gap >= Duration::from_secs(10) && *gap <= Duration::from_secs(34)));
    assert!((3 * 3600 / 34..3 * 3600 / 29).contains(&ten.requests.len()), "{}", ten.requests.len());
    // Nothing: at once, then it backs off all the same.
    let zero = asked("0");
    assert!(zero.delays[0].is_zero());
    assert!(zero.requests.len() < 3 * GROWING.1 + 20, "{}", zero.requests.len());
}

#[test]
fn a_server_that_ends_each_connection_after_an_event_is_asked_at_the_base_delay() {
    let report = live(usual(), HOUR, BOUND, |number| ended(stream(&format!("id: {number}\ndata: x\n\n"))).to_vec());
    assert!((3600..=7200).contains(&report.requests.len()), "{}", report.requests.len());
    assert!(report.delays.iter().all(|delay| (500..=1000).contains(&delay.as_millis())));
    assert_eq!(report.messages, report.opened);
    for (number, request) in report.requests.iter().enumerate().skip(1) {
        assert_eq!(field(request, "last-event-id"), Some((number - 1).to_string().as_str()));
    }
}

#[test]
fn delays_after_failures_double_and_stay_in_their_range() {
    for acts in [vec![Act::End], vec![Act::Reset], ended(stream("")).to_vec(), ended(chunked("zz")).to_vec()] {
        let report = live(usual(), HOUR, BOUND, |_| acts.clone());
        for (failures, delay) in report.delays.iter().enumerate() {
            let span = Duration::from_secs(1 << failures.min(5)).min(Duration::from_secs(30));
            assert!(*delay > span / 2 && *delay <= span, "{delay:?} after {failures} failures");
        }
    }
}

#[test]
fn a_204_ends_what_was_a_good_stream() {
    let report = live(usual(), HOUR, BOUND, |number| match number {
        0 => ended(stream("id: 1\ndata: x\n\n")).to_vec(),
        _ => ended("HTTP/1.1 204 No Content\r\n\r\n").to_vec(),
    });
    assert_eq!((report.messages, report.requests.len()), (1, 2));
    assert_eq!(field(&report.requests[1], "last-event-id"), Some("1"));
    assert!(report.closed.is_some_and(|closed| closed.contains("204")));
}

#[test]
fn an_id_is_kept_over_every_kind_of_failure_and_dropped_with_its_event() {
    let failures = [
        vec![Act::End],
        vec![Act::Reset],
        vec![],
        ended(stream("")).to_vec(),
        ended(stream("id: lost\ndata: half")).to_vec(),
        ended(stream("id: nul\0\n\n")).to_vec(),
        ended("nonsense\r\n\r\n").to_vec(),
        ended(chunked("zz")).to_vec(),
    ];
    let report = live(usual(), HOUR, BOUND, |number| match number {
        0 => ended(stream("id: kept\ndata: x\n\n")).to_vec(),
        _ => failures[number % failures.len()].clone(),
    });
    assert!(report.requests.len() > 2 * failures.len());
    assert_eq!(field(&report.requests[0], "last-event-id"), None);
    assert!(report.requests[1..].iter().all(|request| field(request, "last-event-id") == Some("kept")));
}

#[test]
fn a_post_is_sent_once_whatever_happens_to_it() {
    for acts in
        [vec![], vec![Act::End], vec![Act::Reset], ended(stream("")).to_vec(), ended(stream("data: x\n\n")).to_vec()]
    {
        let mut config = config_post("{}");
        let report = live(config.clone(), HOUR, BOUND, |_| acts.clone());
        assert_eq!(report.requests.len(), 1);
        assert!(report.closed.is_some_and(|closed| closed.contains("POST request is not sent again")));

        config.resend = Resend::Always;
        let report = live(config, HOUR, BOUND, |_| acts.clone());
        assert!(report.requests.len() > 10);
        assert!(report.requests.iter().all(|request| request.ends_with("\r\n\r\n{}")));
    }
}

// Content codings, marks, answers, policies.

/// A response whose gzip a limit has to end, on each connection anew.
fn bombs(content: &[u8]) -> [Act; 2] {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\n";
    ended([head.as_bytes(), &gzip(content)].concat())
}

#[test]
fn compressed_streams_cannot_be_made_to_explode() {
    let told = |config: &mut Config| {
        config.codings = Codings::ALL;
        config.coding_limits.allowance = 4 << 10;
    };
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\n";
    let half = |content: &[u8]| {
        let whole = gzip(content);
        [head.as_bytes(), &whole[..whole.len() / 2]].concat()
    };
    let mut damaged = gzip(b": x\n");
    *damaged.last_mut().expect("a trailer") ^= 1;
    check(vec![
        row("a bomb of empty lines", bombs(&b"\n".repeat(128 << 10)), lost("200 times", GROWING)).told(told),
        row("a bomb of comments", bombs(&b":\n".repeat(64 << 10)), lost("200 times", GROWING)).told(told),
        row("a bomb in one line", bombs(&b"x".repeat(128 << 10)), lost(" than ", GROWING)).told(told),
        row("a bomb of data lines", bombs(&b"data:\n".repeat(40 << 10)), lost(" than ", GROWING)).told(told),
        row("gzip that is cut", ended(half(&b": x\n".repeat(1000))), lost("", GROWING)).told(told),
        row("gzip that is none", ended(format!("{head}: plain\n")), lost("", GROWING)).told(told),
        row("gzip with another checksum", ended([head.as_bytes(), &damaged].concat()), lost("", GROWING)).told(told),
        row(
            "gzip and something behind it",
            ended([head.as_bytes(), &gzip(b": x\n"), b"x"].concat()),
            lost("", GROWING),
        )
        .told(told),
        row("gzip of nothing", ended([head.as_bytes(), &gzip(b"")].concat()), lost("ended the stream", GROWING))
            .told(told),
        row(
            "half a gzip head and silence",
            [Act::send(format!("{head}\u{1f}"))],
            lost("not a byte for 300s", (11, 13)),
        )
        .told(told),
        row("a coding of nobody", ended(head.replace("gzip", "br")), Over(1, "`br`")).told(told),
        row("five codings", ended(head.replace("gzip", "gzip, gzip, gzip, gzip, gzip")), Over(1, "gzip, gzip"))
            .told(told),
        row(
            "a refusal that explodes",
            ended([&head.replace("200 OK", "403 No").into_bytes()[..], &gzip(&b"x".repeat(128 << 10))].concat()),
            Over(1, "403 No from http://example.test/events"),
        )
        .told(told),
    ]);
}

#[test]
fn streams_that_are_cut_off_or_tell_of_errors_are_failures() {
    let told = |config: &mut Config| config.marks = Marks::openai();
    let error = "data: {\"error\":{\"message\":\"overloaded\"}}\n\n";
    check(vec![
        row("no sentinel", ended(stream("data: {}\n\n")), lost("before it was complete", GROWING)).told(told),
        row("half a sentinel", ended(stream("data: [DO")), lost("before it was complete", GROWING)).told(told),
        row(
            "a sentinel whose event does not end",
            ended(stream("data: [DONE]\n")),
            lost("before it was complete", GROWING),
        )
        .told(told),
        row(
            "the sentinel as its own name",
            ended(stream("event: [DONE]\n\n")),
            lost("before it was complete", GROWING),
        )
        .told(told),
        row("an error in the stream", ended(stream(error)), lost("overloaded", GROWING)).told(told),
        row(
            "an error after good events",
            ended(stream(&format!("data: {{}}\n\n{error}"))),
            lost("overloaded", GROWING),
        )
        .told(told),
        row("more behind the sentinel", ended(stream("data: {}\n\ndata: [DONE]\n\ndata: no\n\n")), Over(1, "complete"))
            .told(told),
        row("the sentinel and then silence", [Act::send(stream("data: [DONE]\n\n"))], Over(1, "complete")).told(told),
        row("the sentinel and a reset", [Act::send(stream("data: [DONE]\n\n")), Act::Reset], Over(1, "complete"))
            .told(told),
    ]);
    let report = live(llm(), HOUR, BOUND, |_| ended(stream("data: {}\n\n")).to_vec());
    assert_eq!(report.requests.len(), 1, "no second answer is paid for");
    assert!(report.closed.is_some_and(|closed| closed.contains("before it was complete")));
}

/// A client of a language model: a POST that is not sent twice unless it was refused.
fn llm() -> Config {
    let mut config = Config::llm(usual().url, "{}");
    config.marks = Marks::openai();
    (config.limits.max_line, config.limits.max_event) = (16 << 10, 16 << 10);
    config
}

#[test]
fn a_language_model_that_refuses_is_asked_a_few_times() {
    for (head, said) in [
        (response("429 Slow Down", "", "{}"), "429"),
        (response("503 Busy", "Retry-After: 1\r\n", "{}"), "503"),
        (response("500 Oops", "Retry-After: never\r\n", "{}"), "500"),
    ] {
        let report = live(llm(), HOUR, BOUND, |_| ended(&head).to_vec());
        assert_eq!(report.requests.len(), 3, "{said}");
        assert!(report.closed.is_some_and(|closed| closed.contains(said) && closed.contains("3 failures")));
    }
    for acts in [vec![], vec![Act::End], vec![Act::Reset], ended(stream("")).to_vec()] {
        let report = live(llm(), HOUR, BOUND, |_| acts.clone());
        assert_eq!(report.requests.len(), 1, "it may have been acted upon");
        assert!(report.closed.is_some());
    }
}

#[test]
fn answers_in_one_piece_stay_within_their_limit() {
    let told = |config: &mut Config| config.max_answer = Some(1000);
    let json = "Content-Type: application/json\r\n";
    let head = format!("HTTP/1.1 200 OK\r\n{json}\r\n");
    check(vec![
        row("at the limit", ended(response("200 OK", json, &"1".repeat(1000))), Over(1, "one piece")).told(told),
        row("one byte more", ended(response("200 OK", json, &"1".repeat(1001))), Over(1, "1000")).told(told),
        row("that never ends", [Act::send(&head), Act::Flood(vec![b'1'; 100], 1000)], Over(1, "1000")).told(told),
        row(
            "cut short",
            ended(format!("HTTP/1.1 200 OK\r\n{json}Content-Length: 9\r\n\r\n{{")),
            lost("cut short", GROWING),
        )
        .told(told),
        row("and then silence", [Act::send(format!("{head}{{"))], lost("not a byte for 300s", (10, 13))).told(told),
        row("of another type", ended(response("200 OK", "Content-Type: text/json\r\n", "{}")), Over(1, "text/json"))
            .told(told),
    ]);
}

#[test]
fn retry_after_is_a_floor_and_no_means_to_silence_a_client() {
    let asked = |fields: &str| {
        let mut config = usual();
        config.retry_status = RetryStatus::TRANSIENT;
        let acts = ended(response("503 Busy", fields, ""));
        live(config, 3 * HOUR, BOUND, |_| acts.to_vec())
    };
    // A year, the end of times and more than any number are taken for an hour.
    for fields in [
        "Retry-After: 31536000\r\n",
        "Retry-After: 99999999999999999999999999\r\n",
        "Date: Sat, 21 Nov 2026 14:00:00 GMT\r\nRetry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n",
    ] {
        let report = asked(fields);
        assert!(report.delays.iter().all(|delay| *delay >= HOUR && *delay <= HOUR * 11 / 10), "{fields}");
        assert_eq!(report.requests.len(), 3, "{fields}");
    }
    let minute = asked("Date: Sat, 21 Nov 2026 14:00:00 GMT\r\nRetry-After: Sat, 21 Nov 2026 14:01:00 GMT\r\n");
    assert!(minute.delays.iter().all(|delay| (60..=66).contains(&delay.as_secs())), "{:?}", minute.delays);
    // What says nothing changes nothing: the delays grow as ever.
    for fields in [
        "",
        "Retry-After: 0\r\n",
        "Retry-After: -5\r\n",
        "Retry-After: 1.5\r\n",
        "Retry-After: soon\r\n",
        "Retry-After:\r\n",
        "Date: Sat, 21 Nov 2026 14:00:00 GMT\r\nRetry-After: Mon, 01 Jan 1990 00:00:00 GMT\r\n",
        "Date: Sat, 21 Nov 2026 14:00:00 GMT\r\nRetry-After: Sat, 31 Feb 2026 25:61:61 GMT\r\n",
    ] {
        let report = asked(fields);
        let requests = report.requests.len();
        assert!((3 * 118..=3 * GROWING.1).contains(&requests), "{requests} with {fields}");
    }
}

#[test]
fn deadlines_end_what_servers_draw_out() {
    let second = Duration::from_secs(1);
    let drip = |text: &str, every| Act::Drip(text.into(), every);
    check(vec![
        row("a head and nothing behind it", [Act::send(stream(""))], lost("within 10s of its head", (90, 150)))
            .told(|config| config.first_byte_timeout = Some(Duration::from_secs(10))),
        row(
            "a head in time and events for ever",
            [Act::send(stream(":")), drip(&":".repeat(5000), second)],
            Over(1, "600s"),
        )
        .told(|config| config.total_timeout = Some(Duration::from_secs(600))),
        row("failures for ever", [Act::End], Over(32, "600s"))
            .told(|config| config.total_timeout = Some(Duration::from_secs(600))),
        row("silence at first", [], Over(1, "")).told(|config| config.first_connection = FirstConnection::Never),
        row("failures at first", [Act::End], Over(1, ""))
            .told(|config| config.first_connection = FirstConnection::Never),
        row("failures for a while", [Act::End], Over(6, ""))
            .told(|config| config.first_connection = FirstConnection::Within(Duration::from_secs(30))),
        row("a head that takes longer than the first connection may", [drip(&stream(""), 2 * second)], Over(1, ""))
            .told(|config| config.first_connection = FirstConnection::Within(Duration::from_secs(30))),
        row("failures in a row", [Act::Reset], Over(5, "5 failures")).told(|config| config.max_failures = Some(5)),
        row("the first loss", ended(stream("data: x\n\n")), Over(1, "reconnecting is off"))
            .told(|config| config.reconnect = false),
    ]);
}

// Cuts.

/// Whole exchanges that a connection may be cut in: what is sent, and what of it is the body of a stream.
fn exchanges() -> Vec<(&'static str, String, &'static str)> {
    const BODY: &str = "\u{feff}: hi\n\nid: 1\ndata: a\n\nid: 2\r\nevent: x\r\ndata: ä€𝄞\r\ndata: b\r\n\r\nretry: 5000\nid\ndata: c\n\nid: 4\ndata: d\n\n";
    let pieces: String = BODY.split_inclusive('\n').map(chunk).collect();
    let stream = "Content-Type: text/event-stream\r\n";
    vec![
        ("until close", stream_of(BODY), BODY),
        ("chunked", format!("HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n{CHUNKED}{pieces}0\r\nX: y\r\n\r\n"), BODY),
        ("length", response("200 OK", stream, BODY), BODY),
        ("503", response("503 Busy", "Retry-After: 1\r\n", "come back later"), ""),
        ("redirect", redirect(302, "/there"), ""),
        ("204", "HTTP/1.1 204 No Content\r\n\r\n".into(), ""),
        ("html", response("200 OK", "Content-Type: text/html\r\n", "<p>hello</p>"), ""),
    ]
}

fn stream_of(body: &str) -> String {
    stream(body)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    End,
    Reset,
    Stall,
}

#[test]
fn a_connection_may_end_break_or_stall_at_every_byte() {
    for (name, bytes, body) in exchanges() {
        for at in 0..=bytes.len() {
            let runs = [Cut::End, Cut::Reset, Cut::Stall].map(|cut| (cut, cut_at(name, bytes.as_bytes(), at, cut)));
            let whole = &runs[0].1;
            for (cut, run) in &runs {
                assert_eq!(
                    (&run.0, &run.1),
                    (&whole.0, &whole.1),
                    "{name} at {at}: what came counts, however it ended"
                );
                if !body.is_empty() {
                    check_stream(name, &bytes, at, *cut, run);
                }
            }
        }
    }
}

/// Plays `bytes` up to `at`; returns the data of the messages, the last event ID and how it ended.
fn cut_at(name: &str, bytes: &[u8], at: usize, cut: Cut) -> (Vec<String>, String, String) {
    let mut config = config();
    config.retry_status = RetryStatus::TRANSIENT;
    let mut client = Client::accepted(config);
    client.receive(&bytes[..at]);
    if client.connected {
        match cut {
            Cut::End => client.eof(),
            Cut::Reset => client.reset(),
            Cut::Stall => {
                while client.connected {
                    let until = client.machine.poll_timeout().expect("silence has a deadline");
                    client.advance(until - client.now);
                }
            }
        }
    }
    let attempts = client.machine.attempt();
    let lines = client.lines();
    let outcomes = lines.iter().filter(|line| line.starts_with("lost") || line.starts_with("closed")).count();
    assert!(attempts == 1 || name == "redirect", "{name} at {at}: at once only where a redirect leads");
    assert_eq!(outcomes, usize::from(attempts == 1), "{name} at {at}: {lines:?}");
    let last = lines.last().cloned().unwrap_or_default();
    if last.starts_with("lost") {
        assert!(client.machine.poll_timeout().is_some(), "{name} at {at}: it goes on");
        assert!(client.machine.closing() == Closing::Abort);
        let floor = Duration::from_secs(if lines.iter().any(|line| line == "retry 5s") { 5 } else { 1 });
        let asked = client.now;
        client.await_connect();
        assert!(client.now - asked >= floor || cut == Cut::Stall, "{name} at {at}");
    }
    let messages = lines.iter().filter(|line| line.contains(" id ")).cloned().collect();
    (messages, client.machine.last_event_id().to_owned(), last)
}

/// Holds a stream that was cut against a parser of another kind, fed what of the body had come.
fn check_stream(name: &str, bytes: &str, at: usize, cut: Cut, (messages, id, last): &(Vec<String>, String, String)) {
    let head =
        bytes.rfind("event-stream\r\n").map_or(0, |start| start + bytes[start..].find("\r\n\r\n").unwrap_or(0) + 4);
    let came = bytes.as_bytes().get(head..at).unwrap_or_default();
    let came = if name == "chunked" { dechunked(came) } else { came.to_vec() };
    let expected = naive_sse::parse(&came, "");
    assert_eq!(*id, expected.last_event_id, "{name} at {at}");
    let count = expected.events.iter().filter(|told| matches!(told, naive_sse::Told::Message { .. })).count();
    assert_eq!(messages.len(), count, "{name} at {at}");
    let (in_head, complete) = (at < head, at == bytes.len() && name != "until close");
    let said = match cut {
        _ if complete => "the server ended the stream)",
        Cut::End if in_head => "before it answered",
        Cut::End if name == "until close" => "ended the stream",
        Cut::End => "cut short",
        Cut::Reset => "the connection broke",
        Cut::Stall if in_head => "no complete response head within 60s",
        Cut::Stall => "not a byte for 300s",
    };
    assert!(last.contains(said), "{name} at {at}, {cut:?}: {last}");
}

/// Returns what of the data has come in a chunked body that was cut.
fn dechunked(mut body: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    while let Some(end) = body.windows(2).position(|pair| pair == b"\r\n") {
        let size = str::from_utf8(&body[..end]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let (Some(size @ 1..), rest) = (size, &body[end + 2..]) else { break };
        data.extend_from_slice(&rest[..size.min(rest.len())]);
        body = rest.get(size + 2..).unwrap_or_default();
    }
    data
}

#[test]
fn a_connection_that_cannot_be_made_is_asked_for_ever_more_rarely() {
    for error in [ConnectError::Resolve, ConnectError::Refused, ConnectError::TimedOut, ConnectError::Unreachable] {
        let mut client = Client::new(usual());
        while client.now < tidewire_core::Instant::START + HOUR {
            client.await_connect();
            client.refuse(error.clone());
            client.events.clear();
        }
        let attempts = client.machine.attempt() as usize;
        assert!((GROWING.0..=GROWING.1).contains(&attempts), "{attempts} after {error}");
    }
}
