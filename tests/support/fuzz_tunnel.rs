//! Body of the fuzz target for `client::Tunnel`: whatever a proxy answers, the tunnel keeps the contract, and cuts change
//! nothing.
//!
//! The first line of an input says how to cut what follows ([`fuzz::chunks`]), which is what the proxy sends.

use tidewire_core::client::{Config, ConnectError, Proxies, Proxy, Tunnel};
use tidewire_core::{Closing, Instant, Protocol};

use crate::client::Client;
use crate::fuzz;

/// Plays `input` with its cuts and without, each with an end of the stream after it and without, and compares.
pub fn tunnel(input: &[u8]) {
    let (lengths, answer) = fuzz::split_line(input);
    for ends in [false, true] {
        let whole = play(small(), answer, &[], ends);
        let cut = play(small(), answer, lengths, ends);
        assert_eq!(cut, whole, "cuts change nothing");
    }
}

/// Returns the last event of a tunnel that is given `answer` in pieces of these lengths, and what becomes of the socket.
pub fn outcome(tunnel: Tunnel, answer: &[u8], lengths: &[u8]) -> (Option<Result<(), ConnectError>>, Closing) {
    play(tunnel, answer, lengths, false)
}

fn play(mut tunnel: Tunnel, answer: &[u8], lengths: &[u8], ends: bool) -> (Option<Result<(), ConnectError>>, Closing) {
    let now = Instant::START;
    let mut last = None;
    let mut closing = Closing::No;
    for piece in fuzz::chunks(answer, lengths) {
        tunnel.handle_input(now, piece);
        while let Some(event) = tunnel.poll_event() {
            assert!(!matches!(last, Some(Err(_))), "nothing follows a failure");
            assert!(event.is_err() || last.is_none(), "it opens once");
            last = Some(event);
        }
        assert!(tunnel.closing() >= closing, "closing never goes back");
        closing = tunnel.closing();
        assert_eq!(closing == Closing::Abort, matches!(last, Some(Err(_))));
        assert_eq!(tunnel.poll_timeout(), None);
    }
    if ends {
        tunnel.handle_eof(now);
        last = tunnel.poll_event().or(last);
        assert!(last.is_some(), "after the end it is known");
    }
    let told = last.clone().map_or(String::new(), |told| format!("{told:?}"));
    assert!(told.len() < 200, "what a proxy says is not repeated: {told}");
    (last, tunnel.closing())
}

/// A tunnel with limits that an input reaches.
fn small() -> Tunnel {
    let mut config = Config::new("https://a.test/".parse().expect("a good URL"));
    config.proxies = Proxies::all(Proxy::parse("u:p@proxy.test").expect("a proxy"));
    config.head_limits.max_bytes = 100;
    config.head_limits.max_fields = 5;
    Client::stepwise(config).connects.pop().and_then(|connect| connect.tunnel).expect("https by a proxy")
}
