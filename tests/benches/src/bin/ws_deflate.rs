//! What permessage-deflate costs: `ws_deflate [--rounds N]`. Processor time of a message and bytes on the wire, in chat messages of JSON:
//! sent as they are, compressed once for many, by each connection alone, and by each with its window; and read.
//!
//! Beside zlib's own algorithm, as `flate2` has it, with a window for each.

use std::sync::Arc;

use flate2::{Compress, Compression, FlushCompress};
use rustix::time::{ClockId, clock_gettime};
use tidewire_core::ws::deflate::{Compressor, Config, Context, Deflater, Inflater, Params};
use tidewire_core::ws::{self, Agreed, Connection, Prepared};
use tidewire_core::{Instant, Protocol};

const NOW: Instant = Instant::START;
const CONNECTIONS: usize = 1_000;
/// Each of them holds some 320 KB.
const WINDOWS: usize = 50;
const MESSAGES: usize = 40;

fn main() {
    let mut rounds = 5;
    if let [_, option, number] = &std::env::args().collect::<Vec<_>>()[..]
        && option == "--rounds"
    {
        rounds = number.parse().unwrap_or(rounds).max(1);
    }
    println!(
        "processor time of a message, least of {rounds} rounds, {CONNECTIONS} connections ({WINDOWS} with a window each); payload as share of plain"
    );
    println!("{:<34} {:>20} {:>20} {:>20}", "", "chat of 156 B", "chat of 1 KiB", "16 KiB");
    let messages = [156, 1_024, 16_384].map(|len| (0..MESSAGES).map(|at| chat(at, len)).collect::<Vec<_>>());
    let rows: [(&str, &dyn Fn(&[String]) -> (f64, f64)); 9] = [
        ("sent plain, prepared", &|messages| prepared(messages, None)),
        ("sent compressed once for all", &|messages| prepared(messages, Some(Context::ALONE))),
        ("compressed each, level 6", &|messages| deflated(messages, Context::ALONE, 6)),
        ("with takeover, level 1", &|messages| deflated(messages, Context::SHARED, 1)),
        ("with takeover, level 6", &|messages| deflated(messages, Context::SHARED, 6)),
        ("with takeover, flate2, level 1", &|messages| flate2(messages, 1)),
        ("with takeover, flate2, level 6", &|messages| flate2(messages, 6)),
        ("read without takeover", &|messages| inflated(messages, Context::ALONE)),
        ("read with takeover", &|messages| inflated(messages, Context::SHARED)),
    ];
    for (name, measure) in rows {
        let cells = messages.iter().map(|messages| {
            let rounds = (0..rounds).map(|_| measure(messages));
            let (time, share) = rounds.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or_default();
            format!("{time:>11.0} ns {:>3.0} %", share * 100.0)
        });
        println!("{name:<34} {:>20}", cells.collect::<Vec<_>>().join("  "));
    }
}

fn config() -> Config {
    let mut config = Config::default();
    config.min_len = 0;
    config
}

fn prepared(messages: &[String], context: Option<Context>) -> (f64, f64) {
    let mut agreed = Agreed::default();
    agreed.deflate = context.map(|context| Params { server: context, client: context });
    let shared = Arc::new(ws::Config::default());
    let mut all: Vec<_> = (0..CONNECTIONS).map(|_| Connection::server(Arc::clone(&shared), &agreed, NOW)).collect();
    let mut compressor = Compressor::new(&config());
    let mut bytes = 0;
    let start = thread_time();
    for message in messages {
        let mut prepared = Prepared::text(message);
        if context.is_some() {
            prepared.compress(&mut compressor);
        }
        for connection in &mut all {
            connection.send_shared(NOW, &prepared).expect("there is room");
            bytes += connection.poll_transmit().map_or(0, |piece| piece.len());
        }
    }
    let time = thread_time() - start;
    result(time, bytes, messages, CONNECTIONS)
}

fn deflated(messages: &[String], context: Context, level: u8) -> (f64, f64) {
    let mut config = config();
    config.level = level;
    let mut all: Vec<_> = (0..WINDOWS).map(|_| Deflater::new(context, &config)).collect();
    let (mut bytes, mut out) = (0, Vec::new());
    let start = thread_time();
    for message in messages {
        for deflater in &mut all {
            out.clear();
            bytes += if deflater.deflate(message.as_bytes(), &mut out) { out.len() } else { message.len() };
        }
    }
    result(thread_time() - start, bytes, messages, WINDOWS)
}

fn flate2(messages: &[String], level: u32) -> (f64, f64) {
    let mut all: Vec<_> = (0..WINDOWS).map(|_| Compress::new(Compression::new(level), false)).collect();
    let (mut bytes, mut out) = (0, Vec::with_capacity(64 << 10));
    let start = thread_time();
    for message in messages {
        for compress in &mut all {
            out.clear();
            compress.compress_vec(message.as_bytes(), &mut out, FlushCompress::Sync).expect("there is room");
            bytes += out.len() - 4;
        }
    }
    result(thread_time() - start, bytes, messages, WINDOWS)
}

fn inflated(messages: &[String], context: Context) -> (f64, f64) {
    let mut deflater = Deflater::new(context, &config());
    let compressed = messages.iter().filter_map(|message| {
        let mut payload = Vec::new();
        deflater.deflate(message.as_bytes(), &mut payload).then_some(payload)
    });
    let payloads: Vec<Vec<u8>> = compressed.collect();
    let mut all: Vec<_> = (0..WINDOWS).map(|_| Inflater::new(context, &config(), 1 << 20)).collect();
    let mut bytes = 0;
    let start = thread_time();
    for payload in &payloads {
        for inflater in &mut all {
            bytes += payload.len();
            inflater
                .inflate(payload, true, |piece| {
                    std::hint::black_box(piece);
                    Ok(())
                })
                .expect("it is good");
        }
    }
    result(thread_time() - start, bytes, messages, WINDOWS)
}

fn result(time: f64, bytes: usize, messages: &[String], each: usize) -> (f64, f64) {
    let whole: usize = messages.iter().map(String::len).sum();
    (time * 1e9 / (messages.len() * each) as f64, bytes as f64 / (whole * each) as f64)
}

/// A chat message of about so many bytes.
fn chat(number: usize, len: usize) -> String {
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
    let head = format!(
        r#"{{"id":"5f3a9c1b-{number}","room":"general","user":"user-{}","at":"2026-11-21T18:00:{:02}Z","text":""#,
        number % 7,
        number % 60
    );
    let mut random = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut text = head;
    while text.len() + 2 < len {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        text.push_str(WORDS[(random % 16) as usize]);
    }
    text.truncate(len - 2);
    text.push_str("\"}");
    text
}

fn thread_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
