//! WebSocket ends of others, npm's `ws` and PyPI's `websockets`, as child processes that do on one connection what a test says: a
//! step is a line of JSON, and so is what came of it (`tests/support/clients/ws_*`).

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::command::Running;

/// Whose end it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Package {
    /// npm's `ws`.
    Ws,
    /// PyPI's `websockets`.
    Websockets,
}

/// One end of a connection, which ends with the test.
#[derive(Debug)]
pub struct Peer {
    running: Running,
    port: Option<u64>,
}

impl Package {
    /// Connects to a URL, with options as the package takes them.
    ///
    /// # Panics
    ///
    /// If the package is not installed: a test that cannot run fails.
    pub fn connect(self, url: &str, options: &Value) -> Peer {
        Peer { running: self.start("client", &[url, &options.to_string()]), port: None }
    }

    /// Listens on a free port, with options as the package takes them.
    ///
    /// # Panics
    ///
    /// If the package is not installed, or does not listen.
    pub fn listen(self, options: &Value) -> Peer {
        let mut peer = Peer { running: self.start("server", &[&options.to_string()]), port: None };
        let listening = peer.told();
        peer.port = listening[1].as_u64();
        assert!(peer.port.is_some(), "{listening}");
        peer
    }

    /// Returns the options with which the package offers permessage-deflate, or agrees to it. `params` are called as in RFC 7692 §7.1.
    pub fn deflate(self, params: &Value) -> Value {
        let Some(params) = params.as_object() else { return json!({}) };
        match self {
            Self::Websockets => json!({ "deflate": params }),
            Self::Ws => {
                let camel = |name: &str| {
                    let mut words = name.split('_');
                    let first = words.next().unwrap_or_default().to_owned();
                    words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
                };
                let mut options: serde_json::Map<_, _> =
                    params.iter().map(|(name, value)| (camel(name), value.clone())).collect();
                // Short messages are compressed too.
                options.insert("threshold".into(), 0.into());
                json!({ "perMessageDeflate": options })
            }
        }
    }

    /// Returns the options with which the package takes messages of at most so many bytes.
    pub fn limit(self, bytes: usize) -> Value {
        match self {
            Self::Ws => json!({ "maxPayload": bytes }),
            Self::Websockets => json!({ "max_size": bytes }),
        }
    }

    /// Returns what the package calls the option of the subprotocols.
    pub const fn protocols(self) -> &'static str {
        match self {
            Self::Ws => "protocols",
            Self::Websockets => "subprotocols",
        }
    }

    fn start(self, end: &str, arguments: &[&str]) -> Running {
        let at = |path: &str| {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
            assert!(path.exists(), "no {}: tests/run installs it", path.display());
            // A virtual environment is known by the way one comes to it.
            std::path::absolute(&path).unwrap_or(path).display().to_string()
        };
        match self {
            Self::Ws => {
                let packages = PathBuf::from(at("../target/clients/node_modules/ws/package.json"));
                let packages = packages.ancestors().nth(3).expect("three folders up").canonicalize().expect("is there");
                let script = at(&format!("support/clients/ws_{end}.cjs"));
                Running::start("node", &[&[&*script, &packages.display().to_string()], arguments].concat())
            }
            Self::Websockets => {
                let (python, script) =
                    (at("../target/clients/venv/bin/python"), at(&format!("support/clients/ws_{end}.py")));
                Running::start(&python, &[&[&*script], arguments].concat())
            }
        }
    }
}

impl Peer {
    /// Returns the URL of a path of an end that listens.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address())
    }

    /// Returns where an end listens that does.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub fn address(&self) -> SocketAddr {
        let port = self.port.expect("a server");
        SocketAddr::from((Ipv4Addr::LOCALHOST, u16::try_from(port).expect("a port")))
    }

    /// Waits for what it tells next.
    ///
    /// # Panics
    ///
    /// If it tells nothing within 30 seconds.
    pub fn told(&self) -> Value {
        let line = self.running.line();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"))
    }

    /// Waits for the opening and returns the subprotocol and the extensions agreed on.
    ///
    /// # Panics
    ///
    /// If something else comes.
    pub fn opened(&self) -> (String, String) {
        let told = self.told();
        assert_eq!(told[0], "open", "{told}");
        let text = |at: usize| told[at].as_str().unwrap_or_default().to_owned();
        (text(1), text(2))
    }

    /// Lets it do a step and returns what comes of it.
    pub fn step(&mut self, step: Value) -> Value {
        self.begin(step);
        self.told()
    }

    /// Lets it do a step; what comes of it is to be asked for with [`told`](Self::told).
    pub fn begin(&mut self, step: Value) {
        self.running.write(format!("{step}\n").as_bytes());
    }
}

/// Sees that compression was agreed on as asked for, and that messages come back through it.
///
/// # Panics
///
/// If not.
pub fn compressed(peer: &mut Peer, asked: &Value) {
    let (_, extensions) = peer.opened();
    assert!(extensions.starts_with("permessage-deflate"), "{asked}: {extensions:?}");
    for name in ["server_no_context_takeover", "client_no_context_takeover"] {
        if asked[name] == true {
            assert!(extensions.contains(name), "{asked}: {extensions}");
        }
    }
    if let Some(bits) = asked["server_max_window_bits"].as_u64() {
        assert!(extensions.contains(&format!("server_max_window_bits={bits}")), "{asked}: {extensions}");
    }
    compressed_messages(peer, &extensions);
}

/// Sees that messages come back through compression, also with what was sent before as their dictionary; `what` names it. Then it closes.
///
/// # Panics
///
/// If not.
pub fn compressed_messages(peer: &mut Peer, what: &str) {
    for _ in 0..3 {
        let text = r#"{"event":"message","data":"the same again and again"}"#;
        assert_eq!(peer.step(json!(["text", text])), json!(["text", text]), "{what}");
    }
    assert_eq!(peer.step(json!(["binary", ""])), json!(["binary", ""]), "{what}");
    for kind in ["text", "binary"] {
        for (size, frame) in [(2_000, 2_000), (70_000, 30_000)] {
            assert_eq!(peer.step(json!(["fill", kind, size, frame])), json!([kind, size, true]), "{what}");
        }
    }
    assert_eq!(peer.step(json!(["fill", "text", LONG, LONG])), json!(["text", LONG, true]), "{what}");
    assert_eq!(peer.step(json!(["close", 1000, ""])), json!(["closed", 1000, ""]), "{what}");
}

/// Every parameter of RFC 7692 §7.1, alone and together, as JSON.
pub const PARAMETERS: [&str; 9] = [
    "{}",
    r#"{"server_no_context_takeover":true}"#,
    r#"{"client_no_context_takeover":true}"#,
    r#"{"server_no_context_takeover":true,"client_no_context_takeover":true}"#,
    r#"{"server_max_window_bits":9}"#,
    r#"{"server_max_window_bits":15}"#,
    r#"{"client_max_window_bits":9}"#,
    r#"{"server_max_window_bits":10,"client_max_window_bits":12}"#,
    r#"{"server_no_context_takeover":true,"client_no_context_takeover":true,"server_max_window_bits":9,"client_max_window_bits":9}"#,
];

/// Reads a set of [`PARAMETERS`].
///
/// # Panics
///
/// If it is no JSON.
pub fn parameters(text: &str) -> Value {
    serde_json::from_str(text).expect("it is JSON")
}

/// Close codes that an end may send, each with a reason.
pub const CODES: [(u16, &str); 5] = [(1000, ""), (1001, "going"), (1011, "é"), (3000, "three"), (4999, "the last")];

/// Several windows.
const LONG: usize = 200_000;
