//! Opens a WebSocket and writes down what comes when.

use std::time::{Duration, Instant};

use futures_lite::future;
use smol::Timer;
use tidewire_core::client::{CloseReason, Opened, WebSocketConfig, WebSocketEvent};
use tidewire_smol::{Connector, WebSocket};
use tidewire_tls::Client;

/// What came of one WebSocket, with times from the beginning on.
#[derive(Debug, Default)]
pub(super) struct Observation {
    /// The opening, if there was one.
    pub(super) opened: Option<(Duration, Box<Opened>)>,
    /// How long the answer to a ping took, if it came.
    pub(super) pong: Option<Duration>,
    pub(super) messages: usize,
    /// Why it ended, if it did before the time was over.
    pub(super) ended: Option<(Duration, CloseReason)>,
    /// How long it took to close it, if the server answered.
    pub(super) farewell: Option<Duration>,
    /// How long it was watched.
    pub(super) watched: Duration,
}

/// Opens the WebSocket and watches it for so long.
pub(super) async fn watch(config: WebSocketConfig, tls: &Client, time: Duration) -> Observation {
    let mut socket = WebSocket::with_connector(config, Connector::new().with_tls(tls.clone()));
    let (sender, handle) = (socket.sender(), socket.handle());
    let (mut seen, start) = (Observation::default(), Instant::now());
    let mut pinged = None;
    loop {
        let over = async {
            Timer::at(start + time).await;
            None
        };
        let event = future::or(async { socket.next().await }, over).await;
        seen.watched = start.elapsed();
        match event {
            Some(WebSocketEvent::Opened(opened)) => {
                seen.opened = Some((seen.watched, opened));
                pinged = sender.ping(PING).is_ok().then(Instant::now);
            }
            Some(WebSocketEvent::Pong(payload)) if payload == PING => {
                seen.pong = seen.pong.or(pinged.map(|at| at.elapsed()));
            }
            Some(WebSocketEvent::Message(_)) => seen.messages += 1,
            Some(WebSocketEvent::Closed { reason, .. }) => {
                seen.ended = Some((seen.watched, reason));
                return seen;
            }
            Some(_) => {}
            None => break,
        }
    }
    if seen.opened.is_some() {
        let closed_at = Instant::now();
        handle.close();
        let answered = async {
            while socket.next().await.is_some() {}
            true
        };
        let late = async {
            Timer::after(FAREWELL).await;
            false
        };
        seen.farewell = future::or(answered, late).await.then(|| closed_at.elapsed());
    }
    seen
}

const PING: &[u8] = b"tidewire doctor";

/// How long the answer to a close frame may take.
const FAREWELL: Duration = Duration::from_secs(4);
