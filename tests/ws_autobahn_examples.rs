//! The numbered cases against the examples `echo` and `echo-client` of both runtimes, over sockets: each case whole, in one write, so that
//! what ends it comes right behind what is to be answered before. That is what the fuzzing client and server of the field do.

#[allow(dead_code, reason = "shared with another target")]
#[path = "support/examples.rs"]
mod examples;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use tidewire_core::ws::Role;
use tidewire_tests::naive_peer::Peer;
use tidewire_tests::vectors_ws::cases;
use tidewire_tests::ws_echo::other;
use tidewire_tests::ws_script::{Script, answers, fits};

/// Returns all cases as one end of ours is to meet them.
fn scripts(role: Role) -> Vec<Script> {
    let scripts: Vec<Script> = FILES.iter().flat_map(|file| cases(file)).map(|case| Script::new(&case, role)).collect();
    assert!(scripts.len() > 247);
    scripts
}

/// Sends the whole of a case, and holds what comes until the end against it.
fn play(script: &Script, mut socket: TcpStream, mut came: Vec<u8>) {
    let Script { name, .. } = script;
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
    socket.write_all(&script.stream).expect("writes");
    let mut peer = Peer::new(other(script.role));
    let mut frames = Vec::new();
    let mut bytes = vec![0; 65_536];
    loop {
        peer.take(&came);
        frames.extend(std::iter::from_fn(|| peer.read()));
        // A client waits until the server has ended the connection (RFC 6455 §7.1.1).
        if script.role == Role::Client && frames.last().is_some_and(|frame| frame.opcode == 8) {
            break;
        }
        let len = match socket.read(&mut bytes) {
            Ok(0) => break,
            Ok(len) => len,
            Err(error) => panic!("{name}: {error} after {} frames", frames.len()),
        };
        came = bytes[..len].to_vec();
    }
    let there = answers(&frames);
    let all = there.iter().zip(&script.answers).all(|(answer, due)| fits(answer, &due.answer));
    let [got, wanted] = [there.len(), script.answers.len()];
    assert!(all && got == wanted, "{name}: {got} answers, not {wanted}, or others: the last is {:?}", there.last());
}

/// Reads a head of HTTP; returns it and what follows it.
fn head(socket: &mut TcpStream) -> (String, Vec<u8>) {
    let mut came = Vec::new();
    let mut bytes = [0; 4096];
    loop {
        let len = socket.read(&mut bytes).expect("reads");
        assert!(len > 0, "the head is cut");
        came.extend_from_slice(&bytes[..len]);
        if let Some(at) = came.windows(4).position(|end| end == b"\r\n\r\n") {
            let rest = came.split_off(at + 4);
            return (String::from_utf8(came).expect("text"), rest);
        }
    }
}

macro_rules! suite {
    ($runtime:ident) => {
        mod $runtime {
            use std::process::{Command, Stdio};

            use tidewire_core::http::{Method, RequestHead};
            use tidewire_core::ws::{Config, Upgrade};

            use super::*;
            use crate::examples::{Example, program};

            #[test]
            fn the_server_answers_every_case_strictly() {
                let echo = Example::start(stringify!($runtime), "echo", &["0"]);
                let line = echo.line();
                let address = line.split("ws://").nth(1).and_then(|rest| rest.split('/').next()).expect("an address");
                for script in scripts(Role::Server) {
                    let mut socket = TcpStream::connect(address).expect("connects");
                    let request = format!(
                        "GET /echo HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
                    );
                    socket.write_all(request.as_bytes()).expect("asks");
                    let (head, rest) = head(&mut socket);
                    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
                    play(&script, socket, rest);
                }
            }

            #[test]
            fn the_client_answers_every_case_strictly() {
                let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
                let url = format!("ws://{}/runCase", listener.local_addr().expect("bound"));
                for script in scripts(Role::Client) {
                    let mut client = Command::new(program(stringify!($runtime), "echo-client"))
                        .args([&url[..], "tidewire"])
                        .stdin(Stdio::null())
                        .stdout(Stdio::null())
                        .stderr(Stdio::null())
                        .spawn()
                        .expect("it starts");
                    let (mut socket, _) = listener.accept().expect("accepts");
                    let (asked, rest) = head(&mut socket);
                    let key = asked.lines().find_map(|line| {
                        let (name, value) = line.split_once(':')?;
                        name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim().to_owned())
                    });
                    let mut answer = Vec::new();
                    accepted(&key.expect("a key")).encode(&mut answer);
                    socket.write_all(&answer).expect("answers");
                    play(&script, socket, rest);
                    client.wait().expect("a child of ours");
                }
            }

            /// Returns the answer to a request with this key.
            fn accepted(key: &str) -> tidewire_core::http::ResponseHead {
                let mut request = RequestHead::new(Method::GET, "/");
                for (name, value) in [
                    ("host", "localhost"),
                    ("upgrade", "websocket"),
                    ("connection", "Upgrade"),
                    ("sec-websocket-version", "13"),
                    ("sec-websocket-key", key),
                ] {
                    request.fields.set(name, value).expect("a field");
                }
                let upgrade = Upgrade::of(&request).expect("a request");
                upgrade.accept(None, &Config::default()).expect("no subprotocol").into_head()
            }
        }
    };
}

suite!(tokio);
suite!(smol);

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Those of the core without load and compression.
const FILES: [&str; 10] = [
    "1-framing.txt",
    "2-pings.txt",
    "3-reserved-bits.txt",
    "4-opcodes.txt",
    "5-fragments.txt",
    "6-utf-8.txt",
    "6-utf-8-signs.txt",
    "7-close.txt",
    "10-auto-fragments.txt",
    "more.txt",
];
