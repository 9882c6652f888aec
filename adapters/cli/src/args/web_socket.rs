//! The arguments of `tidewire tail` that only a WebSocket has.

use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::duration;

/// What only a WebSocket has.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "A WebSocket")]
pub(crate) struct WebSocket {
    /// Send standard input, each line a message, and at its end close the WebSocket, or stay and go on reading; alone it means
    /// close, but stay with --count or --until, which say themselves when to end
    #[arg(long, value_name = "THEN", value_enum, num_args = 0..=1, require_equals = true)]
    pub(crate) send: Option<Option<Then>>,
    /// Send lines as bytes, whatever they are, and not as text
    #[arg(long, requires = "send")]
    pub(crate) binary: bool,
    /// Ask for this subprotocol; may be repeated, the best first
    #[arg(long, value_name = "NAME")]
    pub(crate) protocol: Vec<String>,
    /// Ping the server after such a silence [default: 30s; with --idle-timeout at most half of it]
    #[arg(long, value_name = "DURATION", value_parser = duration::positive)]
    pub(crate) ping: Option<Duration>,
}

/// What follows on the end of the input.
// No doc comments here: clap would make the help of every option longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Then {
    Close,
    Stay,
}
