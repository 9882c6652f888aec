//! What readers are told of a server that is full or ends.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{ENDING, count};
use crate::duration;

#[derive(Debug, Args)]
pub(crate) struct Ending {
    /// What a reader gets for which there is no room
    #[arg(long, value_name = "WHAT", value_enum, default_value_t, help_heading = ENDING)]
    pub(crate) busy: Busy,
    /// How long streams and requests may take to end after Ctrl-C or SIGTERM; what is left then is dropped
    #[arg(long, value_name = "DURATION", value_parser = duration::positive, default_value = "10s", help_heading = ENDING)]
    pub(crate) drain: Duration,
    /// Tell each reader this as the last event, named system, when the server ends
    #[arg(long, value_name = "TEXT", help_heading = ENDING)]
    pub(crate) last_event: Option<String>,
    /// Readers that may come back in a second, when all were sent away at once: each is told its own time
    #[arg(long, value_name = "COUNT", value_parser = count::positive::<NonZeroU32>, default_value = "1000", help_heading = ENDING)]
    pub(crate) return_rate: NonZeroU32,
}

/// What a reader gets for which there is no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Busy {
    /// 503 with Retry-After, which programs heed; a page's EventSource would give up for good
    Status,
    /// A stream that only says when to come back, and ends; pages heed it
    Stream,
    /// A stream for browsers, the status for everybody else
    #[default]
    ByClient,
}
