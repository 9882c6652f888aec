//! The `tidewire` program at work: its lines as they come, its input, its signals and its exit code.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// A run of the program that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// All of standard output.
    pub stdout: String,
    /// All of standard error.
    pub stderr: String,
}

/// A program that runs; it is killed with the test.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

/// Runs `executable` with `input` to its end.
///
/// # Panics
///
/// If it does not end within 30 seconds.
pub fn run(executable: &str, arguments: &[&str], input: &[u8]) -> Ended {
    let mut running = Running::start(executable, arguments);
    running.write(input);
    running.end()
}

impl Running {
    /// Starts `executable`.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    pub fn start(executable: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(executable);
        // What the tester's own environment says is for nobody here.
        for variable in VARIABLES {
            command.env_remove(variable).env_remove(variable.to_ascii_uppercase());
        }
        let mut child = command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stdin = child.stdin.take();
        let stdout = lines(child.stdout.take());
        let stderr = lines(child.stderr.take());
        Self { child, stdin, stdout, stderr }
    }

    /// Writes to standard input; a program that has ended is no fault of the writer.
    pub fn write(&mut self, input: &[u8]) {
        if let Some(stdin) = &mut self.stdin {
            let _ = stdin.write_all(input).and_then(|()| stdin.flush());
        }
    }

    /// Ends standard input.
    pub fn close_input(&mut self) {
        self.stdin = None;
    }

    /// Waits for the next line of standard output, without its line end.
    ///
    /// # Panics
    ///
    /// If none comes within 30 seconds.
    pub fn line(&self) -> String {
        let line = self.stdout.recv_timeout(PATIENCE);
        line.map(trimmed).unwrap_or_else(|_| panic!("no more lines on stdout; stderr: {:?}", rest(&self.stderr)))
    }

    /// Waits for the next line of standard error, without its line end.
    ///
    /// # Panics
    ///
    /// If none comes within 30 seconds.
    pub fn error_line(&self) -> String {
        self.stderr.recv_timeout(PATIENCE).map(trimmed).expect("a line on standard error")
    }

    /// Waits for a line of standard output that `wanted` accepts and returns it with those read over.
    ///
    /// # Panics
    ///
    /// If none comes.
    pub fn lines_until(&self, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            lines.push(self.line());
            if lines.last().is_some_and(|line| wanted(line)) {
                return lines;
            }
        }
    }

    /// Returns the process's number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, by its name as `kill` knows it.
    ///
    /// # Panics
    ///
    /// If there is no `kill`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(status.expect("kill runs").success());
    }

    /// Waits for the end and returns the exit code, if no signal ended it.
    ///
    /// # Panics
    ///
    /// If it does not end within 30 seconds.
    pub fn wait(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        all(&self.stdout, deadline);
        all(&self.stderr, deadline);
        self.child.wait().expect("it was started").code()
    }

    /// Stops reading standard output, as `head` does.
    pub fn stop_reading(&mut self) {
        self.stdout = mpsc::channel().1;
    }

    /// Ends standard input and waits for the end of the program.
    ///
    /// # Panics
    ///
    /// If it does not end within 30 seconds.
    pub fn end(mut self) -> Ended {
        self.stdin = None;
        let deadline = Instant::now() + PATIENCE;
        let stdout = all(&self.stdout, deadline);
        let stderr = all(&self.stderr, deadline);
        let status = self.child.wait().expect("it was started");
        Ended { code: status.code(), stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts `tidewire serve` on a free port and returns it with its address, which its first line names.
///
/// # Panics
///
/// If it does not start.
pub fn serve(executable: &str, arguments: &[&str]) -> (Running, SocketAddr) {
    let running = Running::start(executable, &[&["serve", "--listen", "127.0.0.1:0"], arguments].concat());
    let first = running.line();
    let address = first.split(['/', ' ']).find_map(|word| word.parse().ok());
    let address = address.unwrap_or_else(|| panic!("no address in the first line: {first}"));
    (running, address)
}

fn lines(stream: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    let mut stream = BufReader::new(stream.expect("it is piped"));
    thread::spawn(move || {
        let mut line = Vec::new();
        // Ends with the stream or with the test; dropping the stream then is what `head` does.
        while stream.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                break;
            }
            line.clear();
        }
    });
    receiver
}

fn all(lines: &Receiver<String>, deadline: Instant) -> String {
    let mut text = String::new();
    loop {
        match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => text.push_str(&line),
            Err(mpsc::RecvTimeoutError::Disconnected) => return text,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("the program does not end; it printed: {text}"),
        }
    }
}

fn rest(lines: &Receiver<String>) -> String {
    lines.try_iter().collect()
}

fn trimmed(line: String) -> String {
    line.trim_end_matches(['\r', '\n']).to_owned()
}

/// Variables that the program looks at.
const VARIABLES: [&str; 6] =
    ["http_proxy", "https_proxy", "all_proxy", "no_proxy", "request_method", "tidewire_bearer"];

const PATIENCE: Duration = Duration::from_secs(30);
