//! The examples of the adapters as child processes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, SystemTime};

/// A running example, which ends with the test.
pub(crate) struct Example {
    child: Child,
    lines: Receiver<String>,
}

impl Example {
    /// Starts the example `name` for `runtime`.
    pub(crate) fn start(runtime: &str, name: &str, arguments: &[&str]) -> Self {
        let program = program(runtime, name);
        let mut child = Command::new(&program)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines }
    }

    /// Sends it a signal, such as `TERM`.
    #[allow(dead_code, reason = "not every target that shares this does")]
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill is there").success());
    }

    /// Waits for its end, and tells whether it ended well.
    #[allow(dead_code, reason = "not every target that shares this does")]
    pub(crate) fn wait(&mut self) -> bool {
        self.child.wait().expect("a child of ours").success()
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

/// Returns where the example `name` for `runtime` is, and builds it unless `cargo test --workspace` has done that.
pub(crate) fn program(runtime: &str, name: &str) -> PathBuf {
    let target = format!("{runtime}-{name}");
    // target/PROFILE/deps/THIS
    let this = std::env::current_exe().expect("this test has a path");
    let profile: PathBuf = this.ancestors().nth(2).expect("in the target directory").into();
    let program = profile.join("examples").join(&target);
    if is_stale(&program) {
        let release: &[&str] = if profile.ends_with("release") { &["--release"] } else { &[] };
        let built = Command::new(env!("CARGO"))
            .args([
                "build",
                "--quiet",
                "--all-features",
                "--package",
                &format!("tidewire-{runtime}"),
                "--example",
                &target,
            ])
            .args(release)
            .arg("--target-dir")
            .arg(profile.parent().expect("a profile's directory is in the target directory"))
            .current_dir(ROOT)
            .status();
        assert!(built.expect("cargo runs").success(), "{target} does not build");
        // Where what changed is not part of it, cargo leaves it as it is.
        let looked = fs::File::open(&program).and_then(|program| program.set_modified(SystemTime::now()));
        looked.expect("the program is ours");
    }
    program
}

/// Tells whether the program is missing, or older than what it is made of.
fn is_stale(program: &Path) -> bool {
    let built = fs::metadata(program).and_then(|metadata| metadata.modified());
    let sources = ["core/src", "adapters"].map(|folder| newest(&Path::new(ROOT).join(folder)));
    built.map_or(true, |built| sources.into_iter().flatten().any(|changed| changed > built))
}

fn newest(folder: &Path) -> Option<SystemTime> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    let times = entries.filter_map(|entry| match entry.metadata().ok()? {
        metadata if metadata.is_dir() => newest(&entry.path()),
        metadata => metadata.modified().ok(),
    });
    times.max()
}

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// How long a line may take.
const PATIENCE: Duration = Duration::from_secs(30);
