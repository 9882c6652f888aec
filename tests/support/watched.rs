//! `tidewire serve` under attack: what it holds, whether it lets go of it, and whether its well-behaved readers notice anything.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::command::{Ended, Running, run, serve};

/// A server, and what the system says of its process.
#[derive(Debug)]
pub struct Watched {
    executable: &'static str,
    server: Running,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Watched {
    /// Starts `executable serve` with `arguments`.
    pub fn serve(executable: &'static str, arguments: &[&str]) -> Self {
        let (server, address) = serve(executable, arguments);
        Self { executable, server, address }
    }

    /// Returns how many descriptors it has open.
    ///
    /// # Panics
    ///
    /// If it is gone.
    pub fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.server.id())).expect("the server runs").count()
    }

    /// Returns its memory in KiB: the pages that are its own.
    ///
    /// # Panics
    ///
    /// If it is gone.
    pub fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.server.id())).expect("the server runs");
        let anonymous =
            status.lines().find_map(|line| line.strip_prefix("RssAnon:")?.split_whitespace().next()?.parse().ok());
        anonymous.expect("the system tells the memory of a process")
    }

    /// Returns how many bytes the kernel holds for each of its connections that have not been taken.
    ///
    /// # Panics
    ///
    /// If the system does not tell.
    pub fn untaken(&self) -> Vec<u64> {
        let table = fs::read_to_string("/proc/net/tcp").expect("the system tells its connections");
        let port = format!(":{:04X}", self.address.port());
        let connection = |line: &str| {
            let mut words = line.split_whitespace();
            let (local, state) = (words.nth(1)?, words.nth(1)?);
            let queue = words.next()?.split(':').next()?;
            // 0A listens; every other state may hold bytes.
            (local.ends_with(&port) && state != "0A").then(|| u64::from_str_radix(queue, 16).ok())?
        };
        table.lines().filter_map(connection).collect()
    }

    /// Waits until it has no more than so many descriptors open.
    ///
    /// # Panics
    ///
    /// If that takes more than 30 seconds.
    pub fn lets_go(&self, descriptors: usize) {
        let until = Instant::now() + PATIENCE;
        while self.descriptors() > descriptors {
            assert!(Instant::now() < until, "{} descriptors, {descriptors} before", self.descriptors());
            thread::sleep(LOOK);
        }
    }

    /// Connects and sends `request`, without its last blank line.
    ///
    /// # Panics
    ///
    /// If the server does not take it.
    pub fn send(&self, request: &str) -> TcpStream {
        let mut socket = TcpStream::connect(self.address).expect("the server listens");
        let request = format!("{request} HTTP/1.1\r\nhost: {}\r\n", self.address);
        socket.write_all(request.as_bytes()).expect("the server reads");
        socket
    }

    /// Follows `channel`; the stream is open and its first event read.
    ///
    /// # Panics
    ///
    /// If it does not open.
    pub fn follow(&self, channel: &str) -> TcpStream {
        let mut socket = self.send(&format!("GET /v1/events?channel={channel}"));
        socket.write_all(b"\r\n").expect("the server reads");
        socket.set_read_timeout(Some(PATIENCE)).expect("it is set");
        let mut head = Vec::new();
        while !head.windows(16).any(|window| window == b"event: connected") {
            let mut piece = [0; 512];
            let read = socket.read(&mut piece).expect("the stream opens");
            assert!(read > 0, "{}", String::from_utf8_lossy(&head));
            head.extend_from_slice(&piece[..read]);
        }
        socket
    }

    /// Starts well-behaved readers of `channel`, and publishes to them as `arguments` say.
    pub fn bench(&self, channel: &str, arguments: &[&str]) -> Running {
        let url = format!("{}/v1/events?channel={channel}", self.address);
        Running::start(self.executable, &[&["bench", "--json", "--threads", "1"], arguments, &[&url]].concat())
    }

    /// Runs [`bench`](Self::bench) to its end; every reader got every event once and in order.
    pub fn serves(&self, channel: &str, arguments: &[&str]) -> Value {
        sound(self.bench(channel, arguments).end())
    }

    /// Ends [`bench`](Self::bench) as Ctrl-C does; every reader got every event once and in order.
    pub fn served(bench: Running) -> Value {
        bench.signal("INT");
        sound(bench.end())
    }

    /// Publishes as a person does.
    ///
    /// # Panics
    ///
    /// If that fails.
    pub fn publish(&self, channel: &str, data: &str) {
        let ended = run(self.executable, &["publish", &self.address.to_string(), "-c", channel, data], b"");
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
}

/// Returns the report, of readers that all got everything.
fn sound(ended: Ended) -> Value {
    let report: Value = serde_json::from_str(&ended.stdout).unwrap_or_default();
    assert!(matches!(ended.code, Some(0 | 130)), "{report} {}", ended.stderr);
    assert_eq!((&report["missing"]["events"], &report["duplicates"]), (&0.into(), &0.into()), "{report}");
    assert_eq!((&report["out_of_order"], &report["failures"]), (&0.into(), &serde_json::json!({})), "{report}");
    assert_eq!(report["readers"]["opened"], report["readers"]["asked"], "{report}");
    assert_eq!(report["published"]["accepted"], report["published"]["sent"], "{report}");
    assert!(report["delivered"]["events"].as_u64() > Some(0), "{report}");
    report
}

/// Returns the 99th percentile of the delays of a report.
///
/// # Panics
///
/// If it has none.
pub fn p99(report: &Value) -> Duration {
    Duration::from_micros(report["delay_us"]["p99"].as_u64().expect("delays"))
}

const PATIENCE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(20);
