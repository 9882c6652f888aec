//! What the tests of Tidewire share: machine pairs under fake time, vectors, fuzz bodies, real programs and browsers.

#[path = "support/chromium.rs"]
pub mod chromium;
#[path = "support/command.rs"]
pub mod command;
#[path = "support/program.rs"]
pub mod program;
#[path = "support/relay.rs"]
pub mod relay;
