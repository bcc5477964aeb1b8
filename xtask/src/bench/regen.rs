//! `bench regen`: what it costs to make all crates anew.

use std::env;
use std::process::Command;

use anyhow::{Context, Result};

use super::Benchmark;
use super::measure;
use super::report::{Goal, Section, Unit};
use crate::files;

const SUBJECT: &str = "regen --check";

const GOALS: &[Goal] = &[
    Goal::at_most("wall, from specs/openapi", 10.0),
    Goal::at_most("peak memory, from specs/openapi", 500.0 * 1024.0 * 1024.0),
];

pub(crate) const BENCHMARK: Benchmark = Benchmark {
    name: "regen",
    about: "generating the crates of all versions, and comparing them with what is there",
    runs: 5,
    goals: GOALS,
    run,
};

fn run(runs: u16) -> Result<Vec<Section>> {
    let program = env::current_exe().context("cannot find this program's own file")?;
    let root = files::root();
    let mut ways = vec![("from specs/openapi", "--openapi")];
    if root.join("specs/upstream").is_dir() {
        ways.push(("from specs/upstream", "--upstream=specs/upstream"));
    } else {
        eprintln!("bench regen: without specs/upstream, which `cargo xtask fetch` makes");
    }
    let mut section = Section::new("All versions, by the xtask that `cargo xtask` builds");
    for run in 1..=runs {
        for (way, option) in &ways {
            let mut regen = Command::new(&program);
            regen.current_dir(&root).args(["regen", "--check", option]);
            let used = measure::run(&mut regen).context(
                "only a repository whose generated files are up to date can be measured",
            )?;
            let mut add = |what: &str, unit, value| {
                section.add(&format!("{what}, {way}"), SUBJECT, unit, value);
            };
            add("wall", Unit::Seconds, used.wall.as_secs_f64());
            add("CPU", Unit::Seconds, used.cpu.as_secs_f64());
            add("peak memory", Unit::Bytes, used.peak as f64);
        }
        eprintln!("bench regen: run {run} of {runs}");
    }
    Ok(vec![section])
}
