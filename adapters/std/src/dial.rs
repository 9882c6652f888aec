//! Connecting without async: a thread that may block, so that whoever waits for it can stop waiting.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tidewire_core::client::{ConnectError, Peer, Progress};

use crate::race::{ATTEMPT_DELAY, take_turns};
use crate::{connect_error, tune};

/// What whoever waits for a connection, or for anything else, is told.
#[derive(Debug)]
pub(crate) enum Note {
    /// The application asked for something.
    Asked,
    /// A step is done.
    Step(Progress),
    /// The peer took the connection, or did not.
    Connected(Result<Socket, ConnectError>),
    /// What the peer said; nothing is its end.
    Heard(io::Result<Vec<u8>>),
}

/// Begins to connect to `peer`; what becomes of it goes to `notes`. When nobody receives them any more, it ends after the call
/// to the system that it is in: an answer of the resolver, or `timeout`.
pub(crate) fn dial(peer: Peer, timeout: Option<Duration>, notes: Sender<Note>) {
    let failed = notes.clone();
    let dialing = move || {
        if let Some(result) = connect(&peer, timeout, &notes) {
            let _ = notes.send(Note::Connected(result));
        }
    };
    // Without threads there are no connections: the next attempt may have one.
    if thread::Builder::new().name("tidewire-connect".into()).spawn(dialing).is_err() {
        let _ = failed.send(Note::Connected(Err(ConnectError::Other)));
    }
}

/// Returns none when nobody waits for it any more.
fn connect(peer: &Peer, timeout: Option<Duration>, notes: &Sender<Note>) -> Option<Result<Socket, ConnectError>> {
    let connected = match peer {
        Peer::Tcp { host, port } => {
            let Ok(addresses) = (&**host, *port).to_socket_addrs() else { return Some(Err(ConnectError::Resolve)) };
            notes.send(Note::Step(Progress::Resolved)).ok()?;
            connect_tcp(addresses, timeout)
        }
        Peer::Unix(path) => connect_unix(path),
        _ => return Some(Err(ConnectError::Unsupported)),
    };
    Some(connected.map_err(|error| connect_error(&error)))
}

/// Connects to whichever of the addresses answers first, as [`connect_any`](crate::connect_any) does.
fn connect_tcp(addresses: impl Iterator<Item = SocketAddr>, timeout: Option<Duration>) -> io::Result<Socket> {
    let (sender, results) = mpsc::channel();
    let mut waiting = take_turns(addresses);
    let mut running = 0;
    let mut first_error = None;
    loop {
        if let Some(address) = waiting.pop_front() {
            if waiting.is_empty() && running == 0 {
                return connect_one(address, timeout).map_err(|error| first_error.unwrap_or(error));
            }
            let sender = sender.clone();
            running += 1;
            thread::Builder::new().name("tidewire-connect".into()).spawn(move || {
                // One that comes too late is dropped with the channel.
                let _ = sender.send(connect_one(address, timeout));
            })?;
        } else if running == 0 {
            return Err(first_error.unwrap_or_else(|| io::ErrorKind::NotFound.into()));
        }
        let delay = if waiting.is_empty() { Duration::MAX } else { ATTEMPT_DELAY };
        match results.recv_timeout(delay) {
            Ok(Ok(socket)) => return Ok(socket),
            Ok(Err(error)) => {
                running -= 1;
                first_error.get_or_insert(error);
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }
}

fn connect_one(address: SocketAddr, timeout: Option<Duration>) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    match timeout {
        Some(timeout) => socket.connect_timeout(&address.into(), timeout.max(SHORTEST))?,
        None => socket.connect(&address.into())?,
    }
    tune(&socket)?;
    Ok(socket)
}

fn connect_unix(path: &str) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.connect(&SockAddr::unix(path)?)?;
    Ok(socket)
}

/// A timeout of zero is refused by the system.
const SHORTEST: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn every_address_is_tried_in_turn() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let socket = connect_tcp([nobody(), nobody(), address, nobody()].into_iter(), None).expect("the third answers");
        assert_eq!(socket.peer_addr().expect("connected").as_socket(), Some(address));
        assert!(socket.tcp_nodelay().expect("reads"));
    }

    #[test]
    fn when_none_answers_the_first_error_is_told() {
        let kind = |addresses: Vec<SocketAddr>| {
            connect_tcp(addresses.into_iter(), Some(Duration::from_secs(30))).expect_err("nobody there").kind()
        };
        assert_eq!(kind(vec![nobody(), nobody()]), io::ErrorKind::ConnectionRefused);
        assert_eq!(kind(vec![nobody()]), io::ErrorKind::ConnectionRefused);
        assert_eq!(kind(Vec::new()), io::ErrorKind::NotFound);
    }

    #[test]
    fn who_is_not_waited_for_does_not_connect() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        let port = listener.local_addr().expect("it is bound").port();
        let (notes, receiver) = mpsc::channel();
        drop(receiver);
        assert!(connect(&Peer::Tcp { host: "127.0.0.1".into(), port }, None, &notes).is_none());
        assert_eq!(listener.accept().expect_err("nobody came").kind(), io::ErrorKind::WouldBlock);
    }

    /// An address where nobody listens.
    fn nobody() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
    }
}
