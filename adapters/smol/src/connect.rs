use std::io;
use std::net::SocketAddr;

use tidewire_core::client::ConnectError;
use tidewire_std::{connect_any, connect_error, tune};

use crate::connector::Transport;
#[cfg(unix)]
use crate::runtime::UnixStream;
use crate::runtime::{TcpStream, pause, resolve};

/// Connects to `host`, a name or an address, trying all addresses of a name ([`connect_any`]), and sets the stream up as
/// [`tune`] says.
///
/// # Errors
///
/// The resolver's, or the first address's when all have failed.
pub async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    connect_to(resolve(host, port).await?).await
}

pub(crate) async fn connect_to(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let stream = connect_any(addresses, TcpStream::connect::<SocketAddr>, pause).await?;
    tune(&stream)?;
    Ok(stream)
}

#[cfg(unix)]
pub(crate) async fn connect_unix(path: &str) -> Result<Transport, ConnectError> {
    let stream = UnixStream::connect(path).await.map_err(|error| connect_error(&error))?;
    Ok(Box::new(stream))
}

#[cfg(not(unix))]
pub(crate) async fn connect_unix(_path: &str) -> Result<Transport, ConnectError> {
    Err(ConnectError::Unsupported)
}
