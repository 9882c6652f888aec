//! How the command line says connections are made.

use std::fs;

use tidewire_core::client::{Config, NoProxy, Proxies};
use tidewire_tls::Client;

use crate::args::Network;
use crate::exit::{Exit, Failure};
use crate::output;

impl Network {
    /// Fills in what the client is told.
    pub(crate) fn apply(&self, config: &mut Config) -> Result<(), Failure> {
        config.unix_socket = self.unix_socket.as_deref().map(Into::into);
        config.proxies = self.proxies()?;
        Ok(())
    }

    /// Returns whom TLS trusts.
    pub(crate) fn tls(&self) -> Result<Client, Failure> {
        if self.insecure {
            output::tell("tidewire: --insecure: nobody knows who reads and writes along");
            return Ok(Client::insecure());
        }
        let Some(file) = &self.cacert else { return Ok(Client::webpki()) };
        let fail =
            |error: &dyn std::fmt::Display| Failure::new(Exit::Failed, format!("--cacert {}: {error}", file.display()));
        let pem = fs::read(file).map_err(|error| fail(&error))?;
        Client::only_roots_pem(&pem).map_err(|error| fail(&error))
    }

    fn proxies(&self) -> Result<Proxies, Failure> {
        // Then the environment need not make sense.
        if self.no_proxy.as_ref().is_some_and(|except| *except == NoProxy::parse("*")) {
            return Ok(Proxies::none());
        }
        let mut proxies = match &self.proxy {
            Some(proxy) => Proxies::all(proxy.clone()),
            None => tidewire_std::proxies_from_env()
                .map_err(|error| Failure::new(Exit::Usage, format!("{error}; or take --proxy, or --no-proxy")))?,
        };
        if let Some(except) = &self.no_proxy {
            proxies.except = except.clone();
        }
        Ok(proxies)
    }
}
