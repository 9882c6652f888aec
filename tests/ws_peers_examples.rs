//! WebSocket ends of others, npm's `ws` and PyPI's `websockets`, talk to our examples on both runtimes, as clients and as servers; and
//! so do curl and, through nginx, npm's `ws`.

use serde_json::json;
use tidewire_tests::command::Running;
use tidewire_tests::nginx::Nginx;
use tidewire_tests::ws_peers::{CODES, PARAMETERS, Package, Peer, compressed, parameters};

#[path = "support/examples.rs"]
mod examples;

use examples::Example;

macro_rules! suite {
    ($name:ident, $runtime:expr, $package:expr) => {
        mod $name {
            use super::*;

            #[test]
            fn a_client_of_theirs_gets_every_message_back() {
                let (_server, url) = echo($runtime, &[]);
                let mut client = $package.connect(&url, &json!({}));
                assert_eq!(client.opened(), Default::default());
                every_message_comes_back(&mut client);
                assert_eq!(client.step(json!(["close", 1000, "bye"])), json!(["closed", 1000, ""]));
            }

            #[test]
            fn a_client_of_theirs_is_answered_with_its_close_code() {
                let (_server, url) = echo($runtime, &[]);
                for (code, reason) in CODES {
                    let mut client = $package.connect(&url, &json!({}));
                    client.opened();
                    assert_eq!(client.step(json!(["close", code, reason])), json!(["closed", code, ""]));
                }
            }

            #[test]
            fn a_client_of_theirs_compresses_with_each_set_of_parameters() {
                let (_server, url) = echo($runtime, &["--deflate"]);
                for offered in PARAMETERS.map(|text| parameters(text)) {
                    let mut client = $package.connect(&url, &$package.deflate(&offered));
                    compressed(&mut client, &offered);
                }
                let mut client = $package.connect(&url, &json!({}));
                assert_eq!(client.opened().1, "", "what is not offered is not agreed to");
                assert_eq!(client.step(json!(["text", "plain"])), json!(["text", "plain"]));
            }

            #[test]
            fn a_client_of_theirs_offers_compression_in_vain_to_who_does_not_want_it() {
                let (_server, url) = echo($runtime, &[]);
                let mut client = $package.connect(&url, &$package.deflate(&json!({})));
                assert_eq!(client.opened(), Default::default());
                every_message_comes_back(&mut client);
            }

            #[test]
            fn a_server_of_theirs_gets_every_message_back() {
                let mut server = $package.listen(&json!({}));
                let mut client = Example::start($runtime, "echo-client", &[&server.url("/a?b=c&agent=me"), "me/1"]);
                let opened = server.told();
                assert_eq!(opened, json!(["open", "", "", "/a?b=c&agent=me", "me/1"]));
                every_message_comes_back(&mut server);
                assert_eq!(server.step(json!(["close", 1000, "bye"])), json!(["closed", 1000, ""]));
                assert!(client.wait(), "it ended as it should");
            }

            #[test]
            fn a_server_of_theirs_is_answered_with_its_close_code() {
                for (code, reason) in CODES {
                    let mut server = $package.listen(&json!({}));
                    let _client = Example::start($runtime, "echo-client", &[&server.url("/"), "me"]);
                    server.opened();
                    assert_eq!(server.step(json!(["close", code, reason])), json!(["closed", code, ""]));
                }
            }
        }
    };
}

suite!(ws_of_npm_and_tokio, "tokio", Package::Ws);
suite!(ws_of_npm_and_smol, "smol", Package::Ws);
suite!(websockets_of_pypi_and_tokio, "tokio", Package::Websockets);
suite!(websockets_of_pypi_and_smol, "smol", Package::Websockets);

#[test]
fn nginx_passes_on_what_the_page_for_operators_says_and_no_upgrade_without_it() {
    for runtime in ["tokio", "smol"] {
        let (_server, url) = echo(runtime, &["--deflate"]);
        let address = url.split('/').nth(2).and_then(|address| address.parse().ok()).expect("an address");
        let through = |nginx: &Nginx| format!("ws+unix:{}:/echo", nginx.socket().display());
        let (http, location) = settings_for_operators();
        let nginx = Nginx::configured(address, http, &location);
        let mut client = Package::Ws.connect(&through(&nginx), &Package::Ws.deflate(&json!({})));
        compressed(&mut client, &json!({}));
        drop(nginx);
        // What is passed on by default is another request, and in HTTP/1.0.
        let nginx = Nginx::start(address, "");
        let refused = Package::Ws.connect(&through(&nginx), &json!({})).told();
        assert_eq!((&refused[0], &refused[1]), (&json!("refused"), &json!(426)), "{refused}");
    }
}

#[test]
fn curl_is_answered_as_the_standard_says() {
    for runtime in ["tokio", "smol"] {
        let (_server, url) = echo(runtime, &[]);
        let url = url.replace("ws:", "http:");
        let head = |fields: &[&str]| {
            let fields = fields.iter().flat_map(|field| ["-H", field]);
            // Of a 101 it writes nothing to standard output.
            let arguments: Vec<&str> =
                ["-vN", "-o", "/dev/null", "--noproxy", "*"].into_iter().chain(fields).chain([&*url]).collect();
            let curl = Running::start("curl", &arguments);
            let lines = std::iter::repeat_with(|| curl.error_line()).skip_while(|line| !line.starts_with("< "));
            let lines: Vec<String> =
                lines.take_while(|line| line.trim() != "<").map(|line| line.replacen("< ", "", 1)).collect();
            lines.join("\n").to_ascii_lowercase()
        };
        let version = "Sec-WebSocket-Version: 13";
        // RFC 6455 §1.3
        let common =
            ["Connection: keep-alive, Upgrade", "Upgrade: WebSocket", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="];
        let accepted = head(&[&common[..], &[version]].concat());
        assert!(accepted.starts_with("http/1.1 101 "), "{accepted}");
        assert!(accepted.contains("\nsec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{accepted}");
        for fields in [&[&common[..], &["Sec-WebSocket-Version: 8"]].concat()[..], &[]] {
            let refused = head(fields);
            assert!(refused.starts_with("http/1.1 426 "), "{refused}");
            assert!(refused.contains("\nsec-websocket-version: 13"), "{refused}");
        }
        let origin = |origin: &str| head(&[&common[..], &[version, &format!("Origin: {origin}")]].concat());
        let own = url.trim_end_matches("/echo");
        assert!(origin(own).starts_with("http/1.1 101 "), "its own page may");
        assert!(origin("http://evil.example").starts_with("http/1.1 403 "), "another may not");
    }
}

/// Returns what the page for operators says that nginx needs for a WebSocket: in `http`, and in the location.
fn settings_for_operators() -> (&'static str, String) {
    let page = include_str!("../core/src/server/operating.md");
    let blocks = page.split("```").filter_map(|block| block.strip_prefix("nginx\n"));
    let block = blocks.into_iter().find(|block| block.contains("Upgrade")).expect("a block about WebSockets");
    let (http, location) = block.split_once("location / {\n").expect("a location");
    let (settings, _) = location.rsplit_once('}').expect("its end");
    let settings = settings.lines().filter(|line| !line.trim_start().starts_with("proxy_pass "));
    (http, settings.fold(String::new(), |all, line| all + line + "\n"))
}

/// Starts the example that echoes and returns its URL.
fn echo(runtime: &str, options: &[&str]) -> (Example, String) {
    let server = Example::start(runtime, "echo", &[&["0"], options].concat());
    let first = server.line();
    let address = first.split(['/', ' ']).find(|word| word.parse::<std::net::SocketAddr>().is_ok());
    let address = address.unwrap_or_else(|| panic!("no address in the first line: {first}"));
    let url = format!("ws://{address}/echo");
    (server, url)
}

/// Text, bytes and nothing at all, in one frame and in many, with pings in between, short and long.
fn every_message_comes_back(peer: &mut Peer) {
    for text in ["hello", "", "é, 漢 and \u{1f30a}", "\u{0}", &"x".repeat(70_000)] {
        assert_eq!(peer.step(json!(["text", text])), json!(["text", text]));
    }
    for bytes in ["00ff80", "", "c3"] {
        assert_eq!(peer.step(json!(["binary", bytes])), json!(["binary", bytes]));
    }
    assert_eq!(peer.step(json!(["ping", "still there?"])), json!(["pong", "still there?"]));
    assert_eq!(
        peer.step(json!(["fragments", "one ", "", "two ", "th\u{f6}ree"])),
        json!(["text", "one two th\u{f6}ree"])
    );
    for kind in ["text", "binary"] {
        for (size, frame) in [(125, 125), (126, 126), (65_535, 65_535), (65_536, 65_536), (MIB, MIB), (MIB, 1000)] {
            assert_eq!(peer.step(json!(["fill", kind, size, frame])), json!([kind, size, true]), "{frame}");
        }
    }
    assert_eq!(peer.step(json!(["ping", ""])), json!(["pong", ""]));
}

const MIB: usize = 1 << 20;
