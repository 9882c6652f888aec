use core::time::Duration;

/// Limits and timing of a connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Limits of what is received.
    pub limits: Limits,
    /// After how long without a frame from the peer it is pinged. Default 30 s; `None`: never.
    pub ping_interval: Option<Duration>,
    /// How long after a ping any frame of the peer may take; then it is lost. Default 20 s.
    pub pong_timeout: Duration,
    /// How long the peer may take to answer a close frame, and then to end the connection. Default 5 s.
    pub close_timeout: Duration,
    /// How long the peer may take nothing of what waits for it. Default 30 s.
    pub write_timeout: Duration,
    /// How many frames may wait to be sent. Default 256.
    pub max_queued_frames: usize,
    /// How many bytes of frames may wait to be sent. Default 1 MiB; a message that is longer is sent if nothing else waits.
    pub max_queued_bytes: usize,
    /// Longest payload of a data frame that is sent; longer messages go in several frames. Default `None`: a frame each.
    pub fragment: Option<usize>,
}

/// Limits of the messages that are received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Longest payload of a frame, in bytes as they are sent. Default 1 MiB; more is 1009.
    pub max_frame: usize,
    /// Longest message, in bytes, decompressed if it was compressed. Default 1 MiB; more is 1009.
    pub max_message: usize,
    /// Most frames of one message. Default 4,096; more is 1008.
    pub max_fragments: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            ping_interval: Some(Duration::from_secs(30)),
            pong_timeout: Duration::from_secs(20),
            close_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(30),
            max_queued_frames: 256,
            max_queued_bytes: 1 << 20,
            fragment: None,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_frame: 1 << 20, max_message: 1 << 20, max_fragments: 4096 }
    }
}
