//! The first process of a private engine, in namespaces of its own. It arranges what the engine sees of the machine,
//! starts the daemon, and stays to collect orphans and to restart the daemon when asked. When it ends, for whatever
//! reason, the kernel ends everything else in there, mounts and network included.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::errno::Errno;
use nix::mount::MsFlags;
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::sys::statfs::{OVERLAYFS_SUPER_MAGIC, statfs};
use nix::sys::wait::{WaitStatus, wait};
use nix::unistd::Pid;

use super::spec::{Answer, Request, State};
use super::sys::{self, Held};
use super::{dirs, log_excerpt, sshd};
use crate::engine::{Net, Registry};

/// What belongs to the engine alone, inside of a `/run` that is its own too.
const OWN: &str = "/run/engine";

/// Where version 2 of control groups is mounted on a machine that has both.
const UNIFIED: &str = "/sys/fs/cgroup/unified";

/// How long a daemon may take to stop before it is killed.
pub(super) const STOP: Duration = Duration::from_secs(20);

/// Never returns unless the engine could not be started.
pub(crate) fn run() -> Result<()> {
    let mut stdin = BufReader::new(std::io::stdin());
    let mut line = String::new();
    stdin.read_line(&mut line)?;
    let state: State =
        serde_json::from_str(&line).context("this command is started by others, not by hand")?;
    let log = File::options()
        .create(true)
        .append(true)
        .open(state.log())?;
    let result = serve(state, stdin, &log);
    if let Err(error) = &result {
        let _ = writeln!(&log, "{error:#}");
    }
    result
}

fn serve(state: State, mut stdin: impl BufRead + Send + 'static, log: &File) -> Result<()> {
    // Before the first thread, as threads that exist already would keep the old namespaces.
    let mut flags = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWIPC;
    if state.spec.net == Net::Private {
        flags |= CloneFlags::CLONE_NEWNET;
    }
    unshare(flags).context(
        "cannot make namespaces; in a container, that takes one started with --privileged",
    )?;
    // The other end is the supervisor's: it closes when that is gone.
    thread::spawn(move || {
        while stdin
            .read_line(&mut String::new())
            .is_ok_and(|length| length > 0)
        {}
        std::process::exit(0);
    });
    let control = UnixListener::bind(state.control()).context("cannot listen for requests")?;
    if state.spec.net == Net::Private {
        sys::loopback_up()?;
    }
    arrange(&state)?;
    let commands = Commands::new(&state)?;
    let processes = Arc::new(Processes::default());
    let daemon = Arc::new(Daemon {
        commands,
        processes: Arc::clone(&processes),
        log: log.try_clone()?,
        pid: Mutex::new(None),
        registries: Mutex::default(),
        runtime: state.runtime(),
        has_sshd: Mutex::new(false),
    });
    daemon.start()?;
    thread::spawn(move || {
        for connection in control.incoming().flatten() {
            let daemon = Arc::clone(&daemon);
            thread::spawn(move || answer(&daemon, connection));
        }
    });
    processes.collect()
}

/// Mounts: what the engine writes stays in its folder or vanishes with it, what it reads is of one piece.
fn arrange(state: &State) -> Result<()> {
    let spec = &state.spec;
    // Mounts made on the machine later are seen in here, never the other way round.
    sys::propagation(MsFlags::MS_SLAVE)?;
    let runtime = Held::open(&state.runtime())?;
    let folder = Held::open(&state.folder)?;
    let tree = spec.tree.as_deref().map(Held::open).transpose()?;
    sys::kernel("proc", Path::new("/proc"))?;

    // Sockets and locks of an engine of the machine's own lie in /run and /dev/shm.
    sys::tmpfs(Path::new("/run"), "0755")?;
    if Path::new("/dev/shm").is_dir() {
        sys::tmpfs(Path::new("/dev/shm"), "1777")?;
    }
    fs::create_dir_all(state.runtime())?;
    sys::bind(&runtime.path(), &state.runtime())?;
    for name in ["bin", "data", "home", "registry", "tmp", "tree"] {
        fs::create_dir_all(own(name))?;
    }
    for name in ["data", "registry", "tmp"] {
        fs::create_dir_all(folder.path().join(name))?;
        sys::bind(&folder.path().join(name), &own(name))?;
    }
    sys::bind(&own("tmp"), Path::new("/var/tmp"))?;

    if spec.net == Net::Private {
        show_network_devices()?;
    }

    if spec.is_podman() && Path::new(UNIFIED).is_dir() {
        // Beside version 1, crun takes version 2 only without controllers; not there at all will do as well.
        sys::detach(Path::new(UNIFIED))?;
    }

    // These are written to whatever an engine is told.
    sys::cover(Path::new("/opt"), &["containerd"])?;
    sys::cover(Path::new("/var/cache"), &["containers"])?;
    sys::cover(
        Path::new("/var/lib"),
        &["cni", "containerd", "containers", "docker"],
    )?;
    let layers: Vec<PathBuf> = match &tree {
        Some(tree) => {
            sys::bind(&tree.path(), &own("tree"))?;
            vec![own("tree/etc"), "/etc".into()]
        }
        None => vec!["/etc".into()],
    };
    sys::overlay(
        &layers.iter().map(PathBuf::as_path).collect::<Vec<_>>(),
        &own("etc"),
        Path::new("/etc"),
    )?;
    // No configuration but ours; the tree brings podman's.
    for name in ["cni", "docker"] {
        fs::create_dir_all(Path::new("/etc").join(name))?;
        sys::tmpfs(&Path::new("/etc").join(name), "0755")?;
    }
    if tree.is_some() {
        use_tree()?;
    }
    // Volumes shared between containers need mounts that propagate at least in here.
    sys::propagation(MsFlags::MS_SHARED)
}

pub(super) fn own(name: &str) -> PathBuf {
    Path::new(OWN).join(name)
}

/// A fresh sysfs, as the machine's shows the devices of another network namespace.
fn show_network_devices() -> Result<()> {
    let (sysfs, cgroups, aside) = (
        Path::new("/sys"),
        Path::new("/sys/fs/cgroup"),
        own("cgroup"),
    );
    fs::create_dir_all(&aside)?;
    sys::bind(cgroups, &aside)?;
    sys::kernel("sysfs", sysfs)?;
    sys::bind(&aside, cgroups)?;
    sys::detach(&aside)
}

/// Puts the unpacked programs and libraries where they expect to be, in place of the machine's.
fn use_tree() -> Result<()> {
    let modules = Path::new("/lib/modules");
    if modules.is_dir() {
        sys::bind(modules, &own("tree/usr/lib/modules"))?;
    }
    for name in dirs::MERGED {
        // Where /bin is no link into /usr, it is one more place to cover.
        let folder = Path::new("/").join(name);
        if folder.is_dir() && !folder.is_symlink() {
            sys::bind(&own("tree/usr").join(name), &folder)?;
        }
    }
    sys::bind(&own("tree/usr"), Path::new("/usr"))?;
    choose_iptables()
}

/// The packages leave the choice between the two kinds of iptables to an installation step. Which one works is up to
/// the kernel.
fn choose_iptables() -> Result<()> {
    let works = |kind: &&str| {
        Command::new(format!("/usr/sbin/iptables-{kind}"))
            .args(["--table", "nat", "--list", "--numeric"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    // If neither does, the daemon's own complaint says more than we could.
    let kind = ["nft", "legacy"].into_iter().find(works).unwrap_or("nft");
    for family in ["iptables", "ip6tables"] {
        for suffix in ["", "-save", "-restore"] {
            symlink(
                format!("/usr/sbin/{family}-{kind}{suffix}"),
                own("bin").join(format!("{family}{suffix}")),
            )?;
        }
    }
    Ok(())
}

/// How to start what runs in here.
pub(super) struct Commands {
    folders: Vec<PathBuf>,
    daemon: &'static str,
    args: Vec<String>,
    env: Vec<(String, String)>,
    /// What a killed daemon leaves behind that would keep it from starting.
    stale: [PathBuf; 2],
}

impl Commands {
    fn new(state: &State) -> Result<Commands> {
        let spec = &state.spec;
        let mut folders = vec![own("bin")];
        folders.extend(match spec.tree {
            Some(_) => ["/usr/sbin", "/usr/bin"].map(PathBuf::from).to_vec(),
            None => dirs::search_path(),
        });
        let (daemon, (args, mut env)) = match spec.is_podman() {
            true => ("podman", podman(state)?),
            false => ("dockerd", docker(state)?),
        };
        env.extend(spec.env.iter().cloned());
        let stale = [
            state.runtime().join("docker.sock"),
            "/run/docker.pid".into(),
        ];
        Ok(Commands {
            folders,
            daemon,
            args,
            env,
            stale,
        })
    }

    pub(super) fn find(&self, program: &str) -> Result<PathBuf> {
        let found = self
            .folders
            .iter()
            .map(|folder| folder.join(program))
            .find(|path| path.is_file());
        found.with_context(|| format!("there is no {program} in any of {:?}", self.folders))
    }

    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env(
                "PATH",
                std::env::join_paths(&self.folders).unwrap_or_default(),
            )
            .env("HOME", own("home"))
            .env("TMPDIR", own("tmp"))
            .current_dir("/")
            .stdin(Stdio::null());
        command
    }
}

type Arguments = (Vec<String>, Vec<(String, String)>);

fn docker(state: &State) -> Result<Arguments> {
    let config = own("daemon.json");
    fs::write(&config, "{}\n")?;
    let mut args = vec![
        format!("--host={}", state.host()),
        format!("--config-file={}", config.display()),
        format!("--data-root={}", own("data").display()),
        "--exec-root=/run/docker".to_owned(),
        "--pidfile=/run/docker.pid".to_owned(),
        // Control groups outlive the namespaces; under this name they are found again.
        format!("--cgroup-parent=/{}", state.cgroup()),
        "--exec-opt=native.cgroupdriver=cgroupfs".to_owned(),
    ];
    if state.spec.net == Net::Host {
        args.extend(
            [
                "--bridge=none",
                "--iptables=false",
                "--ip6tables=false",
                "--ip-forward=false",
            ]
            .map(str::to_owned),
        );
    }
    args.extend(state.spec.args.iter().cloned());
    Ok((args, Vec::new()))
}

fn podman(state: &State) -> Result<Arguments> {
    let config = own("containers.conf");
    fs::write(
        &config,
        format!(
            "[engine]\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\nimage_copy_tmp_dir = \"{}\"\n\
             runtime = \"crun\"\n[containers]\nlog_driver = \"k8s-file\"\n[network]\nnetwork_backend = \"netavark\"\n",
            own("tmp").display()
        ),
    )?;
    let registries = Path::new("/etc/containers/registries.conf.d");
    fs::create_dir_all(registries)?;
    let insecure = [Registry::Open, Registry::Closed].map(|registry| {
        format!(
            "[[registry]]\nlocation = \"{}\"\ninsecure = true\n",
            registry.address()
        )
    });
    fs::write(registries.join("engine.conf"), insecure.concat())?;
    // It would try the better one on its own, but leaves a folder of the failed attempt, over which it stumbles later.
    let on_overlay = statfs(&own("data"))?.filesystem_type() == OVERLAYFS_SUPER_MAGIC;
    let driver = if on_overlay { "vfs" } else { "overlay" };
    let mut args = vec![
        format!("--root={}", own("data").display()),
        format!("--storage-driver={driver}"),
        "--runroot=/run/containers/storage".to_owned(),
    ];
    // What is asked for concerns all of podman, so it comes before the command.
    args.extend(state.spec.args.iter().cloned());
    args.extend(["system", "service", "--time=0"].map(str::to_owned));
    args.push(state.host());
    Ok((
        args,
        vec![("CONTAINERS_CONF".to_owned(), config.display().to_string())],
    ))
}

/// Children, and those that inherit from them.
#[derive(Default)]
pub(super) struct Processes {
    /// None while it runs, how it ended after that.
    watched: Mutex<HashMap<i32, Option<String>>>,
    ended: Condvar,
}

impl Processes {
    /// Starts a process whose end will be known.
    pub(super) fn start(&self, command: &mut Command) -> Result<i32> {
        // Held until the process is in the list, else its end could be missed.
        let mut watched = self.watched.lock().expect("no thread panics");
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let pid = i32::try_from(child.id())?;
        watched.insert(pid, None);
        Ok(pid)
    }

    /// How it ended, waiting for a while.
    pub(super) fn wait(&self, pid: i32, patience: Duration) -> Option<String> {
        let watched = self.watched.lock().expect("no thread panics");
        let running = |watched: &mut HashMap<i32, Option<String>>| {
            watched.get(&pid).is_some_and(Option::is_none)
        };
        let (watched, _) = self
            .ended
            .wait_timeout_while(watched, patience, running)
            .expect("no thread panics");
        watched.get(&pid).cloned().flatten()
    }

    /// Collects the dead, forever.
    fn collect(&self) -> Result<()> {
        loop {
            let (pid, how) = match wait() {
                Ok(WaitStatus::Exited(pid, code)) => (pid, format!("ended with exit code {code}")),
                Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, format!("was ended by {signal}")),
                Ok(_) | Err(Errno::EINTR) => continue,
                Err(Errno::ECHILD) => {
                    thread::sleep(Duration::from_millis(50));
                    continue;
                }
                Err(error) => return Err(error).context("cannot wait for processes"),
            };
            let mut watched = self.watched.lock().expect("no thread panics");
            if let Some(end) = watched.get_mut(&pid.as_raw()) {
                *end = Some(how);
                self.ended.notify_all();
            }
        }
    }
}

struct Daemon {
    commands: Commands,
    processes: Arc<Processes>,
    log: File,
    pid: Mutex<Option<i32>>,
    registries: Mutex<Vec<Registry>>,
    runtime: PathBuf,
    has_sshd: Mutex<bool>,
}

impl Daemon {
    fn start(&self) -> Result<()> {
        let mut pid = self.pid.lock().expect("no thread panics");
        for file in &self.commands.stale {
            if file.symlink_metadata().is_ok() {
                fs::remove_file(file)
                    .with_context(|| format!("cannot remove {}", file.display()))?;
            }
        }
        let mut command = self
            .commands
            .command(&self.commands.find(self.commands.daemon)?);
        command
            .args(&self.commands.args)
            .envs(self.commands.env.iter().map(|(name, value)| (name, value)))
            .stdout(self.log.try_clone()?)
            .stderr(self.log.try_clone()?);
        *pid = Some(self.processes.start(&mut command)?);
        Ok(())
    }

    fn end(&self, signal: Signal) -> Result<()> {
        let pid = self
            .pid
            .lock()
            .expect("no thread panics")
            .context("the daemon was never started")?;
        if self.processes.wait(pid, Duration::ZERO).is_some() {
            return Ok(());
        }
        kill(Pid::from_raw(pid), signal).context("cannot signal the daemon")?;
        if self.processes.wait(pid, STOP).is_none() {
            ensure!(signal != Signal::SIGKILL, "the daemon survives SIGKILL");
            return self.end(Signal::SIGKILL);
        }
        Ok(())
    }

    fn status(&self) -> Answer {
        match *self.pid.lock().expect("no thread panics") {
            None => Answer::Ended("was never started".to_owned()),
            Some(pid) => match self.processes.wait(pid, Duration::ZERO) {
                Some(how) => Answer::Ended(how),
                None => Answer::Running(pid),
            },
        }
    }

    fn registry(&self, registry: Registry) -> Result<()> {
        let address = registry.address();
        let mut running = self.registries.lock().expect("no thread panics");
        if running.contains(&registry) {
            return Ok(());
        }
        let program = self.commands.find("docker-registry").context(
            "install docker-registry, or ask for a kind of engine that comes from packages",
        )?;
        let folder = own("registry").join(address);
        fs::create_dir_all(&folder)?;
        let config = folder.join("config.yml");
        fs::write(&config, registry_config(registry, &folder))?;
        fs::write(
            folder.join("users"),
            format!("{}:{}\n", Registry::USER, PASSWORD_DIGEST),
        )?;
        let log = File::create(folder.join("log"))?;
        let mut command = self.commands.command(&program);
        command
            .arg("serve")
            .arg(&config)
            .stdout(log.try_clone()?)
            .stderr(log);
        let pid = self.processes.start(&mut command)?;
        let start = Instant::now();
        while let Err(error) = TcpStream::connect(address) {
            if let Some(how) = self.processes.wait(pid, Duration::from_millis(50)) {
                bail!("the registry {how}: {}", log_excerpt(&folder.join("log")));
            }
            ensure!(
                start.elapsed() < STOP,
                "the registry does not listen at {address} ({error}): {}",
                log_excerpt(&folder.join("log"))
            );
        }
        running.push(registry);
        Ok(())
    }

    fn sshd(&self) -> Result<()> {
        let mut has = self.has_sshd.lock().expect("no thread panics");
        if !*has {
            sshd::start(&self.commands, &self.processes, &self.runtime)?;
            *has = true;
        }
        Ok(())
    }

    fn handle(&self, request: Request) -> Result<Answer> {
        match request {
            Request::Status => return Ok(self.status()),
            Request::Restart => {
                self.end(Signal::SIGTERM)?;
                self.start()?;
            }
            Request::Kill => self.end(Signal::SIGKILL)?,
            Request::Registry(registry) => self.registry(registry)?,
            Request::Sshd => self.sshd()?,
        }
        Ok(Answer::Done)
    }
}

fn answer(daemon: &Daemon, connection: UnixStream) {
    let mut line = String::new();
    let answer = BufReader::new(&connection)
        .read_line(&mut line)
        .map_err(anyhow::Error::from)
        .and_then(|_| Ok(serde_json::from_str(&line)?))
        .and_then(|request| daemon.handle(request))
        .unwrap_or_else(|error| Answer::Failed(format!("{error:#}")));
    let mut answer = serde_json::to_vec(&answer).expect("an answer is JSON");
    answer.push(b'\n');
    // Whoever asked may be gone.
    let _ = (&connection).write_all(&answer);
}

/// bcrypt's of [`Registry::PASSWORD`], the only kind that the registry takes.
const PASSWORD_DIGEST: &str = "$2y$05$Zq7mKc1TnW0uXbE4hRsVdO0r7Fx9HS47mavcddOP83Eu4hXPM.Xmi";

fn registry_config(registry: Registry, folder: &Path) -> String {
    let folder = folder.display();
    let mut config = format!(
        "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {folder}/data\n  delete:\n    enabled: true\n\
         http:\n  addr: {}\n",
        registry.address()
    );
    if registry == Registry::Closed {
        config.push_str(&format!(
            "auth:\n  htpasswd:\n    realm: registry\n    path: {folder}/users\n"
        ));
    }
    config
}
