//! The applications of axum and of hyper alone, as child processes, with real clients over HTTP/1.1 and HTTP/2.

#[path = "support/examples.rs"]
mod examples;
#[allow(dead_code, reason = "shared with another target")]
#[path = "support/http_clients.rs"]
mod http_clients;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use examples::Example;
use http_clients::{HyperHttp1, HyperHttp2, SmolHttp1, SmolHttp2, Stack};
use tidewire_core::client::{Config, Event};
use tidewire_http::EventSource;

macro_rules! suite {
    ($($module:ident = $example:literal $path:literal $publish:literal),*) => {
        $(mod $module {
            use super::*;

            #[test]
            fn events_come_once_in_order_over_both_versions() {
                let served = Served::start($example, $path, $publish);
                HyperHttp1::run(served.follows::<HyperHttp1>());
                HyperHttp2::run(served.follows::<HyperHttp2>());
                SmolHttp1::run(served.follows::<SmolHttp1>());
                SmolHttp2::run(served.follows::<SmolHttp2>());
            }

            #[test]
            fn a_reader_resumes_after_its_id() {
                let served = Served::start($example, $path, $publish);
                let ids: Vec<String> = (0..3).map(|number| served.publish(&number.to_string())).collect();
                for version in ["--http1.1", "--http2-prior-knowledge"] {
                    let id = format!("last-event-id: {}", ids[0].trim());
                    let mut curl = curl(&["-N", version, "-H", &id, &served.url()]);
                    let text = until(&mut curl, "data: 2\n\n");
                    assert!(!text.contains("data: 0") && text.contains("data: 1\n\n"), "{text}");
                    assert!(!text.contains("gap"), "{text}");
                    curl.kill().unwrap();
                    curl.wait().unwrap();
                }
            }

            #[test]
            fn what_else_is_asked_is_answered_by_the_endpoint() {
                let served = Served::start($example, $path, $publish);
                for version in ["--http1.1", "--http2-prior-knowledge"] {
                    let head = output(&[version, "-I", &served.url()]);
                    assert!(head.contains(" 200") && head.contains("content-type: text/event-stream"), "{head}");
                    assert!(!head.contains("content-length"), "of what the stream would be nobody knows: {head}");
                    let refused = output(&[version, "-i", "-X", "DELETE", &served.url()]);
                    assert!(refused.contains(" 405") && refused.contains("allow: GET"), "{refused}");
                    let preflight = ["-H", "origin: https://example.org", "-H", "access-control-request-method: GET"];
                    let refused = output(&[&[version, "-i", "-X", "OPTIONS", &served.url()], &preflight[..]].concat());
                    assert!(!refused.contains("access-control-allow-origin"), "{refused}");
                }
            }

            #[test]
            fn the_end_is_told_and_the_server_ends() {
                for version in ["--http1.1", "--http2-prior-knowledge"] {
                    let mut served = Served::start($example, $path, $publish);
                    let mut reader = curl(&["-N", version, &served.url()]);
                    until(&mut reader, "retry: ");
                    served.example.signal("TERM");
                    let mut last = String::new();
                    reader.stdout.as_mut().unwrap().read_to_string(&mut last).unwrap();
                    assert!(last.contains("event: bye\ndata: back in a moment\n\n") && last.contains("retry: "), "{last}");
                    assert!(reader.wait().unwrap().success(), "it ended in order");
                    assert!(served.example.wait());
                }
            }

            #[test]
            fn a_reader_that_reads_nothing_does_not_hold_the_end() {
                let mut served = Served::start($example, $path, $publish);
                let mut socket = TcpStream::connect(&served.authority).unwrap();
                write!(socket, "GET {} HTTP/1.1\r\nhost: {}\r\n\r\n", $path, served.authority).unwrap();
                socket.read_exact(&mut [0; 16]).unwrap();
                for _ in 0..100 {
                    served.publish(&"x".repeat(60_000));
                }
                served.example.signal("TERM");
                assert!(served.example.wait());
            }
        })*
    };
}

suite! {
    axum = "axum" "/news" "/publish",
    hyper = "hyper-server" "/news" "/news"
}

#[test]
fn an_answer_of_ones_own_comes_word_by_word_and_stops_with_its_reader() {
    let served = Served::start("axum", "/answer", "/publish");
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        let answer = output(&["-N", version, "-d", "to be or not", &served.url()]);
        assert_eq!(answer, "data: to\n\ndata: be\n\ndata: or\n\ndata: not\n\ndata: [DONE]\n\n");
    }
}

#[test]
fn the_time_of_a_head_is_bounded_where_hyper_has_its_timer() {
    let example = Example::start("http", "hyper-server", &["0", "300"]);
    let authority = authority(&example);
    let mut socket = TcpStream::connect(authority).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(b"GET /news HTTP/1.1\r\nhost: localh").unwrap();
    let mut told = Vec::new();
    socket.read_to_end(&mut told).expect("it is ended, and in time");
}

struct Served {
    example: Example,
    authority: String,
    path: &'static str,
    publish: &'static str,
}

impl Served {
    fn start(example: &str, path: &'static str, publish: &'static str) -> Self {
        let example = Example::start("http", example, &["0"]);
        let authority = authority(&example);
        Self { example, authority, path, publish }
    }

    fn url(&self) -> String {
        format!("http://{}{}", self.authority, self.path)
    }

    /// Publishes a text and returns what is answered: its id.
    fn publish(&self, text: &str) -> String {
        let url = format!("http://{}{}", self.authority, self.publish);
        let id = output(&["-d", text, &url]);
        assert!(id.contains('-'), "{id}");
        id
    }

    /// Twenty readers of one connection, if it may have so many, get all that is published.
    async fn follows<S: Stack>(&self) {
        let transport = S::transport();
        let config = Config::new(self.url().parse().unwrap());
        let source = || EventSource::with_timer(transport.clone(), config.clone(), S::Timer::default());
        let mut sources: Vec<_> = (0..20).map(|_| source()).collect();
        for source in &mut sources {
            source.opened().await.expect("a stream");
        }
        for number in 0..5 {
            self.publish(&number.to_string());
        }
        for source in &mut sources {
            for number in 0..5 {
                let message = loop {
                    match source.next().await.expect("it goes on") {
                        Event::Message(message) => break message,
                        Event::Opened { .. } | Event::Retry(_) | Event::Comment(_) => {}
                        other => panic!("{other}"),
                    }
                };
                assert_eq!(message.data(), number.to_string());
            }
        }
    }
}

/// Returns where it listens, which it says.
fn authority(example: &Example) -> String {
    let line = example.line();
    line.split_once("http://").unwrap_or_else(|| panic!("no address: {line}")).1.to_owned()
}

fn curl(arguments: &[&str]) -> std::process::Child {
    let mut curl = Command::new("curl");
    curl.args(["-s", "--max-time", "30"]).args(arguments).stdout(std::process::Stdio::piped());
    curl.spawn().expect("curl is there")
}

fn output(arguments: &[&str]) -> String {
    let output = curl(arguments).wait_with_output().expect("it runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Reads on until this was said, and returns all that was.
fn until(child: &mut std::process::Child, wanted: &str) -> String {
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    while !text.contains(wanted) {
        let count = child.stdout.as_mut().expect("piped").read(&mut buffer).expect("it goes on");
        assert!(count > 0, "it ended: {text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    text
}

const PATIENCE: Duration = Duration::from_secs(30);
