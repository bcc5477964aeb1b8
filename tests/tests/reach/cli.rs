//! What `docker` itself makes of contexts, addresses and the environment, and what we do.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use docker_api_gen::v1_41::Client;
use docker_api_gen::{ApiVersion, Connection, Host, explain};

use crate::world::{MAIN, TLS_PORT, Test, World};

pub(crate) const TESTS: &[Test] = &[
    Test {
        name: "cli::contexts_made_by_docker_are_read_back",
        needs: MAIN,
        run: contexts_made_by_docker_are_read_back,
    },
    Test {
        name: "cli::every_environment_leads_where_docker_goes",
        needs: MAIN,
        run: every_environment_leads_where_docker_goes,
    },
    Test {
        name: "cli::addresses_are_read_as_docker_reads_them",
        needs: MAIN,
        run: addresses_are_read_as_docker_reads_them,
    },
    Test {
        name: "cli::versions_are_those_that_docker_prints",
        needs: MAIN,
        run: versions_are_those_that_docker_prints,
    },
];

/// Set for a process of this program that is to say where it would connect to.
const WANTED: &str = "DOCKER_API_GEN_REPORT";

pub(crate) fn is_wanted() -> bool {
    std::env::var_os(WANTED).is_some()
}

/// Prints the address that is found, and the version of the daemon if it answers.
pub(crate) fn report() {
    let explanation = explain();
    let host = explanation.host().map(Host::to_string).unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let report = Connection::from_env()
        .and_then(|connection| runtime.block_on(connection.version_report(ApiVersion::new(1, 41))));
    println!("{host}");
    match report {
        Ok(report) => println!("{}", report.daemon_version().unwrap_or_default()),
        Err(error) => println!("\n{explanation}\n{error}"),
    }
}

/// Variables by name; what is not here is not set.
type Variables = BTreeMap<&'static str, String>;

const NAMES: [&str; 8] = [
    "DOCKER_API_VERSION",
    "DOCKER_CERT_PATH",
    "DOCKER_CONFIG",
    "DOCKER_CONTEXT",
    "DOCKER_HOST",
    "DOCKER_TLS",
    "DOCKER_TLS_VERIFY",
    "XDG_RUNTIME_DIR",
];

/// What a command inside of the engine prints, in this environment.
fn output(world: &World, program: impl AsRef<Path>, words: &[&str], set: &Variables) -> Output {
    let mut command = world.main().inside(program.as_ref()).unwrap();
    for name in NAMES {
        command.env_remove(name);
    }
    let home = world.folder.path().join("home");
    command.args(words).envs(set).env("HOME", home);
    let output = command.output().unwrap();
    Output {
        is_success: output.status.success(),
        lines: String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(str::to_owned)
            .collect(),
        complaint: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[derive(Debug)]
struct Output {
    is_success: bool,
    lines: Vec<String>,
    #[allow(dead_code, reason = "shown where something fails")]
    complaint: String,
}

impl Output {
    /// The first line, if there is something in it.
    fn first(&self) -> Option<&str> {
        let line = self.lines.first().map(String::as_str);
        line.filter(|line| self.is_success && !line.is_empty())
    }
}

fn docker(world: &World, words: &[&str], set: &Variables) -> Output {
    output(world, "docker", words, set)
}

/// A configuration with contexts that `docker` made.
fn configuration(world: &World, name: &str) -> PathBuf {
    let folder = world.folder.path().join(name);
    fs::create_dir(&folder).unwrap();
    let file = |name: &str| world.certificates.good.join(name).display().to_string();
    let tls = format!(
        "ca={},cert={},key={}",
        file("ca.pem"),
        file("cert.pem"),
        file("key.pem")
    );
    let ssh = world.ssh();
    let set = Variables::from([("DOCKER_CONFIG", folder.display().to_string())]);
    for (context, endpoint) in [
        ("socket", "host=unix:///run/docker.sock".to_owned()),
        ("tls", format!("host=tcp://127.0.0.1:{TLS_PORT},{tls}")),
        (
            "careless",
            format!("host=tcp://127.0.0.2:{TLS_PORT},{tls},skip-tls-verify=true"),
        ),
        ("plain", format!("host=tcp://127.0.0.1:{TLS_PORT}")),
        ("strict", format!("host=tcp://127.0.0.2:{TLS_PORT},{tls}")),
        ("far", format!("host=ssh://root@127.0.0.1:{}", ssh.port)),
    ] {
        let made = docker(
            world,
            &["context", "create", context, "--docker", &endpoint],
            &set,
        );
        assert!(made.is_success, "{context}: {made:?}");
    }
    folder
}

fn contexts_made_by_docker_are_read_back(world: &World) {
    let folder = configuration(world, "contexts");
    world.within(world.main(), || async {
        for (context, is_good) in [
            ("socket", false),
            ("tls", true),
            ("careless", true),
            ("plain", false),
            ("strict", false),
            ("far", true),
        ] {
            let connection = Connection::builder()
                .ignore_environment()
                .config(&folder)
                .context(context)
                .ssh_program(world.ssh().program)
                .build()
                .unwrap();
            let host = connection.host().to_string();
            let listed = Client::new(connection).containers().list().send().await;
            // The usual socket is inside of the engine alone.
            assert_eq!(listed.is_ok(), is_good, "{context}: {host}: {listed:?}");
        }
    });
    // As the current one, found by a program that is told nothing.
    for context in ["socket", "tls", "careless", "plain", "strict"] {
        let set = Variables::from([("DOCKER_CONFIG", folder.display().to_string())]);
        let used = docker(world, &["context", "use", context], &set);
        assert!(used.is_success, "{used:?}");
        agree(world, &set);
    }
}

/// Whether `docker` and we find the same daemon, and get an answer from it or do not.
fn agree(world: &World, set: &Variables) {
    let inspect = [
        "context",
        "inspect",
        "--format",
        "{{.Endpoints.docker.Host}}",
    ];
    let host = docker(world, &inspect, set);
    let version = docker(world, &["version", "--format", "{{.Server.Version}}"], set);
    let this = std::env::current_exe().unwrap();
    let mut ours = set.clone();
    ours.insert(WANTED, "1".to_owned());
    let ours = output(world, this, &[], &ours);
    let found = ours.lines.get(1).map(String::as_str).unwrap_or_default();
    assert_eq!(
        found,
        version.first().unwrap_or_default(),
        "{set:?}\n{version:?}\n{ours:?}"
    );
    if let Some(host) = host.first()
        && version.is_success
    {
        assert_eq!(ours.first(), Some(host), "{set:?}\n{ours:?}");
    }
}

fn every_environment_leads_where_docker_goes(world: &World) {
    let folder = configuration(world, "environments");
    let elsewhere = world.folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let good = &world.certificates.good;
    let home = world.folder.path().join("home/.docker");
    fs::create_dir_all(&home).unwrap();
    // Where certificates are if nothing else is said.
    for name in ["ca.pem", "cert.pem", "key.pem"] {
        fs::copy(good.join(name), home.join(name)).unwrap();
    }
    let socket = "unix:///run/docker.sock";
    let tcp = format!("tcp://127.0.0.1:{TLS_PORT}");
    let misnamed = format!("tcp://127.0.0.2:{TLS_PORT}");
    let (tcp, misnamed) = (tcp.as_str(), misnamed.as_str());
    let good = good.to_str().unwrap();
    let shy = world.certificates.shy.to_str().unwrap();
    let distrustful = world.certificates.distrustful.to_str().unwrap();
    let nowhere = "/nowhere";
    let current = |context: &str| {
        let set = Variables::from([("DOCKER_CONFIG", folder.display().to_string())]);
        docker(world, &["context", "use", context], &set);
    };
    let try_all = |table: &[&[(&'static str, &str)]]| {
        for row in table {
            let mut set: Variables = row
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect();
            set.entry("DOCKER_CONFIG")
                .or_insert_with(|| folder.display().to_string());
            if set["DOCKER_CONFIG"] == "(unset)" {
                set.remove("DOCKER_CONFIG");
            }
            agree(world, &set);
        }
    };
    // Who decides.
    for context in ["default", "socket", "tls", "plain"] {
        current(context);
        for host in [
            None,
            Some(""),
            Some(socket),
            Some(tcp),
            Some("unix:///nowhere"),
        ] {
            for context in [
                None,
                Some(""),
                Some("default"),
                Some("tls"),
                Some("missing"),
            ] {
                let host = host.map(|host| ("DOCKER_HOST", host));
                let context = context.map(|context| ("DOCKER_CONTEXT", context));
                let row: Vec<_> = host.into_iter().chain(context).collect();
                try_all(&[&row]);
            }
        }
    }
    // Whether TLS is spoken, and how.
    current("default");
    for (name, value) in [
        ("DOCKER_TLS_VERIFY", ""),
        ("DOCKER_TLS_VERIFY", "0"),
        ("DOCKER_TLS_VERIFY", "1"),
        ("DOCKER_TLS", ""),
        ("DOCKER_TLS", "0"),
        ("DOCKER_TLS", "1"),
    ] {
        for host in [None, Some(socket), Some(tcp), Some(misnamed)] {
            for certificates in [
                None,
                Some(good),
                Some(shy),
                Some(distrustful),
                Some(nowhere),
            ] {
                // docker wants to see certificates even where it has no use for them.
                if host == Some(socket) && certificates != Some(good) {
                    continue;
                }
                let host = host.map(|host| ("DOCKER_HOST", host));
                let certificates = certificates.map(|folder| ("DOCKER_CERT_PATH", folder));
                let mut row: Vec<_> = host.into_iter().chain(certificates).collect();
                row.push((name, value));
                try_all(&[&row]);
            }
        }
    }
    // Where the configuration is.
    try_all(&[
        &[("DOCKER_CONFIG", "(unset)")],
        &[("DOCKER_CONFIG", "")],
        &[("DOCKER_CONFIG", elsewhere.to_str().unwrap())],
        &[("DOCKER_CONFIG", "(unset)"), ("DOCKER_TLS_VERIFY", "1")],
        &[
            ("DOCKER_CONFIG", elsewhere.to_str().unwrap()),
            ("DOCKER_TLS_VERIFY", "1"),
        ],
        &[
            ("DOCKER_CONFIG", elsewhere.to_str().unwrap()),
            ("DOCKER_CONTEXT", "tls"),
        ],
        // A context has its own idea of TLS.
        &[("DOCKER_CONTEXT", "tls"), ("DOCKER_TLS_VERIFY", "1")],
        &[("DOCKER_CONTEXT", "plain"), ("DOCKER_TLS_VERIFY", "1")],
        &[("DOCKER_CONTEXT", "careless"), ("DOCKER_TLS_VERIFY", "1")],
        &[("DOCKER_CONTEXT", "strict"), ("DOCKER_TLS", "1")],
    ]);
}

fn addresses_are_read_as_docker_reads_them(world: &World) {
    // Where we differ, this is what we make of it; nothing, if we refuse.
    let same = None;
    let refused = Some("");
    for (address, ours) in [
        ("unix://", same),
        ("unix:///run/d.sock", same),
        ("tcp://", same),
        ("tcp://:2376", same),
        ("tcp://box", same),
        ("tcp://box:", same),
        ("tcp://10.0.0.5:80", same),
        ("tcp://::1", same),
        ("tcp://[::1]:2376", same),
        ("tcp://box:2375/base", same),
        (" tcp://10.0.0.5 ", same),
        ("box", same),
        ("box:2375", same),
        (":2376", same),
        ("10.0.0.5", same),
        ("[::1]:2375", same),
        ("ssh://box", same),
        ("ssh://me@box", same),
        ("ssh://me@box:2222/run/d.sock", same),
        ("npipe://", same),
        ("npipe:////./pipe/docker_engine", same),
        ("gopher://box", same),
        ("TCP://box", same),
        ("bo x", same),
        ("tcp://bo x", same),
        // One slash more or less is no other place.
        ("tcp://[::1]:2375/a/b/", Some("tcp://[::1]:2375/a/b")),
        // We understand more.
        ("tcp://[::1]", Some("tcp://[::1]:2375")),
        ("http://box", Some("http://box:80")),
        ("http://box:8080/x", Some("http://box:8080/x")),
        ("https://box", Some("https://box:443")),
        // We refuse what cannot work, and what would be cut off.
        ("unix://run/d.sock", refused),
        ("tcp://box:0", refused),
        ("tcp://box:99999", refused),
        ("tcp://me:secret@box", refused),
        ("tcp://box?x=1", refused),
        ("tcp://box#x", refused),
        ("ssh://", refused),
        ("ssh://me:secret@box", refused),
        ("ssh://box?x=1", refused),
        ("fd://", refused),
        ("/run/d.sock", refused),
    ] {
        let set = Variables::from([("DOCKER_HOST", address.to_owned())]);
        let inspect = [
            "context",
            "inspect",
            "--format",
            "{{.Endpoints.docker.Host}}",
        ];
        let theirs = docker(world, &inspect, &set);
        let theirs = theirs.first().unwrap_or_default();
        let read = address.parse::<Host>().ok();
        let read = read.map(|host| host.to_string()).unwrap_or_default();
        assert_eq!(read, ours.unwrap_or(theirs), "{address:?}");
        if let Some(ours) = ours {
            assert_ne!(ours, theirs, "{address:?} is no difference");
        }
    }
}

fn versions_are_those_that_docker_prints(world: &World) {
    let words = [
        "version",
        "--format",
        "{{.Server.Version}} {{.Server.APIVersion}} {{.Server.MinAPIVersion}}",
    ];
    let theirs = docker(world, &words, &Variables::new());
    let host = world.main().host();
    world.within(world.main(), || async {
        let client = Client::connect(host).unwrap();
        let report = client.version_report().await.unwrap();
        let ours = format!(
            "{} {} {}",
            report.daemon_version().unwrap(),
            report.daemon_api_version().unwrap(),
            report.daemon_min_api_version().unwrap()
        );
        assert_eq!(theirs.first(), Some(ours.as_str()), "{theirs:?}");
    });
}
