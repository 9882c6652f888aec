//! What stands between a client and a WebSocket.

use tidewire_core::client::{Config, WebSocketConfig};
use tidewire_core::ws::deflate;
use tidewire_tls::Client;

use super::report::Summary;
use super::{Finding, output};
use crate::args::Doctor;

mod findings;
mod probe;

/// Opens the WebSocket that `config` names, asks for a pong, watches it for a while, and closes it.
pub(super) async fn examine(args: &Doctor, config: &Config, tls: &Client) -> (Summary, Vec<Finding>) {
    output::tell(&format!("opening {}, and watching it for {}", config.url, crate::duration::display(args.watch)));
    let mut wanted = WebSocketConfig::new(config.url.clone());
    wanted.http = config.clone();
    wanted.http.reconnect = false;
    wanted.http.max_redirects = 0;
    // An answer that does not come is a finding, not an error.
    wanted.http.head_timeout = Some(args.watch + args.watch);
    wanted.connection_mut().deflate = Some(deflate::Config::default());
    wanted.connection_mut().limits.max_message = usize::MAX;
    wanted.connection_mut().limits.max_frame = usize::MAX;
    let seen = probe::watch(wanted, tls, args.watch).await;
    let summary = Summary { watched: seen.watched, messages: seen.messages, comments: None };
    (summary, findings::judge(&seen, args.origin.as_deref()))
}
