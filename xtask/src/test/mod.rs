//! `cargo xtask test`: every test there is, one step after another.

mod flow;
mod negotiated;
mod next_version;
mod outside;
mod packages;
mod registry;
mod steps;

use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use xtask::engine::Engine;

use crate::files;

/// Run all tests, with a container engine found or started
#[derive(Args)]
pub(crate) struct Test {
    /// Only the steps whose names contain one of these
    steps: Vec<String>,
    /// Print the steps and run none
    #[arg(long)]
    list: bool,
    /// Let as much flow as there can be: gibibytes where mebibytes do otherwise
    #[arg(long)]
    full: bool,
}

/// One step: a name that says what it shows, and how it is shown.
struct Step {
    name: &'static str,
    run: fn(&mut Context) -> Result<Counts>,
}

/// What steps share.
#[derive(Default)]
struct Context {
    /// Started by the first step that needs it.
    engine: Option<Engine>,
    /// What is large is as large as it can be.
    full: bool,
}

impl Context {
    fn engine(&mut self) -> Result<&Engine> {
        if self.engine.is_none() {
            self.engine = Some(Engine::acquire(None)?);
        }
        self.engine.as_ref().context("an engine was just started")
    }
}

/// How many tests ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Counts {
    const ONE_PASSED: Self = Self {
        passed: 1,
        failed: 0,
        skipped: 0,
    };
    const ONE_FAILED: Self = Self {
        passed: 0,
        failed: 1,
        skipped: 0,
    };
    const ONE_SKIPPED: Self = Self {
        passed: 0,
        failed: 0,
        skipped: 1,
    };

    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

impl Test {
    pub(crate) fn run(self) -> Result<()> {
        let wanted = |step: &&Step| {
            self.steps.is_empty() || self.steps.iter().any(|part| step.name.contains(part))
        };
        let steps: Vec<_> = steps::ALL.iter().filter(wanted).collect();
        if steps.is_empty() {
            bail!("no step is called like that; `cargo xtask test --list` prints them");
        }
        if self.list {
            steps.iter().for_each(|step| println!("{}", step.name));
            return Ok(());
        }
        let mut context = Context {
            full: self.full,
            ..Context::default()
        };
        let mut summary = Vec::new();
        let mut total = Counts::default();
        for step in steps {
            println!("\n=== {}", step.name);
            let start = Instant::now();
            let counts = (step.run)(&mut context).unwrap_or_else(|error| {
                println!("error: {error:#}");
                Counts::ONE_FAILED
            });
            total.add(counts);
            summary.push(format!(
                "{:<44} {counts}, {} s",
                step.name,
                start.elapsed().as_secs()
            ));
        }
        if let Some(engine) = context.engine {
            engine.stop()?;
        }
        println!("\n=== summary\n{}\n\n{total}", summary.join("\n"));
        match total {
            Counts {
                failed: 0,
                passed: 1..,
                ..
            } => Ok(()),
            _ => bail!("tests failed"),
        }
    }
}

/// A check that counts as one test.
fn check(result: Result<()>) -> Result<Counts> {
    result.map(|()| Counts::ONE_PASSED)
}

/// A command that counts as one test.
fn command(command: &mut Command) -> Result<Counts> {
    let status = command
        .status()
        .with_context(|| format!("cannot run {command:?}"))?;
    if !status.success() {
        bail!("failed: {command:?}");
    }
    Ok(Counts::ONE_PASSED)
}

/// `cargo test` with these arguments; its tests are counted one by one.
fn cargo_test(engine: Option<&Engine>, arguments: &[&str]) -> Result<Counts> {
    cargo_test_with(engine, &[], arguments)
}

/// The same with these variables in its environment.
fn cargo_test_with(
    engine: Option<&Engine>,
    environment: &[(&str, &str)],
    arguments: &[&str],
) -> Result<Counts> {
    let mut cargo = files::cargo();
    cargo
        .args(["test", "--no-fail-fast"])
        .args(arguments)
        .envs(environment.iter().copied())
        .stdout(Stdio::piped());
    if let Some(engine) = engine {
        engine.configure(&mut cargo);
    }
    let mut child = cargo.spawn().context("cannot run cargo")?;
    let mut counts = Counts::default();
    let output = child.stdout.take().context("the output of cargo")?;
    for line in BufReader::new(output).lines() {
        let line = line?;
        writeln!(std::io::stdout(), "{line}")?;
        counts.add(result_line(&line).unwrap_or_default());
    }
    if !child.wait()?.success() && counts.failed == 0 {
        println!(
            "error: cargo test {} failed before its tests did",
            arguments.join(" ")
        );
        counts.failed = 1;
    }
    if counts == Counts::default() {
        bail!("cargo test {} ran no test", arguments.join(" "));
    }
    Ok(counts)
}

/// The counts of a line such as `test result: ok. 6 passed; 0 failed; 1 ignored; …`.
fn result_line(line: &str) -> Option<Counts> {
    let (_, results) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let count = |name: &str| {
        let part = results
            .split(';')
            .find(|part| part.trim().ends_with(name))?;
        part.split_whitespace().next()?.parse().ok()
    };
    Some(Counts {
        passed: count("passed")?,
        failed: count("failed")?,
        skipped: count("ignored")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read_off_the_lines_of_cargo() {
        let line = "test result: FAILED. 61 passed; 2 failed; 3 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!(
            result_line(line),
            Some(Counts {
                passed: 61,
                failed: 2,
                skipped: 3
            })
        );
        assert_eq!(result_line("running 6 tests"), None);
    }
}
