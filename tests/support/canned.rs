//! A server that gives canned answers: the first connection the first, and so on, the last one again and again.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

/// What a connection gets after its request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// These bytes, then the end of the stream.
    Ends(Vec<u8>),
    /// These bytes, then nothing until the client leaves.
    Stays(Vec<u8>),
    /// The end of the stream at once.
    Nothing,
}

/// The server, with the requests it got.
#[derive(Debug)]
pub struct Canned {
    address: SocketAddr,
    requests: Receiver<String>,
}

impl Canned {
    /// Listens on a free port.
    ///
    /// # Panics
    ///
    /// If there is none, or no answer.
    pub fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (sender, requests) = mpsc::channel();
        thread::spawn(move || {
            for (number, socket) in listener.incoming().flatten().enumerate() {
                let answer = answers.get(number).or(answers.last()).expect("an answer").clone();
                let sender = sender.clone();
                thread::spawn(move || {
                    let mut socket = socket;
                    let request = request(&mut socket);
                    let _ = sender.send(request);
                    give(&answer, socket);
                });
            }
        });
        Self { address, requests }
    }

    /// Returns an event stream: head and `body`, which ends with the connection.
    pub fn stream(body: &str) -> Vec<u8> {
        format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n{body}").into()
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL of its root.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Waits for the next request and returns it whole.
    ///
    /// # Panics
    ///
    /// If none comes within 30 seconds.
    pub fn request(&self) -> String {
        self.requests.recv_timeout(PATIENCE).expect("a request")
    }

    /// Returns the requests that came and were not taken.
    pub fn left_over(&self) -> Vec<String> {
        self.requests.try_iter().collect()
    }
}

fn request(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") && matches!(socket.read(&mut byte), Ok(1)) {
        bytes.extend_from_slice(&byte);
    }
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let length =
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    let _ = socket.read_exact(&mut body);
    head + &String::from_utf8_lossy(&body)
}

fn give(answer: &Answer, mut socket: TcpStream) {
    match answer {
        Answer::Ends(bytes) => {
            let _ = socket.write_all(bytes);
            let _ = socket.shutdown(Shutdown::Write);
            let _ = socket.read_to_end(&mut Vec::new());
        }
        Answer::Stays(bytes) => {
            let _ = socket.write_all(bytes);
            let _ = socket.read_to_end(&mut Vec::new());
        }
        Answer::Nothing => {}
    }
}

const PATIENCE: Duration = Duration::from_secs(30);
