//! Handshakes in memory: what client and server make of each other, and what is said of it.

use std::io;

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, date_time_ymd};
use rustls::{ClientConnection, ServerConnection};

use self::authority::{Authority, Issued};
use crate::{Client, Error, Server, explain, explain_io, server_name};

#[allow(unreachable_pub, reason = "elsewhere it is part of a library")]
#[path = "../../../tests/support/authority.rs"]
mod authority;

#[test]
fn a_handshake_settles_http_1_1_and_tells_the_name() {
    let authority = Authority::new();
    let (client, server) = shake(&trusting(&authority), &served(&authority.issue(&["one.test"])), "one.test");
    assert_eq!(client.expect("agrees").alpn_protocol(), Some(b"http/1.1".as_slice()));
    let server = server.expect("agrees");
    assert_eq!(server.alpn_protocol(), Some(b"http/1.1".as_slice()));
    assert_eq!(server.server_name(), Some("one.test"));
}

#[test]
fn an_address_is_verified_and_no_name_is_sent_for_it() {
    let authority = Authority::new();
    for host in ["127.0.0.1", "[::1]"] {
        let server = served(&authority.issue(&["127.0.0.1", "::1"]));
        let (client, server) = shake(&trusting(&authority), &server, host);
        client.expect("agrees");
        assert_eq!(server.expect("agrees").server_name(), None);
    }
}

#[test]
fn roots_of_ones_own_stand_beside_the_webs_or_alone() {
    let authority = Authority::new();
    let server = served(&authority.issue(&["one.test"]));
    let both = Client::with_roots_pem(authority.pem().as_bytes()).expect("roots");
    shake(&both, &server, "one.test").0.expect("agrees");
    shake(&Client::webpki(), &server, "one.test").0.expect_err("does not know the issuer");
}

#[test]
fn a_file_of_roots_may_hold_several_and_text() {
    let (one, two) = (Authority::new(), Authority::new());
    let file = format!("# one\n{}\n# and another\n{}", one.pem(), two.pem());
    let client = Client::only_roots_pem(file.as_bytes()).expect("roots");
    for authority in [one, two] {
        shake(&client, &served(&authority.issue(&["one.test"])), "one.test").0.expect("agrees");
    }
}

#[test]
fn an_unknown_issuer_is_explained() {
    let server = served(&Authority::new().issue(&["one.test"]));
    let (client, server) = shake(&trusting(&Authority::new()), &server, "one.test");
    assert_eq!(
        said(client),
        "the certificate's issuer is not trusted; for a CA of your own, give its certificate (PEM) as a root"
    );
    assert_eq!(said(server), "the peer refused TLS: it does not trust the certificate of this side (UnknownCA)");
}

#[test]
fn an_authority_of_the_same_name_is_explained() {
    let server = served(&Authority::named("staging").issue(&["one.test"]));
    let text = said(shake(&trusting(&Authority::named("staging")), &server, "one.test").0);
    assert!(text.contains("another authority of the same name"), "{text}");
}

#[test]
fn a_wrong_name_is_explained_with_both() {
    let authority = Authority::new();
    let server = served(&authority.issue(&["one.test", "*.two.test", "127.0.0.1"]));
    assert_eq!(
        said(shake(&trusting(&authority), &server, "three.test").0),
        "the certificate is for one.test, *.two.test, 127.0.0.1, not for three.test"
    );
    let many = ["a.test", "b.test", "c.test", "d.test", "e.test", "f.test"];
    assert_eq!(
        said(shake(&trusting(&authority), &served(&authority.issue(&many)), "g.test").0),
        "the certificate is for a.test, b.test, c.test, d.test and 2 more, not for g.test"
    );
}

#[test]
fn times_of_validity_are_explained() {
    let authority = Authority::new();
    let expired = authority.issue_with(&["one.test"], |params| params.not_after = date_time_ymd(2020, 1, 1));
    let text = said(shake(&trusting(&authority), &served(&expired), "one.test").0);
    assert!(text.starts_with("the certificate expired ") && text.contains(" days ago; "), "{text}");
    let early = authority.issue_with(&["one.test"], |params| params.not_before = date_time_ymd(3000, 1, 1));
    let text = said(shake(&trusting(&authority), &served(&early), "one.test").0);
    assert!(text.starts_with("the certificate is not valid before ") && text.contains(" days from now; "), "{text}");
}

#[test]
fn a_cas_certificate_and_one_for_another_purpose_are_explained() {
    let mut params = CertificateParams::new(vec!["one.test".to_owned()]).expect("names");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let own = params.self_signed(&key).expect("signs").pem();
    let server = served(&Issued { chain: own, key: key.serialize_pem() });
    let text = said(shake(&trusting(&Authority::new()), &server, "one.test").0);
    assert!(text.starts_with("the server's own certificate is a CA's"), "{text}");

    let authority = Authority::new();
    let purpose = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let client_only = authority.issue_with(&["one.test"], |params| params.extended_key_usages = purpose);
    let text = said(shake(&trusting(&authority), &served(&client_only), "one.test").0);
    assert!(text.starts_with("the certificate is not one for servers"), "{text}");
}

#[test]
fn what_is_not_tls_is_explained() {
    let mut client = client(&Client::webpki(), "one.test");
    let mut answer = b"HTTP/1.1 400 Bad Request\r\n\r\n".as_slice();
    client.read_tls(&mut answer).expect("reads");
    let error = client.process_new_packets().expect_err("is not TLS");
    assert_eq!(&*explain(&error), "what answers does not speak TLS; is it a port for http://?");
    let wrapped = io::Error::new(io::ErrorKind::InvalidData, error);
    assert_eq!(&*explain_io(&wrapped), "what answers does not speak TLS; is it a port for http://?");
    assert!(explain_io(&io::ErrorKind::UnexpectedEof.into()).contains("ended the connection in the handshake"));
}

#[test]
fn a_server_without_http_1_1_is_explained() {
    let authority = Authority::new();
    let mut config = rustls::ServerConfig::clone(served(&authority.issue(&["one.test"])).config());
    config.alpn_protocols = vec![b"h2".to_vec()];
    let client = client(&trusting(&authority), "one.test");
    let server = ServerConnection::new(config.into()).expect("a configuration");
    let text = said(shaken(client, server).0);
    assert_eq!(text, "the peer refused TLS: it does not speak HTTP/1.1 over TLS (ALPN) (NoApplicationProtocol)");
}

#[test]
fn explanations_are_short_and_harmless() {
    let error = rustls::Error::General("\u{1b}[31m".to_owned() + &"é".repeat(1000));
    let text = explain(&error);
    assert!(text.len() <= 512 && !text.contains('\u{1b}'), "{text}");
}

#[cfg(feature = "insecure")]
#[test]
fn insecure_takes_any_certificate_but_not_without_its_key() {
    let server = served(&Authority::new().issue(&["other.test"]));
    shake(&Client::insecure(), &server, "one.test").0.expect("agrees");
}

#[test]
fn what_cannot_be_used_is_named() {
    let authority = Authority::new();
    let Issued { chain, key } = authority.issue(&["one.test"]);
    let (chain, key) = (chain.as_bytes(), key.as_bytes());
    let root = |pem: &[u8]| Client::only_roots_pem(pem).map(drop);
    assert_eq!(root(b""), Err(Error::NoCertificate));
    assert_eq!(root(b"hello"), Err(Error::NoCertificate));
    assert_eq!(root(key), Err(Error::KeyForCertificate));
    assert_eq!(root(&[0x30, 0x82, 0, 0]), Err(Error::Der));
    assert!(matches!(root(&chain[..200]), Err(Error::Pem(_))));
    let garbage = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(matches!(root(garbage), Err(Error::Certificate(1, _))));

    let serve = |chain: &[u8], key: &[u8]| Server::from_pem(chain, key).map(drop);
    assert_eq!(serve(chain, key), Ok(()));
    assert_eq!(serve(key, chain), Err(Error::KeyForCertificate));
    assert_eq!(serve(chain, chain), Err(Error::CertificateForKey));
    assert_eq!(serve(chain, b""), Err(Error::NoKey));
    assert_eq!(serve(chain, authority.issue(&["one.test"]).key.as_bytes()), Err(Error::KeyMismatch));
    let encrypted = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    assert_eq!(serve(chain, encrypted), Err(Error::EncryptedKey));
    let broken = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    assert!(matches!(serve(chain, broken), Err(Error::Key(_))));
    assert!(matches!(serve(garbage, key), Err(Error::Certificate(1, _))));
}

#[test]
fn chain_and_key_may_be_one_file() {
    let Issued { chain, key } = Authority::new().issue(&["one.test"]);
    let file = key + &chain;
    Server::from_pem(file.as_bytes(), file.as_bytes()).expect("both are in it");
}

fn trusting(authority: &Authority) -> Client {
    Client::only_roots_pem(authority.pem().as_bytes()).expect("roots")
}

fn served(issued: &Issued) -> Server {
    Server::from_pem(issued.chain.as_bytes(), issued.key.as_bytes()).expect("chain and key")
}

fn said<T: std::fmt::Debug>(result: Result<T, rustls::Error>) -> String {
    explain(&result.expect_err("fails")).into()
}

fn client(client: &Client, host: &str) -> ClientConnection {
    ClientConnection::new(client.config().clone(), server_name(host).expect("a name")).expect("a configuration")
}

type Shaken = (Result<ClientConnection, rustls::Error>, Result<ServerConnection, rustls::Error>);

fn shake(with: &Client, server: &Server, host: &str) -> Shaken {
    shaken(client(with, host), ServerConnection::new(server.config().clone()).expect("a configuration"))
}

/// Hands the bytes of each to the other until both are content, or one is not and the other has heard of it.
fn shaken(mut client: ClientConnection, mut server: ServerConnection) -> Shaken {
    let (mut client_says, mut server_says) = (Ok(()), Ok(()));
    for _ in 0..8 {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).expect("a vector takes all");
        }
        server_says = server_says.and(hear(&mut server, &bytes));
        bytes.clear();
        while server.wants_write() {
            server.write_tls(&mut bytes).expect("a vector takes all");
        }
        client_says = client_says.and(hear(&mut client, &bytes));
    }
    (client_says.map(|()| client), server_says.map(|()| server))
}

fn hear<D>(side: &mut rustls::ConnectionCommon<D>, mut bytes: &[u8]) -> Result<(), rustls::Error> {
    while !bytes.is_empty() {
        side.read_tls(&mut bytes).expect("a slice gives all");
        side.process_new_packets()?;
    }
    Ok(())
}
