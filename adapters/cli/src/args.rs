//! The command line.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::time::Duration;

use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::duration;
use crate::exit::Exit;

/// Realtime event streams: serve, follow, publish, read and write them. Without a command, the server starts.
#[derive(Debug, Parser)]
#[command(name = "tidewire", version, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) serve: Serve,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(Serve),
    Tail(Tail),
    Publish(Publish),
    Parse(Parse),
    Encode(Encode),
}

/// Start a server of channels, with a live page
#[derive(Debug, Args)]
#[command(after_help = SERVE_EXAMPLES)]
pub(crate) struct Serve {
    /// Where to listen; port 0 takes a free one, which the first line names
    #[arg(short, long, value_name = "ADDR", value_parser = listen, default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// What carries the sockets
    #[arg(long, value_enum, default_value_t)]
    pub(crate) runtime: Runtime,
    /// Let pages of this origin use the server, such as `https://example.org`; may be repeated
    #[arg(long, value_name = "ORIGIN", value_parser = origin)]
    pub(crate) allow_origin: Vec<String>,
    /// Answer only for this host, such as events.example.org, and localhost; may be repeated [default: on loopback
    /// localhost alone, else any host]
    #[arg(long, value_name = "HOST", value_parser = host)]
    pub(crate) allow_host: Vec<String>,
    /// Silence on a stream before a keep-alive comment is sent
    #[arg(long, value_name = "DURATION", value_parser = duration::positive, default_value = "15s")]
    pub(crate) keep_alive: Duration,
    /// Publications a channel keeps, for readers that come back
    #[arg(long, value_name = "COUNT", default_value = "10000")]
    pub(crate) history: NonZeroUsize,
    /// Bytes a channel keeps
    #[arg(long, value_name = "BYTES", default_value_t = 8 << 20)]
    pub(crate) history_bytes: usize,
    /// Bytes all channels keep together
    #[arg(long, value_name = "BYTES", default_value_t = 256 << 20)]
    pub(crate) history_total: usize,
    /// How long a channel keeps a publication
    #[arg(long, value_name = "DURATION", value_parser = duration::positive, default_value = "24h")]
    pub(crate) history_age: Duration,
    /// Log more, to standard error: -v connections, -vv everything
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

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
    /// Give up on a publication after so long
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, default_value = "30s")]
    pub(crate) timeout: Duration,
}

/// Read an event stream from standard input and print its events
#[derive(Debug, Args)]
#[command(after_help = PARSE_EXAMPLES)]
pub(crate) struct Parse {
    /// Print one JSON object a line, comments and reconnection times too
    #[arg(long)]
    pub(crate) json: bool,
    /// Tell each place where the stream is wrong and the standard passes over it; the exit code is 7 if there was one
    #[arg(long)]
    pub(crate) strict: bool,
}

/// Read what parse --json and tail --json print and write it as an event stream
#[derive(Debug, Args)]
#[command(after_help = ENCODE_EXAMPLES)]
pub(crate) struct Encode {}

/// What carries the sockets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Runtime {
    #[default]
    Tokio,
    Smol,
}

impl Arguments {
    /// Reads the command line; a wrong one, `--help` and `--version` end the program here.
    pub(crate) fn read() -> Self {
        let matches = Self::documented().get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// Returns the command line's description with the exit codes in every `--help`.
    fn documented() -> clap::Command {
        Self::command().after_help(format!("{EXAMPLES}\n\n{}", Exit::table())).mut_subcommands(|command| {
            let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            command.after_help(format!("{examples}\n\n{}", Exit::table()))
        })
    }

    pub(crate) fn into_command(self) -> Command {
        self.command.unwrap_or(Command::Serve(self.serve))
    }
}

/// Reads an address to listen on; `localhost` and a port alone mean this machine.
fn listen(text: &str) -> Result<SocketAddr, String> {
    let local = text.strip_prefix("localhost:").or(text.strip_prefix(':')).unwrap_or(text);
    match local.parse() {
        Ok(port) => Ok((Ipv4Addr::LOCALHOST, port).into()),
        Err(_) => text.parse().map_err(|_| "write an address and a port, such as 127.0.0.1:9000 or [::1]:9000".into()),
    }
}

/// Reads an origin as browsers write it, or `*`.
fn origin(text: &str) -> Result<String, String> {
    let (scheme, host) = text.split_once("://").unwrap_or(("", text));
    if text != "*" && (scheme.is_empty() || host.is_empty() || host.contains(['/', '?', '#', '@', ' '])) {
        return Err("write it as browsers do: https://example.org or http://localhost:3000, with no path; or *".into());
    }
    if (scheme == "https" && host.ends_with(":443")) || (scheme == "http" && host.ends_with(":80")) {
        return Err(format!("browsers leave out the usual port of {scheme}, and so should this"));
    }
    Ok(text.to_owned())
}

/// Reads a host as it stands in a `Host` field.
fn host(text: &str) -> Result<String, String> {
    let bare = text.rsplit_once(':').filter(|_| !text.ends_with(']')).map_or(text, |(bare, _)| bare);
    if bare.is_empty() || text.contains(['/', '?', '#', '@', ' ']) || (bare.contains(':') && !bare.ends_with(']')) {
        return Err("write a host alone, or with a port: events.example.org, example.org:8080 or [::1]".into());
    }
    Ok(text.to_owned())
}

fn field(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("write it as 'Name: value'")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

const EXAMPLES: &str = "\
Examples:
  tidewire                                        start the server on 127.0.0.1:8080
  tidewire tail localhost:8080/v1/events?channel=news
  tidewire publish localhost:8080 --channel news 'Hello'
  curl -N https://example.org/events | tidewire parse --json";

const SERVE_EXAMPLES: &str = "\
Examples:
  tidewire serve
  tidewire serve --listen 9000 --history 100000 --history-age 1h
  tidewire serve --listen 0.0.0.0:8080 --allow-host events.example.org \\
    --allow-origin https://example.org";

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

const PUBLISH_EXAMPLES: &str = "\
Examples:
  tidewire publish localhost:8080 --channel news 'Hello'
  tidewire publish localhost:8080 --channel news --event alert --json '{\"level\":3}'
  date | tidewire publish localhost:8080 --channel news
  tail -f /var/log/syslog |
    tidewire publish localhost:8080 --channel log --lines";

const PARSE_EXAMPLES: &str = "\
Examples:
  curl -N https://example.org/events | tidewire parse
  tidewire parse --json < recorded.txt
  tidewire parse --strict < recorded.txt > /dev/null && echo fine

An event is printed as its data, after its type in brackets unless that is
'message'. --json prints one object a line:
  {\"t\":\"event\",\"type\":\"message\",\"data\":…,\"id\":…,\"own_id\":…}
    id: the last event ID as of this event; own_id: the event's own, if any
  {\"t\":\"comment\",\"comment\":…}
  {\"t\":\"retry\",\"ms\":3000}";

const ENCODE_EXAMPLES: &str = "\
Examples:
  echo '{\"t\":\"event\",\"type\":\"add\",\"data\":\"1\",\"own_id\":\"7\"}' | tidewire encode
  tidewire parse --json < in.txt | jq -c 'select(.type == \"add\")' |
    tidewire encode > out.txt

An event's own_id is written as its id; its id (the last event ID) is what
readers work out themselves and is not written. 'open', 'error' and 'closed'
are no part of a stream: these lines are read over.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_is_consistent() {
        Arguments::documented().debug_assert();
    }

    #[test]
    fn a_port_alone_is_one_of_this_machine() {
        for text in ["9000", ":9000", "localhost:9000", "127.0.0.1:9000"] {
            assert_eq!(listen(text).unwrap().to_string(), "127.0.0.1:9000");
        }
        assert_eq!(listen("[::1]:0").unwrap().to_string(), "[::1]:0");
        for text in ["", "localhost", "127.0.0.1", "99999", "example.org:80"] {
            assert!(listen(text).is_err(), "{text}");
        }
    }

    #[test]
    fn origins_and_hosts_are_such_as_browsers_send() {
        for text in ["*", "https://example.org", "http://localhost:3000", "http://[::1]:3000"] {
            assert_eq!(origin(text).as_deref(), Ok(text));
        }
        for text in ["", "example.org", "https://", "https://example.org/", "https://example.org:443", "http://a:80"] {
            assert!(origin(text).is_err(), "{text}");
        }
        for text in ["example.org", "example.org:8080", "[::1]", "[::1]:8080"] {
            assert_eq!(host(text).as_deref(), Ok(text));
        }
        for text in ["", ":80", "http://example.org", "https://example.org:80", "example.org/", "::1"] {
            assert!(host(text).is_err(), "{text}");
        }
    }

    #[test]
    fn no_command_is_serve() {
        let arguments = Arguments::parse_from(["tidewire", "--listen", "127.0.0.1:1"]);
        let Command::Serve(serve) = arguments.into_command() else { panic!("another command") };
        assert_eq!(serve.listen.port(), 1);
        assert!(matches!(Arguments::parse_from(["tidewire"]).into_command(), Command::Serve(_)));
        assert!(matches!(Arguments::parse_from(["tidewire", "encode"]).into_command(), Command::Encode(_)));
    }
}
