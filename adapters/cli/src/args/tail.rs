//! The arguments of `tidewire tail`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tidewire_core::client::RetryStatus;

use super::{Network, Runtime, WebSocket, field};
use crate::duration;
use crate::tail::{Condition, statuses};

/// Follow an event stream, or a WebSocket; where it is lost, reconnect and resume
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Tail {
    /// The stream; without a scheme, http:// is put before it. ws:// and wss:// are a WebSocket
    #[arg(required_unless_present = "replay")]
    pub(crate) url: Option<String>,

    /// Send a header field; may be repeated
    #[arg(short = 'H', long, value_name = "NAME: VALUE", value_parser = field, help_heading = REQUEST)]
    pub(crate) header: Vec<(String, String)>,
    /// The request's method [default: GET, or POST with --data]
    #[arg(short = 'X', long, value_name = "METHOD", help_heading = REQUEST)]
    pub(crate) request: Option<String>,
    /// Send a body; @FILE sends that file, - or @- standard input. Its content type, unless -H says it, is
    /// application/json where it is JSON, else text/plain
    #[arg(short, long, alias = "data-binary", value_name = "BODY", help_heading = REQUEST)]
    pub(crate) data: Option<String>,
    /// Authorize with this token, or that in @FILE [default: that in the environment variable TIDEWIRE_BEARER]
    #[arg(long, value_name = "TOKEN", help_heading = REQUEST)]
    pub(crate) bearer: Option<String>,
    /// Say who asks
    #[arg(short = 'A', long, value_name = "NAME", help_heading = REQUEST)]
    pub(crate) user_agent: Option<String>,
    /// Let the server compress the stream: gzip or deflate; of a WebSocket, let both ends compress messages
    #[arg(long, help_heading = REQUEST)]
    pub(crate) compressed: bool,
    /// Resume after the event with this ID
    #[arg(long, value_name = "ID", help_heading = REQUEST)]
    pub(crate) last_event_id: Option<String>,

    #[command(flatten)]
    pub(crate) network: Network,
    /// How long each step of connecting may take: finding the address, connecting, the proxy, TLS
    #[arg(long, value_name = "DURATION", value_parser = duration::positive, default_value = "10s", help_heading = CONNECTION)]
    pub(crate) connect_timeout: Duration,
    /// How long the server may think before it answers
    #[arg(long, value_name = "DURATION", value_parser = duration::positive, default_value = "1m", help_heading = CONNECTION)]
    pub(crate) head_timeout: Duration,
    /// How long its answer may take to begin after that [default: as long as any silence]
    #[arg(long, value_name = "DURATION", value_parser = duration::positive, help_heading = CONNECTION)]
    pub(crate) first_byte_timeout: Option<Duration>,
    /// Take a connection for lost after such a silence [default: 5m; of a WebSocket, where a ping asks for an answer, 50s]
    #[arg(long, alias = "read-timeout", value_name = "DURATION", value_parser = duration::positive, help_heading = CONNECTION)]
    pub(crate) idle_timeout: Option<Duration>,
    /// What carries the sockets
    #[arg(long, value_enum, default_value_t, help_heading = CONNECTION)]
    pub(crate) runtime: Runtime,

    /// End when the connection is lost or ends
    #[arg(long, help_heading = AGAIN)]
    pub(crate) no_reconnect: bool,
    /// Wait at most so long before connecting again, also where the server asks for more [default: 30s, and 1h if it asks]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, help_heading = AGAIN)]
    pub(crate) max_delay: Option<Duration>,
    /// Give up after so many failures in a row [default: never]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = AGAIN)]
    pub(crate) max_failures: Option<u32>,
    /// Try again also after these statuses, such as 429,5xx, when Retry-After says; alone it means those that pass, as it
    /// does for a WebSocket anyway. Sets have names: transient (408, 425, 429, 5xx but 501 and 505), llm (408, 409, 429, 5xx), all; !404 leaves one out
    #[arg(
        long,
        value_name = "LIST",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "transient",
        value_parser = statuses,
        help_heading = AGAIN
    )]
    pub(crate) retry_status: Option<RetryStatus>,
    /// Send a POST, or another request that may do something, again: where the server refused it with a status that is
    /// tried again, also as a GET once there is an ID to resume after, or always; alone it means always
    #[arg(
        long,
        alias = "resend",
        value_name = "WHEN",
        value_enum,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "always",
        help_heading = AGAIN
    )]
    pub(crate) retry_post: Option<RetryPost>,

    #[command(flatten)]
    pub(crate) web_socket: WebSocket,

    /// Take an answer for the stream that says it is something else: any, or lenient: without a content type, text/plain and
    /// application/octet-stream only
    #[arg(
        long,
        value_name = "WHICH",
        value_enum,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "any",
        help_heading = ANSWER
    )]
    pub(crate) any_content_type: Option<AnyContentType>,
    /// Take JSON too: where the server answers so and not by a stream, print that as the one event and end
    #[arg(long, help_heading = ANSWER)]
    pub(crate) json_answer: bool,

    /// How events are printed, as explained below
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, help_heading = OUTPUT)]
    pub(crate) output: Format,
    /// The same as --output json
    #[arg(long, conflicts_with = "output", help_heading = OUTPUT)]
    pub(crate) json: bool,
    /// Print with each event when it came
    #[arg(long, help_heading = OUTPUT)]
    pub(crate) timestamps: bool,
    /// Print comments and reconnection times too, and the server's pings of a WebSocket
    #[arg(short, long, help_heading = OUTPUT)]
    pub(crate) verbose: bool,
    /// Print only events of which this holds, as written below; may be repeated: then all must hold
    #[arg(long, value_name = "CONDITION", value_parser = Condition::filter, help_heading = OUTPUT)]
    pub(crate) filter: Vec<Condition>,

    /// End after so many events were printed
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = END)]
    pub(crate) count: Option<u64>,
    /// End with the event whose data is this, or of which this condition holds; may be repeated: then the first ends it
    #[arg(long, value_name = "DATA|CONDITION", value_parser = Condition::until, help_heading = END)]
    pub(crate) until: Vec<Condition>,
    /// End after so long, whatever happens
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, help_heading = END)]
    pub(crate) timeout: Option<Duration>,

    /// Record all that comes, whatever is printed of it, with its time
    #[arg(long, value_name = "FILE", help_heading = RECORDING)]
    pub(crate) save: Option<PathBuf>,
    /// Let --save replace a file
    #[arg(long, requires = "save", help_heading = RECORDING)]
    pub(crate) overwrite: bool,
    /// Play a recording as it came, instead of connecting
    #[arg(long, value_name = "FILE", conflicts_with_all = LIVE, help_heading = RECORDING)]
    pub(crate) replay: Option<PathBuf>,
    /// Play so many times as fast, or without any wait: 0.5, 10, max
    #[arg(long, value_name = "N|max", value_parser = speed, requires = "replay", conflicts_with = "url", default_value = "1", help_heading = RECORDING)]
    pub(crate) speed: Speed,
}

/// When a request that may do something is sent again.
// No doc comments here and below: clap would make the help of every option longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RetryPost {
    Refused,
    Resume,
    Always,
}

/// What is taken for a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AnyContentType {
    Any,
    Lenient,
}

/// How events are printed; told in [`EXAMPLES`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    #[default]
    Plain,
    Pretty,
    Data,
    Raw,
    Json,
}

/// How fast a recording is played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Speed {
    /// So many times as fast as it came.
    Times(f64),
    /// Without waits.
    Max,
}

impl Tail {
    /// Returns how events are printed.
    pub(crate) fn format(&self) -> Format {
        if self.json { Format::Json } else { self.output }
    }
}

/// Reads a speed.
fn speed(text: &str) -> Result<Speed, String> {
    match text.parse() {
        _ if text == "max" => Ok(Speed::Max),
        Ok(times) if f64::is_normal(times) && times > 0.0 => Ok(Speed::Times(times)),
        _ => Err("write how many times as fast, such as 10 or 0.5, or max".into()),
    }
}

const REQUEST: &str = "Request";
const CONNECTION: &str = "Connection";
const AGAIN: &str = "Connecting again";
const ANSWER: &str = "The answer";
const OUTPUT: &str = "Output";
const END: &str = "The end";
const RECORDING: &str = "Recording";

/// What says something about a connection, of which a recording has none.
const LIVE: [&str; 26] = [
    "url",
    "send",
    "binary",
    "protocol",
    "ping",
    "header",
    "request",
    "data",
    "bearer",
    "user_agent",
    "last_event_id",
    "compressed",
    "proxy",
    "no_proxy",
    "unix_socket",
    "cacert",
    "insecure",
    "no_reconnect",
    "max_delay",
    "max_failures",
    "retry_status",
    "retry_post",
    "any_content_type",
    "json_answer",
    "save",
    "overwrite",
];

const EXAMPLES: &str = "\
Examples:
  tidewire tail localhost:8080/v1/events?channel=news
  tidewire tail --json --count 10 --timeout 1m localhost:8080/v1/events?channel=news
  tidewire tail --bearer @token.txt -d @request.json --until '[DONE]' --output data \\
    api.example.org/v1/chat
  tidewire tail --retry-status=429,5xx --max-delay 5s --idle-timeout 45s example.org/events
  tidewire tail --json-answer --head-timeout 10m -d @request.json api.example.org/v1/chat
  tidewire tail --proxy proxy.internal:3128 --cacert ca.pem https://events.internal/
  tidewire tail --filter event=trade --filter /symbol=ACME --output pretty \\
    --timestamps example.org/events
  tidewire tail --save today.jsonl example.org/events
  tidewire tail --replay today.jsonl --speed 10 --filter event=alert
  tidewire tail wss://example.org/feed
  echo '{\"subscribe\":\"news\"}' | tidewire tail --send --count 10 --json wss://example.org/feed

Formats of --output:
  plain   the data, after the event's type in brackets unless that is 'message'
  pretty  type and last event ID, then the data, indented if it is JSON
  data    the data alone
  raw     an event stream again: each event as it came, in the usual spelling
  json    one JSON object a line, with what happens to the connection
On a terminal, control characters are shown and not obeyed; nor is what turns
the direction of text. A message of a WebSocket that is bytes has [binary]
before it and is in base64, with pretty in hexadecimal; data gives programs the
bytes as they are, without a line end. raw is for event streams only.

Conditions of --filter and --until:
  event=NAME  id=ID  data=TEXT   that it is; * stands for anything, \\* for a star
  event!=NAME …                  that it is not
  /choices/0/text=TEXT           of data that is JSON, what this JSON pointer finds
  /error  !/error                that it finds something, or nothing
Messages of a WebSocket have no ID, and event=text or event=binary.
--until takes anything else as the data itself: --until '[DONE]'. A stream that
ends for good before that is a failure with an exit code of its own.

--send takes a next line when the last one is on its way. What could not be sent
is told, and the exit code says so; nothing is sent twice. A WebSocket is opened
again as an event stream is, but what the server closes with 1000, or with a code
that another attempt would not change, stays closed.

What happens to the connection is told on standard error; on a terminal a line
there counts down to the next attempt. --json prints all on standard output;
--timestamps puts \"time\":\"2026-11-21T14:19:22.123Z\" before \"t\":
  {\"t\":\"open\",\"url\":…,\"status\":200}
  {\"t\":\"event\",\"type\":\"message\",\"data\":…,\"id\":…,\"own_id\":…}
    id: the last event ID as of this event; own_id: the event's own, if any
  {\"t\":\"comment\",\"comment\":…}   with --verbose
  {\"t\":\"retry\",\"ms\":3000}       with --verbose
  {\"t\":\"error\",\"state\":\"connecting\",\"reason\":…,\"retry_in_ms\":…}
  {\"t\":\"error\",\"state\":\"closed\",\"reason\":…,\"status\":…}   no request follows
  {\"t\":\"closed\",\"reason\":…}     the last line
Of a WebSocket, open may have \"protocol\":… and \"compressed\":true, error the
close \"code\" and the number of messages \"unsent\", and there are
  {\"t\":\"message\",\"text\":…}  or  {\"t\":\"message\",\"base64\":…}
  {\"t\":\"ping\",\"payload\":…}     with --verbose
  {\"t\":\"closed\",\"code\":1000,\"reason\":…}   as the server says; else no code
A recording (--save) is the lines of --json --timestamps --verbose, before any
filter; tidewire encode makes an event stream of it.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_a_number_or_max() {
        assert_eq!(speed("max"), Ok(Speed::Max));
        assert_eq!(speed("0.5"), Ok(Speed::Times(0.5)));
        for text in ["", "0", "-1", "fast", "inf", "nan"] {
            assert!(speed(text).is_err(), "{text}");
        }
    }
}
