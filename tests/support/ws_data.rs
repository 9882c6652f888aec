//! What messages of the tests of compression are of: the same octets on every machine, as much alike as what such files have.

use std::fmt::Write as _;

use tidewire_core::{Random, SplitMix64};

/// How much there is of each.
pub const LEN: usize = 192 * 1024;

/// Returns [`LEN`] octets of one kind; `json` and `html` are ASCII.
///
/// # Panics
///
/// If there is no such kind.
pub fn of(kind: &str) -> Vec<u8> {
    let mut random = SplitMix64::new(7692);
    let mut out = Vec::new();
    while out.len() < LEN {
        match kind {
            "json" => out.extend(record(&mut random).bytes()),
            "html" => out.extend(row(&mut random).bytes()),
            "prose" => out.extend(sentence(&mut random).bytes()),
            "picture" => line(out.len() / 512, &mut random, &mut out),
            "document" => object(&mut random, &mut out),
            other => panic!("no data is called {other}"),
        }
    }
    out.truncate(LEN);
    out
}

fn record(random: &mut SplitMix64) -> String {
    let (id, at) = (random.next_u64() % 100_000, random.next_u64() % 1_000_000);
    let (first, second) = (word(random), word(random));
    format!("{{\"id\": {id}, \"name\": \"{first} {second}\", \"active\": {}, \"seen\": {at}.5}},\n", id % 2 == 0)
}

fn row(random: &mut SplitMix64) -> String {
    let mut row = String::from("<tr class=\"row\">");
    for _ in 0..4 {
        let class = random.next_u64() % 3;
        let _ = write!(row, "<td class=\"cell c{class}\"><a href=\"/{0}\">{0}</a></td>", word(random));
    }
    row + "</tr>\n"
}

fn sentence(random: &mut SplitMix64) -> String {
    let words: Vec<&str> = (0..3 + random.next_u64() % 9).map(|_| word(random)).collect();
    words.join(" ").replace("oo", "ö").replace("ee", "é") + ".\r\n"
}

/// A line of 512 shades, each near the one beside it.
fn line(number: usize, random: &mut SplitMix64, out: &mut Vec<u8>) {
    for column in 0..512 {
        let noise = (random.next_u64() % 4) as usize;
        out.push((128 + (column / 4 + number / 4) % 64 + noise) as u8);
    }
}

/// Some markup around 2 KiB without order.
fn object(random: &mut SplitMix64, out: &mut Vec<u8>) {
    out.extend(format!("{} 0 obj\n<</Length 2048/Filter/FlateDecode>>\nstream\n", out.len()).bytes());
    let mut noise = [0; 2048];
    random.fill(&mut noise);
    out.extend(noise);
    out.extend(b"\nendstream\nendobj\n");
}

/// The first of these come more often than the last.
fn word(random: &mut SplitMix64) -> &'static str {
    let last = 1 + random.next_u64() as usize % WORDS.len();
    WORDS[random.next_u64() as usize % last]
}

const WORDS: [&str; 32] = [
    "the", "and", "of", "to", "in", "tide", "wire", "river", "harbour", "wave", "moon", "salt", "gull", "anchor",
    "lantern", "keel", "stern", "mast", "rope", "sail", "fog", "reef", "shore", "current", "beacon", "ferry", "pilot",
    "quay", "ebb", "flood", "neap", "spring",
];
