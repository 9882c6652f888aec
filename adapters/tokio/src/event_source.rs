use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
#[cfg(feature = "json")]
use serde::de::DeserializeOwned;
#[cfg(feature = "json")]
use tidewire_core::client::NextError;
use tidewire_core::client::{self, CloseReason, Config, Event, State};
use tidewire_core::sse::Message;
use tidewire_std::{Clock, Handle, seed};

use crate::connector::Connector;
use crate::reconnecting::Reconnecting;

/// Follows an event stream, reconnecting as `config` says and resuming where it was.
///
/// Nothing moves unless [`next`](Self::next) is awaited: it connects, reads, writes and keeps the time until there is an event.
/// Its wait may be given up at any point, as in a `select`; nothing is lost by it. Dropping the source drops the connection.
/// It is a [`Stream`] of its events, too.
#[derive(Debug)]
pub struct EventSource {
    driver: Reconnecting<client::EventSource>,
}

impl EventSource {
    /// Prepares to follow the stream; the first wait connects.
    pub fn new(config: Config) -> Self {
        Self::with_connector(config, Connector::new())
    }

    /// Prepares to follow the stream over connections made by `connector`: with a CA of one's own, over a transport of one's
    /// own.
    pub fn with_connector(config: Config, connector: Connector) -> Self {
        let clock = Clock::start();
        let machine = client::EventSource::new(config, seed(), clock.now());
        Self { driver: Reconnecting::new(machine, connector, clock) }
    }

    /// Follows the stream and waits until it is [open](Self::opened).
    ///
    /// # Errors
    ///
    /// Why it never will be. How long it is tried, [`Config::first_connection`] says.
    pub async fn open(config: Config) -> Result<Self, CloseReason> {
        let mut source = Self::new(config);
        source.opened().await?;
        Ok(source)
    }

    /// Waits until the stream is open; at once when it is. Its events follow from [`next`](Self::next), the first of them
    /// [`Event::Opened`]; attempts that fail meanwhile are not told there, but to [`Config::on_failure`] and by
    /// [`Handle::status`].
    ///
    /// # Errors
    ///
    /// Why it is over.
    pub async fn opened(&mut self) -> Result<(), CloseReason> {
        self.driver.opened().await
    }

    /// Waits for the next event; none after [`Event::Closed`].
    pub async fn next(&mut self) -> Option<Event> {
        self.driver.next().await
    }

    /// Waits for the next message; an answer in one piece counts as one. None when the stream is over and
    /// [complete](CloseReason::is_complete). What happens in between, such as a reconnection, is told by [`Handle::status`] and
    /// to the hook of the configuration.
    ///
    /// # Errors
    ///
    /// Why it is over, where it was not complete; the same again when called again.
    pub async fn next_message(&mut self) -> Result<Option<Message>, CloseReason> {
        while let Some(event) = self.next().await {
            if let Some(message) = event.into_message() {
                return Ok(Some(message));
            }
        }
        self.driver.outcome().map(|()| None)
    }

    /// Waits for the next message and decodes its data as JSON, as [`next_message`](Self::next_message) would return it; one
    /// without data is passed over.
    ///
    /// # Errors
    ///
    /// See [`NextError`].
    #[cfg(feature = "json")]
    pub async fn next_json<T: DeserializeOwned>(&mut self) -> Result<Option<T>, NextError> {
        while let Some(event) = self.next().await {
            match event.json() {
                Ok(None) => {}
                Ok(found) => return Ok(found),
                Err(error) => return Err(NextError::Json { event: Box::new(event), error }),
            }
        }
        self.driver.outcome().map(|()| None).map_err(NextError::Closed)
    }

    /// Does what [`next`](Self::next) does, for those who wait for several things in one `poll`.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.driver.poll_next(context)
    }

    /// Returns a handle to close, restart and watch the source from elsewhere.
    pub fn handle(&self) -> Handle {
        self.driver.handle()
    }

    /// Returns the machine: its state, attempt, address, last event ID.
    pub fn machine(&self) -> &client::EventSource {
        self.driver.machine()
    }

    /// Returns the configuration to change, such as a token that runs out, from the next request on. The rules of the delays,
    /// the limits of the stream and the last event ID stay as they were: see [`client::Source::config_mut`].
    pub fn config_mut(&mut self) -> &mut Config {
        self.driver.machine_mut().config_mut()
    }

    /// Returns how far the source is.
    pub fn state(&self) -> State {
        self.driver.machine().state()
    }
}

impl Stream for EventSource {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.get_mut().poll_next(context)
    }
}
