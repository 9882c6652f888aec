//! The command line.

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::exit::Exit;

mod bench;
mod count;
mod doctor;
mod network;
mod parse;
mod publish;
mod serve;
mod tail;
mod web_socket;

pub(crate) use bench::Bench;
pub(crate) use doctor::Doctor;
pub(crate) use network::Network;
pub(crate) use parse::{Encode, Parse};
pub(crate) use publish::Publish;
use serve::origin;
pub(crate) use serve::{Busy, Form, Limits, OnLag, Serve, Streams, When};
pub(crate) use tail::{AnyContentType, Format, RetryPost, Speed, Tail};
pub(crate) use web_socket::{Then, WebSocket};

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
    Tail(Box<Tail>),
    Publish(Publish),
    Doctor(Doctor),
    Bench(Box<Bench>),
    Parse(Parse),
    Encode(Encode),
}

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

/// Reads a header field.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_is_consistent() {
        Arguments::documented().debug_assert();
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
