//! What the tests of Tidewire share: machine pairs under fake time, vectors, fuzz bodies, real programs and browsers.

#[path = "support/authority.rs"]
pub mod authority;
#[path = "support/canned.rs"]
pub mod canned;
#[path = "support/chromium.rs"]
pub mod chromium;
#[path = "support/client.rs"]
pub mod client;
#[path = "support/coding.rs"]
pub mod coding;
#[path = "support/command.rs"]
pub mod command;
#[path = "support/fuzz.rs"]
pub mod fuzz;
#[path = "support/fuzz_client.rs"]
pub mod fuzz_client;
#[path = "support/fuzz_coding.rs"]
pub mod fuzz_coding;
#[path = "support/fuzz_http.rs"]
pub mod fuzz_http;
#[path = "support/fuzz_server.rs"]
pub mod fuzz_server;
#[path = "support/fuzz_sse.rs"]
pub mod fuzz_sse;
#[path = "support/fuzz_tunnel.rs"]
pub mod fuzz_tunnel;
#[path = "support/naive_chunked.rs"]
pub mod naive_chunked;
#[path = "support/naive_log.rs"]
pub mod naive_log;
#[path = "support/naive_sse.rs"]
pub mod naive_sse;
#[path = "support/program.rs"]
pub mod program;
#[path = "support/proxy.rs"]
pub mod proxy;
#[path = "support/relay.rs"]
pub mod relay;
#[path = "support/sse.rs"]
pub mod sse;
#[path = "support/streams.rs"]
pub mod streams;
#[path = "support/vectors_http.rs"]
pub mod vectors_http;
#[path = "support/vectors_sse.rs"]
pub mod vectors_sse;
#[path = "support/world.rs"]
pub mod world;

/// The examples of the front page compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
#[path = "support/served.rs"]
pub mod served;
