//! `tidewire tail`: follows an event stream, or a WebSocket.

use std::path::Path;

use futures_lite::future;
use smol::Timer;
use smol::channel::Receiver;

use crate::args::{Runtime, Tail};
use crate::exit::{Exit, Failure};
use crate::stop::{self, Cause};

mod binary;
mod condition;
mod config;
mod recording;
mod status;
mod statuses;
mod story;
mod view;
mod web_socket;

pub(crate) use condition::Condition;
use recording::{Player, Recorder};
pub(crate) use statuses::parse as statuses;
use view::{Shown, View};

pub(crate) fn run(args: &Tail) -> Result<(), Failure> {
    let exit = match &args.replay {
        Some(file) => play(args, file),
        None => connect(args),
    }?;
    if exit == Exit::Done { Ok(()) } else { Err(Failure::told(exit)) }
}

/// Follows what is at the URL.
fn connect(args: &Tail) -> Result<Exit, Failure> {
    let config = config::config(args)?;
    if config.url.is_web_socket() {
        return web_socket::connect(args, config);
    }
    web_socket::of_web_sockets(args)?;
    let tls = args.network.tls()?;
    let recorder = args.save.as_deref().map(|file| Recorder::create(file, args.overwrite)).transpose()?;
    let stopped = stop::watch(args.timeout, Some(stop::GRACE))?;
    let mut view = View::new(args, recorder);
    view.begin(&format!("connecting to {}", config.url));
    match args.runtime {
        Runtime::Tokio => args.runtime.block_on(async {
            let connector = tidewire_tokio::Connector::new().with_tls(tls);
            let mut source = tidewire_tokio::EventSource::with_connector(config, connector);
            let show = |view: &mut View, event| view.event(&event);
            follow(async || source.next().await, show, &stopped, &mut view).await
        }),
        Runtime::Smol => args.runtime.block_on(async {
            let connector = tidewire_smol::Connector::new().with_tls(tls);
            let mut source = tidewire_smol::EventSource::with_connector(config, connector);
            let show = |view: &mut View, event| view.event(&event);
            follow(async || source.next().await, show, &stopped, &mut view).await
        }),
    }
}

/// Plays a recording.
fn play(args: &Tail, file: &Path) -> Result<Exit, Failure> {
    let mut player = Player::open(file, args.speed)?;
    let stopped = stop::watch(args.timeout, Some(stop::GRACE))?;
    let mut view = View::new(args, None);
    view.begin(&format!("playing {}", file.display()));
    args.runtime.block_on(async {
        let show = |view: &mut View, line: Result<_, _>| view.recorded(&line?);
        follow(async || player.next().await, show, &stopped, &mut view).await
    })
}

/// Shows what comes until something is the last, or a cause to stop comes. `next` is cancel-safe.
async fn follow<T>(
    mut next: impl AsyncFnMut() -> Option<T>,
    mut show: impl FnMut(&mut View, T) -> Result<Shown, Failure>,
    stopped: &Receiver<Cause>,
    view: &mut View,
) -> Result<Exit, Failure> {
    loop {
        let ready = match stopped.try_recv() {
            Ok(cause) => Some(Turn::Stop(cause)),
            Err(_) => future::poll_once(next()).await.map(Turn::Next),
        };
        let turn = match ready {
            Some(turn) => turn,
            None => {
                // What came in one go is written in one go, and nothing waits while we do.
                view.flush()?;
                let stop = async { Turn::Stop(stopped.recv().await.unwrap_or(Cause::Interrupted)) };
                let redraw = redraw(view);
                future::or(stop, future::or(async { Turn::Next(next().await) }, redraw)).await
            }
        };
        let shown = match turn {
            Turn::Next(Some(event)) => match show(view, event) {
                Ok(shown) => shown,
                Err(failure) => {
                    // What came before the failure was good.
                    view.flush()?;
                    return Err(failure);
                }
            },
            Turn::Next(None) => view.played()?,
            Turn::Redraw => {
                view.redraw();
                continue;
            }
            Turn::Stop(Cause::Timeout) => view.stopped("the time of --timeout is over", Exit::Timeout)?,
            Turn::Stop(Cause::Interrupted) => view.stopped("interrupted", Exit::Interrupted)?,
        };
        if let Shown::Last(exit) = shown {
            view.flush()?;
            return Ok(exit);
        }
    }
}

/// What comes next.
enum Turn<T> {
    Next(Option<T>),
    Redraw,
    Stop(Cause),
}

async fn redraw<T>(view: &View) -> Turn<T> {
    match view.redraw_in() {
        Some(after) => drop(Timer::after(after).await),
        None => future::pending().await,
    }
    Turn::Redraw
}
