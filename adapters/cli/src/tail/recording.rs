//! `--save` and `--replay`: a recorded stream is the lines of `--json --timestamps`, all of them.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use smol::Timer;

use crate::args::Speed;
use crate::exit::{Exit, Failure};
use crate::json_lines::{Line, Timed};
use crate::time::Time;

/// A recording that is being written. Lines are written whole, several at a time: whatever ends the program, what is there can be
/// played.
#[derive(Debug)]
pub(super) struct Recorder {
    path: PathBuf,
    file: File,
    lines: Vec<u8>,
}

impl Recorder {
    /// Creates the file; one that exists is kept unless `overwrite`.
    pub(super) fn create(path: &Path, overwrite: bool) -> Result<Self, Failure> {
        let mut options = OpenOptions::new();
        options.write(true);
        if overwrite {
            options.create(true).truncate(true)
        } else {
            options.create_new(true)
        };
        let file = options.open(path).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => Failure::new(
                Exit::Failed,
                format!("--save {}: the file exists; take another name, or --overwrite it", path.display()),
            ),
            _ => Failure::new(Exit::Failed, format!("--save {}: {error}", path.display())),
        })?;
        Ok(Self { path: path.to_owned(), file, lines: Vec::new() })
    }

    /// Records a line, at the latest with the next [`flush`](Self::flush).
    pub(super) fn push(&mut self, time: Time, line: &Line<'_>) {
        line.write_timed(time, &mut self.lines);
    }

    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        let written = self.file.write_all(&self.lines);
        self.lines.clear();
        written.map_err(|error| Failure::new(Exit::Failed, format!("--save {}: {error}", self.path.display())))
    }
}

/// A recording that is being played.
#[derive(Debug)]
pub(super) struct Player {
    path: PathBuf,
    file: BufReader<File>,
    speed: Speed,
    /// The number of the line that was read last.
    number: u64,
    /// Whether a line of it made sense, so that it is a recording.
    known: bool,
    /// When the playing began, and the time of the first line that has one.
    start: Option<(Instant, Time)>,
    /// The line that is next, and when.
    next: Option<(Instant, Timed<'static>)>,
}

impl Player {
    pub(super) fn open(path: &Path, speed: Speed) -> Result<Self, Failure> {
        let file = File::open(path)
            .map_err(|error| Failure::new(Exit::Failed, format!("--replay {}: {error}", path.display())))?;
        let file = BufReader::new(file);
        Ok(Self { path: path.to_owned(), file, speed, number: 0, known: false, start: None, next: None })
    }

    /// Waits for the next line; none at the end. A wait that is given up loses nothing.
    pub(super) async fn next(&mut self) -> Option<Result<Timed<'static>, Failure>> {
        if self.next.is_none() {
            let line = match self.read() {
                Ok(line) => line?,
                Err(failure) => return Some(Err(failure)),
            };
            self.next = Some((self.due(line.time), line));
        }
        let (due, _) = self.next.as_ref()?;
        if *due > Instant::now() {
            Timer::at(*due).await;
        }
        self.next.take().map(|(_, line)| Ok(line))
    }

    /// Returns when a line is due; one without a time, or whose clock was set back, at once.
    fn due(&mut self, time: Option<Time>) -> Instant {
        let now = Instant::now();
        let Some(time) = time else { return now };
        let (began, first) = *self.start.get_or_insert((now, time));
        match self.speed {
            Speed::Max => now,
            Speed::Times(speed) => {
                let after =
                    Duration::try_from_secs_f64(time.since(first).as_secs_f64() / speed).unwrap_or(Duration::MAX);
                began.checked_add(after).unwrap_or(now + A_YEAR)
            }
        }
    }

    /// Reads the next line that is not empty.
    fn read(&mut self) -> Result<Option<Timed<'static>>, Failure> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = self.file.read_until(b'\n', &mut line).map_err(|error| self.fail(Exit::Failed, &error))?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            if line.trim_ascii().is_empty() {
                continue;
            }
            let whole = line.ends_with(b"\n");
            let timed = Timed::read(&line);
            self.known |= timed.is_ok();
            return timed.map(Some).map_err(|reason| {
                let number = self.number;
                if !self.known {
                    let reason = format!("line {number}: {reason}; is it a recording, as --save writes it?");
                    self.fail(Exit::BadInput, &reason)
                } else if whole {
                    let reason = format!(
                        "line {number} is none of a recording, as --save writes it: {reason}; without this line the \
                         rest can be played: sed -i {number}d {}",
                        self.path.display()
                    );
                    self.fail(Exit::BadInput, &reason)
                } else {
                    let reason = format!("line {number}, the last, is cut short; all before it was played");
                    self.fail(Exit::Unfinished, &reason)
                }
            });
        }
    }

    fn fail(&self, exit: Exit, reason: &dyn std::fmt::Display) -> Failure {
        Failure::new(exit, format!("--replay {}: {reason}", self.path.display()))
    }
}

const A_YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
