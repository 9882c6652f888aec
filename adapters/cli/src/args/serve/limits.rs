//! What a server allows and what it does to readers that are too slow.

use std::num::NonZeroUsize;

use clap::{Args, ValueEnum};

use super::{LIMITS, count};

#[derive(Debug, Args)]
pub(crate) struct Limits {
    /// Connections in all; one more is told to come back later, as --busy says
    #[arg(long, value_name = "COUNT", value_parser = count::positive::<NonZeroUsize>, default_value = "100000", help_heading = LIMITS)]
    pub(crate) max_connections: NonZeroUsize,
    /// Connections from one IPv4 address or one /64 of IPv6; behind a proxy all come from that of the proxy. Over HTTP/2 each
    /// stream counts here and above, too
    #[arg(long, value_name = "COUNT", value_parser = count::positive::<NonZeroUsize>, default_value = "20000", help_heading = LIMITS)]
    pub(crate) max_connections_per_ip: NonZeroUsize,
    /// Readers of one channel [default: as many as there are connections]
    #[arg(long, value_name = "COUNT", value_parser = count::positive::<NonZeroUsize>, help_heading = LIMITS)]
    pub(crate) max_readers: Option<NonZeroUsize>,
    /// Bytes of a publication
    #[arg(long, value_name = "BYTES", value_parser = count::positive::<NonZeroUsize>, default_value = "65536", help_heading = LIMITS)]
    pub(crate) max_message: NonZeroUsize,
    /// Publications of a channel that a reader may be behind before --on-lag holds [default: as many as are kept]
    #[arg(long, value_name = "COUNT", value_parser = count::positive::<NonZeroUsize>, help_heading = LIMITS)]
    pub(crate) max_behind: Option<NonZeroUsize>,
    /// Bytes that it may be behind [default: as many as are kept]
    #[arg(long, value_name = "BYTES", value_parser = count::positive::<NonZeroUsize>, help_heading = LIMITS)]
    pub(crate) max_behind_bytes: Option<NonZeroUsize>,
    /// What then becomes of a reader that is too slow
    #[arg(long, value_name = "WHAT", value_enum, default_value_t, help_heading = LIMITS)]
    pub(crate) on_lag: OnLag,
}

/// What becomes of a reader that is too far behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnLag {
    /// It is told a gap, and goes on from the oldest that is within bounds
    #[default]
    Gap,
    /// Its connection is reset; it comes back and resumes
    End,
    /// It is told a gap, and goes on with the latest
    Latest,
}
