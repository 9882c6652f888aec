//! `tidewire tail` and `publish`: by which way they reach a server, and whom they trust.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;

use tidewire_core::api::{self, Api};
use tidewire_core::channels::{self, Channels};
use tidewire_core::server;
use tidewire_smol::{Clock, OsRandom, SharedApi};
use tidewire_tests::authority::Authority;
use tidewire_tests::canned::{Answer, Canned};
use tidewire_tests::command::{Ended, run};
use tidewire_tls::Server;

const TIDEWIRE: &str = env!("CARGO_BIN_EXE_tidewire");
const RUNTIMES: [&str; 2] = ["tokio", "smol"];
/// A name that nobody has (RFC 2606 §2): who gets there was led.
const NOWHERE: &str = "http://nowhere.invalid/events?a=b";

#[test]
fn http_goes_through_the_proxy_that_is_named() {
    for runtime in RUNTIMES {
        let proxy = stream();
        let url = format!("http://Ann:p%40ss@{}", proxy.address());
        let ended = tail(&["--runtime", runtime, "--proxy", &url, NOWHERE]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "a\n"), "{}", ended.stderr);
        let request = proxy.request();
        assert!(request.starts_with("GET http://nowhere.invalid/events?a=b HTTP/1.1\r\n"), "{request}");
        assert!(request.to_ascii_lowercase().contains("\r\nhost: nowhere.invalid\r\n"), "{request}");
        // `Ann:p@ss`
        assert!(request.contains(": Basic QW5uOnBAc3M=\r\n"), "{request}");
        assert!(!(ended.stdout + &ended.stderr).contains("p@ss"));
    }
}

#[test]
fn the_environment_names_proxies_unless_told_otherwise() {
    let (proxy, server) = (stream(), stream());
    let variable = format!("http_proxy={}", proxy.address());
    let with = |more: &[&str], arguments: &[&str]| {
        let url = server.url();
        let program = [TIDEWIRE, "tail", "-n", "1"];
        let ended = run("env", &[&[&*variable], more, &program, arguments, &[&*url]].concat(), b"");
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "a\n"), "{}", ended.stderr);
        match (proxy.left_over().len(), server.left_over().len()) {
            (1, 0) => "proxy",
            (0, 1) => "server",
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(with(&[], &[]), "proxy");
    assert_eq!(with(&["no_proxy=example.org,127.0.0.0/8"], &[]), "server");
    assert_eq!(with(&[], &["--no-proxy"]), "server");
    assert_eq!(with(&[], &["--no-proxy=127.0.0.1"]), "server");
    assert_eq!(with(&[], &["--no-proxy=example.org"]), "proxy");
    assert_eq!(with(&["no_proxy=127.0.0.1"], &["--no-proxy=example.org"]), "proxy");
    assert_eq!(with(&["http_proxy=socks5://127.0.0.1:1"], &["--no-proxy"]), "server");
    assert_eq!(with(&["http_proxy=socks5://127.0.0.1:1"], &["--proxy", &proxy.url()]), "proxy");
    let ended = run("env", &["all_proxy=socks5://127.0.0.1:1", TIDEWIRE, "tail", &server.url()], b"");
    assert_eq!(ended.code, Some(2));
    for what in ["all_proxy", "--no-proxy"] {
        assert!(ended.stderr.contains(what), "{}", ended.stderr);
    }
}

#[cfg(unix)]
#[test]
fn a_unix_socket_takes_the_place_of_host_and_port() {
    use std::os::unix::net::UnixListener;

    let path = std::env::temp_dir().join(format!("tidewire-tail-{}.sock", std::process::id()));
    let socket = path.display().to_string();
    let listener = UnixListener::bind(&path).unwrap();
    for runtime in RUNTIMES {
        let ended = thread::scope(|scope| {
            scope.spawn(|| {
                let (mut connection, _) = listener.accept().unwrap();
                let mut request = [0; 4096];
                let read = connection.read(&mut request).unwrap();
                assert!(request[..read].starts_with(b"GET /events?a=b HTTP/1.1\r\n"));
                connection.write_all(&Canned::stream("data: a\n\n")).unwrap();
                let _ = connection.read(&mut request);
            });
            tail(&["--runtime", runtime, "--unix-socket", &socket, NOWHERE])
        });
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "a\n"), "{}", ended.stderr);
    }
    fs::remove_file(&path).unwrap();
    let ended = tail(&["--no-reconnect", "--unix-socket", &socket, NOWHERE]);
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.contains("no such Unix socket"), "{}", ended.stderr);
}

#[test]
fn each_step_of_connecting_has_the_connect_timeout() {
    // Accepts, and never says a word of TLS.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", silent.local_addr().unwrap());
    for runtime in RUNTIMES {
        let ended = tail(&["--runtime", runtime, "--no-reconnect", "--connect-timeout", "100ms", &url]);
        assert_eq!(ended.code, Some(3));
        assert!(ended.stderr.contains("no secure connection within 100ms"), "{}", ended.stderr);
    }
}

#[test]
fn https_is_followed_where_the_certificate_is_trusted() {
    let server = Secure::start();
    for runtime in RUNTIMES {
        let follow =
            |arguments: &[&str]| tail(&[&["--runtime", runtime, "--no-reconnect"], arguments, &[&server.url]].concat());
        let trusted = follow(&["--cacert", &server.authority]);
        assert_eq!(trusted.code, Some(0), "{}", trusted.stderr);
        assert!(trusted.stdout.starts_with("[connected] {"), "{}", trusted.stdout);
        let unknown = follow(&[]);
        assert_eq!((unknown.code, &*unknown.stdout), (Some(3), ""), "{}", unknown.stderr);
        assert!(unknown.stderr.contains("--cacert"), "{}", unknown.stderr);
        let insecure = follow(&["-k"]);
        assert_eq!(insecure.code, Some(0), "{}", insecure.stderr);
        assert!(insecure.stderr.contains("--insecure: nobody knows who"), "{}", insecure.stderr);
    }
    let nonsense = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    for file in [nonsense, "/no/such/file"] {
        let ended = tail(&["--cacert", file, &server.url]);
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert!(ended.stderr.contains(&format!("--cacert {file}: ")), "{}", ended.stderr);
    }
}

#[test]
fn https_goes_through_a_proxy_that_sees_nothing_of_it() {
    let server = Secure::start();
    for runtime in RUNTIMES {
        let proxy = Connecting::start(server.address, "200 OK");
        let url = format!("http://Ann:secret@{}", proxy.address);
        let ended = tail(&["--runtime", runtime, "--cacert", &server.authority, "--proxy", &url, &server.url]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let asked = proxy.asked.recv().unwrap();
        assert!(asked.starts_with(&format!("CONNECT localhost:{} HTTP/1.1\r\n", server.address.port())), "{asked}");
        assert!(asked.contains(": Basic QW5uOnNlY3JldA==\r\n"), "{asked}");
        let proxy = Connecting::start(server.address, "407 Proxy Authentication Required");
        let ended = tail(&["--runtime", runtime, "--proxy", &proxy.address.to_string(), &server.url]);
        assert_eq!(ended.code, Some(4), "{}", ended.stderr);
        assert!(ended.stderr.contains("407") && ended.stderr.contains("USER:PASSWORD@"), "{}", ended.stderr);
    }
}

#[test]
fn publishing_takes_the_same_ways() {
    let server = Secure::start();
    let origin = server.url.split("/v1").next().unwrap();
    let publish =
        |arguments: &[&str]| run(TIDEWIRE, &[&["publish", "-c", "news"], arguments, &["hello"]].concat(), b"");
    for way in [&["--cacert", &*server.authority][..], &["-k"]] {
        let ended = publish(&[way, &[origin]].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(ended.stdout.trim_end().contains('-'), "{}", ended.stdout);
    }
    let untrusted = publish(&[origin]);
    assert_eq!(untrusted.code, Some(3));
    assert!(untrusted.stderr.contains("--cacert"), "{}", untrusted.stderr);
    let proxy = Connecting::start(server.address, "200 OK");
    let tunnelled = publish(&["--cacert", &server.authority, "--proxy", &proxy.address.to_string(), origin]);
    assert_eq!(tunnelled.code, Some(0), "{}", tunnelled.stderr);
    assert!(proxy.asked.recv().unwrap().starts_with("CONNECT localhost:"));
    let refusing = Connecting::start(server.address, "403 Forbidden");
    assert_eq!(publish(&["--proxy", &refusing.address.to_string(), origin]).code, Some(4));
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let unreachable = publish(&["--proxy", &nobody, "http://nowhere.invalid"]);
    assert_eq!(unreachable.code, Some(3));
    assert!(unreachable.stderr.contains(&format!("proxy {nobody}: ")), "{}", unreachable.stderr);
    let asking = Canned::start(vec![Answer::Ends(b"HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n".to_vec())]);
    let unknown = publish(&["--proxy", &asking.url(), "http://nowhere.invalid"]);
    assert_eq!(unknown.code, Some(4));
    assert!(unknown.stderr.contains("USER:PASSWORD@"), "{}", unknown.stderr);
    let forwarding = Canned::start(vec![Answer::Ends(
        b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: 12\r\n\r\n{\"id\":\"e-7\"}"
            .to_vec(),
    )]);
    let forwarded = publish(&["--proxy", &forwarding.url(), "--bearer", "sesame", "http://nowhere.invalid"]);
    assert_eq!((forwarded.code, &*forwarded.stdout), (Some(0), "e-7\n"), "{}", forwarded.stderr);
    let request = forwarding.request();
    assert!(request.starts_with("POST http://nowhere.invalid/v1/channels/news/publish HTTP/1.1\r\n"), "{request}");
    assert!(request.to_ascii_lowercase().contains("\r\nauthorization: bearer sesame\r\n"), "{request}");
}

#[test]
fn a_port_that_speaks_no_tls_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            let _ = io::copy(&mut client, &mut io::sink());
        }
    });
    let ended = tail(&["--no-reconnect", &url]);
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.contains("could not be secured"), "{}", ended.stderr);
}

/// The server of channels, over TLS.
struct Secure {
    address: SocketAddr,
    url: String,
    /// The file with the certificate of its authority.
    authority: String,
}

impl Secure {
    fn start() -> Self {
        let authority = Authority::new();
        let issued = authority.issue(&["localhost"]);
        let tls = Server::from_pem(issued.chain.as_bytes(), issued.key.as_bytes()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let clock = Clock::start();
            let channels = Channels::new(channels::Config::default(), Box::new(OsRandom), clock.now());
            let api = Api::new(api::Config::default());
            let api = SharedApi::new(api, channels, server::Config::default(), clock);
            let listener = smol::Async::new(listener).unwrap().into();
            smol::block_on(tidewire_smol::serve_tls(listener, tls, api, std::future::pending::<()>()));
        });
        let file = std::env::temp_dir().join(format!("tidewire-ca-{}-{}.pem", std::process::id(), address.port()));
        fs::write(&file, authority.pem()).unwrap();
        let url = format!("https://localhost:{}/v1/events?channel=news", address.port());
        Self { address, url, authority: file.display().to_string() }
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        let _ = fs::remove_file(PathBuf::from(&self.authority));
    }
}

/// A proxy that answers CONNECT with a status, and then passes bytes on.
struct Connecting {
    address: SocketAddr,
    asked: std::sync::mpsc::Receiver<String>,
}

impl Connecting {
    fn start(server: SocketAddr, status: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, asked) = std::sync::mpsc::channel();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let _ = sender.send(head(&client));
                let _ = (&client).write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes());
                if status.starts_with('2') {
                    let _ = pass(client, TcpStream::connect(server).unwrap());
                }
            }
        });
        Self { address, asked }
    }
}

fn head(mut client: &TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && matches!(client.read(&mut byte), Ok(1)) {
        head.extend_from_slice(&byte);
    }
    String::from_utf8(head).unwrap()
}

fn pass(client: TcpStream, server: TcpStream) -> io::Result<()> {
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || io::copy(&mut from, &mut to));
    thread::spawn(move || io::copy(&mut &server, &mut &client));
    Ok(())
}

/// A server, or a proxy, that says one event.
fn stream() -> Canned {
    Canned::start(vec![Answer::Stays(Canned::stream("data: a\n\n"))])
}

fn tail(arguments: &[&str]) -> Ended {
    run(TIDEWIRE, &[&["tail", "-n", "1"], arguments].concat(), b"")
}
