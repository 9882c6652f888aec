//! A server that does what a test says, call by call, in the test's own thread.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// The server.
#[derive(Debug)]
pub struct Scripted {
    address: SocketAddr,
    sockets: Receiver<(TcpStream, SocketAddr)>,
}

/// A connection with its request, to be answered. Dropping it ends the connection.
#[derive(Debug)]
pub struct Call {
    /// The head of the request.
    pub head: String,
    /// Its body.
    pub body: String,
    socket: TcpStream,
}

impl Scripted {
    /// Listens on a free port.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (sender, sockets) = mpsc::channel();
        thread::spawn(move || while listener.accept().is_ok_and(|accepted| sender.send(accepted).is_ok()) {});
        Self { address, sockets }
    }

    /// Returns the URL of its root.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits for the next request.
    ///
    /// # Panics
    ///
    /// If none comes in time.
    pub fn accept(&self) -> Call {
        let (mut socket, _) = self.sockets.recv_timeout(PATIENCE).expect("a connection");
        socket.set_read_timeout(Some(PATIENCE)).expect("sets it");
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            socket.read_exact(&mut byte).expect("a whole head");
            head.extend_from_slice(&byte);
        }
        let head = String::from_utf8(head).expect("a head of text");
        let mut body = vec![0; field(&head, "content-length").map_or(0, |length| length.parse().expect("a length"))];
        socket.read_exact(&mut body).expect("a whole body");
        Call { head, body: String::from_utf8(body).expect("a body of text"), socket }
    }

    /// Asserts that no connection was made that was not accepted: ours is the next one.
    ///
    /// # Panics
    ///
    /// If there was one.
    pub fn expect_no_other(&self) {
        let ours = TcpStream::connect(self.address).expect("connects");
        let (_, next) = self.sockets.recv_timeout(PATIENCE).expect("a connection");
        assert_eq!(next, ours.local_addr().expect("connected"), "another request came");
    }
}

impl Call {
    /// Returns the request line.
    pub fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    /// Returns a field of the request.
    pub fn field(&self, name: &str) -> Option<&str> {
        field(&self.head, name)
    }

    /// Returns the body as JSON.
    ///
    /// # Panics
    ///
    /// If it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// Answers whole.
    pub fn reply(mut self, status: &str, fields: &str, body: &str) {
        let length = body.len();
        self.write(format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {length}\r\n\r\n{body}").as_bytes());
        self.end();
    }

    /// Answers with the head of an event stream in chunks, with these fields besides.
    pub fn open(&mut self, fields: &str) {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n";
        self.write(format!("{head}{fields}\r\n").as_bytes());
    }

    /// Sends a chunk.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.write(&[format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat());
    }

    /// Sends the last chunk and ends the connection.
    pub fn finish(mut self) {
        self.write(b"0\r\n\r\n");
        self.end();
    }

    /// Answers with a complete event stream.
    pub fn stream(mut self, body: impl AsRef<[u8]>) {
        self.open("");
        self.send(body);
        self.finish();
    }

    /// Sends bytes as they are. A client that has left is no fault of ours.
    pub fn write(&mut self, bytes: &[u8]) {
        let _ = self.socket.write_all(bytes);
    }

    /// Ends the connection, and waits until the client does: what is on its way arrives.
    pub fn end(mut self) {
        let _ = self.socket.shutdown(Shutdown::Write);
        let _ = self.socket.read_to_end(&mut Vec::new());
    }
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// How long a client may take.
const PATIENCE: Duration = Duration::from_secs(30);
