//! A real browser: pages in headless Chromium talk to the example that echoes, on both runtimes.

use std::net::SocketAddr;

use tidewire_tests::chromium::Chromium;
use tidewire_tests::relay::Relay;

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
        let script = format!(
            "{PAGE}(async () => {{ try {{ {script} }} catch (error) {{ report(\"failed\", error); }} }})();</script>"
        );
        let relay = Relay::start(self.address, &script);
        let chromium = Chromium::open(&format!("http://{}/page", relay.address()));
        Page { relay, _chromium: chromium }
    }
}

impl Page {
    fn next(&self) -> String {
        self.relay.next_report()
    }
}
