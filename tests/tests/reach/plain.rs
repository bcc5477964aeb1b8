//! Sockets, and tcp without TLS.

use docker_api_gen::{ApiVersion, ErrorKind};

use crate::echo::is_fed_too_much;
use crate::world::{MAIN, OLD, PODMAN, PORT, TLS_PORT, Test, World, client, has_ipv6, to};

pub(crate) const TESTS: &[Test] = &[
    Test {
        name: "plain::a_socket_of_docker_new_and_old",
        needs: &[MAIN[0], OLD[0]],
        run: a_socket_of_docker_new_and_old,
    },
    Test {
        name: "plain::a_socket_of_podman",
        needs: PODMAN,
        run: a_socket_of_podman,
    },
    Test {
        name: "plain::tcp_in_all_forms_of_address",
        needs: OLD,
        run: tcp_in_all_forms_of_address,
    },
    Test {
        name: "plain::input_that_is_not_read_is_no_failure",
        needs: &[MAIN[0], OLD[0]],
        run: input_that_is_not_read_is_no_failure,
    },
    Test {
        name: "plain::a_base_path_is_part_of_the_path",
        needs: OLD,
        run: a_base_path_is_part_of_the_path,
    },
    Test {
        name: "plain::without_tls_at_a_port_with_tls",
        needs: MAIN,
        run: without_tls_at_a_port_with_tls,
    },
];

fn a_socket_of_docker_new_and_old(world: &World) {
    for (engine, starts, highest) in [
        (world.main(), "28.5.", ApiVersion::new(1, 51)),
        (world.old(), "20.10.", ApiVersion::new(1, 41)),
    ] {
        world.within(engine, || async {
            let client = client(to(engine.host()));
            let report = client.version_report().await.unwrap();
            assert!(report.daemon_version().unwrap().starts_with(starts));
            assert_eq!(report.daemon_api_version(), Some(highest));
            assert_eq!(report.client_api_version(), ApiVersion::new(1, 41));
            let text = report.to_string();
            for part in [
                "Client: docker-api-gen",
                "Server:",
                "Engine:",
                "containerd:",
                "runc:",
            ] {
                assert!(text.contains(part), "{text}");
            }
            client.containers().list().send().await.unwrap();
        });
    }
}

fn a_socket_of_podman(world: &World) {
    let engine = world.podman();
    world.within(engine, || async {
        let client = client(to(engine.host()));
        let report = client.version_report().await.unwrap();
        assert!(report.daemon_version().unwrap().starts_with("4.3"));
        client.containers().list().all(true).send().await.unwrap();
        let images = client.images().list().send().await.unwrap();
        assert!(!images.is_empty());
    });
}

fn input_that_is_not_read_is_no_failure(world: &World) {
    let tcp = format!("tcp://127.0.0.1:{PORT}");
    for (engine, host) in [
        (world.main(), world.main().host()),
        (world.old(), world.old().host()),
        (world.old(), tcp.as_str()),
    ] {
        world.within(engine, || async {
            is_fed_too_much(&client(to(host))).await;
        });
    }
}

fn tcp_in_all_forms_of_address(world: &World) {
    let mut forms = vec![
        format!("tcp://127.0.0.1:{PORT}"),
        "tcp://127.0.0.1".to_owned(),
        "tcp://localhost".to_owned(),
        "tcp://".to_owned(),
        "127.0.0.1".to_owned(),
        format!(":{PORT}"),
        format!("http://127.0.0.1:{PORT}"),
        format!("http://127.0.0.1:{PORT}/"),
    ];
    if has_ipv6() {
        forms.extend([format!("tcp://[::1]:{PORT}"), "tcp://::1".to_owned()]);
    }
    let engine = world.old();
    world.within(engine, || async {
        for form in forms {
            let listed = client(to(&form)).containers().list().send().await;
            assert!(listed.is_ok(), "{form}: {listed:?}");
        }
    });
}

fn a_base_path_is_part_of_the_path(world: &World) {
    world.within(world.old(), || async {
        // A daemon has nothing there, and says so.
        let client = client(to(&format!("tcp://127.0.0.1:{PORT}/base")));
        let error = client.containers().list().send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    });
}

fn without_tls_at_a_port_with_tls(world: &World) {
    world.within(world.main(), || async {
        let client = client(to(&format!("tcp://127.0.0.1:{TLS_PORT}")));
        let error = client.containers().list().send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Tls);
        assert_eq!(
            error.to_string(),
            "the daemon wants TLS: set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH to the folder of its certificates, \
             or use a context that has them"
        );
    });
}
