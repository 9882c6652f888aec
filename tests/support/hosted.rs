//! A server of an application's own on a runtime, in a thread, on a free port.

use std::net::{SocketAddr, TcpListener};
use std::thread::{self, JoinHandle};

use smol::channel::{Receiver, Sender};
use tidewire_std::EventServer;

/// A running server, which ends with the test.
pub(crate) struct Hosted {
    pub(crate) address: SocketAddr,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Serves on a listener until the channel is closed.
pub(crate) type Serve = fn(TcpListener, EventServer, Receiver<()>);

impl Hosted {
    pub(crate) fn start(serve: Serve, server: &EventServer) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (stop, stopping) = smol::channel::bounded(1);
        let server = server.clone();
        let thread = thread::spawn(move || serve(listener, server, stopping));
        Self { address, stop: Some(stop), thread: Some(thread) }
    }

    /// Begins the shutdown.
    pub(crate) fn stop(&mut self) {
        self.stop = None;
    }

    /// Waits until the server has ended.
    #[allow(dead_code, reason = "not every target waits")]
    pub(crate) fn ended(mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server does not panic");
        }
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take().filter(|_| !thread::panicking()) {
            thread.join().expect("the server does not panic");
        }
    }
}
