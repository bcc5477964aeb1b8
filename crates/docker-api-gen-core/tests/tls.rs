//! TLS with daemons that have good certificates and bad ones, and with those that speak something else.

use std::net::SocketAddr;
use std::sync::Arc;

use docker_api_gen_core::{ApiVersion, Call, Connection, Error, ErrorKind, Operation, Tls};
use http::Method;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

static LIST: Operation = Operation {
    id: "ContainerList",
    name: "containers.list",
    method: Method::GET,
    path: "/containers/json",
    version: ApiVersion::new(1, 41),
    outcomes: &[],
    unbounded: false,
    tty: None,
};

/// Somebody who signs certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    der: CertificateDer<'static>,
}

/// A certificate with its key.
struct Identity {
    pem: String,
    der: CertificateDer<'static>,
    key: KeyPair,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self {
            pem: certificate.pem(),
            der: certificate.der().clone(),
            issuer: Issuer::new(params, key),
        }
    }

    fn sign(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity {
            pem: certificate.pem(),
            der: certificate.der().clone(),
            key,
        }
    }

    fn daemon(&self) -> Identity {
        self.sign(&["localhost", "127.0.0.1"], |_| {})
    }

    fn trusted(&self) -> Tls {
        Tls::new().ca(self.pem.as_str())
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        Arc::new(roots)
    }
}

/// A daemon that shows `identity`, and wants to see a certificate signed by `clients`.
async fn daemon(
    identity: &Identity,
    clients: Option<&Authority>,
    versions: &[&'static SupportedProtocolVersion],
) -> SocketAddr {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => builder.with_client_cert_verifier(
            WebPkiClientVerifier::builder_with_provider(clients.roots(), provider)
                .build()
                .unwrap(),
        ),
    };
    let key = PrivateKeyDer::try_from(identity.key.serialize_der()).unwrap();
    let config = builder
        .with_single_cert(vec![identity.der.clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                answer(stream).await;
            }
        }
    })
    .await
}

async fn serve<F, R>(script: F) -> SocketAddr
where
    F: Fn(TcpStream) -> R + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(script(stream));
        }
    });
    address
}

/// Answers one request with an empty list.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_buf(&mut request).await {
            Ok(1..) => {}
            _ => return,
        }
    }
    let answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]";
    let _ = stream.write_all(answer).await;
    let _ = stream.shutdown().await;
}

fn connection(host: &str, tls: Tls) -> Result<Connection, Error> {
    Connection::builder()
        .ignore_environment()
        .host(host)
        .tls(tls)
        .build()
}

async fn list(host: &str, tls: Tls) -> Result<Vec<String>, Error> {
    Call::new(&connection(host, tls)?, &LIST).json().await
}

/// The error, without the port that is another every time.
async fn failure(address: SocketAddr, tls: Tls) -> (Error, String) {
    let host = format!("tcp://localhost:{}", address.port());
    let error = list(&host, tls).await.unwrap_err();
    let text = error
        .to_string()
        .replace(&address.port().to_string(), "PORT");
    (error, text)
}

#[tokio::test]
async fn good_certificates_in_all_forms_of_address() {
    let authority = Authority::new("ours");
    for versions in [&[&TLS12][..], &[&TLS13], &[&TLS12, &TLS13]] {
        let address = daemon(&authority.daemon(), None, versions).await;
        for host in [
            format!("tcp://{address}"),
            format!("tcp://localhost:{}", address.port()),
            format!("https://localhost:{}", address.port()),
            format!("http://localhost:{}", address.port()),
            format!("tcp://localhost:{}/base", address.port()),
        ] {
            list(&host, authority.trusted()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn the_providers_of_others_do_not_matter() {
    let mut useless = ring::default_provider();
    useless.cipher_suites.clear();
    useless.kx_groups.clear();
    // Another test may have been first: all that counts is that there is one that cannot work.
    let _ = useless.install_default();
    assert!(
        CryptoProvider::get_default()
            .unwrap()
            .cipher_suites
            .is_empty()
    );
    let authority = Authority::new("ours");
    let address = daemon(&authority.daemon(), None, &[&TLS13]).await;
    list(&format!("tcp://{address}"), authority.trusted())
        .await
        .unwrap();
    // Nor do they to those who do not speak TLS at all.
    let address = serve(answer).await;
    let connection = Connection::open(&format!("tcp://{address}")).unwrap();
    Call::new(&connection, &LIST).unit().await.unwrap();
}

#[tokio::test]
async fn client_certificates() {
    let (authority, other) = (Authority::new("ours"), Authority::new("another"));
    let namesake = Authority::new("ours");
    let shows = |identity: &Identity| {
        authority
            .trusted()
            .client_certificate(identity.pem.as_str(), identity.key.serialize_pem())
    };
    for versions in [&[&TLS12][..], &[&TLS13]] {
        let address = daemon(&authority.daemon(), Some(&authority), versions).await;
        let good = authority.sign(&["me"], |_| {});
        list(&format!("tcp://{address}"), shows(&good))
            .await
            .unwrap();

        let (error, text) = failure(address, authority.trusted()).await;
        assert_eq!(error.kind(), ErrorKind::Tls, "{error:?}");
        assert!(error.is_connect());
        assert_eq!(
            text,
            "the daemon at tcp://localhost:PORT wants a client certificate: put cert.pem and key.pem beside ca.pem"
        );

        let expired = authority.sign(&["me"], |params| {
            params.not_after = date_time_ymd(2020, 1, 1)
        });
        for (bad, why) in [
            (&other.sign(&["me"], |_| {}), "UnknownCA"),
            (&namesake.sign(&["me"], |_| {}), "DecryptError"),
            (&expired, "CertificateExpired"),
        ] {
            let (error, text) = failure(address, shows(bad)).await;
            assert_eq!(error.kind(), ErrorKind::Tls, "{error:?}");
            assert_eq!(
                text,
                format!(
                    "the daemon at tcp://localhost:PORT does not accept the client certificate ({why}): \
                     is cert.pem signed by the daemon's ca.pem, and still valid?"
                )
            );
        }
    }
}

#[tokio::test]
async fn certificates_that_are_wrong() {
    let (authority, other) = (Authority::new("ours"), Authority::new("another"));
    let namesake = Authority::new("ours");
    let expired = authority.sign(&["localhost"], |params| {
        params.not_after = date_time_ymd(2020, 1, 1);
    });
    let early = authority.sign(&["localhost"], |params| {
        params.not_before = date_time_ymd(2100, 1, 1);
        params.not_after = date_time_ymd(2101, 1, 1);
    });
    let elsewhere = authority.sign(&["build.example.com", "10.1.2.3"], |_| {});
    let client = authority.sign(&["localhost"], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    let itself = authority.sign(&["localhost"], |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    for (identity, tls, says) in [
        (&expired, authority.trusted(), " days ago: renew it"),
        (
            &early,
            authority.trusted(),
            " is not valid yet: are the clocks of both sides right?",
        ),
        (
            &authority.daemon(),
            other.trusted(),
            " is signed by somebody who is not trusted: is this the ca.pem that signed it?",
        ),
        (
            &authority.daemon(),
            namesake.trusted(),
            " does not bear the signature it should: is this the ca.pem that signed it?",
        ),
        (
            &elsewhere,
            authority.trusted(),
            " is valid for build.example.com, 10.1.2.3 and not for this host: \
             use a name that it has, or make one for this host",
        ),
        (
            &client,
            authority.trusted(),
            " is not meant for servers: make one with the extended key usage serverAuth",
        ),
        (
            &itself,
            authority.trusted(),
            " is that of a certificate authority: make one for the daemon, signed by it",
        ),
        // No system knows this authority.
        (
            &authority.daemon(),
            Tls::new(),
            " is signed by somebody who is not trusted: is this the ca.pem that signed it?",
        ),
    ] {
        let address = daemon(identity, None, &[&TLS12, &TLS13]).await;
        let (error, text) = failure(address, tls).await;
        assert_eq!(error.kind(), ErrorKind::Tls, "{error:?}");
        assert!(
            text.starts_with("the certificate of the daemon at tcp://localhost:PORT ")
                && text.ends_with(says),
            "{text}\nshould say\n{says}"
        );
        // Whoever asks not to verify gets what was asked for.
        let host = format!("tcp://{address}");
        let tls = other.trusted().danger_accept_any_certificate();
        list(&host, tls).await.unwrap();
    }
}

#[tokio::test]
async fn tls_where_none_is_spoken() {
    // As Go's server answers a greeting that it does not understand.
    let go = serve(|mut stream| async move {
        let _ = stream.read(&mut [0; 1000]).await;
        let _ = stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request")
            .await;
    })
    .await;
    let (error, text) = failure(go, Tls::new()).await;
    assert_eq!(error.kind(), ErrorKind::Tls, "{error:?}");
    assert_eq!(
        text,
        "what answers at tcp://localhost:PORT does not speak TLS: is it the right port, or should TLS be off \
         (unset DOCKER_TLS_VERIFY and DOCKER_TLS)?"
    );
    let mute = serve(|mut stream| async move {
        let _ = stream.read(&mut [0; 1000]).await;
    })
    .await;
    let (error, text) = failure(mute, Tls::new()).await;
    assert_eq!(error.kind(), ErrorKind::Connect, "{error:?}");
    assert_eq!(
        text,
        "cannot connect to the Docker daemon at tcp://localhost:PORT: it closed the connection while TLS was being \
         agreed upon; does it speak TLS?"
    );
}

#[tokio::test]
async fn no_tls_where_it_is_spoken() {
    // As Go's server answers whoever speaks plainly to it.
    let go = serve(|mut stream| async move {
        let _ = stream.read(&mut [0; 1000]).await;
        let _ = stream
            .write_all(b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
            .await;
    })
    .await;
    let connection = Connection::open(&format!("tcp://{go}")).unwrap();
    let error = Call::new(&connection, &LIST).unit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tls, "{error:?}");
    assert_eq!(
        error.to_string(),
        "the daemon wants TLS: set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH to the folder of its certificates, \
         or use a context that has them"
    );

    let authority = Authority::new("ours");
    let address = daemon(&authority.daemon(), None, &[&TLS13]).await;
    let connection = Connection::open(&format!("tcp://{address}")).unwrap();
    let error = Call::new(&connection, &LIST).unit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error:?}");
    assert_eq!(
        error.to_string(),
        format!(
            "containers.list: what answers at tcp://{address} does not speak HTTP: is it a Docker daemon, and without TLS?"
        )
    );
}

#[test]
fn files_that_are_no_certificates() {
    let authority = Authority::new("ours");
    let (mine, yours) = (authority.daemon(), authority.daemon());
    let key = mine.key.serialize_pem();
    let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    for (tls, says) in [
        (
            Tls::new().ca(""),
            "there is no certificate in ca.pem that can be read as PEM",
        ),
        (
            Tls::new().ca("-----BEGIN CERTIFICATE-----\nxx"),
            "ca.pem cannot be read as PEM",
        ),
        (
            Tls::new().ca("-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n"),
            "a certificate in ca.pem cannot be used",
        ),
        (
            authority.trusted().client_certificate("", key.as_str()),
            "there is no certificate in cert.pem that can be read as PEM",
        ),
        (
            authority
                .trusted()
                .client_certificate(mine.pem.as_str(), "secret"),
            "there is no private key in key.pem that can be read as PEM",
        ),
        (
            authority
                .trusted()
                .client_certificate(mine.pem.as_str(), encrypted),
            "key.pem is encrypted: give it without a passphrase",
        ),
        (
            authority
                .trusted()
                .client_certificate(yours.pem.as_str(), key.as_str()),
            "cert.pem and key.pem cannot be used together: does the key belong to the certificate?",
        ),
    ] {
        let debug = format!("{tls:?}");
        assert!(
            !debug.contains("secret") && !debug.contains("PRIVATE"),
            "{debug}"
        );
        let error = connection("tcp://localhost", tls).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Tls);
        assert_eq!(error.to_string(), says);
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
    let error = Tls::from_folder("/nonexistent").unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no ca.pem, cert.pem or key.pem in /nonexistent"
    );
}

#[test]
fn sockets_do_not_speak_it() {
    let connection = connection("unix:///d.sock", Tls::new().ca("not read")).unwrap();
    assert_eq!(connection.host().to_string(), "unix:///d.sock");
}
