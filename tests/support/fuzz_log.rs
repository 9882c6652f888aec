//! The body of the fuzz target of the log: anything that can happen to it, beside the naive log.

use crate::log_play::{AnyStart, Step, play};

/// Runs a script: a letter, and as many bytes as it takes, of which the low bits of letters and digits count.
///
/// `p` topic length: a publication, `P` topic topic topic length: one to three topics, `w`: as `p`, watched, `i` topic length id: with an id of
/// its own. `l`, `o` topic: a reader from the head, from the oldest; `a` topic back: after a position, `m` topic topic back: of two topics; `t` topic
/// id: after an own id. `r` reader bytes: it reads, `n` reader: has written, `x`, `c`, `s` reader: is closed, comes back, skips to the latest. `g` topic, six numbers:
/// bounds, `d` topic: it is removed, `+` seconds: they pass. Everything else is nothing.
pub fn log(input: &[u8]) {
    let mut left = input.iter().take(2_000).copied();
    let mut steps = Vec::new();
    while let Some(letter) = left.next() {
        let mut next = || left.next().unwrap_or(0);
        let mut topic = || next() % 6;
        steps.push(match letter {
            b'p' => Step::Publish { topics: vec![topic()], len: 1 + next() % 60, own: None, watch: false },
            b'P' => {
                Step::Publish { topics: vec![topic(), topic(), topic()], len: 1 + next() % 60, own: None, watch: true }
            }
            b'w' => Step::Publish { topics: vec![topic()], len: 1 + next() % 60, own: None, watch: true },
            b'i' => Step::Publish { topics: vec![topic()], len: 1 + next() % 60, own: Some(next()), watch: false },
            b'l' => Step::Open { topics: vec![topic()], start: AnyStart::Live },
            b'o' => Step::Open { topics: vec![topic()], start: AnyStart::Oldest },
            b'a' => Step::Open { topics: vec![topic()], start: AnyStart::After(next()) },
            b'm' => Step::Open { topics: vec![topic(), topic()], start: AnyStart::After(next()) },
            b't' => Step::Open { topics: vec![topic()], start: AnyStart::Own(next()) },
            b'r' => Step::Read { reader: next(), max: next() },
            b'n' => Step::Write { reader: next() },
            b'x' => Step::Close { reader: next() },
            b'c' => Step::Resume { reader: next() },
            b's' => Step::Skip { reader: next() },
            b'g' => Step::Configure { topic: topic(), bounds: [next(), next(), next(), next(), next()], then: next() },
            b'd' => Step::Remove { topic: topic() },
            b'+' => Step::Wait { secs: next() % 4 },
            _ => continue,
        });
    }
    play(steps);
}
