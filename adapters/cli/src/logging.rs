//! The log of `serve`: on standard error, quiet unless asked.

use std::io;

use tracing_subscriber::EnvFilter;

use crate::output;

/// Starts the log; `TIDEWIRE_LOG` says more exactly what is in it, in the words of `RUST_LOG`.
pub(crate) fn start(verbose: u8) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_env("TIDEWIRE_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(output::colors()).init();
}
