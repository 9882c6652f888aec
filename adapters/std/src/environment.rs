use std::env;

use tidewire_core::client::{EnvProxyError, Proxies};

/// Returns the proxies that the environment names, as [`Proxies::from_env`] reads it: `http_proxy`, `https_proxy`, `all_proxy`,
/// `no_proxy` and their names in upper case. A value that is no Unicode counts as none.
///
/// ```no_run
/// # use tidewire_core::client::Config;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut config = Config::new("https://api.example/events".parse()?);
/// config.proxies = tidewire_std::proxies_from_env()?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// When a variable names no proxy that can be used.
pub fn proxies_from_env() -> Result<Proxies, EnvProxyError> {
    Proxies::from_env(|name| env::var(name).ok())
}
