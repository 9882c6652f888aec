//! Why the program ends: one code a cause, so that a script can tell them apart.

use std::fmt::Write;
use std::process::ExitCode;

/// The cause of an end; the number is what a script sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Done = 0,
    Failed = 1,
    Usage = 2,
    Network = 3,
    Refused = 4,
    NotAStream = 5,
    NoContent = 6,
    BadInput = 7,
    Unfinished = 8,
    Listen = 9,
    NotReached = 10,
    Between = 11,
    Faulty = 12,
    Unsent = 13,
    Timeout = 124,
    Interrupted = 130,
}

impl Exit {
    /// Returns the table of `--help`.
    pub(crate) fn table() -> String {
        let mut table = String::from("Exit codes:");
        for (exit, cause) in CAUSES {
            // Writing to a String does not fail.
            let _ = write!(table, "\n  {:>3}  {cause}", exit as u8);
        }
        table
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An end that is not [`Exit::Done`], with the sentence that explains it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    /// Returns a failure of which everything was said already.
    pub(crate) fn told(exit: Exit) -> Self {
        Self { exit, message: String::new() }
    }
}

/// Each fits a line of a terminal of 80 columns.
const CAUSES: [(Exit, &str); 16] = [
    (Exit::Done, "done, or nobody reads our output any more"),
    (Exit::Failed, "something unexpected, such as a file that cannot be read"),
    (Exit::Usage, "the command line is wrong"),
    (Exit::Network, "no connection, or it was lost and --no-reconnect is set"),
    (Exit::Refused, "the server refused: its status, or close code, is no success"),
    (Exit::NotAStream, "the answer is no stream, or breaks rules or limits"),
    (Exit::NoContent, "the server said 204: there is nothing (more) to follow"),
    (Exit::BadInput, "the input broke the rules, on standard input or in a file"),
    (Exit::Unfinished, "the input ended in the middle of an event"),
    (Exit::Listen, "the address to listen on cannot be used"),
    (Exit::NotReached, "the stream ended before what --until waits for"),
    (Exit::Between, "doctor: something stands between a client and the stream"),
    (Exit::Faulty, "bench: events missing, doubled or out of order, or readers refused"),
    (Exit::Unsent, "--send: some of the input could not be sent"),
    (Exit::Timeout, "the time of --timeout is over"),
    (Exit::Interrupted, "interrupted (for serve: twice, before it was drained)"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_fits_a_terminal() {
        assert!(Exit::table().lines().all(|line| line.len() < 80), "{}", Exit::table());
    }

    #[test]
    fn the_table_names_each_code_once() {
        let table = Exit::table();
        let codes: Vec<u8> =
            table.lines().skip(1).filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 124, 130]);
    }
}
