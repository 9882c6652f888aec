use std::io;

use tidewire_std::{connect_any, tune};

use crate::runtime::{TcpStream, pause, resolve};

/// Connects to `host`, a name or an address, trying all addresses of a name ([`connect_any`]), and sets the stream up as
/// [`tune`] says.
///
/// # Errors
///
/// The resolver's, or the first address's when all have failed.
pub async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let addresses = resolve(host, port).await?;
    let stream = connect_any(addresses, TcpStream::connect::<std::net::SocketAddr>, pause).await?;
    tune(&stream)?;
    Ok(stream)
}
