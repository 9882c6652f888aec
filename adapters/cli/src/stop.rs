//! What ends a run from outside: Ctrl-C, SIGTERM, and the time of `--timeout`.

use std::process;
use std::thread;
use std::time::Duration;

use async_signal::{Signal, Signals};
use futures_lite::{StreamExt, future};
use smol::channel::{self, Receiver};

use crate::exit::{Exit, Failure};

/// Why to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Interrupted,
    Timeout,
}

/// Watches for the first cause to stop, which the receiver gets. What does not heed it is ended: by a second signal, or after
/// `grace`, if there is such a bound. Hence the thread of its own: a write to a pipe that nobody reads must not hold the program.
pub(crate) fn watch(timeout: Option<Duration>, grace: Option<Duration>) -> Result<Receiver<Cause>, Failure> {
    let mut signals = Signals::new(SIGNALS)
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot listen for signals: {error}")))?;
    let (sender, receiver) = channel::bounded(1);
    thread::spawn(move || {
        let interrupted = async {
            signals.next().await;
            Cause::Interrupted
        };
        let cause = future::block_on(future::or(interrupted, async {
            after(timeout).await;
            Cause::Timeout
        }));
        // Nobody there to hear it: the program is ending already.
        let _ = sender.try_send(cause);
        future::block_on(future::or(async { drop(signals.next().await) }, after(grace)));
        process::exit(match cause {
            Cause::Interrupted => Exit::Interrupted,
            Cause::Timeout => Exit::Timeout,
        } as i32);
    });
    Ok(receiver)
}

async fn after(timeout: Option<Duration>) {
    match timeout {
        Some(timeout) => drop(smol::Timer::after(timeout).await),
        None => future::pending().await,
    }
}

#[cfg(unix)]
const SIGNALS: [Signal; 2] = [Signal::Int, Signal::Term];
#[cfg(not(unix))]
const SIGNALS: [Signal; 1] = [Signal::Int];

/// How long a run that is over may take to say so.
pub(crate) const GRACE: Duration = Duration::from_secs(1);
