//! A fleet of clients that is told goodbye comes back no faster than the server is told to take them. (`pace` has the exact property.)

use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use tidewire_tests::command::{Running, serve};

#[test]
fn a_fleet_comes_back_at_the_rate_on_tokio() {
    comes_back("tokio");
}

#[test]
fn a_fleet_comes_back_at_the_rate_on_smol() {
    comes_back("smol");
}

fn comes_back(runtime: &str) {
    let (mut server, address) = serve(TIDEWIRE, &["--runtime", runtime]);
    let url = format!("{address}/v1/events?channel=news");
    let count = FLEET.to_string();
    let fleet =
        ["bench", "-n", &count, "--ramp", "2000", "--publish", "none", "--duration", "1h", "--timeout", "60s", &url];
    let fleet = Running::start(TIDEWIRE, &fleet);
    while !fleet.error_line().starts_with("listening: ") {}
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    // They come to us, who only look at when they do.
    let listener = TcpListener::bind(address).expect("the port is free again");
    let (sender, arrivals) = mpsc::channel();
    thread::spawn(move || {
        let mut kept = Vec::new();
        while let Ok((socket, _)) = listener.accept() {
            kept.push(socket);
            if sender.send(Instant::now()).is_err() {
                return;
            }
        }
    });
    let arrivals: Vec<Instant> = (0..FLEET)
        .map(|number| arrivals.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("only {number} came back")))
        .collect();
    let within_a_second = |from: &Instant| arrivals.iter().filter(|at| *at >= from && **at < *from + SECOND).count();
    let most = arrivals.iter().map(within_a_second).max().unwrap_or_default();
    assert!(most <= RATE + CHANCE, "{most} came back within one second");
    let took = arrivals[FLEET - 1] - arrivals[0];
    assert!(took < Duration::from_secs(15), "nobody is kept away for long: {took:?}");
}

const TIDEWIRE: &str = env!("CARGO_BIN_EXE_tidewire");

const FLEET: usize = 3_000;

/// The default of `return_rate`.
const RATE: usize = 1_000;

/// Our client adds up to a tenth of its own to what it is told, by which some leave their place; and a busy machine lets some wait for
/// others.
const CHANCE: usize = 300;

const SECOND: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(20);
