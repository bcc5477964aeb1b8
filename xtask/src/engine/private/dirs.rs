//! Where engines are kept: packages and data of running ones, all below cargo's target folder.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

/// Folders that are links into `usr` on a system of today.
pub(crate) const MERGED: [&str; 4] = ["bin", "lib", "lib64", "sbin"];

/// The folder of everything, made on demand.
#[derive(Clone, Debug)]
pub(crate) struct Dirs {
    pub(crate) base: PathBuf,
}

impl Dirs {
    /// `DOCKER_API_GEN_ENGINES`, or `engines` in the target folder; several checkouts can so share one download.
    pub(crate) fn new() -> Result<Dirs> {
        let base =
            match std::env::var_os("DOCKER_API_GEN_ENGINES").filter(|value| !value.is_empty()) {
                Some(base) => PathBuf::from(base),
                None => target_folder()?.join("engines"),
            };
        let base = std::path::absolute(base)?;
        std::fs::create_dir_all(&base)
            .with_context(|| format!("cannot make {}", base.display()))?;
        Ok(Dirs { base })
    }

    /// One folder per set of packages.
    pub(crate) fn packages(&self, name: &str) -> PathBuf {
        self.base.join(name)
    }

    /// One folder per running engine.
    pub(crate) fn running(&self) -> PathBuf {
        self.base.join("running")
    }
}

fn target_folder() -> Result<PathBuf> {
    if let Some(folder) = std::env::var_os("CARGO_TARGET_DIR").filter(|value| !value.is_empty()) {
        return Ok(PathBuf::from(folder));
    }
    // Cargo marks its target folder, and this program was built into it.
    let this = std::env::current_exe().context("cannot tell where this program lies")?;
    if let Some(folder) = this
        .ancestors()
        .skip(1)
        .find(|folder| folder.join("CACHEDIR.TAG").exists())
    {
        return Ok(folder.to_owned());
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .output()
        .context("cannot run cargo")?;
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("cannot read what cargo metadata prints")?;
    let folder = metadata["target_directory"]
        .as_str()
        .context("cargo metadata names no target folder")?;
    Ok(PathBuf::from(folder))
}

/// Waits for a lock file; it is free again when the result is dropped or its process is gone.
pub(crate) fn lock(path: &Path) -> Result<Flock<File>> {
    let file = File::create(path).with_context(|| format!("cannot make {}", path.display()))?;
    Flock::lock(file, FlockArg::LockExclusive)
        .map_err(|(_, error)| error)
        .with_context(|| format!("cannot lock {}", path.display()))
}

/// What can be learned about a lock without waiting.
pub(crate) enum Lock {
    /// Somebody has it.
    Held,
    /// Now we have it.
    Free(#[expect(dead_code, reason = "held, not read")] Flock<File>),
    Missing,
}

pub(crate) fn try_lock(path: &Path) -> Result<Lock> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Lock::Missing),
        Err(error) => return Err(error).with_context(|| format!("cannot open {}", path.display())),
    };
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Lock::Free(lock)),
        Err((_, Errno::EWOULDBLOCK)) => Ok(Lock::Held),
        Err((_, error)) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
    }
}

/// Finds a program as a shell would, and where root's programs usually are.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    search_path()
        .into_iter()
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

pub(crate) fn search_path() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default();
    for usual in [
        "/usr/local/sbin",
        "/usr/local/bin",
        "/usr/sbin",
        "/usr/bin",
        "/sbin",
        "/bin",
    ] {
        if !folders.iter().any(|folder| folder == Path::new(usual)) {
            folders.push(usual.into());
        }
    }
    folders
}
