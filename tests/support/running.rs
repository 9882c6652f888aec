//! An example that runs to its end, with what it prints.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use crate::examples::program;

/// A running example, which ends with the test.
pub(crate) struct Running {
    child: Child,
    out: Receiver<Vec<u8>>,
    errors: Receiver<Vec<u8>>,
    shown: Vec<u8>,
}

/// What became of it.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) success: bool,
    pub(crate) out: String,
    pub(crate) errors: String,
}

impl Running {
    /// Starts an example, with nothing in its environment but `variables`.
    pub(crate) fn start(runtime: &str, name: &str, variables: &[(&str, &str)], arguments: &[&str]) -> Self {
        let mut command = Command::new(program(runtime, name));
        command.env_clear().envs(variables.iter().copied()).args(arguments).stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let out = pieces(child.stdout.take().expect("it is piped"));
        let errors = pieces(child.stderr.take().expect("it is piped"));
        Self { child, out, errors, shown: Vec::new() }
    }

    /// Waits until it has printed `text` last.
    pub(crate) fn shows(&mut self, text: &str) {
        while !self.shown.ends_with(text.as_bytes()) {
            let piece = self.out.recv_timeout(PATIENCE);
            let piece = piece.unwrap_or_else(|_| panic!("{:?}", String::from_utf8_lossy(&self.shown)));
            self.shown.extend_from_slice(&piece);
        }
    }

    /// Waits until it ends.
    pub(crate) fn end(mut self) -> Ended {
        let mut out = std::mem::take(&mut self.shown);
        out.extend(rest(&self.out));
        let errors = rest(&self.errors);
        let success = self.child.wait().expect("it is ours").success();
        let text = |bytes| String::from_utf8(bytes).expect("it prints text");
        Ended { success, out: text(out), errors: text(errors) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pieces(mut pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, pieces) = mpsc::channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = pipe.read(&mut buffer) {
            if sender.send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    pieces
}

fn rest(pieces: &Receiver<Vec<u8>>) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        match pieces.recv_timeout(PATIENCE) {
            Ok(piece) => all.extend(piece),
            Err(mpsc::RecvTimeoutError::Disconnected) => return all,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("it does not end: {}", String::from_utf8_lossy(&all)),
        }
    }
}

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(30);
