//! What a connection that rests costs in memory, plain and secured, of each side. The test counts for its thread, so it stands
//! alone in its binary.

#[allow(dead_code, reason = "shared with another target")]
#[path = "support/lines.rs"]
mod lines;
#[allow(dead_code, unused_imports, reason = "shared with another target")]
#[path = "support/on_smol.rs"]
mod on_smol;
#[allow(dead_code, unused_imports, reason = "shared with another target")]
#[path = "support/on_tokio.rs"]
mod on_tokio;
#[allow(dead_code, reason = "shared with another target")]
#[path = "support/secured.rs"]
mod secured;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use tidewire_tests::authority::Authority;
use tidewire_tls::rustls::{ClientConnection, StreamOwned};
use tidewire_tls::{Client, Server, server_name};

use crate::lines::Flood;
use crate::secured::{Secured, heard};

struct Counting;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: usize, sign: isize) {
    let bytes = isize::try_from(bytes).expect("a layout's size");
    // A thread that ends counts no more.
    let _ = LIVE.try_with(|live| live.set(live.get() + sign * bytes));
}

// SAFETY: every call is the system allocator's, counted.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Connections that are not counted: what all share is made with them.
const FIRST: usize = 8;
const COUNTED: usize = 32;

fn tls() -> (Client, Server) {
    let authority = Authority::new();
    let issued = authority.issue(&["localhost"]);
    let client = Client::only_roots_pem(authority.pem().as_bytes()).expect("roots");
    (client, Server::from_pem(issued.chain.as_bytes(), issued.key.as_bytes()).expect("chain and key"))
}

/// Opens a stream to each client, and keeps it so.
fn open_all(listener: TcpListener, tls: Option<Server>) {
    thread::spawn(move || {
        let mut secured = Vec::new();
        let mut plain = Vec::new();
        loop {
            match &tls {
                Some(tls) => {
                    let mut peer = Secured::accept(&listener, tls).expect("shakes hands");
                    peer.request();
                    peer.say(Flood::HEAD);
                    secured.push(peer);
                }
                None => {
                    let (mut peer, _) = listener.accept().expect("accepts");
                    heard(&mut peer);
                    peer.write_all(Flood::HEAD.as_bytes()).expect("writes");
                    plain.push(peer);
                }
            }
        }
    });
}

/// Follows a stream over each pair of sockets, and says so when it is open.
fn follow_all(ends: Vec<TcpStream>, client: Option<Client>, open: &::smol::channel::Sender<Vec<Box<dyn Read + Send>>>) {
    let follow = |mut stream: Box<dyn Stream>| -> Box<dyn Read + Send> {
        stream.write_all(b"GET /v1/events?channel=c HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("asks");
        heard(&mut stream);
        Box::new(stream)
    };
    let name = server_name("localhost").expect("a name");
    let streams = ends.into_iter().map(|end| match &client {
        None => follow(Box::new(end)),
        Some(client) => {
            let session = ClientConnection::new(client.config().clone(), name.clone()).expect("a client");
            follow(Box::new(StreamOwned::new(session, end)))
        }
    });
    open.send_blocking(streams.collect()).expect("the test waits");
}

trait Stream: Read + Write + Send {}

impl<S: Read + Write + Send> Stream for S {}

macro_rules! suite {
    ($name:ident, $runtime:ident) => {
        mod $name {
            use std::future::{Future, poll_fn};
            use std::mem;
            use std::net::{TcpListener, TcpStream};
            use std::pin::Pin;
            use std::thread;

            use futures_lite::future::poll_once;
            use tidewire_core::api::{self, Api};
            use tidewire_core::channels::{self, Channels};
            use tidewire_core::client::{Config, Event};
            use tidewire_core::server;
            use tidewire_std::{Clock, OsRandom, SharedApi};
            use tidewire_tls::{Client, Server};

            use crate::$runtime::{Connector, EventSource, on_std, run, serve_connection, serve_connection_tls};
            use crate::{COUNTED, FIRST, LIVE, follow_all, open_all, tls};

            /// Bytes that an event source has while it waits for an event.
            fn followed(tls: Option<(Client, Server)>) -> usize {
                let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
                let port = listener.local_addr().expect("bound").port();
                let (client, server) = tls.unzip();
                open_all(listener, server);
                let scheme = if client.is_some() { "https" } else { "http" };
                let url = format!("{scheme}://localhost:{port}/");
                let connector = client.map_or_else(Connector::new, |client| Connector::new().with_tls(client));
                run(async {
                    let mut sources = Vec::with_capacity(FIRST + COUNTED);
                    let mut before = 0;
                    for number in 0..FIRST + COUNTED {
                        if number == FIRST {
                            before = LIVE.get();
                        }
                        let config = Config::new(url.parse().expect("a URL"));
                        let mut source = EventSource::with_connector(config, connector.clone());
                        assert!(matches!(source.next().await, Some(Event::Opened { .. })));
                        assert!(poll_once(source.next()).await.is_none());
                        sources.push(source);
                    }
                    mem::size_of::<EventSource>() + per_connection(before)
                })
            }

            /// Bytes that a server has for a stream that has nothing to send.
            fn served(tls: Option<(Client, Server)>) -> usize {
                let (client, server) = tls.unzip();
                run(async {
                    let clock = Clock::start();
                    let channels = Channels::new(channels::Config::default(), Box::new(OsRandom), clock.now());
                    let api = Api::new(api::Config::default());
                    let shared = SharedApi::new(api, channels, server::Config::default(), clock);
                    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
                    let address = listener.local_addr().expect("bound");
                    let listener = on_std(listener);
                    let mut serving: Vec<Pin<Box<dyn Future<Output = _>>>> = Vec::with_capacity(FIRST + COUNTED);
                    let (mut before, mut kept) = (0, Vec::new());
                    for count in [FIRST, COUNTED] {
                        before = LIVE.get();
                        let (open, opened) = smol::channel::bounded(1);
                        let ends: Vec<_> = (0..count).map(|_| TcpStream::connect(address).expect("connects")).collect();
                        for _ in 0..count {
                            let (io, _) = listener.accept().await.expect("accepts");
                            let (shared, server) = (&shared, &server);
                            serving.push(match server {
                                Some(server) => Box::pin(serve_connection_tls(shared, io, server)),
                                None => Box::pin(serve_connection(shared, io)),
                            });
                        }
                        let client = client.clone();
                        thread::spawn(move || follow_all(ends, client, &open));
                        let mut opened = Box::pin(opened.recv());
                        kept.push(
                            poll_fn(|context| {
                                for serving in &mut serving {
                                    assert!(serving.as_mut().poll(context).is_pending());
                                }
                                opened.as_mut().poll(context)
                            })
                            .await
                            .expect("all are open"),
                        );
                    }
                    per_connection(before)
                })
            }

            fn per_connection(before: isize) -> usize {
                usize::try_from(LIVE.get() - before).expect("it grows") / COUNTED
            }

            #[test]
            fn a_connection_that_rests_is_small() {
                let all = [followed(None), followed(Some(tls())), served(None), served(Some(tls()))];
                let limits = [4_500, 13_000, 2_500, 11_000];
                assert!(all.iter().zip(limits).all(|(is, limit)| *is <= limit), "{all:?} against {limits:?}");
            }
        }
    };
}

suite!(tokio, on_tokio);
suite!(smol, on_smol);
