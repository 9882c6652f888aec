//! Prints what was found, for people or as JSON lines.

use std::fmt::Write;
use std::time::Duration;

use serde::Serialize;

use super::findings::{Case, Finding, Level};
use crate::args::Doctor;
use crate::duration::display;
use crate::exit::{Exit, Failure};
use crate::output::{Output, printable};
use crate::plain::Reader;

/// What was watched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Summary {
    pub(super) watched: Duration,
    pub(super) messages: usize,
    /// A WebSocket has none.
    pub(super) comments: Option<usize>,
}

impl Summary {
    pub(super) fn of(case: &Case) -> Self {
        let seen = &case.plain;
        Self { watched: seen.watched, messages: seen.messages().count(), comments: Some(seen.comments()) }
    }
}

/// Prints the findings.
pub(super) fn print(args: &Doctor, summary: &Summary, findings: &[Finding]) -> Result<(), Failure> {
    let mut output = Output::new();
    if args.json {
        json(&mut output.lines, summary, findings)?;
    } else {
        let colors = matches!(output.reader, Reader::Colors);
        output.lines.extend_from_slice(text(summary, findings, colors).as_bytes());
    }
    output.flush()
}

fn text(summary: &Summary, findings: &[Finding], colors: bool) -> String {
    let mut text = String::new();
    for finding in findings {
        let (word, color) = match finding.level {
            Level::Ok => ("ok   ", "32"),
            Level::Note => ("note ", "36"),
            Level::Warning => ("warn ", "33"),
            Level::Fault => ("FAULT", "31"),
        };
        let word = if colors { format!("\u{1b}[{color}m{word}\u{1b}[0m") } else { word.into() };
        // Writing to a String does not fail.
        let _ = writeln!(text, "{word} {:<13} {}", finding.check, printable(&finding.says));
        if !finding.remedy.is_empty() {
            for line in wrapped(finding.remedy, WIDTH) {
                let _ = writeln!(text, "{:20}{line}", "");
            }
        }
    }
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    let came = match summary.comments {
        Some(comments) => format!("{} events, {comments} comments", summary.messages),
        None => format!("{} messages", summary.messages),
    };
    let _ = writeln!(
        text,
        "\nwatched {}: {came}; {}",
        display(summary.watched),
        verdict(count(Level::Fault), count(Level::Warning))
    );
    text
}

fn verdict(faults: usize, warnings: usize) -> String {
    match (faults, warnings) {
        (0, 0) => "nothing stands between a client and this stream".into(),
        (0, _) => format!("clients get the stream; warnings: {warnings}"),
        _ => format!("faults: {faults}, warnings: {warnings}"),
    }
}

/// Breaks text into lines of at most so many characters, at its spaces.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    lines
}

fn json(lines: &mut Vec<u8>, summary: &Summary, findings: &[Finding]) -> Result<(), Failure> {
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    let found = findings.iter().map(|finding| Line::Finding {
        check: finding.check,
        level: match finding.level {
            Level::Ok => "ok",
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Fault => "fault",
        },
        says: &finding.says,
        remedy: finding.remedy,
    });
    let watched = Line::Watched {
        ms: summary.watched.as_millis(),
        messages: summary.messages,
        comments: summary.comments,
        faults: count(Level::Fault),
        warnings: count(Level::Warning),
    };
    for line in found.chain([watched]) {
        serde_json::to_writer(&mut *lines, &line)
            .map_err(|error| Failure::new(Exit::Failed, format!("cannot write JSON: {error}")))?;
        lines.push(b'\n');
    }
    Ok(())
}

#[derive(Serialize)]
#[serde(tag = "t", rename_all = "snake_case")]
enum Line<'a> {
    Finding {
        check: &'a str,
        level: &'a str,
        says: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        remedy: &'a str,
    },
    Watched {
        ms: u128,
        messages: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        comments: Option<usize>,
        faults: usize,
        warnings: usize,
    },
}

/// With the indent, a line of a terminal of 80 columns.
const WIDTH: usize = 60;
