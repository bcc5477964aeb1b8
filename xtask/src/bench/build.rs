//! `bench build`: what it costs to build a program that uses the library, and the generated crate alone.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use super::Benchmark;
use super::daemon::{Daemon, IDS};
use super::machine;
use super::measure::{self, Usage};
use super::report::{Goal, Section, Unit};
use crate::files;

const BOLLARD: &str = "bollard";

const GOALS: &[Goal] = &[
    Goal::at_most_times("CPU", 0.9, BOLLARD),
    Goal::at_most_times("crates", 1.0, BOLLARD),
    Goal::at_most_times("stripped binary", 1.1, BOLLARD),
    Goal::at_most("check, CPU", 2.5),
    Goal::at_most("release build, CPU", 9.0),
];

pub(crate) const BENCHMARK: Benchmark = Benchmark {
    name: "build",
    about: "building a small program and the crate of one version: CPU, crates, size of the binary",
    runs: 3,
    goals: GOALS,
    run,
};

/// The workspace of the measured programs.
pub(super) const PROGRAMS: &str = "bench";

/// What is called how, and the program that lists containers with it.
const LIST: [(&str, &str); 3] = [
    ("docker-api-gen", "list-docker-api-gen"),
    (BOLLARD, "list-bollard"),
    ("bare hyper", "list-hyper"),
];

/// Crates that are built alone, and the workspaces that they are found in.
///
/// The peer has types only, where ours has the operations too: there is no part of bollard that is nearer.
const ALONE: [(&str, &str); 2] = [("docker-api-gen-v1-55", "."), ("bollard-stubs", PROGRAMS)];

fn run(runs: u16) -> Result<Vec<Section>> {
    fetch()?;
    let title = "The smallest program that lists containers, clean release build\n\
                 (cargo's own release profile with `strip = true`; CPU is user + system of all processes)";
    Ok(vec![programs(title, &LIST, runs)?, alone(runs)?])
}

/// Downloads what is going to be built, so that the network does not count.
pub(super) fn fetch() -> Result<()> {
    let host = machine::host()?;
    let lock = files::root().join(PROGRAMS).join("Cargo.lock");
    let before = files::read(&lock)?;
    for workspace in [PROGRAMS, "."] {
        let mut fetch = cargo("fetch", workspace);
        fetch.args(["--quiet", "--target", &host]);
        measure::run(&mut fetch)?;
    }
    if files::read(&lock)? != before {
        eprintln!(
            "bench build: {PROGRAMS}/Cargo.lock did not fit and was changed by cargo: commit it"
        );
    }
    Ok(())
}

/// Programs that do the same, built from nothing.
pub(super) fn programs(title: &str, list: &[(&str, &str)], runs: u16) -> Result<Section> {
    let mut section = Section::new(title);
    let target = Target::new("programs")?;
    for run in 1..=runs {
        for &(subject, package) in list {
            target.clear()?;
            let mut build = cargo("build", PROGRAMS);
            build.args(["--release", "--package", package]);
            let built = target.build(&mut build)?;
            let binary = target.folder.join("release").join(package);
            let size = fs::metadata(&binary)
                .with_context(|| format!("cannot find {}", binary.display()))?
                .len();
            if run == 1 {
                try_out(&binary).with_context(|| format!("{package} does not list containers"))?;
            }
            let cpu = built.usage.cpu.as_secs_f64();
            section.add("CPU", subject, Unit::Seconds, cpu);
            let wall = built.usage.wall.as_secs_f64();
            section.add("wall", subject, Unit::Seconds, wall);
            let crates = built.packages.len() as f64;
            section.add("crates", subject, Unit::Count, crates);
            section.add("stripped binary", subject, Unit::Bytes, size as f64);
            eprintln!(
                "bench build: run {run} of {runs}: {subject}: {cpu:.1} s CPU, {crates} crates, {size} B"
            );
        }
    }
    Ok(section)
}

/// A program that does not work is no comparison.
fn try_out(binary: &Path) -> Result<()> {
    let daemon = Daemon::start()?;
    let run = |host: String| {
        Command::new(binary)
            .env("DOCKER_HOST", host)
            .output()
            .context("cannot run it")
    };
    let good = run(daemon.host())?;
    ensure!(
        good.status.success(),
        "{}: {}",
        good.status,
        String::from_utf8_lossy(&good.stderr).trim()
    );
    let ids: Vec<_> = std::str::from_utf8(&good.stdout)?.lines().collect();
    ensure!(ids == IDS, "it printed {ids:?}");
    let bad = run(daemon.nobody())?;
    ensure!(
        !bad.status.success() && !bad.stderr.is_empty(),
        "without a daemon it says nothing"
    );
    Ok(())
}

fn alone(runs: u16) -> Result<Section> {
    let mut section =
        Section::new("One crate alone, its dependencies built before (not incremental)");
    let targets = ALONE.map(|(package, _)| Target::new(package));
    let targets: Vec<_> = targets.into_iter().collect::<Result<_>>()?;
    let commands: [(&str, &str, &[&str]); 2] = [
        ("check", "check", &[]),
        ("release build", "build", &["--release"]),
    ];
    for run in 0..=runs {
        for ((package, workspace), target) in ALONE.iter().zip(&targets) {
            for (what, verb, options) in commands {
                // Not by its time stamp: cargo does not look at those of crates from a registry.
                let mut clean = cargo("clean", workspace);
                clean.args(["--quiet", "--package", package]).args(options);
                target.run(&mut clean)?;
                let mut build = cargo(verb, workspace);
                build.args(["--package", package]).args(options);
                let built = target.build(&mut build)?;
                if run == 0 {
                    // That was for the dependencies.
                    eprintln!("bench build: {what} of what {package} depends on");
                    continue;
                }
                if built.packages.len() != 1 {
                    bail!(
                        "{package} was to be built alone, but so was more: {:?}",
                        built.packages
                    );
                }
                let (cpu, wall) = (built.usage.cpu, built.usage.wall);
                let mut add = |figure: &str, value| {
                    section.add(&format!("{what}, {figure}"), package, Unit::Seconds, value);
                };
                add("CPU", cpu.as_secs_f64());
                add("wall", wall.as_secs_f64());
                eprintln!(
                    "bench build: run {run} of {runs}: {what} of {package}: {:.2} s CPU",
                    cpu.as_secs_f64()
                );
            }
        }
    }
    Ok(section)
}

/// Cargo in a workspace of the repository, with nothing of the environment that changes what is built or how.
pub(super) fn cargo(verb: &str, workspace: &str) -> Command {
    const OURS_TO_SAY: [&str; 3] = ["CARGO_BUILD_", "CARGO_PROFILE_", "CARGO_TARGET_"];
    let mut cargo = files::cargo();
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if OURS_TO_SAY.iter().any(|prefix| text.starts_with(prefix)) {
            cargo.env_remove(&name);
        }
    }
    cargo.env_remove("CARGO_ENCODED_RUSTFLAGS");
    // Empty is stronger than absent: no flags and no cache of the user's configuration either.
    cargo.envs([("RUSTFLAGS", ""), ("RUSTC_WRAPPER", "")]);
    cargo.env("CARGO_INCREMENTAL", "0");
    let manifest = Path::new(workspace).join("Cargo.toml");
    cargo.arg(verb).arg("--manifest-path").arg(manifest);
    cargo
}

/// A folder that cargo builds in, removed at the end.
pub(super) struct Target {
    folder: PathBuf,
}

/// What a build cost, and the packages that it did not find built.
pub(super) struct Built {
    pub(super) usage: Usage,
    pub(super) packages: BTreeSet<String>,
}

/// A line of what `cargo build --message-format=json` prints, as far as it matters here.
#[derive(Deserialize)]
struct Message {
    reason: String,
    package_id: Option<String>,
    #[serde(default)]
    fresh: bool,
}

impl Target {
    /// Empty: what an interrupted run left there is removed.
    pub(super) fn new(name: &str) -> Result<Self> {
        let target = Self {
            folder: files::root().join(PROGRAMS).join("target").join(name),
        };
        target.clear()?;
        Ok(target)
    }

    pub(super) fn clear(&self) -> Result<()> {
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", self.folder.display()))
            }
            _ => Ok(()),
        }
    }

    fn run(&self, cargo: &mut Command) -> Result<Usage> {
        cargo
            .args(["--locked", "--offline", "--target-dir"])
            .arg(&self.folder);
        measure::run(cargo)
    }

    pub(super) fn build(&self, cargo: &mut Command) -> Result<Built> {
        cargo.args(["--quiet", "--message-format=json-render-diagnostics"]);
        let usage = self.run(cargo)?;
        let packages = built(&String::from_utf8_lossy(&usage.stdout))?;
        Ok(Built { usage, packages })
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.clear();
    }
}

/// The packages that were compiled, whatever of them: library, build script or program.
fn built(messages: &str) -> Result<BTreeSet<String>> {
    let mut packages = BTreeSet::new();
    for line in messages.lines() {
        let message: Message =
            serde_json::from_str(line).context("cannot read what cargo prints")?;
        if message.reason == "compiler-artifact" && !message.fresh {
            packages.extend(message.package_id);
        }
    }
    Ok(packages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_counted_once_and_only_if_built() {
        let messages = r#"{"reason":"compiler-artifact","package_id":"a","fresh":false,"target":{"kind":["custom-build"]}}
{"reason":"build-script-executed","package_id":"a"}
{"reason":"compiler-artifact","package_id":"a","fresh":false,"target":{"kind":["lib"]}}
{"reason":"compiler-artifact","package_id":"b","fresh":true}
{"reason":"compiler-artifact","package_id":"c","fresh":false}
{"reason":"build-finished","success":true}
"#;
        let packages: Vec<_> = built(messages).unwrap().into_iter().collect();
        assert_eq!(packages, ["a", "c"]);
        assert!(built("half a li").is_err());
    }

    #[test]
    fn the_programs_and_the_measured_crates_are_there() {
        let root = files::root();
        let lock = files::read(&root.join(PROGRAMS).join("Cargo.lock")).unwrap();
        for (_, package) in LIST {
            assert!(lock.contains(&format!("name = \"{package}\"")), "{package}");
        }
        for (package, workspace) in ALONE {
            let lock = files::read(&root.join(workspace).join("Cargo.lock")).unwrap();
            assert!(lock.contains(&format!("name = \"{package}\"")), "{package}");
        }
    }
}
