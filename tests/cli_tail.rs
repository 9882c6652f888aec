//! `tidewire tail`: what it prints, sends and ends with, against servers that answer as told.

use std::io::Read;

use serde_json::Value;
use tidewire_tests::canned::{Answer, Canned};
use tidewire_tests::command::{Ended, Running, run};

const TIDEWIRE: &str = env!("CARGO_BIN_EXE_tidewire");
const RUNTIMES: [&str; 2] = ["tokio", "smol"];

#[test]
fn json_lines_read_exactly_as_documented() {
    for runtime in RUNTIMES {
        let server = Canned::start(vec![
            Answer::Ends(Canned::stream(":hi\nretry: 20\nid: 1\ndata: a\n\nevent: add\ndata: b\ndata: c\n\n")),
            Answer::Ends(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
        ]);
        let url = server.url();
        let ended = run(TIDEWIRE, &["tail", "--json", "--verbose", "--runtime", runtime, &url], b"");
        let lines: Vec<&str> = ended.stdout.lines().collect();
        assert_eq!(lines.len(), 8, "{}", ended.stdout);
        assert_eq!(
            lines[..5],
            [
                &*format!(r#"{{"t":"open","url":"{url}","status":200}}"#),
                r#"{"t":"comment","comment":"hi"}"#,
                r#"{"t":"retry","ms":20}"#,
                r#"{"t":"event","type":"message","data":"a","id":"1","own_id":"1"}"#,
                r#"{"t":"event","type":"add","data":"b\nc","id":"1"}"#,
            ]
        );
        let lost: Value = serde_json::from_str(lines[5]).unwrap();
        assert!(lines[5].starts_with(r#"{"t":"error","state":"connecting","reason":""#), "{}", lines[5]);
        assert!((20..=22).contains(&lost["retry_in_ms"].as_u64().unwrap()), "{}", lines[5]);
        assert!(lines[6].starts_with(r#"{"t":"error","state":"closed","reason":""#), "{}", lines[6]);
        assert!(lines[6].ends_with(r#","status":204}"#), "{}", lines[6]);
        assert!(lines[7].starts_with(r#"{"t":"closed","reason":""#), "{}", lines[7]);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(6), ""));
    }
}

#[test]
fn plain_output_is_the_data_and_the_rest_goes_to_standard_error() {
    let server =
        Canned::start(vec![Answer::Stays(Canned::stream(":hi\nretry: 20\ndata: a\n\nevent: add\ndata: b\n\n"))]);
    let ended = tail(&["--count", "2", &server.url()]);
    assert_eq!(ended.stdout, "a\n[add] b\n");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains(&format!("open {}", server.url())), "{}", ended.stderr);
    assert!(!ended.stderr.contains('\u{1b}'), "no colour in a pipe: {}", ended.stderr);
    let ended = tail(&["--verbose", "--count", "2", &server.url()]);
    assert_eq!(ended.stdout, ":hi\nretry: 20 ms\na\n[add] b\n");
}

#[test]
fn it_resumes_after_the_last_event_without_loss_or_duplicate() {
    for runtime in RUNTIMES {
        let server = Canned::start(vec![
            Answer::Ends(Canned::stream("retry: 10\nid: 1\ndata: a\n\nid: 2\ndata: b\n\nid: 3\ndata: cut o")),
            Answer::Nothing,
            Answer::Stays(Canned::stream("id: 3\ndata: c\n\n")),
        ]);
        let ended = tail(&["--runtime", runtime, "--count", "3", &server.url()]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "a\nb\nc\n"), "{}", ended.stderr);
        assert!(!server.request().to_ascii_lowercase().contains("last-event-id"));
        for _ in 0..2 {
            assert!(server.request().to_ascii_lowercase().contains("\r\nlast-event-id: 2\r\n"));
        }
    }
}

#[test]
fn the_request_is_as_told() {
    let server = Canned::start(vec![Answer::Ends(Canned::stream("data: a\n\n"))]);
    let path = format!("{}/a%20b?c=d", server.address());
    let sent = |arguments: &[&str]| {
        let ended = tail(&[&["--count", "1"], arguments, &[&path]].concat());
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
        server.request()
    };
    let request = sent(&[]);
    assert!(request.starts_with("GET /a%20b?c=d HTTP/1.1\r\n"), "{request}");
    assert!(has(&request, &format!("host: {}", server.address())), "{request}");
    assert!(has(&request, "accept: text/event-stream") && has(&request, "cache-control: no-cache"), "{request}");
    let request = sent(&["-H", "X-One: 1", "-H", "x-two:2", "--last-event-id", "é 7"]);
    assert!(has(&request, "x-one: 1") && has(&request, "x-two: 2") && has(&request, "last-event-id: é 7"), "{request}");
    let request = sent(&["-d", "{\"q\":1}"]);
    assert!(request.starts_with("POST /a%20b?c=d HTTP/1.1\r\n"), "{request}");
    assert!(has(&request, "content-length: 7") && request.ends_with("\r\n\r\n{\"q\":1}"), "{request}");
    assert!(has(&request, "content-type: application/json"), "{request}");
    let request = sent(&["-X", "REPORT", "-d", "x"]);
    assert!(request.starts_with("REPORT ") && request.ends_with("\r\n\r\nx"), "{request}");
    assert!(has(&request, "content-type: text/plain;charset=utf-8"), "{request}");
    let request = sent(&["-d", "{}", "-H", "Content-Type: application/x-own"]);
    assert!(has(&request, "content-type: application/x-own") && !request.contains("json"), "{request}");
    let request = sent(&["-A", "mine/1"]);
    assert!(has(&request, "user-agent: mine/1") && request.matches("ser-").count() == 1, "{request}");
}

#[test]
fn a_body_comes_from_standard_input_or_a_file() {
    let server = Canned::start(vec![Answer::Ends(Canned::stream("data: a\n\n"))]);
    // The last is what curl calls it.
    for [option, data] in [["-d", "-"], ["--data", "@-"], ["--data-binary", "@-"]] {
        let ended = run(TIDEWIRE, &["tail", "--count", "1", option, data, &server.url()], b"from stdin");
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(server.request().ends_with("\r\n\r\nfrom stdin"));
    }
    let manifest = concat!("@", env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    assert_eq!(tail(&["--count", "1", "-d", manifest, &server.url()]).code, Some(0));
    assert!(server.request().ends_with(include_str!("../adapters/cli/Cargo.toml")));
    let ended = tail(&["-d", "@/no/such/file", &server.url()]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.starts_with("tidewire: --data @/no/such/file: "), "{}", ended.stderr);
}

#[test]
fn a_token_authorizes_and_is_never_shown() {
    let server = Canned::start(vec![Answer::Ends(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n".to_vec())]);
    let file = std::env::temp_dir().join(format!("tidewire-token-{}", std::process::id()));
    std::fs::write(&file, "sesame\n").unwrap();
    let from_file = format!("@{}", file.display());
    for arguments in [["--bearer", "sesame"], ["--bearer", &from_file]] {
        let ended = tail(&[&arguments[..], &[&server.url()]].concat());
        assert!(has(&server.request(), "authorization: Bearer sesame"));
        assert_eq!(ended.code, Some(4));
        assert!(!(ended.stdout + &ended.stderr).contains("sesame"));
    }
    std::fs::remove_file(&file).unwrap();
    let with_environment = |arguments: &[&str]| {
        let environment = ["TIDEWIRE_BEARER=open", TIDEWIRE, "tail"];
        run("env", &[&environment, arguments, &[&server.url()]].concat(), b"");
        server.request()
    };
    assert!(has(&with_environment(&[]), "authorization: Bearer open"));
    assert!(has(&with_environment(&["--bearer", "sesame"]), "authorization: Bearer sesame"));
    let own = with_environment(&["-H", "Authorization: Basic x"]);
    assert!(has(&own, "authorization: Basic x") && !own.contains("Bearer"), "{own}");
    for arguments in [["--bearer", "ses\name"], ["--bearer", ""]] {
        let ended = tail(&[&arguments[..], &[&server.url()]].concat());
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains("--bearer") && !ended.stderr.contains("ses"), "{}", ended.stderr);
    }
    let ended = tail(&["--bearer", "sesame", "-H", "authorization: Basic x", &server.url()]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
}

#[test]
fn the_longest_wait_can_be_told_also_against_the_server() {
    let ends = Answer::Ends(Canned::stream("retry: 3600000\ndata: a\n\n"));
    let server = Canned::start(vec![ends.clone(), ends]);
    let ended = tail(&["--max-delay", "10ms", "--count", "2", &server.url()]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "a\na\n"), "{}", ended.stderr);
}

#[test]
fn every_cause_has_its_exit_code() {
    let html = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\nhi".to_vec();
    for (answer, code) in [
        (b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec(), 4),
        (b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n".to_vec(), 4),
        (b"HTTP/1.1 301 Moved Permanently\r\ncontent-length: 0\r\n\r\n".to_vec(), 4),
        (b"HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n".to_vec(), 4),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec(), 5),
        (html, 5),
        (b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(), 6),
    ] {
        let server = Canned::start(vec![Answer::Ends(answer.clone())]);
        let name = String::from_utf8_lossy(&answer);
        for runtime in RUNTIMES {
            let ended = tail(&["--json", "--runtime", runtime, &server.url()]);
            assert_eq!(ended.code, Some(code), "{name}: {} {}", ended.stdout, ended.stderr);
            let lines: Vec<&str> = ended.stdout.lines().collect();
            assert!(lines[lines.len() - 2].starts_with(r#"{"t":"error","state":"closed","#), "{name}: {lines:?}");
            assert!(lines[lines.len() - 1].starts_with(r#"{"t":"closed","#), "{name}: {lines:?}");
        }
    }
}

#[test]
fn the_status_is_told_with_its_error() {
    let server = Canned::start(vec![Answer::Ends(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec())]);
    let ended = tail(&["--json", &server.url()]);
    let error: Value = serde_json::from_str(ended.stdout.lines().next().unwrap()).unwrap();
    assert_eq!(error["status"], 404);
    assert_eq!(error["state"], "closed");
    let ended = tail(&[&server.url()]);
    assert!(ended.stderr.contains("404"), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
}

#[test]
fn without_reconnecting_the_end_of_the_stream_is_the_end() {
    for (answer, code) in [
        (Answer::Ends(Canned::stream("data: a\n\n")), 0),
        (Answer::Ends(Canned::stream("data: a\n\ndata: b")), 8),
        (
            Answer::Ends(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 99\r\n\r\ndata: a\n\n".to_vec(),
            ),
            3,
        ),
    ] {
        let server = Canned::start(vec![answer.clone()]);
        let ended = tail(&["--no-reconnect", &server.url()]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), "a\n"), "{answer:?}: {}", ended.stderr);
        assert!(server.request().starts_with("GET "));
        assert_eq!(server.left_over(), Vec::<String>::new());
    }
}

#[test]
fn a_request_that_may_do_something_is_sent_again_only_if_told() {
    let streams = || {
        Canned::start(vec![
            Answer::Ends(Canned::stream("retry: 10\ndata: a\n\n")),
            Answer::Stays(Canned::stream("data: b\n\n")),
        ])
    };
    let server = streams();
    let ended = tail(&["-d", "question", &server.url()]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "a\n"), "{}", ended.stderr);
    let server = streams();
    let ended = tail(&["-d", "question", "--retry-post", "--count", "2", &server.url()]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "a\nb\n"), "{}", ended.stderr);
    for _ in 0..2 {
        assert!(server.request().ends_with("question"));
    }
}

#[test]
fn a_status_that_passes_is_tried_again_if_told() {
    let busy = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n";
    let server = Canned::start(vec![Answer::Ends(busy.to_vec()), Answer::Stays(Canned::stream("data: a\n\n"))]);
    let ended = tail(&["--json", "--retry-status", "--count", "1", &server.url()]);
    let lines: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["t"], &lines[0]["status"]), (&"error".into(), &503.into()), "{}", ended.stdout);
    assert_eq!((&lines[1]["t"], &lines[2]["data"]), (&"open".into(), &"a".into()), "{}", ended.stdout);
    assert_eq!(ended.code, Some(0));
}

#[test]
fn the_statuses_that_are_tried_again_can_be_listed() {
    let answer = |status: u16| {
        Answer::Ends(format!("HTTP/1.1 {status} X\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n").into())
    };
    for (status, list, code) in [
        (404, "--retry-status=404", 0),
        (404, "--retry-status=4xx,!404", 4),
        (404, "--retry-status=all", 0),
        (404, "--retry-status", 4),
        (501, "--retry-status=llm", 0),
        (501, "--retry-status=transient", 4),
        (503, "--retry-status=500-502,503", 0),
    ] {
        let server = Canned::start(vec![answer(status), Answer::Stays(Canned::stream("data: a\n\n"))]);
        let ended = tail(&[list, "--max-delay", "10ms", "--count", "1", &server.url()]);
        assert_eq!(ended.code, Some(code), "{status} {list}: {}", ended.stderr);
    }
}

#[test]
fn it_gives_up_after_so_many_failures() {
    let server = Canned::start(vec![Answer::Nothing]);
    let ended = tail(&["--max-failures", "3", "--max-delay", "10ms", &server.url()]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("gave up after 3 failures in a row"), "{}", ended.stderr);
    assert_eq!(server.left_over().len(), 3);
}

#[test]
fn a_post_can_be_sent_again_only_where_it_was_refused_or_as_a_get() {
    let busy =
        Answer::Ends(b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n".to_vec());
    let ends = Answer::Ends(Canned::stream("retry: 10\nid: 7\ndata: a\n\n"));
    let stays = Answer::Stays(Canned::stream("data: b\n\n"));
    for (retry, printed, methods) in [
        (None, "", vec!["POST"]),
        (Some("--retry-post=refused"), "a\n", vec!["POST", "POST"]),
        (Some("--retry-post=resume"), "a\nb\n", vec!["POST", "POST", "GET"]),
        (Some("--retry-post=always"), "a\nb\n", vec!["POST", "POST", "POST"]),
        (Some("--retry-post"), "a\nb\n", vec!["POST", "POST", "POST"]),
    ] {
        let server = Canned::start(vec![busy.clone(), ends.clone(), stays.clone()]);
        let url = server.url();
        let arguments = ["-d", "question", "--retry-status", "--until", "b"];
        let ended = tail(&[&arguments, &*Vec::from_iter(retry), &[&*url]].concat());
        assert_eq!(ended.stdout, printed, "{retry:?}: {}", ended.stderr);
        let requests = server.left_over();
        let sent: Vec<&str> = requests.iter().filter_map(|request| request.split(' ').next()).collect();
        assert_eq!(sent, methods, "{retry:?}");
    }
}

#[test]
fn what_a_page_says_is_told_and_options_are_called_by_their_names() {
    let json = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 17\r\n\r\n{\"error\":\"quota\"}"
        .to_vec();
    let server = Canned::start(vec![Answer::Ends(json)]);
    let ended = tail(&[&server.url()]);
    assert_eq!(ended.code, Some(5));
    assert!(ended.stderr.contains(r#"It says: {"error":"quota"}"#), "{}", ended.stderr);
    let server = Canned::start(vec![Answer::Stays(Canned::stream(":\n"))]);
    let ended = tail(&["--no-reconnect", "--idle-timeout", "50ms", &server.url()]);
    assert!(ended.stderr.contains("raise --idle-timeout; --no-reconnect"), "{}", ended.stderr);
    let server = Canned::start(vec![Answer::Ends(Canned::stream("data: a\n\n"))]);
    let ended = tail(&["-d", "x", &server.url()]);
    assert!(ended.stderr.contains("the POST request is not sent again without --retry-post"), "{}", ended.stderr);
}

#[test]
fn what_calls_itself_something_else_is_a_stream_if_told() {
    let events = |kind: &str| format!("HTTP/1.1 200 OK\r\n{kind}\r\ndata: a\n\n").into_bytes();
    for (kind, codes) in [
        ("", [5, 0, 0]),
        ("content-type: text/plain\r\n", [5, 0, 0]),
        ("content-type: text/html\r\n", [5, 5, 0]),
        ("content-type: application/json\r\n", [5, 5, 0]),
    ] {
        let server = Canned::start(vec![Answer::Ends(events(kind))]);
        let flags: [&[&str]; 3] = [&[], &["--any-content-type=lenient"], &["--any-content-type"]];
        for (flags, code) in flags.iter().zip(codes) {
            let ended = tail(&[*flags, &["-n", "1", &server.url()]].concat());
            assert_eq!(ended.code, Some(code), "{kind:?} {flags:?}: {}", ended.stderr);
            assert_eq!(ended.stdout, if code == 0 { "a\n" } else { "" }, "{kind:?} {flags:?}");
        }
    }
}

#[test]
fn an_answer_in_json_is_the_one_event_if_told() {
    let body = r#"{"choices":[{"text":"hi"}]}"#;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 27\r\n\r\n";
    let server = Canned::start(vec![Answer::Ends(format!("{head}{body}").into())]);
    for runtime in RUNTIMES {
        let ended = tail(&["--json-answer", "--runtime", runtime, "-d", "{}", &server.url()]);
        assert_eq!((ended.code, ended.stdout), (Some(0), format!("{body}\n")), "{}", ended.stderr);
        assert!(has(&server.request(), "accept: application/json, text/event-stream"));
    }
    let ended = tail(&["--json-answer", "--json", "--filter", "/choices/0/text=hi", &server.url()]);
    let lines: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["t"], &lines[0]["data"], &lines[1]["t"]), (&"event".into(), &body.into(), &"closed".into()));
    let ended = tail(&["--json-answer", "--until", "[DONE]", &server.url()]);
    assert_eq!(ended.code, Some(10), "{}", ended.stderr);
    // A stream stays one, and other fields stay the caller's.
    let server = Canned::start(vec![Answer::Stays(Canned::stream("data: a\n\n"))]);
    let ended = tail(&["--json-answer", "-H", "Accept: a/b", "-n", "1", &server.url()]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "a\n"), "{}", ended.stderr);
    assert!(has(&server.request(), "accept: a/b"));
    let too_long = [head.replace("27", "16777217").as_bytes(), &[b' '; 16 * 1024 * 1024 + 1]].concat();
    let server = Canned::start(vec![Answer::Ends(too_long)]);
    let ended = tail(&["--json-answer", &server.url()]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(5), ""), "{}", ended.stderr);
}

#[test]
fn the_answer_and_its_first_byte_have_deadlines_of_their_own() {
    let answers = vec![Answer::Stays(Vec::new()), Answer::Stays(Canned::stream(""))];
    for (answer, flag) in answers.into_iter().zip(["--head-timeout", "--first-byte-timeout"]) {
        let server = Canned::start(vec![answer]);
        for runtime in RUNTIMES {
            let ended = tail(&["--no-reconnect", flag, "50ms", "--runtime", runtime, &server.url()]);
            assert_eq!(ended.code, Some(3), "{}", ended.stderr);
            assert!(ended.stderr.contains(&format!("or {flag} too short?")), "{}", ended.stderr);
        }
    }
}

#[test]
fn damage_in_a_compressed_stream_is_no_matter_of_the_network() {
    let mut answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\n\r\n".to_vec();
    answer.extend_from_slice(b"this is not gzip");
    let server = Canned::start(vec![Answer::Ends(answer)]);
    assert_eq!(tail(&["--compressed", "--no-reconnect", &server.url()]).code, Some(5));
}

#[test]
fn a_compressed_stream_is_asked_for_and_understood() {
    // `printf 'data: a\n\n' | gzip -n`
    let body = b"\x1f\x8b\x08\0\0\0\0\0\0\x03KI,I\xb4RH\xe4\xe2\x02\0\x7e\xe3\xc48\x09\0\0\0";
    let mut answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\n\r\n".to_vec();
    answer.extend_from_slice(body);
    let server = Canned::start(vec![Answer::Stays(answer)]);
    for runtime in RUNTIMES {
        let ended = tail(&["--compressed", "--runtime", runtime, "--count", "1", &server.url()]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "a\n"), "{}", ended.stderr);
        assert!(has(&server.request(), "accept-encoding: gzip, deflate"));
    }
    assert_eq!(tail(&[&server.url()]).code, Some(5));
    assert!(has(&server.request(), "accept-encoding: identity"));
}

#[test]
fn a_burst_is_printed_whole_and_in_order() {
    let numbers: Vec<String> = (0..50_000).map(|number| number.to_string()).collect();
    let events: String = numbers.iter().map(|number| format!("data: {number}\n\n")).collect();
    let server = Canned::start(vec![Answer::Stays(Canned::stream(&events))]);
    for runtime in RUNTIMES {
        let ended = tail(&["--runtime", runtime, "--count", "50000", &server.url()]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(ended.stdout.lines().eq(numbers.iter().map(String::as_str)));
    }
}

#[test]
fn no_connection_is_told_and_tried_again_unless_told_otherwise() {
    // A port that was free a moment ago and has no listener.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let ended = tail(&["--no-reconnect", &address]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    let mut running = Running::start(TIDEWIRE, &["tail", "--json", &address]);
    let line = running.line();
    assert!(line.starts_with(r#"{"t":"error","state":"connecting","reason":""#), "{line}");
    assert!(line.contains(r#","retry_in_ms":"#), "{line}");
    running.signal("INT");
    running.close_input();
    assert_eq!(running.end().code, Some(130));
}

#[test]
fn a_url_that_cannot_be_followed_is_told_why() {
    for (url, why) in [("ftp://example.org/", "ftp"), ("http://", "'http://'")] {
        let ended = tail(&[url]);
        assert_eq!(ended.code, Some(2), "{url}: {}", ended.stderr);
        assert!(ended.stderr.contains(why), "{url}: {}", ended.stderr);
    }
}

#[test]
fn ctrl_c_and_sigterm_end_it_cleanly() {
    for (runtime, signal) in [("tokio", "INT"), ("smol", "INT"), ("tokio", "TERM"), ("smol", "TERM")] {
        let server = Canned::start(vec![Answer::Stays(Canned::stream("data: a\n\n"))]);
        let running = Running::start(TIDEWIRE, &["tail", "--json", "--runtime", runtime, &server.url()]);
        running.lines_until(|line| line.contains("\"event\""));
        running.signal(signal);
        let ended = running.end();
        assert_eq!(ended.stdout, "{\"t\":\"closed\",\"reason\":\"interrupted\"}\n");
        assert_eq!(ended.code, Some(130));
    }
}

#[test]
fn the_timeout_bounds_the_whole_run() {
    for runtime in RUNTIMES {
        let server = Canned::start(vec![Answer::Stays(Canned::stream("data: a\n\n"))]);
        let ended = tail(&["--json", "--timeout", "300ms", "--runtime", runtime, &server.url()]);
        assert_eq!(ended.code, Some(124), "{}", ended.stderr);
        assert_eq!(ended.stdout.lines().last(), Some(r#"{"t":"closed","reason":"the time of --timeout is over"}"#));
        // While it waits to connect again, too.
        let server = Canned::start(vec![Answer::Ends(Canned::stream("retry: 3600000\n"))]);
        assert_eq!(tail(&["--timeout", "300ms", "--runtime", runtime, &server.url()]).code, Some(124));
    }
}

#[test]
fn the_timeout_holds_also_when_nobody_reads_the_output() {
    let server = Canned::start(vec![Answer::Stays(Canned::stream(&"data: and so on\n\n".repeat(100_000)))]);
    let mut tail = std::process::Command::new(TIDEWIRE);
    let mut tail =
        tail.args(["tail", "--timeout", "300ms", &server.url()]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    assert_eq!(tail.wait().unwrap().code(), Some(124));
}

#[test]
fn a_signal_is_heeded_also_when_nobody_reads_the_output() {
    let server = Canned::start(vec![Answer::Stays(Canned::stream(&"data: and so on\n\n".repeat(100_000)))]);
    let mut tail = std::process::Command::new(TIDEWIRE);
    let mut tail = tail.args(["tail", &server.url()]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut begun = [0];
    tail.stdout.as_mut().unwrap().read_exact(&mut begun).unwrap();
    let signalled = std::process::Command::new("kill").args(["-TERM", &tail.id().to_string()]).status();
    assert!(signalled.unwrap().success());
    assert_eq!(tail.wait().unwrap().code(), Some(130));
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let server = Canned::start(vec![Answer::Stays(Canned::stream(&"data: and so on\n\n".repeat(100_000)))]);
    let mut running = Running::start(TIDEWIRE, &["tail", &server.url()]);
    assert_eq!(running.line(), "and so on");
    running.stop_reading();
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("pipe"), "{}", ended.stderr);
}

#[test]
fn silence_beyond_the_idle_timeout_is_a_lost_connection() {
    let server = Canned::start(vec![
        Answer::Stays(Canned::stream("retry: 10\nid: 1\ndata: a\n\n")),
        Answer::Stays(Canned::stream("data: b\n\n")),
    ]);
    let ended = tail(&["--idle-timeout", "200ms", "--count", "2", &server.url()]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "a\nb\n"), "{}", ended.stderr);
}

fn tail(arguments: &[&str]) -> Ended {
    run(TIDEWIRE, &[&["tail"], arguments].concat(), b"")
}

/// Returns whether a request has this header line; the case of the name does not matter.
fn has(request: &str, line: &str) -> bool {
    request.lines().any(|other| other.eq_ignore_ascii_case(line))
}
