//! A TLS server by hand: one connection at a time, by blocking calls.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use tidewire_tls::Server;
use tidewire_tls::rustls::server::Acceptor;
use tidewire_tls::rustls::{ServerConnection, StreamOwned};

/// A connection that a client secured.
pub(crate) struct Secured {
    stream: StreamOwned<ServerConnection, TcpStream>,
    /// The name that the client asked for.
    pub(crate) name: Option<String>,
    /// The protocols that it offered.
    pub(crate) offered: Vec<String>,
}

impl Secured {
    /// Accepts a connection and shakes hands.
    pub(crate) fn accept(listener: &TcpListener, tls: &Server) -> io::Result<Self> {
        let (mut socket, _) = listener.accept()?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let mut acceptor = Acceptor::default();
        let accepted = loop {
            if acceptor.read_tls(&mut socket)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match acceptor.accept() {
                Ok(None) => {}
                Ok(Some(accepted)) => break accepted,
                Err((error, _)) => return Err(io::Error::other(error)),
            }
        };
        let hello = accepted.client_hello();
        let name = hello.server_name().map(str::to_owned);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let offered = hello.alpn().into_iter().flatten().map(text).collect();
        let session = accepted.into_connection(tls.config().clone()).map_err(|(error, _)| io::Error::other(error))?;
        let mut stream = StreamOwned::new(session, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Self { stream, name, offered })
    }

    /// Reads one request, which has no body.
    pub(crate) fn request(&mut self) -> String {
        heard(&mut self.stream)
    }

    /// Writes it.
    pub(crate) fn say(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).expect("writes");
        self.stream.flush().expect("writes");
    }

    /// Ends properly: says so, and ends.
    pub(crate) fn end(mut self) {
        self.stream.conn.send_close_notify();
        self.stream.flush().expect("writes");
        self.cut();
    }

    /// Ends as a connection does that is cut on the way.
    pub(crate) fn cut(self) {
        self.stream.sock.shutdown(Shutdown::Write).expect("a socket");
        // What the client still says is read, so that nothing of ours is thrown away for it.
        let _ = io::copy(&mut &self.stream.sock, &mut io::sink());
    }

    /// Reads on to the end; true when the client said that it is the end.
    pub(crate) fn hears_the_end(mut self) -> bool {
        self.stream.read_to_end(&mut Vec::new()).is_ok()
    }
}

/// Reads one request, which has no body.
pub(crate) fn heard(peer: &mut impl Read) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        peer.read_exact(&mut byte).expect("a request");
        head.extend(byte);
    }
    String::from_utf8(head).expect("text")
}

const PATIENCE: Duration = Duration::from_secs(30);
