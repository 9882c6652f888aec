use std::io;
use std::net::SocketAddr;

use tidewire_core::client::{Connect, ConnectError, Peer};
use tidewire_std::{connect_any, connect_error, tune};

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

/// Makes the connection that a machine asks for.
pub(crate) async fn attempt(wanted: Connect) -> Result<TcpStream, ConnectError> {
    if wanted.tls.is_some() {
        return Err(ConnectError::NoTls);
    }
    let Peer::Tcp { host, port } = wanted.peer else { return Err(ConnectError::Unsupported) };
    let addresses = resolve(&host, port).await.map_err(|_| ConnectError::Resolve)?;
    connect_to(addresses).await.map_err(|error| connect_error(&error))
}

async fn connect_to(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let stream = connect_any(addresses, TcpStream::connect::<SocketAddr>, pause).await?;
    tune(&stream)?;
    Ok(stream)
}
