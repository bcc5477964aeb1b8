//! Real engines: started, used, killed, and gone without a trace. Needs root and Debian's packages; what cannot be
//! tried here says so.
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use xtask::engine::{Builder, Engine, EngineKind, Registry};

/// One after the other, as each looks at what the others leave on the machine.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn xtask() -> Command {
    Command::new(env!("CARGO_BIN_EXE_xtask"))
}

/// The engine, unless this machine cannot have it.
fn start(builder: Builder) -> Option<Engine> {
    let list = xtask()
        .args(["engine", "list"])
        .output()
        .expect("xtask runs");
    let list = String::from_utf8(list.stdout).expect("text");
    match builder.private().start() {
        Ok(engine) => Some(engine),
        Err(error)
            if !list
                .lines()
                .any(|line| line.contains(" yes ") && !line.starts_with("found")) =>
        {
            eprintln!("SKIPPED, NOT PASSED: no private engine can be had here: {error:#}");
            None
        }
        Err(error) => panic!("{error:#}\n{list}"),
    }
}

/// Old HTTP, whose answers come in one piece and end with the connection.
fn ask(engine: &Engine, method: &str, target: &str, body: Option<Value>) -> (u16, String) {
    let socket = engine
        .host()
        .strip_prefix("unix://")
        .expect("a private engine has a socket");
    let mut stream = UnixStream::connect(socket).expect("the engine listens");
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    write!(
        stream,
        "{method} {target} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    (head[9..12].parse().expect("a status"), body.to_owned())
}

fn done(engine: &Engine, method: &str, target: &str, body: Option<Value>) -> Value {
    let (status, answer) = ask(engine, method, target, body);
    assert!(
        (200..300).contains(&status),
        "{method} {target}: {status} {answer}"
    );
    serde_json::from_str(&answer).unwrap_or(Value::Null)
}

/// Starts a container that stays, and gives its id.
fn run(engine: &Engine, image: &str, script: &str) -> String {
    let container = json!({"Image": image, "Cmd": ["sh", "-c", script], "Tty": true});
    let id = done(engine, "POST", "/containers/create", Some(container))["Id"]
        .as_str()
        .unwrap()
        .to_owned();
    done(engine, "POST", &format!("/containers/{id}/start"), None);
    id
}

fn output(engine: &Engine, image: &str, script: &str) -> String {
    let id = run(engine, image, script);
    let end = done(engine, "POST", &format!("/containers/{id}/wait"), None);
    assert_eq!(end["StatusCode"], 0, "{end}");
    ask(
        engine,
        "GET",
        &format!("/containers/{id}/logs?stdout=1"),
        None,
    )
    .1
}

/// How an engine could be told to have left something. Others may be busy with engines of their own meanwhile.
struct Traces {
    /// Part of its folders' names, its control groups' and its command line.
    id: String,
    namespaces: Vec<PathBuf>,
    containers: Vec<String>,
    folders: BTreeSet<PathBuf>,
}

/// Where engines are known to write, whatever they are told.
const FOLDERS: [&str; 7] = [
    "/dev/shm",
    "/etc",
    "/opt",
    "/run",
    "/var/cache",
    "/var/lib",
    "/var/tmp",
];

fn entries() -> BTreeSet<PathBuf> {
    let folders = FOLDERS.iter().flat_map(fs::read_dir).flatten().flatten();
    // This one goes with the last engine of all.
    folders
        .map(|entry| entry.path())
        .filter(|path| path != Path::new("/run/docker-api-gen"))
        .collect()
}

impl Traces {
    /// To be taken while the engine runs.
    fn of(host: &str, containers: &[&str], folders: &BTreeSet<PathBuf>) -> Traces {
        let id = host
            .rsplit('/')
            .nth(1)
            .expect("a socket in a folder")
            .to_owned();
        let is_daemon = |line: &str| {
            line.contains(&id) && (line.contains("/dockerd ") || line.contains("/podman "))
        };
        let daemon = processes()
            .into_iter()
            .find(|(_, line)| is_daemon(line))
            .expect("a daemon")
            .0;
        let link = |name: &str| fs::read_link(format!("/proc/{daemon}/ns/{name}")).unwrap();
        Traces {
            namespaces: ["mnt", "net", "pid"].map(link).to_vec(),
            containers: containers.iter().map(|&id| id.to_owned()).collect(),
            folders: folders.clone(),
            id,
        }
    }

    /// What there is of it.
    fn left(&self) -> BTreeSet<String> {
        let mut left = BTreeSet::new();
        let mut groups = vec![PathBuf::from("/sys/fs/cgroup")];
        while let Some(group) = groups.pop() {
            for entry in fs::read_dir(&group).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    groups.push(entry.path());
                }
            }
            let name = group.display().to_string();
            if name.contains(&self.id) || self.containers.iter().any(|id| name.contains(id)) {
                left.insert(name);
            }
        }
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        left.extend(
            mounts
                .lines()
                .filter(|mount| mount.contains(&self.id))
                .map(str::to_owned),
        );
        for (pid, line) in processes() {
            let inside = ["mnt", "net", "pid"].iter().any(|name| {
                fs::read_link(format!("/proc/{pid}/ns/{name}"))
                    .is_ok_and(|link| self.namespaces.contains(&link))
            });
            if inside || line.contains(&self.id) {
                left.insert(format!("{pid} {line}"));
            }
        }
        let runtime = Path::new("/run/docker-api-gen").join(&self.id);
        left.extend(runtime.exists().then(|| runtime.display().to_string()));
        let now = entries();
        left.extend(
            now.difference(&self.folders)
                .map(|path| path.display().to_string()),
        );
        left
    }

    fn assert_none(&self) {
        assert_eq!(self.left(), BTreeSet::new(), "left of {}", self.id);
    }
}

/// All processes and their command lines. The dead do not count, though nobody may have taken notice of their end.
fn processes() -> Vec<(u32, String)> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|process| {
        let pid = process.file_name().to_str()?.parse().ok()?;
        let status = fs::read_to_string(process.path().join("status")).ok()?;
        let line = fs::read(process.path().join("cmdline")).ok()?;
        (!status.contains("\nState:\tZ"))
            .then(|| (pid, String::from_utf8_lossy(&line).replace('\0', " ")))
    })
    .collect()
}

fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn every_kind_runs_a_container_and_leaves_nothing() {
    let _alone = alone();
    let before = entries();
    for kind in EngineKind::ALL {
        let Some(engine) = start(Engine::builder().kind(kind)) else {
            return;
        };
        let version = engine
            .version()
            .expect("a private engine has one")
            .to_owned();
        assert!(kind.is_version(&version), "{kind} is {version}");
        assert_eq!(
            output(&engine, "alpine", "echo hello from $(which ls)").trim(),
            "hello from /bin/ls"
        );
        assert_eq!(output(&engine, "busybox:latest", "id -u").trim(), "0");
        let id = run(&engine, "alpine", "sleep 1000");
        let (status, _) = ask(&engine, "GET", &format!("/containers/{id}/json"), None);
        assert_eq!(status, 200);
        let traces = Traces::of(engine.host(), &[&id], &before);
        assert_ne!(traces.left(), BTreeSet::new(), "it is seen while it runs");
        // With a container that still runs.
        engine.stop().unwrap();
        traces.assert_none();
    }
}

#[test]
fn engines_live_side_by_side() {
    let _alone = alone();
    let before = entries();
    let Some(one) = start(Engine::builder().kind(EngineKind::Docker20_10).name("one")) else {
        return;
    };
    let two = start(Engine::builder().kind(EngineKind::Docker28_5).name("two")).unwrap();
    let swarm = json!({"ListenAddr": "127.0.0.1:2377", "AdvertiseAddr": "127.0.0.1"});
    for engine in [&one, &two] {
        // The same ports and the same network devices, in two networks.
        done(engine, "POST", "/v1.41/swarm/init", Some(swarm.clone()));
        let ports = json!({"80/tcp": [{"HostPort": "8080"}]});
        let script = format!(
            "mkdir /www; echo {} > /www/index.html; httpd -f -h /www",
            engine.version().unwrap()
        );
        let container = json!({
            "Image": "alpine", "Cmd": ["sh", "-c", script],
            "ExposedPorts": {"80/tcp": {}}, "HostConfig": {"PortBindings": ports},
        });
        done(
            engine,
            "POST",
            "/containers/create?name=web",
            Some(container),
        );
        done(engine, "POST", "/containers/web/start", None);
    }
    for engine in [&one, &two] {
        let mut page = String::new();
        eventually("the page is served", || {
            let script = "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3";
            let answer = engine
                .command("bash")
                .args(["-c", script])
                .output()
                .unwrap();
            page = String::from_utf8(answer.stdout).unwrap();
            page.contains("200 OK")
        });
        assert!(page.trim().ends_with(engine.version().unwrap()), "{page}");
    }
    let traces = [&one, &two].map(|engine| Traces::of(engine.host(), &[], &before));
    drop((one, two));
    traces.iter().for_each(Traces::assert_none);
}

#[test]
fn a_daemon_can_be_killed_and_restarted() {
    let _alone = alone();
    let Some(engine) = start(
        Engine::builder()
            .kind(EngineKind::Docker20_10)
            .arg("--label=mark=yes"),
    ) else {
        return;
    };
    assert_eq!(
        done(&engine, "GET", "/info", None)["Labels"],
        json!(["mark=yes"])
    );
    done(
        &engine,
        "POST",
        "/volumes/create",
        Some(json!({"Name": "kept"})),
    );
    let pid = engine.pid().unwrap();
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
    assert_eq!(name.trim(), "dockerd");

    engine.kill().unwrap();
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
    assert!(UnixStream::connect(engine.host().strip_prefix("unix://").unwrap()).is_err());
    let error = engine.pid().unwrap_err().to_string();
    assert_eq!(error, "the daemon was ended by SIGKILL");

    for _ in 0..2 {
        engine.restart().unwrap();
        assert_ne!(engine.pid().unwrap(), pid);
        assert_eq!(done(&engine, "GET", "/volumes/kept", None)["Name"], "kept");
    }
}

#[test]
fn registries_take_and_give_images() {
    let _alone = alone();
    let Some(engine) = start(Engine::builder().kind(EngineKind::Docker28_5).registry()) else {
        return;
    };
    let push = |registry: Registry, auth: &str| {
        let name = format!("{}/some/image", registry.address());
        done(
            &engine,
            "POST",
            &format!("/images/alpine/tag?repo={name}&tag=1"),
            None,
        );
        let socket = engine.host().strip_prefix("unix://").unwrap();
        let mut stream = UnixStream::connect(socket).unwrap();
        write!(
            stream,
            "POST /images/{name}/push?tag=1 HTTP/1.0\r\nX-Registry-Auth: {auth}\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(push(Registry::Open, "e30=").contains("digest: sha256:"));
    assert_eq!(engine.registry(Registry::Closed).unwrap(), "127.0.0.1:5001");
    assert!(push(Registry::Closed, "e30=").contains("no basic auth credentials"));
    // {"username":"registry-user","password":"registry-password"}
    assert_eq!(
        (Registry::USER, Registry::PASSWORD),
        ("registry-user", "registry-password")
    );
    let auth = "eyJ1c2VybmFtZSI6InJlZ2lzdHJ5LXVzZXIiLCJwYXNzd29yZCI6InJlZ2lzdHJ5LXBhc3N3b3JkIn0=";
    assert!(push(Registry::Closed, auth).contains("digest: sha256:"));
}

/// A command that holds an engine, once the engine answers.
fn holder() -> (Child, String) {
    let mut child = xtask()
        .args(["engine", "run", "--engine", "docker-20.10", "--"])
        .args(["sh", "-c", "echo $DOCKER_HOST; exec sleep 1000"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut host = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut host)
        .unwrap();
    (child, host.trim().to_owned())
}

fn children(pid: u32) -> Vec<(u32, String)> {
    let parent = format!("PPid:\t{pid}");
    let is_child = |pid: u32| {
        fs::read_to_string(format!("/proc/{pid}/status"))
            .is_ok_and(|status| status.lines().any(|line| line == parent))
    };
    processes()
        .into_iter()
        .filter(|(pid, _)| is_child(*pid))
        .collect()
}

fn signal(pid: u32, name: &str) {
    assert!(
        Command::new("kill")
            .args(["-s", name, &pid.to_string()])
            .status()
            .unwrap()
            .success()
    );
}

#[test]
fn an_engine_ends_with_its_command_however_that_ends() {
    let _alone = alone();
    if start(Engine::builder().kind(EngineKind::Docker20_10)).is_none() {
        return;
    }
    let before = entries();
    for name in ["KILL", "TERM", "INT", "HUP"] {
        let (mut child, host) = holder();
        let traces = Traces::of(&host, &[], &before);
        // The shell that spoke may not be what it runs yet; it is the same process.
        let sleeper = children(child.id())
            .into_iter()
            .find(|(_, line)| line.contains("sleep "))
            .unwrap()
            .0;
        signal(child.id(), name);
        let status = child.wait().unwrap();
        if name == "KILL" {
            // Nobody was left to pass the signal on.
            signal(sleeper, "KILL");
            eventually("the engine ends by itself", || traces.left().is_empty());
        } else {
            assert_eq!(
                status.code().map(|code| code > 128),
                Some(true),
                "{name}: {status}"
            );
            traces.assert_none();
        }
    }
}

#[test]
fn what_a_killed_supervisor_leaves_is_removed() {
    let _alone = alone();
    if start(Engine::builder().kind(EngineKind::Docker20_10)).is_none() {
        return;
    }
    let before = entries();
    let (mut child, host) = holder();
    let traces = Traces::of(&host, &[], &before);
    let find = |word: &str| {
        children(child.id())
            .into_iter()
            .find(|(_, line)| line.contains(word))
            .unwrap()
            .0
    };
    let (supervisor, sleeper) = (find("supervise"), find("sleep"));
    signal(child.id(), "KILL");
    signal(supervisor, "KILL");
    signal(sleeper, "KILL");
    child.wait().unwrap();
    let socket = host.strip_prefix("unix://").unwrap();
    eventually("the daemon ends by itself", || {
        UnixStream::connect(socket).is_err()
    });
    assert!(xtask().args(["engine", "down"]).status().unwrap().success());
    traces.assert_none();
}

#[test]
fn a_daemon_that_does_not_start_says_why() {
    let _alone = alone();
    if start(Engine::builder().kind(EngineKind::Docker20_10)).is_none() {
        return;
    }
    let before = entries();
    let error = Engine::builder()
        .kind(EngineKind::Docker20_10)
        .arg("--no-such-flag")
        .start()
        .unwrap_err()
        .to_string();
    assert!(error.contains("unknown flag: --no-such-flag"), "{error}");
    assert_eq!(entries(), before);
}
