//! `cargo xtask bench`: every figure of the project, side by side with its peer in the same run.
//!
//! A benchmark returns rows: what was measured, of which subject, in which unit. Ratios, goals, text and JSON are
//! made of them in `report`, for all benchmarks alike.

mod build;
mod daemon;
mod features;
mod gates;
mod machine;
mod measure;
mod ping;
mod regen;
mod report;
mod streams;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::files;
use machine::Machine;
use report::{Goal, Report, Section};

/// Measure what building, streaming and regenerating cost, next to the peers
#[derive(Args)]
pub(crate) struct Bench {
    /// Only these [default: all]
    names: Vec<String>,
    /// How often to measure; the figures are medians [default: as `--list` says]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    runs: Option<u16>,
    /// Write the figures to this file too, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Print the benchmarks and run none
    #[arg(long)]
    list: bool,
}

/// One benchmark.
struct Benchmark {
    name: &'static str,
    about: &'static str,
    /// How often it measures unless told.
    runs: u16,
    goals: &'static [Goal],
    run: fn(runs: u16) -> Result<Vec<Section>>,
}

const ALL: &[Benchmark] = &[
    build::BENCHMARK,
    features::BENCHMARK,
    gates::BENCHMARK,
    ping::BENCHMARK,
    regen::BENCHMARK,
    streams::BENCHMARK,
];

impl Bench {
    pub(crate) fn run(self) -> Result<()> {
        if self.list {
            for benchmark in ALL {
                println!(
                    "{:<8} {} ({} runs)",
                    benchmark.name, benchmark.about, benchmark.runs
                );
            }
            return Ok(());
        }
        let mut report = Report::new(Machine::find()?);
        for benchmark in select(&self.names)? {
            let runs = self.runs.unwrap_or(benchmark.runs);
            let sections =
                (benchmark.run)(runs).with_context(|| format!("bench {}", benchmark.name))?;
            report.add(benchmark.name, runs, sections, benchmark.goals);
        }
        print!("{}", report.to_text());
        if let Some(path) = &self.json {
            files::write(path, report.to_json().as_bytes())?;
        }
        Ok(())
    }
}

/// The benchmarks of these names, in the order of the table.
fn select(names: &[String]) -> Result<Vec<&'static Benchmark>> {
    let known: Vec<_> = ALL.iter().map(|benchmark| benchmark.name).collect();
    for name in names {
        if !known.contains(&name.as_str()) {
            bail!(
                "there is no benchmark {name:?}: there is {}",
                known.join(", ")
            );
        }
    }
    Ok(ALL
        .iter()
        .filter(|benchmark| names.is_empty() || names.iter().any(|name| name == benchmark.name))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn benchmarks_are_selected_by_name() {
        let names = |wanted: &[&str]| -> Result<Vec<&str>> {
            let wanted: Vec<_> = wanted.iter().map(|&name| name.to_owned()).collect();
            Ok(select(&wanted)?.iter().map(|found| found.name).collect())
        };
        assert_eq!(
            names(&[]).unwrap(),
            ["build", "features", "gates", "ping", "regen", "streams"]
        );
        assert_eq!(names(&["regen"]).unwrap(), ["regen"]);
        assert_eq!(
            names(&["regne"]).unwrap_err().to_string(),
            "there is no benchmark \"regne\": there is build, features, gates, ping, regen, streams"
        );
    }
}
