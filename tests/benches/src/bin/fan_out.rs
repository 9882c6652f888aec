//! From publish to sockets, beside peers and bounds: `fan_out [OPTIONS]`.
//!
//! ```text
//! fan_out                            a short run: 100 and 1,000 readers, 100 B (two minutes)
//! fan_out --full                     100, 1,000 and 10,000 readers, 100 B and 1 KiB (half an hour)
//!   --readers N,N --sizes N,N        these alone
//!   --servers NAME,NAME              these alone; see the list below
//!   --modes quiet,burst,steady,connect,resume,stall
//!                                    these alone
//!   --rounds N                       interleaved rounds; the median counts
//!   --wrap 'valgrind --tool=…'       what the servers run under
//! ```
//!
//! Servers: `limit-batch` (one `write` per reader and batch), `tokio-direct` and `smol-direct` (a bare task per reader over a shared
//! pending block), `axum` (with `tokio::sync::broadcast`), `tidewire-tokio` and `tidewire-smol` (the adapters' `serve` with a host of the
//! library's parts), `serve-tokio` and `serve-smol` (the program's server, published to by POST; its events are envelopes and some 250 bytes
//! longer).
//!
//! *quiet* is one message at a time and readers that look every 2 ms, *burst* sixteen at once and the next sixteen when all have them,
//! *steady* 20,000 deliveries a second and readers that sleep. *connect* is 1,000 more that come, *resume* 1,000 that come back at once with a
//! `Last-Event-ID` and have missed 10 messages (of 100 B) or 50 (of 1 KiB): processor time each. In *stall* half of the readers read nothing
//! while 5,000 messages are published, and then read again. Before anything is timed every reader is checked to get all bytes. All servers
//! of a table are up at the same time and take turns, so that what else the machine does hits them alike: the ratios count.
//!
//! # What it showed
//!
//! On two cores that others were building on (`limit-batch` took a third more than when alone); processor time as a share of the bare task
//! per reader on the same runtime, of axum, and bytes of process memory a connection that rests:
//!
//! ```text
//!                    quiet 100 / 1,000 / 10,000      burst 100 / 1,000 / 10,000       idle at 10,000
//!                    x direct            x axum      x direct            x axum
//! tidewire-tokio     1.10  1.07  1.09    0.77-0.82   1.07  1.12  1.14    0.46-0.49    1,717
//! tidewire-smol      1.10  1.10  1.06    0.73-0.82   1.08  1.13  1.08    0.44-0.47    1,515
//! serve-tokio        1.12  1.01  1.06    0.74-0.81   1.40  1.17  1.15    0.49-0.58    1,723
//! axum                                                                               20,589
//! ```
//!
//! `serve` reads sixteen requests with JSON for sixteen messages, which a hundred readers do not make up for, and its events are longer.
//! Steady at 1,000 readers: the last hundredth waits 0.97 (tokio) and 0.83 (smol) of what it does behind `limit-batch`. Instructions outside the
//! kernel, by callgrind, of one quiet delivery on tokio: 2,650, where the bare task takes 930; a connect 46,000 and 7,000.
//! In stall, 50 of 100: everybody gets everything, the others' last hundredth waits no longer, and a stalled reader costs 12 KB
//! of process memory beyond the history and 37 to 65 KB of the kernel's on loopback, where one segment holds 64 KiB (axum: 3.9 MB).
//!
//! # What was tried
//!
//! - A turn of reading and a turn of writing until neither moves, each with its own look at clock and timer: four turns a delivery. Feeding
//!   first and writing all in one turn: one. The ratio in quiet went from 1.27 to 1.10, in burst from 1.12 to 1.07.
//! - smol's own `TcpStream` asks the kernel to read at each poll, once a delivery: 1.63 in quiet, 1.48 in burst. Asking the reactor first: 1.06.
//! - A `Vec` of wakers a publication and two hash maps from reader to waker gave way to a table by the reader's slot and batches of 32 on the
//!   stack: nothing is allocated, and readers run on other cores while later ones are still being woken.
//! - A flag a seat: a wake-up that is no publication (the socket has room, a deadline) takes no lock. The waker stands in the table and is
//!   taken out to be woken, which hands its reference count on; waking it by reference would cost a count in the table's place.
//! - The burst is lent to the outlet behind the lock: one count a delivery instead of three.
//! - A timer that is set and knows whom to wake is not touched again: one cache line less a delivery.
//! - One task that writes to all sockets itself would come nearer to `limit-batch` (0.85), and would have to know TLS, gzip and deadlines of
//!   each: not taken.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tidewire_benches::fan_out::load::{Figures, Load, Stall};
use tidewire_benches::fan_out::process::{self, Core};
use tidewire_benches::fan_out::{ALL, Place, Server};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["serve", name] => serve(name),
        ["load", process, readers, size, ref place @ ..] => load(process, readers, size, &place.join(" ")),
        _ => match Options::parse(&words) {
            Some(options) => measure(&options),
            None => {
                eprintln!(
                    "usage: fan_out [--full] [--readers N,N] [--sizes N,N] [--servers A,B] [--modes A,B] [--rounds N] [--wrap COMMAND]"
                );
                return ExitCode::from(2);
            }
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fan_out: {error}");
            ExitCode::FAILURE
        }
    }
}

struct Options {
    readers: Vec<usize>,
    sizes: Vec<u32>,
    servers: Vec<Server>,
    modes: Vec<Mode>,
    rounds: usize,
    wrap: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Quiet,
    Burst,
    Steady,
    Connect,
    Resume,
    Stall,
}

impl Options {
    fn parse(words: &[&str]) -> Option<Self> {
        let mut options = Self {
            readers: vec![100, 1_000],
            sizes: vec![100],
            servers: ALL.to_vec(),
            modes: vec![Mode::Quiet, Mode::Burst, Mode::Steady],
            rounds: 5,
            wrap: Vec::new(),
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if *word == "--full" {
                (options.readers, options.sizes, options.rounds) = (vec![100, 1_000, 10_000], vec![100, 1_024], 11);
                continue;
            }
            let value = words.next()?;
            let list = || value.split(',');
            match *word {
                "--readers" => options.readers = list().map(|text| text.parse().ok()).collect::<Option<_>>()?,
                "--sizes" => options.sizes = list().map(|text| text.parse().ok()).collect::<Option<_>>()?,
                "--servers" => options.servers = list().map(Server::named).collect::<Option<_>>()?,
                "--modes" => options.modes = list().map(Mode::named).collect::<Option<_>>()?,
                "--rounds" => options.rounds = value.parse().ok()?,
                "--wrap" => options.wrap = value.split_whitespace().map(str::to_owned).collect(),
                _ => return None,
            }
        }
        Some(options)
    }
}

impl Mode {
    fn named(name: &str) -> Option<Self> {
        match name {
            "quiet" => Some(Self::Quiet),
            "burst" => Some(Self::Burst),
            "steady" => Some(Self::Steady),
            "connect" => Some(Self::Connect),
            "resume" => Some(Self::Resume),
            "stall" => Some(Self::Stall),
            _ => None,
        }
    }

    /// Returns the order for one round.
    fn order(self, readers: usize, size: u32) -> String {
        match self {
            Self::Connect => "connect 1000".to_owned(),
            Self::Resume if size < 1_000 => "resume 1000 10".to_owned(),
            Self::Resume => "resume 1000 50".to_owned(),
            Self::Stall => "stall 5000 1000".to_owned(),
            Self::Quiet => format!("quiet {}", (20_000 / readers).clamp(2, 100)),
            Self::Burst => format!("burst {}", (10_000 / readers).clamp(2, 50)),
            Self::Steady => "steady 20000 2000".to_owned(),
        }
    }
}

fn serve(name: &str) -> io::Result<()> {
    process::pin(Core::First)?;
    process::raise_descriptors();
    Server::named(name).ok_or(io::ErrorKind::NotFound)?.serve()
}

/// Does what it is told on the standard input, and tells what it cost.
fn load(process: &str, readers: &str, size: &str, place: &str) -> io::Result<()> {
    process::pin(Core::Last)?;
    let limit = process::raise_descriptors();
    let invalid = || io::Error::from(io::ErrorKind::InvalidInput);
    let number = |text: &str| text.parse::<u32>().map_err(|_| invalid());
    let (readers, place) = (number(readers)? as usize, Place::parse(place).ok_or_else(invalid)?);
    if limit < readers as u64 + 100 {
        return Err(io::Error::other(format!(
            "{readers} readers need as many descriptors: raise `ulimit -n` from {limit}"
        )));
    }
    let mut load = Load::connect(&place, number(process)?, readers, number(size)?)?;
    println!("ready");
    for line in io::stdin().lines() {
        let line = line?;
        let figures = match line.split(' ').collect::<Vec<_>>()[..] {
            ["check", count] => load.check(number(count)?).map(|()| Figures::default())?,
            ["quiet", messages] => load.quiet(number(messages)? as usize)?,
            ["burst", batches] => load.burst(number(batches)? as usize)?,
            ["steady", rate, millis] => {
                load.steady(number(rate)?.into(), Duration::from_millis(number(millis)?.into()))?
            }
            ["connect", readers] => load.connects(&place, number(readers)? as usize)?,
            ["resume", readers, missed] => load.resume(&place, number(readers)? as usize, number(missed)?)?,
            ["stall", messages, rate] => {
                let stall = load.stall(number(messages)? as usize, number(rate)?.into())?;
                let Stall { figures, process, kernel, stalled, got, told, untold } = stall;
                let each = |bytes: u64| bytes / stalled.max(1);
                println!("{} {} {} {got} {told} {untold}", each(process), each(kernel), figures.p99);
                continue;
            }
            _ => return Err(invalid()),
        };
        let Figures { deliveries, wall, processor, user, p50, p99 } = figures;
        println!("{deliveries} {wall} {processor} {user} {p50} {p99}");
    }
    Ok(())
}

/// A server with its readers, each a process.
struct Pair {
    server: Server,
    serving: Child,
    loading: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// Bytes of process memory per connection that rests.
    idle: f64,
}

impl Pair {
    fn start(server: Server, readers: usize, size: u32, wrap: &[String]) -> io::Result<Self> {
        let program = std::env::current_exe()?;
        let mut command = match wrap {
            [] => Command::new(&program),
            [first, rest @ ..] => {
                let mut command = Command::new(first);
                command.args(rest).arg(&program);
                command
            }
        };
        let mut serving = command.args(["serve", server.name()]).stdout(Stdio::piped()).spawn()?;
        let mut place = String::new();
        BufReader::new(serving.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?).read_line(&mut place)?;
        let empty = process::memory(serving.id())?;
        let mut command = Command::new(&program);
        command.args(["load", &serving.id().to_string(), &readers.to_string(), &size.to_string()]);
        command.args(place.split_whitespace()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut loading = command.spawn()?;
        let orders = loading.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut answers = BufReader::new(loading.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?);
        let mut ready = String::new();
        answers.read_line(&mut ready)?;
        let idle = process::memory(serving.id())?.saturating_sub(empty) as f64 / readers as f64;
        Ok(Self { server, serving, loading, orders, answers, idle })
    }

    fn order(&mut self, order: &str) -> io::Result<Figures> {
        writeln!(self.orders, "{order}")?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let numbers: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        match numbers[..] {
            [deliveries, wall, processor, user, p50, p99] => {
                Ok(Figures { deliveries, wall, processor, user, p50: p50 as u32, p99: p99 as u32 })
            }
            _ => Err(io::Error::other(format!("{} failed at `{order}`", self.server.name()))),
        }
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for child in [&mut self.loading, &mut self.serving] {
            // Politely: what wraps a server may have something to write.
            if let Some(id) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                let _ = kill_process(id, Signal::TERM);
            }
            let _ = child.wait();
        }
    }
}

fn measure(options: &Options) -> io::Result<()> {
    println!(
        "median of {} interleaved rounds; cpu and user are nanoseconds of the server's processor time per delivery",
        options.rounds
    );
    for size in &options.sizes {
        for readers in &options.readers {
            table(options, *readers, *size)?;
        }
    }
    Ok(())
}

fn table(options: &Options, readers: usize, size: u32) -> io::Result<()> {
    let start = |server: &Server| Pair::start(*server, readers, size, &options.wrap);
    let mut pairs = options.servers.iter().map(start).collect::<io::Result<Vec<_>>>()?;
    for pair in &mut pairs {
        pair.order("check 20")?;
    }
    for mode in &options.modes {
        if *mode == Mode::Stall {
            stall(&mut pairs)?;
            continue;
        }
        let order = mode.order(readers, size);
        let mut runs: Vec<Vec<Figures>> = vec![Vec::new(); pairs.len()];
        let rounds = if *mode == Mode::Steady { options.rounds.div_ceil(2) } else { options.rounds };
        for _ in 0..rounds {
            for (pair, runs) in pairs.iter_mut().zip(&mut runs) {
                runs.push(pair.order(&order)?);
            }
        }
        println!("\n{mode:?}: {readers} readers, {size} B of data");
        println!(
            "  {:<16} {:>8} {:>8} {:>8} {:>8} {:>8} {:>11} {:>8} {:>8} {:>9}",
            "", "cpu", "x direct", "x axum", "x limit", "user", "deliv./s", "p50 us", "p99 us", "idle B"
        );
        let cpu = |figures: &Figures| figures.processor as f64 / figures.deliveries.max(1) as f64;
        // Ratios of the same round, then their median: a noisy round counts for both.
        let ratio = |index: usize, to: Option<Server>| {
            let to = options.servers.iter().position(|server| Some(*server) == to)?;
            Some(median(runs[index].iter().zip(&runs[to]).map(|(one, other)| cpu(one) / cpu(other)).collect()))
        };
        let shown = |ratio: Option<f64>| ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        for (index, pair) in pairs.iter().enumerate() {
            let of = |figure: fn(&Figures) -> f64| median(runs[index].iter().map(figure).collect());
            let total: u64 = runs[index].iter().map(|figures| figures.deliveries).sum();
            let user: u64 = runs[index].iter().map(|figures| figures.user).sum();
            println!(
                "  {:<16} {:>8.0} {:>8} {:>8} {:>8} {:>8.0} {:>11.0} {:>8.0} {:>8.0} {:>9.0}",
                pair.server.name(),
                median(runs[index].iter().map(cpu).collect()),
                shown(ratio(index, pair.server.direct())),
                shown(ratio(index, Some(Server::Axum)).filter(|_| pair.server != Server::Axum)),
                shown(ratio(index, Some(Server::LimitBatch)).filter(|_| pair.server != Server::LimitBatch)),
                user as f64 / total.max(1) as f64,
                of(|figures| figures.deliveries as f64 * 1e9 / figures.wall.max(1) as f64),
                of(|figures| figures.p50.into()),
                of(|figures| figures.p99.into()),
                pair.idle,
            );
        }
    }
    Ok(())
}

/// One table: half of the readers stall.
fn stall(pairs: &mut [Pair]) -> io::Result<()> {
    println!("\nStall: half of the readers read nothing, then read again");
    println!(
        "  {:<16} {:>14} {:>14} {:>10} {:>10} {:>6} {:>6} {:>6}",
        "", "process B each", "kernel B each", "p99 before", "p99 us", "got", "told", "untold"
    );
    for pair in pairs {
        let before = pair.order("steady 50000 1000")?;
        writeln!(pair.orders, "{}", Mode::Stall.order(0, 0))?;
        let mut line = String::new();
        pair.answers.read_line(&mut line)?;
        let numbers: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [process, kernel, p99, got, told, untold] = numbers[..] else {
            println!("  {:<16} failed", pair.server.name());
            continue;
        };
        println!(
            "  {:<16} {process:>14} {kernel:>14} {:>10} {p99:>10} {got:>6} {told:>6} {untold:>6}",
            pair.server.name(),
            before.p99
        );
    }
    Ok(())
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
