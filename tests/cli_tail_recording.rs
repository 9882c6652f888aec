//! `tidewire tail --save` and `--replay`: what was recorded plays the same, and what is damaged is told where.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tidewire_tests::canned::{Answer, Canned};
use tidewire_tests::command::{Ended, Running, run};

const TIDEWIRE: &str = env!("CARGO_BIN_EXE_tidewire");

#[test]
fn what_was_saved_plays_the_same_in_every_format() {
    for runtime in ["tokio", "smol"] {
        let server = Canned::start(vec![
            Answer::Ends(Canned::stream(
                ": hi\nretry: 10\nid: 1\ndata: {\"a\":1}\n\nevent: add\ndata: two\ndata: lines\n\n",
            )),
            Answer::Ends(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec()),
        ]);
        let scratch = Scratch::new("same");
        let file = scratch.path("stream.jsonl");
        let common = ["tail", "--json", "--verbose", "--timestamps", "--runtime", runtime];
        let live = run(TIDEWIRE, &[&common[..], &["--save", &file, &server.url()]].concat(), b"");
        assert_eq!(live.code, Some(4), "{}", live.stderr);
        assert_eq!(fs::read_to_string(&file).unwrap(), live.stdout, "a recording is these lines");
        let replayed = run(TIDEWIRE, &[&common[..], &["--replay", &file]].concat(), b"");
        assert_eq!((replayed.code, &replayed.stdout), (Some(0), &live.stdout), "{}", replayed.stderr);
        for (format, expected) in [
            ("plain", "{\"a\":1}\n[add] two\nlines\n"),
            ("data", "{\"a\":1}\ntwo\nlines\n"),
            ("pretty", "[message] id 1\n{\n  \"a\": 1\n}\n[add] id 1\ntwo\nlines\n"),
            ("raw", "id: 1\ndata: {\"a\":1}\n\nevent: add\ndata: two\ndata: lines\n\n"),
        ] {
            assert_eq!(replay(&file, &["--output", format]).stdout, expected, "{format}");
        }
        let plain = replay(&file, &[]);
        assert!(
            plain.stderr.contains("404 Not Found") && plain.stderr.contains("the recording is over"),
            "{}",
            plain.stderr
        );
        let encoded = run(TIDEWIRE, &["encode"], &fs::read(&file).unwrap());
        assert_eq!(
            encoded.stdout,
            ": hi\nretry: 10\nid: 1\ndata: {\"a\":1}\n\nevent: add\ndata: two\ndata: lines\n\n"
                .replace("retry: 10\n", "retry: 10\n\n")
        );
    }
}

#[test]
fn filters_and_ends_hold_for_a_recording_and_not_for_saving() {
    let events = "data: a\n\nevent: add\ndata: b\n\nevent: add\ndata: c\n\n";
    let server = Canned::start(vec![Answer::Stays(Canned::stream(events))]);
    let scratch = Scratch::new("filter");
    let file = scratch.path("stream.jsonl");
    let live = run(TIDEWIRE, &["tail", "--save", &file, "--filter", "data=c", "-n", "1", &server.url()], b"");
    assert_eq!(live.stdout, "[add] c\n");
    assert_eq!(replay(&file, &[]).stdout, "a\n[add] b\n[add] c\n");
    assert_eq!(replay(&file, &["--filter", "event=add", "-n", "1"]).stdout, "[add] b\n");
    assert_eq!(replay(&file, &["--until", "b"]).stdout, "a\n[add] b\n");
    assert_eq!(replay(&file, &["--until", "b"]).code, Some(0));
    assert_eq!(replay(&file, &["--until", "never"]).code, Some(10));
}

#[test]
fn a_recording_plays_with_its_timing() {
    let scratch = Scratch::new("timing");
    let file = scratch.path("stream.jsonl");
    let event =
        |second: &str| format!("{{\"time\":\"2026-01-01T00:00:{second}Z\",\"t\":\"event\",\"data\":\"{second}\"}}\n");
    fs::write(&file, event("10.000") + &event("10.600") + &event("09.000") + &event("11.200")).unwrap();
    let took = |speed: &str| {
        let began = Instant::now();
        let ended = replay(&file, &["--speed", speed]);
        assert_eq!((ended.code, &*ended.stdout), (Some(0), "10.000\n10.600\n09.000\n11.200\n"), "{}", ended.stderr);
        began.elapsed()
    };
    assert!(took("1") >= Duration::from_millis(1200));
    assert!(took("4") >= Duration::from_millis(300));
    // A day, for those in a hurry.
    let midnight = "{\"time\":\"2026-01-02T00:00:00Z\",\"t\":\"event\",\"data\":\"midnight\"}\n";
    fs::write(&file, event("10.000") + midnight).unwrap();
    for speed in ["max", "1000000"] {
        assert_eq!(replay(&file, &["--speed", speed]).stdout, "10.000\nmidnight\n");
    }
    // Ctrl-C and --timeout end it in the middle of a wait.
    fs::write(&file, event("10.000") + &event("59.000")).unwrap();
    assert_eq!(replay(&file, &["--timeout", "100ms"]).code, Some(124));
    let running = Running::start(TIDEWIRE, &["tail", "--replay", &file]);
    running.line();
    running.signal("INT");
    assert_eq!(running.end().code, Some(130));
}

#[test]
fn lines_without_a_time_come_at_once() {
    let scratch = Scratch::new("untimed");
    let file = scratch.path("stream.jsonl");
    fs::write(&file, "{\"t\":\"event\",\"data\":\"a\"}\n\n{\"t\":\"event\",\"data\":\"b\"}").unwrap();
    assert_eq!(replay(&file, &[]).stdout, "a\nb\n");
}

#[test]
fn a_recorder_that_is_killed_leaves_whole_lines() {
    let server = Canned::start(vec![Answer::Stays(Canned::stream("data: a\n\ndata: b\n\n"))]);
    let scratch = Scratch::new("killed");
    let file = scratch.path("stream.jsonl");
    let running = Running::start(TIDEWIRE, &["tail", "--save", &file, &server.url()]);
    running.lines_until(|line| line == "b");
    running.signal("KILL");
    running.end();
    assert!(fs::read_to_string(&file).unwrap().ends_with('\n'));
    let ended = replay(&file, &[]);
    assert_eq!((ended.code, &*ended.stdout), (Some(0), "a\nb\n"), "{}", ended.stderr);
}

#[test]
fn a_damaged_recording_says_where_and_what_to_do() {
    let scratch = Scratch::new("damaged");
    let file = scratch.path("stream.jsonl");
    let good = "{\"t\":\"event\",\"data\":\"a\"}\n";
    for (damaged, what) in [
        ("{\"t\":\"event\"}\n", "missing field `data`"),
        ("nonsense\n", "column 2"),
        ("{\"t\":\"event\",\"data\":\"b\",\"time\":\"noon\"}\n", "write a time in UTC as"),
        ("data: b\n", "column 1"),
        ("\u{0}\u{0}\n", "column 1"),
    ] {
        fs::write(&file, [good, damaged, good].concat()).unwrap();
        let ended = replay(&file, &[]);
        assert_eq!((ended.code, &*ended.stdout), (Some(7), "a\n"), "{damaged}: {}", ended.stderr);
        let told = ended.stderr.lines().last().unwrap();
        assert!(told.starts_with(&format!("tidewire: --replay {file}: line 2 ")), "{told}");
        assert!(told.contains(what) && told.ends_with(&format!("sed -i 2d {file}")), "{told}");
    }
    // What may be any file is not to be changed.
    fs::write(&file, ["#!/bin/sh\n", good].concat()).unwrap();
    let ended = replay(&file, &[]);
    assert_eq!((ended.code, &*ended.stdout), (Some(7), ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("is it a recording") && !ended.stderr.contains("sed"), "{}", ended.stderr);
    fs::write(&file, [good, "{\"t\":\"event\",\"da"].concat()).unwrap();
    let ended = replay(&file, &[]);
    assert_eq!((ended.code, &*ended.stdout), (Some(8), "a\n"), "{}", ended.stderr);
    assert!(ended.stderr.contains("line 2, the last, is cut short"), "{}", ended.stderr);
    let ended = replay("/no/such/file", &[]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("--replay /no/such/file: "), "{}", ended.stderr);
}

#[test]
fn a_file_that_exists_is_replaced_only_if_told() {
    let server = Canned::start(vec![Answer::Stays(Canned::stream("data: a\n\n"))]);
    let scratch = Scratch::new("exists");
    let file = scratch.path("stream.jsonl");
    fs::write(&file, "precious").unwrap();
    let ended = run(TIDEWIRE, &["tail", "--save", &file, "-n", "1", &server.url()], b"");
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("--overwrite"), "{}", ended.stderr);
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    assert_eq!(server.left_over(), Vec::<String>::new(), "nothing is asked for that cannot be saved");
    let ended = run(TIDEWIRE, &["tail", "--save", &file, "--overwrite", "-n", "1", &server.url()], b"");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(replay(&file, &[]).stdout, "a\n");
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_is_told() {
    let server = Canned::start(vec![Answer::Stays(Canned::stream("data: a\n\n"))]);
    let ended = run(TIDEWIRE, &["tail", "--save", "/dev/full", "--overwrite", &server.url()], b"");
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("--save /dev/full: "), "{}", ended.stderr);
}

fn replay(file: &str, arguments: &[&str]) -> Ended {
    run(TIDEWIRE, &[&["tail", "--replay", file], arguments].concat(), b"")
}

/// A folder that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tidewire-recording-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
