//! What a WebSocket that rests costs in memory, of each side, after it has spoken. The test counts for its thread, so it stands alone in
//! its binary.

#[allow(dead_code, reason = "shared with another target")]
#[path = "support/lines.rs"]
mod lines;
#[allow(dead_code, unused_imports, reason = "shared with another target")]
#[path = "support/on_smol.rs"]
mod on_smol;
#[allow(dead_code, unused_imports, reason = "shared with another target")]
#[path = "support/on_tokio.rs"]
mod on_tokio;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

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

/// A message that both ends say once, so that what they needed for it is given back.
const LONG: usize = 100_000;

/// Opens connections, one after the other, hears and says a message on each, and keeps them.
fn speak_all(address: SocketAddr, count: usize, done: ::smol::channel::Sender<Vec<Box<dyn Send>>>) {
    thread::spawn(move || {
        let open = |_| -> Box<dyn Send> {
            let socket = TcpStream::connect(address).expect("connects");
            let (mut peer, _) = tungstenite::client(format!("ws://{address}/"), socket).expect("opens");
            peer.send(tungstenite::Message::binary(vec![1; LONG])).expect("writes");
            assert_eq!(peer.read().expect("reads").len(), LONG);
            Box::new(peer)
        };
        done.send_blocking((0..count).map(open).collect()).expect("the test waits");
    });
}

/// Accepts connections, and says on each what it is told.
fn echo_all(listener: TcpListener) {
    thread::spawn(move || {
        let mut kept = Vec::new();
        loop {
            let mut peer = tungstenite::accept(listener.accept().expect("accepts").0).expect("shakes hands");
            let said = peer.read().expect("reads");
            peer.send(said).expect("writes");
            kept.push(peer);
        }
    });
}

macro_rules! suite {
    ($name:ident, $runtime:ident) => {
        mod $name {
            use std::cell::RefCell;
            use std::future::{Future, poll_fn};
            use std::mem;
            use std::net::TcpListener;
            use std::pin::Pin;
            use std::rc::Rc;
            use std::task::Poll;

            use bytes::Bytes;
            use futures_lite::future::poll_once;
            use tidewire_core::client::{WebSocketConfig, WebSocketEvent};
            use tidewire_core::server::WebSocketEndpoint;
            use tidewire_std::{EventServer, Socket};

            use crate::$runtime::{WebSocket, on_std, run, serve_connection};
            use crate::{COUNTED, FIRST, LIVE, LONG, echo_all, speak_all};

            /// Bytes that a client has while it waits for an event.
            fn followed() -> usize {
                let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
                let url = format!("ws://{}/", listener.local_addr().expect("bound"));
                echo_all(listener);
                run(async {
                    let mut sockets = Vec::with_capacity(FIRST + COUNTED);
                    let mut before = 0;
                    for number in 0..FIRST + COUNTED {
                        if number == FIRST {
                            before = LIVE.get();
                        }
                        let mut socket = WebSocket::new(WebSocketConfig::new(url.parse().expect("a URL")));
                        assert!(matches!(socket.next().await, Some(WebSocketEvent::Opened(_))));
                        socket.send(Bytes::from(vec![1; LONG])).await.expect("is open");
                        assert!(matches!(socket.next().await, Some(WebSocketEvent::Message(_))));
                        assert!(poll_once(socket.next()).await.is_none());
                        sockets.push(socket);
                    }
                    mem::size_of::<WebSocket>() + per_connection(before)
                })
            }

            /// Bytes that a server has for a socket whose application waits for a message.
            fn served() -> usize {
                run(async {
                    let server = EventServer::default();
                    let begun = std::sync::Arc::new(std::sync::Mutex::new(Vec::with_capacity(FIRST + COUNTED)));
                    let sockets = std::sync::Arc::clone(&begun);
                    let begin = move |socket: Socket, _: &_| sockets.lock().expect("no panic").push(socket);
                    server.web_sockets_at("/", WebSocketEndpoint::default(), begin).expect("a path");
                    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
                    let address = listener.local_addr().expect("bound");
                    let listener = on_std(listener);
                    let mut tasks: Vec<Pin<Box<dyn Future<Output = ()>>>> = Vec::with_capacity(2 * (FIRST + COUNTED));
                    let (mut before, mut kept) = (0, Vec::new());
                    let spoken = Rc::new(RefCell::new(0));
                    for count in [FIRST, COUNTED] {
                        before = LIVE.get();
                        let (done, all_done) = ::smol::channel::bounded(1);
                        speak_all(address, count, done);
                        let mut all_done = Box::pin(all_done.recv());
                        for _ in 0..count {
                            let mut accepting = Box::pin(listener.accept());
                            let io = poll_fn(|context| {
                                tasks.retain_mut(|task| task.as_mut().poll(context).is_pending());
                                accepting.as_mut().poll(context)
                            })
                            .await
                            .expect("accepts")
                            .0;
                            let serving = serve_connection(&server, io);
                            tasks.push(Box::pin(async { serving.await.expect("no error") }));
                            let said = *spoken.borrow();
                            let mut echoing = false;
                            poll_fn(|context| {
                                tasks.retain_mut(|task| task.as_mut().poll(context).is_pending());
                                if let Some(socket) = begun.lock().expect("no panic").pop() {
                                    echoing = true;
                                    let spoken = Rc::clone(&spoken);
                                    tasks.push(Box::pin(async move {
                                        while let Some(message) = socket.recv().await {
                                            socket.send(message).await.expect("is open");
                                            *spoken.borrow_mut() += 1;
                                        }
                                    }));
                                    context.waker().wake_by_ref();
                                }
                                if echoing && *spoken.borrow() > said { Poll::Ready(()) } else { Poll::Pending }
                            })
                            .await;
                        }
                        kept.push(
                            poll_fn(|context| {
                                tasks.retain_mut(|task| task.as_mut().poll(context).is_pending());
                                all_done.as_mut().poll(context)
                            })
                            .await
                            .expect("all have spoken"),
                        );
                    }
                    per_connection(before)
                })
            }

            fn per_connection(before: isize) -> usize {
                usize::try_from(LIVE.get() - before).expect("it grows") / COUNTED
            }

            #[test]
            fn a_websocket_that_rests_is_small() {
                let all = [followed(), served()];
                let limits = [5_700, 4_000];
                assert!(all.iter().zip(limits).all(|(is, limit)| *is <= limit), "{all:?} against {limits:?}");
            }
        }
    };
}

suite!(tokio, on_tokio);
suite!(smol, on_smol);
