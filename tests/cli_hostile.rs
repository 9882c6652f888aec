//! `tidewire serve` with its default settings under attack, on both runtimes, over real sockets: readers that do not read, that read a
//! byte a second, that come and go by the thousand; requests that never end. It lives on, holds no more than it says, lets go of
//! everything, and its well-behaved readers get every event once, in order and in time.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::Command;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;
use tidewire_tests::command::run;
use tidewire_tests::watched::{Watched, p99};

macro_rules! suite {
    ($name:ident, $runtime:expr) => {
        mod $name {
            use super::*;

            #[test]
            fn readers_that_do_not_read_cost_little_and_are_told_what_they_missed() {
                stalled($runtime);
            }

            #[test]
            fn thousands_that_come_and_go_leave_nothing_behind() {
                come_and_go($runtime, 1_000);
            }

            #[test]
            #[ignore = "tests/run --long"]
            fn ten_thousand_that_come_and_go_leave_nothing_behind() {
                come_and_go($runtime, 10_000);
                come_and_go_at_once($runtime, 10_000);
            }

            #[test]
            fn memory_is_flat_over_a_soak() {
                soak($runtime);
            }

            #[test]
            fn slow_heads_are_ended_and_disturb_nobody() {
                slow_heads($runtime);
            }

            #[test]
            fn slow_bodies_and_slow_reads_disturb_nobody() {
                slow_bodies_and_reads($runtime);
            }

            #[test]
            #[ignore = "tests/run --long"]
            fn who_never_reads_and_who_never_writes_is_dropped_in_the_end() {
                dropped_in_the_end($runtime);
            }

            #[test]
            #[ignore = "tests/run --long"]
            fn slowhttptest_finds_the_service_available() {
                slowhttptest($runtime);
            }
        }
    };
}

suite!(tokio, "tokio");
suite!(smol, "smol");

fn stalled(runtime: &str) {
    let server = Watched::serve(TIDEWIRE, &["--runtime", runtime]);
    let load = ["-n", "5", "--messages", "800", "--rate", "160", "--size", "16000"];
    // After that the channel holds as much as it ever will.
    let before = server.serves("a", &load);
    let (descriptors, memory) = (server.descriptors(), server.memory());

    let mut stalled: Vec<TcpStream> = (0..STALLED).map(|_| server.follow("a")).collect();
    let sipping: Vec<TcpStream> = (0..SIPPING).map(|_| server.follow("a")).collect();
    let (stop, stopped) = mpsc::channel::<()>();
    let sipping = thread::spawn(move || {
        let mut sips = 0;
        while stopped.recv_timeout(SIP) == Err(RecvTimeoutError::Timeout) {
            for mut socket in &sipping {
                socket.read_exact(&mut [0]).expect("a reader that is slow is not cut off");
                sips += 1;
            }
        }
        sips
    });
    let after = server.serves("a", &load);
    let growth = server.memory().saturating_sub(memory);
    let untaken = server.untaken();
    assert!(untaken.iter().filter(|bytes| **bytes > 0).count() >= STALLED, "they do stall: {untaken:?}");
    let kernel = untaken.iter().sum::<u64>() / 1024;
    let most = (STALLED + SIPPING) as u64 * STALLED_KIB + NOISE_KIB;
    assert!(growth + kernel < most, "{growth} KiB more than {memory}, and {kernel} KiB in the kernel");
    assert!(p99(&after) < p99(&before) * 4 + SLACK, "{:?}, {:?} without them", p99(&after), p99(&before));

    // Whoever reads on has everything, or knows what is missing.
    let (numbers, gaps) = read_to(&mut stalled[0], 799);
    assert_eq!(numbers.first(), Some(&0), "all of it came after it had connected");
    let jumps = numbers.windows(2).filter(|pair| pair[1] != pair[0] + 1).count();
    assert!(numbers.is_sorted() && jumps == gaps, "{jumps} jumps, {gaps} gaps told");
    assert!(gaps > 0, "more was published than a channel keeps");

    drop(stop);
    assert!(sipping.join().expect("no panic") > 0);
    drop(stalled);
    server.lets_go(descriptors);
    server.serves("a", &["-n", "10", "--messages", "20"]);
}

/// Reads a stream until the message of this number; returns the numbers of all messages, and how many gaps were told.
fn read_to(socket: &mut TcpStream, last: u64) -> (Vec<u64>, usize) {
    let (mut numbers, mut gaps) = (Vec::new(), 0);
    let (mut text, mut piece) = (String::new(), vec![0; 1 << 16]);
    while numbers.last() != Some(&last) {
        let read = socket.read(&mut piece).expect("the stream goes on");
        assert!(read > 0, "the stream ended after {:?}", numbers.last());
        text.push_str(&String::from_utf8_lossy(&piece[..read]));
        // The last line may not be whole.
        let whole = text.rfind('\n').map_or(0, |at| at + 1);
        for line in text[..whole].lines() {
            gaps += usize::from(line == "event: gap");
            let mark = line.split_once("tidewire-bench/").and_then(|(_, rest)| rest.split('/').nth(1));
            numbers.extend(mark.and_then(|number| number.parse::<u64>().ok()));
        }
        text.drain(..whole);
    }
    (numbers, gaps)
}

fn come_and_go(runtime: &str, count: usize) {
    let server = Watched::serve(TIDEWIRE, &["--runtime", runtime]);
    let healthy = server.bench("a", &["-n", "20", "--rate", "50", "--duration", "1h"]);
    while !healthy.error_line().starts_with("publishing: ") {}
    visit(&server, 200);
    server.lets_go(IDLE + 21);
    let memory = server.memory();
    visit(&server, count);
    server.lets_go(IDLE + 21);
    let growth = server.memory().saturating_sub(memory);
    assert!(growth < NOISE_KIB, "{growth} KiB more than {memory}");
    let report = Watched::served(healthy);
    assert!(p99(&report) < SLACK, "{report}");
    server.lets_go(IDLE);
    server.serves("a", &["-n", "10", "--messages", "20"]);
}

/// All of them are there together, get what is published, and go together, twice: the second time costs no more than the first.
fn come_and_go_at_once(runtime: &str, count: usize) {
    let server = Watched::serve(TIDEWIRE, &["--runtime", runtime]);
    let crowd = ["-n", &count.to_string(), "--ramp", "2000", "--messages", "5", "--rate", "1", "--timeout", "25s"];
    server.serves("a", &crowd);
    server.lets_go(IDLE);
    let memory = server.memory();
    server.serves("a", &crowd);
    server.lets_go(IDLE);
    let growth = server.memory().saturating_sub(memory);
    assert!(growth < 2 * NOISE_KIB, "{growth} KiB more than {memory}");
}

/// Lets so many connections come, a hundred at a time, and leave in every way.
fn visit(server: &Watched, count: usize) {
    for first in (0..count).step_by(100) {
        let visitors: Vec<TcpStream> = (first..count.min(first + 100)).map(|number| visitor(server, number)).collect();
        drop(visitors);
    }
}

fn visitor(server: &Watched, number: usize) -> TcpStream {
    match number % 7 {
        0 => TcpStream::connect(server.address).expect("the server listens"),
        1 => server.send("GET /v1/events?channel=a"),
        2 => server.follow("a"),
        3 => {
            let socket = server.follow("a");
            // Dropping it resets the connection.
            SockRef::from(&socket).set_linger(Some(Duration::ZERO)).expect("it is set");
            socket
        }
        4 => {
            let socket = server.follow("a");
            socket.shutdown(Shutdown::Write).expect("it is open");
            socket
        }
        5 => {
            let mut socket = server.send("POST /v1/channels/b/publish");
            socket.write_all(b"content-length: 100\r\n\r\nhalf").expect("the server reads");
            socket
        }
        _ => {
            // The answer is never read.
            let mut socket = server.send("GET /");
            socket.write_all(b"\r\n").expect("the server reads");
            socket
        }
    }
}

fn soak(runtime: &str) {
    // A log that is full from the beginning does not grow.
    let server = Watched::serve(TIDEWIRE, &["--runtime", runtime, "--history-bytes", "100000"]);
    let stalled = server.follow("a");
    let seconds =
        std::env::var("TIDEWIRE_SOAK").ok().map_or(3, |seconds| seconds.parse().expect("a number of seconds"));
    let (end, mut memory) = (Instant::now() + Duration::from_secs(seconds), Vec::new());
    while memory.len() < 6 || Instant::now() < end {
        server.serves("a", &["-n", "50", "--ramp", "0", "--messages", "60", "--rate", "300", "--size", "2000"]);
        visit(&server, 210);
        server.lets_go(IDLE + 1);
        memory.push(server.memory());
    }
    // The first rounds are for the allocator to warm up.
    let third = memory.len() / 3;
    let most = |part: &[u64]| part.iter().max().copied().unwrap_or_default();
    let (early, late) = (most(&memory[..=third]), most(&memory[memory.len() - third..]));
    assert!(late <= early + SOAK_KIB, "{late} KiB, {early} at first: {memory:?}");
    drop(stalled);
    server.lets_go(IDLE);
}

fn slow_heads(runtime: &str) {
    let server = Watched::serve(TIDEWIRE, &["--runtime", runtime]);
    let healthy = server.bench("a", &["-n", "20", "--rate", "50", "--duration", "1h"]);
    while !healthy.error_line().starts_with("publishing: ") {}
    let start = Instant::now();
    let mut slow: Vec<Option<TcpStream>> = (0..ATTACKERS).map(|_| Some(server.send("GET /"))).collect();
    // A field after the other, each in time: the head as a whole is not.
    while slow.iter().any(Option::is_some) {
        assert!(start.elapsed() < HEAD_TIME + SLACK * 2, "{} are still there", slow.iter().flatten().count());
        thread::sleep(DRIP);
        for place in &mut slow {
            let Some(socket) = place else { continue };
            if socket.write_all(b"x-slow: 1\r\n").is_err() || ended(socket) {
                assert!(start.elapsed() >= HEAD_TIME - DRIP, "ended after {:?}", start.elapsed());
                *place = None;
            }
        }
    }
    server.lets_go(IDLE + 21);
    let report = Watched::served(healthy);
    assert!(p99(&report) < SLACK, "{report}");
    server.lets_go(IDLE);
}

fn slow_bodies_and_reads(runtime: &str) {
    let server = Watched::serve(TIDEWIRE, &["--runtime", runtime]);
    let memory = server.memory();
    let bodies: Vec<TcpStream> = (0..ATTACKERS)
        .map(|_| {
            let mut socket = server.send("POST /v1/channels/a/publish");
            socket.write_all(b"content-length: 60000\r\n\r\n").expect("the server reads");
            socket
        })
        .collect();
    // Each asks for far more than it ever reads.
    let reads: Vec<TcpStream> = (0..ATTACKERS)
        .map(|_| {
            let mut socket = TcpStream::connect(server.address).expect("the server listens");
            SockRef::from(&socket).set_recv_buffer_size(1).expect("it is set");
            let request = format!("GET / HTTP/1.1\r\nhost: {}\r\n\r\n", server.address);
            socket.write_all(request.repeat(100).as_bytes()).expect("the server reads");
            socket
        })
        .collect();
    let healthy = server.bench("a", &["-n", "20", "--rate", "50", "--duration", "3s"]);
    while !healthy.error_line().starts_with("publishing: ") {}
    for _ in 0..10 {
        thread::sleep(DRIP);
        for mut socket in &bodies {
            socket.write_all(b"x").expect("a body has its time");
        }
        for mut socket in &reads {
            let read = socket.read(&mut [0]).expect("whoever reads has its time");
            assert_eq!(read, 1);
        }
    }
    let growth = server.memory().saturating_sub(memory);
    assert!(growth < 2 * ATTACKERS as u64 * STALLED_KIB + 2 * NOISE_KIB, "{growth} KiB more than {memory}");
    let report = Watched::served(healthy);
    assert!(p99(&report) < SLACK, "{report}");
    drop((bodies, reads));
    server.lets_go(IDLE);
    server.publish("a", "still there");
}

/// The attackers stay: it is the server that lets go of them, by its deadlines.
fn dropped_in_the_end(runtime: &str) {
    let server = Watched::serve(TIDEWIRE, &["--runtime", runtime]);
    let stalled: Vec<TcpStream> = (0..ATTACKERS).map(|_| server.follow("a")).collect();
    let bodies: Vec<TcpStream> = (0..ATTACKERS)
        .map(|_| {
            let mut socket = server.send("POST /v1/channels/a/publish");
            socket.write_all(b"content-length: 100\r\n\r\nhalf").expect("the server reads");
            socket
        })
        .collect();
    server.serves("a", &["-n", "1", "--messages", "400", "--rate", "200", "--size", "32000"]);
    for mut socket in bodies {
        socket.set_read_timeout(Some(BODY_TIME + SLACK * 2)).expect("it is set");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
    let start = Instant::now();
    assert!(server.descriptors() >= ATTACKERS, "they have longer");
    while server.descriptors() > IDLE {
        assert!(start.elapsed() < STALL_TIME + SLACK * 2, "{} descriptors", server.descriptors());
        // Something to write: a stream on which all is said waits for nothing.
        server.publish("a", "x");
    }
    assert!(server.untaken().iter().all(|bytes| *bytes == 0), "reset, so that the kernel keeps nothing for them");
    drop(stalled);
}

/// Debian's slowhttptest looks every second whether the service is available while it attacks.
fn slowhttptest(runtime: &str) {
    let server = Watched::serve(TIDEWIRE, &["--runtime", runtime]);
    let page = format!("http://{}/", server.address);
    let publish = format!("http://{}/v1/channels/a/publish", server.address);
    for attack in [
        &["-H", "-i", "2", "-u", &page][..],
        &["-B", "-i", "2", "-s", "60000", "-u", &publish],
        &["-X", "-w", "10", "-y", "20", "-n", "1", "-z", "4", "-k", "3", "-u", &page],
    ] {
        let healthy = server.bench("a", &["-n", "20", "--rate", "50", "--duration", "1h"]);
        while !healthy.error_line().starts_with("publishing: ") {}
        let output =
            Command::new("slowhttptest").args(["-c", "1000", "-r", "500", "-l", "20", "-p", "3"]).args(attack).output();
        let output =
            output.expect("slowhttptest starts (tests/run --long installs it; or: apt-get install slowhttptest)");
        let said = String::from_utf8_lossy(&output.stdout);
        let available = said.matches("YES").count();
        assert!(available > 2 && !said.contains("NO\u{1b}") && !said.contains(" NO"), "{attack:?}: {said}");
        let report = Watched::served(healthy);
        assert!(p99(&report) < SLACK, "{attack:?}: {report}");
        server.lets_go(IDLE);
    }
    let ended = run(TIDEWIRE, &["publish", &server.address.to_string(), "-c", "a", "x"], b"");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

/// Whether the other side has ended or broken the connection; what it says before is read over.
fn ended(socket: &mut TcpStream) -> bool {
    socket.set_nonblocking(true).expect("it is set");
    let ended = loop {
        match socket.read(&mut [0; 1024]) {
            Ok(0) => break true,
            Ok(_) => {}
            Err(error) => break error.kind() != ErrorKind::WouldBlock,
        }
    };
    socket.set_nonblocking(false).expect("it is set");
    ended
}

const TIDEWIRE: &str = env!("CARGO_BIN_EXE_tidewire");

const STALLED: usize = 40;
const SIPPING: usize = 10;
const SIP: Duration = Duration::from_secs(1);
/// What one that does not read may cost, in KiB, of the process's and the kernel's memory together.
const STALLED_KIB: u64 = 64;

const ATTACKERS: usize = 50;
const DRIP: Duration = Duration::from_millis(200);
/// The default of `head_timeout`.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// The defaults of `body_timeout` and `stall_timeout`.
const BODY_TIME: Duration = Duration::from_secs(30);
const STALL_TIME: Duration = Duration::from_secs(60);

/// Descriptors of a server without connections, on either runtime, at most.
const IDLE: usize = 20;

/// What an allocator may keep of what was given back, in KiB.
const NOISE_KIB: u64 = 2 << 10;
const SOAK_KIB: u64 = 512;

/// What a busy machine may take, where nothing is held up by an attack that lasts longer.
const SLACK: Duration = Duration::from_secs(3);
