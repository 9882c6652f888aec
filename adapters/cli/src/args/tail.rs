//! The arguments of `tidewire tail`.

use std::time::Duration;

use clap::Args;

use super::{Runtime, field};
use crate::duration;

/// Follow an event stream; where it is lost, reconnect and resume
#[derive(Debug, Args)]
#[command(after_help = TAIL_EXAMPLES)]
pub(crate) struct Tail {
    /// The stream; without a scheme, http:// is put before it
    pub(crate) url: String,
    /// Send a header field; may be repeated
    #[arg(short = 'H', long, value_name = "NAME: VALUE", value_parser = field)]
    pub(crate) header: Vec<(String, String)>,
    /// The request's method [default: GET, or POST with --data]
    #[arg(short = 'X', long, value_name = "METHOD")]
    pub(crate) request: Option<String>,
    /// Send a body; @FILE sends that file, - or @- standard input
    #[arg(short, long, value_name = "BODY")]
    pub(crate) data: Option<String>,
    /// Resume after the event with this ID
    #[arg(long, value_name = "ID")]
    pub(crate) last_event_id: Option<String>,
    /// Print one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    /// End after so many events
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// End after so long, whatever happens
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) timeout: Option<Duration>,
    /// Take a connection for lost after such a silence
    #[arg(long, value_name = "DURATION", value_parser = duration::positive, default_value = "5m")]
    pub(crate) read_timeout: Duration,
    /// End when the connection is lost or ends
    #[arg(long)]
    pub(crate) no_reconnect: bool,
    /// Try again also after statuses that pass, such as 429 and 503, when Retry-After says
    #[arg(long)]
    pub(crate) retry_status: bool,
    /// Send a POST, or another request that may do something, again when its connection is lost
    #[arg(long)]
    pub(crate) resend: bool,
    /// Print comments and reconnection times too
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// What carries the sockets
    #[arg(long, value_enum, default_value_t)]
    pub(crate) runtime: Runtime,
}

const TAIL_EXAMPLES: &str = "\
Examples:
  tidewire tail localhost:8080/v1/events?channel=news
  tidewire tail --json --count 10 --timeout 1m localhost:8080/v1/events?channel=news
  tidewire tail --no-reconnect -H 'Authorization: Bearer …' \\
    -H 'Content-Type: application/json' -d @request.json api.example.org/v1/chat

An event is printed as its data, after its type in brackets unless that is
'message'; what happens to the connection is told on standard error. --json
prints both on standard output, one object a line:
  {\"t\":\"open\",\"url\":…,\"status\":200}
  {\"t\":\"event\",\"type\":\"message\",\"data\":…,\"id\":…,\"own_id\":…}
    id: the last event ID as of this event; own_id: the event's own, if any
  {\"t\":\"comment\",\"comment\":…}   with --verbose
  {\"t\":\"retry\",\"ms\":3000}       with --verbose
  {\"t\":\"error\",\"state\":\"connecting\",\"reason\":…,\"retry_in_ms\":…}
  {\"t\":\"error\",\"state\":\"closed\",\"reason\":…,\"status\":…}   no request follows
  {\"t\":\"closed\",\"reason\":…}     the last line";
