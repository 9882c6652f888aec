//! A bare hub: what is POSTed goes to everybody who reads, as the test wants it changed for each.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// What one reader gets of one message: the reader's number, the message's, and what was POSTed.
pub type Deliver = fn(usize, usize, &str) -> Vec<Sent>;

/// One thing that a reader gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// An event with this data.
    Event(String),
    /// An event with this data, behind that of the next message.
    Later(String),
    /// The end of the connection.
    End,
}

/// The hub, on a port of its own.
#[derive(Debug)]
pub struct Hub {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    heads: Vec<String>,
    readers: Vec<TcpStream>,
    held: HashMap<usize, String>,
    messages: usize,
}

impl Hub {
    /// Listens on a free port. `refuse` says how a request is refused, if it is: by a whole answer, to the reader or publisher of this
    /// number.
    ///
    /// # Panics
    ///
    /// If there is no port.
    pub fn start(deliver: Deliver, refuse: fn(&str, usize) -> Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let shared = Arc::clone(&accepting);
                // An error here is the end of one connection, which is the peer's to notice.
                thread::spawn(move || shared.connection(socket, deliver, refuse));
            }
        });
        Self { address, shared }
    }

    /// Returns the URL of its stream, and of what is published.
    pub fn url(&self) -> String {
        format!("http://{}/hub", self.address)
    }

    /// Returns the heads of all requests so far, in lower case.
    pub fn heads(&self) -> Vec<String> {
        self.shared.state().heads.clone()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connection(
        &self,
        mut socket: TcpStream,
        deliver: Deliver,
        refuse: fn(&str, usize) -> Option<&'static str>,
    ) -> io::Result<()> {
        loop {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") {
                socket.read_exact(&mut byte)?;
                head.extend_from_slice(&byte);
            }
            let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            socket.read_exact(&mut body)?;
            let number = {
                let mut state = self.state();
                state.heads.push(head.clone());
                let method = head.split(' ').next().unwrap_or_default().to_owned();
                state.heads.iter().filter(|head| head.starts_with(&method)).count() - 1
            };
            if let Some(answer) = refuse(&head, number) {
                return socket.write_all(answer.as_bytes());
            }
            if head.starts_with("get ") {
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
                let mut state = self.state();
                socket.write_all(head.as_bytes())?;
                state.readers.push(socket);
                return Ok(());
            }
            self.state().publish(&String::from_utf8_lossy(&body), deliver);
            socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
        }
    }
}

impl State {
    fn publish(&mut self, message: &str, deliver: Deliver) {
        let Self { readers, held, messages, .. } = self;
        for (number, reader) in readers.iter_mut().enumerate() {
            let mut text = String::new();
            let before = held.remove(&number);
            for sent in deliver(number, *messages, message) {
                match sent {
                    Sent::Event(data) => text += &format!("data: {data}\n\n"),
                    Sent::Later(data) => drop(held.insert(number, data)),
                    Sent::End => drop(reader.shutdown(std::net::Shutdown::Both)),
                }
            }
            text += &before.map(|data| format!("data: {data}\n\n")).unwrap_or_default();
            // A reader that has gone is no fault of the publisher.
            let _ = reader.write_all(text.as_bytes());
        }
        *messages += 1;
    }
}
