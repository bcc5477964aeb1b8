//! What the processes of a private engine tell each other, as JSON.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::dirs::{self, Dirs, Lock};
use crate::engine::{EngineKind, Net, Registry};

/// The engine to start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Spec {
    /// Where engines are kept.
    pub(crate) base: PathBuf,
    pub(crate) name: String,
    /// None: whatever is installed.
    pub(crate) kind: Option<EngineKind>,
    /// Unpacked packages; none for an installed engine.
    pub(crate) tree: Option<PathBuf>,
    /// What the image is made of.
    pub(crate) busybox: Option<PathBuf>,
    pub(crate) net: Net,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) registry: bool,
    /// Meant to outlive the command that starts it.
    pub(crate) keep: bool,
}

impl Spec {
    pub(crate) fn is_podman(&self) -> bool {
        self.kind.is_some_and(EngineKind::is_podman)
    }
}

/// A running engine, as written into its folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) spec: Spec,
    /// Names what it has outside of its folder: the folder for sockets, its control groups.
    pub(crate) id: String,
    pub(crate) folder: PathBuf,
    pub(crate) supervisor: u32,
    /// The first process in the engine's namespaces, seen from outside.
    pub(crate) init: Option<u32>,
    /// What the engine says its version is; none until it answered.
    pub(crate) version: Option<String>,
}

/// Sockets go here: their addresses may not be long, and a target folder's name may.
const RUNTIME: &str = "/run/docker-api-gen";

impl State {
    pub(crate) fn runtime(&self) -> PathBuf {
        Path::new(RUNTIME).join(&self.id)
    }

    pub(crate) fn host(&self) -> String {
        format!("unix://{}/docker.sock", self.runtime().display())
    }

    pub(crate) fn control(&self) -> PathBuf {
        self.runtime().join("control.sock")
    }

    pub(crate) fn cgroup(&self) -> String {
        format!("docker-api-gen-{}", self.id)
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("engine.log")
    }

    pub(crate) fn lock(folder: &Path) -> PathBuf {
        folder.join("lock")
    }

    pub(crate) fn save(&self) -> Result<()> {
        let file = self.folder.join("state.json");
        let half = self.folder.join("state.json.part");
        std::fs::write(&half, serde_json::to_vec_pretty(self)?)
            .and_then(|()| std::fs::rename(&half, &file))
            .with_context(|| format!("cannot write {}", file.display()))
    }

    pub(crate) fn load(folder: &Path) -> Option<State> {
        serde_json::from_slice(&std::fs::read(folder.join("state.json")).ok()?).ok()
    }

    /// Engines whose supervisor lives, and folders of those whose supervisor does not.
    pub(crate) fn all(dirs: &Dirs) -> Result<(Vec<State>, Vec<PathBuf>)> {
        let mut running = Vec::new();
        let mut left = Vec::new();
        let Ok(entries) = std::fs::read_dir(dirs.running()) else {
            return Ok((running, left));
        };
        // Folders are made under this lock, so that none is met before its supervisor has locked it.
        let _making = dirs::lock(&dirs.base.join("lock"))?;
        for entry in entries {
            let folder = entry?.path();
            if !folder.is_dir() {
                continue;
            }
            match dirs::try_lock(&State::lock(&folder))? {
                Lock::Held => running.extend(State::load(&folder)),
                // Without a lock, somebody died while clearing up.
                Lock::Free(_) | Lock::Missing => left.push(folder),
            }
        }
        running.sort_by(|a, b| (&a.spec.name, &a.id).cmp(&(&b.spec.name, &b.id)));
        Ok((running, left))
    }
}

/// To the supervisor on its standard input: first this, then maybe the word `detach`. The end of input without that
/// word is the end of the engine.
pub(crate) const DETACH: &str = "detach";

/// From the supervisor on its standard output: one line.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Outcome {
    Ready(Box<State>),
    Failed(String),
}

/// To the engine's first process over its control socket: one line each, answered by one line.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    Status,
    /// Stops the daemon, gently first, and starts it again.
    Restart,
    /// Kills the daemon without further ado.
    Kill,
    Registry(Registry),
    /// Starts an sshd.
    Sshd,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    Done,
    /// The daemon's process, seen from inside.
    Running(i32),
    /// How the daemon ended.
    Ended(String),
    Failed(String),
}
