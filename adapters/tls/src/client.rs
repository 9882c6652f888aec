use std::sync::{Arc, LazyLock};

use rustls::client::WantsClientCert;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

use crate::{Error, HTTP_1_1, PROVIDER, pem};

/// How a client secures its connections and whom it trusts; clones are one configuration, with one store of sessions to resume.
#[derive(Clone, Debug)]
pub struct Client(Arc<ClientConfig>);

impl Client {
    /// Trusts the certificate authorities of the web: Mozilla's list, compiled in. All that is made here is one configuration.
    pub fn webpki() -> Self {
        static WEB: LazyLock<Client> = LazyLock::new(|| Client::trusting(web_roots()));
        WEB.clone()
    }

    /// Trusts the authorities of the web and those in `pem`, one certificate or many, text around them ignored.
    ///
    /// # Errors
    ///
    /// [`Error::NoCertificate`] and its neighbours, when `pem` holds none that can be used.
    pub fn with_roots_pem(pem: &[u8]) -> Result<Self, Error> {
        Ok(Self::trusting(pem::roots(web_roots(), pem)?))
    }

    /// Trusts the authorities in `pem` and nobody else: for services with a CA of their own.
    ///
    /// # Errors
    ///
    /// As for [`with_roots_pem`](Self::with_roots_pem).
    pub fn only_roots_pem(pem: &[u8]) -> Result<Self, Error> {
        Ok(Self::trusting(pem::roots(RootCertStore::empty(), pem)?))
    }

    /// Trusts everybody: the connection is encrypted, but with whom nobody knows, and who sits in between reads and writes it.
    #[cfg(feature = "insecure")]
    pub fn insecure() -> Self {
        let verifier = Arc::new(crate::insecure::TrustAll);
        Self::from_config(builder().dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
    }

    /// Takes a configuration of one's own: client certificates, the system's store, another provider. Its ALPN is set to
    /// `http/1.1`, since nothing else is spoken.
    pub fn from_config(config: impl Into<Arc<ClientConfig>>) -> Self {
        let mut config = config.into();
        if config.alpn_protocols != [HTTP_1_1] {
            Arc::make_mut(&mut config).alpn_protocols = vec![HTTP_1_1.to_vec()];
        }
        Self(config)
    }

    /// Returns the configuration, for who makes the stream.
    pub fn config(&self) -> &Arc<ClientConfig> {
        &self.0
    }

    fn trusting(roots: RootCertStore) -> Self {
        let builder: ConfigBuilder<ClientConfig, WantsClientCert> = builder().with_root_certificates(roots);
        Self::from_config(builder.with_no_client_auth())
    }
}

/// Returns the name that a server's certificate must bear: of a DNS name, an IPv4 address or an IPv6 address, in brackets or not.
///
/// # Errors
///
/// [`Error::ServerName`], when it is none of these.
pub fn server_name(host: &str) -> Result<ServerName<'static>, Error> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    ServerName::try_from(bare.to_owned()).map_err(|_| Error::ServerName)
}

fn builder() -> ConfigBuilder<ClientConfig, WantsVerifier> {
    // ring has suites and key exchanges for both versions, which is all that is asked here.
    ClientConfig::builder_with_provider(Arc::clone(&PROVIDER))
        .with_safe_default_protocol_versions()
        .expect("ring serves TLS 1.2 and 1.3")
}

fn web_roots() -> RootCertStore {
    webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_1_1_is_offered_also_by_a_configuration_of_ones_own() {
        assert_eq!(Client::webpki().config().alpn_protocols, [HTTP_1_1]);
        let mut own = ClientConfig::clone(Client::webpki().config());
        own.alpn_protocols = vec![b"h2".to_vec(), HTTP_1_1.to_vec()];
        assert_eq!(Client::from_config(own).config().alpn_protocols, [HTTP_1_1]);
    }

    #[test]
    fn the_webs_configuration_is_shared_and_has_the_whole_list() {
        assert!(Arc::ptr_eq(Client::webpki().config(), Client::webpki().config()));
        assert!(web_roots().len() > 100);
    }

    #[test]
    fn no_provider_of_the_process_is_set_or_needed() {
        let _ = Client::webpki();
        assert!(rustls::crypto::CryptoProvider::get_default().is_none());
    }

    #[test]
    fn names_and_addresses_are_server_names_and_nonsense_is_not() {
        for host in ["example.com", "example.com.", "localhost", "127.0.0.1"] {
            assert_eq!(server_name(host).expect("a name").to_str(), host);
        }
        for host in ["::1", "[::1]"] {
            assert_eq!(server_name(host).expect("an address"), ServerName::IpAddress("::1".try_into().expect("IPv6")));
        }
        for host in ["", "a b", "*.example.com", "[::1", "::1]", "exa\u{e4}mple", "a..b"] {
            assert!(server_name(host).is_err(), "{host:?}");
        }
    }
}
