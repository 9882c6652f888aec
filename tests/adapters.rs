//! The same suite on both runtimes, with real sockets on free ports.

#[path = "support/lines.rs"]
mod lines;
#[path = "support/on_smol.rs"]
mod on_smol;
#[path = "support/on_tokio.rs"]
mod on_tokio;

macro_rules! suite {
    ($name:ident, $runtime:ident) => {
        mod $name {
            use std::io::Write;
            use std::net::Shutdown;
            use std::time::Duration;

            use futures_lite::future::{poll_once, yield_now, zip};
            use tidewire_core::sse::Event;
            use tidewire_std::{Clock, ReadError};

            use crate::$runtime::{Connection, Reader, TcpListener, TcpStream, assert_here, run};
            use crate::lines::{Line, Lines};

            async fn pair() -> (TcpStream, TcpStream) {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                let address = listener.local_addr().expect("bound");
                let (one, other) = zip(TcpStream::connect(address), listener.accept()).await;
                (one.expect("connects"), other.expect("accepts").0)
            }

            /// One end of ours and one that the test moves by blocking calls.
            async fn pair_with_std() -> (TcpStream, std::net::TcpStream) {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
                let peer = std::net::TcpStream::connect(listener.local_addr().expect("bound")).expect("connects");
                (listener.accept().await.expect("accepts").0, peer)
            }

            fn lines_of(socket: TcpStream, lines: Lines) -> Connection<TcpStream, Lines> {
                Connection::new(socket, lines, Clock::start())
            }

            #[test]
            fn a_wait_given_up_anywhere_loses_nothing() {
                run(async {
                    assert_here();
                    let (one, other) = pair().await;
                    let ends = [lines_of(one, Lines::numbered(2000)), lines_of(other, Lines::numbered(3000))];
                    let [one, other] = ends.map(|mut end| async move {
                        let mut seen = Vec::new();
                        loop {
                            // Each wait is polled once and dropped.
                            match poll_once(end.next()).await {
                                Some(Ok(Some(Line(line)))) => seen.push(line),
                                Some(Ok(None)) => return seen,
                                Some(Err(error)) => panic!("{error}"),
                                None => yield_now().await,
                            }
                        }
                    });
                    let (from_other, from_one) = zip(one, other).await;
                    assert_eq!(from_other, (0..3000).map(|n| n.to_string()).collect::<Vec<_>>());
                    assert_eq!(from_one, (0..2000).map(|n| n.to_string()).collect::<Vec<_>>());
                });
            }

            #[test]
            fn two_peers_that_both_write_do_not_deadlock() {
                run(async {
                    // Far more than the buffers of both sockets hold.
                    let (one, other) = pair().await;
                    let ends = [one, other].map(|socket| async {
                        let mut end = lines_of(socket, Lines::long(64, 1024 * 1024));
                        let mut count = 0;
                        while let Some(Line(line)) = end.next().await.expect("no error") {
                            count += line.len();
                        }
                        count
                    });
                    let [one, other] = ends;
                    assert_eq!(zip(one, other).await, (64 * 1024 * 1024, 64 * 1024 * 1024));
                });
            }

            #[test]
            fn a_peer_that_never_reads_cannot_hold_us() {
                run(async {
                    let (socket, peer) = pair_with_std().await;
                    let mut end = lines_of(socket, Lines::long(64, 1024 * 1024).lingering(Duration::from_millis(50)));
                    assert!(end.next().await.expect("no error").is_none());
                    drop(peer);
                });
            }

            #[test]
            fn a_peer_that_never_reads_is_still_heard() {
                run(async {
                    let (socket, mut peer) = pair_with_std().await;
                    let mut end = lines_of(socket, Lines::long(64, 1024 * 1024));
                    peer.write_all(b"heard\n").expect("writes");
                    assert_eq!(end.next().await.expect("no error"), Some(Line("heard".into())));
                });
            }

            #[test]
            fn what_a_peer_said_before_it_went_away_is_heard() {
                run(async {
                    let (socket, mut peer) = pair_with_std().await;
                    let mut end = lines_of(socket, Lines::numbered(10));
                    peer.write_all(b"last words\n").expect("writes");
                    drop(peer);
                    assert_eq!(end.next().await.expect("no error"), Some(Line("last words".into())));
                });
            }

            #[test]
            fn a_reader_tells_a_clean_end_from_one_within_an_event() {
                run(async {
                    for (bytes, clean) in [(&b"data: 1\n\n"[..], true), (b"data: 1\n\ndata: 2\n", false)] {
                        let (socket, mut peer) = pair_with_std().await;
                        let mut reader = Reader::new(socket);
                        peer.write_all(bytes).expect("writes");
                        peer.shutdown(Shutdown::Write).expect("ends");
                        let first = reader.next().await.expect("reads");
                        assert!(matches!(first, Some(Event::Message(message)) if message.data() == "1"));
                        let end = reader.next().await;
                        assert_eq!(matches!(end, Ok(None)), clean, "{end:?}");
                        assert_eq!(matches!(end, Err(ReadError::MidEvent)), !clean, "{end:?}");
                        assert!(matches!(reader.next().await, Ok(None)));
                    }
                });
            }

            #[test]
            fn a_reader_gives_up_on_silence_and_reads_on_when_asked() {
                run(async {
                    let (socket, mut peer) = pair_with_std().await;
                    let mut reader = Reader::new(socket).with_timeout(Duration::from_millis(20));
                    peer.write_all(b"data: o").expect("writes");
                    assert!(matches!(reader.next().await, Err(ReadError::TimedOut)));
                    peer.write_all(b"ne\n\n").expect("writes");
                    let event = loop {
                        match reader.next().await {
                            Err(ReadError::TimedOut) => {}
                            other => break other.expect("reads"),
                        }
                    };
                    assert!(matches!(event, Some(Event::Message(message)) if message.data() == "one"));
                });
            }
        }
    };
}

suite!(tokio, on_tokio);
suite!(smol, on_smol);
