//! Whether a server would speak HTTP/2, which Tidewire's own client does not ask for.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use tidewire_core::http::Url;
use tidewire_tls::rustls::ClientConnection;
use tidewire_tls::{Client, server_name};

/// Asks the server at `url`; none if it cannot be asked.
pub(super) async fn offers_http2(url: &Url, tls: &Client, timeout: Duration) -> Option<bool> {
    let (host, port, tls) = (url.host().to_owned(), url.port(), tls.clone());
    smol::unblock(move || ask(&host, port, &tls, timeout).ok().flatten()).await
}

fn ask(host: &str, port: u16, tls: &Client, timeout: Duration) -> io::Result<Option<bool>> {
    let Ok(name) = server_name(host) else { return Ok(None) };
    let mut config = tls.config().as_ref().clone();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let mut connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    let Some(address) = (host, port).to_socket_addrs()?.next() else { return Ok(None) };
    let mut socket = TcpStream::connect_timeout(&address, timeout)?;
    socket.set_read_timeout(Some(timeout))?;
    while connection.is_handshaking() {
        connection.complete_io(&mut socket)?;
    }
    Ok(Some(connection.alpn_protocol() == Some(b"h2")))
}
