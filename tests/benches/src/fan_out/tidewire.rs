//! Ours: the real `serve` of both adapters, with the program's api and with a host of the library's parts.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tidewire_core::channels::{self, Answer, Channels, Endpoint};
use tidewire_core::server::{Event, Session};
use tidewire_core::{Instant, api, server, sse};
use tidewire_std::{Broadcaster, Clock, Fed, Host, OsRandom, Place as HostPlace, Seat, SharedApi, seed};

use super::{Order, Place};

/// A host of channels without routes: every request gets the stream of one channel.
#[derive(Clone, Debug)]
struct Library {
    broadcaster: Broadcaster,
    session: Arc<server::Config>,
}

impl Library {
    fn new() -> Self {
        let clock = Clock::start();
        Self { broadcaster: Broadcaster::new(channels(clock), clock), session: Arc::default() }
    }

    fn publish(&self, order: Order) {
        let message = sse::Message::new(order.data());
        self.broadcaster.with(|channels, now| {
            for _ in 0..order.count {
                channels.publish(now, [CHANNEL], &message).expect("the channel takes it");
            }
        });
    }
}

impl Host for Library {
    type Place = LibrarySeat;

    fn open(&self, peer: Option<IpAddr>) -> (Session, LibrarySeat) {
        let clock = self.broadcaster.clock();
        let session = Session::new(Arc::clone(&self.session), clock.now(), clock.unix(), seed());
        (session, LibrarySeat { seat: self.broadcaster.seat(peer).expect("nobody is refused") })
    }

    fn clock(&self) -> Clock {
        self.broadcaster.clock()
    }

    fn poll_keep(&self, context: &Context<'_>) -> Option<Instant> {
        self.broadcaster.poll_keep(context)
    }

    fn shutdown(&self) {
        self.broadcaster.shutdown();
    }

    fn poll_empty(&self, context: &Context<'_>) -> Poll<()> {
        self.broadcaster.poll_empty(context)
    }

    fn abort(&self) {
        self.broadcaster.abort();
    }

    fn drain(&self) -> Duration {
        Duration::ZERO
    }
}

#[derive(Debug)]
struct LibrarySeat {
    seat: Seat,
}

impl HostPlace for LibrarySeat {
    fn handle(&mut self, session: &mut Session, event: Event) {
        let Event::Request(request) = event else { return };
        let guest = self.seat.guest();
        let (now, answer) = self
            .seat
            .broadcaster()
            .with(|channels, now| (now, Endpoint::default().answer(channels, now, guest, &request.head, &[CHANNEL])));
        match answer {
            Answer::Reply(reply) => drop(session.reply(now, reply)),
            Answer::Stream { reader, head, first } => {
                self.seat.subscribed(reader);
                let _ = session.start_stream(now, head);
                let _ = session.send(now, &first);
            }
        }
    }

    fn feed(&mut self, context: &mut Context<'_>, session: &mut Session) -> Fed {
        self.seat.feed(context, session)
    }
}

/// Serves the library's host until the process is killed.
///
/// # Errors
///
/// When it cannot listen.
pub fn serve_tokio() -> io::Result<()> {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;
    on_tokio(async {
        let (listener, orders) = (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
        Place { address: listener.local_addr()?, events: "/".into(), publish: Err(orders.local_addr()?) }.print();
        let library = Library::new();
        let publisher = library.clone();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = orders.accept().await {
                let mut order = [0; 8];
                while socket.read_exact(&mut order).await.is_ok() {
                    publisher.publish(Order::from_bytes(order));
                }
            }
        });
        tidewire_tokio::serve(listener, library, std::future::pending::<()>()).await;
        Ok(())
    })
}

/// The same on smol.
///
/// # Errors
///
/// When it cannot listen.
pub fn serve_smol() -> io::Result<()> {
    use smol::io::AsyncReadExt;
    use smol::net::TcpListener;
    smol::block_on(async {
        let (listener, orders) = (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
        Place { address: listener.local_addr()?, events: "/".into(), publish: Err(orders.local_addr()?) }.print();
        let library = Library::new();
        let publisher = library.clone();
        let publishing = async move {
            while let Ok((mut socket, _)) = orders.accept().await {
                let mut order = [0; 8];
                while socket.read_exact(&mut order).await.is_ok() {
                    publisher.publish(Order::from_bytes(order));
                }
            }
        };
        let serving = tidewire_smol::serve(listener, library, std::future::pending::<()>());
        smol::future::zip(publishing, serving).await;
        Ok(())
    })
}

/// Serves the program's api until the process is killed.
///
/// # Errors
///
/// When it cannot listen.
pub fn serve_api_tokio() -> io::Result<()> {
    on_tokio(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        print_api(listener.local_addr()?);
        tidewire_tokio::serve(listener, shared_api(), std::future::pending::<()>()).await;
        Ok(())
    })
}

/// The same on smol.
///
/// # Errors
///
/// When it cannot listen.
pub fn serve_api_smol() -> io::Result<()> {
    smol::block_on(async {
        let listener = smol::net::TcpListener::bind("127.0.0.1:0").await?;
        print_api(listener.local_addr()?);
        tidewire_smol::serve(listener, shared_api(), std::future::pending::<()>()).await;
        Ok(())
    })
}

/// All on workers, as a program has it.
fn on_tokio(serving: impl Future<Output = io::Result<()>> + Send + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async { tokio::spawn(serving).await.map_err(io::Error::other)? })
}

fn print_api(address: std::net::SocketAddr) {
    let (events, publish) = ("/v1/events?channel=bench".into(), Ok("/v1/channels/bench/publish".into()));
    Place { address, events, publish }.print();
}

fn shared_api() -> Arc<SharedApi> {
    let clock = Clock::start();
    SharedApi::new(api::Api::new(api::Config::default()), channels(clock), server::Config::default(), clock)
}

/// All readers come from this machine.
fn channels(clock: Clock) -> Channels {
    let mut config = channels::Config::default();
    (config.on_demand, config.max_connections_per_ip) = (true, usize::MAX);
    Channels::new(config, Box::new(OsRandom), clock.now())
}

const CHANNEL: &str = "bench";
