//! `tidewire tail`: follows an event stream.

use std::fs;
use std::io::Read;

use futures_lite::future;
use smol::channel::Receiver;
use tidewire_core::client::{Config, Event, Resend, RetryStatus};
use tidewire_core::http::Method;
use tidewire_core::sse::EventId;

use crate::args::{Runtime, Tail};
use crate::exit::{Exit, Failure};
use crate::stop::{self, Cause};
use crate::view::{Shown, View};
use crate::{stdin, target};

pub(crate) fn run(args: &Tail) -> Result<(), Failure> {
    let config = config(args)?;
    let stopped = stop::watch(args.timeout)?;
    let mut view = View::new(args);
    view.connecting(&config.url.to_string());
    let exit = match args.runtime {
        Runtime::Tokio => args.runtime.block_on(async {
            let mut source = tidewire_tokio::EventSource::new(config);
            follow(async || source.next().await, &stopped, &mut view).await
        }),
        Runtime::Smol => args.runtime.block_on(async {
            let mut source = tidewire_smol::EventSource::new(config);
            follow(async || source.next().await, &stopped, &mut view).await
        }),
    }?;
    if exit == Exit::Done { Ok(()) } else { Err(Failure::told(exit)) }
}

/// Shows events until one is the last, or a cause to stop comes. `next` is cancel-safe.
async fn follow(
    mut next: impl AsyncFnMut() -> Option<Event>,
    stopped: &Receiver<Cause>,
    view: &mut View,
) -> Result<Exit, Failure> {
    loop {
        let ready = match stopped.try_recv() {
            Ok(cause) => Some(Err(cause)),
            Err(_) => future::poll_once(next()).await.map(Ok),
        };
        let event = match ready {
            Some(event) => event,
            None => {
                // What came in one go is written in one go, and nothing waits while we do.
                view.flush()?;
                let stop = async { Err(stopped.recv().await.unwrap_or(Cause::Interrupted)) };
                future::or(stop, async { Ok(next().await) }).await
            }
        };
        let shown = match event {
            Ok(Some(event)) => view.event(&event)?,
            Ok(None) => Shown::Last(Exit::Done),
            Err(Cause::Timeout) => view.stopped("the time of --timeout is over", Exit::Timeout)?,
            Err(Cause::Interrupted) => view.stopped("interrupted", Exit::Interrupted)?,
        };
        if let Shown::Last(exit) = shown {
            view.flush()?;
            return Ok(exit);
        }
    }
}

fn config(args: &Tail) -> Result<Config, Failure> {
    let mut config = Config::new(target::url(&args.url)?);
    config.fields = target::fields(&args.header)?;
    if let Some(data) = &args.data {
        config.method = Method::POST;
        config.body = Some(body(data)?.into());
    }
    if let Some(method) = &args.request {
        config.method = Method::new(method).map_err(|error| usage(format!("-X {method}: {error}")))?;
    }
    if let Some(id) = &args.last_event_id {
        let id = EventId::new(id.clone()).map_err(|error| usage(format!("--last-event-id: {error}")))?;
        config.last_event_id = Some(id);
    }
    config.read_timeout = Some(args.read_timeout);
    config.reconnect = !args.no_reconnect;
    if args.retry_status {
        config.retry_status = RetryStatus::Transient;
    }
    if args.resend {
        config.resend = Resend::Always;
    }
    Ok(config)
}

/// Reads the body that `--data` names.
fn body(data: &str) -> Result<Vec<u8>, Failure> {
    let read = match data.strip_prefix('@').unwrap_or(data) {
        "-" => {
            let mut body = Vec::new();
            stdin::open().read_to_end(&mut body).map(|_| body)
        }
        file if data.starts_with('@') => fs::read(file),
        data => Ok(data.into()),
    };
    read.map_err(|error| Failure::new(Exit::Failed, format!("--data {data}: {error}")))
}

fn usage(message: String) -> Failure {
    Failure::new(Exit::Usage, message)
}
