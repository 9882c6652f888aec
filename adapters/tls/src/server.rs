use std::sync::Arc;

use rustls::ServerConfig;

use crate::{Error, HTTP_1_1, PROVIDER, pem};

/// With what certificate a server secures its connections; clones are one configuration.
#[derive(Clone, Debug)]
pub struct Server(Arc<ServerConfig>);

impl Server {
    /// Serves the certificates of `chain`, the server's own first and then its issuers, with the private `key` of the first;
    /// both PEM, and they may be one file.
    ///
    /// # Errors
    ///
    /// [`Error`] says what is wrong with which.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, Error> {
        let chain = pem::certificates(chain)?;
        let key = pem::key(key)?;
        let provider = Arc::clone(&PROVIDER);
        // First by itself, to tell a key that cannot be used from one that belongs elsewhere.
        provider.key_provider.load_private_key(key.clone_key()).map_err(Error::Key)?;
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(Error::Chain)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|error| match error {
                rustls::Error::InconsistentKeys(_) => Error::KeyMismatch,
                rustls::Error::InvalidCertificate(_) => Error::Certificate(1, error),
                error => Error::Chain(error),
            })?;
        Ok(Self::from_config(config))
    }

    /// Takes a configuration of one's own: several certificates, client certificates, another provider. Its ALPN is set to
    /// `http/1.1`, since nothing else is spoken; a client that offers other protocols only is refused.
    pub fn from_config(config: impl Into<Arc<ServerConfig>>) -> Self {
        let mut config = config.into();
        if config.alpn_protocols != [HTTP_1_1] {
            Arc::make_mut(&mut config).alpn_protocols = vec![HTTP_1_1.to_vec()];
        }
        Self(config)
    }

    /// Returns the configuration, for who makes the stream.
    pub fn config(&self) -> &Arc<ServerConfig> {
        &self.0
    }
}
