//! Streams in gzip, compressed once for all, read by real clients: each burst is there when it was written, and the end is clean.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use tidewire_core::log::{Burst, Packer};
use tidewire_core::server::{Config, End, Event, Reply, Request, Session, StreamHead};
use tidewire_core::{Closing, Instant, Protocol, UnixTime};
use tidewire_tests::chromium::Chromium;

const NOW: Instant = Instant::START;

/// A server whose streams give what the test says.
struct Server {
    address: SocketAddr,
    /// A stream was opened: what it is to give, and `None` to end it.
    streams: Receiver<Sender<Option<Burst>>>,
    reports: Receiver<String>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let ((opened, streams), (reported, reports)) = (channel(), channel());
        thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let (opened, reported) = (opened.clone(), reported.clone());
                thread::spawn(move || serve(socket, &opened, &reported));
            }
        });
        Self { address, streams, reports }
    }
}

fn serve(mut socket: TcpStream, opened: &Sender<Sender<Option<Burst>>>, reported: &Sender<String>) -> Option<()> {
    let mut session = Session::new(Config::default(), NOW, UnixTime::default(), 1);
    let mut buffer = [0; 4_096];
    while session.closing() == Closing::No {
        let read = socket.read(&mut buffer).ok().filter(|read| *read > 0)?;
        session.handle_input(NOW, &buffer[..read]);
        let Some(Event::Request(request)) = session.poll_event() else { continue };
        match &*request.head.target {
            "/stream" => return stream(&mut socket, &mut session, &request, opened),
            target => {
                if target == "/report" {
                    reported.send(String::from_utf8_lossy(&request.body).into_owned()).ok()?;
                }
                let mut reply = Reply::new(200);
                reply.fields.append("content-type", "text/html").unwrap();
                reply.body = PAGE.into();
                session.reply(NOW, reply).ok()?;
                write(&mut socket, &mut session)?;
            }
        }
    }
    None
}

fn stream(
    socket: &mut TcpStream,
    session: &mut Session,
    request: &Request,
    opened: &Sender<Sender<Option<Burst>>>,
) -> Option<()> {
    let mut head = StreamHead::default();
    head.negotiate(&request.head.fields).unwrap();
    assert_eq!(head.coding.map(|coding| coding.name()), Some("gzip"), "the client asks for it");
    session.start_stream(NOW, head).ok()?;
    write(socket, session)?;
    let (give, given) = channel();
    opened.send(give).ok()?;
    while let Ok(Some(burst)) = given.recv() {
        session.push_burst(NOW, &burst).unwrap();
        write(socket, session)?;
    }
    session.end_stream(NOW, End { last: Some(b"data: bye\n\n"), ..End::default() });
    write(socket, session)
}

fn write(socket: &mut TcpStream, session: &mut Session) -> Option<()> {
    while let Some(piece) = session.poll_transmit() {
        socket.write_all(&piece).ok()?;
    }
    Some(())
}

/// Bursts that compress and one that is stored, all packed once.
fn bursts() -> Vec<(Burst, String)> {
    let mut packer = Packer::new();
    let texts = ["short".to_owned(), "long ".repeat(40), "very long ".repeat(10_000), "short again".to_owned()];
    texts
        .into_iter()
        .map(|text| {
            (packer.pack(&Burst::new(format!("data: {text}\n\n").as_bytes())).clone(), text.trim_end().to_owned())
        })
        .collect()
}

#[test]
fn curl_has_each_burst_at_once_and_a_clean_end() {
    for version in ["--http1.1", "--http1.0"] {
        let server = Server::start();
        let mut curl = Command::new("curl")
            .args(["--compressed", "--no-buffer", "--silent", "--show-error", "--fail", version])
            .arg(format!("http://{}/stream", server.address))
            .stdout(Stdio::piped())
            .spawn()
            .expect("curl starts (tests/run installs it)");
        let mut lines = BufReader::new(curl.stdout.take().unwrap()).lines().map(Result::unwrap);
        let give = server.streams.recv().unwrap();
        for (burst, text) in bursts() {
            give.send(Some(burst)).unwrap();
            // The next one is not given before this one is there.
            assert_eq!(lines.next().unwrap().trim_end(), format!("data: {text}"));
            assert_eq!(lines.next().unwrap(), "");
        }
        give.send(None).unwrap();
        assert_eq!(lines.collect::<Vec<_>>(), ["data: bye", ""]);
        assert_eq!(curl.wait().unwrap().code(), Some(0), "the checksum is right, and nothing is missing");
    }
}

#[test]
fn chromium_has_each_burst_at_once() {
    let server = Server::start();
    let _chromium = Chromium::open(&format!("http://{}/page", server.address));
    let give = server.streams.recv().unwrap();
    assert_eq!(server.reports.recv().unwrap(), "open");
    for (burst, text) in bursts() {
        give.send(Some(burst)).unwrap();
        assert_eq!(server.reports.recv().unwrap().trim_end(), text);
    }
    give.send(None).unwrap();
    assert_eq!(server.reports.recv().unwrap(), "bye");
}

/// Four readers of one compression, each at a place of its own.
#[test]
fn readers_that_share_a_compression_read_the_same() {
    let server = Server::start();
    let bursts = bursts();
    for from in 0..bursts.len() {
        let mut curl = Command::new("curl")
            .args(["--compressed", "--no-buffer", "--silent", "--fail"])
            .arg(format!("http://{}/stream", server.address))
            .stdout(Stdio::piped())
            .spawn()
            .expect("curl starts (tests/run installs it)");
        let give = server.streams.recv().unwrap();
        for (burst, _) in &bursts[from..] {
            give.send(Some(burst.clone())).unwrap();
        }
        give.send(None).unwrap();
        let mut output = String::new();
        curl.stdout.take().unwrap().read_to_string(&mut output).unwrap();
        assert!(curl.wait().unwrap().success());
        let expected: Vec<&str> = bursts[from..].iter().map(|(_, text)| text.as_str()).chain(["bye"]).collect();
        let got: Vec<&str> =
            output.split_terminator("\n\n").map(|event| event.trim_start_matches("data: ").trim_end()).collect();
        assert!(got == expected, "from {from}");
    }
}

const PAGE: &str = r#"<!doctype html><meta charset="utf-8"><title>gzip</title><link rel="icon" href="data:,"><script>
let queue = Promise.resolve();
const report = (text) => { queue = queue.then(() => fetch("/report", { method: "POST", body: text })); };
const source = new EventSource("/stream");
source.addEventListener("open", () => report("open"));
source.addEventListener("error", () => source.close());
source.addEventListener("message", (event) => report(event.data));
</script>"#;
