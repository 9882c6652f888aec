//! Tidewire's codecs and clients beside their peers: the same streams, in the same chunks, checked to give the same events.
//!
//! In this folder, which is a workspace of its own:
//!
//! ```text
//! cargo run --release                            parsers, MB/s and share of the fastest peer (some minutes; a workload's name: only that)
//! cargo run --release --bin serialize            serializers, nanoseconds
//! cargo run --release --bin gzip                 gzip shared by all readers beside a window for each, nanoseconds, bytes and memory
//! cargo run --release --bin allocations          allocations per event
//! cargo run --release --bin client               whole clients, from the socket to the event (a client and a workload: that once)
//! cargo run --release --bin fan_out              from publish to sockets beside axum, bare tasks and bare writes (--full: half an hour)
//! cargo run --release --bin fan_out_core         the log beside channels and queues: a publication to all members, no sockets
//! cargo run --release --bin websocket            frames received and sent, and masks, nanoseconds beside the targets
//! ./instructions                                 instructions per event beside the targets, by valgrind
//! ./instructions serialize                       the same for the serializers
//! ./instructions fan-out                         the same for the log
//! ./instructions websocket                       the same for WebSocket: a masked text frame received
//! ```

pub mod clients;
pub mod counting;
pub mod fan_out;
pub mod feed;
pub mod members;
pub mod parsers;
pub mod serializers;
pub mod served;
pub mod sink;
pub mod sockets;
pub mod workloads;
