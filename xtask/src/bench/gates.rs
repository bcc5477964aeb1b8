//! `bench gates`: what it costs to compare a request with what the version spoken has.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use xtask::engine::{Engine, EngineKind};

use super::Benchmark;
use super::build::{PROGRAMS, cargo};
use super::daemon::Daemon;
use super::measure;
use super::report::{Goal, Section, Unit};
use crate::files;

const CHECKED: &str = "compared";
const UNCHECKED: &str = "not compared";

const REAL: &str = "a container created";
const FAKE: &str = "the request and its answer";

const GOALS: &[Goal] = &[Goal::at_most_times(REAL, 1.05, UNCHECKED)];

pub(crate) const BENCHMARK: Benchmark = Benchmark {
    name: "gates",
    about: "comparing the creation of a container with what the version has: time",
    runs: 5,
    goals: GOALS,
    run,
};

/// How many containers are created in each way, on an engine and on what only answers.
const CREATED: usize = 200;
const ANSWERED: usize = 3000;

fn run(runs: u16) -> Result<Vec<Section>> {
    let program = build()?;
    let kind = EngineKind::ALL
        .into_iter()
        .rfind(|kind| !kind.is_podman() && xtask::engine::available(*kind).is_ok())
        .context("no Docker engine can be had on this machine: `cargo xtask engine list`")?;
    let mut real = Section::new(format!(
        "A container with everything that API 1.41 has, created by {kind}, median of {CREATED}"
    ));
    let mut fake = Section::new(format!(
        "The same, answered at once by a daemon that creates nothing, median of {ANSWERED}"
    ));
    let engine = Engine::builder().kind(kind).name("bench-gates").start()?;
    let daemon = Daemon::start()?;
    for run in 1..=runs {
        let [checked, unchecked] = medians(engine.command(&program), CREATED)?;
        real.add(REAL, CHECKED, Unit::Seconds, checked);
        real.add(REAL, UNCHECKED, Unit::Seconds, unchecked);
        let mut command = Command::new(&program);
        command.env("DOCKER_HOST", daemon.host());
        let [checked, unchecked] = medians(command, ANSWERED)?;
        fake.add(FAKE, CHECKED, Unit::Seconds, checked);
        fake.add(FAKE, UNCHECKED, Unit::Seconds, unchecked);
        eprintln!("bench gates: run {run} of {runs}");
    }
    engine.stop()?;
    Ok(vec![real, fake])
}

/// The seconds that a creation takes in either way.
fn medians(mut command: Command, count: usize) -> Result<[f64; 2]> {
    let used = measure::run(command.arg(count.to_string()))?;
    let text = std::str::from_utf8(&used.stdout)?;
    let mut medians = [0.0; 2];
    let mut lines = text.lines();
    for median in &mut medians {
        let line = lines.next().context("a line for each way")?;
        let times: Result<Vec<u64>, _> = line.split(' ').map(str::parse).collect();
        let mut times = times.with_context(|| format!("the program printed {line:?}"))?;
        ensure!(times.len() == count, "{} were created", times.len());
        times.sort_unstable();
        *median = times[count / 2] as f64 / 1e9;
    }
    Ok(medians)
}

/// The program, built in cargo's release profile.
fn build() -> Result<PathBuf> {
    let folder = files::target().join("bench-gates");
    let mut build = cargo("build", PROGRAMS);
    build
        .args(["--release", "--quiet", "--package", "gates", "--target-dir"])
        .arg(&folder);
    measure::run(&mut build)?;
    Ok(folder.join("release/gates"))
}
