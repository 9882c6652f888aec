//! Body of the fuzz target for `client`: whatever network, time and application do, in whatever order, the machine keeps
//! the contract (the driver of `client.rs` looks after it), and cuts change nothing.
//!
//! An input has lines. The first says how to cut what is received ([`fuzz::chunks`]), the second is letters that configure
//! the client (`configure`), each other one a step: a letter and its argument (`step`).

use core::time::Duration;

use tidewire_core::client::{
    Config, ConnectError, ContentType, Decision, Event, FailureHook, FirstConnection, Marks, Progress, Proxies, Proxy,
    RequestHook, Resend, Restart, RetryStatus, State,
};
use tidewire_core::http::Method;
use tidewire_core::http::coding::Codings;
use tidewire_core::{Closing, Protocol, UnixTime};

use crate::client::{CHUNKED, Client, UNTIL_CLOSE, config_post};
use crate::coding;
use crate::fuzz;

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

/// Plays a script and returns all events, the requests that were sent and how it ended.
fn play(letters: &[u8], lengths: &[u8], steps: &[&[u8]]) -> (Vec<Event>, Vec<String>, State, String) {
    let config = configure(letters);
    let mut client = if letters.contains(&b's') { Client::stepwise(config) } else { Client::new(config) };
    let mut requests = Vec::new();
    for line in steps {
        let Some((&letter, argument)) = line.split_first() else { continue };
        step(&mut client, letter, argument, lengths, &mut requests);
        let attempts = client.machine.attempt();
        assert!(attempts <= 1 + 201 * (MAX_STEPS as u64), "attempts cost steps");
    }
    client.settle();
    let id = client.machine.last_event_id().to_owned();
    (client.events, requests, client.machine.state(), id)
}

fn configure(letters: &[u8]) -> Config {
    let mut config = config_post("{}");
    config.method = Method::GET;
    for letter in letters {
        match letter {
            b'p' => config.method = Method::POST,
            b'a' => config.resend = Resend::Always,
            b'x' => config.proxies = Proxies::all(Proxy::parse("u:p@proxy.test").expect("a proxy")),
            b'n' => config.reconnect = false,
            b't' => config.retry_status = RetryStatus::TRANSIENT,
            b'd' => config.retry_status = RetryStatus::ALL,
            b'r' => config.resend = Resend::Refused,
            b'g' => config.resend = Resend::ByGet,
            b'm' => config.max_failures = Some(3),
            b'v' => config.first_connection = FirstConnection::Never,
            b'w' => config.first_connection = FirstConnection::Within(Duration::from_secs(20)),
            b'i' => config.total_timeout = Some(Duration::from_secs(100)),
            b'y' => config.first_byte_timeout = Some(Duration::from_secs(3)),
            b'h' => config.on_failure = Some(FailureHook::new(|failure| DECISIONS[failure.attempt as usize % 5])),
            b'b' => {
                config.before_request = Some(RequestHook::new(|request, attempt| {
                    let reference = ["/events?x", "http://b.test/", "?", "/y"][attempt as usize % 4];
                    request.url = request.url.join(reference).expect("a good reference");
                }));
            }
            b'k' => {
                config.marks = Marks::none().end_data("[DONE]").error_event("error").skip_event("ping").skip_empty();
            }
            b'q' => config.max_answer = Some(20),
            b'c' => config.codings = Codings::ALL,
            b'f' => config.content_type = ContentType::Lenient,
            b'e' => config.content_type = ContentType::Any,
            b'j' => config.backoff.jitter = 0.5,
            b'z' => config.backoff.base = Duration::ZERO,
            b'l' => {
                config.limits.max_line = 20;
                config.limits.max_event = 30;
                config.head_limits.max_bytes = 200;
                config.max_error_body = 10;
                config.max_redirects = 2;
            }
            b'o' => (config.connect_timeout, config.head_timeout, config.read_timeout) = (None, None, None),
            _ => {}
        }
    }
    config
}

fn step(client: &mut Client, letter: u8, argument: &[u8], lengths: &[u8], requests: &mut Vec<String>) {
    let number = argument.iter().fold(0u64, |sum, &byte| (sum * 31 + u64::from(byte)) % 200_000);
    let mut receive = |bytes: &[u8]| {
        for piece in fuzz::chunks(bytes, lengths) {
            client.receive(piece);
        }
        // Nothing is cut into no pieces; the driver looks after the machine all the same.
        client.settle();
    };
    match letter {
        b'a' => {
            client.settle();
            if client.machine.closing() == Closing::No && !client.connected {
                requests.push(client.accept());
            }
        }
        b'f' => client.refuse(ERRORS[number as usize % ERRORS.len()].clone()),
        // A step of connecting, in whatever order.
        b'g' => {
            let steps = [Progress::Resolved, Progress::Connected, Progress::Tunnelled];
            let attempt = client.machine.attempt().saturating_sub(number / 3 % 2);
            client.machine.handle_progress(client.now, attempt, steps[number as usize % 3]);
        }
        // What comes in.
        b'S' => receive(UNTIL_CLOSE.as_bytes()),
        b'C' => receive(CHUNKED.as_bytes()),
        b'G' => receive(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\n"),
        b'J' => receive(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: deflate\r\n\r\n"),
        b'z' => receive(&coding::gzip(&[argument, b"\n\n"].concat())),
        b'Z' => receive(&coding::zlib(argument)),
        b'H' => receive(&[b"HTTP/1.1 ", argument, b"\r\n"].concat()),
        b'R' => receive(&[b"HTTP/1.1 302 Found\r\nLocation: ", argument, b"\r\n\r\n"].concat()),
        b'd' => receive(&[argument, b"\n"].concat()),
        b'D' => receive(&[argument, b"\r\n"].concat()),
        b'r' => receive(argument),
        b'c' => receive(&[format!("{:x}\r\n", argument.len() + 1).as_bytes(), argument, b"\n\r\n"].concat()),
        b'0' => receive(b"0\r\n\r\n"),
        // The same, while the application does not take events.
        b'u' => {
            for piece in fuzz::chunks(&[argument, b"\n"].concat(), lengths) {
                client.machine.handle_input(client.now, piece);
            }
        }
        b'U' => {
            client.machine.handle_input(client.now, UNTIL_CLOSE.as_bytes());
            client.machine.handle_eof(client.now);
            client.machine.restart(client.now, Restart::AtOnce);
        }
        b'e' => client.eof(),
        b'E' => client.machine.handle_eof(client.now),
        b'x' => client.reset(),
        b'X' => client.machine.handle_reset(client.now),
        // Time.
        b't' => client.advance(Duration::from_millis(number)),
        b'T' => {
            client.now = client.now + Duration::from_millis(number);
            client.machine.handle_timeout(client.now);
        }
        b'N' => client.machine.handle_clock(client.now, UnixTime::from_millis(784_111_700_000 + number)),
        // The application.
        b'q' => client.restart(Restart::AtOnce),
        b'w' => client.restart(Restart::AfterDelay),
        b'Q' => client.machine.restart(client.now, Restart::AfterDelay),
        b'k' => client.close(),
        b'K' => client.machine.close(client.now),
        b'p' => client.take_event(),
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

const ERRORS: [ConnectError; 9] = [
    ConnectError::Resolve,
    ConnectError::Refused,
    ConnectError::TimedOut,
    ConnectError::Unreachable,
    ConnectError::NotFound,
    ConnectError::ProxyRefused { status: 407 },
    ConnectError::ProxyRefused { status: 503 },
    ConnectError::NoTls,
    ConnectError::Other,
];

/// More steps than this find nothing that fewer do not.
const MAX_STEPS: usize = 200;
