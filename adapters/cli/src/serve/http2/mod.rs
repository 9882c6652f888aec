//! The listener of `--http2`: HTTP/2 by hyper, on tokio; HTTP/1.1, where a client speaks that, as everywhere else.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tidewire_std::{SharedApi, accept_pause, trace, tune};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Handle, Runtime};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::exit::{Exit, Failure};

mod connection;
mod preface;
mod requests;
mod streams;

use preface::{Begun, Spoken};

/// Serves `api` on `listener` until it is dropped; what was accepted ends with the api.
#[derive(Debug)]
pub(super) struct Accepting(JoinHandle<()>);

/// Returns a runtime for hyper alone.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| Failure::new(Exit::Failed, format!("cannot start tokio, which --http2 needs: {error}")))
}

/// Begins to serve, as tasks of `runtime`.
pub(super) fn start(runtime: &Handle, listener: std::net::TcpListener, api: &Arc<SharedApi>) -> io::Result<Accepting> {
    let _entered = runtime.enter();
    let listener = TcpListener::from_std(listener)?;
    Ok(Accepting(runtime.spawn(accept_all(listener, Arc::clone(api)))))
}

impl Drop for Accepting {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn accept_all(listener: TcpListener, api: Arc<SharedApi>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                trace::accept(peer);
                // A socket that cannot be set up is broken, which reading it will show.
                let _ = tune(&stream);
                let api = Arc::clone(&api);
                tokio::spawn(async move { trace::ended(&serve_one(stream, peer, &api).await) });
            }
            Err(error) => {
                trace::accept_failed(&error);
                if let Some(time) = accept_pause(&error) {
                    sleep(time).await;
                }
            }
        }
    }
}

async fn serve_one(stream: TcpStream, peer: SocketAddr, api: &Arc<SharedApi>) -> io::Result<()> {
    // Who says nothing in the time of a head is gone, or means no good.
    let Ok(begun) = timeout(api.session_config().head_timeout, Begun::read(stream)).await else { return Ok(()) };
    match begun? {
        (Spoken::Http1, stream) => tidewire_tokio::serve_connection_from(api, stream, peer.ip(), Begun::reset).await,
        (Spoken::Http2, stream) => connection::serve(stream, peer, api).await,
    }
}
