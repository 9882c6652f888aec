//! Times every parser on every workload, in interleaved rounds of one thread's processor time: `speed [--rounds N] [WORKLOAD…]`.
//!
//! Before anything is timed, the events of each parser are held against ours, byte by byte.

use std::process::ExitCode;

use bytes::Bytes;
use rustix::time::{ClockId, clock_gettime};
use tidewire_benches::feed::{Chunks, cut};
use tidewire_benches::parsers::{self, Contestant, Kind};
use tidewire_benches::sink::Sink;
use tidewire_benches::workloads::{self, Workload};

/// Sizes of chunks, and how much of a stream is fed in chunks of that size at most; 0 is the whole stream at once.
const CHUNKS: [(usize, usize); 4] = [(16, 2 << 20), (1400, usize::MAX), (16 << 10, usize::MAX), (0, 8 << 20)];

/// Who is slower than this is timed with the beginning of the stream only, and marked.
const SLOW: f64 = 100e6;
const SLOW_SIZE: usize = 256 << 10;

fn main() -> ExitCode {
    let mut rounds = 11;
    let mut chosen: Vec<Workload> = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--rounds" {
            rounds = arguments.next().and_then(|number| number.parse().ok()).unwrap_or(rounds).max(1);
        } else if let Some(workload) = Workload::named(&argument) {
            chosen.push(workload);
        } else {
            eprintln!("no workload is named {argument}; there are: {}", workloads::ALL.map(|one| one.name).join(", "));
            return ExitCode::from(2);
        }
    }
    if chosen.is_empty() {
        chosen.extend(workloads::ALL);
    }
    println!(
        "MB/s, median of {rounds} interleaved rounds; x = share of the fastest peer; ~ = bound, or timed with a prefix; ! = other events"
    );
    let mut all_agree = true;
    for workload in chosen {
        let stream = workload.stream(workload.size);
        for (size, most) in CHUNKS {
            let stream = prefix(&workload, &stream, most);
            all_agree &= compare(&workload, &stream, size, rounds);
        }
    }
    if all_agree { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One row: a workload in chunks of one size.
fn compare(workload: &Workload, stream: &Bytes, size: usize, rounds: usize) -> bool {
    let short = prefix(workload, stream, SLOW_SIZE);
    let (chunks, short) = (cut(stream, size), cut(&short, size));
    let truth = check(parsers::ALL[0], &short);
    let runs: Vec<Run> = parsers::ALL
        .into_iter()
        .map(|contestant| {
            let agrees = contestant.kind == Kind::Bound || check(contestant, &short) == truth;
            let is_slow = speed(contestant, &short) < SLOW;
            let chunks = if is_slow { Chunks::clone(&short) } else { Chunks::clone(&chunks) };
            Run { contestant, agrees, is_slow, chunks, speeds: Vec::new() }
        })
        .collect();
    let runs = interleave(runs, rounds);

    let best =
        runs.iter().filter(|run| run.contestant.kind == Kind::Peer && run.agrees).map(Run::median).fold(1.0, f64::max);
    let chunk = if size == 0 { "whole".to_owned() } else { size.to_string() };
    println!("\n{} in chunks of {chunk}", workload.name);
    for run in &runs {
        println!(
            "  {:<20} {:>9.0} MB/s  {:>5.2} x{}{}",
            run.contestant.name,
            run.median() / 1e6,
            run.median() / best,
            if run.is_slow { "  ~" } else { "" },
            if run.agrees { "" } else { "  !" }
        );
    }
    runs.iter().all(|run| run.agrees || run.contestant.kind == Kind::Peer)
}

struct Run {
    contestant: Contestant,
    agrees: bool,
    is_slow: bool,
    chunks: Chunks,
    speeds: Vec<f64>,
}

impl Run {
    fn median(&self) -> f64 {
        let mut speeds = self.speeds.clone();
        speeds.sort_by(f64::total_cmp);
        speeds.get(speeds.len() / 2).copied().unwrap_or_default()
    }
}

fn interleave(mut runs: Vec<Run>, rounds: usize) -> Vec<Run> {
    for _ in 0..rounds {
        for run in &mut runs {
            let speed = speed(run.contestant, &run.chunks);
            run.speeds.push(speed);
        }
    }
    runs
}

/// Bytes per second of this thread's processor time.
fn speed(contestant: Contestant, chunks: &Chunks) -> f64 {
    let bytes: usize = chunks.iter().map(Bytes::len).sum();
    let start = thread_time();
    (contestant.parse)(chunks, &mut Sink::default());
    bytes as f64 / (thread_time() - start).max(1e-9)
}

fn check(contestant: Contestant, chunks: &Chunks) -> (u64, u64, u64) {
    let mut sink = Sink::checking();
    (contestant.parse)(chunks, &mut sink);
    sink.sums()
}

fn thread_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// A stream of at most `size` bytes that ends with an event.
fn prefix(workload: &Workload, stream: &Bytes, size: usize) -> Bytes {
    if stream.len() <= size { stream.clone() } else { workload.stream(size) }
}
