use core::time::Duration;

use super::Heartbeat;
use crate::http::HeadLimits;

/// Limits and timing of a [`Session`](super::Session).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Longest head and most fields of a request; beyond it the answer is 431. Default 16 KiB and 100 fields.
    pub head: HeadLimits,
    /// Longest body of a request, in bytes; beyond it the answer is 413. Default 1 MiB (nginx 1 MiB).
    pub max_body: usize,
    /// Most bytes kept of requests that come before the last one was answered; beyond it the connection is closed after that
    /// answer. A driver that heeds [`wants_input`](crate::Protocol::wants_input) reads no further than one read ahead, so that this is
    /// not reached: the peer is held back. Default 64 KiB, two reads of the drivers here.
    pub max_pipelined: usize,
    /// Most bytes ignored that the peer sends while it is given a stream. From there on no input is
    /// [wanted](crate::Protocol::wants_input); when more is given nevertheless, the stream is ended. After the last answer as much is
    /// read and ignored, or as much as a body may be. Default 64 KiB.
    pub max_ignored: usize,
    /// Most frames that wait to be sent besides publications; a [`send`](super::Session::send) beyond it is an error. Default 256.
    pub max_queued_frames: usize,
    /// Most bytes of those frames. Default 1 MiB.
    pub max_queued_bytes: usize,
    /// Time for a whole head from its first byte, and from the beginning of the connection for the first one; then the answer is
    /// 408, or none when nothing came at all. Default 10 s (nginx 60 s, node.js 60 s).
    pub head_timeout: Duration,
    /// Time for a whole body; then the answer is 408. Default 30 s.
    pub body_timeout: Duration,
    /// Time between two requests; then the connection is closed. Default 60 s (nginx 75 s, apache 5 s).
    pub idle_timeout: Duration,
    /// Time for which what is to be sent may not be taken, because the peer does not read; then the connection is dropped.
    /// Default 60 s (nginx 60 s).
    pub stall_timeout: Duration,
    /// Time for which the peer is read on after our last byte, so that it sees it, and in which it has to take the next 64 KiB of a
    /// longer last answer; then the connection is dropped. Default 5 s (nginx 5 s).
    pub linger: Duration,
    /// What keeps the streams alive that have no heartbeat of their own; `None`: nothing. Default a comment after 15 s of silence.
    pub heartbeat: Option<Heartbeat>,
    /// Longest time of a stream, if any; then it is ended, also in the middle of a replay. Default `None` (LaunchDarkly's
    /// `MaxConnTime`: off).
    pub max_stream_time: Option<Duration>,
    /// How much of [`max_stream_time`](Self::max_stream_time) may be taken away at random, in percent, so that streams that began
    /// together do not end together. Default 10.
    pub max_stream_jitter: u8,
    /// The shortest reconnection time that a reader is told when the server shuts down. Default 1 s.
    pub goodbye_retry: Duration,
    /// How much is added to it at random, so that the readers do not come back together. Default 5 s.
    pub goodbye_spread: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            head: HeadLimits::default(),
            max_body: 1 << 20,
            max_pipelined: 64 << 10,
            max_ignored: 64 << 10,
            max_queued_frames: 256,
            max_queued_bytes: 1 << 20,
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(60),
            stall_timeout: Duration::from_secs(60),
            linger: Duration::from_secs(5),
            heartbeat: Some(Heartbeat::default()),
            max_stream_time: None,
            max_stream_jitter: 10,
            goodbye_retry: Duration::from_secs(1),
            goodbye_spread: Duration::from_secs(5),
        }
    }
}
