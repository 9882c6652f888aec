//! A real browser: pages in headless Chromium talk to the example that echoes, on both runtimes, and to our machines.

use std::net::{SocketAddr, TcpListener};

use bytes::Bytes;
use tidewire_core::server::{TokenPlaces, TokenProtocol, WebSocketEndpoint};
use tidewire_core::ws::{Closed, Event, Message};
use tidewire_tests::chromium::Chromium;
use tidewire_tests::relay::Relay;
use tidewire_tests::ws_wire::Wire;

#[path = "support/examples.rs"]
mod examples;

use examples::Example;

/// Opens a WebSocket and reports what comes of it; `play` is what a test adds.
const PAGE: &str = r#"<!doctype html><meta charset="utf-8"><title>echo</title><link rel="icon" href="data:,"><script>
let queue = Promise.resolve();
const report = (...what) => { queue = queue.then(() => fetch("/report", { method: "POST", body: what.join(" ") })); };
const events = [];
let waiting = null;
const happened = (event) => { waiting ? waiting(event) : events.push(event); };
const next = async () => {
  const event = events.shift() ?? await new Promise((resolve) => { waiting = resolve; });
  waiting = null;
  return event;
};
const open = (url, protocols) => {
  const socket = new WebSocket(url, protocols ?? []);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => happened(["open", socket.protocol || "-", socket.extensions || "-"]);
  socket.onmessage = ({ data }) => happened(typeof data === "string" ? ["text", data] : ["binary", new Uint8Array(data)]);
  socket.onerror = () => happened(["error"]);
  socket.onclose = ({ code, reason, wasClean }) => happened(["closed", code, reason || "-", wasClean]);
  return socket;
};
const echo = location.href.replace("http:", "ws:").replace("/page", "/echo");
"#;

macro_rules! suite {
    ($name:ident, $runtime:expr) => {
        mod $name {
            use super::*;

            #[test]
            fn a_page_gets_text_and_bytes_back() {
                let server = Echo::start($runtime, &[]);
                let page = server.page(
                    r#"const socket = open(echo);
                    report(...await next());
                    socket.send("h\u00e9llo \ud83c\udf0a");
                    report(...await next());
                    socket.send("");
                    report(...await next());
                    socket.send(new Uint8Array([0, 255, 10]));
                    report(...await next());
                    socket.send(new Uint8Array(0));
                    report(...await next());
                    socket.close();
                    report(...await next());"#,
                );
                for expected in
                    ["open - -", "text h\u{e9}llo \u{1f30a}", "text ", "binary 0,255,10", "binary ", "closed 1005 - true"]
                {
                    assert_eq!(page.next(), expected);
                }
            }

            #[test]
            fn a_page_sees_its_close_code_answered() {
                let server = Echo::start($runtime, &[]);
                let page = server.page(
                    r#"for (const [code, reason] of [[1000, "bye"], [3000, ""], [4999, "\u00e9"]]) {
                        const socket = open(echo);
                        await next();
                        socket.close(code, reason);
                        report(...await next());
                    }"#,
                );
                for expected in ["closed 1000 - true", "closed 3000 - true", "closed 4999 - true"] {
                    assert_eq!(page.next(), expected);
                }
            }

            #[test]
            fn a_page_sends_a_mebibyte_and_has_it_back() {
                for (options, extensions) in [(&[][..], "-"), (&["--deflate"], "permessage-deflate")] {
                    let server = Echo::start($runtime, options);
                    let page = server.page(
                        r#"const socket = open(echo);
                        report(...await next());
                        const text = Array.from({ length: 1 << 17 }, (_, at) => `\u00e9 ${at * 7919 % 65521} wired`).join().slice(0, 1 << 20);
                        const bytes = new Uint8Array(1 << 20);
                        for (let at = 0; at < bytes.length; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
                        for (const data of [text, bytes, "again", "again", text]) {
                            socket.send(data);
                            const [kind, back] = await next();
                            report(kind, back.length, back.every?.((byte, at) => byte === data[at]) ?? back === data);
                        }
                        socket.close(1000);
                        report(...await next());"#,
                    );
                    let opened = page.next();
                    assert!(opened.starts_with(&format!("open - {extensions}")), "{opened}");
                    let long = ["text 1048576 true", "binary 1048576 true"];
                    for expected in [long[0], long[1], "text 5 true", "text 5 true", long[0], "closed 1000 - true"] {
                        assert_eq!(page.next(), expected);
                    }
                }
            }

            #[test]
            fn a_page_of_another_origin_is_not_let_in() {
                let server = Echo::start($runtime, &[]);
                // Around the relay that the page came from, so that the server goes by another name than the page.
                let script = format!(
                    r#"open("ws://{}/echo"); report(...await next()); report(...await next());"#,
                    server.address
                );
                let page = server.page(&script);
                assert_eq!(page.next(), "error");
                assert_eq!(page.next(), "closed 1006 - false");
            }
        }
    };
}

/// What only a server of the test's own says.
#[test]
fn a_page_sees_close_codes_and_reasons_of_the_server() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let page = Page::open(
        listener.local_addr().unwrap(),
        r#"for (let count = 0; count < 5; count++) {
            open(echo);
            await next();
            report(...await next());
        }"#,
    );
    for (code, reason, expected) in [
        (Some(1000), "bye", "closed 1000 bye true"),
        (Some(1001), "", "closed 1001 - true"),
        (Some(1013), "later", "closed 1013 later true"),
        (Some(4001), "\u{e9}\u{1f30a}", "closed 4001 \u{e9}\u{1f30a} true"),
        (None, "", "closed 1005 - true"),
    ] {
        let mut ours = Wire::accept(&listener, &WebSocketEndpoint::default());
        ours.close(code, reason);
        let closed = ours.echo();
        assert_eq!((closed.is_clean, closed.code), (true, code.unwrap_or(Closed::NO_CODE)));
        assert_eq!(page.next(), expected);
    }
}

#[test]
fn a_page_is_answered_with_a_subprotocol_or_its_token() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let page = Page::open(
        listener.local_addr().unwrap(),
        r#"for (const protocols of [["other", "chat"], ["s3cret"], ["bearer", "s3cret"]]) {
            const socket = open(echo, protocols);
            report(...await next());
            socket.close();
            await next();
        }"#,
    );
    let mut chat = WebSocketEndpoint::default();
    chat.protocols = vec!["chat".into()];
    let token = |place: TokenProtocol| {
        let mut endpoint = WebSocketEndpoint::default();
        let mut places = TokenPlaces::default();
        places.protocol = place;
        endpoint.token = Some(places);
        endpoint
    };
    for (endpoint, chosen) in [
        (chat, "chat"),
        (token(TokenProtocol::Sole), "s3cret"),
        (token(TokenProtocol::Behind("bearer".into())), "bearer"),
    ] {
        let ours = Wire::accept(&listener, &endpoint);
        assert_eq!(page.next(), format!("open {chosen} -"));
        ours.echo();
    }
}

#[test]
fn chromium_answers_our_pings_and_puts_our_fragments_together() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let page = Page::open(
        listener.local_addr().unwrap(),
        r#"open(echo); await next(); const [, text] = await next(); report(text.length, text.slice(-3)); report(...await next());"#,
    );
    let mut endpoint = WebSocketEndpoint::default();
    endpoint.config_mut().fragment = Some(1000);
    let mut ours = Wire::accept(&listener, &endpoint);
    ours.ping(b"there?");
    assert_eq!(ours.event(), Some(Event::Pong(Bytes::from_static(b"there?"))));
    ours.send(&Message::from("\u{e9}!".repeat(100_000)));
    ours.close(Some(1000), "");
    assert!(ours.echo().is_clean);
    assert_eq!(page.next(), "200000 !\u{e9}!");
    assert_eq!(page.next(), "closed 1000 - true");
}

suite!(tokio, "tokio");
suite!(smol, "smol");

/// The example that echoes.
struct Echo {
    _example: Example,
    address: SocketAddr,
}

/// A page that is open.
struct Page {
    relay: Relay,
    _chromium: Chromium,
}

impl Echo {
    fn start(runtime: &str, options: &[&str]) -> Self {
        let example = Example::start(runtime, "echo", &[&["0"], options].concat());
        let first = example.line();
        let address = first.split(['/', ' ']).find_map(|word| word.parse().ok());
        let address = address.unwrap_or_else(|| panic!("no address in the first line: {first}"));
        Self { _example: example, address }
    }

    /// Opens a page that does as `script` says.
    fn page(&self, script: &str) -> Page {
        Page::open(self.address, script)
    }
}

impl Page {
    /// Opens a page of the server at `address` that does as `script` says.
    fn open(address: SocketAddr, script: &str) -> Self {
        let script = format!(
            "{PAGE}(async () => {{ try {{ {script} }} catch (error) {{ report(\"failed\", error); }} }})();</script>"
        );
        let relay = Relay::start(address, &script);
        let chromium = Chromium::open(&format!("http://{}/page", relay.address()));
        Self { relay, _chromium: chromium }
    }

    fn next(&self) -> String {
        self.relay.next_report()
    }
}
