//! Clients of others follow `tidewire serve` through a relay that cuts their connections at random bytes: every event once, in order.
//! A person's loop around curl, npm's `eventsource` and `eventsource-client`, PyPI's `httpx-sse` and `sseclient-py`, Chromium.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tidewire_tests::chromium::Chromium;
use tidewire_tests::command::Running;
use tidewire_tests::program::Program;
use tidewire_tests::relay::Relay;

macro_rules! suite {
    ($name:ident, $runtime:expr) => {
        mod $name {
            use super::*;

            #[test]
            fn curl_in_a_loop_gets_every_event_once_in_order() {
                follows($runtime, 11, |url| Running::start("bash", &[&script("curl.sh"), url]));
            }

            #[test]
            fn eventsource_of_npm_gets_every_event_once_in_order() {
                follows($runtime, 12, |url| Running::start("node", &[&script("eventsource.cjs"), &packages(), url]));
            }

            #[test]
            fn eventsource_client_of_npm_gets_every_event_once_in_order() {
                let program =
                    |url: &str| Running::start("node", &[&script("eventsource-client.cjs"), &packages(), url]);
                follows($runtime, 13, program);
            }

            #[test]
            fn httpx_sse_of_pypi_gets_every_event_once_in_order() {
                follows($runtime, 14, |url| Running::start(&python(), &[&script("httpx_sse_client.py"), url]));
            }

            #[test]
            fn sseclient_py_of_pypi_gets_every_event_once_in_order() {
                follows($runtime, 15, |url| Running::start(&python(), &[&script("sseclient_py_client.py"), url]));
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

suite!(tokio, "tokio");
suite!(smol, "smol");

fn follows(runtime: &str, seed: u64, start: impl FnOnce(&str) -> Running) {
    let server = Program::serve(TIDEWIRE, &["--runtime", runtime]);
    let cuts = cuts(seed, 0);
    let relay = Relay::cutting(server.address(), "", cuts.clone());
    let client = start(&format!("http://{}/v1/events?channel=news", relay.address()));
    every_event_once_in_order(&server, || client.line());
    assert!(relay.connections() > cuts.len(), "all cuts were made: {cuts:?}");
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
        let line = next();
        let envelope: Value =
            line.strip_prefix("message ").and_then(|data| serde_json::from_str(data).ok()).unwrap_or_default();
        assert_eq!(envelope["data"], number.to_string(), "{line}");
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
