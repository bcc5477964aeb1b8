//! ssh, through a real sshd and the `docker` behind it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use docker_api_gen::{ByteStream, ConnectionBuilder, ErrorKind};
use xtask::engine::Engine;

use crate::echo::{is_echoed, is_fed_too_much};
use crate::world::{MAIN, Test, World, client, to};

pub(crate) const TESTS: &[Test] = &[
    Test {
        name: "ssh::a_container_is_run_with_input_and_output",
        needs: MAIN,
        run: a_container_is_run_with_input_and_output,
    },
    Test {
        name: "ssh::input_comes_back_and_ends_when_it_is_closed",
        needs: MAIN,
        run: input_comes_back_and_ends_when_it_is_closed,
    },
    Test {
        name: "ssh::an_image_goes_there_and_back",
        needs: MAIN,
        run: an_image_goes_there_and_back,
    },
    Test {
        name: "ssh::many_calls_and_streams_at_once_leave_nothing",
        needs: MAIN,
        run: many_calls_and_streams_at_once_leave_nothing,
    },
    Test {
        name: "ssh::more_streams_than_sessions_of_one_master",
        needs: MAIN,
        run: more_streams_than_sessions_of_one_master,
    },
    Test {
        name: "ssh::a_quiet_stream_that_is_dropped_ends_on_both_sides",
        needs: MAIN,
        run: a_quiet_stream_that_is_dropped_ends_on_both_sides,
    },
    Test {
        name: "ssh::what_goes_wrong_is_told_in_the_words_of_ssh",
        needs: MAIN,
        run: what_goes_wrong_is_told_in_the_words_of_ssh,
    },
    Test {
        name: "ssh::a_connection_that_is_cut_is_an_error",
        needs: MAIN,
        run: a_connection_that_is_cut_is_an_error,
    },
];

/// A way through ssh to the path of a socket, or to the usual one.
pub(crate) fn through_ssh(world: &World, path: &str) -> ConnectionBuilder {
    let ssh = world.ssh();
    to(&format!("ssh://root@127.0.0.1:{}{path}", ssh.port)).ssh_program(ssh.program)
}

/// The same with a configuration of ssh of its own.
fn configured(world: &World, name: &str, config: &str) -> ConnectionBuilder {
    let file = |suffix: &str| world.folder.path().join(format!("ssh-{name}-{suffix}"));
    // Inside of the engine there is another `/tmp` than outside, maybe, but the same folder for sockets.
    let config_file = world.ssh().program.with_file_name(format!("config-{name}"));
    fs::write(&config_file, config).unwrap();
    let script: PathBuf = file("program");
    let text = format!(
        "#!/bin/sh\nSSH_CONFIG={} exec {} \"$@\"\n",
        config_file.display(),
        world.ssh().program.display()
    );
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).unwrap();
    through_ssh(world, "").ssh_program(script)
}

/// What runs in an engine's network because of a connection through ssh, on either side.
fn dialing(engine: &Engine) -> Vec<u32> {
    let network = |process: u32| fs::read_link(format!("/proc/{process}/ns/net")).ok();
    let engines = network(engine.pid().unwrap());
    let mut found: Vec<u32> = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok())
        .filter(|process| {
            let line = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains("dial-stdio") && network(*process) == engines
        })
        .collect();
    found.sort_unstable();
    found
}

async fn nothing_is_left(engine: &Engine) {
    let start = Instant::now();
    loop {
        let left = dialing(engine);
        if left.is_empty() {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(15), "left: {left:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn a_container_is_run_with_input_and_output(world: &World) {
    let engine = world.main();
    world.within(engine, || async {
        for path in ["", "/", "/run/docker.sock"] {
            let client = client(through_ssh(world, path));
            let output = client
                .run("alpine", ["sh", "-c", "cat; echo done >&2; exit 3"])
                .stdin("hello\n")
                .send()
                .await
                .unwrap();
            assert_eq!(output.stdout, "hello\n");
            assert_eq!(output.stderr, "done\n");
            assert_eq!(output.exit_code, 3);
        }
        nothing_is_left(engine).await;
    });
}

fn input_comes_back_and_ends_when_it_is_closed(world: &World) {
    let engine = world.main();
    world.within(engine, || async {
        let client = client(through_ssh(world, ""));
        is_echoed(&client).await;
        is_fed_too_much(&client).await;
        drop(client);
        nothing_is_left(engine).await;
    });
}

async fn all(mut stream: ByteStream) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(chunk) = stream.try_next().await.unwrap() {
        all.extend_from_slice(&chunk);
    }
    all
}

fn an_image_goes_there_and_back(world: &World) {
    let engine = world.main();
    world.within(engine, || async {
        let client = client(through_ssh(world, ""));
        let saved = all(client.images().save("alpine").send().await.unwrap()).await;
        assert!(saved.len() > 500_000, "{}", saved.len());
        let mut loading = client.images().load(saved).send().await.unwrap();
        let mut last = String::new();
        while let Some(step) = loading.try_next().await.unwrap() {
            last = format!("{step:?}");
        }
        assert!(last.contains("Loaded image"), "{last}");
    });
}

fn many_calls_and_streams_at_once_leave_nothing(world: &World) {
    let engine = world.main();
    world.within(engine, || async {
        let client = client(through_ssh(world, ""));
        // More than sshd would let in at once.
        let calls: Vec<_> = (0..24)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { client.containers().list().send().await })
            })
            .collect();
        let mut streams = Vec::new();
        for _ in 0..4 {
            streams.push(client.system().events().send().await.unwrap());
        }
        for call in calls {
            call.await.unwrap().unwrap();
        }
        assert!(dialing(engine).len() >= 8, "two for each stream");
        drop(streams);
        client.containers().list().send().await.unwrap();
        drop(client);
        nothing_is_left(engine).await;
    });
}

fn more_streams_than_sessions_of_one_master(world: &World) {
    let engine = world.main();
    let ssh = world.ssh();
    let config = format!(
        "IdentityFile {}\nUserKnownHostsFile {}\nControlMaster auto\nControlPersist 2\nControlPath {}\n",
        ssh.key.display(),
        ssh.known_hosts.display(),
        ssh.program.with_file_name("master").display()
    );
    world.within(engine, || async {
        let client = client(configured(world, "master", &config));
        client.containers().list().send().await.unwrap();
        let mut streams = Vec::new();
        for _ in 0..12 {
            streams.push(client.system().events().send().await.unwrap());
        }
        client.containers().list().send().await.unwrap();
        drop((streams, client));
        nothing_is_left(engine).await;
    });
}

fn a_quiet_stream_that_is_dropped_ends_on_both_sides(world: &World) {
    let engine = world.main();
    world.within(engine, || async {
        let client = client(through_ssh(world, ""));
        let run = client.run("alpine", ["sleep", "1000"]).remove_on_drop(true);
        let (running, io) = run.start_attached().await.unwrap();
        assert!(dialing(engine).len() >= 2);
        drop(io);
        let start = Instant::now();
        // One spare connection may be kept, and one waits for the end of the container.
        while dialing(engine).len() > 6 {
            assert!(start.elapsed() < Duration::from_secs(15));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        drop((running, client));
        nothing_is_left(engine).await;
    });
    let start = Instant::now();
    while !engine.containers().unwrap().is_empty() {
        assert!(start.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn what_goes_wrong_is_told_in_the_words_of_ssh(world: &World) {
    let engine = world.main();
    let ssh = world.ssh();
    let config = |key: &PathBuf, known: &str| {
        format!(
            "IdentityFile {}\nIdentitiesOnly yes\nUserKnownHostsFile {known}\n",
            key.display()
        )
    };
    let known = ssh.known_hosts.to_str().unwrap();
    let nobody = to("ssh://root@127.0.0.1:2").ssh_program(&ssh.program);
    world.within(engine, || async {
        for (builder, kind, says) in [
            (
                configured(world, "stranger", &config(&ssh.stranger, known)),
                ErrorKind::Connect,
                r#"ssh says "root@127.0.0.1: Permission denied (publickey).": `ssh -p 2222 root@127.0.0.1` has to work"#,
            ),
            (
                configured(world, "unknown", &config(&ssh.key, "/dev/null")),
                ErrorKind::Connect,
                r#"Host key verification failed.": connect once with `ssh -p 2222 root@127.0.0.1`"#,
            ),
            (
                configured(world, "poor", &config(&ssh.poor, known)),
                ErrorKind::Connect,
                r#"docker: not found": does `ssh -p 2222 root@127.0.0.1 docker version` work?"#,
            ),
            (
                nobody,
                ErrorKind::Connect,
                r#"ssh says "ssh: connect to host 127.0.0.1 port 2: Connection refused": does `ssh -p 2 root@127.0.0.1` work?"#,
            ),
            (
                through_ssh(world, "/no/such.sock"),
                ErrorKind::Connect,
                r#"/no/such.sock: connect: no such file or directory": is the daemon running there?"#,
            ),
            (
                through_ssh(world, "/it's $HOME/no such.sock"),
                ErrorKind::Connect,
                r#"/it's $HOME/no such.sock: connect: no such file or directory": is the daemon running there?"#,
            ),
        ] {
            let error = client(builder).containers().list().send().await.unwrap_err();
            let text = error.to_string();
            assert!(text.contains(says), "{text}");
            assert!(
                text.starts_with("cannot connect to the Docker daemon at ssh://root@127.0.0.1:2"),
                "{text}"
            );
            assert_eq!(error.kind(), kind, "{text}");
        }
        nothing_is_left(engine).await;
    });
}

fn a_connection_that_is_cut_is_an_error(world: &World) {
    let engine = world.main();
    world.within(engine, || async {
        let client = client(through_ssh(world, ""));
        let mut events = client.system().events().send().await.unwrap();
        let run = client.run("alpine", ["sh", "-c", "echo ready; sleep 1000"]);
        let run = run.keep(true).remove_on_drop(true);
        let (container, io) = run.start_attached().await.unwrap();
        let (mut output, _input) = io.into_logs();
        assert_eq!(output.try_next().await.unwrap().unwrap().bytes, "ready\n");
        let processes = dialing(engine);
        assert!(processes.len() >= 2);
        for process in processes {
            let kill = std::process::Command::new("kill")
                .args(["-9", &process.to_string()])
                .status();
            assert!(kill.is_ok());
        }
        // There are more events, of the container.
        let error = loop {
            match events.try_next().await {
                Ok(event) => assert!(event.is_some(), "a quiet end"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
        let error = output.try_next().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
        // The next call goes another way.
        client.containers().list().send().await.unwrap();
        container.remove().await.unwrap();
    });
}
