//! The arguments of `tidewire doctor`.

use std::time::Duration;

use clap::Args;

use super::{Network, field, origin};
use crate::duration;

/// Say what stands between a client and a stream, or a WebSocket: status, buffering, silence, compression, resuming
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Doctor {
    /// The stream; without a scheme, http:// is put before it. ws:// and wss:// are a WebSocket
    pub(crate) url: String,
    /// Send a header field; may be repeated
    #[arg(short = 'H', long, value_name = "NAME: VALUE", value_parser = field)]
    pub(crate) header: Vec<(String, String)>,
    /// Authorize with this token, or that in @FILE [default: that in the environment variable TIDEWIRE_BEARER]
    #[arg(long, value_name = "TOKEN")]
    pub(crate) bearer: Option<String>,
    /// Ask as a page of this origin would, such as `https://example.org`, and look whether it may read the stream
    #[arg(long, value_name = "ORIGIN", value_parser = origin)]
    pub(crate) origin: Option<String>,
    /// How long to watch the stream; to see its keep-alive, longer than the time between two of them
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::positive, default_value = "20s")]
    pub(crate) watch: Duration,
    /// Print one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) network: Network,
}

const EXAMPLES: &str = "\
Examples:
  tidewire doctor example.org/events
  tidewire doctor --for 70s --bearer @token.txt https://example.org/events
  tidewire doctor --origin https://app.example.org --json https://example.org/events
  tidewire doctor wss://example.org/feed

It follows the stream for a while as any client would, then asks again for short:
once as browsers do, with compression, and once to resume after an event it saw.
A WebSocket is opened, pinged, watched and closed.
Each finding is ok, note, warn (works, but not well) or FAULT, and says what to do.
With --json:
  {\"t\":\"finding\",\"check\":\"buffering\",\"level\":\"fault\",\"says\":…,\"remedy\":…}
  {\"t\":\"watched\",\"ms\":20000,\"messages\":41,\"comments\":1,\"faults\":1,\"warnings\":0}";
