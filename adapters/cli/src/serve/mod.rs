//! `tidewire serve`: the server of channels.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use smol::channel::Receiver;
use tidewire_core::api::Api;
use tidewire_core::channels::Channels;
use tidewire_std::{Clock, OsRandom, SharedApi};

use crate::args::{Runtime, Serve};
use crate::exit::Failure;
use crate::stop::{self, Cause};
use crate::{descriptors, logging, output};

mod config;
mod http2;
mod listen;

use listen::{cannot_listen, listen};

pub(crate) fn run(args: &Serve) -> Result<(), Failure> {
    logging::start(args.verbose)?;
    descriptors::raise_limit();
    let (listener, address) = listen(args.listen, "--listen")?;
    let http2 = args.http2.map(|address| listen(address, "--http2")).transpose()?;
    let stopped = stop::watch(None, None)?;
    let clock = Clock::start();
    let api = config::api(args, address.ip());
    let session = config::session(&api);
    let channels = Channels::new(config::channels(args), Box::new(OsRandom), clock.now());
    let api = SharedApi::with_drain(Api::new(api), channels, session, clock, args.ending.drain);
    greet(address, http2.as_ref().map(|(_, address)| *address));
    // hyper's runtime, where the server's own is another.
    let beside = match (args.runtime, &http2) {
        (Runtime::Smol, Some(_)) => Some(http2::runtime()?),
        _ => None,
    };
    args.runtime.block_on(async {
        let http2 = match http2 {
            Some((listener, _)) => {
                let runtime = beside.as_ref().map_or_else(tokio::runtime::Handle::current, |own| own.handle().clone());
                Some(
                    http2::start(&runtime, listener, &api)
                        .map_err(|error| cannot_listen(address, "--http2", &error))?,
                )
            }
            None => None,
        };
        let shutdown = async {
            shutdown(&stopped, &api).await;
            drop(http2);
        };
        let not_usable = |error| cannot_listen(args.listen, "--listen", &error);
        match args.runtime {
            Runtime::Tokio => {
                let listener = tokio::net::TcpListener::from_std(listener).map_err(not_usable)?;
                tidewire_tokio::serve(listener, Arc::clone(&api), shutdown).await;
            }
            Runtime::Smol => {
                let listener = smol::Async::try_from(listener).map_err(not_usable)?;
                tidewire_smol::serve(listener.into(), Arc::clone(&api), shutdown).await;
            }
        }
        Ok(())
    })
}

/// Waits for Ctrl-C or SIGTERM.
async fn shutdown(stopped: &Receiver<Cause>, api: &SharedApi) {
    // An error would mean that nobody watches for signals any more: a reason to end as well.
    let _ = stopped.recv().await;
    let count = api.connections();
    output::tell(&format!("ending; connections told goodbye: {count} (Ctrl-C again ends at once)"));
}

/// Prints what to open; the first line is for programs, too: it ends with the address.
fn greet(address: SocketAddr, http2: Option<SocketAddr>) {
    // What one types to get there.
    let host =
        if address.ip().is_unspecified() { format!("localhost:{}", address.port()) } else { address.to_string() };
    let http2 = http2.map_or_else(String::new, |address| format!("tidewire listens for HTTP/2 on http://{address}\n"));
    let text = format!(
        "tidewire listens on http://{address}\n\
         {http2}\
         \n\
         \x20 open     http://{host}/\n\
         \x20 follow   curl -N 'http://{host}/v1/events?channel=news'\n\
         \x20     or   tidewire tail '{host}/v1/events?channel=news'\n\
         \x20 publish  tidewire publish {host} --channel news 'Hello'\n\
         \n\
         Ctrl-C ends it. Nothing is kept on disk.\n",
    );
    let mut stdout = io::stdout().lock();
    // A server whose output nobody reads serves all the same.
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}
