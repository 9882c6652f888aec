use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::Opened;
use crate::ws::Message;

/// Says what to send first on each connection: subscriptions, for a server forgets them when it loses the connection.
///
/// It is called once for each connection that opens, the first and every later one, before [`WebSocketEvent::Opened`] is told. Its
/// messages go before any that the application sends. It must not block, and what it says is part of the inputs: see
/// [`FailureHook`](crate::client::FailureHook).
///
/// ```
/// use tidewire_core::client::{OpenHook, WebSocketConfig};
/// use tidewire_core::http::Url;
///
/// let mut config = WebSocketConfig::new(Url::parse("wss://example.org/v1/ws")?);
/// config.on_open = Some(OpenHook::new(|_opened| vec![r#"{"type":"subscribe","channel":"news"}"#.into()]));
/// # Ok::<(), tidewire_core::http::UrlError>(())
/// ```
///
/// [`WebSocketEvent::Opened`]: super::WebSocketEvent::Opened
#[derive(Clone)]
pub struct OpenHook(Arc<OnOpen>);

type OnOpen = dyn Fn(&Opened) -> Vec<Message> + Send + Sync;

impl OpenHook {
    /// Returns the hook that is `first`.
    pub fn new(first: impl Fn(&Opened) -> Vec<Message> + Send + Sync + 'static) -> Self {
        Self(Arc::new(first))
    }

    pub(super) fn first(&self, opened: &Opened) -> Vec<Message> {
        (self.0)(opened)
    }
}

impl fmt::Debug for OpenHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpenHook(..)")
    }
}
