//! `tidewire tail`: how it prints, what it leaves out, when it ends, and what it shows on a terminal.

use tidewire_tests::canned::{Answer, Canned};
use tidewire_tests::command::{Ended, Running, run};

const TIDEWIRE: &str = env!("CARGO_BIN_EXE_tidewire");

const EVENTS: &str = concat!(
    ": hello\nretry: 20\n",
    "id: 1\ndata: {\"level\":1,\ndata: \"tags\":[\"a\",\"b\"]}\n\n",
    "event: add\nid: 2\ndata: two\n\n",
    "event: add\ndata: {\"level\":3}\n\n",
    "event: end\ndata: [DONE]\n\n",
);

#[test]
fn every_format_prints_the_same_events() {
    for (format, expected) in [
        ("plain", "{\"level\":1,\n\"tags\":[\"a\",\"b\"]}\n[add] two\n[add] {\"level\":3}\n[end] [DONE]\n"),
        ("data", "{\"level\":1,\n\"tags\":[\"a\",\"b\"]}\ntwo\n{\"level\":3}\n[DONE]\n"),
        (
            "pretty",
            "[message] id 1\n{\n  \"level\": 1,\n  \"tags\": [\n    \"a\",\n    \"b\"\n  ]\n}\n\
             [add] id 2\ntwo\n[add] id 2\n{\n  \"level\": 3\n}\n[end] id 2\n[DONE]\n",
        ),
        (
            "raw",
            "id: 1\ndata: {\"level\":1,\ndata: \"tags\":[\"a\",\"b\"]}\n\nid: 2\nevent: add\ndata: two\n\n\
             event: add\ndata: {\"level\":3}\n\nevent: end\ndata: [DONE]\n\n",
        ),
    ] {
        let ended = tail(EVENTS, &["--count", "4", "--output", format]);
        assert_eq!(ended.stdout, expected, "{format}: {}", ended.stderr);
        assert_eq!(ended.code, Some(0), "{format}");
    }
    let short = tail(EVENTS, &["--count", "4", "--json"]);
    let long = tail(EVENTS, &["--count", "4", "--output", "json"]);
    assert_eq!(without_url(&short.stdout), without_url(&long.stdout));
    assert_eq!(short.stdout.lines().count(), 6);
}

#[test]
fn raw_is_an_event_stream_that_parses_to_the_same() {
    let raw = tail(EVENTS, &["--count", "4", "--output", "raw", "--verbose"]).stdout;
    let events = |text: &str| run(TIDEWIRE, &["parse", "--json"], text.as_bytes()).stdout;
    assert_eq!(events(&raw), events(EVENTS));
}

#[test]
fn timestamps_are_utc_with_milliseconds_in_every_format() {
    let shape = |text: &str| -> String { text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect() };
    let time = "0000-00-00T00:00:00.000Z";
    for (format, expected) in [
        ("plain", format!("{time} [x] a\n")),
        ("pretty", format!("{time} [x]\na\n")),
        ("data", format!("{time} a\n")),
        ("raw", format!(": {time}\nevent: x\ndata: a\n\n")),
    ] {
        let ended = tail("event: x\ndata: a\n\n", &["-n", "1", "--timestamps", "--output", format]);
        assert_eq!(shape(&ended.stdout), expected, "{format}");
        assert!(ended.stderr.lines().all(|line| shape(line).starts_with(time)), "{}", ended.stderr);
    }
    let ended = tail("event: x\ndata: a\n\n", &["-n", "1", "--timestamps", "--json"]);
    for line in ended.stdout.lines() {
        assert!(shape(line).starts_with(&format!("{{\"time\":\"{time}\",\"t\":\"")), "{line}");
    }
}

#[test]
fn filters_all_have_to_hold_and_what_is_left_out_is_not_counted() {
    for (filters, expected) in [
        (&["event=add"][..], "two\n{\"level\":3}\n"),
        (&["event=a*", "/level=3"], "{\"level\":3}\n"),
        (&["event!=add"], "{\"level\":1,\n\"tags\":[\"a\",\"b\"]}\n[DONE]\n"),
        (&["/tags/1=b"], "{\"level\":1,\n\"tags\":[\"a\",\"b\"]}\n"),
        (&["!/level", "data!=[DONE]"], "two\n"),
        (&["id=2", "event=end"], "[DONE]\n"),
    ] {
        let mut arguments = vec!["--output", "data", "--until", "[DONE]"];
        arguments.extend(filters.iter().flat_map(|filter| ["--filter", filter]));
        let ended = tail(EVENTS, &arguments);
        assert_eq!((ended.code, &*ended.stdout), (Some(0), expected), "{filters:?}: {}", ended.stderr);
    }
    let ended = tail(EVENTS, &["--output", "data", "--filter", "event=add", "--count", "1"]);
    assert_eq!((ended.code, &*ended.stdout), (Some(0), "two\n"));
}

#[test]
fn it_ends_with_the_event_that_until_names() {
    for (until, last) in [
        ("[DONE]", "[end] [DONE]"),
        ("event=add", "[add] two"),
        ("/level=3", "[add] {\"level\":3}"),
        ("two", "[add] two"),
    ] {
        let ended = tail(EVENTS, &["--until", until]);
        assert_eq!((ended.code, ended.stdout.lines().last()), (Some(0), Some(last)), "{until}: {}", ended.stderr);
    }
    let first_of_two = tail(EVENTS, &["--until", "[DONE]", "--until", "event=add"]);
    assert_eq!(first_of_two.stdout.lines().last(), Some("[add] two"));
}

#[test]
fn a_stream_that_ends_before_that_is_a_failure_of_its_own() {
    let server = Canned::start(vec![Answer::Ends(Canned::stream("data: a\n\n"))]);
    for (arguments, code) in [
        (&["--no-reconnect", "--until", "[DONE]"][..], 10),
        (&["-d", "question", "--until", "[DONE]"], 10),
        (&["--no-reconnect", "--until", "a"], 0),
        (&["--no-reconnect"], 0),
    ] {
        let ended = run(TIDEWIRE, &[&["tail"], arguments, &[&server.url()]].concat(), b"");
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.stderr);
        assert_eq!(ended.stderr.contains("the event of --until has not come"), code == 10, "{}", ended.stderr);
    }
}

#[test]
fn a_wait_is_one_plain_line_where_there_is_no_terminal() {
    let ends = Answer::Ends(Canned::stream("retry: 10\ndata: a\n\n"));
    let server = Canned::start(vec![ends, Answer::Nothing, Answer::Stays(Canned::stream("data: b\n\n"))]);
    let ended = run(TIDEWIRE, &["tail", "-n", "2", &server.url()], b"");
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert_eq!(lines.len(), 6, "{}", ended.stderr);
    assert!(lines[2].starts_with("lost: the server ended the stream; attempt 1 in 1"), "{}", lines[2]);
    assert!(lines[3].starts_with("no stream: ") && lines[3].contains("; attempt 2 in "), "{}", lines[3]);
    assert_eq!(lines[4], format!("open {} (200), attempt 2", server.url()));
}

#[test]
fn json_output_has_all_of_it_and_standard_error_nothing() {
    let ends = Answer::Ends(Canned::stream("retry: 10\ndata: a\n\n"));
    let server = Canned::start(vec![ends, Answer::Stays(Canned::stream("data: b\n\n"))]);
    let ended = run(TIDEWIRE, &["tail", "--json", "-n", "2", &server.url()], b"");
    assert_eq!(ended.stderr, "");
    let kinds: Vec<&str> = ended.stdout.lines().filter_map(|line| line.split('"').nth(3)).collect();
    assert_eq!(kinds, ["open", "event", "error", "open", "event", "closed"], "{}", ended.stdout);
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_is_counted_down_to_in_one_line_that_is_replaced() {
    let ends = Answer::Ends(Canned::stream("retry: 1500\ndata: a\n\n"));
    let server = Canned::start(vec![ends, Answer::Stays(Canned::stream("data: b\n\n"))]);
    let shown = on_a_terminal(&format!("NO_COLOR=1 {TIDEWIRE} tail -n 2 {}", server.url()));
    let wait =
        |what: &str| format!("\r\u{1b}[K\u{1b}[?7lattempt 1{what} (lost: the server ended the stream)\u{1b}[?7h");
    let opened = format!("\r\u{1b}[Kopen {} (200)\r\nb\r\n", server.url());
    let (_, after) = shown.split_once("a\r\n").unwrap();
    let (line, _) = after.split_once(&opened).unwrap_or_else(|| panic!("{shown:?}"));
    // Which of the later ones are seen is up to the machine: each only stands until there is something newer.
    let rest = line.strip_prefix(&wait(" in 2 s")).unwrap_or_else(|| panic!("{line:?}"));
    let rest = rest.replacen(&wait(" in 1 s"), "", 1).replacen(&wait(": connecting …"), "", 1);
    assert_eq!(rest, "", "{line:?}");
    assert!(!line.contains('\n'), "one line: {line:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_hostile_server_sends_drives_no_terminal() {
    let hostile = "event: \u{1b}[2J\nid: \u{9b}1\ndata: \u{1b}]0;title\u{7}\u{9b}2J\u{8}\n\n\
                   data: {\"a\":\"\u{9b}2J\u{7f}\u{202e}\"}\n\n: \u{1b}c\u{2067}\nretry: 20\n\n";
    for format in ["plain", "pretty", "data", "raw", "json"] {
        let server = Canned::start(vec![Answer::Stays(Canned::stream(hostile))]);
        let shown = on_a_terminal(&format!(
            "NO_COLOR=1 {TIDEWIRE} tail --verbose --timestamps --output {format} -n 2 {}",
            server.url()
        ));
        let obeyed = |c: char| c.is_control() && c != '\r' && c != '\n' || ['\u{202e}', '\u{2067}'].contains(&c);
        assert!(!shown.contains(obeyed), "{format}: {shown:?}");
        assert!(shown.contains("title"), "{format}: {shown:?}");
    }
    // An answer that is no stream has its say on standard error.
    let page = "HTTP/1.1 404 Not Found\r\ncontent-length: 12\r\n\r\n\u{1b}[2Jno \u{9b}2J!";
    let server = Canned::start(vec![Answer::Ends(page.into())]);
    let shown = on_a_terminal(&format!("NO_COLOR=1 {TIDEWIRE} tail {}", server.url()));
    assert!(shown.contains("404") && !shown.contains(['\u{1b}', '\u{9b}']), "{shown:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn colours_are_for_a_terminal_that_has_them() {
    let server = Canned::start(vec![Answer::Stays(Canned::stream("event: add\ndata: {\"a\":1}\n\n"))]);
    let colored = on_a_terminal(&format!("TERM=xterm NO_COLOR= {TIDEWIRE} tail --output pretty -n 1 {}", server.url()));
    assert!(colored.contains("\u{1b}[36m[add]\u{1b}[0m") && colored.contains("\u{1b}[34m\"a\""), "{colored:?}");
    let dumb = on_a_terminal(&format!("TERM=dumb NO_COLOR= {TIDEWIRE} tail --output pretty -n 1 {}", server.url()));
    assert!(dumb.contains("[add]") && !dumb.contains('\u{1b}'), "{dumb:?}");
}

#[test]
fn a_reader_that_goes_away_ends_every_format_quietly() {
    for format in ["plain", "pretty", "data", "raw", "json"] {
        let server = Canned::start(vec![Answer::Stays(Canned::stream(&"data: and so on\n\n".repeat(100_000)))]);
        let mut running = Running::start(TIDEWIRE, &["tail", "--output", format, &server.url()]);
        running.line();
        running.stop_reading();
        let ended = running.end();
        assert_eq!(ended.code, Some(0), "{format}: {}", ended.stderr);
        assert!(!ended.stderr.contains("tidewire:"), "{format}: {}", ended.stderr);
    }
}

/// Follows a stream that says `events` and stays open.
fn tail(events: &str, arguments: &[&str]) -> Ended {
    let server = Canned::start(vec![Answer::Stays(Canned::stream(events))]);
    run(TIDEWIRE, &[&["tail"], arguments, &[&server.url()]].concat(), b"")
}

/// Runs a command on a terminal and returns all that it wrote there.
#[cfg(target_os = "linux")]
fn on_a_terminal(command: &str) -> String {
    let ended = run("script", &["-qec", &format!("env TERM=xterm {command}"), "/dev/null"], b"");
    assert!(!ended.stdout.is_empty(), "{}", ended.stderr);
    ended.stdout
}

fn without_url(lines: &str) -> Vec<&str> {
    lines.lines().filter(|line| !line.contains("\"open\"")).collect()
}
