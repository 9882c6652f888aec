//! A TCP relay in front of a server, which a test can cut, or which cuts by itself; and which serves one page of the test's own and
//! hears its reports.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// The relay; `GET /page` answers the page, `POST /report` is kept for [`Relay::next_report`], all else goes to the server.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
    reports: Receiver<String>,
}

#[derive(Debug)]
struct Shared {
    target: SocketAddr,
    page: String,
    cut: AtomicBool,
    relayed: AtomicUsize,
    /// After how many bytes of the server's to cut a connection, for each that comes, while there are any.
    cuts: Mutex<VecDeque<usize>>,
    open: Mutex<Vec<TcpStream>>,
    reports: Sender<String>,
}

impl Relay {
    /// Listens on a free port in front of `target`.
    ///
    /// # Panics
    ///
    /// If no port can be had.
    pub fn start(target: SocketAddr, page: &str) -> Self {
        Self::cutting(target, page, [])
    }

    /// The same, and cuts one connection after the other after so many of the server's bytes; those that come after them go on.
    ///
    /// # Panics
    ///
    /// If no port can be had.
    pub fn cutting(target: SocketAddr, page: &str, cuts: impl IntoIterator<Item = usize>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (sender, reports) = mpsc::channel();
        let shared = Arc::new(Shared {
            target,
            page: page.to_owned(),
            cut: AtomicBool::new(false),
            relayed: AtomicUsize::new(0),
            cuts: Mutex::new(cuts.into_iter().collect()),
            open: Mutex::default(),
            reports: sender,
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let shared = Arc::clone(&accepting);
                // An error here is the end of one connection, which is the peer's to notice.
                thread::spawn(move || shared.connection(socket));
            }
        });
        Self { address, shared, reports }
    }

    /// Returns where the relay listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns how many connections were relayed to the server.
    pub fn connections(&self) -> usize {
        self.shared.relayed.load(Ordering::SeqCst)
    }

    /// Breaks every relayed connection and lets no new one through.
    pub fn cut(&self) {
        self.shared.cut.store(true, Ordering::SeqCst);
        for socket in self.shared.open().drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.shared.cut.store(false, Ordering::SeqCst);
    }

    /// Waits for the next report of the page.
    ///
    /// # Panics
    ///
    /// If none comes within 30 seconds.
    pub fn next_report(&self) -> String {
        self.reports.recv_timeout(PATIENCE).expect("the page reports within 30 s")
    }

    /// Returns a report that has come and was not taken.
    pub fn left_over(&self) -> Option<String> {
        self.reports.try_recv().ok()
    }
}

impl Shared {
    fn open(&self) -> std::sync::MutexGuard<'_, Vec<TcpStream>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connection(&self, mut client: TcpStream) -> io::Result<()> {
        let mut head = Vec::new();
        while !head.windows(4).any(|w| w == b"\r\n\r\n") {
            let mut byte = [0; 1];
            if client.read(&mut byte)? == 0 {
                return Ok(());
            }
            head.push(byte[0]);
        }
        if head.starts_with(b"GET /page ") {
            let page = &self.page;
            return write!(
                client,
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}",
                page.len()
            );
        }
        if head.starts_with(b"POST /report ") {
            let mut body = vec![0; content_length(&head)];
            client.read_exact(&mut body)?;
            let _ = self.reports.send(String::from_utf8_lossy(&body).into_owned());
            return client.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
        }
        if self.cut.load(Ordering::SeqCst) {
            return Ok(());
        }
        let mut server = TcpStream::connect(self.target)?;
        self.relayed.fetch_add(1, Ordering::SeqCst);
        server.write_all(&head)?;
        self.open().extend([client.try_clone()?, server.try_clone()?]);
        let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
        thread::spawn(move || {
            let _ = io::copy(&mut from_client, &mut to_server);
            let _ = to_server.shutdown(Shutdown::Write);
        });
        let cut = self.cuts.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        match cut {
            Some(after) => {
                io::copy(&mut server.try_clone()?.take(after as u64), &mut client)?;
                server.shutdown(Shutdown::Both)?;
                client.shutdown(Shutdown::Both)
            }
            None => {
                io::copy(&mut server, &mut client)?;
                client.shutdown(Shutdown::Write)
            }
        }
    }
}

fn content_length(head: &[u8]) -> usize {
    String::from_utf8_lossy(head)
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok())
        .unwrap_or(0)
}

const PATIENCE: Duration = Duration::from_secs(30);
