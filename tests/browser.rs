//! A real browser: a page in headless Chromium follows `tidewire serve` by `EventSource`, is cut, and resumes.

use std::net::SocketAddr;

use tidewire_tests::chromium::Chromium;
use tidewire_tests::command::{Running, run, serve};
use tidewire_tests::program::Program;
use tidewire_tests::relay::Relay;

/// Reports everything its `EventSource` tells it, in order. Asks for no icon: the connection for it would go to the server and be
/// used again for the reports.
const PAGE: &str = r#"<!doctype html><meta charset="utf-8"><title>follow</title><link rel="icon" href="data:,"><script>
let queue = Promise.resolve();
const report = (text) => { queue = queue.then(() => fetch("/report", { method: "POST", body: text })); };
const source = new EventSource("/v1/events?channel=news");
source.addEventListener("open", () => report("open"));
source.addEventListener("error", () => report("error " + source.readyState));
source.addEventListener("message", (event) => report("message " + JSON.parse(event.data).data));
source.addEventListener("gap", (event) => report("gap " + event.data));
</script>"#;

#[test]
fn event_source_of_chromium_follows_on_tokio_is_cut_and_resumes_without_a_loss() {
    follow_cut_and_resume("tokio");
}

#[test]
fn event_source_of_chromium_follows_on_smol_is_cut_and_resumes_without_a_loss() {
    follow_cut_and_resume("smol");
}

#[test]
fn event_source_of_chromium_comes_back_after_goodbye_and_is_told_the_gap() {
    for (before, after) in [("tokio", "smol"), ("smol", "tokio")] {
        let (mut server, address) = serve(TIDEWIRE, &["--runtime", before]);
        let relay = Relay::start(address, PAGE);
        let _chromium = Chromium::open(&format!("http://{}/page", relay.address()));
        assert_eq!(relay.next_report(), "open");
        publish(address, "before");
        assert_eq!(relay.next_report(), "message before");
        server.signal("TERM");
        assert_eq!(relay.next_report(), "error 0", "the browser is connecting again, not giving up");
        assert_eq!(server.wait(), Some(0));
        let listen = address.to_string();
        let again = Running::start(TIDEWIRE, &["serve", "--listen", &listen, "--runtime", after]);
        assert!(again.line().contains(&listen));
        let mut reports = Vec::new();
        while reports.last().is_none_or(|last: &String| !last.starts_with("gap ")) {
            reports.push(relay.next_report());
        }
        reports.retain(|report| report != "error 0");
        let [opened, gap] = &reports[..] else { panic!("{reports:?}") };
        assert!(opened == "open" && gap.contains("\"reason\":\"epoch\""), "{reports:?}");
        publish(address, "after");
        assert_eq!(relay.next_report(), "message after");
    }
}

fn publish(address: SocketAddr, data: &str) {
    let ended = run(TIDEWIRE, &["publish", &address.to_string(), "-c", "news", data], b"");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

const TIDEWIRE: &str = env!("CARGO_BIN_EXE_tidewire");

fn follow_cut_and_resume(runtime: &str) {
    let program = Program::serve(TIDEWIRE, &["--runtime", runtime]);
    let relay = Relay::start(program.address(), PAGE);
    let _chromium = Chromium::open(&format!("http://{}/page", relay.address()));

    assert_eq!(relay.next_report(), "open");
    program.publish("news", "first");
    assert_eq!(relay.next_report(), "message first");

    relay.cut();
    assert_eq!(relay.next_report(), "error 0", "the browser is connecting again");
    program.publish("news", "while away, one");
    program.publish("news", "while away, two");
    relay.mend();

    let mut reports = Vec::new();
    while reports.last().is_none_or(|last| last != "message while away, two") {
        reports.push(relay.next_report());
    }
    reports.retain(|report| report != "error 0");
    assert_eq!(reports, ["open", "message while away, one", "message while away, two"]);

    program.publish("news", "live again");
    assert_eq!(relay.next_report(), "message live again");
    assert_eq!(relay.left_over(), None);
}
