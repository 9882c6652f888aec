//! An HTTP proxy: it passes on what CONNECT asks for, and makes requests in absolute form itself.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// The proxy, with the heads of the requests that it got.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    heads: Receiver<String>,
}

#[derive(Debug)]
struct Shared {
    /// The value of `Proxy-Authorization` that is asked for, if one is.
    authorization: Option<String>,
    /// Where every request leads, whatever host it names.
    target: Option<SocketAddr>,
    /// What is answered next instead of passing on, once each.
    refusals: Mutex<Vec<String>>,
    heads: Sender<String>,
}

impl Proxy {
    /// Listens on a free port, for everybody.
    pub fn start() -> Self {
        Self::with(None, None)
    }

    /// Listens on a free port; whoever does not send `authorization` is answered 407.
    pub fn asking_for(authorization: &str) -> Self {
        Self::with(Some(authorization.to_owned()), None)
    }

    /// Listens on a free port and takes every host for `target`: for names that no resolver knows.
    pub fn leading_to(target: SocketAddr) -> Self {
        Self::with(None, Some(target))
    }

    fn with(authorization: Option<String>, target: Option<SocketAddr>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (sender, heads) = mpsc::channel();
        let shared = Arc::new(Shared { authorization, target, refusals: Mutex::default(), heads: sender });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let shared = Arc::clone(&accepting);
                // An error here is the end of one connection, which is the peer's to notice.
                thread::spawn(move || shared.connection(socket));
            }
        });
        Self { address, shared, heads }
    }

    /// Returns where the proxy listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL of the proxy.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers the next request, after those refused before it, with this and the end of the connection.
    pub fn refuse(&self, answer: &str) {
        self.shared.refusals.lock().unwrap_or_else(PoisonError::into_inner).push(answer.to_owned());
    }

    /// Waits for the next request and returns its head.
    ///
    /// # Panics
    ///
    /// If none comes within 30 seconds.
    pub fn head(&self) -> String {
        self.heads.recv_timeout(PATIENCE).expect("a request")
    }

    /// Returns the heads of requests that came and were not taken.
    pub fn left_over(&self) -> Vec<String> {
        self.heads.try_iter().collect()
    }
}

impl Shared {
    fn connection(&self, mut client: TcpStream) -> io::Result<()> {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            if client.read(&mut byte)? == 0 {
                return Ok(());
            }
            head.push(byte[0]);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let _ = self.heads.send(head.clone());
        if let Some(answer) = self.refusal(&head) {
            client.write_all(answer.as_bytes())?;
            client.shutdown(Shutdown::Write)?;
            return client.read_to_end(&mut Vec::new()).map(drop);
        }
        let mut words = head.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if method == "CONNECT" {
            return match self.reach(target) {
                Ok(server) => {
                    client.write_all(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n")?;
                    splice(client, server)
                }
                Err(error) => write!(client, "HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n{error}"),
            };
        }
        let Some((authority, path)) = target.strip_prefix("http://").and_then(|rest| rest.split_once('/')) else {
            return client.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
        };
        let mut server = self.reach(authority)?;
        let rest = head.split_once("\r\n").map_or("", |(_, rest)| rest);
        let lines = rest.split_inclusive("\r\n").filter(|line| !line.to_ascii_lowercase().starts_with("proxy-"));
        write!(server, "{method} /{path} HTTP/1.1\r\n{}", lines.collect::<String>())?;
        splice(client, server)
    }

    fn refusal(&self, head: &str) -> Option<String> {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        if !refusals.is_empty() {
            return Some(refusals.remove(0));
        }
        let wanted = format!("proxy-authorization: {}", self.authorization.as_deref()?).to_ascii_lowercase();
        if head.lines().any(|line| line.to_ascii_lowercase() == wanted) {
            return None;
        }
        Some(
            "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"
                .into(),
        )
    }

    fn reach(&self, authority: &str) -> io::Result<TcpStream> {
        match self.target {
            Some(target) => TcpStream::connect(target),
            None if authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) => {
                TcpStream::connect(authority)
            }
            None => TcpStream::connect((authority, 80)),
        }
    }
}

/// Passes on what comes, both ways, until both have ended.
fn splice(mut client: TcpStream, mut server: TcpStream) -> io::Result<()> {
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        // Whoever leaves leaves for both.
        let _ = to_server.shutdown(Shutdown::Both);
    });
    let _ = io::copy(&mut server, &mut client);
    client.shutdown(Shutdown::Write)
}

const PATIENCE: Duration = Duration::from_secs(30);
