//! From publish to sockets: the servers that are measured beside each other, and the load that measures them.
//!
//! Every server is a process of its own on the first core, its load another one on the second. The processor time is what the kernel
//! counts for all threads of the server, its own share of sending included.

pub mod axum;
pub mod direct_smol;
pub mod direct_tokio;
pub mod limit;
pub mod load;
pub mod pending;
pub mod process;
pub mod tidewire;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

/// A server that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// One blocking `write` per reader and batch, and nothing else.
    LimitBatch,
    /// A task per reader over a shared pending block, on tokio.
    TokioDirect,
    /// The same on smol.
    SmolDirect,
    /// axum with `tokio::sync::broadcast`, as its documentation has it.
    Axum,
    /// `tidewire_tokio::serve` and a host of the library's parts.
    Tokio,
    /// `tidewire_smol::serve` and the same.
    Smol,
    /// The program's server: `tidewire_tokio::serve` with `SharedApi`, published to by POST.
    ServeTokio,
    /// The same on smol.
    ServeSmol,
}

/// All of them, those that others are compared with first.
pub const ALL: [Server; 8] = [
    Server::LimitBatch,
    Server::TokioDirect,
    Server::SmolDirect,
    Server::Axum,
    Server::Tokio,
    Server::Smol,
    Server::ServeTokio,
    Server::ServeSmol,
];

impl Server {
    /// Returns its name in the tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LimitBatch => "limit-batch",
            Self::TokioDirect => "tokio-direct",
            Self::SmolDirect => "smol-direct",
            Self::Axum => "axum",
            Self::Tokio => "tidewire-tokio",
            Self::Smol => "tidewire-smol",
            Self::ServeTokio => "serve-tokio",
            Self::ServeSmol => "serve-smol",
        }
    }

    /// Finds one by its name.
    pub fn named(name: &str) -> Option<Self> {
        ALL.into_iter().find(|server| server.name() == name)
    }

    /// Returns the bare task per reader on the same runtime, if it is one of ours.
    pub const fn direct(self) -> Option<Self> {
        match self {
            Self::Tokio | Self::ServeTokio => Some(Self::TokioDirect),
            Self::Smol | Self::ServeSmol => Some(Self::SmolDirect),
            _ => None,
        }
    }

    /// Serves until the process is killed; prints where.
    ///
    /// # Errors
    ///
    /// When it cannot listen.
    pub fn serve(self) -> io::Result<()> {
        match self {
            Self::LimitBatch => limit::serve(),
            Self::TokioDirect => direct_tokio::serve(),
            Self::SmolDirect => direct_smol::serve(),
            Self::Axum => axum::serve(),
            Self::Tokio => tidewire::serve_tokio(),
            Self::Smol => tidewire::serve_smol(),
            Self::ServeTokio => tidewire::serve_api_tokio(),
            Self::ServeSmol => tidewire::serve_api_smol(),
        }
    }
}

/// Where a server is, and how it is published to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where it listens.
    pub address: SocketAddr,
    /// The path of its stream.
    pub events: String,
    /// The path that takes messages by POST; without one, orders go to this address.
    pub publish: Result<String, SocketAddr>,
}

impl Place {
    /// Tells the parent process.
    pub fn print(&self) {
        match &self.publish {
            Ok(path) => println!("{} {} post {path}", self.address, self.events),
            Err(address) => println!("{} {} order {address}", self.address, self.events),
        }
    }

    /// Reads what was printed.
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let (address, events) = (words.next()?.parse().ok()?, words.next()?.to_owned());
        let publish = match (words.next()?, words.next()?) {
            ("post", path) => Ok(path.to_owned()),
            ("order", address) => Err(address.parse().ok()?),
            _ => return None,
        };
        Some(Self { address, events, publish })
    }
}

/// An order to publish: how many messages, and the bytes of the data of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Messages at once.
    pub count: u32,
    /// Bytes of data each.
    pub size: u32,
}

impl Order {
    /// Encodes it.
    pub fn to_bytes(self) -> [u8; 8] {
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&self.count.to_le_bytes());
        bytes[4..].copy_from_slice(&self.size.to_le_bytes());
        bytes
    }

    /// Decodes it.
    pub fn from_bytes(bytes: [u8; 8]) -> Self {
        let [a, b, c, d, e, f, g, h] = bytes;
        Self { count: u32::from_le_bytes([a, b, c, d]), size: u32::from_le_bytes([e, f, g, h]) }
    }

    /// Returns the data of its messages.
    pub fn data(self) -> String {
        data(self.size as usize)
    }
}

/// Returns data of so many bytes: a mark that stands in each message once, and filling.
pub fn data(size: usize) -> String {
    let mut data = String::with_capacity(size);
    data.push(char::from(MARK));
    data.extend(std::iter::repeat_n('x', size.saturating_sub(1)));
    data
}

/// Stands in each message once, and nowhere else.
pub const MARK: u8 = b'~';

/// The head of the bare servers' streams.
pub const STREAM_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";

/// Makes a batch as the bare servers send it: one piece of a chunk an event, like `next` numbers on.
pub fn block(order: Order, next: &mut u64) -> bytes::Bytes {
    let data = order.data();
    let mut block = Vec::with_capacity(order.count as usize * (data.len() + 64));
    for _ in 0..order.count {
        *next += 1;
        let event = format!("id: {next}\ndata: {data}\n\n");
        block.extend_from_slice(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes());
    }
    block.into()
}

/// Reads a head, blocking.
///
/// # Errors
///
/// When it ends before.
pub fn read_head(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        head.extend_from_slice(&buffer[..count]);
    }
    Ok(head)
}

/// Asks for the stream, and waits until it has begun.
///
/// # Errors
///
/// When it does not begin.
pub fn subscribe(place: &Place, last_event_id: Option<&str>) -> io::Result<TcpStream> {
    let mut stream = ask(place, last_event_id)?;
    let head = read_head(&mut stream)?;
    if head.starts_with(b"HTTP/1.1 200") { Ok(stream) } else { Err(io::ErrorKind::ConnectionRefused.into()) }
}

/// Asks for the stream.
///
/// # Errors
///
/// When nobody is there.
pub fn ask(place: &Place, last_event_id: Option<&str>) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(place.address)?;
    stream.set_nodelay(true)?;
    let resume = last_event_id.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
    let head = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nAccept: text/event-stream\r\n{resume}\r\n",
        place.events, place.address
    );
    stream.write_all(head.as_bytes())?;
    Ok(stream)
}
