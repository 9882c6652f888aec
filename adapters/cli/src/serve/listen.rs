//! Where to listen, and what to say when that does not go.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};

use crate::exit::{Exit, Failure};

/// Listens on `address` as the runtimes want it; `option` is the one to choose another with.
pub(super) fn listen(address: SocketAddr, option: &str) -> Result<(TcpListener, SocketAddr), Failure> {
    let bound = TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        let local = listener.local_addr()?;
        Ok((listener, local))
    });
    bound.map_err(|error| cannot_listen(address, option, &error))
}

pub(super) fn cannot_listen(address: SocketAddr, option: &str, error: &io::Error) -> Failure {
    let why = match error.kind() {
        ErrorKind::AddrInUse => {
            let next = SocketAddr::new(address.ip(), address.port().checked_add(1).unwrap_or(8080));
            format!(
                "port {} is taken, perhaps by another tidewire. Choose another: tidewire serve {option} {next}\n\
                 (or {option} {}:0 for any that is free)",
                address.port(),
                address.ip()
            )
        }
        ErrorKind::PermissionDenied => format!(
            "no permission to listen on {address}; ports below 1024 are for the administrator. \
             Choose another: tidewire serve {option} {}:8080",
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
