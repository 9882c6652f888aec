//! The arguments of `tidewire parse` and `tidewire encode`.

use clap::Args;

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
