//! Certificates, good and bad, in folders as `docker` wants them.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// Somebody who signs certificates, all of which are valid for `localhost` and `127.0.0.1`.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        Self { issuer, pem }
    }

    /// Writes a certificate with its key, and one of `trusted` beside it.
    fn sign(&self, trusted: &Authority, is_expired: bool, folder: &Path) {
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        if is_expired {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        fs::create_dir(folder).unwrap();
        fs::write(folder.join("ca.pem"), &trusted.pem).unwrap();
        fs::write(folder.join("cert.pem"), certificate.pem()).unwrap();
        fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    }
}

/// Folders with `ca.pem`, `cert.pem` and `key.pem`.
pub(crate) struct Certificates {
    /// All is well, for both sides.
    pub(crate) good: PathBuf,
    /// The certificate has expired.
    pub(crate) expired: PathBuf,
    /// The certificate is signed by somebody else than `ca.pem`.
    pub(crate) unknown: PathBuf,
    /// `ca.pem` is somebody else's than the other side's.
    pub(crate) distrustful: PathBuf,
    /// There is `ca.pem` alone.
    pub(crate) shy: PathBuf,
}

impl Certificates {
    pub(crate) fn new(folder: &Path) -> Self {
        let (ours, others) = (Authority::new("ours"), Authority::new("others"));
        let all = Self {
            good: folder.join("good"),
            expired: folder.join("expired"),
            unknown: folder.join("unknown"),
            distrustful: folder.join("distrustful"),
            shy: folder.join("shy"),
        };
        ours.sign(&ours, false, &all.good);
        ours.sign(&ours, true, &all.expired);
        others.sign(&ours, false, &all.unknown);
        ours.sign(&others, false, &all.distrustful);
        fs::create_dir(&all.shy).unwrap();
        fs::write(all.shy.join("ca.pem"), &ours.pem).unwrap();
        all
    }
}
