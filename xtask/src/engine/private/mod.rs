//! Private engines on Linux, from the side of those who start and use them.
//!
//! Three processes share the work. The command that wants an engine starts a supervisor (`supervise`) and holds a pipe
//! to it. The supervisor starts the first process (`inside`) of the engine's namespaces, holds a pipe to that, and
//! clears up in the end. Each end of a pipe that closes ends the next process, so that nothing depends on anybody's
//! last words: `kill -9` of any of the three ends the engine.

mod dirs;
mod image;
mod inside;
mod packages;
mod spec;
mod sshd;
mod supervise;
mod sys;

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, ExitStatus, Stdio};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::{Pid, getpgrp, tcgetpgrp};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::{Builder, EngineKind, Net, Registry, Ssh, find, say};
use dirs::{Dirs, Lock};
pub(super) use packages::Wanted;
use spec::{Answer, DETACH, Outcome, Request, Spec, State};

pub(super) use inside::run as inside;
pub(super) use supervise::run as supervise;

/// How long an engine may take to answer; on a busy machine that is long.
const START: Duration = Duration::from_secs(120);

/// How many lines of a daemon's log are shown when it fails.
const LOG_START: usize = 4;
const LOG_END: usize = 20;

/// How long an engine's end may take.
const END: Duration = Duration::from_secs(60);

/// A private engine.
#[derive(Debug)]
pub(super) struct Private {
    state: State,
    host: String,
    /// None for one that lives on without us.
    owned: Option<Owned>,
}

/// The supervisor of an engine that ends with us.
#[derive(Debug)]
struct Owned {
    child: Child,
    stdout: BufReader<ChildStdout>,
    lifeline: Lifeline,
}

/// The pipe that keeps an engine alive; taken out to end it.
type Lifeline = Arc<Mutex<Option<ChildStdin>>>;

impl Private {
    fn new(state: State, owned: Option<Owned>) -> Private {
        Private {
            host: state.host(),
            state,
            owned,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.state.spec.name
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn version(&self) -> Option<&str> {
        self.state.version.as_deref()
    }

    pub(super) fn is_kept(&self) -> bool {
        self.state.spec.keep
    }

    fn init(&self) -> u32 {
        // Zero is no process, and would not be found.
        self.state.init.unwrap_or(0)
    }

    pub(super) fn command(&self, program: &OsStr) -> Command {
        if self.state.spec.net == Net::Host {
            return Command::new(program);
        }
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net=/proc/{}/ns/net", self.init()))
            .arg("--")
            .arg(program);
        command
    }

    pub(super) fn pid(&self) -> Result<u32> {
        let inner = match ask(&self.state, &Request::Status)? {
            Answer::Running(pid) => pid,
            Answer::Ended(how) => bail!("the daemon {how}"),
            other => bail!("not an answer to this request: {other:?}"),
        };
        let processes = std::fs::read_dir("/proc")?.flatten().filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            Some((
                pid,
                std::fs::read_to_string(entry.path().join("status")).ok()?,
            ))
        });
        for (pid, status) in processes {
            if is_process(&status, self.init(), inner) {
                return Ok(pid);
            }
        }
        bail!("the daemon's process is not in /proc")
    }

    pub(super) fn restart(&self) -> Result<()> {
        ask(&self.state, &Request::Restart)?.done()?;
        wait_until_it_answers(&self.state)
    }

    pub(super) fn kill(&self) -> Result<()> {
        ask(&self.state, &Request::Kill)?.done()
    }

    pub(super) fn registry(&self, registry: Registry) -> Result<()> {
        ask(&self.state, &Request::Registry(registry))?.done()
    }

    pub(super) fn ssh(&self) -> Result<Ssh> {
        ask(&self.state, &Request::Sshd)?.done()?;
        sshd::client(self, &self.state.runtime())
    }

    pub(super) fn enter_network(&self) -> Result<()> {
        if self.state.spec.net == Net::Host {
            return Ok(());
        }
        let network = format!("/proc/{}/ns/net", self.init());
        std::fs::File::open(&network)
            .map_err(anyhow::Error::from)
            .and_then(|network| Ok(setns(network, CloneFlags::CLONE_NEWNET)?))
            .with_context(|| format!("cannot enter {network}"))
    }

    /// Ends the engine and waits until nothing is left of it. No matter who started it.
    pub(super) fn stop(&mut self) -> Result<()> {
        match self.owned.take() {
            Some(owned) => owned.end(),
            None => self.end_from_afar(),
        }
    }

    fn end_from_afar(&self) -> Result<()> {
        let folder = &self.state.folder;
        let start = Instant::now();
        let supervisor = Pid::from_raw(i32::try_from(self.state.supervisor)?);
        // The lock was held when the state was read, so it is the process in there; it may have ended since.
        let _ = kill(supervisor, Signal::SIGTERM);
        // Its last act is to remove the folder.
        while folder.exists() {
            if matches!(dirs::try_lock(&State::lock(folder))?, Lock::Free(_)) {
                return supervise::clear(folder, Some(&self.state));
            }
            ensure!(
                start.elapsed() < END,
                "engine {} has not ended after {} s",
                self.state.id,
                END.as_secs()
            );
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Lets the engine live on when we end.
    pub(super) fn detach(&mut self) -> Result<()> {
        if let Some(owned) = self.owned.take() {
            let mut lifeline = owned.lifeline.lock().expect("no thread panics").take();
            let pipe = lifeline.as_mut().context("the engine is being stopped")?;
            writeln!(pipe, "{DETACH}").context("the engine has ended meanwhile")?;
        }
        Ok(())
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        if let Some(owned) = self.owned.take()
            && let Err(error) = owned.end()
        {
            say(format_args!("{error:#}"));
        }
    }
}

impl Owned {
    fn end(mut self) -> Result<()> {
        LIVE.lock()
            .expect("no thread panics")
            .retain(|(_, supervisor)| *supervisor != self.child.id());
        drop(self.lifeline.lock().expect("no thread panics").take());
        // What it says after the first line is that something went wrong.
        let mut words = String::new();
        let _ = self.stdout.read_to_string(&mut words);
        let status = self
            .child
            .wait()
            .context("cannot wait for the engine's end")?;
        if !status.success() {
            sweep()?;
            bail!(
                "the engine's supervisor ended early ({status}) and the engine with it; what it left is removed"
            );
        }
        match serde_json::from_str(&words) {
            Ok(Outcome::Failed(error)) => Err(anyhow!(error)),
            _ => Ok(()),
        }
    }
}

impl Answer {
    fn done(self) -> Result<()> {
        match self {
            Answer::Done => Ok(()),
            Answer::Failed(error) => Err(anyhow!(error)),
            other => Err(anyhow!("not an answer to this request: {other:?}")),
        }
    }
}

/// Whether a `/proc/PID/status` is that of a child of `parent` that calls itself `inner`.
fn is_process(status: &str, parent: u32, inner: i32) -> bool {
    let field = |name: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .and_then(|ids| ids.split_whitespace().last())
    };
    field("PPid:").and_then(|pid| pid.parse().ok()) == Some(parent)
        && field("NSpid:").and_then(|pid| pid.parse().ok()) == Some(inner)
}

/// Asks the engine's first process for something.
fn ask(state: &State, request: &Request) -> Result<Answer> {
    let control = state.control();
    let mut stream = UnixStream::connect(&control)
        .with_context(|| format!("cannot reach the engine {}", state.id))?;
    stream.set_read_timeout(Some(END))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = String::new();
    BufReader::new(stream)
        .read_line(&mut answer)
        .with_context(|| format!("no answer from the engine {}", state.id))?;
    serde_json::from_str(&answer).with_context(|| format!("not an answer of an engine: {answer:?}"))
}

fn wait_until_it_answers(state: &State) -> Result<()> {
    let host = state.host();
    let start = Instant::now();
    while let Err(error) = find::ping(&host) {
        // Before it listens for requests, the first process has not come to starting the daemon.
        if let Ok(Answer::Ended(how)) = ask(state, &Request::Status) {
            bail!("the daemon {how}: {}", log_excerpt(&state.log()));
        }
        if start.elapsed() > START {
            bail!(
                "the daemon does not answer after {} s ({error:#}): {}",
                START.as_secs(),
                log_excerpt(&state.log())
            );
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// What a daemon wrote, for messages: usually the end says it, but a usage text comes after the complaint.
fn log_excerpt(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    match lines.len() {
        0 => "it wrote nothing".to_owned(),
        count if count <= LOG_START + LOG_END => format!("it wrote\n{}", lines.join("\n")),
        count => format!(
            "it wrote\n{}\n[{} lines]\n{}",
            lines[..LOG_START].join("\n"),
            count - LOG_START - LOG_END,
            lines[count - LOG_END..].join("\n")
        ),
    }
}

/// Starts an engine and waits until it answers.
pub(super) fn start(wanted: &Builder) -> Result<Private> {
    ensure_root()?;
    ensure!(
        wanted.net == Net::Private || !Path::new("/sys/class/net/docker0").exists(),
        "this machine has a docker0, which an engine in the machine's network would take away from its owner"
    );
    ensure!(
        wanted.net == Net::Private || !wanted.kind.is_some_and(EngineKind::is_podman),
        "podman would leave its bridges and firewall rules in the machine's network"
    );
    let dirs = Dirs::new()?;
    supervise::sweep(&dirs)?;
    let source = match wanted.kind {
        Some(kind) if wanted.packages => Source::unpacked(&dirs, kind)?,
        kind => Source::find(&dirs, kind)?,
    };
    let what = source.kind.map_or("docker", EngineKind::name);
    let spec = Spec {
        base: dirs.base,
        name: wanted.name.clone().unwrap_or_else(|| what.to_owned()),
        kind: source.kind,
        tree: source.tree,
        busybox: source.busybox,
        net: wanted.net,
        args: wanted.args.clone(),
        env: wanted.env.clone(),
        registry: wanted.registry,
        keep: wanted.keep,
    };
    let mut child = supervisor()?
        .spawn()
        .context("cannot start the engine's supervisor")?;
    let mut stdin = child.stdin.take().context("the supervisor has no input")?;
    let stdout = child
        .stdout
        .take()
        .context("the supervisor has no output")?;
    let mut line = serde_json::to_vec(&spec)?;
    line.push(b'\n');
    stdin
        .write_all(&line)
        .context("cannot talk to the engine's supervisor")?;
    let lifeline = Arc::new(Mutex::new(Some(stdin)));
    end_with_us(&lifeline, child.id())?;
    let mut owned = Owned {
        child,
        stdout: BufReader::new(stdout),
        lifeline,
    };
    let mut outcome = String::new();
    owned
        .stdout
        .read_line(&mut outcome)
        .context("cannot hear the engine's supervisor")?;
    if owned.lifeline.lock().expect("no thread panics").is_none() {
        // Interrupted: the thread that took it ends this process.
        loop {
            thread::park();
        }
    }
    match serde_json::from_str(&outcome) {
        Ok(Outcome::Ready(state)) => Ok(Private::new(*state, Some(owned))),
        Ok(Outcome::Failed(error)) => {
            let _ = owned.child.wait();
            bail!("cannot start {what}: {error}")
        }
        Err(_) => bail!(
            "cannot start {what}: its supervisor ended with {}",
            owned.child.wait()?
        ),
    }
}

fn ensure_root() -> Result<()> {
    ensure!(
        nix::unistd::geteuid().is_root(),
        "a private engine takes root (namespaces, mounts): run as root, or start an engine yourself and set DOCKER_HOST"
    );
    Ok(())
}

/// The engines that run, whoever started them.
pub(super) fn running() -> Result<Vec<Private>> {
    let (running, _) = State::all(&Dirs::new()?)?;
    Ok(running
        .into_iter()
        .map(|state| Private::new(state, None))
        .collect())
}

/// Clears up after engines whose supervisor was killed.
pub(super) fn sweep() -> Result<()> {
    supervise::sweep(&Dirs::new()?)
}

/// Where this kind of engine would come from.
pub(super) fn available(kind: EngineKind) -> Result<String> {
    ensure_root()?;
    let dirs = Dirs::new()?;
    if let Some(tree) = packages::cached(&dirs, &kind.wanted()) {
        return Ok(format!("{} (unpacked)", tree.version));
    }
    if let Some(installed) = Installed::find()?
        && installed.is(kind)
    {
        return Ok(format!("{} (installed)", installed.version));
    }
    packages::available(&dirs, &kind.wanted())
        .map(|version| format!("{version} (from Debian {})", kind.wanted().suite))
}

/// Which version of this kind there is in packages.
pub(super) fn in_packages(kind: EngineKind) -> Result<String> {
    ensure_root()?;
    let dirs = Dirs::new()?;
    match packages::cached(&dirs, &kind.wanted()) {
        Some(tree) => Ok(tree.version),
        None => packages::available(&dirs, &kind.wanted()),
    }
}

/// What an engine is started from.
struct Source {
    kind: Option<EngineKind>,
    tree: Option<PathBuf>,
    busybox: Option<PathBuf>,
}

impl Source {
    fn find(dirs: &Dirs, kind: Option<EngineKind>) -> Result<Source> {
        let installed = Installed::find()?;
        match kind {
            Some(kind) => match installed {
                Some(installed) if installed.is(kind) => Source::installed(dirs, Some(kind)),
                _ => Source::unpacked(dirs, kind).with_context(|| {
                    format!(
                        "cannot get {kind}; without --engine, one that you start yourself will do"
                    )
                }),
            },
            None if installed.is_some() => Source::installed(dirs, None),
            None => {
                let mut errors: Vec<(EngineKind, String)> = Vec::new();
                for kind in EngineKind::PREFERRED {
                    match Source::unpacked(dirs, kind) {
                        Ok(source) => return Ok(source),
                        Err(error) => errors.push((kind, format!("{error:#}"))),
                    }
                }
                let same = errors.iter().all(|(_, error)| *error == errors[0].1);
                let errors: Vec<String> = match same {
                    true => errors.into_iter().take(1).map(|(_, error)| error).collect(),
                    false => errors
                        .iter()
                        .map(|(kind, error)| format!("{kind}: {error}"))
                        .collect(),
                };
                bail!(
                    "no dockerd is installed and none could be fetched ({}): install Docker and start it, or set DOCKER_HOST",
                    errors.join("; ")
                )
            }
        }
    }

    fn unpacked(dirs: &Dirs, kind: EngineKind) -> Result<Source> {
        let tree = packages::tree(dirs, &kind.wanted())?;
        let busybox = tree.root.join("usr/bin/busybox");
        Ok(Source {
            kind: Some(kind),
            tree: Some(tree.root),
            busybox: Some(busybox),
        })
    }

    fn installed(dirs: &Dirs, kind: Option<EngineKind>) -> Result<Source> {
        let busybox = match dirs::program("busybox").filter(|busybox| is_static(busybox)) {
            Some(busybox) => Some(busybox),
            None => match packages::tree(dirs, &packages::BUSYBOX) {
                Ok(tree) => Some(tree.root.join("usr/bin/busybox")),
                Err(error) => {
                    say(format_args!(
                        "no image will be there, as there is no static busybox to make it of: {error:#}"
                    ));
                    None
                }
            },
        };
        Ok(Source {
            kind,
            tree: None,
            busybox,
        })
    }
}

/// A program that needs no libraries names no loader.
fn is_static(program: &Path) -> bool {
    std::fs::read(program).is_ok_and(|bytes| {
        !bytes
            .windows(5)
            .any(|window| window == b"/ld-l" || window == b"/ld-m")
    })
}

/// The machine's own dockerd.
struct Installed {
    version: String,
}

impl Installed {
    fn is(&self, kind: EngineKind) -> bool {
        !kind.is_podman() && kind.is_version(&self.version)
    }

    fn find() -> Result<Option<Installed>> {
        let Some(dockerd) = dirs::program("dockerd") else {
            return Ok(None);
        };
        for helper in ["containerd", "runc"] {
            if dirs::program(helper).is_none() {
                say(format_args!(
                    "{} cannot be used without {helper}, which is not installed",
                    dockerd.display()
                ));
                return Ok(None);
            }
        }
        let output = Command::new(&dockerd)
            .arg("--version")
            .stdin(Stdio::null())
            .output();
        let output = output.with_context(|| format!("cannot run {}", dockerd.display()))?;
        let version = parse_version(&String::from_utf8_lossy(&output.stdout))
            .with_context(|| format!("{} does not tell its version", dockerd.display()))?;
        Ok(Some(Installed { version }))
    }
}

fn parse_version(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("version ")?;
    let version = rest.split([',', ' ', '\n']).next()?;
    (!version.is_empty()).then(|| version.to_owned())
}

/// This program once more, as a supervisor that no terminal interrupts.
fn supervisor() -> Result<Command> {
    let this = std::env::current_exe().context("cannot tell where this program lies")?;
    let is_xtask = |path: &Path| {
        path.file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"xtask"))
    };
    let program = if is_xtask(&this) && this.parent().is_none_or(|parent| !parent.ends_with("deps"))
    {
        // Even if it was built anew meanwhile, this very program.
        PathBuf::from("/proc/self/exe")
    } else {
        // A test: its own folder lies beside the program.
        let beside = this
            .ancestors()
            .skip(1)
            .take(3)
            .map(|folder| folder.join("xtask"))
            .find(|path| path.is_file());
        beside.context("there is no xtask beside this program to watch over an engine: build it (cargo build -p xtask)")?
    };
    let mut command = Command::new(program);
    command
        .arg0("xtask")
        .args(["engine", "supervise"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0);
    Ok(command)
}

/// Engines to end when a signal ends us.
static LIVE: Mutex<Vec<(Lifeline, u32)>> = Mutex::new(Vec::new());

/// The command we run for somebody, or zero.
static FOREGROUND: AtomicI32 = AtomicI32::new(0);

/// The engine would notice our end anyway; this waits until it is gone, so that the prompt comes back to a clean machine.
fn end_with_us(lifeline: &Lifeline, supervisor: u32) -> Result<()> {
    LIVE.lock()
        .expect("no thread panics")
        .push((Arc::clone(lifeline), supervisor));
    watch_signals()
}

fn watch_signals() -> Result<()> {
    static WATCHING: Once = Once::new();
    let mut result = Ok(());
    WATCHING.call_once(|| {
        result = Signals::new([SIGHUP, SIGINT, SIGTERM]).map(|mut signals| {
            thread::spawn(move || signals.forever().for_each(on_signal));
        });
    });
    result.context("cannot watch for signals")
}

fn on_signal(signal: i32) {
    let command = FOREGROUND.load(Ordering::SeqCst);
    if command != 0 {
        // From a terminal the command has it too. We go on when it ends.
        if signal != SIGINT || !in_terminals_foreground() {
            let _ = Signal::try_from(signal).map(|signal| kill(Pid::from_raw(command), signal));
        }
        return;
    }
    let live = std::mem::take(&mut *LIVE.lock().expect("no thread panics"));
    for (lifeline, _) in &live {
        drop(lifeline.lock().expect("no thread panics").take());
    }
    for (_, supervisor) in live {
        if let Ok(pid) = i32::try_from(supervisor) {
            // Only looks, as somebody else may be waiting for it too.
            let _ = waitid(
                Id::Pid(Pid::from_raw(pid)),
                WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT,
            );
        }
    }
    let _ = signal_hook::low_level::emulate_default_handler(signal);
}

fn in_terminals_foreground() -> bool {
    std::fs::File::open("/dev/tty").is_ok_and(|tty| tcgetpgrp(tty) == Ok(getpgrp()))
}

/// Runs a command for somebody: signals are for the command, and its end is what counts.
pub(super) fn run_in_foreground(command: &mut Command) -> Result<ExitStatus> {
    watch_signals()?;
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot run {}", command.get_program().display()))?;
    FOREGROUND.store(i32::try_from(child.id())?, Ordering::SeqCst);
    let status = child.wait();
    FOREGROUND.store(0, Ordering::SeqCst);
    status.context("cannot wait for the command's end")
}

/// As a shell would have it: a signal counts from 128 on.
pub(super) fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_is_found_by_its_parent_and_inner_number() {
        let status = "Name:\tdockerd\nPid:\t912\nPPid:\t900\nNSpid:\t912\t7\n";
        assert!(is_process(status, 900, 7));
        assert!(!is_process(status, 901, 7));
        assert!(!is_process(status, 900, 912));
        assert!(!is_process("", 900, 7));
    }

    #[test]
    fn both_ends_of_a_log_are_shown() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        assert_eq!(log_excerpt(&log), "it wrote nothing");
        std::fs::write(
            &log,
            (0..30).map(|n| format!("line {n}\n")).collect::<String>(),
        )
        .unwrap();
        assert_eq!(
            log_excerpt(&log)
                .lines()
                .filter(|line| ["line 0", "line 3", "[6 lines]", "line 10"].contains(line))
                .count(),
            4
        );
        assert!(log_excerpt(&log).ends_with("line 29"));
    }

    #[test]
    fn dockerd_tells_its_version() {
        assert_eq!(
            parse_version("Docker version 20.10.24+dfsg1, build 297e128\n").as_deref(),
            Some("20.10.24+dfsg1")
        );
        assert_eq!(
            parse_version("Docker version 28.5.2\n").as_deref(),
            Some("28.5.2")
        );
        assert_eq!(parse_version("command not found"), None);
    }
}
