//! The examples of servers, with what they print, and read by a client of theirs, by curl, and by hand.

#[path = "support/examples.rs"]
mod examples;

use std::io::Read;
use std::process::{Child, Command, Stdio};

macro_rules! suite {
    ($runtime:ident) => {
        mod $runtime {
            use std::net::SocketAddr;

            use tidewire_tests::reading::Reading;

            use crate::examples::Example;
            use crate::{Curl, NEWS, TICKS, address, millis_of};

            fn start(name: &str, arguments: &[&str]) -> (Example, String) {
                let example = Example::start(stringify!($runtime), name, arguments);
                let line = example.line();
                let (_, url) = line.rsplit_once(' ').expect("it says where");
                let url = url.to_owned();
                (example, url)
            }

            fn client(url: &str) -> Example {
                Example::start(stringify!($runtime), "heartbeat-client", &[url])
            }

            /// Returns the two lines of one beat.
            fn beat(client: &Example) -> [u64; 2] {
                let (this, next) = (client.line(), client.line());
                let this = this.strip_prefix(": heartbeat thump! at unix-time ").unwrap_or_else(|| panic!("{this}"));
                let next = next.strip_prefix(":   next should be at unix-time ").unwrap_or_else(|| panic!("{next}"));
                [millis_of(this), millis_of(next)]
            }

            #[test]
            fn tick_prints_what_it_sends_in_gzip() {
                let (tick, url) = start("tick", &["0", "50"]);
                for line in TICKS {
                    assert_eq!(tick.line(), line);
                }
                // Another client, which reads on from where it likes.
                let id = TICKS[1].split(' ').next().expect("an id");
                let mut curl = Curl::start(&["--compressed", "-H", &format!("Last-Event-ID: {id}"), &url]);
                for line in &TICKS[2..] {
                    let mut words = line.splitn(3, ' ');
                    let [id, event, data] = std::array::from_fn(|_| words.next().expect("three"));
                    curl.shows(&format!("id: {id}\nevent: {event}\ndata: {data}\n\n"));
                }
                let coded = Reading::get(address(&url), "/time", "Accept-Encoding: gzip\r\n");
                assert_eq!(coded.field("content-encoding"), Some("gzip"));
                coded.leave();
            }

            #[test]
            fn news_prints_old_articles_in_the_order_of_their_ids_and_fresh_ones_as_they_come() {
                let (news, url) = start("news", &["0"]);
                let lines: Vec<String> = NEWS.iter().map(|_| news.line()).collect();
                assert_eq!(lines, NEWS);
                let mut reader = Reading::get(address(&url), "/articles", "Last-Event-ID: 3\r\n");
                reader.until("id: 10\nevent: News Article\n");
                let mut reader = Reading::get(address(&url), "/articles", "Last-Event-ID: 9\r\n");
                let gap = reader.until("id: 1\n");
                assert!(gap.contains("event: gap\n") && gap.contains(r#""after":"9""#), "{gap}");
            }

            #[test]
            fn heartbeat_thumps_at_once_and_says_that_it_does_every_4567_ms() {
                let (_server, url) = start("heartbeat", &["0"]);
                let [this, next] = beat(&client(&url));
                assert_eq!(next - this, 4567);
            }

            #[test]
            fn heartbeat_thumps_when_it_said_for_each_reader() {
                let (_server, url) = start("heartbeat", &["0", "100"]);
                let clients = [client(&url), client(&url)];
                for client in &clients {
                    let [_, announced] = beat(client);
                    let [this, next] = beat(client);
                    assert!(announced <= this && this < announced + 5_000, "{announced} {this}");
                    assert_eq!(next - this, 100);
                }
            }

            #[test]
            fn heartbeat_is_sent_as_go_httpsse_does() {
                let (_server, url) = start("heartbeat", &["0"]);
                let address: SocketAddr = address(&url);
                let mut reader = Reading::get(address, "/", "");
                assert_eq!(reader.head.status, 200);
                assert_eq!(reader.field("content-type"), Some("text/event-stream"));
                let beat = reader.until("\n\n");
                assert_eq!(beat.lines().count(), 3, "{beat:?}");
                reader.leave();
            }
        }
    };
}

suite!(tokio);
suite!(smol);

/// Returns where a URL leads.
fn address(url: &str) -> std::net::SocketAddr {
    let rest = url.strip_prefix("http://").expect("a URL");
    rest.split('/').next().expect("a host").parse().expect("an address")
}

/// Returns the milliseconds of `SECONDS (DATE)`, the fraction of which stands in the date.
fn millis_of(text: &str) -> u64 {
    let (seconds, date) = text.split_once(" (").expect("a date");
    let (_, millis) = date.strip_suffix("Z)").expect("UTC").rsplit_once('.').expect("a fraction");
    seconds.parse::<u64>().expect("a number") * 1000 + millis.parse::<u64>().expect("a number")
}

/// curl, which ends with the test.
struct Curl {
    child: Child,
    shown: Vec<u8>,
}

impl Curl {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new("curl");
        command.args(["--silent", "--no-buffer", "--max-time", "30"]).args(arguments).stdout(Stdio::piped());
        Self { child: command.spawn().expect("curl is there"), shown: Vec::new() }
    }

    /// Reads until `text` has come.
    fn shows(&mut self, text: &str) {
        let out = self.child.stdout.as_mut().expect("is piped");
        while !self.shown.windows(text.len()).any(|window| window == text.as_bytes()) {
            let mut buffer = [0; 4096];
            let count = out.read(&mut buffer).expect("reads");
            assert_ne!(count, 0, "{text:?} in {:?}", String::from_utf8_lossy(&self.shown));
            self.shown.extend_from_slice(&buffer[..count]);
        }
    }
}

impl Drop for Curl {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The page of LaunchDarkly's server shows these.
const TICKS: [&str; 5] = [
    "1356998400000000000 Tick 2013-01-01 00:00:00 +0000 UTC",
    "1356998401000000000 Tick 2013-01-01 00:00:01 +0000 UTC",
    "1356998402000000000 Tick 2013-01-01 00:00:02 +0000 UTC",
    "1356998403000000000 Tick 2013-01-01 00:00:03 +0000 UTC",
    "1356998404000000000 Tick 2013-01-01 00:00:04 +0000 UTC",
];

/// It shows these articles in other orders: as they come, and again from the last one that was seen.
const NEWS: [&str; 9] = [
    "everything:",
    r#"1 News Article {"Title":"Tomorrow is another day","Content":"And so is the day after."}"#,
    r#"2 News Article {"Title":"Governments struggle to control global price of gas","Content":"Hot air...."}"#,
    r#"3 News Article {"Title":"News for news' sake","Content":"Nothing has happened."}"#,
    r#"10 News Article {"Title":"Ten comes after nine","Content":"Whatever the alphabet says."}"#,
    "after 1:",
    r#"2 News Article {"Title":"Governments struggle to control global price of gas","Content":"Hot air...."}"#,
    r#"3 News Article {"Title":"News for news' sake","Content":"Nothing has happened."}"#,
    r#"10 News Article {"Title":"Ten comes after nine","Content":"Whatever the alphabet says."}"#,
];
