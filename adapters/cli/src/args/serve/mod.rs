//! The arguments of `tidewire serve`.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::time::Duration;

use clap::{ArgAction, Args};
use tidewire_core::server::Access;

use super::{Runtime, count};
use crate::duration;

mod ending;
mod limits;
mod streams;

pub(crate) use ending::{Busy, Ending};
pub(crate) use limits::{Limits, OnLag};
pub(crate) use streams::{Form, Streams, When};

/// Start a server of channels, with a live page
#[derive(Debug, Args)]
#[command(after_help = SERVE_EXAMPLES)]
pub(crate) struct Serve {
    /// Where to listen; port 0 takes a free one, which the first line names
    #[arg(short, long, value_name = "ADDR", value_parser = listen, default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// Where to listen for HTTP/2 besides, without TLS, for programs that begin with it and for a proxy that has TLS; HTTP/1.1 is
    /// spoken there, too
    #[arg(long, value_name = "ADDR", value_parser = listen)]
    pub(crate) http2: Option<SocketAddr>,
    /// What carries the sockets (those of --http2: always tokio)
    #[arg(long, value_enum, default_value_t)]
    pub(crate) runtime: Runtime,
    /// Let pages of this origin use the server: `https://example.org`, a host of any scheme, `*.example.org` for all below it, or
    /// `*`; may be repeated
    #[arg(long, value_name = "ORIGIN", value_parser = origins)]
    pub(crate) allow_origin: Vec<String>,
    /// Answer only for this host, such as events.example.org, and localhost; may be repeated [default: on loopback
    /// localhost alone, else any host]
    #[arg(long, value_name = "HOST", value_parser = host)]
    pub(crate) allow_host: Vec<String>,
    /// Let those pages send cookies and the like along; each origin is named then, not *
    #[arg(long, requires = "allow_origin")]
    pub(crate) allow_credentials: bool,
    /// Log more, to standard error: -v connections, -vv everything
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) verbose: u8,

    /// Publications a channel keeps, for readers that come back
    #[arg(long, value_name = "COUNT", value_parser = count::positive::<NonZeroUsize>, default_value = "10000", help_heading = HISTORY)]
    pub(crate) history: NonZeroUsize,
    /// Bytes a channel keeps
    #[arg(long, value_name = "BYTES", value_parser = count::positive::<NonZeroUsize>, default_value = "8388608", help_heading = HISTORY)]
    pub(crate) history_bytes: NonZeroUsize,
    /// Bytes all channels keep together
    #[arg(long, value_name = "BYTES", value_parser = count::positive::<NonZeroUsize>, default_value = "268435456", help_heading = HISTORY)]
    pub(crate) history_total: NonZeroUsize,
    /// How long a channel keeps a publication
    #[arg(long, value_name = "DURATION", value_parser = duration::positive, default_value = "24h", help_heading = HISTORY)]
    pub(crate) history_age: Duration,

    #[command(flatten)]
    pub(crate) streams: Streams,
    #[command(flatten)]
    pub(crate) limits: Limits,
    #[command(flatten)]
    pub(crate) ending: Ending,
}

/// Reads an address to listen on; `localhost` and a port alone mean this machine.
fn listen(text: &str) -> Result<SocketAddr, String> {
    let local = text.strip_prefix("localhost:").or(text.strip_prefix(':')).unwrap_or(text);
    match local.parse() {
        Ok(port) => Ok((Ipv4Addr::LOCALHOST, port).into()),
        Err(_) => text.parse().map_err(|_| "write an address and a port, such as 127.0.0.1:9000 or [::1]:9000".into()),
    }
}

/// Reads which origins are meant.
fn origins(text: &str) -> Result<String, String> {
    if Access::is_origin_entry(text) {
        return Ok(text.to_owned());
    }
    Err("write an origin, a host or what is below one: https://example.org, example.org:8443, *.example.org, with no path; or *".into())
}

/// Reads an origin as browsers write it, or `*`.
pub(super) fn origin(text: &str) -> Result<String, String> {
    let (scheme, host) = text.split_once("://").unwrap_or(("", text));
    if text != "*" && (scheme.is_empty() || host.is_empty() || host.contains(['/', '?', '#', '@', ' '])) {
        return Err("write it as browsers do: https://example.org or http://localhost:3000, with no path; or *".into());
    }
    if (scheme == "https" && host.ends_with(":443")) || (scheme == "http" && host.ends_with(":80")) {
        return Err(format!("browsers leave out the usual port of {scheme}, and so should this"));
    }
    Ok(text.to_owned())
}

/// Reads a host as it stands in a `Host` field.
fn host(text: &str) -> Result<String, String> {
    let bare = text.rsplit_once(':').filter(|_| !text.ends_with(']')).map_or(text, |(bare, _)| bare);
    if bare.is_empty() || text.contains(['/', '?', '#', '@', ' ']) || (bare.contains(':') && !bare.ends_with(']')) {
        return Err("write a host alone, or with a port: events.example.org, example.org:8080 or [::1]".into());
    }
    Ok(text.to_owned())
}

const HISTORY: &str = "What is kept";
const STREAMS: &str = "Streams";
const LIMITS: &str = "Limits";
const ENDING: &str = "Full and ending";

const SERVE_EXAMPLES: &str = "\
Examples:
  tidewire serve
  tidewire serve --listen 9000 --history 100000 --history-age 1h
  tidewire serve --listen 0.0.0.0:8080 --allow-host events.example.org \\
    --allow-origin https://example.org
  tidewire serve --http2 8081 --max-connections 50000 --max-behind 1000 --on-lag end
  tidewire serve --gzip --keep-alive 5s --keep-alive-form event:ping
  tidewire serve --drain 30s --last-event 'back in a minute' --return-rate 500";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_one_of_this_machine() {
        for text in ["9000", ":9000", "localhost:9000", "127.0.0.1:9000"] {
            assert_eq!(listen(text).unwrap().to_string(), "127.0.0.1:9000");
        }
        assert_eq!(listen("[::1]:0").unwrap().to_string(), "[::1]:0");
        for text in ["", "localhost", "127.0.0.1", "99999", "example.org:80"] {
            assert!(listen(text).is_err(), "{text}");
        }
    }

    #[test]
    fn origins_and_hosts_are_such_as_browsers_send() {
        for text in ["*", "https://example.org", "http://localhost:3000", "http://[::1]:3000"] {
            assert_eq!(origin(text).as_deref(), Ok(text));
        }
        for text in ["", "example.org", "https://", "https://example.org/", "https://example.org:443", "http://a:80"] {
            assert!(origin(text).is_err(), "{text}");
        }
        for text in
            ["*", "https://example.org:443", "example.org", "localhost:3000", "*.example.org", "https://*.example.org"]
        {
            assert_eq!(origins(text).as_deref(), Ok(text));
        }
        for text in ["", "https://", "https://example.org/", "*example.org", "*.", "a.*.b", "https://*", "a@b", "a b"] {
            assert!(origins(text).is_err(), "{text}");
        }
        for text in ["example.org", "example.org:8080", "[::1]", "[::1]:8080"] {
            assert_eq!(host(text).as_deref(), Ok(text));
        }
        for text in ["", ":80", "http://example.org", "https://example.org:80", "example.org/", "::1"] {
            assert!(host(text).is_err(), "{text}");
        }
    }
}
