//! `tidewire serve --http2`: the same streams over HTTP/2, carried by hyper, on both runtimes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tidewire_core::client::{Config, Event};
use tidewire_http::{EventSource, TokioTimer};
use tidewire_tests::command::{Running, run};

const TIDEWIRE: &str = env!("CARGO_BIN_EXE_tidewire");
const RUNTIMES: [&str; 2] = ["tokio", "smol"];

#[test]
fn both_versions_are_spoken_on_one_port() {
    for runtime in RUNTIMES {
        let server = Served::start(&["--runtime", runtime]);
        for version in ["--http2-prior-knowledge", "--http1.1"] {
            let target = format!("http://{}/v1/channels/news/publish", server.http2);
            let published = curl(&[version, "-d", "hello", &target]);
            assert!(published.contains("\"id\":"), "{runtime} {version}: {published}");
            let head = curl(&[version, "-I", &format!("http://{}/v1/events?channel=news", server.http2)]);
            assert!(head.contains(" 200") && head.contains("content-type: text/event-stream"), "{head}");
            let none = curl(&[version, "-i", &format!("http://{}/v1/events?channel=no/slash", server.http2)]);
            assert!(none.contains(" 400") && none.contains("\"code\":\"invalid_channel\""), "{none}");
        }
    }
}

#[test]
fn a_body_too_long_is_refused_and_the_connection_goes_on() {
    let server = Served::start(&[]);
    on_tokio(async {
        let client = client();
        let url = format!("http://{}/v1/channels/news/publish", server.http2);
        for (length, status) in [(100, 200), (100_000, 413), (10 << 20, 413), (100, 200)] {
            let request = http::Request::post(&url).header("content-type", "text/plain");
            let request = request.body(Full::from(vec![b'x'; length])).unwrap();
            assert_eq!(client.request(request).await.unwrap().status(), status, "{length}");
        }
    });
}

#[test]
fn many_streams_of_one_connection_get_every_event_once_in_order() {
    for runtime in RUNTIMES {
        let server = Served::start(&["--runtime", runtime, "-v"]);
        on_tokio(async {
            let client = client();
            let mut readers = Vec::new();
            for _ in 0..50 {
                readers.push(server.follow(&client, "news").await);
            }
            let numbers = 300;
            let publishing = std::thread::spawn({
                let address = server.http1;
                move || publish_lines(address, "news", numbers)
            });
            for reader in &mut readers {
                for number in 0..numbers {
                    assert_eq!(next(reader).await, number.to_string());
                }
            }
            publishing.join().unwrap();
        });
        // One connection, and those of the publisher.
        server.running.signal("TERM");
        let log = server.running.end().stderr;
        assert_eq!(log.matches("accepted").count(), 2, "{log}");
    }
}

#[test]
fn a_stream_that_is_reset_frees_its_reader() {
    let server = Served::start(&["--max-readers", "1", "--return-rate", "1000"]);
    on_tokio(async {
        let client = client();
        let first = server.follow(&client, "news").await;
        let url = format!("http://{}/v1/events?channel=news", server.http2);
        let refused = client.get(url.parse().unwrap()).await.unwrap();
        assert_eq!(refused.status(), 503);
        drop(first);
        loop {
            let response = client.get(url.parse().unwrap()).await.unwrap();
            if response.status() == 200 {
                break;
            }
        }
    });
}

#[test]
fn a_stream_that_is_not_read_does_not_stop_its_neighbours() {
    let server = Served::start(&[]);
    on_tokio(async {
        let client = client();
        let stuck = server.follow(&client, "loud").await;
        let mut reader = server.follow(&client, "news").await;
        let address = server.http1;
        let publishing = std::thread::spawn(move || {
            // More than the window of a stream and all buffers.
            publish_text(address, "loud", 200, &"x".repeat(60_000));
            publish_lines(address, "news", 100);
        });
        for number in 0..100 {
            assert_eq!(next(&mut reader).await, number.to_string());
        }
        publishing.join().unwrap();
        drop(stuck);
    });
}

#[test]
fn more_streams_than_a_connection_may_have_wait_for_their_turn() {
    let server = Served::start(&[]);
    on_tokio(async {
        let client = client();
        let mut readers = Vec::new();
        for _ in 0..100 {
            readers.push(server.follow(&client, "news").await);
        }
        let mut late = EventSource::new(client, Config::new(server.url("news").parse().unwrap()));
        let opened = tokio::time::timeout(Duration::from_millis(300), late.opened()).await;
        assert!(opened.is_err(), "the 101st waits");
        readers.pop();
        late.opened().await.unwrap();
    });
}

#[test]
fn the_end_is_told_over_http2_as_well() {
    for runtime in RUNTIMES {
        let server = Served::start(&["--runtime", runtime, "--last-event", "back soon"]);
        on_tokio(async {
            let mut reader = server.follow(&client(), "news").await;
            server.running.signal("TERM");
            let mut told = (false, false);
            loop {
                match reader.next().await.unwrap() {
                    Event::Message(message) => told.0 |= message.data().contains("back soon"),
                    Event::Retry(_) => told.1 = true,
                    Event::Disconnected { .. } => break,
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(told, (true, true));
        });
        let mut running = server.running;
        assert_eq!(running.wait(), Some(0), "{runtime}");
    }
}

#[test]
fn who_is_too_many_is_told_over_http2() {
    let server = Served::start(&["--max-connections", "2"]);
    on_tokio(async {
        // The connection and its stream.
        let client = client();
        let _first = server.follow(&client, "news").await;
        let refused = client.get(server.url("news").parse().unwrap()).await.unwrap();
        assert_eq!(refused.status(), 503);
        assert!(refused.headers().contains_key("retry-after"));
    });
}

#[test]
fn a_connection_that_asks_for_nothing_ends() {
    let server = Served::start(&[]);
    let begun: [&[u8]; 3] = [b"", b"PRI * HTTP", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"];
    let sockets = begun.map(|bytes| {
        let mut socket = TcpStream::connect(server.http2).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.write_all(bytes).unwrap();
        socket
    });
    for mut socket in sockets {
        let mut told = Vec::new();
        // However it ends.
        let ended = socket.read_to_end(&mut told);
        assert!(!matches!(&ended, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock), "{ended:?}");
    }
}

#[test]
fn a_taken_port_is_told_with_its_option() {
    let server = Served::start(&[]);
    let ended = run(TIDEWIRE, &["serve", "--listen", "0", "--http2", &server.http2.to_string()], b"");
    assert_eq!(ended.code, Some(9));
    assert!(ended.stderr.contains("tidewire serve --http2 127.0.0.1:"), "{}", ended.stderr);
}

struct Served {
    running: Running,
    http1: SocketAddr,
    http2: SocketAddr,
}

impl Served {
    fn start(arguments: &[&str]) -> Self {
        let running = Running::start(TIDEWIRE, &[&["serve", "--listen", "0", "--http2", "0"], arguments].concat());
        let [http1, http2] = [running.line(), running.line()].map(|line| {
            let (_, address) = line.split_once("http://").unwrap_or_else(|| panic!("no address: {line}"));
            address.parse().unwrap()
        });
        Self { running, http1, http2 }
    }

    fn url(&self, channel: &str) -> String {
        format!("http://{}/v1/events?channel={channel}", self.http2)
    }

    /// Follows a channel, from its first event on.
    async fn follow(&self, client: &Http, channel: &str) -> EventSource<Http, TokioTimer> {
        let mut source = EventSource::new(client.clone(), Config::new(self.url(channel).parse().unwrap()));
        loop {
            match source.next().await {
                Some(Event::Message(message)) if message.event_type() == "connected" => return source,
                Some(Event::Opened { .. } | Event::Retry(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

type Http = Client<HttpConnector, Full<Bytes>>;

fn client() -> Http {
    Client::builder(TokioExecutor::new()).http2_only(true).build_http()
}

/// Waits for the next text.
async fn next(source: &mut EventSource<Http, TokioTimer>) -> String {
    match source.next_message().await {
        Ok(Some(message)) => {
            let envelope: serde_json::Value = serde_json::from_str(message.data()).unwrap();
            envelope["data"].as_str().unwrap_or_else(|| panic!("{message:?}")).to_owned()
        }
        other => panic!("{other:?}"),
    }
}

fn publish_lines(address: SocketAddr, channel: &str, count: usize) {
    publish(address, channel, (0..count).map(|number| number.to_string()));
}

fn publish_text(address: SocketAddr, channel: &str, count: usize, text: &str) {
    publish(address, channel, std::iter::repeat_n(text.to_owned(), count));
}

fn publish(address: SocketAddr, channel: &str, texts: impl Iterator<Item = String>) {
    let mut publishing = Running::start(TIDEWIRE, &["publish", &address.to_string(), "-c", channel, "--lines"]);
    for text in texts {
        publishing.write(format!("{text}\n").as_bytes());
        publishing.line();
    }
    assert_eq!(publishing.end().code, Some(0));
}

fn curl(arguments: &[&str]) -> String {
    let output = Command::new("curl").args(["-s", "--max-time", "20"]).args(arguments).output().expect("curl is there");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn on_tokio<F: Future>(test: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(PATIENCE, test).await }).expect("the test ends in time")
}

const PATIENCE: Duration = Duration::from_secs(60);
