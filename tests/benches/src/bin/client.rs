//! Whole clients, from the socket to the event, on the same server: `client [--rounds N]`.
//!
//! ```text
//! client --rounds 21                all tables
//! client NAME WORKLOAD SIZE PASSES  one client, one stream so many times: for callgrind, perf and strace; another
//!                                   number is how many bytes a chunk has instead of one event
//! ```
//!
//! The server is a process of its own that writes prepared bytes; each client runs on one thread of this one, one after the
//! other, in interleaved rounds. Before anything is timed the events of each are held against ours, byte by byte.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tidewire_benches::clients::{self, Client, Setup};
use tidewire_benches::counting::Counting;
use tidewire_benches::parsers::Kind;
use tidewire_benches::served::{Chunks, Server, monotonic, serve};
use tidewire_benches::sink::Sink;
use tidewire_benches::workloads::Workload;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Workloads, bytes of stream, and how HTTP cuts them.
const BULKS: [(&str, usize, Chunks); 5] = [
    ("llm", 16 << 20, Chunks::Event),
    ("llm", 16 << 20, Chunks::Bytes(16 << 10)),
    ("tiny", 1 << 20, Chunks::Event),
    ("tiny", 1 << 20, Chunks::Bytes(16 << 10)),
    ("big", 32 << 20, Chunks::Event),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut rounds = 11;
    match &arguments[..] {
        [] => {}
        [serving] if serving == "serve" => return serve().map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS),
        [option, number] if option == "--rounds" => rounds = number.parse().unwrap_or(rounds).max(1),
        [client, workload, size, passes, chunk @ ..] if chunk.len() <= 1 => {
            let number = |text: &str| text.parse::<usize>().expect("a number");
            let chunks = chunk.first().map_or(Chunks::Event, |bytes| Chunks::Bytes(number(bytes)));
            once(client, workload, number(size), number(passes), chunks);
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("usage: client [--rounds N] | client NAME WORKLOAD SIZE PASSES [CHUNK]");
            return ExitCode::from(2);
        }
    }
    let server = Server::start().expect("this program runs again");
    let setup = Setup::new().expect("a runtime");
    println!(
        "median of {rounds} interleaved rounds; x = the least of the peers' over this, more is better; ! = other events"
    );
    let agree = BULKS.map(|bulk| bulks(&server, &setup, bulk, rounds));
    waits(&server, &setup, rounds);
    if agree.iter().all(|agrees| *agrees) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One table: a stream as fast as it goes.
fn bulks(server: &Server, setup: &Setup, (name, size, chunks): (&str, usize, Chunks), rounds: usize) -> bool {
    let workload = Workload::named(name).expect("a workload of the list");
    let url = server.bulk(&workload, size, chunks);
    let truth = check(setup, clients::ALL[0], &url);
    let events = truth.0.max(1) as f64;
    let agrees = clients::ALL.map(|client| client.kind == Kind::Bound || check(setup, client, &url) == truth);
    let allocations = clients::ALL.map(|client| allocations(setup, client, &url) as f64 / events);
    let mut walls = clients::ALL.map(|_| Vec::new());
    let mut processors = clients::ALL.map(|_| Vec::new());
    for _ in 0..rounds {
        for (index, client) in clients::ALL.into_iter().enumerate() {
            let (wall, processor) = (Instant::now(), processor_time());
            let mut sink = Sink::default();
            (client.run)(setup, &url, &mut |event_type, data| sink.event(event_type, data));
            processors[index].push((processor_time() - processor) * 1e9 / events);
            walls[index].push(wall.elapsed().as_secs_f64() * 1e9 / events);
        }
    }
    let (walls, processors) = (walls.map(median), processors.map(median));
    let chunks = match chunks {
        Chunks::Event => "one an event".to_owned(),
        Chunks::Bytes(bytes) => format!("of {bytes}"),
    };
    println!("\n{name}, {} events in {} MiB, chunks {chunks}", truth.0, size >> 20);
    println!("  {:<28} {:>11} {:>6} {:>11} {:>6} {:>12}", "", "events/s", "x", "cpu ns/ev", "x", "allocs/ev");
    for (index, client) in clients::ALL.into_iter().enumerate() {
        println!(
            "  {:<28} {:>11.0} {:>6.2} {:>11.1} {:>6.2} {:>12.3}{}",
            client.name,
            1e9 / walls[index],
            best(&walls) / walls[index],
            processors[index],
            best(&processors) / processors[index],
            allocations[index],
            if agrees[index] { "" } else { "  !" }
        );
    }
    agrees.iter().zip(clients::ALL).all(|(agrees, client)| *agrees || client.kind == Kind::Peer)
}

/// One table: what one event has to wait for.
fn waits(server: &Server, setup: &Setup, rounds: usize) {
    const CONNECTIONS: usize = 40;
    const EVENTS: u64 = 200;
    let (first, paced) = (server.paced(1, Duration::ZERO), server.paced(EVENTS, Duration::from_micros(300)));
    let mut firsts = clients::ALL.map(|_| Vec::new());
    let mut connects = clients::ALL.map(|_| Vec::new());
    let mut delays = clients::ALL.map(|_| Vec::new());
    let mut processors = clients::ALL.map(|_| Vec::new());
    for _ in 0..rounds {
        for (index, client) in clients::ALL.into_iter().enumerate().filter(|(_, client)| client.kind != Kind::Bound) {
            let processor = processor_time();
            for _ in 0..CONNECTIONS {
                let start = Instant::now();
                (client.run)(setup, &first, &mut |_, _| firsts[index].push(start.elapsed().as_secs_f64() * 1e6));
            }
            connects[index].push((processor_time() - processor) * 1e6 / CONNECTIONS as f64);
            let processor = processor_time();
            (client.run)(setup, &paced, &mut |_, data| {
                let written = data.split(' ').next().and_then(|time| time.parse::<u64>().ok()).unwrap_or(0);
                delays[index].push(monotonic().saturating_sub(written) as f64 / 1e3);
            });
            processors[index].push((processor_time() - processor) * 1e6 / EVENTS as f64);
        }
    }
    let counts = firsts.each_ref().map(Vec::len);
    let (firsts, connects) = (firsts.map(median), connects.map(median));
    let (delays, processors) = (delays.map(median), processors.map(median));
    println!("\nfirst event of {} connections; then one event each 300 us", counts[0]);
    println!(
        "  {:<28} {:>8} {:>6} {:>9} {:>6} {:>9} {:>6} {:>9} {:>6}",
        "", "first us", "x", "cpu us", "x", "delay us", "x", "cpu us/ev", "x"
    );
    for (index, client) in clients::ALL.into_iter().enumerate().filter(|(_, client)| client.kind != Kind::Bound) {
        print!("  {:<28}", client.name);
        for (figures, width) in [(&firsts, 8), (&connects, 9), (&delays, 9), (&processors, 9)] {
            print!(" {:>width$.1} {:>6.2}", figures[index], best(figures) / figures[index]);
        }
        println!();
    }
}

fn once(client: &str, workload: &str, size: usize, passes: usize, chunks: Chunks) {
    let server = Server::start().expect("this program runs again");
    let setup = Setup::new().expect("a runtime");
    let client = clients::ALL.into_iter().find(|one| one.name == client).expect("a client of the list");
    let url = server.bulk(&Workload::named(workload).expect("a workload of the list"), size, chunks);
    let mut sink = Sink::default();
    for _ in 0..passes {
        (client.run)(&setup, &url, &mut |event_type, data| sink.event(event_type, data));
    }
    println!("{}", sink.sums().0 / passes.max(1) as u64);
}

fn check(setup: &Setup, client: Client, url: &str) -> (u64, u64, u64) {
    let mut sink = Sink::checking();
    (client.run)(setup, url, &mut |event_type, data| sink.event(event_type, data));
    sink.sums()
}

fn allocations(setup: &Setup, client: Client, url: &str) -> u64 {
    let before = Counting::sums();
    Counting::start();
    (client.run)(setup, url, &mut |_, _| {});
    Counting::stop();
    Counting::sums().0 - before.0
}

/// The least of the peers' figures.
fn best(figures: &[f64]) -> f64 {
    let peers = clients::ALL.iter().zip(figures).filter(|(client, _)| client.kind == Kind::Peer);
    peers.map(|(_, figure)| *figure).fold(f64::MAX, f64::min)
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Seconds of processor time of this process: all its threads, and nothing of the server's.
fn processor_time() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
