//! Times what carries a publication to all members of a channel, no sockets: `fan_out_core [--rounds N]`.
//! `fan_out_core CONTESTANT MEMBERS BURST PASSES` does one so often, for callgrind.
//!
//! Before anything is timed, what every member takes is held against what was published.

use std::process::ExitCode;

use rustix::time::{ClockId, clock_gettime};
use tidewire_benches::counting::Counting;
use tidewire_benches::members::{ALL, Contestant, Members};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Deliveries in one timing.
const DELIVERIES: usize = 1_000_000;
const TEXT: [u8; 100] = [b'x'; 100];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut rounds = 7;
    match &arguments[..] {
        [] => {}
        [option, number] if option == "--rounds" => rounds = number.parse().unwrap_or(rounds).max(1),
        [contestant, members, burst, passes] => {
            let contestant = ALL.iter().find(|one| one.name == contestant).expect("a contestant of the list");
            let number = |text: &str| text.parse::<usize>().expect("a number");
            let mut it = (contestant.make)(number(members));
            println!("{}", pass(&mut *it, number(burst), number(passes)));
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("usage: fan_out_core [--rounds N] | fan_out_core CONTESTANT MEMBERS BURST PASSES");
            return ExitCode::from(2);
        }
    }
    let mut wrong = false;
    for contestant in &ALL {
        if let Err(text) = check(contestant) {
            eprintln!("{}: {text}", contestant.name);
            wrong = true;
        }
    }
    println!("100 B to all members, publish and take: CPU ns a delivery, median of {rounds} interleaved rounds");
    for (members, burst) in [(10, 1), (1_000, 1), (100_000, 1), (10, 16), (1_000, 16), (100_000, 16)] {
        measure(members, burst, rounds);
    }
    if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn measure(members: usize, burst: usize, rounds: usize) {
    let passes = (DELIVERIES / members / burst).max(1);
    let mut all = ALL.map(|contestant| (contestant.make)(members));
    // Queues grow.
    all.iter_mut().for_each(|one| _ = pass(&mut **one, burst, 2));
    let mut times = ALL.map(|_| Vec::new());
    for _ in 0..rounds {
        for (one, times) in all.iter_mut().zip(&mut times) {
            let start = thread_time();
            pass(&mut **one, burst, passes);
            times.push((thread_time() - start) * 1e9 / (passes * burst * members) as f64);
        }
    }
    let medians = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    });
    println!("\n{members} members, {burst} at once");
    println!("  {:<22} {:>8} {:>8} {:>14} {:>14}", "", "ns", "x ours", "allocations", "bytes/member");
    for ((one, contestant), time) in all.iter_mut().zip(&ALL).zip(medians) {
        Counting::start();
        let before = Counting::sums().0;
        pass(&mut **one, burst, 16);
        let allocations = Counting::sums().0 - before;
        Counting::stop();
        println!(
            "  {:<22} {time:>8.2} {:>8.2} {:>14.5} {:>14.1}",
            contestant.name,
            time / medians[0],
            allocations as f64 / (16 * burst * members) as f64,
            memory(contestant, members, burst)
        );
    }
}

/// What a member costs in memory once it has taken some, without what is kept for all.
fn memory(contestant: &Contestant, members: usize, burst: usize) -> f64 {
    let live = |members: usize| {
        Counting::start();
        let before = Counting::live();
        let mut one = (contestant.make)(members);
        pass(&mut *one, burst, 2);
        let live = Counting::live() - before;
        drop(one);
        Counting::stop();
        live as f64
    };
    (live(members) - live(1)) / (members - 1) as f64
}

fn pass(members: &mut dyn Members, burst: usize, passes: usize) -> u64 {
    let mut sum = 0_u64;
    for _ in 0..passes {
        for _ in 0..burst {
            members.publish(&TEXT);
        }
        members.take_all(&mut |_, bytes| sum += u64::from(bytes[0]) + bytes.len() as u64);
    }
    sum
}

/// Every member takes everything, once and in order.
fn check(contestant: &Contestant) -> Result<(), String> {
    const MEMBERS: usize = 7;
    let mut it = (contestant.make)(MEMBERS);
    let mut taken = vec![String::new(); MEMBERS];
    let mut expected = String::new();
    let mut number = 0;
    for burst in [1, 3, 16, 1] {
        for _ in 0..burst {
            let text = format!("<{number}>");
            it.publish(text.as_bytes());
            expected += &text;
            number += 1;
        }
        it.take_all(&mut |member, bytes| {
            let text = std::str::from_utf8(bytes).unwrap_or_default();
            // Ours are framed as a chunk, between two ends of lines.
            let text = text.split_once("\r\n").map_or(text, |(_, text)| text.trim_end());
            taken[member].push_str(text);
        });
    }
    match taken.iter().position(|taken| *taken != expected) {
        Some(member) => Err(format!("member {member} took {:?}, not {expected:?}", taken[member])),
        None => Ok(()),
    }
}

fn thread_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
