use super::{WebSocket, WebSocketEvent};
use crate::client::{Change, Connect, ConnectError, Progress, Reconnect, Restart, Source};
use crate::{Instant, UnixTime};

impl Reconnect for WebSocket {
    fn poll_connect(&mut self, now: Instant) -> Option<Connect> {
        self.poll_connect(now)
    }

    fn handle_progress(&mut self, now: Instant, attempt: u64, progress: Progress) {
        self.handle_progress(now, attempt, progress);
    }

    fn handle_clock(&mut self, now: Instant, unix: UnixTime) {
        self.handle_clock(now, unix);
    }

    fn handle_connected(&mut self, now: Instant, attempt: u64) {
        self.handle_connected(now, attempt);
    }

    fn handle_connect_failed(&mut self, now: Instant, attempt: u64, error: ConnectError) {
        self.handle_connect_failed(now, attempt, error);
    }

    fn handle_reset(&mut self, now: Instant) {
        self.handle_reset(now);
    }

    fn restart(&mut self, now: Instant, restart: Restart) {
        self.restart(now, restart);
    }

    fn close(&mut self, now: Instant) {
        self.close(now);
    }

    fn source(&self) -> &Source {
        self.source()
    }

    fn change(event: &WebSocketEvent) -> Option<Change<'_>> {
        match event {
            WebSocketEvent::Opened(opened) => Some(Change::Opened { url: &opened.url }),
            WebSocketEvent::Disconnected { reason, retry_at, retry_in, .. } => {
                Some(Change::Disconnected { reason, retry_at: *retry_at, retry_in: *retry_in })
            }
            WebSocketEvent::Closed { reason, .. } => Some(Change::Closed(reason)),
            WebSocketEvent::Message(_)
            | WebSocketEvent::Ping(_)
            | WebSocketEvent::Pong(_)
            | WebSocketEvent::Closing(_) => None,
        }
    }
}
