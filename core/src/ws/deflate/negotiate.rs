//! Which parameters both ends agree on (RFC 7692 §7.1).

use alloc::format;

use super::{Config, Context, WindowBits};
use crate::ws::{Extension, Role};

/// What both ends agreed on: how each compresses what it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Params {
    /// How the server does.
    pub server: Context,
    /// How the client does.
    pub client: Context,
}

/// The name under which the extension is registered (RFC 7692 §10).
pub const NAME: &str = "permessage-deflate";

impl Config {
    /// Returns what a client offers.
    ///
    /// It says in any case that the client's window can be made smaller.
    pub fn offer(&self) -> Extension {
        let mut offer = Extension::new(NAME);
        // RFC 7692 §7.1.1.2: a hint that the client does so whatever the answer is, which lets the server give the window back.
        add(&mut offer, CLIENT_NO_CONTEXT_TAKEOVER, !self.send.takeover);
        add(&mut offer, SERVER_NO_CONTEXT_TAKEOVER, !self.receive.takeover);
        add_bits(&mut offer, SERVER_MAX_WINDOW_BITS, Some(self.receive.bits).filter(|bits| *bits < WindowBits::MAX));
        match self.send.bits {
            WindowBits::MAX => add(&mut offer, CLIENT_MAX_WINDOW_BITS, true),
            bits => add_bits(&mut offer, CLIENT_MAX_WINDOW_BITS, Some(bits)),
        }
        offer
    }
}

impl Params {
    /// Returns how the end with this role compresses what it sends.
    pub const fn sent_by(self, role: Role) -> Context {
        match role {
            Role::Client => self.client,
            Role::Server => self.server,
        }
    }

    /// Decides, for a server, among the extensions that a client offers: takes the first offer that it can, and returns what is agreed
    /// and the extension that says so. `None`: there is none, and messages go as they are.
    ///
    /// Offers stand in the order of the client's preference (RFC 7692 §5.1). One with a parameter that is not known, stands there twice
    /// or has a value that it cannot have is declined (§7.1), and so is every other extension.
    pub fn accept(config: &Config, offered: &[Extension]) -> Option<(Self, Extension)> {
        let offers = offered.iter().filter(|extension| &*extension.name == NAME);
        Some(offers.filter_map(Wanted::of).next()?.accept(config))
    }

    /// Returns, for a client, what a server's `answer` agrees to; `None` when it may not answer this `offer` so: the handshake has
    /// failed then (RFC 7692 §7.1, §5.1).
    ///
    /// Besides what a server declines for, that is a window of the client without a value, a window larger than was asked for, and one
    /// that was asked for without takeover and has it.
    pub fn check(offer: &Extension, answer: &Extension) -> Option<Self> {
        let (asked, answer) = (Wanted::of(offer)?, Wanted::of(answer)?);
        let server = Context { takeover: !answer.server_no_takeover, bits: answer.server_bits.unwrap_or_default() };
        // RFC 7692 §7.1.1.1: "A server accepts an extension negotiation offer that includes the "server_no_context_takeover" extension
        // parameter by including the "server_no_context_takeover" extension parameter in the corresponding extension negotiation response".
        if asked.server_no_takeover && server.takeover {
            return None;
        }
        // RFC 7692 §7.1.2.1: "by including […] the "server_max_window_bits" extension parameter […] with the same or smaller value".
        if server.bits > asked.server_bits.unwrap_or_default() {
            return None;
        }
        // RFC 7692 §7.1.2.2: only where it was offered, and with a value there.
        let most = asked.client_bits.map(Option::unwrap_or_default);
        let client_bits = match (answer.client_bits, most) {
            (None, most) => most.unwrap_or_default(),
            (Some(Some(bits)), Some(most)) if bits <= most => bits,
            (Some(_), _) => return None,
        };
        let client = Context { takeover: !(asked.client_no_takeover || answer.client_no_takeover), bits: client_bits };
        Some(Self { server, client })
    }
}

/// The parameters of an offer or an answer.
#[derive(Clone, Copy, Debug, Default)]
struct Wanted {
    server_no_takeover: bool,
    client_no_takeover: bool,
    server_bits: Option<WindowBits>,
    /// With or without a value.
    client_bits: Option<Option<WindowBits>>,
}

impl Wanted {
    /// Reads parameters; `None` when one is not known, stands there twice, or has a value that it cannot have.
    fn of(extension: &Extension) -> Option<Self> {
        let mut wanted = Self::default();
        for (name, value) in &extension.params {
            let is_new = match (&**name, value.as_deref()) {
                (SERVER_NO_CONTEXT_TAKEOVER, None) => !core::mem::replace(&mut wanted.server_no_takeover, true),
                (CLIENT_NO_CONTEXT_TAKEOVER, None) => !core::mem::replace(&mut wanted.client_no_takeover, true),
                (SERVER_MAX_WINDOW_BITS, Some(bits)) => wanted.server_bits.replace(WindowBits::parse(bits)?).is_none(),
                (CLIENT_MAX_WINDOW_BITS, None) => wanted.client_bits.replace(None).is_none(),
                (CLIENT_MAX_WINDOW_BITS, Some(bits)) => {
                    wanted.client_bits.replace(Some(WindowBits::parse(bits)?)).is_none()
                }
                _ => false,
            };
            if !is_new {
                return None;
            }
        }
        Some(wanted)
    }

    /// Accepts an offer.
    fn accept(&self, config: &Config) -> (Params, Extension) {
        let server = Context {
            takeover: config.send.takeover && !self.server_no_takeover,
            bits: config.send.bits.min(self.server_bits.unwrap_or_default()),
        };
        // RFC 7692 §7.1.2.2: "If a received extension negotiation offer doesn't have the "client_max_window_bits" extension parameter, the
        // corresponding extension negotiation response to the offer MUST NOT include the "client_max_window_bits" extension parameter."
        let client_bits = self.client_bits.map(|bits| config.receive.bits.min(bits.unwrap_or_default()));
        let client = Context {
            takeover: config.receive.takeover && !self.client_no_takeover,
            bits: client_bits.unwrap_or_default(),
        };

        let mut answer = Extension::new(NAME);
        add(&mut answer, SERVER_NO_CONTEXT_TAKEOVER, !server.takeover);
        add(&mut answer, CLIENT_NO_CONTEXT_TAKEOVER, !client.takeover);
        // RFC 7692 §7.1.2.1: what was asked for is said, also if it is the largest.
        let is_said = self.server_bits.is_some() || server.bits < WindowBits::MAX;
        add_bits(&mut answer, SERVER_MAX_WINDOW_BITS, Some(server.bits).filter(|_| is_said));
        add_bits(&mut answer, CLIENT_MAX_WINDOW_BITS, client_bits.filter(|bits| *bits < WindowBits::MAX));
        (Params { server, client }, answer)
    }
}

fn add(extension: &mut Extension, name: &str, is_so: bool) {
    if is_so {
        extension.params.push((name.into(), None));
    }
}

fn add_bits(extension: &mut Extension, name: &str, bits: Option<WindowBits>) {
    if let Some(bits) = bits {
        extension.params.push((name.into(), Some(format!("{}", bits.get()).into())));
    }
}

const SERVER_NO_CONTEXT_TAKEOVER: &str = "server_no_context_takeover";
const CLIENT_NO_CONTEXT_TAKEOVER: &str = "client_no_context_takeover";
const SERVER_MAX_WINDOW_BITS: &str = "server_max_window_bits";
const CLIENT_MAX_WINDOW_BITS: &str = "client_max_window_bits";
