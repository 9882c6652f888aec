//! `tidewire --help` and what a wrong command line gets.

use tidewire_tests::command::run;

const TIDEWIRE: &str = env!("CARGO_BIN_EXE_tidewire");

#[test]
fn help_names_every_command() {
    let help = run(TIDEWIRE, &["--help"], b"");
    assert_eq!(help.code, Some(0));
    for command in COMMANDS {
        assert!(help.stdout.contains(&format!("\n  {command} ")), "{command} is missing: {}", help.stdout);
    }
}

#[test]
fn every_help_has_examples_and_the_exit_codes() {
    for arguments in [&["--help"][..], &["serve", "--help"], &["help", "tail"], &["tail", "-h"]] {
        complete(arguments);
    }
    for command in COMMANDS {
        complete(&[command, "--help"]);
    }
}

#[test]
fn no_help_is_wider_than_a_page_or_leaves_an_option_unexplained() {
    for command in COMMANDS {
        let help = run(TIDEWIRE, &[command, "--help"], b"").stdout;
        for line in help.lines() {
            assert!(line.chars().count() <= 130, "{command}: {line}");
        }
        let mut options = 0;
        let mut lines = help.lines().take_while(|line| *line != "Examples:").peekable();
        while let Some(line) = lines.next() {
            if line.trim_start().starts_with('-') {
                let below = lines.peek().is_some_and(|next| next.starts_with("          "));
                assert!(line.trim().contains("  ") || below, "{command}: {line}");
                options += 1;
            }
        }
        assert!(options > 0, "{command}: {help}");
    }
}

#[test]
fn a_wrong_command_line_is_exit_code_2() {
    for arguments in [
        &["frobnicate"][..],
        &["tail"],
        &["tail", "--count", "0", "localhost"],
        &["tail", "--timeout", "5", "localhost"],
        &["tail", "-H", "no colon", "localhost"],
        &["publish", "localhost"],
        &["serve", "--listen", "nowhere"],
        &["serve", "--runtime", "abacus"],
        // A server that sends keep-alives without end, or keeps nothing, or lets nobody in.
        &["serve", "--keep-alive", "0s"],
        &["serve", "--history", "0"],
        &["serve", "--history-age", "0s"],
        &["serve", "--allow-origin", "https://example.org/"],
        &["serve", "--allow-host", "https://example.org"],
        &["serve", "--allow-credentials"],
        &["serve", "--http2", "nowhere"],
        &["serve", "--keep-alive-form", "event:"],
        &["serve", "--keep-alive-form", "silence"],
        &["serve", "--keep-alive-when", "never"],
        &["serve", "--keep-alive-jitter", "91"],
        &["serve", "--retry", "0s"],
        &["serve", "--max-stream-time", "1"],
        &["serve", "--debounce", "0s"],
        &["serve", "--max-connections", "0"],
        &["serve", "--max-connections-per-ip", "-1"],
        &["serve", "--max-readers", "0"],
        &["serve", "--max-message", "0"],
        &["serve", "--max-behind", "0"],
        &["serve", "--max-behind-bytes", "many"],
        &["serve", "--on-lag", "wait"],
        &["serve", "--busy", "always"],
        &["serve", "--drain", "0s"],
        &["serve", "--return-rate", "0"],
        &["tail", "--idle-timeout", "0s", "localhost"],
        &["tail", "--filter", "name=add", "localhost"],
        &["tail", "--until", "/a~b", "localhost"],
        &["tail", "--output", "loud", "localhost"],
        &["tail", "--json", "--output", "raw", "localhost"],
        &["tail", "--overwrite", "localhost"],
        &["tail", "--replay", "file", "localhost"],
        &["tail", "--replay", "file", "--speed", "0"],
        &["tail", "--speed", "2", "localhost"],
        &["tail", "--retry-status=6xx", "localhost"],
        &["tail", "--retry-post=perhaps", "localhost"],
        &["tail", "--proxy", "socks5://localhost:1080", "localhost"],
        &["tail", "--cacert", "file", "--insecure", "localhost"],
        &["parse", "file"],
    ] {
        let ended = run(TIDEWIRE, arguments, b"");
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{arguments:?}");
        assert!(ended.stderr.contains("--help"), "{arguments:?}: {}", ended.stderr);
    }
}

#[test]
fn the_examples_of_tail_show_every_group_of_its_options() {
    let help = run(TIDEWIRE, &["tail", "--help"], b"").stdout;
    let (options, after) = help.split_once("\nExamples:\n").unwrap();
    let (examples, _) = after.split_once("\n\n").unwrap();
    let groups: Vec<&str> =
        options.split("\n\n").filter(|part| part.contains("\n  -") || part.contains("\n      -")).collect();
    assert!(groups.len() >= 7, "{options}");
    for group in groups.iter().filter(|group| !group.starts_with("Options:")) {
        let mut flags = group.split_whitespace().filter(|word| word.starts_with('-'));
        assert!(flags.any(|flag| examples.contains(&format!(" {} ", flag.trim_matches(',')))), "no example: {group}");
    }
}

#[test]
fn a_duration_without_unit_is_told_which_there_are() {
    let ended = run(TIDEWIRE, &["tail", "--timeout", "5", "localhost"], b"");
    assert!(ended.stderr.contains("a unit is missing: 5s, 5ms, 5m or 5h?"), "{}", ended.stderr);
}

#[test]
fn the_version_is_that_of_the_package() {
    assert_eq!(run(TIDEWIRE, &["--version"], b"").stdout, concat!("tidewire ", env!("CARGO_PKG_VERSION"), "\n"));
}

fn complete(arguments: &[&str]) {
    let help = run(TIDEWIRE, arguments, b"");
    assert_eq!(help.code, Some(0), "{arguments:?}");
    assert!(help.stdout.contains("\nExamples:\n"), "{arguments:?}: {}", help.stdout);
    assert!(help.stdout.contains("tidewire "), "{arguments:?}");
    for code in ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "124", "130"] {
        assert!(help.stdout.contains(&format!("\n  {code:>3}  ")), "{arguments:?}: no exit code {code}");
    }
}

const COMMANDS: [&str; 7] = ["serve", "tail", "publish", "parse", "encode", "doctor", "bench"];
