//! `bench features`: what each feature of the façade adds to a build.

use anyhow::Result;

use super::Benchmark;
use super::build::{self, Target, cargo};
use super::report::{Goal, Section, Unit};

const ONE: &str = "v1_41";

const NEGOTIATED: &str = "negotiated";

/// Features, each built together with one version's client if it needs one.
const FEATURES: [(&str, &str); 10] = [
    ("one more version", "v1_41,v1_55"),
    (NEGOTIATED, NEGOTIATED),
    ("archive", "v1_41,archive"),
    ("custom-transport", "v1_41,custom-transport"),
    ("progress", "v1_41,progress"),
    ("reqwest", "v1_41,reqwest"),
    ("ssh", "v1_41,ssh"),
    ("tls", "v1_41,tls"),
    ("tracing", "v1_41,tracing"),
    ("serde-both", "v1_41,serde-both"),
];

const GOALS: &[Goal] = &[Goal::at_most_times("CPU", 1.3, ONE)];

pub(crate) const BENCHMARK: Benchmark = Benchmark {
    name: "features",
    about: "building the library with each of its features: CPU and crates",
    runs: 1,
    goals: GOALS,
    run,
};

/// The same program with the client of all versions, and with that of one.
const LIST: [(&str, &str); 2] = [
    (NEGOTIATED, "list-negotiated"),
    (ONE, "list-docker-api-gen"),
];

fn run(runs: u16) -> Result<Vec<Section>> {
    build::fetch()?;
    let title = "The smallest program that lists containers, clean release build";
    Ok(vec![build::programs(title, &LIST, runs)?, libraries(runs)?])
}

/// The library without a program, as a feature's code is compiled whether it is used or not.
fn libraries(runs: u16) -> Result<Section> {
    let mut section = Section::new("The library, clean release build");
    let target = Target::new("features")?;
    let measure = |features: &str| {
        target.clear()?;
        let mut build = cargo("build", ".");
        build
            .args(["--release", "--package", "docker-api-gen", "--features"])
            .arg(features);
        let built = target.build(&mut build)?;
        eprintln!(
            "bench features: {features}: {:.1} s CPU, {} crates",
            built.usage.cpu.as_secs_f64(),
            built.packages.len()
        );
        anyhow::Ok((built.usage.cpu.as_secs_f64(), built.packages.len() as f64))
    };
    for _ in 0..runs {
        let one = measure(ONE)?;
        for (name, features) in FEATURES {
            for (subject, (cpu, crates)) in [("with it", measure(features)?), (ONE, one)] {
                section.add(&format!("{name}, CPU"), subject, Unit::Seconds, cpu);
                section.add(&format!("{name}, crates"), subject, Unit::Count, crates);
            }
        }
    }
    Ok(section)
}
