//! TLS with a daemon that wants to see a certificate.

use std::path::Path;

use docker_api_gen::{ErrorKind, Tls};

use crate::echo::{is_echoed, is_fed_too_much};
use crate::world::{MAIN, OLD, PORT, TLS_PORT, Test, World, client, to};

pub(crate) const TESTS: &[Test] = &[
    Test {
        name: "tls::good_certificates",
        needs: MAIN,
        run: good_certificates,
    },
    Test {
        name: "tls::input_comes_back_and_ends_when_it_is_closed",
        needs: MAIN,
        run: input_comes_back_and_ends_when_it_is_closed,
    },
    Test {
        name: "tls::bad_certificates",
        needs: MAIN,
        run: bad_certificates,
    },
    Test {
        name: "tls::a_daemon_whose_certificate_has_expired",
        needs: MAIN,
        run: a_daemon_whose_certificate_has_expired,
    },
    Test {
        name: "tls::with_tls_at_a_port_without",
        needs: OLD,
        run: with_tls_at_a_port_without,
    },
];

fn from(folder: &Path) -> Tls {
    Tls::from_folder(folder).unwrap()
}

fn good_certificates(world: &World) {
    let good = &world.certificates.good;
    world.within(world.main(), || async {
        for host in [
            format!("tcp://127.0.0.1:{TLS_PORT}"),
            format!("tcp://localhost:{TLS_PORT}"),
            format!("https://localhost:{TLS_PORT}"),
        ] {
            let client = client(to(&host).tls(from(good)));
            client.containers().list().send().await.unwrap();
            let output = client.run("alpine", ["echo", "hello"]).send().await;
            assert_eq!(output.unwrap().stdout, "hello\n");
        }
        // Whoever answers will do, if that is what is wanted.
        for folder in [good, &world.certificates.distrustful] {
            let tls = from(folder).danger_accept_any_certificate();
            let client = client(to(&format!("tcp://127.0.0.2:{TLS_PORT}")).tls(tls));
            client.containers().list().send().await.unwrap();
        }
    });
}

fn input_comes_back_and_ends_when_it_is_closed(world: &World) {
    let good = &world.certificates.good;
    world.within(world.main(), || async {
        let host = format!("tcp://localhost:{TLS_PORT}");
        let client = client(to(&host).tls(from(good)));
        is_echoed(&client).await;
        is_fed_too_much(&client).await;
    });
}

fn bad_certificates(world: &World) {
    let all = &world.certificates;
    world.within(world.main(), || async {
        for (host, folder, says) in [
            (
                "127.0.0.2",
                &all.good,
                "the certificate of the daemon at tcp://127.0.0.2:2376 is valid for localhost, 127.0.0.1 and not \
                 for this host: use a name that it has, or make one for this host",
            ),
            (
                "localhost",
                &all.distrustful,
                "the certificate of the daemon at tcp://localhost:2376 is signed by somebody who is not trusted: \
                 is this the ca.pem that signed it?",
            ),
            (
                "localhost",
                &all.shy,
                "the daemon at tcp://localhost:2376 wants a client certificate: put cert.pem and key.pem beside ca.pem",
            ),
            (
                "localhost",
                &all.expired,
                "the daemon at tcp://localhost:2376 does not accept the client certificate (CertificateExpired): \
                 is cert.pem signed by the daemon's ca.pem, and still valid?",
            ),
            (
                "localhost",
                &all.unknown,
                "the daemon at tcp://localhost:2376 does not accept the client certificate (UnknownCA): \
                 is cert.pem signed by the daemon's ca.pem, and still valid?",
            ),
        ] {
            let client = client(to(&format!("tcp://{host}:{TLS_PORT}")).tls(from(folder)));
            let error = client.containers().list().send().await.unwrap_err();
            assert_eq!(error.to_string(), says);
            assert_eq!(error.kind(), ErrorKind::Tls);
        }
    });
}

fn a_daemon_whose_certificate_has_expired(world: &World) {
    world.within(world.expired(), || async {
        let host = format!("tcp://localhost:{TLS_PORT}");
        let client = client(to(&host).tls(from(&world.certificates.good)));
        let error = client.containers().list().send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Tls);
        let text = error.to_string();
        assert!(
            text.starts_with("the certificate of the daemon at tcp://localhost:2376 expired ")
                && text.ends_with(" days ago: renew it"),
            "{text}"
        );
    });
}

fn with_tls_at_a_port_without(world: &World) {
    world.within(world.old(), || async {
        let host = format!("tcp://localhost:{PORT}");
        let client = client(to(&host).tls(from(&world.certificates.good)));
        let error = client.containers().list().send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Tls);
        assert_eq!(
            error.to_string(),
            "what answers at tcp://localhost:2375 does not speak TLS: is it the right port, \
             or should TLS be off (unset DOCKER_TLS_VERIFY and DOCKER_TLS)?"
        );
    });
}
