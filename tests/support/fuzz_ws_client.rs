//! Body of the fuzz target for `client::WebSocket`: whatever network, time and application do, in whatever order, the machine keeps the
//! contract (the driver of `ws_client.rs` looks after it), and cuts change nothing.
//!
//! An input has lines. The first says how to cut what is received ([`fuzz::chunks`]), the second is letters that configure the client
//! (`configure`), each other one a step: a letter and its argument (`step`).

use core::time::Duration;

use tidewire_core::client::{
    CloseCodes, ConnectError, Decision, FailureHook, FirstConnection, OpenHook, Proxies, Proxy, Restart, RetryStatus,
    State, WebSocketConfig, WebSocketEvent,
};
use tidewire_core::ws::{CloseCode, deflate};
use tidewire_core::{Closing, Protocol, UnixTime};

use crate::fuzz;
use crate::ws_client::{BINARY, CLOSE, Client, PING, PONG, TEXT, close_frame, config, frame};

/// Plays `input` twice, once with the cuts it names and once without, and compares the events.
pub fn machine(input: &[u8]) {
    let (lengths, rest) = fuzz::split_line(input);
    let (letters, script) = fuzz::split_line(rest);
    let steps: Vec<&[u8]> = script.split(|&byte| byte == b'\n').take(MAX_STEPS).collect();
    let whole = play(letters, &[], &steps);
    if !lengths.is_empty() {
        let cut = play(letters, lengths, &steps);
        assert_eq!(cut, whole, "cuts change nothing");
    }
}

/// Plays a script and returns all events and how it ended.
fn play(letters: &[u8], lengths: &[u8], steps: &[&[u8]]) -> (Vec<WebSocketEvent>, State) {
    let mut client = Client::new(configure(letters));
    for line in steps {
        let Some((&letter, argument)) = line.split_first() else { continue };
        step(&mut client, letter, argument, lengths);
        // The server of the test objects to what no server may be sent.
        client.seen();
    }
    client.settle();
    (client.events, client.machine.state())
}

fn configure(letters: &[u8]) -> WebSocketConfig {
    let mut config = config();
    for letter in letters {
        match letter {
            b'x' => config.http.proxies = Proxies::all(Proxy::parse("u:p@proxy.test").expect("a proxy")),
            b'n' => config.http.reconnect = false,
            b't' => config.token = Some("secret".into()),
            b's' => config.protocols = vec!["a".into(), "b".into()],
            b'd' => config.http.retry_status = RetryStatus::ALL,
            b'r' => config.http.max_redirects = 2,
            b'm' => config.http.max_failures = Some(3),
            b'v' => config.http.first_connection = FirstConnection::Never,
            b'w' => config.http.first_connection = FirstConnection::Within(Duration::from_secs(20)),
            b'i' => config.http.total_timeout = Some(Duration::from_secs(100)),
            b'h' => {
                config.http.on_failure = Some(FailureHook::new(|failure| DECISIONS[failure.attempt as usize % 5]));
            }
            b'o' => {
                config.on_open =
                    Some(OpenHook::new(|opened| (0..opened.reconnections % 4).map(|_| "subscribe".into()).collect()))
            }
            b'j' => config.http.backoff.jitter = 0.5,
            b'z' => config.http.backoff.base = Duration::ZERO,
            b'a' => config.come_back = CloseCodes::ALL,
            b'y' => config.come_back = CloseCodes::NEVER,
            b'c' => config.connection_mut().deflate = Some(deflate::Config::default()),
            b'p' => config.connection_mut().ping_interval = None,
            b'f' => config.connection_mut().fragment = Some(3),
            b'l' => {
                let connection = config.connection_mut();
                (connection.limits.max_frame, connection.limits.max_message) = (20, 30);
                (connection.limits.max_fragments, connection.max_queued_frames) = (3, 2);
                config.http.head_limits.max_bytes = 300;
                config.http.max_error_body = 10;
            }
            _ => {}
        }
    }
    config
}

fn step(client: &mut Client, letter: u8, argument: &[u8], lengths: &[u8]) {
    let number = argument.iter().fold(0u64, |sum, &byte| (sum * 31 + u64::from(byte)) % 200_000);
    let text = String::from_utf8_lossy(argument);
    let receive = |client: &mut Client, bytes: &[u8]| {
        for piece in fuzz::chunks(bytes, lengths) {
            client.receive(piece);
        }
        // Nothing is cut into no pieces; the driver looks after the machine all the same.
        client.settle();
    };
    match letter {
        b'a' => {
            client.settle();
            if client.machine.closing() == Closing::No && client.machine.connection().is_none() && !client.connected {
                client.accept();
            }
        }
        b'f' if !client.connects.is_empty() => client.refuse(ERRORS[number as usize % ERRORS.len()].clone()),
        // The answer to the request.
        b'g' => {
            let answer = client.last_agreement("");
            receive(client, &answer);
        }
        b'G' => {
            let fields = ["Sec-WebSocket-Extensions: permessage-deflate", "Sec-WebSocket-Protocol: b", "X: y"];
            let answer = client.last_agreement(&format!("{}\r\n", fields[number as usize % 3]));
            receive(client, &answer);
        }
        b'H' => receive(client, &[b"HTTP/1.1 ", argument, b"\r\n"].concat()),
        b'R' => receive(client, &[b"HTTP/1.1 302 Found\r\nLocation: ", argument, b"\r\n\r\n"].concat()),
        b'd' => receive(client, &[argument, b"\r\n"].concat()),
        b'r' => receive(client, argument),
        // Frames.
        b'm' => receive(client, &frame(TEXT, argument)),
        b'b' => receive(client, &frame(BINARY, argument)),
        b'C' => receive(client, &close_frame(1000 + (number % 16) as u16, &text)),
        b'D' => receive(client, &frame(CLOSE, argument)),
        b'P' => receive(client, &frame(PING, argument)),
        b'O' => receive(client, &frame(PONG, argument)),
        b'F' => {
            let (first, payload) = argument.split_first().unwrap_or((&0, &[]));
            let mut bytes = frame(*first & 15, payload);
            // The end of a message or not, reserved bits.
            bytes[0] = (bytes[0] & 15) | (first << 2 & 0xf0);
            receive(client, &bytes);
        }
        // While the application does not take events.
        b'u' => {
            for piece in fuzz::chunks(&frame(TEXT, argument), lengths) {
                client.machine.handle_input(client.now, piece);
            }
        }
        b'U' => {
            client.machine.handle_input(client.now, &frame(TEXT, argument));
            client.machine.handle_eof(client.now);
            client.machine.restart(client.now, Restart::AtOnce);
        }
        b'e' => client.eof(),
        b'E' => client.machine.handle_eof(client.now),
        b'x' => client.reset(),
        b'X' => client.machine.handle_reset(client.now),
        // Time.
        b't' => client.advance(Duration::from_millis(number)),
        b'N' => client.machine.handle_clock(client.now, UnixTime::from_millis(784_111_700_000 + number)),
        // The application.
        // What is refused is refused.
        b's' => _ = client.machine.send_text(client.now, &text),
        b'S' => {
            let _ = client.machine.send_binary(client.now, argument);
            client.settle();
        }
        b'p' => _ = client.machine.ping(client.now, argument),
        b'w' => client.writes = !client.writes,
        b'T' => client.machine.set_token(Some(text.into())),
        b'q' => client.restart(Restart::AtOnce),
        b'Q' => client.restart(Restart::AfterDelay),
        b'k' => client.close(),
        b'K' => {
            let _ = client.machine.close_with(client.now, CloseCode::new(4000 + (number % 1001) as u16), &text);
            client.settle();
        }
        _ => {}
    }
}

const DECISIONS: [Decision; 5] = [
    Decision::Default,
    Decision::Retry,
    Decision::RetryIn(Duration::ZERO),
    Decision::RetryIn(Duration::from_secs(50)),
    Decision::Stop,
];

const ERRORS: [ConnectError; 6] = [
    ConnectError::Resolve,
    ConnectError::Refused,
    ConnectError::TimedOut,
    ConnectError::ProxyRefused { status: 407 },
    ConnectError::ProxyRefused { status: 503 },
    ConnectError::NoTls,
];

/// More steps than this find nothing that fewer do not.
const MAX_STEPS: usize = 200;
