//! How connections are made: the arguments that every command with a URL shares.

use std::path::PathBuf;

use clap::Args;
use tidewire_core::client::{NoProxy, Proxy};

/// How connections are made.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Network {
    /// Connect through this HTTP proxy, `http://USER:PASSWORD@HOST:PORT` or less of it [default: as the environment says:
    /// http_proxy, https_proxy, all_proxy]
    #[arg(long, value_name = "URL", value_parser = Proxy::parse, conflicts_with = "unix_socket")]
    pub(crate) proxy: Option<Proxy>,
    /// Connect without a proxy to these hosts, domains and networks, or to all [default: the environment's no_proxy]
    #[arg(
        long,
        value_name = "HOST,…",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "*",
        value_parser = |text: &str| Ok::<_, String>(NoProxy::parse(text))
    )]
    pub(crate) no_proxy: Option<NoProxy>,
    /// Connect to a Unix socket, whatever host the URL names
    #[arg(long, value_name = "PATH")]
    pub(crate) unix_socket: Option<String>,
    /// Trust the certificate authorities in this PEM file, and no others [default: those of the web]
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
    /// Trust any certificate: who sits in between can read and change everything
    #[arg(short = 'k', long, conflicts_with = "cacert")]
    pub(crate) insecure: bool,
}
