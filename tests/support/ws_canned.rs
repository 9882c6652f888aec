//! WebSocket servers by tungstenite, each connection with a script of its own: what is sent and received when, and what is done then.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use tungstenite::handshake::server::{Request, Response};
use tungstenite::protocol::frame::CloseFrame;
use tungstenite::{Error, Message, WebSocket};

/// What a server does on a connection, in order.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Sends text.
    Text(String),
    /// Sends bytes.
    Binary(Vec<u8>),
    /// Sends a ping.
    Ping(Vec<u8>),
    /// Waits for a message and sends it back.
    Echo,
    /// Sends everything back until the client closes.
    EchoAll,
    /// Waits for the client to close, and answers.
    Hear,
    /// Closes with code and reason, and waits for the answer.
    Close(u16, &'static str),
    /// Closes without a code.
    CloseWithout,
    /// Drops the connection.
    Drop,
    /// Sends bytes that need not be a frame.
    Raw(Vec<u8>),
    /// Takes so many bytes of what comes, and makes nothing of them.
    Swallow(usize),
    /// Takes what comes, and answers nothing, until the client leaves.
    Ignore,
}

/// The server, with what it heard.
#[derive(Debug)]
pub(crate) struct Canned {
    address: SocketAddr,
    heard: Receiver<Heard>,
}

/// What the server heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A request: target and fields, a line each.
    Request(String),
    Message(Message),
    /// A close frame, with the code if it had one.
    Close(Option<(u16, String)>),
    Pong(Vec<u8>),
    /// The connection ended without one.
    Lost,
}

impl Canned {
    /// Listens on a free port; the first connection gets the first script, and so on, the last one again and again. It chooses the
    /// subprotocol `protocol`.
    pub(crate) fn start(scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (sender, heard) = mpsc::channel();
        thread::spawn(move || {
            for (number, socket) in listener.incoming().flatten().enumerate() {
                let script = scripts.get(number).or(scripts.last()).expect("a script").clone();
                let hear = sender.clone();
                thread::spawn(move || {
                    play(socket, &script, &|heard| {
                        // The test may be over.
                        let _ = hear.send(heard);
                    })
                });
            }
        });
        Self { address, heard }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/", self.address)
    }

    /// Waits for what it hears next.
    pub(crate) fn heard(&self) -> Heard {
        self.heard.recv_timeout(PATIENCE).expect("the server hears something")
    }

    /// Waits for the next request.
    pub(crate) fn request(&self) -> String {
        match self.heard() {
            Heard::Request(request) => request,
            other => panic!("{other:?}"),
        }
    }
}

#[allow(clippy::result_large_err, reason = "tungstenite wants the whole response of a refusal")]
fn play(socket: TcpStream, script: &[Step], hear: &dyn Fn(Heard)) {
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let accept = |request: &Request, mut response: Response| {
        let fields = request.headers().iter();
        let fields: String =
            fields.map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap_or("?"))).collect();
        hear(Heard::Request(format!("{}\n{fields}", request.uri())));
        let offered = request.headers().get("sec-websocket-protocol").and_then(|value| value.to_str().ok());
        if offered.is_some_and(|offered| offered.split(", ").any(|offered| offered == PROTOCOL)) {
            response.headers_mut().insert("sec-websocket-protocol", PROTOCOL.parse().expect("a value"));
        }
        Ok(response)
    };
    let Ok(mut socket) = tungstenite::accept_hdr(socket, accept) else { return };
    for step in script {
        let done = match step {
            Step::Text(text) => socket.send(text.as_str().into()),
            Step::Binary(bytes) => socket.send(bytes.clone().into()),
            Step::Ping(bytes) => socket.send(Message::Ping(bytes.clone().into())),
            Step::Raw(bytes) => std::io::Write::write_all(socket.get_mut(), bytes).map_err(Error::Io),
            Step::Echo => echo(&mut socket, hear),
            Step::EchoAll => loop {
                if let Err(error) = echo(&mut socket, hear) {
                    break Err(error);
                }
            },
            Step::Hear => loop {
                if let Err(error) = next(&mut socket, hear) {
                    break Err(error);
                }
            },
            Step::Close(code, reason) => {
                let frame = CloseFrame { code: (*code).into(), reason: (*reason).into() };
                finish(socket.close(Some(frame)), &mut socket, hear)
            }
            Step::CloseWithout => finish(socket.close(None), &mut socket, hear),
            Step::Swallow(count) => {
                std::io::Read::read_exact(socket.get_mut(), &mut vec![0; *count]).map_err(Error::Io)
            }
            Step::Ignore => std::io::copy(socket.get_mut(), &mut std::io::sink()).map(drop).map_err(Error::Io),
            Step::Drop => return,
        };
        if done.is_err() {
            return;
        }
    }
}

fn echo(socket: &mut WebSocket<TcpStream>, hear: &dyn Fn(Heard)) -> Result<(), Error> {
    let message = next(socket, hear)?;
    socket.send(message)
}

/// Waits for a message; tells of all that comes.
fn next(socket: &mut WebSocket<TcpStream>, hear: &dyn Fn(Heard)) -> Result<Message, Error> {
    loop {
        match socket.read() {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => {
                hear(Heard::Message(message.clone()));
                return Ok(message);
            }
            Ok(Message::Close(frame)) => {
                hear(Heard::Close(frame.map(|frame| (frame.code.into(), frame.reason.to_string()))));
            }
            Ok(Message::Pong(bytes)) => hear(Heard::Pong(bytes.to_vec())),
            Ok(_) => {}
            Err(error @ Error::ConnectionClosed) => return Err(error),
            Err(error) => {
                hear(Heard::Lost);
                return Err(error);
            }
        }
    }
}

fn finish(closed: Result<(), Error>, socket: &mut WebSocket<TcpStream>, hear: &dyn Fn(Heard)) -> Result<(), Error> {
    closed?;
    loop {
        next(socket, hear)?;
    }
}

/// The subprotocol that the servers choose where it is offered.
pub(crate) const PROTOCOL: &str = "protocol";

const PATIENCE: Duration = Duration::from_secs(30);
