//! Clients of others follow `tidewire serve` through a relay that cuts their connections at random bytes: every event once, in order;
//! and they understand a server that restarts.
//! A person's loop around curl, npm's `eventsource` and `eventsource-client`, PyPI's `httpx-sse` and `sseclient-py`, Chromium.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tidewire_tests::chromium::Chromium;
use tidewire_tests::command::{Running, run, serve};
use tidewire_tests::program::Program;
use tidewire_tests::relay::Relay;

macro_rules! suite {
    ($name:ident, $runtime:expr, $other:expr) => {
        mod $name {
            use super::*;

            #[test]
            fn curl_in_a_loop_gets_every_event_once_in_order() {
                follows($runtime, 11, curl);
            }

            #[test]
            fn curl_in_a_loop_is_told_a_gap_by_a_server_that_restarted() {
                is_told_a_gap($runtime, $other, curl);
            }

            #[test]
            fn eventsource_of_npm_gets_every_event_once_in_order() {
                follows($runtime, 12, eventsource);
            }

            #[test]
            fn eventsource_of_npm_is_told_a_gap_by_a_server_that_restarted() {
                is_told_a_gap($runtime, $other, eventsource);
            }

            #[test]
            fn eventsource_client_of_npm_gets_every_event_once_in_order() {
                follows($runtime, 13, eventsource_client);
            }

            #[test]
            fn eventsource_client_of_npm_is_told_a_gap_by_a_server_that_restarted() {
                is_told_a_gap($runtime, $other, eventsource_client);
            }

            #[test]
            fn httpx_sse_of_pypi_gets_every_event_once_in_order() {
                follows($runtime, 14, httpx_sse);
            }

            #[test]
            fn httpx_sse_of_pypi_is_told_a_gap_by_a_server_that_restarted() {
                is_told_a_gap($runtime, $other, httpx_sse);
            }

            #[test]
            fn sseclient_py_of_pypi_gets_every_event_once_in_order() {
                follows($runtime, 15, sseclient_py);
            }

            #[test]
            fn sseclient_py_of_pypi_is_told_a_gap_by_a_server_that_restarted() {
                is_told_a_gap($runtime, $other, sseclient_py);
            }

            #[test]
            fn event_source_of_chromium_gets_every_event_once_in_order() {
                let server = Program::serve(TIDEWIRE, &["--runtime", $runtime]);
                // What is cut in the middle of a head counts as a whole head there, of another content type: final.
                let cuts = cuts(16, HEAD);
                let relay = Relay::cutting(server.address(), PAGE, cuts.clone());
                let _chromium = Chromium::open(&format!("http://{}/page", relay.address()));
                every_event_once_in_order(&server, || relay.next_report());
                assert!(relay.connections() > cuts.len(), "all cuts were made");
            }
        }
    };
}

suite!(tokio, "tokio", "smol");
suite!(smol, "smol", "tokio");

fn curl(url: &str) -> Running {
    Running::start("bash", &[&script("curl.sh"), url])
}

fn eventsource(url: &str) -> Running {
    Running::start("node", &[&script("eventsource.cjs"), &packages(), url])
}

fn eventsource_client(url: &str) -> Running {
    Running::start("node", &[&script("eventsource-client.cjs"), &packages(), url])
}

fn httpx_sse(url: &str) -> Running {
    Running::start(&python(), &[&script("httpx_sse_client.py"), url])
}

fn sseclient_py(url: &str) -> Running {
    Running::start(&python(), &[&script("sseclient_py_client.py"), url])
}

fn follows(runtime: &str, seed: u64, start: fn(&str) -> Running) {
    let server = Program::serve(TIDEWIRE, &["--runtime", runtime]);
    let cuts = cuts(seed, 0);
    let relay = Relay::cutting(server.address(), "", cuts.clone());
    let client = start(&format!("http://{}/v1/events?channel=news", relay.address()));
    every_event_once_in_order(&server, || client.line());
    assert!(relay.connections() > cuts.len(), "all cuts were made: {cuts:?}");
}

/// The server says goodbye, and another one of another epoch takes its place.
fn is_told_a_gap(before: &str, after: &str, start: fn(&str) -> Running) {
    let (mut server, address) = serve(TIDEWIRE, &["--runtime", before]);
    let client = start(&format!("http://{address}/v1/events?channel=news"));
    assert_eq!(client.line(), "connected");
    publish(address, "before");
    assert_eq!(data(&client.line()), "before");
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    let again = Running::start(TIDEWIRE, &["serve", "--listen", &address.to_string(), "--runtime", after]);
    assert!(again.line().contains(&address.to_string()));
    let gap = client.line();
    assert!(gap.starts_with("gap {") && gap.contains("\"reason\":\"epoch\""), "{gap}");
    publish(address, "after");
    assert_eq!(data(&client.line()), "after");
}

fn publish(address: SocketAddr, data: &str) {
    let ended = run(TIDEWIRE, &["publish", &address.to_string(), "-c", "news", data], b"");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

/// Returns what was published, of a client's line about a message.
fn data(line: &str) -> String {
    let envelope: Option<Value> = line.strip_prefix("message ").and_then(|data| serde_json::from_str(data).ok());
    let data = envelope.as_ref().and_then(|envelope| envelope["data"].as_str());
    data.unwrap_or_else(|| panic!("{line}")).to_owned()
}

/// Publishes while the client is cut, is away, and comes back; `next` returns the next line of what it tells.
fn every_event_once_in_order(server: &Program, next: impl Fn() -> String) {
    assert_eq!(next(), "connected");
    let publish =
        |numbers: std::ops::Range<usize>| numbers.for_each(|number| server.publish("news", &number.to_string()));
    publish(0..EVENTS / 2);
    for number in 0..EVENTS {
        if number == EVENTS / 4 {
            publish(EVENTS / 2..EVENTS);
        }
        assert_eq!(data(&next()), number.to_string());
    }
}

/// After how many bytes the first connections are cut. The first of them lives to hear its first event id: who has none cannot resume.
fn cuts(seed: u64, least: usize) -> Vec<usize> {
    let mut state = seed;
    let mut random = || {
        // xorshift64 (Marsaglia 2003).
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    let mut cuts: Vec<usize> = (0..CUTS).map(|_| least + random() % 2_000).collect();
    cuts[0] += 1_000;
    cuts
}

fn script(name: &str) -> String {
    tests().join("support/clients").join(name).display().to_string()
}

/// Where tests/run installs the packages.
fn packages() -> String {
    let folder = tests().join("../target/clients");
    assert!(folder.join("npm-done").is_file(), "no npm packages in {}: tests/run installs them", folder.display());
    folder.canonicalize().expect("it is there").display().to_string()
}

fn python() -> String {
    let python = tests().join("../target/clients/venv/bin/python");
    assert!(python.is_file(), "no {}: tests/run installs it", python.display());
    python.display().to_string()
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests")
}

const TIDEWIRE: &str = env!("CARGO_BIN_EXE_tidewire");

const EVENTS: usize = 80;
const CUTS: usize = 8;

/// More than a response's head has.
const HEAD: usize = 400;

const PAGE: &str = r#"<!doctype html><meta charset="utf-8"><title>follow</title><link rel="icon" href="data:,"><script>
let queue = Promise.resolve();
const report = (text) => { queue = queue.then(() => fetch("/report", { method: "POST", body: text })); };
const source = new EventSource("/v1/events?channel=news");
source.addEventListener("connected", () => report("connected"), { once: true });
source.addEventListener("message", (event) => report("message " + event.data));
source.addEventListener("gap", (event) => report("gap " + event.data));
source.addEventListener("error", () => source.readyState === 2 && report("gave up"));
</script>"#;
