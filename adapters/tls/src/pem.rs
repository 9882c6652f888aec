use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::Error;

/// Adds the certificates of `text` to `roots`.
pub(crate) fn roots(mut roots: RootCertStore, text: &[u8]) -> Result<RootCertStore, Error> {
    for (index, certificate) in certificates(text)?.into_iter().enumerate() {
        roots.add(certificate).map_err(|error| Error::Certificate(index + 1, error))?;
    }
    Ok(roots)
}

/// Reads the certificates of `text`, at least one.
pub(crate) fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(text).collect::<Result<_, _>>().map_err(broken)?;
    if !certificates.is_empty() {
        return Ok(certificates);
    }
    Err(match text {
        [SEQUENCE, ..] => Error::Der,
        _ if key(text).is_ok() => Error::KeyForCertificate,
        _ => Error::NoCertificate,
    })
}

/// Reads the first private key of `text`.
pub(crate) fn key(text: &[u8]) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_slice(text).map_err(|error| match error {
        pem::Error::NoItemsFound => match text {
            [SEQUENCE, ..] => Error::Der,
            _ if contains(text, b"BEGIN ENCRYPTED PRIVATE KEY") => Error::EncryptedKey,
            _ if contains(text, b"BEGIN CERTIFICATE") => Error::CertificateForKey,
            _ => Error::NoKey,
        },
        error => broken(error),
    })
}

fn broken(error: pem::Error) -> Error {
    Error::Pem(match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no -----END line; is the file cut off?".into(),
        error => error.to_string().into(),
    })
}

fn contains(text: &[u8], words: &[u8]) -> bool {
    text.windows(words.len()).any(|window| window == words)
}

/// What every certificate and key begins with in DER.
const SEQUENCE: u8 = 0x30;
