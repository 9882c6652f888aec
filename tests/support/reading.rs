//! A client that reads a stream over a blocking socket, and sees the bytes as they come.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use tidewire_core::http::{BodyReader, HeadLimits, HeadReader, Method, ResponseHead, response_framing};

/// One request and its response, as far as it was read.
#[derive(Debug)]
pub struct Reading {
    socket: TcpStream,
    /// The head of the response.
    pub head: ResponseHead,
    body: BodyReader,
    decoded: Vec<u8>,
    taken: usize,
}

/// How the body of a response ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyEnd {
    /// As its framing says.
    Whole,
    /// The connection ended before that.
    Cut,
}

impl Reading {
    /// Asks for a path by GET, with more lines of head, and reads the head of the response.
    pub fn get(address: SocketAddr, path: &str, lines: &str) -> Self {
        Self::send(address, "GET", path, lines)
    }

    /// Asks for a path by a method.
    pub fn send(address: SocketAddr, method: &str, path: &str, lines: &str) -> Self {
        let mut socket = TcpStream::connect(address).expect("connects");
        socket.set_read_timeout(Some(PATIENCE)).expect("sets it");
        write!(socket, "{method} {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n").expect("writes");
        let mut heads = HeadReader::<ResponseHead>::new(HeadLimits::default());
        loop {
            // A byte at a time, so that nothing of the body is taken.
            let mut byte = [0];
            assert_eq!(socket.read(&mut byte).expect("reads"), 1, "the connection ended before the head");
            if let Some((head, _)) = heads.feed(&byte).expect("a head that reads") {
                let method = Method::new(method).expect("a method");
                let body = BodyReader::new(response_framing(&method, &head).expect("a framing that reads"));
                return Self { socket, head, body, decoded: Vec::new(), taken: 0 };
            }
        }
    }

    /// Returns a field of the response.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.head.fields.get_str(name)
    }

    /// Reads until `text` has come, and returns what came up to its end since the last call.
    pub fn until(&mut self, text: &str) -> String {
        loop {
            let fresh = &self.decoded[self.taken..];
            if let Some(at) = fresh.windows(text.len()).position(|window| window == text.as_bytes()) {
                let found = String::from_utf8(fresh[..at + text.len()].to_vec()).expect("text");
                self.taken += found.len();
                return found;
            }
            let end = self.read();
            assert!(end.is_none(), "{end:?} before {text:?}, after {:?}", String::from_utf8_lossy(&self.decoded));
        }
    }

    /// Reads to the end, and returns what came since the last call of [`until`](Self::until), and how it ended.
    pub fn rest(mut self) -> (Vec<u8>, BodyEnd) {
        let end = loop {
            if let Some(end) = self.read() {
                break end;
            }
        };
        (self.decoded.split_off(self.taken), end)
    }

    /// Reads to the end what is text, and ends as its framing says.
    pub fn text(self) -> String {
        let (bytes, end) = self.rest();
        assert_eq!(end, BodyEnd::Whole, "after {:?}", String::from_utf8_lossy(&bytes));
        String::from_utf8(bytes).expect("text")
    }

    /// Tells whether nothing comes, and the stream stays open, for a moment.
    pub fn is_silent(&mut self) -> bool {
        self.socket.set_read_timeout(Some(MOMENT)).expect("sets it");
        let silent = matches!(self.socket.read(&mut [0]), Err(error) if is_timeout(&error));
        self.socket.set_read_timeout(Some(PATIENCE)).expect("sets it");
        silent
    }

    /// Ends the connection.
    pub fn leave(self) {
        // It may have been ended by the other side.
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    /// Reads once; tells how the body ended, if it has.
    fn read(&mut self) -> Option<BodyEnd> {
        if self.body.is_done() {
            return Some(BodyEnd::Whole);
        }
        let mut buffer = [0; 16 * 1024];
        let count = match self.socket.read(&mut buffer) {
            Ok(0) => {
                let whole = self.body.finish().is_ok();
                return Some(if whole { BodyEnd::Whole } else { BodyEnd::Cut });
            }
            Ok(count) => count,
            Err(error) if is_timeout(&error) => {
                panic!("nothing comes after {:?}", String::from_utf8_lossy(&self.decoded));
            }
            Err(_) => return Some(BodyEnd::Cut),
        };
        let mut rest = &buffer[..count];
        while !rest.is_empty() && !self.body.is_done() {
            let step = self.body.read(rest).expect("a body that reads");
            self.decoded.extend_from_slice(step.data);
            rest = &rest[step.consumed..];
        }
        None
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

const PATIENCE: Duration = Duration::from_secs(30);
const MOMENT: Duration = Duration::from_millis(100);
