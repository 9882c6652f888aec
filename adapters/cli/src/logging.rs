//! The log of `serve`: on standard error, quiet unless asked.

use std::{env, io};

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::exit::{Exit, Failure};
use crate::output;

/// Starts the log; the variable `TIDEWIRE_LOG` says more exactly what is in it, such as `tidewire=debug`.
pub(crate) fn start(verbose: u8) -> Result<(), Failure> {
    let level = match verbose {
        0 => "warn",
        1 => "tidewire=debug,warn",
        _ => "trace",
    };
    let chosen = env::var("TIDEWIRE_LOG").unwrap_or_else(|_| level.into());
    let filter: Targets = chosen
        .parse()
        .map_err(|error| Failure::new(Exit::Usage, format!("TIDEWIRE_LOG={chosen}: {error}; try tidewire=debug")))?;
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(output::colors());
    tracing_subscriber::registry().with(lines).with(filter).init();
    Ok(())
}
