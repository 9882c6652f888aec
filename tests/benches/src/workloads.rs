//! The streams that are parsed. All are made from a seed and are the same everywhere.

use std::fmt::Write;

use bytes::Bytes;
use tidewire_core::{Random, SplitMix64};

/// A stream by name.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// Its name.
    pub name: &'static str,
    /// Appends one event, whose number is told, to the stream.
    event: fn(u64, &mut SplitMix64, &mut String),
    /// Bytes of stream to measure with.
    pub size: usize,
    /// Bytes after which the stream repeats itself; 0 is never.
    period: usize,
}

/// All workloads.
pub const ALL: [Workload; 9] = [
    Workload { name: "llm", event: llm, size: 32 << 20, period: 0 },
    Workload { name: "llm-hot", event: llm, size: 16 << 20, period: 256 << 10 },
    Workload { name: "llm-crlf", event: llm_crlf, size: 16 << 20, period: 0 },
    Workload { name: "anthropic", event: anthropic, size: 16 << 20, period: 0 },
    Workload { name: "utf8", event: utf8, size: 16 << 20, period: 0 },
    Workload { name: "tiny", event: tiny, size: 2 << 20, period: 0 },
    Workload { name: "heartbeat", event: heartbeat, size: 4 << 20, period: 0 },
    Workload { name: "multiline", event: multiline, size: 16 << 20, period: 0 },
    Workload { name: "big", event: big, size: 16 << 20, period: 0 },
];

impl Workload {
    /// Returns the workload of that name.
    pub fn named(name: &str) -> Option<Self> {
        ALL.into_iter().find(|workload| workload.name == name)
    }

    /// Makes a stream of whole events, `size` bytes long or a little longer.
    pub fn stream(&self, size: usize) -> Bytes {
        let mut random = SplitMix64::new(7);
        let mut text = String::with_capacity(size + size / 8 + (128 << 10));
        let block = if self.period == 0 { size } else { self.period.min(size) };
        for number in 0.. {
            if text.len() >= block {
                break;
            }
            (self.event)(number, &mut random, &mut text);
        }
        let once = text.len();
        while text.len() < size {
            text.extend_from_within(..once);
        }
        Bytes::from(text)
    }
}

/// What an OpenAI-style chat completion streams: about 262 bytes an event.
fn llm(number: u64, random: &mut SplitMix64, out: &mut String) {
    let word = WORDS[random.next_u64() as usize % WORDS.len()];
    let _ = write!(
        out,
        "data: {{\"id\":\"chatcmpl-A1b2C3d4E5f6G7h8I9j0K1l2M3n4\",\"object\":\"chat.completion.chunk\",\
         \"created\":17300{:05},\"model\":\"gpt-4o-2024-08-06\",\"system_fingerprint\":\"fp_0ba0d124f1\",\
         \"choices\":[{{\"index\":0,\"delta\":{{\"content\":\" {word}\"}},\"logprobs\":null,\"finish_reason\":null}}]}}\n\n",
        number % 100_000
    );
}

fn llm_crlf(number: u64, random: &mut SplitMix64, out: &mut String) {
    let start = out.len();
    llm(number, random, out);
    let event = out.split_off(start);
    out.push_str(&event.replace('\n', "\r\n"));
}

fn anthropic(_: u64, random: &mut SplitMix64, out: &mut String) {
    let word = WORDS[random.next_u64() as usize % WORDS.len()];
    let _ = write!(
        out,
        "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\
         \"delta\":{{\"type\":\"text_delta\",\"text\":\" {word}\"}}}}\n\n"
    );
}

fn utf8(number: u64, random: &mut SplitMix64, out: &mut String) {
    let mut text = String::new();
    for _ in 0..4 {
        text.push_str(FOREIGN[random.next_u64() as usize % FOREIGN.len()]);
    }
    let _ = write!(
        out,
        "data: {{\"id\":\"chatcmpl-A1b2C3d4E5f6G7h8I9j0\",\"object\":\"chat.completion.chunk\",\"created\":17300{:05},\
         \"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":null}}]}}\n\n",
        number % 100_000
    );
}

fn tiny(_: u64, _: &mut SplitMix64, out: &mut String) {
    out.push_str("data: x\n\n");
}

/// Three comments and a small event: counted as one event.
fn heartbeat(number: u64, _: &mut SplitMix64, out: &mut String) {
    let _ = write!(out, ":\n\n:\n\n:\n\ndata: {{\"tick\":{number}}}\n\n");
}

fn multiline(number: u64, random: &mut SplitMix64, out: &mut String) {
    let _ = write!(out, "id: {number}\nevent: report\n");
    for _ in 0..50 {
        out.push_str("data: ");
        for _ in 0..10 {
            let _ = write!(out, "{:08}", random.next_u64() % 100_000_000);
        }
        out.push('\n');
    }
    out.push('\n');
}

fn big(number: u64, random: &mut SplitMix64, out: &mut String) {
    let _ = write!(out, "data: {{\"number\":{number},\"image\":\"");
    let end = out.len() + (64 << 10);
    while out.len() < end {
        let _ = write!(out, "{:016x}", random.next_u64());
    }
    out.push_str("\"}\n\n");
}

const WORDS: [&str; 12] =
    ["the", "stream", "of", "tokens", "is", "resumable", "after", "a", "reconnection", "without", "any", "loss"];

const FOREIGN: [&str; 8] =
    ["事件流", "реальное время", "実時間の流れ", "🌊🌊", "поток", "재연결", "données", "再接続👍"];
