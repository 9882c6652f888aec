//! What the drivers log, from what the machines report; target `tidewire`.

use std::io;

#[cfg(feature = "server")]
use tidewire_core::channels::{Guest, Limit, Load, ReaderStats};
use tidewire_core::client::{self, Connect, Tunnel, WebSocketEvent};
use tidewire_core::http::Url;
use tidewire_core::server;
use tracing::{debug, info, trace, warn};

/// An event that a client's driver logs.
pub trait Event {
    /// Logs it: what is lost as a warning, what is received at the finest level and without its data.
    fn log(&self);
}

/// Of an event source.
impl Event for client::Event {
    #[inline]
    fn log(&self) {
        match self {
            Self::Message(message) => trace!(target: TARGET, bytes = message.data().len(), "message"),
            event => client_change(event),
        }
    }
}

/// Of a WebSocket.
impl Event for WebSocketEvent {
    #[inline]
    fn log(&self) {
        match self {
            Self::Message(message) => trace!(target: TARGET, bytes = message.len(), "message"),
            event => web_socket_change(event),
        }
    }
}

fn web_socket_change(event: &WebSocketEvent) {
    match event {
        WebSocketEvent::Opened(opened) => info!(target: TARGET, url = %opened.url, "open"),
        WebSocketEvent::Disconnected { reason, retry_in, unsent, .. } => {
            warn!(target: TARGET, reason = %quoted(reason), ?retry_in, unsent, "disconnected");
        }
        WebSocketEvent::Closed { reason, unsent } => {
            info!(target: TARGET, reason = %quoted(reason), unsent, "closed");
        }
        event => trace!(target: TARGET, event = %quoted(event), "event"),
    }
}

fn client_change(event: &client::Event) {
    match event {
        client::Event::Opened { url, .. } => info!(target: TARGET, %url, "open"),
        client::Event::Disconnected { reason, retry_in, .. } => {
            warn!(target: TARGET, reason = %quoted(reason), ?retry_in, "disconnected");
        }
        client::Event::Closed(reason) => info!(target: TARGET, reason = %quoted(reason), "closed"),
        client::Event::Retry(time) => debug!(target: TARGET, ?time, "retry"),
        event => trace!(target: TARGET, event = %quoted(event), "event"),
    }
}

/// Logs that a connection is being made.
pub fn connect(wanted: &Connect) {
    let Connect { attempt, peer, tunnel, tls, .. } = wanted;
    let (through, tls) = (tunnel.as_ref().map(Tunnel::authority), tls.is_some());
    debug!(target: TARGET, attempt, peer = %quoted(peer), through, tls, "connecting");
}

/// Logs that a request is handed to somebody else's HTTP stack.
pub fn request(attempt: u64, url: &Url) {
    debug!(target: TARGET, attempt, %url, "requesting");
}

/// Logs an accepted connection.
pub fn accept(peer: std::net::SocketAddr) {
    debug!(target: TARGET, %peer, "accepted");
}

/// Logs that no connection could be accepted.
pub fn accept_failed(error: &io::Error) {
    warn!(target: TARGET, %error, "accepting failed");
}

/// Logs an event of a server's connection.
pub fn server(event: &server::Event) {
    match event {
        server::Event::Request(request) => {
            debug!(target: TARGET, method = ?request.head.method.as_str(), target = ?request.head.target, "request");
        }
        server::Event::Closed(reason) => debug!(target: TARGET, reason = %quoted(reason), "connection ended"),
        _ => {}
    }
}

/// Logs a connection for which there is no place.
#[cfg(feature = "server")]
pub fn refused(peer: Option<std::net::IpAddr>, limit: &Limit) {
    let peer = peer.map(tracing::field::display);
    warn!(target: TARGET, peer, %limit, "refused");
}

/// Logs which number names a connection from here on.
#[cfg(feature = "server")]
pub(crate) fn seated(peer: Option<std::net::IpAddr>, guest: Guest) {
    let peer = peer.map(tracing::field::display);
    debug!(target: TARGET, connection = guest.number(), peer, "seated");
}

/// Logs a stream that begins; of no channel it is one of the application's own.
#[cfg(feature = "server")]
pub fn stream(guest: Guest, channels: &[&str], last_event_id: Option<&str>) {
    let (channels, after) = (quoted(channels.join(",")), last_event_id.map(quoted));
    info!(target: TARGET, connection = guest.number(), channels, after, "stream");
}

/// Logs that a reader is told a gap: how often it was, and how far it is behind.
#[cfg(feature = "server")]
pub(crate) fn gap(guest: Guest, stats: &ReaderStats) {
    let (connection, gaps) = (guest.number(), stats.gaps);
    warn!(target: TARGET, connection, gaps, behind = stats.behind, behind_bytes = stats.behind_bytes, "gap");
}

/// Tells whether somebody sees what streams begin.
#[cfg(feature = "serve")]
pub(crate) fn shows_streams() -> bool {
    tracing::enabled!(target: TARGET, tracing::Level::INFO)
}

/// Logs how a stream ended: for who was too slow as a warning.
#[cfg(feature = "server")]
pub fn stream_ended(guest: Guest, reason: server::CloseReason) {
    let connection = guest.number();
    match reason {
        server::CloseReason::Lagging | server::CloseReason::Stalled => {
            warn!(target: TARGET, connection, %reason, "stream ended");
        }
        _ => info!(target: TARGET, connection, %reason, "stream ended"),
    }
}

/// Logs what a repository is asked.
#[cfg(feature = "server")]
pub(crate) fn load(load: &Load) {
    let (channel, after) = (quoted(&load.channel), load.after.as_deref().map(quoted));
    debug!(target: TARGET, channel, after, max = load.max_publications, "replay");
}

/// Logs that a repository had no answer.
#[cfg(feature = "server")]
pub fn load_failed(error: &dyn std::error::Error) {
    warn!(target: TARGET, error = %quoted(error), "replay failed");
}

/// Logs how the driving of a connection ended.
pub fn ended(result: &io::Result<()>) {
    if let Err(error) = result {
        debug!(target: TARGET, %error, "connection broke");
    }
}

/// Peers have a say in these texts: what a terminal would obey is escaped.
fn quoted(text: impl ToString) -> String {
    text.to_string().escape_debug().collect()
}

const TARGET: &str = "tidewire";

#[cfg(test)]
pub(crate) mod tests {
    use std::fmt;
    use std::sync::{Arc, Mutex};

    use tidewire_core::sse::Message;
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Metadata, Subscriber};

    use super::*;

    #[test]
    fn an_event_source_logs_structured_events_without_their_data() {
        let log = Log::default();
        tracing::subscriber::with_default(log.clone(), || {
            client::Event::Message(Message::new("secret")).log();
            client::Event::Closed(client::CloseReason::Requested).log();
        });
        let lines = log.0.lock().expect("nobody panicked").join("\n");
        let reason = client::CloseReason::Requested;
        assert_eq!(
            lines,
            format!("TRACE tidewire bytes=6 message=message\nINFO tidewire message=closed reason={reason}")
        );
    }

    /// Returns what is logged meanwhile: level, target and fields, a line each.
    #[cfg(feature = "server")]
    pub(crate) fn logged(act: impl FnOnce()) -> Vec<String> {
        let log = Log::default();
        tracing::subscriber::with_default(log.clone(), act);
        log.lines()
    }

    /// Keeps level, target and fields of what is logged.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<String>>>);

    #[cfg(feature = "server")]
    impl Log {
        fn lines(&self) -> Vec<String> {
            self.0.lock().expect("nobody panicked").clone()
        }
    }

    impl Subscriber for Log {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, event: &tracing::Event<'_>) {
            let mut fields = Fields::default();
            event.record(&mut fields);
            fields.0.sort();
            let metadata = event.metadata();
            let line = format!("{} {} {}", metadata.level(), metadata.target(), fields.0.join(" "));
            self.0.lock().expect("nobody panicked").push(line);
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    #[derive(Default)]
    struct Fields(Vec<String>);

    impl Visit for Fields {
        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            self.0.push(format!("{field}={value:?}"));
        }
    }
}
