//! URLs and the resolving of references beside the crate `url`, which is the URL Standard: on picked inputs and on random ones.
//!
//! Where the two differ, [`refused_on_purpose`] or [`taken_on_purpose`] says why; anything else fails.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tidewire_core::http::{Url, UrlError};

type Theirs = Result<url::Url, url::ParseError>;

/// Tells whether we refuse with `error` what the standard takes.
fn refused_on_purpose(input: &str, theirs: &url::Url, error: UrlError) -> bool {
    let host = theirs.host_str().unwrap_or_default();
    match error {
        // A client here speaks nothing else.
        UrlError::Scheme => !matches!(theirs.scheme(), "http" | "https" | "ws" | "wss"),
        // RFC 9110 §4.2.4: userinfo "is deprecated"; a recipient "SHOULD […] treat its presence as an error". So where it is empty.
        UrlError::Userinfo => input.contains('@'),
        // Nothing listens there.
        UrlError::Port => theirs.port() == Some(0),
        // The tables of IDNA are larger than all of the core; whoever has such a name has its ASCII form.
        UrlError::HostNotAscii => !percent_decoded(input).is_ascii(),
        // Nothing on the internet has such a name, and a comma in `Host` reads like two fields.
        UrlError::Host => !host.starts_with('[') && host.bytes().any(|byte| b"!\"$&'()*+,;=`{}~".contains(&byte)),
        _ => false,
    }
}

/// Tells whether we take what `url` refuses with `error`.
fn taken_on_purpose(input: &str, ours: &Url, error: url::ParseError) -> bool {
    match error {
        // An `xn--` that is no Punycode: no resolver will find that name.
        url::ParseError::IdnaError => ours.host().split('.').any(|label| label.starts_with("xn--")),
        // A fault of `url`, for references only: URL Standard §4.4, relative slash state, goes to the special authority ignore slashes
        // state at a second slash, and there any number of them may follow.
        url::ParseError::EmptyHost => leading_slashes(input) > 2,
        _ => false,
    }
}

/// Counts the slashes before the host, in what is left when tabs and line ends are taken out.
fn leading_slashes(input: &str) -> usize {
    let input: String =
        input.trim_matches(|char| char <= ' ').chars().filter(|char| !"\t\r\n".contains(*char)).collect();
    let lower = input.to_ascii_lowercase();
    let rest =
        ["http:", "https:", "ws:", "wss:"].iter().find_map(|scheme| lower.strip_prefix(scheme)).unwrap_or(&lower);
    rest.len() - rest.trim_start_matches(['/', '\\']).len()
}

fn compare(input: &str, ours: Result<Url, UrlError>, theirs: Theirs) {
    match (ours, theirs) {
        (Err(_), Err(_)) => {}
        (Err(error), Ok(theirs)) => {
            assert!(refused_on_purpose(input, &theirs, error), "{input:?} is {theirs}, not refused with: {error}");
        }
        (Ok(ours), Err(error)) => {
            assert!(taken_on_purpose(input, &ours, error), "{input:?} is refused with: {error}, not {ours}");
        }
        (Ok(ours), Ok(theirs)) => {
            let authority = &theirs[url::Position::BeforeHost..url::Position::AfterPort];
            assert_eq!((ours.scheme(), ours.authority()), (theirs.scheme(), authority), "{input:?}");
            assert_eq!(Some(ours.port()), theirs.port_or_known_default(), "{input:?}");
            let target = &theirs[url::Position::BeforePath..url::Position::AfterQuery];
            assert_eq!(ours.target(), rfc_3986(target), "{input:?}");
        }
    }
}

fn compare_parsed(input: &str) {
    compare(input, Url::parse(input), url::Url::parse(input));
}

fn compare_joined(base: &str, reference: &str) {
    let (ours, theirs) = (Url::parse(base).expect("a base"), url::Url::parse(base).expect("a base"));
    compare(reference, ours.join(reference), theirs.join(reference));
}

#[test]
fn picked_inputs_are_read_by_the_standard() {
    for start in STARTS {
        for end in ENDS {
            let input = format!("{start}{end}");
            compare_parsed(&input);
            BASES.iter().for_each(|base| compare_joined(base, &input));
        }
    }
}

#[test]
fn what_differs_on_purpose_still_does() {
    let refused = [
        ("ftp://a/", UrlError::Scheme),
        ("http://user@a/", UrlError::Userinfo),
        ("http://@a/", UrlError::Userinfo),
        ("http://a:0/", UrlError::Port),
        ("http://bücher.example/", UrlError::HostNotAscii),
        ("http://b%C3%BCcher.example/", UrlError::HostNotAscii),
        ("http://a,b/", UrlError::Host),
    ];
    for (input, error) in refused {
        assert_eq!(Url::parse(input), Err(error), "{input}");
        assert!(url::Url::parse(input).is_ok_and(|theirs| refused_on_purpose(input, &theirs, error)), "{input}");
    }
    assert_eq!(Url::parse("http://xn--/").unwrap().host(), "xn--");
    assert_eq!(url::Url::parse("http://xn--/"), Err(url::ParseError::IdnaError));
    assert_eq!(Url::parse("http://a").unwrap().join("///b").unwrap().host(), "b");
    assert_eq!(url::Url::parse("http://a").unwrap().join("///b"), Err(url::ParseError::EmptyHost));
    let encoded = "http://a/[^|]?{`}";
    assert_eq!(Url::parse(encoded).unwrap().target(), "/%5B%5E%7C%5D?%7B%60%7D");
    assert_ne!(url::Url::parse(encoded).unwrap().path(), "/%5B%5E%7C%5D");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    #[test]
    fn random_urls_are_read_by_the_standard(input in input()) {
        compare_parsed(&input);
    }

    #[test]
    fn random_references_resolve_by_the_standard(base in select(BASES), reference in input()) {
        compare_joined(base, &reference);
    }

    #[test]
    fn random_hosts_are_read_by_the_standard(pieces in vec(select(HOST_PIECES), 1..8)) {
        compare_parsed(&format!("http://{}/", pieces.concat()));
    }
}

/// Makes URLs, references and what looks a little like them.
fn input() -> impl Strategy<Value = String> {
    let pieces = vec(prop_oneof![3 => select(PIECES), 1 => select(STARTS), 1 => select(HOST_PIECES)], 0..12);
    (select(STARTS), pieces).prop_map(|(start, pieces)| format!("{start}{}", pieces.concat()))
}

/// Percent-encodes what RFC 3986 keeps out of a path and a query.
fn rfc_3986(target: &str) -> String {
    let allowed = |char: &char| char.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@/?%".contains(*char);
    target.chars().map(|char| if allowed(&char) { char.into() } else { format!("%{:02X}", char as u32) }).collect()
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let (mut decoded, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((&byte, behind)) = rest.split_first() {
        let escape = rest.get(1..3).and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok());
        let escape = escape.filter(|_| byte == b'%');
        decoded.push(escape.unwrap_or(byte));
        rest = if escape.is_some() { &rest[3..] } else { behind };
    }
    decoded
}

const BASES: &[&str] = &[
    "http://a/b/c/d;p?q",
    "http://a",
    "https://a.b:8443/c/?d=/e",
    "https://[::1]/",
    "http://a//b//?",
    "http://127.0.0.1:8080/x",
    "ws://a/b/c?d",
    "wss://a:80/b/c",
];

const STARTS: &[&str] = &[
    "",
    "/",
    "//",
    "///",
    "\\",
    "\\\\",
    "/\\",
    "http:",
    "https:",
    "http:/",
    "http://",
    "https://",
    "http:\\\\",
    "http:///",
    "HTTP://",
    "HtTpS:",
    " http://",
    "ht\ttp://",
    "http\n://",
    "\0http://",
    "ws:",
    "wss:",
    "wss:\\\\",
    "Ws:/",
    "ftp:",
    "ftp://",
    "file:",
    "data:",
    "ws://",
    "g:",
    "1:",
    ":",
    "http",
    "http://a",
    "http://a:80",
    "https://a:443",
    "https://a:80",
    "http://a/b/",
    "//c/",
    "?",
    "#",
];

const ENDS: &[&str] = &[
    "",
    "g",
    "./g",
    "g/",
    "../g",
    "../../g",
    "../../../g",
    ".",
    "..",
    "./",
    "../",
    "g?y",
    "?y",
    "g#s",
    "#s",
    ";x",
    "g;x=1/../y",
    "g?y/../x",
    "a/..//b",
    "a//..",
    "%2e",
    "%2E%2e",
    ".%2e/g",
    "%2e.",
    "...",
    ".%2ex",
    "a\\b",
    "a\\..\\b",
    "\\..",
    "a b",
    " a ",
    "a\tb",
    "a\r\nb: c",
    "\ta",
    "a\0b",
    "a\u{7f}b",
    "käse?ä#ö",
    "日本",
    "%",
    "%4",
    "%zz",
    "%41",
    "\"<>^`{|}[]'",
    "?\"<>^`{|}[]'\\",
    "a:b",
    "a:b/c",
    "a:80",
    "a:443/",
    "a:080",
    "a:",
    "a:/",
    "a:0",
    "a:65535",
    "a:65536",
    "a:-1",
    "a:+1",
    "a:1x",
    "a:80:80",
    "user@a",
    "user:word@a",
    "@a",
    "a@b@c",
    "[::1]",
    "[::1]:80",
    "[::1",
    "::1",
    "[1:2:0:0:5:0:0:8]",
    "[::FFFF:1.2.3.4]",
    "[::1.2.3.4]",
    "[1::2%25eth0]",
    "[v1.x]",
    "[::1]x",
    "127.1",
    "0x7f.1",
    "0177.0.0.1",
    "1.2.3",
    "4294967295",
    "4294967296",
    "256",
    "1.2.3.256",
    "1.2.256.4",
    "1.2.3.4.5",
    "1.2.3.4.",
    "09",
    "0x",
    "0xg",
    "a.09",
    "a.0x1",
    "1..2",
    "a..b",
    "a.",
    ".a",
    "A.B",
    "a_b",
    "a-b",
    "a,b",
    "a*b",
    "a%2cb",
    "%61",
    "%00",
    "xn--",
    "xn--a",
    "bücher.example",
    "ａ",
];

const HOST_PIECES: &[&str] = &[
    "a",
    "B",
    "0",
    "1",
    "7",
    "9",
    "255",
    "256",
    "65536",
    "4294967295",
    "0x",
    "0X",
    "x",
    "f",
    "-",
    "_",
    ".",
    ".",
    ".",
    ":",
    "[",
    "]",
    "::",
    "%",
    "%41",
    "%2e",
    "%30",
    "%C3%BC",
    "ü",
    "xn--",
    "+",
    ",",
    "@",
];

const PIECES: &[&str] = &[
    "/", "/", "\\", ".", "..", "%2e", "%2E", "a", "b", "é", "?", "#", ":", "@", ";", "=", "&", "'", "\"", "<", ">",
    "^", "`", "{", "|", "}", "[", "]", "%", "%4", "%41", " ", "\t", "\n", "\r", "\0", "\u{7f}", "\u{85}", "日", "+",
    "~",
];
