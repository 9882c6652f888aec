//! Times every serializer: `serialize [--rounds N]`. `serialize SERIALIZER CASE PASSES` writes one case so many times, for callgrind.
//!
//! Before anything is timed, what each writes is parsed and held against what ours reads as.

use std::process::ExitCode;

use rustix::time::{ClockId, clock_gettime};
use tidewire_benches::parsers::Kind;
use tidewire_benches::serializers::{ALL, CASES};
use tidewire_core::sse::{Event, Parser};

const PASSES: usize = 100_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut rounds = 11;
    match &arguments[..] {
        [] => {}
        [option, number] if option == "--rounds" => rounds = number.parse().unwrap_or(rounds).max(1),
        [serializer, case, passes] => {
            let serializer = ALL.iter().find(|one| one.name == serializer).expect("a serializer of the list");
            let case = CASES.iter().find(|one| one.name == case).expect("a case of the list");
            println!("{}", (serializer.write)(case, passes.parse().expect("a number")).len());
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("usage: serialize [--rounds N] | serialize SERIALIZER CASE PASSES");
            return ExitCode::from(2);
        }
    }
    println!("ns an event, median of {rounds} interleaved rounds; x = share of the fastest peer");
    for case in &CASES {
        let truth = read(&(ALL[0].write)(case, 1));
        let mut times = ALL.map(|_| Vec::new());
        for _ in 0..rounds {
            for (serializer, times) in ALL.iter().zip(&mut times) {
                let start = thread_time();
                (serializer.write)(case, PASSES);
                times.push((thread_time() - start) * 1e9 / PASSES as f64);
            }
        }
        let medians = times.map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        });
        let peers = ALL.iter().zip(&medians).filter(|(one, _)| one.kind == Kind::Peer);
        let best = peers.map(|(_, time)| *time).fold(f64::MAX, f64::min);
        println!("\n{}", case.name);
        for (serializer, time) in ALL.iter().zip(medians) {
            let agrees = serializer.name == "~memcpy" || read(&(serializer.write)(case, 1)) == truth;
            println!(
                "  {:<12} {time:>8.1} ns  {:>5.2} x{}",
                serializer.name,
                best / time,
                if agrees { "" } else { "  !" }
            );
        }
    }
    ExitCode::SUCCESS
}

fn read(bytes: &[u8]) -> Vec<Event> {
    Parser::new().feed(bytes).owned().filter_map(Result::ok).collect()
}

fn thread_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
