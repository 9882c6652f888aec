//! Opening handshakes of WebSocket: the heads that keep all that RFC 6455 §4 asks, to be spoilt one requirement at a time, and a client
//! whose key is known.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::thread;

use tidewire_core::Random;
use tidewire_core::http::{Fields, Method, RequestHead, ResponseHead};
use tidewire_core::ws::{Config, Offer};

/// The key of RFC 6455 §1.3: "the sample nonce" in base64.
pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// What answers it.
pub const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The fields of a request that keeps all that is asked.
pub const ASKED: [(&str, &str); 5] = [
    ("host", "server.example.com"),
    ("upgrade", "websocket"),
    ("connection", "Upgrade"),
    ("sec-websocket-key", KEY),
    ("sec-websocket-version", "13"),
];

/// The fields of the answer.
pub const ANSWERED: [(&str, &str); 3] =
    [("upgrade", "websocket"), ("connection", "Upgrade"), ("sec-websocket-accept", ACCEPT)];

/// Returns the request, with these fields in the place of all those that are named so; a value of `None` takes one away, and a name that
/// stands twice is sent twice.
pub fn request(changes: &[(&str, Option<&str>)]) -> RequestHead {
    let mut head = RequestHead::new(Method::GET, "/chat");
    head.fields = changed(&ASKED, changes);
    head
}

/// Returns the answer, changed likewise.
pub fn response(changes: &[(&str, Option<&str>)]) -> ResponseHead {
    ResponseHead { fields: changed(&ANSWERED, changes), ..ResponseHead::new(101) }
}

fn changed(fields: &[(&str, &str)], changes: &[(&str, Option<&str>)]) -> Fields {
    let is_changed = |name: &str| changes.iter().any(|(other, _)| *other == name);
    let kept = fields.iter().copied().filter(|(name, _)| !is_changed(name));
    let mut all = Fields::new();
    for (name, value) in kept.chain(changes.iter().filter_map(|(name, value)| Some((*name, (*value)?)))) {
        all.append(name, value).expect("a field that can be sent");
    }
    all
}

/// Makes an offer with [`KEY`].
pub fn offer(protocols: &[&str], config: &Config) -> Offer {
    Offer::new(protocols, config, &mut SampleNonce).expect("subprotocols that can be offered")
}

/// Returns the fields of an offer.
pub fn fields_of(offer: &Offer) -> Fields {
    let mut fields = Fields::new();
    offer.set_fields(&mut fields);
    fields
}

/// Gives the 16 bytes of the sample, again and again.
#[derive(Debug)]
pub struct SampleNonce;

impl Random for SampleNonce {
    fn fill(&mut self, out: &mut [u8]) {
        for (to, from) in out.iter_mut().zip(b"the sample nonce".iter().cycle()) {
            *to = *from;
        }
    }
}

/// Returns the fields with the keys of two requests, which `ask` makes, and which are not answered.
pub fn two_keys(ask: impl Fn(&str)) -> [String; 2] {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("ws://{}/", listener.local_addr().expect("bound"));
    let asked = thread::spawn(move || {
        [(); 2].map(|()| {
            let (socket, _) = listener.accept().expect("accepts");
            let mut lines = BufReader::new(socket).lines().map_while(Result::ok);
            lines.find(|line| line.to_ascii_lowercase().starts_with("sec-websocket-key:")).expect("a key")
        })
    });
    ask(&url);
    ask(&url);
    asked.join().expect("two requests")
}
