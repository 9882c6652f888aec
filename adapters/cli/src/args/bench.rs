//! The arguments of `tidewire bench`.

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::Args;

use super::{Network, Runtime, count, field};
use crate::duration;

/// Load an SSE server with readers, publish to it, and say how long events take and whether all arrive
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Bench {
    /// The stream, of any server; without a scheme, http:// is put before it
    pub(crate) url: String,
    /// How many readers follow it
    #[arg(short = 'n', long, value_name = "COUNT", value_parser = count::positive::<NonZeroUsize>, default_value = "100")]
    pub(crate) readers: NonZeroUsize,
    /// How many of them connect a second; 0: all at once
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    pub(crate) ramp: u32,
    /// How long to publish, or where nothing is published, to read [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = duration::positive, conflicts_with = "messages")]
    pub(crate) duration: Option<Duration>,
    /// How many messages to publish
    #[arg(long, value_name = "COUNT")]
    pub(crate) messages: Option<u64>,
    /// Where to POST the messages, or none: then whatever the server sends is counted [default: to the first channel of the
    /// URL, if it is that of a Tidewire server]
    #[arg(long, value_name = "URL")]
    pub(crate) publish: Option<String>,
    /// What to POST, where the server does not take the message alone; {} stands for it
    #[arg(long, value_name = "TEXT", requires = "publish", value_parser = template)]
    pub(crate) publish_body: Option<String>,
    /// How many messages to publish a second
    #[arg(long, value_name = "COUNT", default_value = "100", value_parser = rate)]
    pub(crate) rate: f64,
    /// Publish so many at once, and as much more seldom
    #[arg(long, value_name = "COUNT", value_parser = count::positive::<NonZeroUsize>, default_value = "1")]
    pub(crate) burst: NonZeroUsize,
    /// How long a message is, in bytes; the mark that tells when it was to be published takes some 60 of them
    #[arg(long, value_name = "BYTES", default_value_t = 100)]
    pub(crate) size: usize,
    /// Send a header field, with what is published too; may be repeated
    #[arg(short = 'H', long, value_name = "NAME: VALUE", value_parser = field)]
    pub(crate) header: Vec<(String, String)>,
    /// Authorize with this token, or that in @FILE [default: that in the environment variable TIDEWIRE_BEARER]
    #[arg(long, value_name = "TOKEN")]
    pub(crate) bearer: Option<String>,
    /// Let every reader go on after the event with this ID
    #[arg(long, value_name = "ID")]
    pub(crate) last_event_id: Option<String>,
    /// How long a connection, an answer to a request, or the rest of the events at the end may take
    #[arg(long, value_name = "DURATION", value_parser = duration::positive, default_value = "10s")]
    pub(crate) timeout: Duration,
    /// What carries the readers' sockets
    #[arg(long, value_enum, default_value_t)]
    pub(crate) runtime: Runtime,
    /// How many threads the readers share; what is published has one of its own [default: one for each processor]
    #[arg(long, value_name = "COUNT", value_parser = count::positive::<NonZeroUsize>)]
    pub(crate) threads: Option<NonZeroUsize>,
    /// Print the report as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) network: Network,
}

/// Reads how many messages a second.
fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "write a number, such as 100 or 0.5")?;
    if rate > 0.0 && rate <= 1e7 { Ok(rate) } else { Err("it must be more than zero and at most ten million".into()) }
}

/// Reads what is published, with a place for the message.
fn template(text: &str) -> Result<String, String> {
    if text.contains("{}") { Ok(text.to_owned()) } else { Err("{} is missing, where the message goes".into()) }
}

const EXAMPLES: &str = "\
Examples:
  tidewire bench localhost:8080/v1/events?channel=bench
  tidewire bench -n 10000 --rate 20 --burst 16 --size 1024 --duration 1m \\
    localhost:8080/v1/events?channel=bench
  tidewire bench --publish none -n 500 --duration 30s https://example.org/events
  tidewire bench --publish https://hub.internal/.well-known/mercure \\
    --publish-body 'topic=bench&data={}' --bearer @token.txt \\
    -H 'content-type: application/x-www-form-urlencoded' \\
    'https://hub.internal/.well-known/mercure?topic=bench'

All readers connect first; then messages are published to the clock, over one
connection, whether the server keeps up or not. Each carries its number and the
time that it was planned for, from which its delay counts: a server that cannot
take a message in time delays it all the same. Ctrl-C ends it with the report.
Exit code 12 means: some events were missing, doubled or out of order, or a
reader or a publication failed. Ten thousand readers need as many descriptors
(ulimit -n); a system has some 28,000 ports for connections to one address.";
