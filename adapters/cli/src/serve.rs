//! `tidewire serve`: the server of channels.

use std::io::{self, ErrorKind, Write};
use std::net::{IpAddr, SocketAddr, TcpListener};

use std::sync::Arc;

use smol::channel::Receiver;
use tidewire_core::channels::{self, Channels};
use tidewire_core::server::Heartbeat;
use tidewire_core::{api, server};
use tidewire_std::{Clock, OsRandom, SharedApi};

use crate::args::{Runtime, Serve};
use crate::exit::{Exit, Failure};
use crate::stop::{self, Cause};
use crate::{descriptors, logging, output};

pub(crate) fn run(args: &Serve) -> Result<(), Failure> {
    logging::start(args.verbose)?;
    descriptors::raise_limit();
    let listener = TcpListener::bind(args.listen).map_err(|error| cannot_listen(args.listen, &error))?;
    let cannot_listen = |error| cannot_listen(args.listen, &error);
    let address = listener.local_addr().map_err(cannot_listen)?;
    listener.set_nonblocking(true).map_err(cannot_listen)?;
    let stopped = stop::watch(None, None)?;
    let clock = Clock::start();
    let config = api_config(args, address.ip());
    let session = session_config(&config);
    let channels = Channels::new(channels_config(args), Box::new(OsRandom), clock.now());
    let api = SharedApi::new(api::Api::new(config), channels, session, clock);
    greet(address);
    args.runtime.block_on(async {
        let shutdown = shutdown(&stopped, &api);
        match args.runtime {
            Runtime::Tokio => {
                let listener = tokio::net::TcpListener::from_std(listener).map_err(cannot_listen)?;
                tidewire_tokio::serve(listener, Arc::clone(&api), shutdown).await;
            }
            Runtime::Smol => {
                let listener = smol::Async::try_from(listener).map_err(cannot_listen)?;
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
fn greet(address: SocketAddr) {
    // What one types to get there.
    let host =
        if address.ip().is_unspecified() { format!("localhost:{}", address.port()) } else { address.to_string() };
    let text = format!(
        "tidewire listens on http://{address}\n\
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

fn cannot_listen(address: SocketAddr, error: &io::Error) -> Failure {
    let why = match error.kind() {
        ErrorKind::AddrInUse => {
            let next = SocketAddr::new(address.ip(), address.port().checked_add(1).unwrap_or(8080));
            format!(
                "port {} is taken, perhaps by another tidewire. Choose another: tidewire serve --listen {next}\n\
                 (or --listen {}:0 for any that is free)",
                address.port(),
                address.ip()
            )
        }
        ErrorKind::PermissionDenied => format!(
            "no permission to listen on {address}; ports below 1024 are for the administrator. \
             Choose another: tidewire serve --listen {}:8080",
            address.ip()
        ),
        ErrorKind::AddrNotAvailable => format!(
            "{} is no address of this machine; take 127.0.0.1 (this machine only) or 0.0.0.0 (every network)",
            address.ip()
        ),
        _ => format!("cannot listen on {address}: {error}"),
    };
    Failure::new(Exit::Listen, why)
}

fn api_config(args: &Serve, ip: IpAddr) -> api::Config {
    let mut config = api::Config::default();
    let named = args.allow_host.iter().map(|host| host.as_str().into());
    if let Some(hosts) = &mut config.endpoint.access.hosts {
        hosts.push(SocketAddr::new(ip, 0).to_string().trim_end_matches(":0").into());
        hosts.extend(named);
    }
    // Beyond this machine one does not know by what names it is known, unless told.
    if !ip.is_loopback() && args.allow_host.is_empty() {
        config.endpoint.access.hosts = None;
    }
    config.endpoint.access.origins.extend(args.allow_origin.iter().map(|origin| origin.as_str().into()));
    config
}

fn channels_config(args: &Serve) -> channels::Config {
    let mut config = channels::Config::default();
    config.channel.topic.max_publications = args.history.get();
    config.channel.topic.max_bytes = args.history_bytes;
    config.log.max_bytes = args.history_total;
    config.log.max_age = Some(args.history_age);
    config.heartbeat = Some(Heartbeat::new(args.keep_alive));
    config
}

fn session_config(api: &api::Config) -> server::Config {
    let mut config = server::Config::default();
    // A message that is somewhat too long is told so in its own words; one far too long need not be taken in by each of
    // thousands of connections.
    config.max_body = 2 * api.max_message;
    config
}
