//! `tidewire bench` against servers that keep their promises, and against such as do not: the report must show it.

use std::net::TcpListener;
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tidewire_tests::command::{Ended, Running, run, serve};
use tidewire_tests::hub::{Hub, Sent};
use tidewire_tests::paced;
use tidewire_tests::relay::Relay;

const TIDEWIRE: &str = env!("CARGO_BIN_EXE_tidewire");
const RUNTIMES: [&str; 2] = ["tokio", "smol"];

#[test]
fn every_reader_gets_every_event_of_serve_and_the_report_adds_up() {
    for (server, client) in [("tokio", "tokio"), ("smol", "smol"), ("tokio", "smol")] {
        let (_server, address) = serve(TIDEWIRE, &["--runtime", server]);
        let url = format!("{address}/v1/events?channel=a%2Db,c");
        let asked =
            ["-n", "60", "--messages", "48", "--rate", "400", "--burst", "8", "--size", "200", "--runtime", client];
        let (report, ended) = bench(&asked, &url);
        assert_eq!((ended.code, &report["exit"]), (Some(0), &0.into()), "{report} {}", ended.stderr);
        assert_eq!((&report["readers"]["opened"], &report["readers"]["open"]), (&60.into(), &60.into()));
        assert_eq!((&report["published"]["sent"], &report["published"]["accepted"]), (&48.into(), &48.into()));
        assert_eq!(report["delivered"]["events"], 60 * 48, "{report}");
        assert_eq!(report["delivered"]["others"], 60, "the event `connected` of each reader");
        assert!(report["delivered"]["bytes"].as_u64().unwrap() > 60 * 48 * 200, "{report}");
        assert_eq!(faults(&report), [0, 0, 0], "{report}");
        assert_eq!(report["connects"]["count"], 60);
        assert_eq!(report["failures"], serde_json::json!({}));
        let delays = ["p50", "p90", "p99", "p999", "max"].map(|name| report["delay_us"][name].as_u64().unwrap());
        assert!(delays[0] > 0 && delays.is_sorted(), "{delays:?}");
        assert!(report["delay_us"]["p50"].as_u64() >= report["delay_from_sending_us"]["p50"].as_u64(), "{report}");
        // 48 at 400 a second are six bursts, the last of them after 100 ms.
        let rate = report["published"]["per_second"].as_f64().unwrap();
        assert!(rate < 500.0, "as planned and not as fast as it goes: {rate}");
    }
}

#[test]
fn people_get_percentiles_a_histogram_and_lines_while_it_runs() {
    let (_server, address) = serve(TIDEWIRE, &[]);
    let url = format!("{address}/v1/events?channel=news");
    let ended = run(TIDEWIRE, &["bench", "-n", "20", "--messages", "20", &url], b"");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for part in [
        "20 of 20 opened",
        "20 accepted",
        "400 events of 400",
        "missing 0 (at 0 readers)",
        "failures    none",
        "  p50 ",
        " p99.9 ",
        " ####",
    ] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    assert!(ended.stderr.contains("publishing: "), "{}", ended.stderr);
    assert!(!ended.stderr.contains(['\r', '\u{1b}']), "no bar in a pipe: {:?}", ended.stderr);
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_gets_a_bar_that_gives_way_to_the_report() {
    let (_server, address) = serve(TIDEWIRE, &[]);
    let shown = on_a_terminal(&format!("-n 20 --messages 50 '{address}/v1/events?channel=news'"));
    let (bars, report) = shown.rsplit_once("\u{1b}[2K").unwrap_or_else(|| panic!("{shown:?}"));
    assert!(bars.contains("connecting [") && bars.contains("publishing [") && bars.contains("/50 20 open"), "{bars:?}");
    assert!(!bars.contains('\n'), "one line that is replaced: {bars:?}");
    assert!(report.contains("20 of 20 opened") && !report.contains(['\u{1b}', '[']), "{report:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_hostile_server_says_drives_no_terminal() {
    let refuse: fn(&str, usize) -> _ =
        |_, _| Some("HTTP/1.1 403 Forbidden\r\ncontent-length: 9\r\n\r\n\u{1b}[2J\u{9b}2J\u{7}");
    let hub = Hub::start(|_, _, text| vec![Sent::Event(text.into())], refuse);
    let shown = on_a_terminal(&format!("-n 2 --publish none {}", hub.url()));
    // So fast a run may be over before there is a bar.
    let report = shown.rsplit_once("\u{1b}[2K").map_or(&*shown, |(_, report)| report);
    assert!(report.contains("403 Forbidden: [2J2J") && !report.contains(['\u{1b}', '\u{9b}', '\u{7}']), "{report:?}");
}

#[test]
fn what_a_server_of_any_kind_sends_is_counted() {
    let address = paced::serve("", 50, Duration::from_millis(2), true);
    for runtime in RUNTIMES {
        let asked = ["-n", "10", "--messages", "20", "--runtime", runtime, "--last-event-id", "7"];
        let (report, ended) = bench(&asked, &format!("{address}/events"));
        assert_eq!((ended.code, &report["published"]), (Some(0), &Value::Null), "{report} {}", ended.stderr);
        assert!(report["delivered"]["others"].as_u64() >= Some(200), "{report}");
        assert_eq!((&report["delivered"]["events"], &report["delay_us"]), (&0.into(), &Value::Null));
    }
}

#[test]
fn lost_doubled_and_overtaken_events_are_told_apart() {
    let hub = Hub::start(
        |reader, number, text| match (reader, number) {
            (0, 3 | 4) => vec![],
            (1, 5) => vec![Sent::Event(text.into()), Sent::Event(text.into())],
            (2, 6) => vec![Sent::Later(text.into())],
            // The last one: nothing comes behind it that would show that it is missing.
            (3, 9) => vec![],
            _ => vec![Sent::Event(text.into())],
        },
        |_, _| None,
    );
    let asked = ["-n", "6", "--messages", "10", "--rate", "200", "--timeout", "1s", "--publish", &hub.url()];
    let (report, ended) = bench(&asked, &hub.url());
    assert_eq!((ended.code, &report["exit"]), (Some(12), &12.into()), "{report} {}", ended.stderr);
    assert_eq!(faults(&report), [3, 1, 1], "{report}");
    assert_eq!(report["missing"]["readers"], 2, "{report}");
    assert_eq!(report["delivered"]["events"], 6 * 10 - 3 + 1, "{report}");
    assert!(ended.stderr.contains("not every reader got every event once and in order"), "{}", ended.stderr);
}

#[test]
fn a_server_that_says_the_same_to_all_and_loses_nothing_is_no_fault() {
    let hub = Hub::start(|_, _, text| vec![Sent::Event(text.into())], |_, _| None);
    let asked = ["-n", "6", "--messages", "10", "--rate", "200", "--publish", &hub.url()];
    let with = ["--publish-body", "topic=a&data={}", "-H", "x-key: 7", "--last-event-id", "abc"];
    let (report, ended) = bench(&[&asked[..], &with].concat(), &hub.url());
    assert_eq!((ended.code, faults(&report)), (Some(0), [0, 0, 0]), "{report} {}", ended.stderr);
    let heads = hub.heads();
    assert_eq!(heads.len(), 16);
    assert!(heads.iter().all(|head| head.contains("\r\nx-key: 7\r\n")), "{heads:?}");
    let readers: Vec<&String> = heads.iter().filter(|head| head.starts_with("get /hub ")).collect();
    assert!(readers.iter().all(|head| head.contains("\r\nlast-event-id: abc\r\n")), "{readers:?}");
    assert_eq!((readers.len(), heads.iter().filter(|head| head.starts_with("post /hub ")).count()), (6, 10));
}

#[test]
fn what_a_slow_publication_delays_counts_from_when_it_was_planned() {
    let hub = Hub::start(
        |reader, number, text| {
            if (reader, number) == (0, 0) {
                thread::sleep(STALL);
            }
            vec![Sent::Event(text.into())]
        },
        |_, _| None,
    );
    // Messages so long that the next one waits for the answer to the last.
    let asked = ["-n", "2", "--messages", "20", "--rate", "100", "--size", "40000", "--publish", &hub.url()];
    let (report, ended) = bench(&asked, &hub.url());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    // All twenty were planned while the hub slept: whoever measures from the sending sees one slow one.
    let [planned, sent] = ["delay_us", "delay_from_sending_us"].map(|from| report[from]["p50"].as_u64().unwrap());
    assert!(planned > STALL.as_micros() as u64 / 3 && sent < planned / 2, "{report}");
    assert!(report["delay_us"]["max"].as_u64().unwrap() >= STALL.as_micros() as u64, "{report}");
    assert!(report["published"]["us"]["p50"].as_u64().unwrap() < planned / 2, "{report}");
}

#[test]
fn readers_connect_at_the_rate_asked_for() {
    let hub = Hub::start(|_, _, text| vec![Sent::Event(text.into())], |_, _| None);
    for runtime in RUNTIMES {
        let asked = ["-n", "20", "--ramp", "40", "--runtime", runtime, "--publish", "none", "--duration", "10ms"];
        let (report, ended) = bench(&asked, &hub.url());
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let rate = report["connects"]["per_second"].as_f64().unwrap();
        assert!((10.0..80.0).contains(&rate), "{report}");
    }
}

#[test]
fn readers_that_are_cut_come_back_and_miss_nothing() {
    let (_server, address) = serve(TIDEWIRE, &[]);
    let relay = Relay::start(address, "");
    let url = format!("http://{}/v1/events?channel=news", relay.address());
    let publish = format!("http://{address}/v1/channels/news/publish");
    let arguments = ["bench", "--json", "-n", "5", "--rate", "100", "--duration", "4s", "--publish", &publish, &url];
    let bench = Running::start(TIDEWIRE, &arguments);
    while !bench.error_line().starts_with("publishing: ") {}
    relay.cut();
    relay.mend();
    let ended = bench.end();
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((ended.code, faults(&report)), (Some(0), [0, 0, 0]), "{report} {}", ended.stderr);
    assert_eq!((&report["connects"]["count"], &report["delivered"]["events"]), (&10.into(), &2_000.into()), "{report}");
    let lost: u64 = report["failures"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert_eq!(lost, 5, "{report}");
}

#[test]
fn refused_readers_are_counted_by_their_status() {
    let all: fn(&str, usize) -> _ = |_, _| Some(REFUSAL);
    let hub = Hub::start(|_, _, text| vec![Sent::Event(text.into())], all);
    let (report, ended) = bench(&["-n", "7", "--publish", "none", "--duration", "100ms"], &hub.url());
    assert_eq!((ended.code, &report["readers"]["opened"]), (Some(4), &0.into()), "{report} {}", ended.stderr);
    assert_eq!(report["failures"]["503 Service Unavailable: too many"], 7, "{report}");
    assert!(ended.stderr.contains("503 Service Unavailable: too many"), "{}", ended.stderr);
    let every_second: fn(&str, usize) -> _ =
        |head, number| (head.starts_with("get ") && number % 2 == 1).then_some(REFUSAL);
    let hub = Hub::start(|_, _, text| vec![Sent::Event(text.into())], every_second);
    let (report, ended) = bench(&["-n", "8", "--messages", "5", "--publish", &hub.url()], &hub.url());
    assert_eq!((ended.code, &report["readers"]["opened"]), (Some(12), &4.into()), "{report} {}", ended.stderr);
    assert_eq!(report["delivered"]["events"], 20, "those that were taken get everything: {report}");
}

#[test]
fn what_is_no_stream_is_told_without_options_of_other_commands() {
    const PAGE: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi";
    let hub = Hub::start(|_, _, text| vec![Sent::Event(text.into())], |_, _| Some(PAGE));
    let (_, ended) = bench(&["-n", "1", "--publish", "none", "--duration", "100ms"], &hub.url());
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    assert!(ended.stderr.contains("is this the address of the stream?"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("--any-content-type"), "{}", ended.stderr);
}

#[test]
fn refused_publications_are_told() {
    let hub = Hub::start(
        |_, _, text| vec![Sent::Event(text.into())],
        |head, number| (head.starts_with("post ") && number == 3).then_some(REFUSAL),
    );
    let asked = ["-n", "2", "--messages", "10", "--rate", "50", "--publish", &hub.url()];
    let (report, ended) = bench(&asked, &hub.url());
    assert_eq!((ended.code, &report["published"]["accepted"]), (Some(12), &9.into()), "{report} {}", ended.stderr);
    assert_eq!(faults(&report), [0, 0, 0], "what was not taken is not missing: {report}");
    let (_server, address) = serve(TIDEWIRE, &[]);
    let (_, ended) = bench(&["--publish", &format!("{address}/nowhere")], &format!("{address}/v1/events?channel=a"));
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    assert!(ended.stderr.contains("/nowhere: 404 Not Found"), "{}", ended.stderr);
}

#[test]
fn a_server_that_never_answers_and_none_at_all_are_exit_code_3() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("{}/events", listener.local_addr().unwrap());
    for runtime in RUNTIMES {
        let (report, ended) = bench(&["-n", "5", "--timeout", "200ms", "--runtime", runtime], &url);
        assert_eq!((ended.code, &report["exit"]), (Some(3), &3.into()), "{report} {}", ended.stderr);
        assert!(ended.stderr.contains("no complete response head within 200ms"), "{}", ended.stderr);
        assert!(!ended.stderr.contains("--head-timeout"), "{}", ended.stderr);
    }
    drop(listener);
    let (report, ended) = bench(&["-n", "5"], &url);
    assert_eq!(ended.code, Some(3), "{report}");
    assert!(ended.stderr.contains("the connection was refused"), "{}", ended.stderr);
    let refused: u64 = report["failures"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert!(refused >= 5, "{report}");
}

#[test]
fn ctrl_c_ends_it_with_the_report() {
    let (_server, address) = serve(TIDEWIRE, &[]);
    let url = format!("{address}/v1/events?channel=news");
    for runtime in RUNTIMES {
        let bench = Running::start(TIDEWIRE, &["bench", "-n", "30", "--duration", "1h", "--runtime", runtime, &url]);
        while !bench.error_line().starts_with("publishing: ") {}
        bench.signal("INT");
        let ended = bench.end();
        assert_eq!(ended.code, Some(130), "{}", ended.stderr);
        assert!(ended.stdout.contains("30 of 30 opened, 30 open at the end"), "{}", ended.stdout);
    }
}

#[test]
fn the_limit_of_descriptors_is_raised_or_said_how() {
    let (_server, address) = serve(TIDEWIRE, &[]);
    let url = format!("{address}/v1/events?channel=news");
    let script = format!("ulimit -Sn 64; exec {TIDEWIRE} bench -n 100 --messages 2 '{url}'");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    // More than any system lets anybody have.
    let ended = run(TIDEWIRE, &["bench", "-n", "3000000000", &url], b"");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("run `ulimit -n 3000000064`"), "{}", ended.stderr);
    assert!(ended.stderr.contains("or take --readers "), "{}", ended.stderr);
}

#[test]
fn a_wrong_command_line_says_what_is_right() {
    for (arguments, part) in [
        (&["--rate", "0"][..], "more than zero"),
        (&["--readers", "0"], "--readers"),
        (&["--publish", "a", "--publish-body", "x"], "{} is missing"),
        (&["--publish-body", "{}"], "--publish <URL>"),
        (&["--messages", "1", "--duration", "1s"], "cannot be used with"),
        (&["--last-event-id", "a\nb"], "--last-event-id"),
    ] {
        let ended = run(TIDEWIRE, &[&["bench"], arguments, &["127.0.0.1:1/"]].concat(), b"");
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(part), "{arguments:?}: {}", ended.stderr);
    }
}

/// Runs to the end and returns the report with it.
fn bench(arguments: &[&str], url: &str) -> (Value, Ended) {
    let ended = run(TIDEWIRE, &[&["bench", "--json"], arguments, &[url]].concat(), b"");
    (serde_json::from_str(&ended.stdout).unwrap_or_default(), ended)
}

/// Runs on a terminal and returns all that is written there.
#[cfg(target_os = "linux")]
fn on_a_terminal(arguments: &str) -> String {
    let command = format!("stty cols 100; env TERM=xterm {TIDEWIRE} bench {arguments}");
    run("script", &["-qec", &command, "/dev/null"], b"").stdout
}

/// Missing, doubled, out of order.
fn faults(report: &Value) -> [u64; 3] {
    [&report["missing"]["events"], &report["duplicates"], &report["out_of_order"]].map(|count| count.as_u64().unwrap())
}

const STALL: Duration = Duration::from_millis(500);

const REFUSAL: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 8\r\nconnection: close\r\n\r\ntoo many";
