use std::fmt;

/// Why certificates, a key or a name cannot be used. Each says what to do.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// There is no `-----BEGIN CERTIFICATE-----`.
    NoCertificate,
    /// There is a private key where certificates are expected.
    KeyForCertificate,
    /// There is no private key in PEM.
    NoKey,
    /// There are certificates where the private key is expected.
    CertificateForKey,
    /// The private key is encrypted with a password.
    EncryptedKey,
    /// What should be PEM is DER, its binary form.
    Der,
    /// A section of the PEM file is broken: what is wrong with it.
    Pem(Box<str>),
    /// A certificate does not parse: the how many-th of the file, from 1, and why.
    Certificate(usize, rustls::Error),
    /// The key is of a kind or form that cannot be used.
    Key(rustls::Error),
    /// The key is not that of the first certificate.
    KeyMismatch,
    /// The chain cannot be served for another reason.
    Chain(rustls::Error),
    /// The host is neither a DNS name nor an IP address.
    ServerName,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCertificate => f.write_str(
                "there is no certificate in it: a PEM file with \"-----BEGIN CERTIFICATE-----\" is expected",
            ),
            Self::KeyForCertificate => {
                f.write_str("it holds a private key and no certificate: give the certificate's file here")
            }
            Self::NoKey => f.write_str(
                "there is no private key in it: a PEM file with \"-----BEGIN PRIVATE KEY-----\" \
                 (PKCS#8, or RSA or EC PRIVATE KEY) is expected",
            ),
            Self::CertificateForKey => {
                f.write_str("it holds certificates and no private key: give the private key's file here")
            }
            Self::EncryptedKey => f.write_str(
                "the private key is encrypted: take off its password, as with `openssl pkey -in KEY -out PLAIN_KEY`",
            ),
            Self::Der => f.write_str(
                "it is DER, not PEM: convert it, as with `openssl x509 -inform der -in FILE -out FILE.pem` \
                 (a key with `openssl pkey`)",
            ),
            Self::Pem(what) => write!(f, "the PEM file is broken: {what}"),
            Self::Certificate(number, _) => write!(f, "certificate {number} of the file cannot be read"),
            Self::Key(_) => f.write_str(
                "the private key cannot be used: RSA (2048 to 8192 bits), ECDSA (P-256, P-384) and Ed25519 keys can",
            ),
            Self::KeyMismatch => f.write_str(
                "the private key does not belong to the first certificate: put the server's own certificate \
                 first and its issuers after it, or give the other key",
            ),
            Self::Chain(_) => f.write_str("the certificates cannot be served"),
            Self::ServerName => f.write_str("the host is neither a DNS name nor an IP address, which TLS needs"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Certificate(_, error) | Self::Key(error) | Self::Chain(error) => Some(error),
            _ => None,
        }
    }
}
