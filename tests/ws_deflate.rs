//! permessage-deflate (RFC 7692): compressed messages, octet by octet, and what both ends agree on.

use tidewire_core::ws::Error;
use tidewire_core::ws::deflate::{Config, Context, Deflater, Inflater};

const HELLO: [u8; 7] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];

#[test]
fn the_examples_of_the_rfc_are_read() {
    // §7.2.3.1, §7.2.3.3, §7.2.3.4, §7.2.3.5.
    for payload in [
        &HELLO[..],
        &[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00],
        &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
        &[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00],
    ] {
        for takeover in [false, true] {
            assert_eq!(inflate(&mut inflater(takeover), payload), Ok(b"Hello".to_vec()), "{payload:x?}");
        }
    }
    // §7.2.3.6.
    assert_eq!(inflate(&mut inflater(true), &[0x00]), Ok(vec![]));
}

#[test]
fn hello_becomes_what_the_rfc_shows() {
    let mut deflater = Deflater::new(Context::SHARED, &every());
    let mut out = Vec::new();
    assert!(deflater.deflate(b"Hello", &mut out));
    assert_eq!(out, HELLO);
    // §7.2.3.2: "Note that the second message is smaller".
    out.clear();
    assert!(deflater.deflate(b"Hello", &mut out));
    assert_eq!(out, [0xf2, 0x00, 0x11, 0x00, 0x00]);
    // §7.2.3.6.
    out.clear();
    assert!(deflater.deflate(b"", &mut out));
    assert_eq!(out, [0x00]);
}

fn every() -> Config {
    let mut config = Config::default();
    config.min_len = 0;
    config
}

fn inflater(takeover: bool) -> Inflater {
    Inflater::new(Context { takeover, ..Context::ALONE }, &Config::default(), 1 << 20)
}

fn inflate(inflater: &mut Inflater, payload: &[u8]) -> Result<Vec<u8>, Error> {
    let mut message = Vec::new();
    inflater.inflate(payload, true, |piece| {
        message.extend_from_slice(piece);
        Ok(())
    })?;
    Ok(message)
}
