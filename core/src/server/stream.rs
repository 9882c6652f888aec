use alloc::vec::Vec;
use core::time::Duration;

use super::Config;
use crate::http::{Fields, LAST_CHUNK};
use crate::log::Burst;
use crate::{Instant, Random, SplitMix64, sse};

/// An event stream that is being given.
#[derive(Debug)]
pub(super) struct Stream {
    /// Whether its end is told by a chunk, or by the end of the connection.
    pub(super) chunked: bool,
    /// After how long a silence something is sent that means nothing.
    silence: Option<Duration>,
    pub(super) keep_alive_at: Option<Instant>,
    pub(super) end_at: Option<Instant>,
    /// Bytes that the peer has sent meanwhile.
    pub(super) ignored: usize,
}

impl Stream {
    pub(super) fn new(
        config: &Config,
        keep_alive: Option<Duration>,
        random: &mut SplitMix64,
        now: Instant,
        chunked: bool,
    ) -> Self {
        let end_at = config.max_stream_time.map(|time| {
            let jitter = (time / 100).saturating_mul(config.max_stream_jitter.min(100).into());
            now + time.saturating_sub(part(jitter, random.next_u64()))
        });
        // No silence at all would be a flood.
        let silence = keep_alive.or(config.keep_alive).filter(|silence| !silence.is_zero());
        let mut stream = Self { chunked, silence, keep_alive_at: None, end_at, ignored: 0 };
        stream.note_sent(now);
        stream
    }

    /// Begins the silence anew.
    pub(super) fn note_sent(&mut self, now: Instant) {
        self.keep_alive_at = self.silence.map(|silence| now + silence);
    }

    pub(super) fn frame(&self, burst: &Burst) -> bytes::Bytes {
        if self.chunked { burst.chunk().clone() } else { burst.bytes() }
    }

    /// Appends the end of the stream to `out`, after a new reconnection time if there is one.
    pub(super) fn end(&self, retry: Option<Duration>, out: &mut Vec<u8>) {
        if let Some(retry) = retry {
            let mut bytes = Vec::new();
            sse::encode_retry(retry, &mut bytes);
            out.extend_from_slice(&self.frame(&Burst::new(&bytes)));
        }
        if self.chunked {
            out.extend_from_slice(LAST_CHUNK);
        }
    }
}

/// Draws the time after which a reader comes back when the server shuts down.
pub(super) fn goodbye(config: &Config, random: &mut SplitMix64) -> Duration {
    config.goodbye_retry.saturating_add(part(config.goodbye_spread, random.next_u64()))
}

/// Adds the fields that every event stream has, unless they are there.
pub(super) fn complete(fields: &mut Fields) {
    let usual = [
        ("content-type", sse::CONTENT_TYPE),
        ("cache-control", "no-cache, no-store, no-transform"),
        ("x-accel-buffering", "no"),
    ];
    for (name, value) in usual {
        if !fields.contains(name) {
            // Literals that are well formed.
            let _ = fields.append(name, value);
        }
    }
}

/// Returns the part of `whole` that `random` is of 2^64.
fn part(whole: Duration, random: u64) -> Duration {
    // Less than 2^94, times less than 2^32.
    let nanos = (whole.as_nanos() * u128::from(random >> 32)) >> 32;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
