//! What is said when there is no way to the daemon.

use docker_api_gen_core::{Call, Connection, Error, ErrorKind};

use crate::operations::LIST;

async fn failure(host: &str) -> Error {
    let connection = Connection::open(host).unwrap();
    Call::new(&connection, &LIST).unit().await.unwrap_err()
}

#[tokio::test]
async fn no_socket() {
    let error = failure("unix:///nonexistent/d.sock").await;
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.is_connect());
    assert_eq!(
        error.to_string(),
        "cannot connect to the Docker daemon at unix:///nonexistent/d.sock: no such file; is the daemon running?"
    );
    assert_eq!(error.operation(), Some("containers.list"));
    assert!(std::error::Error::source(&error).is_some());
    // Whoever prints the chain does not read the same sentence twice.
    let mut source = std::error::Error::source(&error);
    while let Some(inner) = source {
        assert!(!error.to_string().contains(&inner.to_string()), "{inner}");
        source = inner.source();
    }
}

#[tokio::test]
async fn nobody_behind_the_socket() {
    let folder = std::env::temp_dir().join(format!("dag-core-stale-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("d.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let error = failure(&format!("unix://{}", path.display())).await;
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(
        error
            .to_string()
            .ends_with("d.sock: connection refused; is the daemon running?"),
        "{error}"
    );
}

#[tokio::test]
async fn nobody_at_the_port() {
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let error = failure(&format!("tcp://{free}")).await;
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert_eq!(
        error.to_string(),
        format!(
            "cannot connect to the Docker daemon at tcp://{free}: connection refused; is the daemon running?"
        )
    );
}

#[tokio::test]
async fn no_such_host() {
    let error = failure("tcp://no-such-host.invalid:2375").await;
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert_eq!(
        error.to_string(),
        "cannot connect to the Docker daemon at tcp://no-such-host.invalid:2375: the host name is not known"
    );
}

#[test]
fn no_runtime() {
    let connection = Connection::open("unix:///nonexistent/d.sock").unwrap();
    let mut call = std::pin::pin!(Call::new(&connection, &LIST).unit());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match call.as_mut().poll(&mut context) {
        std::task::Poll::Ready(Err(error)) => {
            assert_eq!(
                error.to_string(),
                "containers.list: calls need a tokio runtime, and none is running here"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[cfg(not(feature = "tls"))]
#[test]
fn tls_takes_a_feature() {
    let error = Connection::open("https://127.0.0.1:1").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tls);
    assert_eq!(
        error.to_string(),
        "https://127.0.0.1:1 is to be spoken to with TLS: enable the feature `tls`"
    );
}

#[cfg(not(feature = "ssh"))]
#[test]
fn ssh_takes_a_feature() {
    let error = Connection::open("ssh://me@box").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Host);
    assert_eq!(
        error.to_string(),
        "ssh://me@box is to be reached through ssh: enable the feature `ssh`"
    );
}

#[test]
fn what_other_systems_have() {
    let error = Connection::open("npipe:////./pipe/docker_engine").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Host);
    assert_eq!(
        error.to_string(),
        "npipe:////./pipe/docker_engine is a named pipe, which Windows alone has"
    );
}
