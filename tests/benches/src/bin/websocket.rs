//! Times WebSocket in memory: `websocket [--rounds N]`. `websocket receive NAME TRAFFIC PASSES` does one so often, for callgrind.
//!
//! Before anything is timed, what each receives is held against what was sent, and what each sends as a server against what the others do.

use std::process::ExitCode;

use bytes::Bytes;
use rustix::time::{ClockId, clock_gettime};
use tidewire_benches::parsers::Kind;
use tidewire_benches::sockets::receive::{self, Receiver};
use tidewire_benches::sockets::send::{self, Sender};
use tidewire_benches::sockets::{TRAFFIC, Tally, Traffic};
use tidewire_core::ws::apply_mask;

/// How much of tungstenite's time the receiving of each traffic may take (`Traffic::name`).
const TARGETS: [(&str, f64); 2] = [("32 B", 1.0 / 3.0), ("1 KiB", 2.0 / 3.0)];
/// GB/s of unmasking.
const UNMASK: f64 = 15.0;
/// One timing repeats until it took so long, in seconds.
const LEAST: f64 = 0.002;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rounds = match &arguments[..] {
        [] => 21,
        [option, number] if option == "--rounds" => number.parse().unwrap_or(21).max(1),
        [what, name, traffic, passes] if what == "receive" => {
            let one = receive::ALL.into_iter().find(|one| one.name == name).expect("a receiver of the list");
            let traffic = TRAFFIC.into_iter().find(|one| one.name == traffic).expect("a traffic of the list");
            let (frames, mut tally) = (leak(traffic.masked()), Tally::default());
            (0..passes.parse().expect("a number")).for_each(|_| (one.receive)(frames, &mut tally));
            println!("{}", traffic.count);
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("usage: websocket [--rounds N] | websocket receive NAME TRAFFIC PASSES");
            return ExitCode::from(2);
        }
    };
    println!(
        "CPU ns a message, median of {rounds} interleaved rounds; x = time as a share of tungstenite's; ! = something else came"
    );
    let mut is_good = true;
    for traffic in TRAFFIC {
        is_good &= receiving(&traffic, rounds);
    }
    for (role, senders) in [("a server", &send::SERVERS[..]), ("a client", &send::CLIENTS[..])] {
        for traffic in TRAFFIC {
            is_good &= sending(role, senders, &traffic, rounds);
        }
    }
    is_good &= unmasking(rounds);
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn receiving(traffic: &Traffic, rounds: usize) -> bool {
    let frames = leak(traffic.masked());
    let mut truth = Tally::checking();
    (0..traffic.count).for_each(|_| truth.take(traffic.message().as_bytes()));
    let agree = |one: &Receiver| {
        let mut tally = Tally::checking();
        (one.receive)(frames, &mut tally);
        tally == truth
    };
    let times = interleave(&receive::ALL, rounds, |one| {
        time(|| (one.receive)(frames, &mut Tally::default())) * 1e9 / traffic.count as f64
    });
    let rows: Vec<Row> = receive::ALL
        .iter()
        .zip(times)
        .map(|(one, time)| Row { name: one.name, kind: one.kind, time, agrees: agree(one) })
        .collect();
    println!("\nreceived masked, {}", traffic.name);
    let is_good = print(&rows);
    let ours = rows[0].time;
    let beaten = |name: &str, most: f64| {
        let peer = rows.iter().find(|row| row.name == name).map_or(f64::NAN, |row| row.time);
        let held = ours <= most * peer;
        println!("  target: at most {most:.2} of {name}: {:.2}{}", ours / peer, if held { "" } else { "  MISSED" });
        held
    };
    match TARGETS.iter().find(|(name, _)| *name == traffic.name) {
        Some((_, most)) => [beaten("tungstenite", *most), beaten("ws-net", 1.0)] == [true, true] && is_good,
        None => is_good,
    }
}

fn sending(role: &str, senders: &[Sender], traffic: &Traffic, rounds: usize) -> bool {
    let text = Bytes::from(traffic.message());
    let truth = (senders[0].send)(traffic, &text, Tally::checking());
    // What a client sends differs by its masks: its length does not.
    let agree = |one: &Sender| {
        let sent = (one.send)(traffic, &text, Tally::checking());
        one.kind == Kind::Bound || if role == "a server" { sent == truth } else { sent.bytes == truth.bytes }
    };
    let times = interleave(senders, rounds, |one| {
        time(|| _ = (one.send)(traffic, &text, Tally::default())) * 1e9 / traffic.count as f64
    });
    let rows: Vec<Row> = senders
        .iter()
        .zip(times)
        .map(|(one, time)| Row { name: one.name, kind: one.kind, time, agrees: agree(one) })
        .collect();
    println!("\nsent by {role}, {}", traffic.name);
    print(&rows)
}

fn unmasking(rounds: usize) -> bool {
    println!("\nunmasked, GB/s");
    let mut is_good = true;
    for len in [32, 1 << 10, 16 << 10, 64 << 10, 4 << 20] {
        let mut bytes = vec![b'x'; len];
        let count = ((64 << 10) / len).max(1);
        let times = interleave(&[()], rounds, |()| {
            time(|| {
                for _ in 0..count {
                    apply_mask(std::hint::black_box(&mut bytes), std::hint::black_box([1, 2, 3, 4]), 0);
                }
            }) / (len * count) as f64
        });
        let speed = 1e-9 / times[0];
        // Of a short payload the call is most; what leaves the caches is the memory's.
        let held = speed >= UNMASK || !(1 << 10..=64 << 10).contains(&len);
        println!("  {len:>8} bytes {speed:>7.1}{}", if held { "" } else { "  MISSED" });
        is_good &= held;
    }
    is_good
}

struct Row {
    name: &'static str,
    kind: Kind,
    time: f64,
    agrees: bool,
}

/// Prints the rows, and which peers are faster than ours.
fn print(rows: &[Row]) -> bool {
    let tungstenite = rows.iter().find(|row| row.name == "tungstenite").map_or(f64::NAN, |row| row.time);
    for row in rows {
        let mark = if row.agrees { "" } else { "  !" };
        println!("  {:<20} {:>9.1} ns {:>6.2} x{mark}", row.name, row.time, row.time / tungstenite);
    }
    for peer in rows.iter().filter(|row| row.kind == Kind::Peer && row.agrees && row.time < rows[0].time) {
        println!("  faster than ours: {} ({:.2} of our time)", peer.name, peer.time / rows[0].time);
    }
    rows.iter().all(|row| row.agrees || row.kind == Kind::Peer)
}

/// Returns the median of each.
fn interleave<T>(all: &[T], rounds: usize, mut time: impl FnMut(&T) -> f64) -> Vec<f64> {
    let mut times = vec![Vec::new(); all.len()];
    for _ in 0..rounds {
        for (one, times) in all.iter().zip(&mut times) {
            times.push(time(one));
        }
    }
    times.iter_mut().for_each(|times| times.sort_by(f64::total_cmp));
    times.iter().map(|times| times[times.len() / 2]).collect()
}

/// Seconds of this thread's processor time that it takes once.
fn time(mut run: impl FnMut()) -> f64 {
    let (start, mut count) = (thread_time(), 0);
    loop {
        run();
        count += 1;
        let took = thread_time() - start;
        if took >= LEAST {
            return took / f64::from(count);
        }
    }
}

fn thread_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn leak(bytes: Vec<u8>) -> &'static [u8] {
    Vec::leak(bytes)
}
