//! The process that owns a private engine: it starts it, says when it is ready, and clears up after it. It outlives
//! the command that started it by as long as that takes, however that command ended.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use nix::sched::{CloneFlags, unshare};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::dirs::{self, Dirs};
use super::spec::{Answer, DETACH, Outcome, Request, Spec, State};
use super::{ask, image, log_excerpt, wait_until_it_answers};
use crate::engine::Registry;

enum Event {
    /// The one who wanted the engine is gone or asks for its end.
    Stop,
    Ready(Result<Box<State>>),
    /// The engine's first process ended.
    Gone,
}

pub(crate) fn run() -> Result<()> {
    let (sender, events) = channel();
    // First of all, as from here on there is something to clear up.
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    let stop = sender.clone();
    thread::spawn(move || {
        // A terminal that closes ends the command, and with it the engine, unless that was meant to stay.
        for _ in signals.forever().filter(|signal| *signal != SIGHUP) {
            let _ = stop.send(Event::Stop);
        }
    });

    let mut stdin = BufReader::new(std::io::stdin());
    let mut line = String::new();
    stdin.read_line(&mut line)?;
    let spec: Spec =
        serde_json::from_str(&line).context("this command is started by others, not by hand")?;
    let stop = sender.clone();
    thread::spawn(move || watch(stdin, &stop));

    let outcome = match Claimed::new(spec) {
        Ok(claimed) => {
            let result = claimed.serve(sender, &events);
            let cleared = claimed.clear();
            result.and(cleared)
        }
        Err(error) => Err(error),
    };
    if let Err(error) = outcome {
        tell(&Outcome::Failed(format!("{error:#}")));
    }
    Ok(())
}

/// Nobody may be there any more to read it.
fn tell(outcome: &Outcome) {
    let mut line = serde_json::to_vec(outcome).expect("an outcome is JSON");
    line.push(b'\n');
    let mut stdout = std::io::stdout();
    let _ = stdout.write_all(&line).and_then(|()| stdout.flush());
}

fn watch(stdin: impl BufRead, stop: &Sender<Event>) {
    // A word that is cut off is no word: the end came first.
    if !stdin
        .lines()
        .map_while(Result::ok)
        .any(|word| word == DETACH)
    {
        let _ = stop.send(Event::Stop);
    }
}

/// An engine's folders, which nobody else uses while this exists.
struct Claimed {
    state: State,
    _lock: nix::fcntl::Flock<fs::File>,
}

impl Claimed {
    fn new(spec: Spec) -> Result<Claimed> {
        let dirs = Dirs {
            base: spec.base.clone(),
        };
        fs::create_dir_all(dirs.running())?;
        let _making = dirs::lock(&dirs.base.join("lock"))?;
        let what = spec.kind.map_or("installed", |kind| kind.name());
        let mut last = None;
        for attempt in 0..100 {
            let id = format!("{what}-{}", unique(attempt));
            let folder = dirs.running().join(&id);
            let state = State {
                spec: spec.clone(),
                id,
                folder,
                supervisor: std::process::id(),
                init: None,
                version: None,
            };
            // Other checkouts have other folders, but the one for sockets is the machine's.
            match fs::create_dir_all(state.runtime().parent().expect("it has one"))
                .and_then(|()| fs::create_dir(state.runtime()))
            {
                Ok(()) => {}
                // Taken, or the last engine of another checkout has just removed the parent.
                Err(error)
                    if [ErrorKind::AlreadyExists, ErrorKind::NotFound].contains(&error.kind()) =>
                {
                    last = Some(error);
                    continue;
                }
                Err(error) => {
                    return Err(error)
                        .with_context(|| format!("cannot make {}", state.runtime().display()));
                }
            }
            fs::create_dir_all(&state.folder)?;
            let lock = dirs::lock(&State::lock(&state.folder))?;
            state.save()?;
            return Ok(Claimed { state, _lock: lock });
        }
        Err(last.map_or_else(|| anyhow!("no attempt was made"), Into::into))
            .context("cannot find a free name")
    }

    fn serve(
        &self,
        sender: Sender<Event>,
        events: &std::sync::mpsc::Receiver<Event>,
    ) -> Result<()> {
        let mut init = start(&self.state, sender.clone())?;
        let mut state = self.state.clone();
        state.init = Some(init.id());
        let result = state.save().and_then(|()| {
            thread::spawn(move || drop(sender.send(Event::Ready(bring_up(state).map(Box::new)))));
            self.wait(events)
        });
        // Takes everything in its namespaces along. An error says that it is gone already.
        let _ = init.kill();
        let status = init.wait()?;
        match result {
            Err(error) if status.signal().is_none() && !status.success() => {
                Err(error.context(log_excerpt(&self.state.log())))
            }
            result => result,
        }
    }

    fn wait(&self, events: &std::sync::mpsc::Receiver<Event>) -> Result<()> {
        let mut ready = false;
        loop {
            match events.recv()? {
                Event::Stop => return Ok(()),
                Event::Ready(Ok(state)) => {
                    ready = true;
                    state.save()?;
                    tell(&Outcome::Ready(state));
                }
                Event::Ready(Err(error)) => return Err(error),
                Event::Gone if ready => bail!(
                    "the engine ended by itself: {}",
                    log_excerpt(&self.state.log())
                ),
                Event::Gone => bail!(
                    "the engine did not start: {}",
                    log_excerpt(&self.state.log())
                ),
            }
        }
    }

    fn clear(&self) -> Result<()> {
        clear(&self.state.folder, Some(&self.state))
    }
}

/// Not seen before on this machine, most likely; the caller makes sure.
fn unique(attempt: u32) -> String {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    let mixed = (now.subsec_nanos() ^ std::process::id().rotate_left(16))
        .wrapping_add(attempt)
        .wrapping_mul(0x9E37_79B1);
    format!("{:06x}", mixed >> 8)
}

/// Starts the first process, in a process namespace of its own.
fn start(state: &State, gone: Sender<Event>) -> Result<Child> {
    // Even if it was built anew meanwhile, this very program.
    let mut command = Command::new("/proc/self/exe");
    command
        .arg0("xtask")
        .args(["engine", "inside"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    // Unsharing is about children of the thread that does it; a process with such a thread could not start others.
    let spawned = thread::spawn(move || -> Result<Child> {
        unshare(CloneFlags::CLONE_NEWPID)
            .context("cannot make a process namespace; in a container, that takes one started with --privileged")?;
        command
            .spawn()
            .context("cannot start the engine's first process")
    });
    let mut init = spawned
        .join()
        .map_err(|_| anyhow!("starting the engine's first process panicked"))??;
    let mut stdout = init
        .stdout
        .take()
        .context("the first process has no output")?;
    thread::spawn(move || {
        // Nothing is ever written: it ends with the process.
        let _ = stdout.read_to_end(&mut Vec::new());
        let _ = gone.send(Event::Gone);
    });
    let mut line = serde_json::to_vec(state)?;
    line.push(b'\n');
    // Stays open for as long as this process lives; its end is the engine's end.
    init.stdin
        .as_mut()
        .context("the first process has no input")?
        .write_all(&line)?;
    Ok(init)
}

/// Waits for the engine and gives it what it needs.
fn bring_up(mut state: State) -> Result<State> {
    let host = state.host();
    wait_until_it_answers(&state)?;
    state.version = Some(image::version(&host)?);
    if let Some(busybox) = &state.spec.busybox {
        image::import(&host, &image::busybox_root(busybox)?)?;
    }
    if state.spec.registry {
        match ask(&state, &Request::Registry(Registry::Open))? {
            Answer::Done => {}
            other => bail!("the registry did not start: {other:?}"),
        }
    }
    Ok(state)
}

/// Removes what outlives an engine's processes. The folder comes last, as it says what else there is.
pub(crate) fn clear(folder: &Path, state: Option<&State>) -> Result<()> {
    if let Some(state) = state {
        wait_for_the_end(state)?;
        remove_cgroups(&state.cgroup())?;
        if state.spec.is_podman() {
            remove_unused_podman_cgroups();
        }
        remove_folder(&state.runtime())?;
        if let Some(parent) = state.runtime().parent() {
            // Only if it was the last one.
            let _ = fs::remove_dir(parent);
        }
    }
    remove_folder(folder)
}

/// After a supervisor was killed, its engine ends by itself, but not at once. With the first process the others are
/// gone too: the kernel sees to that before it lets that one go.
fn wait_for_the_end(state: &State) -> Result<()> {
    let Some(init) = state.init else {
        return Ok(());
    };
    let start = Instant::now();
    while fs::read_to_string(format!("/proc/{init}/status"))
        .is_ok_and(|status| is_living_init(&status))
    {
        ensure!(
            start.elapsed() < Duration::from_secs(20),
            "the supervisor of engine {} is gone, but its process {init} lives on: kill it",
            state.id
        );
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Whether a `/proc/PID/status` is of a process that is the first in its namespace, and not a mere zombie.
fn is_living_init(status: &str) -> bool {
    let field = |name: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .map(str::split_whitespace)
    };
    let first =
        field("NSpid:").is_some_and(|ids| ids.clone().count() > 1 && ids.last() == Some("1"));
    first && field("State:").is_some_and(|mut state| !matches!(state.next(), Some("Z" | "X")))
}

/// Removes the remains of engines whose supervisor was killed.
pub(crate) fn sweep(dirs: &Dirs) -> Result<()> {
    let (_, left) = State::all(dirs)?;
    for folder in left {
        clear(&folder, State::load(&folder).as_ref())?;
    }
    Ok(())
}

fn remove_folder(folder: &Path) -> Result<()> {
    retry(|| match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result,
    })
    .with_context(|| format!("cannot remove {}", folder.display()))
}

/// A group that nobody is in may still be busy for a moment, and so may a mount.
fn retry(mut action: impl FnMut() -> std::io::Result<()>) -> std::io::Result<()> {
    let start = Instant::now();
    loop {
        match action() {
            Err(_) if start.elapsed() < Duration::from_secs(5) => {
                thread::sleep(Duration::from_millis(20))
            }
            result => return result,
        }
    }
}

/// Where control groups are: with version 1 there is one hierarchy per controller.
fn hierarchies() -> Vec<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let below = fs::read_dir(root)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let mut found: Vec<PathBuf> = below
        .filter(|path| path.is_dir() && !path.is_symlink())
        .collect();
    found.push(root.to_owned());
    found
}

fn remove_cgroups(name: &str) -> Result<()> {
    for group in hierarchies().into_iter().map(|root| root.join(name)) {
        retry(|| remove_cgroup(&group))
            .with_context(|| format!("cannot remove the control group {}", group.display()))?;
    }
    Ok(())
}

/// podman puts all of its containers into one place, ours and others'. Groups in use cannot be removed, and the ones
/// that can are nobody's.
fn remove_unused_podman_cgroups() {
    for group in hierarchies()
        .into_iter()
        .map(|root| root.join("libpod_parent"))
    {
        let _ = remove_cgroup(&group);
    }
}

fn remove_cgroup(group: &Path) -> std::io::Result<()> {
    let entries = match fs::read_dir(group) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    let mut result = Ok(());
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            result = result.and(remove_cgroup(&entry.path()));
        }
    }
    result.and_then(|()| fs::remove_dir(group))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_word_detaches() {
        let stops = |input: &'static [u8]| {
            let (sender, events) = channel();
            watch(input, &sender);
            events.try_recv().is_ok()
        };
        assert!(stops(b""));
        assert!(stops(b"deta"));
        assert!(!stops(b"detach\n"));
    }

    #[test]
    fn an_init_lives_until_it_is_a_zombie() {
        assert!(is_living_init("State:\tS (sleeping)\nNSpid:\t912\t1\n"));
        assert!(!is_living_init("State:\tZ (zombie)\nNSpid:\t912\t1\n"));
        assert!(!is_living_init("State:\tS (sleeping)\nNSpid:\t912\t7\n"));
        assert!(!is_living_init("State:\tS (sleeping)\nNSpid:\t1\n"));
    }

    #[test]
    fn names_differ() {
        assert_ne!(unique(0), unique(1));
        assert_eq!(unique(0).len(), 6);
    }
}
