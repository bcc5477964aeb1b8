//! Daemons behind ssh, with a stand-in for ssh that does what its user's name says.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use docker_api_gen_core::{
    ApiVersion, Body, Call, Connection, Error, ErrorKind, Operation, TtySource,
};
use http::Method;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

const BASE: Operation = Operation {
    id: "ContainerList",
    name: "containers.list",
    method: Method::GET,
    path: "/containers/json",
    version: ApiVersion::new(1, 41),
    outcomes: &[],
    unbounded: false,
    tty: None,
};

static LIST: Operation = BASE;

static LOGS: Operation = Operation {
    id: "ContainerLogs",
    name: "containers.logs",
    path: "/containers/logs",
    unbounded: true,
    ..BASE
};

static ATTACH: Operation = Operation {
    id: "ContainerAttach",
    name: "containers.attach",
    method: Method::POST,
    path: "/containers/{id}/attach",
    unbounded: true,
    tty: Some(TtySource {
        path: "/containers/{id}/json",
        pointer: "/Config/Tty",
        content_type: false,
    }),
    ..BASE
};

static LOAD: Operation = Operation {
    id: "ImageLoad",
    name: "images.load",
    method: Method::POST,
    path: "/images/load",
    unbounded: true,
    ..BASE
};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A machine that is reached through the stand-in.
struct Machine {
    notes: TempDir,
}

impl Machine {
    fn new() -> Self {
        Self {
            notes: tempfile::tempdir().unwrap(),
        }
    }

    fn connection(&self, does: &str) -> Connection {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ssh/ssh.sh");
        let notes = self.notes.path().display();
        Connection::builder()
            .ignore_environment()
            .host(format!("ssh://{does}@box{notes}"))
            .ssh_program(script)
            .build()
            .unwrap()
    }

    /// The error of a call, without what is different each time.
    async fn failure(&self, does: &str) -> (Error, String) {
        let error = list(&self.connection(does)).await.unwrap_err();
        let text = error
            .to_string()
            .replace(self.notes.path().to_str().unwrap(), "/NOTES");
        (error, text)
    }

    fn note(&self, name: &str) -> Vec<String> {
        let path = self.notes.path().join(name);
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Waits until all processes that were started are gone, zombies included.
    async fn is_quiet(&self) {
        let start = Instant::now();
        for process in self.note("processes") {
            while is_there(&process) {
                assert!(start.elapsed() < PATIENCE, "process {process} lives on");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

fn is_there(process: &str) -> bool {
    let kill = Command::new("kill").args(["-0", process]).output().unwrap();
    kill.status.success()
}

async fn list(connection: &Connection) -> Result<Vec<String>, Error> {
    Call::new(connection, &LIST).json().await
}

#[tokio::test]
async fn ssh_gets_the_arguments_that_docker_would_give_it() {
    let machine = Machine::new();
    let connection = machine.connection("serve");
    for _ in 0..3 {
        list(&connection).await.unwrap();
    }
    let socket = format!("--host=unix://{}", machine.notes.path().display());
    assert_eq!(
        machine.note("arguments"),
        [
            "-o",
            "BatchMode=yes",
            "-o",
            "ConnectTimeout=10",
            "-l",
            "serve",
            "-T",
            "--",
            "box",
            "docker",
            &socket,
            "system",
            "dial-stdio"
        ]
    );
    assert_eq!(machine.note("processes").len(), 1, "one connection serves");
    drop(connection);
    machine.is_quiet().await;
}

#[tokio::test]
async fn what_ssh_says_is_told_with_what_to_do() {
    let machine = Machine::new();
    for (does, kind, says) in [
        (
            "unknown-host",
            ErrorKind::Connect,
            r#"ssh says "ssh: Could not resolve hostname box: Name or service not known": does `ssh unknown-host@box` work?"#,
        ),
        (
            "slow-host",
            ErrorKind::Timeout,
            r#"ssh says "ssh: connect to host box port 22: Connection timed out": does `ssh slow-host@box` work?"#,
        ),
        (
            "unknown-key",
            ErrorKind::Connect,
            r#"ssh says "No ED25519 host key is known for box and you have requested strict checking.; Host key verification failed.": connect once with `ssh unknown-key@box` to get to know its key"#,
        ),
        (
            "no-entry",
            ErrorKind::Connect,
            r#"ssh says "of three; lines; me@box: Permission denied (publickey).": `ssh no-entry@box` has to work without a question, with a key and an agent that knows its passphrase"#,
        ),
        (
            "no-words",
            ErrorKind::Connect,
            "ssh says nothing and ended with exit status: 255: does `ssh no-words@box` work?",
        ),
        (
            "no-docker",
            ErrorKind::Connect,
            r#"that machine says "sh: 1: docker: not found": does `ssh no-docker@box docker version` work? The command line of docker has to be there, on the PATH that ssh gives"#,
        ),
        (
            "no-permission",
            ErrorKind::Permission,
            r#"docker on that machine says "permission denied while trying to connect to the Docker daemon socket": add that user to the group docker there, or name another socket in the address"#,
        ),
        (
            "no-daemon",
            ErrorKind::Connect,
            r#"docker on that machine says "dial unix /var/run/docker.sock: connect: no such file or directory": is the daemon running there?"#,
        ),
        (
            "escapes",
            ErrorKind::Connect,
            r#"ssh says "a [31mred [0m word": does `ssh escapes@box` work?"#,
        ),
        (
            "stay",
            ErrorKind::Connect,
            r#"ssh says "it is over": does `ssh stay@box` work?"#,
        ),
    ] {
        let start = Instant::now();
        let (error, text) = machine.failure(does).await;
        let operation = match kind {
            ErrorKind::Timeout => "containers.list: ",
            _ => "",
        };
        let expected = format!(
            "{operation}cannot connect to the Docker daemon at ssh://{does}@box/NOTES: {says}"
        );
        assert_eq!(text, expected);
        assert_eq!(error.kind(), kind);
        assert_eq!(error.status(), None);
        assert_eq!(error.operation(), Some("containers.list"));
        assert!(start.elapsed() < PATIENCE / 2, "{does}");
    }
    for process in machine.note("processes") {
        // The one that stays.
        let _ = Command::new("kill").arg(process).output();
    }
    machine.is_quiet().await;
}

#[tokio::test]
async fn of_many_words_the_last_ones_are_told() {
    let machine = Machine::new();
    let (error, text) = machine.failure("many-words").await;
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(text.contains("xxx") && text.len() < 1000, "{text}");
    machine.is_quiet().await;
}

#[tokio::test]
async fn without_ssh_there_is_no_way() {
    let connection = Connection::builder()
        .ignore_environment()
        .host("ssh://box")
        .ssh_program("no-such-ssh")
        .build()
        .unwrap();
    let error = list(&connection).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error:?}");
    assert_eq!(
        error.to_string(),
        "cannot connect to the Docker daemon at ssh://box: \
         there is no program `no-such-ssh`: install the client of OpenSSH"
    );
}

#[tokio::test]
async fn the_end_of_input_is_not_the_end_of_output() {
    let machine = Machine::new();
    let connection = machine.connection("hand-over");
    let mut stream = Call::new(&connection, &LOGS).upgrade().await.unwrap();
    stream.write_all(b"hello ").await.unwrap();
    let mut start = [0; 6];
    stream.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"hello ");
    stream.close_stdin().await.unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "and goodbye\n");
    drop(stream);
    machine.is_quiet().await;
}

#[tokio::test]
async fn large_data_is_carried_both_ways() {
    let machine = Machine::new();
    let connection = machine.connection("hand-over");
    let stream = Call::new(&connection, &LOGS).upgrade().await.unwrap();
    let sent: Vec<u8> = (0..5_000_000_u32).map(|n| (n % 251) as u8).collect();
    let (mut reader, mut writer) = tokio::io::split(stream);
    let writing = {
        let sent = sent.clone();
        async move {
            writer.write_all(&sent).await.unwrap();
            writer.shutdown().await.unwrap();
        }
    };
    let mut received = Vec::new();
    let (_, read) = tokio::join!(writing, reader.read_to_end(&mut received));
    read.unwrap();
    assert!(received.starts_with(&sent), "{}", received.len());
    assert_eq!(&received[sent.len()..], b"and goodbye\n");
}

#[tokio::test]
async fn dropping_a_stream_ends_its_ssh() {
    let machine = Machine::new();
    let connection = machine.connection("stream");
    let mut stream = Call::new(&connection, &LOGS).bytes().await.unwrap();
    assert_eq!(stream.try_next().await.unwrap().unwrap(), "x");
    assert_eq!(machine.note("processes").len(), 1);
    drop(stream);
    machine.is_quiet().await;

    // One whose end nothing on the other side would notice.
    let connection = machine.connection("hand-over");
    let stream = Call::new(&connection, &LOGS).upgrade().await.unwrap();
    drop(stream);
    machine.is_quiet().await;
    assert_eq!(machine.note("processes").len(), 2);
}

#[tokio::test]
async fn giving_up_ends_ssh() {
    let machine = Machine::new();
    let connection = machine.connection("say-nothing");
    let mut call = Call::new(&connection, &LIST);
    call.set_timeout(Duration::from_millis(500));
    let error = call.unit().await.unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(machine.note("processes").len(), 1);
    machine.is_quiet().await;
}

#[tokio::test]
async fn a_stream_outlives_the_connection_it_came_from() {
    let machine = Machine::new();
    let stream = Call::new(&machine.connection("hand-over"), &LOGS)
        .upgrade()
        .await
        .unwrap();
    let mut stream = stream;
    stream.write_all(b"hello ").await.unwrap();
    stream.close_stdin().await.unwrap();
    let mut all = String::new();
    stream.read_to_string(&mut all).await.unwrap();
    assert_eq!(all, "hello and goodbye\n");
}

#[tokio::test]
async fn only_a_few_are_started_at_once() {
    let machine = Machine::new();
    let connection = machine.connection("start-slowly");
    let mut calls = JoinSet::new();
    for _ in 0..30 {
        let connection = connection.clone();
        calls.spawn(async move { list(&connection).await });
    }
    while let Some(result) = calls.join_next().await {
        result.unwrap().unwrap();
    }
    let at_once = machine.note("at-once");
    let at_once = at_once.iter().map(|n| n.trim().parse::<usize>().unwrap());
    let most = at_once.max().unwrap();
    assert!((2..=8).contains(&most), "{most}");
    machine.is_quiet().await;
}

#[tokio::test]
async fn a_connection_that_ended_while_idle_is_replaced() {
    let machine = Machine::new();
    let connection = machine.connection("serve-once");
    for _ in 0..5 {
        list(&connection).await.unwrap();
    }
    machine.is_quiet().await;
}

#[tokio::test]
async fn what_ends_early_is_not_complete() {
    let machine = Machine::new();
    let (error, _) = machine.failure("break-off").await;
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    let (error, text) = machine.failure("hang-up").await;
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert_eq!(
        text,
        "containers.list: the daemon closed the connection without an answer"
    );
}

/// The end of a connection that was taken over is all there is to see, and ssh knows whether it was the daemon's.
#[tokio::test]
async fn output_that_breaks_off_with_ssh_is_not_complete() {
    let machine = Machine::new();
    for (does, broken) in [
        ("attach-end", None),
        // The daemon's side closes a connection with something unread like that.
        ("attach-reset", None),
        (
            "attach-break",
            Some(
                "containers.attach web: the connection broke off, there may be more output: \
                 ssh said \"client_loop: send disconnect: Broken pipe\"",
            ),
        ),
    ] {
        let connection = machine.connection(does);
        let mut call = Call::new(&connection, &ATTACH);
        call.path("id", "web");
        call.set_tty(true);
        let (mut output, _input) = call.upgrade().await.unwrap().into_logs();
        assert_eq!(
            output.try_next().await.unwrap().unwrap().bytes,
            "some output"
        );
        match (output.next().await, broken) {
            (None, None) => {}
            (Some(Err(error)), Some(broken)) => {
                assert_eq!(error.kind(), ErrorKind::Interrupted);
                assert_eq!(error.to_string(), broken);
            }
            (other, _) => panic!("{does}: {other:?}"),
        }
    }
    machine.is_quiet().await;
}

#[tokio::test]
async fn what_a_shell_prints_is_not_http() {
    let machine = Machine::new();
    let (error, text) = machine.failure("chatter").await;
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert_eq!(
        text,
        "containers.list: what answers at ssh://chatter@box/NOTES does not speak HTTP: is it a Docker daemon? \
         Something else may be printed there when ssh runs a command: by .bashrc, for example"
    );
    machine.is_quiet().await;
}

#[tokio::test]
async fn a_failure_is_told_while_a_body_is_sent() {
    struct Endless;

    impl futures_core::Stream for Endless {
        type Item = std::io::Result<bytes::Bytes>;

        fn poll_next(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Self::Item>> {
            std::task::Poll::Ready(Some(Ok(bytes::Bytes::from_static(&[0; 64 * 1024]))))
        }
    }

    let machine = Machine::new();
    for _ in 0..10 {
        let connection = machine.connection("no-daemon");
        let mut call = Call::new(&connection, &LOAD);
        call.body("application/x-tar", Body::stream(Endless));
        let error = tokio::time::timeout(PATIENCE, call.unit())
            .await
            .unwrap()
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
        assert!(error.to_string().contains("no such file"), "{error}");
    }
    machine.is_quiet().await;
}

/// What a process leaves behind, told by a process of its own.
#[test]
fn the_private_socket_is_private_and_goes_away() {
    use std::os::unix::fs::PermissionsExt as _;

    const CHILD: &str = "DOCKER_API_GEN_TEST_TMPDIR";
    let folders = |at: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(at).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    if std::env::var_os(CHILD).is_some() {
        let at = std::env::temp_dir();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let connection = Connection::builder()
            .ignore_environment()
            .host("ssh://serve@box/")
            .build()
            .unwrap();
        let [folder] = &folders(&at)[..] else {
            panic!("{:?}", folders(&at));
        };
        let mode = std::fs::metadata(folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let other = connection.clone();
        drop(connection);
        assert_eq!(folders(&at).len(), 1);
        // A call after which the socket is served.
        let _ = runtime.block_on(list(&other));
        drop(other);
        assert!(folders(&at).is_empty());
        return;
    }
    let at = tempfile::tempdir().unwrap();
    let child = |folder: &Path| {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_private_socket_is_private_and_goes_away"])
            .env(CHILD, "1")
            .env("TMPDIR", folder)
            .env("PATH", "/nonexistent")
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&said).into_owned(),
        )
    };
    let (is_well, said) = child(at.path());
    assert!(is_well, "{said}");
    let (is_well, said) = child(&at.path().join("missing"));
    assert!(
        !is_well && said.contains("cannot make a private socket for ssh://serve@box in "),
        "{said}"
    );
}
