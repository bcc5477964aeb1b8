//! Encryption, and who is who.

use std::path::Path;
#[cfg(feature = "tls")]
use std::{fmt, fs};

#[cfg(feature = "tls")]
use crate::config;
use crate::error::Error;

/// How TLS is spoken to a daemon: whom to trust, what to show, whether to verify.
///
/// TLS 1.2 or later is spoken, and a certificate has to be valid for the host name in the daemon's address. The
/// cryptography is that of `ring`, whatever other parts of a program have chosen for theirs.
#[cfg_attr(feature = "tls", doc = "")]
#[cfg_attr(
    feature = "tls",
    doc = "```no_run
use docker_api_gen_core::{Connection, Tls};

let connection = Connection::builder()
    .host(\"tcp://build.example.com:2376\")
    .tls(Tls::from_folder(\"/etc/docker/certs\")?)
    .build()?;
# Ok::<(), docker_api_gen_core::Error>(())
```"
)]
#[cfg(feature = "tls")]
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Tls {
    pub(crate) ca: Option<Vec<u8>>,
    pub(crate) certificate: Option<Vec<u8>>,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) unverified: bool,
}

#[cfg(feature = "tls")]
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

    pub(crate) fn has_ca(&self) -> bool {
        self.ca.is_some()
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

#[cfg(feature = "tls")]
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

/// What is left of it for those who cannot speak it: that somebody wants it.
#[cfg(not(feature = "tls"))]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tls {
    wanted: bool,
}

#[cfg(not(feature = "tls"))]
impl Tls {
    pub(crate) fn read(folder: &Path, _: bool) -> Result<Self, Error> {
        Ok(Self {
            wanted: folder.is_dir(),
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.wanted
    }

    /// The lack of the feature comes before all else that may be lacking.
    pub(crate) fn has_ca(&self) -> bool {
        true
    }

    pub(crate) fn describe(&self) -> String {
        "it takes the feature `tls`".to_owned()
    }
}

#[cfg(feature = "tls")]
pub(crate) use with_rustls::{client_config, explain};

#[cfg(feature = "tls")]
mod with_rustls {
    use std::path::Path;
    use std::sync::Arc;

    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
    use rustls::{
        AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore,
        SignatureScheme,
    };

    use super::Tls;
    use crate::config;
    use crate::error::{Error, ErrorKind};
    use crate::host::Host;

    impl Tls {
        /// Trusts the roots of the system, and shows no certificate.
        pub fn new() -> Self {
            Self::default()
        }

        /// Trusts `ca.pem` of a folder and shows its `cert.pem` with `key.pem`, as far as they are there: what `docker`
        /// expects in `DOCKER_CERT_PATH`.
        ///
        /// # Errors
        ///
        /// [`ErrorKind::Config`] if there is none of them, or one cannot be read.
        pub fn from_folder(folder: impl AsRef<Path>) -> Result<Self, Error> {
            let folder = folder.as_ref();
            let tls = Self::read(folder, true)?;
            if tls.is_empty() {
                return Err(config::failure(format!(
                    "there is no ca.pem, cert.pem or key.pem in {}",
                    folder.display()
                )));
            }
            Ok(tls)
        }

        /// Trusts these certificates, in PEM, instead of the system's roots.
        pub fn ca(mut self, pem: impl Into<Vec<u8>>) -> Self {
            self.ca = Some(pem.into());
            self
        }

        /// Shows a certificate, with those that lead from it to one that the daemon trusts; both in PEM.
        pub fn client_certificate(
            mut self,
            certificates: impl Into<Vec<u8>>,
            key: impl Into<Vec<u8>>,
        ) -> Self {
            self.certificate = Some(certificates.into());
            self.key = Some(key.into());
            self
        }

        /// Takes whoever answers for the daemon: anybody between here and there can read and change everything.
        pub fn danger_accept_any_certificate(mut self) -> Self {
            self.unverified = true;
            self
        }
    }

    /// How to speak TLS.
    pub(crate) fn client_config(tls: &Tls) -> Result<ClientConfig, Error> {
        // Never the process's default: it may be unset, or set by whoever came first.
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(broken)?;
        let builder = if tls.unverified {
            let anybody = Arc::new(Anybody(provider));
            builder
                .dangerous()
                .with_custom_certificate_verifier(anybody)
        } else if let Some(ca) = &tls.ca {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(ca, "ca.pem")? {
                roots.add(certificate).map_err(|error| {
                    Error::new(ErrorKind::Tls, "a certificate in ca.pem cannot be used")
                        .with_source(error)
                })?;
            }
            builder.with_root_certificates(roots)
        } else {
            let system = rustls_platform_verifier::Verifier::new(provider).map_err(|error| {
                Error::new(
                    ErrorKind::Tls,
                    "the system's root certificates cannot be used",
                )
                .with_source(error)
            })?;
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(system))
        };
        let (Some(certificate), Some(key)) = (&tls.certificate, &tls.key) else {
            return Ok(builder.with_no_client_auth());
        };
        let chain = certificates(certificate, "cert.pem")?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| {
            let encrypted = key.windows(9).any(|window| window == b"ENCRYPTED");
            let sentence = match encrypted {
                true => "key.pem is encrypted: give it without a passphrase",
                false => "there is no private key in key.pem that can be read as PEM",
            };
            Error::new(ErrorKind::Tls, sentence).with_source(error)
        })?;
        builder.with_client_auth_cert(chain, key).map_err(|error| {
            Error::new(
                ErrorKind::Tls,
                "cert.pem and key.pem cannot be used together: does the key belong to the certificate?",
            )
            .with_source(error)
        })
    }

    fn broken(error: rustls::Error) -> Error {
        Error::new(ErrorKind::Tls, "TLS cannot be prepared").with_source(error)
    }

    fn certificates(pem: &[u8], file: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
        let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        match all {
            Ok(all) if !all.is_empty() => Ok(all),
            Ok(_) => Err(Error::new(
                ErrorKind::Tls,
                format!("there is no certificate in {file} that can be read as PEM"),
            )),
            Err(error) => Err(
                Error::new(ErrorKind::Tls, format!("{file} cannot be read as PEM"))
                    .with_source(error),
            ),
        }
    }

    /// What went wrong between `host` and here, and what to do about it.
    pub(crate) fn explain(error: &rustls::Error, host: &Host, shows: bool) -> String {
        match error {
            rustls::Error::InvalidCertificate(error) => {
                let (what, advice) = certificate(error);
                format!("the certificate of the daemon at {host} {what}: {advice}")
            }
            // What the other side says, as a rule about the client's certificate.
            rustls::Error::AlertReceived(alert) => match alert {
                AlertDescription::ProtocolVersion => {
                    format!(
                        "the daemon at {host} speaks a version of TLS that is too old: 1.2 is the least"
                    )
                }
                AlertDescription::CertificateRequired | AlertDescription::HandshakeFailure
                    if !shows =>
                {
                    format!(
                        "the daemon at {host} wants a client certificate: put cert.pem and key.pem beside ca.pem"
                    )
                }
                AlertDescription::BadCertificate
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateRequired
                | AlertDescription::CertificateRevoked
                | AlertDescription::CertificateUnknown
                | AlertDescription::DecryptError
                | AlertDescription::UnknownCA
                | AlertDescription::UnsupportedCertificate => format!(
                    "the daemon at {host} does not accept the client certificate ({alert:?}): \
                     is cert.pem signed by the daemon's ca.pem, and still valid?"
                ),
                alert => format!("the daemon at {host} refuses to speak TLS ({alert:?})"),
            },
            rustls::Error::InvalidMessage(_) => format!(
                "what answers at {host} does not speak TLS: is it the right port, or should TLS be off \
                 (unset DOCKER_TLS_VERIFY and DOCKER_TLS)?"
            ),
            rustls::Error::PeerIncompatible(_) => {
                format!(
                    "the daemon at {host} speaks no TLS that can be agreed upon: 1.2 is the least"
                )
            }
            _ => format!("TLS with the daemon at {host} failed"),
        }
    }

    fn certificate(error: &CertificateError) -> (String, &'static str) {
        const DAY: u64 = 24 * 60 * 60;
        match error {
            CertificateError::Expired => ("has expired".to_owned(), "renew it"),
            CertificateError::ExpiredContext { time, not_after } => {
                let days = time.as_secs().saturating_sub(not_after.as_secs()) / DAY;
                (format!("expired {days} days ago"), "renew it")
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
                "is not valid yet".to_owned(),
                "are the clocks of both sides right?",
            ),
            CertificateError::UnknownIssuer => (
                "is signed by somebody who is not trusted".to_owned(),
                "is this the ca.pem that signed it?",
            ),
            CertificateError::BadSignature => (
                "does not bear the signature it should".to_owned(),
                "is this the ca.pem that signed it?",
            ),
            CertificateError::NotValidForNameContext { presented, .. } => {
                let names = if presented.is_empty() {
                    "no name".to_owned()
                } else {
                    let names: Vec<_> = presented.iter().map(|name| bare(name)).collect();
                    crate::text::shorten(&names.join(", "), 200)
                };
                (
                    format!("is valid for {names} and not for this host"),
                    "use a name that it has, or make one for this host",
                )
            }
            CertificateError::NotValidForName => (
                "is not valid for this host".to_owned(),
                "use a name that it has, or make one for this host",
            ),
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => (
                "is not meant for servers".to_owned(),
                "make one with the extended key usage serverAuth",
            ),
            CertificateError::Revoked => ("is revoked".to_owned(), "renew it"),
            CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => (
                "is that of a certificate authority".to_owned(),
                "make one for the daemon, signed by it",
            ),
            other => (
                format!(
                    "cannot be verified ({})",
                    crate::text::shorten(&other.to_string(), 200)
                ),
                "make another one",
            ),
        }
    }

    /// The name in what is written `DnsName("name")`.
    fn bare(name: &str) -> &str {
        let (_, name) = name.split_once('(').unwrap_or_default();
        name.trim_end_matches(')').trim_matches('"')
    }

    /// Verifies that whoever answers has the key of the certificate that it shows, whosever that is.
    #[derive(Debug)]
    struct Anybody(Arc<CryptoProvider>);

    impl ServerCertVerifier for Anybody {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, rustls::Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            let algorithms = &self.0.signature_verification_algorithms;
            verify_tls12_signature(message, certificate, signature, algorithms)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            let algorithms = &self.0.signature_verification_algorithms;
            verify_tls13_signature(message, certificate, signature, algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.0.signature_verification_algorithms.supported_schemes()
        }
    }
}
