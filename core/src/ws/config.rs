use core::time::Duration;

/// Limits and timing of a connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Limits of what is received.
    pub limits: Limits,
    /// Whether text messages are taken. Default true; where they are not, a peer that sends one is told 1003.
    pub accept_text: bool,
    /// Whether binary messages are taken. Default true; where they are not, a peer that sends one is told 1003.
    pub accept_binary: bool,
    /// How many bytes are kept, besides one chunk of the driver, while the application takes no events and the driver hands over more
    /// nevertheless. Default 64 KiB; more is 1008.
    pub max_unread: usize,
    /// After how long without a byte from the peer it is pinged. Default 30 s; `None`: never.
    pub ping_interval: Option<Duration>,
    /// How long the peer may be silent after such a ping has left; then it is lost. Any byte is a sign of life. Default 20 s.
    pub pong_timeout: Duration,
    /// How long the peer's close frame, or its fault, waits for an application that is at work on what came before
    /// ([`Connection::set_at_work`](super::Connection::set_at_work)), so that its answer leaves first. Default 100 ms.
    pub end_wait: Duration,
    /// How long the peer may take to answer a close frame, and then to end the connection; then it is dropped. Default 5 s.
    pub close_timeout: Duration,
    /// How long the peer may take nothing of what waits for it; then it is lost. Default 30 s. What is long leaves in pieces of 64 KiB,
    /// each of which has this time.
    pub write_timeout: Duration,
    /// How many messages and pings may wait to be sent. Default 256; more is an error of who sends.
    pub max_queued_frames: usize,
    /// How many bytes of frames may wait to be sent. Default 1 MiB; more is an error of who sends. A message that is longer is sent if
    /// nothing else waits.
    pub max_queued_bytes: usize,
    /// Longest payload of a data frame that is sent, in bytes; longer messages go in several frames, and pongs between them. Default
    /// `None`: a frame each.
    pub fragment: Option<usize>,
    /// Whether and how messages are compressed, if the peer agrees. Default `None`: they are not.
    #[cfg(feature = "deflate")]
    pub deflate: Option<super::deflate::Config>,
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
            accept_text: true,
            accept_binary: true,
            max_unread: 64 << 10,
            ping_interval: Some(Duration::from_secs(30)),
            pong_timeout: Duration::from_secs(20),
            end_wait: Duration::from_millis(100),
            close_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(30),
            max_queued_frames: 256,
            max_queued_bytes: 1 << 20,
            fragment: None,
            #[cfg(feature = "deflate")]
            deflate: None,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_frame: 1 << 20, max_message: 1 << 20, max_fragments: 4096 }
    }
}
