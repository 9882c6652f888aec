use std::fmt::Write;
use std::io;

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

/// Says in a sentence what failed in TLS and, where something can be done, what. At most 512 bytes, nothing that a terminal
/// would obey in it, though the peer has a say.
pub fn explain(error: &Error) -> Box<str> {
    let text = match error {
        Error::InvalidCertificate(error) => certificate(error),
        Error::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion) => {
            "what answers does not speak TLS; is it a port for http://?".into()
        }
        Error::AlertReceived(alert) => refused(*alert),
        Error::PeerIncompatible(what) => {
            format!("the peer and this side have no TLS in common ({what:?}); TLS 1.2 and 1.3 are spoken here")
        }
        Error::NoApplicationProtocol => "the peer does not speak HTTP/1.1 over TLS (ALPN)".into(),
        Error::General(text) => text.clone(),
        error => error.to_string(),
    };
    bounded(&text)
}

/// Does what [`explain`] does, for the error of a stream: that of TLS within it, or its own.
pub fn explain_io(error: &io::Error) -> Box<str> {
    if let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref()) {
        return explain(inner);
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::WriteZero => {
            "the peer ended the connection in the handshake; does it speak TLS on this port?".into()
        }
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
            "the peer reset the connection in the handshake; does it speak TLS on this port?".into()
        }
        _ => bounded(&error.to_string()),
    }
}

fn certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer => {
            "the certificate's issuer is not trusted; for a CA of your own, give its certificate (PEM) as a root".into()
        }
        CertificateError::ExpiredContext { time, not_after } => {
            let ago = span(time.as_secs().saturating_sub(not_after.as_secs()));
            format!("the certificate expired {ago} ago; the server needs a new one, or this machine's clock is wrong")
        }
        CertificateError::Expired => {
            "the certificate has expired; the server needs a new one, or this machine's clock is wrong".into()
        }
        CertificateError::NotValidYetContext { time, not_before } => {
            let from = span(not_before.as_secs().saturating_sub(time.as_secs()));
            format!("the certificate is not valid before {from} from now; is this machine's clock right?")
        }
        CertificateError::NotValidYet => "the certificate is not valid yet; is this machine's clock right?".into(),
        CertificateError::NotValidForNameContext { expected, presented } => {
            format!("the certificate is for {}, not for {}", names(presented), expected.to_str())
        }
        CertificateError::NotValidForName => "the certificate is for another name than the server's".into(),
        CertificateError::BadSignature => {
            "the certificate is not signed by the root that it names: another authority of the same name?".into()
        }
        CertificateError::Revoked => "the certificate was revoked".into(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "the certificate is not one for servers (its extended key usage lacks server authentication)".into()
        }
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "the server's own certificate is a CA's, as `openssl req -x509` makes it; \
             make one with basicConstraints=CA:FALSE"
                .into()
        }
        CertificateError::Other(other) if other.to_string().contains("UnsupportedCertVersion") => {
            "the certificate is of X.509 version 1; make one of version 3, with the server's name in subjectAltName"
                .into()
        }
        error => format!("the certificate is not valid: {error}"),
    }
}

fn refused(alert: AlertDescription) -> String {
    let what = match alert {
        AlertDescription::HandshakeFailure
        | AlertDescription::ProtocolVersion
        | AlertDescription::InsufficientSecurity => {
            "it has no version or cipher in common with this side, which speaks TLS 1.2 and 1.3"
        }
        AlertDescription::UnrecognisedName => "it does not know the name that was asked for",
        AlertDescription::NoApplicationProtocol => "it does not speak HTTP/1.1 over TLS (ALPN)",
        AlertDescription::CertificateRequired => {
            "it wants a client certificate; give one in a rustls configuration of your own"
        }
        AlertDescription::UnknownCA | AlertDescription::BadCertificate | AlertDescription::CertificateUnknown => {
            "it does not trust the certificate of this side"
        }
        AlertDescription::CertificateExpired => "the certificate of this side has expired",
        AlertDescription::AccessDenied => "access is denied",
        _ => "",
    };
    match what {
        "" => format!("the peer refused TLS with the alert {alert:?}"),
        what => format!("the peer refused TLS: {what} ({alert:?})"),
    }
}

/// The names of a certificate: the first few of what may be hundreds.
fn names(presented: &[String]) -> String {
    let mut text = String::new();
    for name in presented.iter().take(NAMES) {
        // rustls writes `DnsName("example.com")` and `IpAddress(127.0.0.1)`.
        let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
        let comma = if text.is_empty() { "" } else { ", " };
        let _ = write!(text, "{comma}{}", inner.trim_matches('"'));
    }
    match presented.len() {
        0 => "no name at all (no subjectAltName)".into(),
        count if count > NAMES => format!("{text} and {} more", count - NAMES),
        _ => text,
    }
}

fn span(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..MINUTE => (seconds, "second"),
        MINUTE..HOUR => (seconds / MINUTE, "minute"),
        HOUR..DAY => (seconds / HOUR, "hour"),
        _ => (seconds / DAY, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

fn bounded(text: &str) -> Box<str> {
    let mut escaped = String::new();
    for character in text.chars() {
        let plain = !character.is_control();
        let next = if plain { character } else { char::REPLACEMENT_CHARACTER };
        if escaped.len() + next.len_utf8() > MAX {
            break;
        }
        escaped.push(next);
    }
    escaped.into()
}

/// Longest explanation, in bytes.
const MAX: usize = 512;

const NAMES: usize = 4;
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
