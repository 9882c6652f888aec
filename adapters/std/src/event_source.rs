#[cfg(feature = "json")]
use serde::de::DeserializeOwned;
#[cfg(feature = "json")]
use tidewire_core::client::NextError;
use tidewire_core::client::{self, CloseReason, Config, Event, State};
use tidewire_core::sse::Message;

use crate::reconnecting::Reconnecting;
use crate::{Clock, Handle, seed};

/// Follows an event stream without async: the same machine as the runtime adapters', with blocking sockets.
///
/// Nothing moves unless [`next`](Iterator::next) is called: it connects, reads, writes and keeps the time in the caller's
/// thread until there is an event. While the caller does something else nothing is read, which slows the server down. Another
/// thread closes, restarts and watches it by its [`handle`](Self::handle), also in the middle of a wait. Dropping the source
/// drops the connection.
///
/// Each connection is begun by a thread of its own, since systems resolve names and connect without a way to stop waiting. One
/// that is given up, by a deadline or by the application, ends after the call that it is in; an event source waits for none.
///
/// ```no_run
/// use tidewire_core::client::{Config, Event};
/// use tidewire_std::EventSource;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let url = "http://127.0.0.1:8080/v1/events?channel=news".parse()?;
/// for event in EventSource::new(Config::new(url)) {
///     match event {
///         Event::Message(message) => println!("{}: {}", message.event_type(), message.data()),
///         other => eprintln!("{other}"),
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct EventSource {
    driver: Reconnecting<client::EventSource>,
}

impl EventSource {
    /// Prepares to follow the stream; the first wait connects.
    pub fn new(config: Config) -> Self {
        let clock = Clock::start();
        let machine = client::EventSource::new(config, seed(), clock.now());
        Self { driver: Reconnecting::new(machine, clock) }
    }

    /// Secures the connections to https URLs as `client` says, instead of with the web's certificate authorities.
    #[cfg(feature = "tls")]
    pub fn with_tls(mut self, client: tidewire_tls::Client) -> Self {
        self.driver.set_tls(client);
        self
    }

    /// Follows the stream and waits until it is [open](Self::opened).
    ///
    /// # Errors
    ///
    /// Why it never will be.
    pub fn open(config: Config) -> Result<Self, CloseReason> {
        let mut source = Self::new(config);
        source.opened()?;
        Ok(source)
    }

    /// Waits until the stream is open; at once when it is. Its events follow from [`next`](Iterator::next), the first of them
    /// [`Event::Opened`]; attempts that fail meanwhile are not told there, but by [`Handle::status`].
    ///
    /// # Errors
    ///
    /// Why it is over.
    pub fn opened(&mut self) -> Result<(), CloseReason> {
        self.driver.opened()
    }

    /// Waits for the next message; an answer in one piece counts as one. None when the stream is over and
    /// [complete](CloseReason::is_complete). What happens in between, such as a reconnection, is told by [`Handle::status`] and
    /// to the hook of the configuration.
    ///
    /// # Errors
    ///
    /// Why it is over, where it was not complete; the same again when called again.
    pub fn next_message(&mut self) -> Result<Option<Message>, CloseReason> {
        for event in self.by_ref() {
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
    pub fn next_json<T: DeserializeOwned>(&mut self) -> Result<Option<T>, NextError> {
        for event in self.by_ref() {
            match event.json() {
                Ok(None) => {}
                Ok(found) => return Ok(found),
                Err(error) => return Err(NextError::Json { event: Box::new(event), error }),
            }
        }
        self.driver.outcome().map(|()| None).map_err(NextError::Closed)
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

/// The events until the end; none after [`Event::Closed`].
impl Iterator for EventSource {
    type Item = Event;

    /// Waits for the next event.
    fn next(&mut self) -> Option<Event> {
        self.driver.next()
    }
}
