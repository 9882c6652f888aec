//! `tidewire parse` and `tidewire encode`: filters on standard input.

use std::io::Write;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use tidewire_tests::command::{Ended, Running, run};

const TIDEWIRE: &str = env!("CARGO_BIN_EXE_tidewire");

#[test]
fn parse_prints_the_data_and_any_type_but_message() {
    let ended = parse(&[], "event: add\ndata: 1\ndata: 2\n\n: hi\nretry: 5\n\ndata: {}\nid: 7\n\n");
    assert_eq!(ended, fine("[add] 1\n2\n{}\n"));
}

#[test]
fn parse_json_lines_read_exactly_as_documented() {
    let ended = parse(&["--json"], "\u{feff}:hi\nretry: 3000\nid: 1\ndata: a\n\nevent: add\ndata:\"\n\nid\ndata\n\n");
    let lines = [
        r#"{"t":"comment","comment":"hi"}"#,
        r#"{"t":"retry","ms":3000}"#,
        r#"{"t":"event","type":"message","data":"a","id":"1","own_id":"1"}"#,
        r#"{"t":"event","type":"add","data":"\"","id":"1"}"#,
        r#"{"t":"event","type":"message","data":"","id":"","own_id":""}"#,
    ];
    assert_eq!(ended, fine(&(lines.join("\n") + "\n")));
}

#[test]
fn an_event_is_printed_as_soon_as_it_ends() {
    let mut parse = Running::start(TIDEWIRE, &["parse", "--json"]);
    parse.write(b":now\n");
    assert_eq!(parse.line(), r#"{"t":"comment","comment":"now"}"#);
    parse.write(b"data: 1\r\r");
    assert_eq!(parse.line(), r#"{"t":"event","type":"message","data":"1","id":""}"#);
    parse.write(b"\ndata: \xc3");
    parse.write(b"\xa9\n\n");
    assert_eq!(parse.line(), r#"{"t":"event","type":"message","data":"é","id":""}"#);
    assert_eq!(parse.end(), fine(""));
}

#[test]
fn an_input_that_ends_midway_is_told_and_has_its_exit_code() {
    let ended = parse(&["--json"], "data: 1\n\ndata: 2\n");
    assert_eq!(ended.stdout, "{\"t\":\"event\",\"type\":\"message\",\"data\":\"1\",\"id\":\"\"}\n");
    assert_eq!(ended.code, Some(8));
    assert!(ended.stderr.contains("in the middle of an event"), "{}", ended.stderr);
    assert_eq!(parse(&[], "").code, Some(0));
    assert_eq!(parse(&[], ": bye\n").code, Some(0));
}

#[test]
fn strict_tells_what_the_standard_passes_over() {
    let careless = "data: 1\n\nfoo: bar\ndata: 2\n\nretry: soon\nid: a\0b\ndata: \u{fffd}\n\nevent: x\n\n";
    assert_eq!(parse(&[], careless), fine("1\n2\n\u{fffd}\n"));
    let ended = parse(&["--strict"], careless);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(7), "1\n2\n\u{fffd}\n"));
    let places: Vec<&str> = ended.stderr.lines().filter_map(|line| line.strip_prefix("tidewire: ")).collect();
    assert_eq!(
        places,
        [
            "line 3: unknown field; ignored",
            "line 6: `retry` is not made of digits only; ignored",
            "line 7: `id` has a NUL in it; ignored",
            "line 11: event has a type and no data; dropped",
        ]
    );
    assert_eq!(parse(&["--strict"], "id: 1\nevent: a\nretry: 5\ndata: x\n\n: c\n\n"), fine("[a] x\n"));
}

#[test]
fn a_reader_that_goes_away_ends_parse_quietly() {
    let mut parse = Running::start(TIDEWIRE, &["parse"]);
    parse.write(b"data: 1\n\n");
    assert_eq!(parse.line(), "1");
    parse.stop_reading();
    // More than every pipe on the way holds.
    parse.write(&b"data: and so on\n\n".repeat(100_000));
    let ended = parse.end();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn violations_that_nobody_reads_about_change_nothing() {
    let mut parse = Command::new(TIDEWIRE);
    parse.args(["parse", "--strict"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut parse = parse.spawn().unwrap();
    drop(parse.stderr.take());
    parse.stdin.take().unwrap().write_all(b"foo: bar\ndata: 1\n\n").unwrap();
    let output = parse.wait_with_output().unwrap();
    assert_eq!((output.status.code(), &*output.stdout), (Some(7), &b"1\n"[..]));
}

#[test]
fn encode_writes_own_ids_and_reads_over_what_is_no_part_of_a_stream() {
    let ended = encode(concat!(
        "{\"t\":\"open\",\"url\":\"http://a/\",\"status\":200}\n",
        "{\"t\":\"event\",\"type\":\"add\",\"data\":\"1\\n2\\r3\\r\\n\",\"id\":\"9\",\"own_id\":\"7\"}\n",
        "\n",
        "{\"t\":\"event\",\"type\":\"message\",\"data\":\"\",\"id\":\"7\"}\n",
        "{\"t\":\"event\",\"data\":\" x\",\"own_id\":\"\"}\n",
        "{\"t\":\"comment\",\"comment\":\"a\\nb\"}\n",
        "{\"t\":\"retry\",\"ms\":3000}\n",
        "{\"t\":\"error\",\"state\":\"connecting\",\"reason\":\"r\",\"retry_in_ms\":5}\n",
        "{\"t\":\"closed\",\"reason\":\"r\"}",
    ));
    let events = "id: 7\nevent: add\ndata: 1\ndata: 2\ndata: 3\ndata: \n\ndata: \n\nid: \ndata:  x\n\n";
    assert!(ended.stdout.starts_with(events), "{:?}", ended.stdout);
    assert_eq!(ended.code, Some(0));
    let again = parse(&["--json"], &ended.stdout).stdout;
    let rest: Vec<&str> = again.lines().skip(3).collect();
    assert_eq!(
        rest,
        [r#"{"t":"comment","comment":"a"}"#, r#"{"t":"comment","comment":"b"}"#, r#"{"t":"retry","ms":3000}"#]
    );
}

#[test]
fn encode_names_the_bad_line_and_what_is_wrong() {
    let good = "{\"t\":\"event\",\"data\":\"1\"}\n";
    for (line, wrong) in [
        ("{\"t\":\"event\"}", "missing field `data`"),
        ("{\"t\":\"evnt\",\"data\":\"1\"}", "unknown variant `evnt`"),
        ("{\"data\":\"1\"}", "missing field `t`"),
        ("{\"t\":\"event\",\"data\":\"1\",\"ownid\":\"1\"}", "unknown field `ownid`"),
        ("{\"t\":\"event\",\"data\":1}", "invalid type: integer `1`, expected a string"),
        ("{\"t\":\"event\",\"data\":\"1\",\"own_id\":\"a\\nb\"}", "\"own_id\": "),
        ("{\"t\":\"event\",\"data\":\"1\",\"own_id\":\"a\\u0000b\"}", "\"own_id\": "),
        ("{\"t\":\"event\",\"data\":\"1\",\"type\":\"a\\rb\"}", "\"type\": "),
        ("{\"t\":\"retry\",\"ms\":-1}", "invalid value: integer `-1`"),
        ("null", "expected an object with `t`, as parse --json prints"),
        ("data: 1", "column 1: expected value"),
        ("{\"t\":\"event\",\"data\":\"1\"} x", "column 26: trailing characters"),
    ] {
        let ended = encode(&format!("{good}\n{line}\n{good}"));
        assert_eq!(ended.code, Some(7), "{line}");
        assert_eq!(ended.stdout, "data: 1\n\n", "{line}");
        assert!(ended.stderr.starts_with("tidewire: line 3 of standard input: "), "{line}: {}", ended.stderr);
        assert!(ended.stderr.contains(wrong), "{line}: {}", ended.stderr);
    }
}

#[test]
fn encode_writes_a_line_at_once() {
    let mut encode = Running::start(TIDEWIRE, &["encode"]);
    encode.write(b"{\"t\":\"event\",\"data\":\"1\"}\n");
    assert_eq!(encode.lines_until(str::is_empty), ["data: 1", ""]);
    assert_eq!(encode.end(), fine(""));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_parse_prints_encode_takes_back(steps in proptest::collection::vec(step(), 0..40)) {
        let mut last = String::new();
        let lines: String = steps.iter().map(|step| step.line(&mut last)).collect();
        let encoded = encode(&lines);
        prop_assert_eq!(encoded.code, Some(0), "{}", encoded.stderr);
        let parsed = parse(&["--json", "--strict"], &encoded.stdout);
        prop_assert_eq!(parsed, fine(&lines));
    }
}

#[derive(Clone, Debug)]
enum Step {
    Event { kind: String, data: String, own_id: Option<String> },
    Comment(String),
    Retry(u64),
}

impl Step {
    /// Returns the line that `parse --json` prints for this step, after one that left `last` as the last event ID.
    fn line(&self, last: &mut String) -> String {
        let json = |text: &str| serde_json::to_string(text).unwrap();
        match self {
            Self::Event { kind, data, own_id } => {
                if let Some(id) = own_id {
                    last.clone_from(id);
                }
                let own_id = own_id.as_ref().map(|id| format!(",\"own_id\":{}", json(id))).unwrap_or_default();
                let (kind, data, id) = (json(kind), json(data), json(last));
                format!("{{\"t\":\"event\",\"type\":{kind},\"data\":{data},\"id\":{id}{own_id}}}\n")
            }
            Self::Comment(comment) => format!("{{\"t\":\"comment\",\"comment\":{}}}\n", json(comment)),
            Self::Retry(ms) => format!("{{\"t\":\"retry\",\"ms\":{ms}}}\n"),
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    let text = "[^\r\n\u{0}]{0,12}";
    let kind = prop_oneof![Just("message".to_owned()), "[^\r\n\u{0}]{1,12}"];
    prop_oneof![
        6 => (kind, "[^\r]{0,40}", proptest::option::of(text)).prop_map(|(kind, data, own_id)| Step::Event { kind, data, own_id }),
        1 => text.prop_map(Step::Comment),
        1 => any::<u32>().prop_map(|ms| Step::Retry(ms.into())),
    ]
}

fn parse(arguments: &[&str], input: &str) -> Ended {
    run(TIDEWIRE, &[&["parse"], arguments].concat(), input.as_bytes())
}

fn encode(input: &str) -> Ended {
    run(TIDEWIRE, &["encode"], input.as_bytes())
}

fn fine(stdout: &str) -> Ended {
    Ended { code: Some(0), stdout: stdout.to_owned(), stderr: String::new() }
}
