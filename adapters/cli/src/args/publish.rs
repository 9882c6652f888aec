//! The arguments of `tidewire publish`.

use std::time::Duration;

use clap::Args;

use super::{Network, field};
use crate::duration;

/// Publish to a channel of a running server and print the publication's ID
#[derive(Debug, Args)]
#[command(after_help = PUBLISH_EXAMPLES)]
pub(crate) struct Publish {
    /// The server; without a scheme, http:// is put before it
    pub(crate) url: String,
    /// The channel to publish to
    #[arg(short, long, value_name = "NAME")]
    pub(crate) channel: String,
    /// What to publish; - or nothing takes standard input as a whole
    pub(crate) data: Option<String>,
    /// Publish each line of standard input, over one connection
    #[arg(long, conflicts_with = "data")]
    pub(crate) lines: bool,
    /// The event's name
    #[arg(short, long, value_name = "NAME")]
    pub(crate) event: Option<String>,
    /// The data is JSON, not text
    #[arg(long)]
    pub(crate) json: bool,
    /// The data is bytes of this content type, such as image/png
    #[arg(long, value_name = "TYPE", conflicts_with_all = ["event", "json"])]
    pub(crate) content_type: Option<String>,
    /// Send a header field; may be repeated
    #[arg(short = 'H', long, value_name = "NAME: VALUE", value_parser = field)]
    pub(crate) header: Vec<(String, String)>,
    /// Authorize with this token, or that in @FILE [default: that in the environment variable TIDEWIRE_BEARER]
    #[arg(long, value_name = "TOKEN")]
    pub(crate) bearer: Option<String>,
    /// Give up on a publication after so long
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "30s")]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) network: Network,
}

const PUBLISH_EXAMPLES: &str = "\
Examples:
  tidewire publish localhost:8080 --channel news 'Hello'
  tidewire publish localhost:8080 --channel news --event alert --json '{\"level\":3}'
  date | tidewire publish localhost:8080 --channel news
  tail -f /var/log/syslog |
    tidewire publish localhost:8080 --channel log --lines
  tidewire publish --bearer @token.txt --cacert ca.pem https://events.internal \\
    --channel news 'Hello'";
