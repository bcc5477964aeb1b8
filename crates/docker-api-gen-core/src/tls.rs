//! Encryption, and who is who.

use std::fmt;
use std::fs;
use std::path::Path;

use crate::config;
use crate::error::Error;

/// How TLS is spoken to a daemon: whom to trust, what to show, whether to verify.
///
/// TLS 1.2 or later is spoken. A certificate has to be valid for the host name in the daemon's address.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Tls {
    pub(crate) ca: Option<Vec<u8>>,
    pub(crate) certificate: Option<Vec<u8>>,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) unverified: bool,
}

impl Tls {
    /// `ca.pem`, `cert.pem` and `key.pem` of a folder, as far as they are there.
    pub(crate) fn read(folder: &Path, verify: bool) -> Result<Self, Error> {
        let file = |name: &str| {
            let path = folder.join(name);
            match fs::read(&path) {
                Ok(pem) => Ok(Some(pem)),
                Err(error) if config::is_missing(&error) => Ok(None),
                Err(error) => Err(config::unreadable(&path, error)),
            }
        };
        Ok(Self {
            ca: file("ca.pem")?,
            certificate: file("cert.pem")?,
            key: file("key.pem")?,
            unverified: !verify,
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ca.is_none() && self.certificate.is_none() && self.key.is_none()
    }

    /// What it is, in words.
    pub(crate) fn describe(&self) -> String {
        let trust = match (self.unverified, &self.ca) {
            (true, _) => "the daemon's certificate is NOT verified",
            (false, Some(_)) => "the daemon's certificate is verified against ca.pem",
            (false, None) => "the daemon's certificate is verified against the system's roots",
        };
        let shown = match (&self.certificate, &self.key) {
            (Some(_), Some(_)) => "cert.pem is shown to it",
            (None, None) => "no client certificate is shown to it",
            (Some(_), None) => "cert.pem is not used, as there is no key.pem",
            (None, Some(_)) => "key.pem is not used, as there is no cert.pem",
        };
        format!("{trust}, and {shown}")
    }
}

impl fmt::Debug for Tls {
    /// Leaves out the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("ca", &self.ca.is_some())
            .field("client_certificate", &self.certificate.is_some())
            .field("unverified", &self.unverified)
            .finish_non_exhaustive()
    }
}
