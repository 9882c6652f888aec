//! Debian's nginx as a child process, between a client and a server.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, process, thread};

/// A running nginx, which listens on a Unix socket: no port to fight for.
#[derive(Debug)]
pub struct Nginx {
    child: Child,
    folder: PathBuf,
}

impl Nginx {
    /// Starts nginx in front of `server`, with `settings` added to a location that is otherwise as nginx has it by default.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn start(server: SocketAddr, settings: &str) -> Self {
        Self::configured(server, "", settings)
    }

    /// The same, with settings of `http`, too.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn configured(server: SocketAddr, http: &str, settings: &str) -> Self {
        let folder = env::temp_dir().join(format!("tidewire-nginx-{}-{}", process::id(), server.port()));
        fs::create_dir_all(&folder).expect("a folder of its own");
        let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {}/{name};\n", folder.display()))
            .concat();
        let configuration = format!(
            "daemon off; pid {at}/pid; error_log {at}/error.log; events {{}}\nhttp {{ access_log off; {paths}\n{http}\n\
             server {{ listen unix:{at}/socket; location / {{ proxy_pass http://{server}; {settings} }} }} }}",
            at = folder.display()
        );
        let file = folder.join("nginx.conf");
        fs::write(&file, configuration).expect("writes");
        let child = Command::new("/usr/sbin/nginx")
            .arg("-e")
            .arg(folder.join("error.log"))
            .arg("-c")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx is installed (Debian: nginx-light)");
        let nginx = Self { child, folder };
        let deadline = Instant::now() + PATIENCE;
        while std::os::unix::net::UnixStream::connect(nginx.socket()).is_err() {
            assert!(Instant::now() < deadline, "nginx does not listen: {}", nginx.errors());
            thread::yield_now();
        }
        nginx
    }

    /// Returns where it listens.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    fn errors(&self) -> String {
        fs::read_to_string(Path::new(&self.folder).join("error.log")).unwrap_or_default()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its worker ends with it only if it is asked.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

const PATIENCE: Duration = Duration::from_secs(30);
