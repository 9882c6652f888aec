//! The examples of the adapters as child processes.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use crate::lines::PATIENCE;

/// A running example, which ends with the test.
pub(crate) struct Example {
    child: Child,
    lines: Receiver<String>,
}

impl Example {
    /// Builds, unless that was done, and starts the example `name` for `runtime`.
    pub(crate) fn start(runtime: &str, name: &str, arguments: &[&str]) -> Self {
        let target = format!("{runtime}-{name}");
        // target/PROFILE/deps/THIS
        let this = std::env::current_exe().expect("this test has a path");
        let profile: PathBuf = this.ancestors().nth(2).expect("in the target directory").into();
        let release: &[&str] = if profile.ends_with("release") { &["--release"] } else { &[] };
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", &format!("tidewire-{runtime}"), "--example", &target])
            .args(release)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status();
        assert!(built.expect("cargo runs").success(), "{target} does not build");
        let mut child = Command::new(profile.join("examples").join(&target))
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines }
    }

    /// Waits for the next line that it prints.
    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("it prints a line")
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
