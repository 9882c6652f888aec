//! Servers that leave at every state, over real sockets, on both runtimes: they end their side, they are gone, they break the
//! connection, they say nothing more. `client_hostile` has every byte of it under fake time.

#[path = "support/lines.rs"]
#[allow(dead_code, reason = "shared with another target")]
mod lines;
#[allow(dead_code, unused_imports, reason = "shared with another target")]
#[path = "support/on_smol.rs"]
mod on_smol;
#[allow(dead_code, unused_imports, reason = "shared with another target")]
#[path = "support/on_tokio.rs"]
mod on_tokio;

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tidewire_core::client::{Config, Event, Reason};
use tidewire_tests::client::{CHUNKED, UNTIL_CLOSE, chunk, response};

use crate::lines::PATIENCE;

/// How a server leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaves {
    /// It ends its side, and waits for us to leave.
    HalfClosed,
    /// It closes.
    Closed,
    /// It breaks the connection.
    Reset,
    /// It says nothing more, and waits for us to leave.
    Silent,
}

/// A connection as a server treats it.
#[derive(Clone, Debug)]
struct Case {
    framing: &'static str,
    /// Where in the response it leaves.
    state: &'static str,
    sent: String,
    /// How many messages are whole in it.
    messages: usize,
    leaves: Leaves,
}

impl Case {
    /// Why the client says that it lost the connection.
    fn is_told(&self, reason: &Reason) -> bool {
        let in_head = matches!(self.state, "nothing" | "half a head");
        match (self.leaves, self.framing, self.state) {
            (_, _, "all") => matches!(reason, Reason::Ended { mid_event: false }),
            (Leaves::Silent, ..) if in_head => matches!(reason, Reason::HeadTimeout { .. }),
            // The head may be as late as the rest.
            (Leaves::Silent, ..) => matches!(reason, Reason::ReadTimeout { .. } | Reason::HeadTimeout { .. }),
            (Leaves::Reset, ..) => matches!(reason, Reason::Reset),
            _ if in_head => matches!(reason, Reason::NoResponse),
            (_, "until close", state) => *reason == Reason::Ended { mid_event: state == "half an event" },
            _ => matches!(reason, Reason::Body(_)),
        }
    }
}

/// Each framing, each state, each way to leave.
fn cases() -> Vec<Case> {
    let (whole, half) = ("id: 1\ndata: a\n\n", "id: 2\ndata: b");
    let stream = "Content-Type: text/event-stream\r\n";
    let long = format!("HTTP/1.1 200 OK\r\n{stream}Content-Length: 1000\r\n\r\n");
    let mut cases = Vec::new();
    for (framing, head) in [("until close", UNTIL_CLOSE), ("chunked", CHUNKED), ("length", &long)] {
        let body = |text: &str| if framing == "chunked" { chunk(text) } else { text.to_owned() };
        let mut states = vec![
            ("nothing", String::new(), 0),
            ("half a head", head[..head.len() / 2].to_owned(), 0),
            ("a head", head.to_owned(), 0),
            ("an event", format!("{head}{}", body(whole)), 1),
            ("half an event", format!("{head}{}{}", body(whole), body(half)), 1),
        ];
        match framing {
            "chunked" => {
                states.push(("half a chunk", format!("{head}{}ff\r\n{half}", body(whole)), 1));
                states.push(("all", format!("{head}{}0\r\n\r\n", body(whole)), 1));
            }
            "length" => states.push(("all", response("200 OK", stream, whole), 1)),
            _ => {}
        }
        for (state, sent, messages) in states {
            for leaves in [Leaves::HalfClosed, Leaves::Closed, Leaves::Reset, Leaves::Silent] {
                cases.push(Case { framing, state, sent: sent.clone(), messages, leaves });
            }
        }
    }
    cases
}

/// Treats one connection after the other as its case says; panics where a client stays that should have left.
fn serve(cases: Vec<Case>) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let server = thread::spawn(move || {
        for case in cases {
            let (mut peer, _) = listener.accept().expect("accepts");
            peer.set_read_timeout(Some(PATIENCE)).expect("sets it");
            let mut lines = BufReader::new(peer.try_clone().expect("clones")).lines();
            while !lines.next().expect("a head").expect("text").is_empty() {}
            drop(lines);
            peer.write_all(case.sent.as_bytes()).expect("is heard");
            match case.leaves {
                Leaves::HalfClosed => {
                    peer.shutdown(Shutdown::Write).expect("is connected");
                    assert!(is_left(&mut peer), "{case:?}");
                }
                Leaves::Silent => assert!(is_left(&mut peer), "{case:?}"),
                Leaves::Closed => {}
                Leaves::Reset => {
                    // A close that discards what was not sent is a reset.
                    let socket = socket2::SockRef::from(&peer);
                    socket.set_linger(Some(Duration::ZERO)).expect("sets it");
                }
            }
        }
    });
    (address, server)
}

/// Waits for the end, polite or not.
fn is_left(peer: &mut TcpStream) -> bool {
    match peer.read(&mut [0]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

/// Sets deadlines: short where the server will say nothing more, else those of the test.
fn set_deadlines(config: &mut Config, case: Option<&Case>) {
    let silent = case.is_some_and(|case| case.leaves == Leaves::Silent && case.state != "all");
    let deadline = Some(if silent { Duration::from_millis(30) } else { PATIENCE });
    (config.head_timeout, config.read_timeout) = (deadline, deadline);
}

fn config(address: SocketAddr) -> Config {
    let mut config = Config::new(format!("http://{address}/").parse().expect("a URL"));
    config.backoff.base = Duration::from_millis(1);
    config.backoff.doubling = false;
    config
}

/// Goes through the cases with the events of a client.
struct Walk<'a> {
    left: std::slice::Iter<'a, Case>,
    case: Option<&'a Case>,
    messages: usize,
}

impl<'a> Walk<'a> {
    fn new(cases: &'a [Case], config: &mut Config) -> Self {
        let mut walk = Self { left: cases.iter(), case: None, messages: 0 };
        walk.next_case(config);
        walk
    }

    fn goes_on(&self) -> bool {
        self.case.is_some()
    }

    fn next_case(&mut self, config: &mut Config) {
        self.messages = 0;
        self.case = self.left.next();
        set_deadlines(config, self.case);
    }

    fn take(&mut self, event: Event, config: &mut Config) {
        let case = self.case.expect("it goes on");
        match event {
            Event::Message(_) => self.messages += 1,
            Event::Disconnected { reason, .. } => {
                assert!(case.is_told(&reason), "{case:?}: {reason:?}");
                // What a reset overtakes is lost; so is what is later than a deadline.
                let may_miss = matches!(case.leaves, Leaves::Reset | Leaves::Silent);
                assert!(self.messages <= case.messages && (may_miss || self.messages == case.messages), "{case:?}");
                self.next_case(config);
            }
            event => assert!(matches!(event, Event::Opened { .. }), "{case:?}: {event:?}"),
        }
    }
}

#[test]
fn a_server_may_leave_at_every_state_and_the_blocking_client_goes_on() {
    let cases = cases();
    let (address, server) = serve(cases.clone());
    let mut source = tidewire_std::EventSource::new(config(address));
    let mut walk = Walk::new(&cases, source.config_mut());
    while walk.goes_on() {
        let event = source.next().expect("it goes on");
        walk.take(event, source.config_mut());
    }
    assert_eq!(source.machine().attempt(), cases.len() as u64, "each connection was one attempt");
    assert_eq!(source.machine().last_event_id(), "1", "half an event brings no id");
    server.join().expect("no panic");
}

macro_rules! suite {
    ($name:ident, $runtime:ident) => {
        mod $name {
            use super::*;
            use crate::$runtime::{EventSource, assert_here, run};

            #[test]
            fn a_server_may_leave_at_every_state_and_the_client_goes_on() {
                run(async {
                    assert_here();
                    let cases = cases();
                    let (address, server) = serve(cases.clone());
                    let mut source = EventSource::new(config(address));
                    let mut walk = Walk::new(&cases, source.config_mut());
                    while walk.goes_on() {
                        let event = source.next().await.expect("it goes on");
                        walk.take(event, source.config_mut());
                    }
                    assert_eq!(source.machine().attempt(), cases.len() as u64, "each connection was one attempt");
                    assert_eq!(source.machine().last_event_id(), "1", "half an event brings no id");
                    server.join().expect("no panic");
                });
            }

            #[test]
            fn a_storm_of_connections_that_are_reset_at_once_is_weathered() {
                run(async {
                    const STORM: usize = 300;
                    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
                    let mut config = config(listener.local_addr().expect("bound"));
                    config.backoff.base = Duration::ZERO;
                    let mut source = EventSource::new(config);
                    let server = thread::spawn(move || {
                        for _ in 0..STORM {
                            let (peer, _) = listener.accept().expect("accepts");
                            socket2::SockRef::from(&peer).set_linger(Some(Duration::ZERO)).expect("sets it");
                        }
                        let (mut peer, _) = listener.accept().expect("accepts");
                        peer.write_all(format!("{UNTIL_CLOSE}data: calm\n\n").as_bytes()).expect("is heard");
                        is_left(&mut peer);
                    });
                    let mut lost = 0;
                    loop {
                        match source.next().await.expect("it goes on") {
                            Event::Disconnected { reason, .. } => {
                                assert!(matches!(reason, Reason::Reset | Reason::Connect(_)), "{reason:?}");
                                lost += 1;
                            }
                            Event::Message(message) => break assert_eq!(message.data(), "calm"),
                            event => assert!(matches!(event, Event::Opened { .. }), "{event:?}"),
                        }
                    }
                    assert_eq!(lost, STORM);
                    drop(source);
                    let _ = server.join();
                });
            }
        }
    };
}

suite!(tokio, on_tokio);
suite!(smol, on_smol);
