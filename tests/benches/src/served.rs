//! The server of the clients that are measured: prepared bytes over blocking sockets, a process of its own.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use rustix::time::{ClockId, clock_gettime};

use crate::workloads::Workload;

/// How a response is cut into HTTP's chunks; what the socket makes of it is the kernel's affair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunks {
    /// One an event, as servers of language models send them.
    Event,
    /// All of this size.
    Bytes(usize),
}

/// A server in a child process, which ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    url: String,
}

impl Server {
    /// Starts this program again with the one argument `serve`.
    ///
    /// # Errors
    ///
    /// When that cannot be done.
    pub fn start() -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?).read_line(&mut line)?;
        Ok(Self { child, url: format!("http://{}", line.trim()) })
    }

    /// Returns the URL of `workload` as fast as it can be written: at least `size` bytes of stream, then the end.
    pub fn bulk(&self, workload: &Workload, size: usize, chunks: Chunks) -> String {
        let chunks = match chunks {
            Chunks::Event => "event".to_owned(),
            Chunks::Bytes(bytes) => bytes.to_string(),
        };
        format!("{}/bulk/{}/{size}/{chunks}", self.url, workload.name)
    }

    /// Returns the URL of so many events of about 200 bytes, one each `every`, whose data begins with the time of writing in
    /// nanoseconds ([`monotonic`]).
    pub fn paced(&self, events: u64, every: Duration) -> String {
        format!("{}/paced/{events}/{}", self.url, every.as_micros())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The end of its input is its end.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Serves until the standard input ends: the other end of [`Server::start`].
///
/// # Errors
///
/// When nobody can connect.
pub fn serve() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    thread::spawn(move || {
        let prepared: Prepared = Arc::default();
        for socket in listener.incoming().flatten() {
            let prepared = Arc::clone(&prepared);
            // A client that leaves early is no fault.
            thread::spawn(move || drop(answer(socket, &prepared)));
        }
    });
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Nanoseconds of a clock that all processes share.
pub fn monotonic() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

type Prepared = Arc<Mutex<HashMap<String, Bytes>>>;

fn answer(mut socket: TcpStream, prepared: &Prepared) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut reader = BufReader::new(socket.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    while !line.trim().is_empty() {
        line.clear();
        reader.read_line(&mut line)?;
    }
    match path.split('/').collect::<Vec<_>>()[..] {
        ["", "bulk", workload, size, chunks] => {
            let bytes = prepared
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry(path.clone())
                .or_insert_with(|| bulk(workload, size, chunks))
                .clone();
            socket.write_all(&bytes)?;
        }
        ["", "paced", events, every] => {
            socket.write_all(HEAD.as_bytes())?;
            let every = Duration::from_micros(number(every) as u64);
            for _ in 0..number(events) {
                thread::sleep(every);
                let event = format!("data: {} {}\n\n", monotonic(), "x".repeat(180));
                socket.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes())?;
            }
            socket.write_all(END)?;
        }
        _ => socket.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?,
    }
    socket.shutdown(std::net::Shutdown::Write)?;
    // Until the client has left: no reset may overtake what was written.
    socket.read_to_end(&mut Vec::new()).map(drop)
}

/// Returns a whole response.
fn bulk(workload: &str, size: &str, chunks: &str) -> Bytes {
    let stream = Workload::named(workload).expect("a workload of the list").stream(number(size));
    let mut response = HEAD.as_bytes().to_vec();
    let mut rest = &stream[..];
    while !rest.is_empty() {
        let end = match chunks {
            "event" => memchr::memmem::find(rest, b"\n\n").map_or(rest.len(), |at| at + 2),
            bytes => number(bytes).clamp(1, rest.len()),
        };
        let (chunk, after) = rest.split_at(end.min(rest.len()));
        response.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        response.extend_from_slice(chunk);
        response.extend_from_slice(b"\r\n");
        rest = after;
    }
    response.extend_from_slice(END);
    response.into()
}

fn number(text: &str) -> usize {
    text.parse().expect("a number")
}

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nConnection: close\r\n\
                    Transfer-Encoding: chunked\r\n\r\n";
const END: &[u8] = b"0\r\n\r\n";
