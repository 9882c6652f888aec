//! What both ends agree on of permessage-deflate (RFC 7692 §7.1): offers, answers, and what is refused.

use proptest::prelude::*;
use tidewire_core::SplitMix64;
use tidewire_core::http::{Fields, Method, RequestHead};
use tidewire_core::ws::deflate::{Config, Context, Params, WindowBits};
use tidewire_core::ws::{self, Agreed, Extension, HandshakeError, Offer, Role, Upgrade};

#[test]
fn a_server_answers_each_offer_as_the_rfc_has_it() {
    let all = config(SHARED, SHARED);
    for (offer, answer) in [
        ("permessage-deflate", "permessage-deflate"),
        // What is asked of the server it must do, and say (§7.1.1.1, §7.1.2.1).
        ("permessage-deflate; server_no_context_takeover", "permessage-deflate; server_no_context_takeover"),
        ("permessage-deflate; server_max_window_bits=10", "permessage-deflate; server_max_window_bits=10"),
        ("permessage-deflate; server_max_window_bits=15", "permessage-deflate; server_max_window_bits=15"),
        ("permessage-deflate; server_max_window_bits=8", "permessage-deflate; server_max_window_bits=8"),
        // A value may be quoted (RFC 6455 §9.1).
        ("permessage-deflate; server_max_window_bits=\"10\"", "permessage-deflate; server_max_window_bits=10"),
        // What the client says of itself; without a value it is a hint (§7.1.1.2, §7.1.2.2).
        ("permessage-deflate; client_no_context_takeover", "permessage-deflate; client_no_context_takeover"),
        ("permessage-deflate; client_max_window_bits", "permessage-deflate"),
        ("permessage-deflate; client_max_window_bits=9", "permessage-deflate; client_max_window_bits=9"),
        ("permessage-deflate; client_max_window_bits=15", "permessage-deflate"),
        // §7.1.3: the client prefers a window of 10 bits.
        (
            "permessage-deflate; client_max_window_bits; server_max_window_bits=10, permessage-deflate; client_max_window_bits",
            "permessage-deflate; server_max_window_bits=10",
        ),
        // The first that can be accepted.
        (
            "permessage-deflate; unknown, permessage-deflate; client_no_context_takeover",
            "permessage-deflate; client_no_context_takeover",
        ),
        ("other, permessage-deflate", "permessage-deflate"),
    ] {
        assert_eq!(accept(&all, offer).map(|(_, answer)| answer).as_deref(), Some(answer), "{offer}");
    }
}

#[test]
fn a_server_declines_what_it_does_not_know_or_cannot_be() {
    for offer in [
        "",
        "x-webkit-deflate-frame",
        "permessage-deflat",
        "permessage-deflate; unknown",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_no_context_takeover=true",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=010",
        "permessage-deflate; server_max_window_bits=08",
        "permessage-deflate; server_max_window_bits=+9",
        "permessage-deflate; server_max_window_bits=10.0",
        "permessage-deflate; server_max_window_bits=265",
        "permessage-deflate; server_max_window_bits=99999999999999999999",
        "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
        "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; client_max_window_bits=16",
        "permessage-deflate; client_max_window_bits=09",
        "permessage-deflate; client_max_window_bits; client_max_window_bits=10",
        "permessage-deflate; client_max_window_bits; client_max_window_bits",
        "permessage-deflate; Server_no_context_takeover",
    ] {
        assert_eq!(accept(&config(SHARED, SHARED), offer), None, "{offer}");
    }
}

#[test]
fn a_server_says_what_it_wants_itself_where_it_may() {
    let small = config(context(false, 9), context(false, 10));
    for (offer, answer) in [
        // The client's window cannot be made smaller where it does not say so (§7.1.2.2).
        (
            "permessage-deflate",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9",
        ),
        (
            "permessage-deflate; client_max_window_bits; server_max_window_bits=12",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; \
             client_max_window_bits=10",
        ),
        (
            "permessage-deflate; client_max_window_bits=8; server_max_window_bits=8",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=8; \
             client_max_window_bits=8",
        ),
    ] {
        assert_eq!(accept(&small, offer).map(|(_, answer)| answer).as_deref(), Some(answer), "{offer}");
    }
    let (params, _) = accept(&small, "permessage-deflate").unwrap();
    assert_eq!(params, Params { server: context(false, 9), client: context(false, 15) });
    assert_eq!((params.sent_by(Role::Server), params.sent_by(Role::Client)), (params.server, params.client));
}

#[test]
fn a_client_offers_what_it_is_set_to() {
    for (config, offer) in [
        (
            Config::default(),
            "permessage-deflate; client_no_context_takeover; server_no_context_takeover; client_max_window_bits",
        ),
        (config(SHARED, SHARED), "permessage-deflate; client_max_window_bits"),
        (
            config(context(true, 10), context(true, 9)),
            "permessage-deflate; server_max_window_bits=9; client_max_window_bits=10",
        ),
    ] {
        assert_eq!(config.offer().to_string(), offer);
    }
}

#[test]
fn a_client_takes_any_answer_that_its_offer_allows() {
    let all = config(SHARED, SHARED);
    let small = config(context(false, 10), context(false, 12));
    for (config, answer, server, client) in [
        (&all, "permessage-deflate", SHARED, SHARED),
        (&all, "permessage-deflate; server_no_context_takeover", Context::ALONE, SHARED),
        (&all, "permessage-deflate; client_no_context_takeover", SHARED, Context::ALONE),
        (&all, "permessage-deflate; server_max_window_bits=8", context(true, 8), SHARED),
        (&all, "permessage-deflate; client_max_window_bits=\"8\"", SHARED, context(true, 8)),
        (
            &small,
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=12",
            context(false, 12),
            context(false, 10),
        ),
        (
            &small,
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=9; client_max_window_bits=10",
            context(false, 9),
            context(false, 10),
        ),
    ] {
        assert_eq!(check(config, answer), Some(Params { server, client }), "{answer}");
    }
}

#[test]
fn a_client_takes_no_other_answer() {
    let all = config(SHARED, SHARED);
    let small = config(context(false, 10), context(false, 12));
    for (config, answer) in [
        (&all, "permessage-deflate; unknown"),
        (&all, "permessage-deflate; server_no_context_takeover=1"),
        (&all, "permessage-deflate; server_no_context_takeover; server_no_context_takeover"),
        (&all, "permessage-deflate; client_no_context_takeover=0"),
        (&all, "permessage-deflate; server_max_window_bits"),
        (&all, "permessage-deflate; server_max_window_bits=7"),
        (&all, "permessage-deflate; server_max_window_bits=16"),
        (&all, "permessage-deflate; server_max_window_bits=09"),
        // In an answer it has a value (§7.1.2.2).
        (&all, "permessage-deflate; client_max_window_bits"),
        (&all, "permessage-deflate; client_max_window_bits=7"),
        // Not what was asked for.
        (&small, "permessage-deflate; server_max_window_bits=12"),
        (&small, "permessage-deflate; server_no_context_takeover"),
        (&small, "permessage-deflate; server_no_context_takeover; server_max_window_bits=13"),
        (
            &small,
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=12; client_max_window_bits=11",
        ),
    ] {
        assert_eq!(check(config, answer), None, "{answer}");
    }
    // A window of the client that was not offered.
    let answer = Extension::parse_all(&fields("permessage-deflate; client_max_window_bits=10")).unwrap();
    assert_eq!(Params::check(&Extension::new("permessage-deflate"), &answer[0]), None);
}

#[test]
fn off_is_the_default_on_both_ends() {
    let off = ws::Config::default();
    assert!(off.deflate.is_none());
    let (fields, result) = handshake(&off, &with(Config::default()));
    assert!(!fields.contains("sec-websocket-extensions"));
    assert_eq!(result.map(|agreed| agreed.deflate), Ok(None));
    let (fields, result) = handshake(&with(Config::default()), &off);
    assert!(!fields.contains("sec-websocket-extensions"));
    assert_eq!(result.map(|agreed| agreed.deflate), Ok(None));
}

#[test]
fn a_handshake_with_an_answer_that_was_not_allowed_has_failed() {
    for (answer, error) in [
        ("permessage-deflate; unknown", HandshakeError::ExtensionParameters),
        ("permessage-deflate, permessage-deflate", HandshakeError::RepeatedExtension),
        ("other", HandshakeError::ExtensionNotOffered),
        ("permessage-deflate;", HandshakeError::MalformedExtensions),
    ] {
        let (_, result) = handshake_with(&with(config(SHARED, SHARED)), &with(config(SHARED, SHARED)), Some(answer));
        assert_eq!(result, Err(error), "{answer}");
    }
    let (_, result) = handshake_with(&ws::Config::default(), &ws::Config::default(), Some("permessage-deflate"));
    assert_eq!(result, Err(HandshakeError::ExtensionNotOffered));
}

proptest! {
    #[test]
    fn both_ends_agree_on_the_same_and_on_no_more_than_either_wants(
        client in any_config(), server in any_config(),
    ) {
        let (head, result) = handshake(&with(client.clone()), &with(server.clone()));
        let agreed = result.expect("both are ours").deflate.expect("both want it");
        let answer = Extension::parse_all(&head).unwrap();
        prop_assert_eq!(Params::check(&client.offer(), &answer[0]), Some(agreed));
        let (accepted, _) = Params::accept(&server, &[client.offer()]).unwrap();
        prop_assert_eq!(accepted, agreed);
        prop_assert_eq!(agreed.server.takeover, server.send.takeover && client.receive.takeover);
        prop_assert_eq!(agreed.client.takeover, client.send.takeover && server.receive.takeover);
        prop_assert_eq!(agreed.server.bits, server.send.bits.min(client.receive.bits));
        prop_assert_eq!(agreed.client.bits, client.send.bits.min(server.receive.bits));
    }
}

const SHARED: Context = Context::SHARED;

fn any_config() -> impl Strategy<Value = Config> {
    let context = || (any::<bool>(), 8..=15_u8).prop_map(|(takeover, bits)| context(takeover, bits));
    (context(), context()).prop_map(|(send, receive)| config(send, receive))
}

fn config(send: Context, receive: Context) -> Config {
    let mut config = Config::default();
    (config.send, config.receive) = (send, receive);
    config
}

fn context(takeover: bool, bits: u8) -> Context {
    Context { takeover, bits: WindowBits::new(bits).unwrap() }
}

fn with(deflate: Config) -> ws::Config {
    let mut config = ws::Config::default();
    config.deflate = Some(deflate);
    config
}

fn fields(extensions: &str) -> Fields {
    let mut fields = Fields::new();
    if !extensions.is_empty() {
        fields.append("Sec-WebSocket-Extensions", extensions).unwrap();
    }
    fields
}

fn accept(config: &Config, offer: &str) -> Option<(Params, String)> {
    let (params, answer) = Params::accept(config, &Extension::parse_all(&fields(offer)).unwrap())?;
    Some((params, answer.to_string()))
}

fn check(config: &Config, answer: &str) -> Option<Params> {
    Params::check(&config.offer(), &Extension::parse_all(&fields(answer)).unwrap()[0])
}

fn handshake(client: &ws::Config, server: &ws::Config) -> (Fields, Result<Agreed, HandshakeError>) {
    handshake_with(client, server, None)
}

/// Lets a client ask a server, and returns the fields of the answer and what the client makes of it, with other extensions in its
/// place if there are any.
fn handshake_with(
    client: &ws::Config,
    server: &ws::Config,
    extensions: Option<&str>,
) -> (Fields, Result<Agreed, HandshakeError>) {
    let offer = Offer::new([""; 0], client, &mut SplitMix64::new(1)).unwrap();
    let mut head = RequestHead::new(Method::GET, "/");
    head.fields.append("host", "localhost").unwrap();
    offer.set_fields(&mut head.fields);
    let accepted = Upgrade::of(&head).unwrap().accept(None, server).unwrap();
    let agreed = accepted.agreed().clone();
    let mut head = accepted.into_head();
    if let Some(extensions) = extensions {
        head.fields.set("sec-websocket-extensions", extensions).unwrap();
    }
    let result = offer.check(&head);
    if extensions.is_none() {
        assert_eq!(result.as_ref(), Ok(&agreed));
    }
    (head.fields, result)
}
