//! The `tidewire` program as a child process that ends with the test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

/// A running `tidewire serve` on a free port.
#[derive(Debug)]
pub struct Program {
    child: Child,
    address: SocketAddr,
}

impl Program {
    /// Starts `executable serve` with `arguments` and waits until it says where it listens.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn serve(executable: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(executable)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        let first = lines.next().expect("serve prints where it listens").expect("it is text");
        let address = first
            .split(|c: char| c.is_whitespace() || c == '/')
            .find_map(|word| word.parse().ok())
            .unwrap_or_else(|| panic!("no address in the first line: {first}"));
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Publishes `data` to `channel` over HTTP.
    ///
    /// # Panics
    ///
    /// If the server does not take it.
    pub fn publish(&self, channel: &str, data: &str) {
        let mut socket = TcpStream::connect(self.address).expect("serve listens");
        write!(
            socket,
            "POST /v1/channels/{channel}/publish HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\
             content-type: text/plain\r\ncontent-length: {}\r\n\r\n{data}",
            self.address,
            data.len()
        )
        .expect("serve reads");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("serve answers in text");
        assert!(answer.starts_with("HTTP/1.1 2"), "publishing failed: {answer}");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
