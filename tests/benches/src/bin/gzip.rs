//! What gzip costs a server: one compression for all readers, beside a compressor for each of them as LaunchDarkly's server has it
//! (`flate2`, level 6, a flush for each item): `gzip [--rounds N]`.
//!
//! Processor time of a delivery into the stream's output, the compression shared out among the readers, bytes on the wire, and memory.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::time::{ClockId, clock_gettime};
use tidewire_benches::counting::Counting;
use tidewire_core::Instant;
use tidewire_core::http::Coding;
use tidewire_core::log::{Burst, Packer};
use tidewire_core::server::{Config, EventStream, Framing, StreamHead};

#[global_allocator]
static COUNTING: Counting = Counting;

const READERS: usize = 1_000;
/// Each of them holds some 320 KB.
const WINDOWS: usize = 100;
const ITEMS: u64 = 40;

fn main() {
    let mut rounds = 5;
    if let [_, option, number] = &std::env::args().collect::<Vec<_>>()[..]
        && option == "--rounds"
    {
        rounds = number.parse().unwrap_or(rounds).max(1);
    }
    println!(
        "processor time of a delivery, least of {rounds} rounds, {READERS} readers ({WINDOWS} with a window each); bytes as share of plain"
    );
    println!("{:<24} {:>9}  {:>16}  {:>16}  {:>16}", "item", "bytes", "plain", "gzip, shared", "gzip, a window each");
    for (name, per_item, data) in [
        ("event", 0, 30),
        ("envelope of 100 B", 1, 100),
        ("envelope of 1 KiB", 1, 1_024),
        ("16 of 100 B", 16, 100),
        ("64 KiB burst", 50, 1_024),
    ] {
        let items: Vec<Vec<u8>> = (0..ITEMS)
            .map(|item| match per_item {
                0 => event(item),
                many => (0..many).flat_map(|at| envelope(item * many + at, data)).collect(),
            })
            .collect();
        let bytes: usize = items.iter().map(Vec::len).sum::<usize>() / items.len();
        let least = |measure: &dyn Fn(&[Vec<u8>]) -> (f64, f64)| {
            (0..rounds).map(|_| measure(&items)).min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or_default()
        };
        let [plain, shared, windows] = [least(&plain), least(&shared), least(&windows)];
        let show = |(time, share): (f64, f64)| format!("{time:>8.0} ns {:>3.0} %", share * 100.0);
        println!("{name:<24} {bytes:>9}  {:>16}  {:>16}  {:>16}", show(plain), show(shared), show(windows));
    }
    println!();
    let config = std::sync::Arc::new(Config::default());
    let stream = |coding| {
        let mut head = StreamHead::default();
        head.coding = coding;
        let mut stream = EventStream::new(config.clone(), &head, Framing::Chunked, Instant::START, 1);
        while stream.poll_transmit().is_some() {}
        stream
    };
    println!(
        "{:>8} bytes allocated for a stream in gzip beyond a plain one",
        heap(|| stream(Some(Coding::Gzip))) as i64 - heap(|| stream(None)) as i64
    );
    println!(
        "{:>8} bytes allocated for the one packer, with 16 bursts of 100 B",
        heap(|| {
            let mut packer = Packer::new();
            for number in 0..16 {
                packer.pack(&Burst::new(&envelope(number, 100)));
            }
            packer
        })
    );
    println!(
        "{:>8} bytes allocated for each window",
        heap(|| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            let _ = encoder.write_all(b"data: x\n\n").and_then(|()| encoder.flush());
            encoder
        })
    );
}

/// Time of a delivery, and bytes as a share of what is plain.
fn plain(items: &[Vec<u8>]) -> (f64, f64) {
    deliver(items, None, |_, burst| burst.clone())
}

fn shared(items: &[Vec<u8>]) -> (f64, f64) {
    let mut packer = Packer::new();
    deliver(items, Some(Coding::Gzip), move |at, burst| {
        let packed = packer.pack(burst).clone();
        assert_eq!(packer.compressed(), at as u64 + 1);
        packed
    })
}

fn deliver(items: &[Vec<u8>], coding: Option<Coding>, mut pack: impl FnMut(usize, &Burst) -> Burst) -> (f64, f64) {
    let config = std::sync::Arc::new(Config::default());
    let mut head = StreamHead::default();
    head.coding = coding;
    let open = |seed| EventStream::new(config.clone(), &head, Framing::Chunked, Instant::START, seed);
    let mut streams: Vec<EventStream> = (0..READERS as u64).map(open).collect();
    for stream in &mut streams {
        while stream.poll_transmit().is_some() {}
    }
    let bursts: Vec<Burst> = items.iter().map(|item| Burst::new(item)).collect();
    let mut bytes = 0;
    let start = thread_time();
    for (at, burst) in bursts.iter().enumerate() {
        for stream in &mut streams {
            let burst = pack(at, burst);
            stream.push_burst(Instant::START, &burst).expect("it was taken");
            bytes += stream.poll_transmit().map_or(0, |piece| piece.len());
        }
    }
    let time = thread_time() - start;
    (time * 1e9 / (items.len() * READERS) as f64, bytes as f64 / (items.concat().len() * READERS) as f64)
}

fn windows(items: &[Vec<u8>]) -> (f64, f64) {
    let mut encoders: Vec<_> = (0..WINDOWS).map(|_| GzEncoder::new(Vec::new(), Compression::default())).collect();
    let mut bytes = 0;
    let start = thread_time();
    for item in items {
        for encoder in &mut encoders {
            encoder.write_all(item).and_then(|()| encoder.flush()).expect("memory takes it");
            bytes += std::mem::take(encoder.get_mut()).len();
        }
    }
    let time = thread_time() - start;
    (time * 1e9 / (items.len() * WINDOWS) as f64, bytes as f64 / (items.concat().len() * WINDOWS) as f64)
}

fn heap<T>(make: impl FnOnce() -> T) -> u64 {
    let before = Counting::sums().1;
    Counting::start();
    let made = make();
    Counting::stop();
    drop(made);
    Counting::sums().1 - before
}

fn event(number: u64) -> Vec<u8> {
    format!("id: 5f3a9c1b2d4e6f70-{number}\ndata: {{\"price\":{}.{:02},\"symbol\":\"TIDE\",\"seq\":{number},\"side\":\"buy\"}}\n\n", 40 + number % 7, number * 37 % 100).into()
}

/// As `/v1/events` gives it, with words as data.
fn envelope(number: u64, len: usize) -> Vec<u8> {
    const WORDS: [&str; 16] = [
        "temperature ",
        "the ",
        "quick ",
        "sensor ",
        "42.7 ",
        "status ",
        "user ",
        "room ",
        "update ",
        "price ",
        "123.45 ",
        "Berlin ",
        "north ",
        "stream ",
        "reader ",
        "null ",
    ];
    let mut random = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut data = String::new();
    while data.len() < len {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        data.push_str(WORDS[(random % 16) as usize]);
    }
    data.truncate(len);
    format!(
        "id: 5f3a9c1b2d4e6f70-{number}\nevent: message\ndata: {{\"id\":\"5f3a9c1b2d4e6f70-{number}\",\"type\":\"message\",\"channel_id\":\"news\",\
         \"user_id\":\"anonymous-1a2b3c4d\",\"data\":\"{data}\",\"timestamp\":\"2026-11-21T18:00:{:02}.{:03}Z\"}}\n\n",
        number % 60,
        number % 1_000
    )
    .into()
}

fn thread_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
