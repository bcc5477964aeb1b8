//! The steps of `cargo xtask test`, quick ones first.

use std::ffi::OsString;
use std::process::Command;

use docker_api_gen_codegen::names;
use xtask::engine::{self, EngineKind};

use super::{
    Counts, Step, cargo_test, check, command, flow, negotiated, next_version, outside, packages,
    registry,
};
use crate::{conformance, files, regen};

pub(super) const ALL: &[Step] = &[
    Step {
        name: "generated files are up to date",
        run: |_| check(regen::check()),
    },
    Step {
        name: "words for everything",
        run: |_| words(),
    },
    Step {
        name: "formatting",
        run: |_| formatting(),
    },
    Step {
        name: "the generator",
        run: |_| cargo_test(None, &["--package", "docker-api-gen-codegen"]),
    },
    Step {
        name: "the run time",
        run: |_| cargo_test(None, &["--package", "docker-api-gen-core"]),
    },
    Step {
        name: "the run time with all it can have",
        run: |_| {
            cargo_test(
                None,
                &["--package", "docker-api-gen-core", "--all-features"],
            )
        },
    },
    Step {
        name: "the tasks",
        run: |_| cargo_test(None, &["--package", "xtask"]),
    },
    Step {
        name: "every crate, without a warning",
        run: |_| lints(),
    },
    Step {
        name: "wire contracts and hostile answers of every version",
        run: |_| {
            cargo_test(
                None,
                &[
                    "--workspace",
                    "--features",
                    "serde-both",
                    "--test",
                    "contract",
                    "--quiet",
                ],
            )
        },
    },
    Step {
        name: "recording, and recordings of every engine replayed",
        run: |_| recordings(),
    },
    Step {
        name: "a second opinion on every version, and the table of limits",
        run: |_| {
            cargo_test(
                None,
                &[
                    "--package",
                    "docker-api-gen-tests",
                    "--lib",
                    "--test",
                    "second_opinion",
                    "--test",
                    "limits",
                ],
            )
        },
    },
    Step {
        name: "features",
        run: |_| features(),
    },
    Step {
        name: "the façade, the README and the guides",
        run: |_| cargo_test(None, &["--package", "docker-api-gen", "--features", GUIDES]),
    },
    Step {
        name: "the examples of a version's documentation",
        run: |_| cargo_test(None, &["--package", &newest_crate()?, "--doc"]),
    },
    Step {
        name: "the pages of rustdoc",
        run: |_| pages(),
    },
    Step {
        name: "what is in the packages",
        run: packages::contents,
    },
    Step {
        name: "a program built from the packages",
        run: packages::build,
    },
    Step {
        name: "the quickstart from outside, on an engine",
        run: outside::quickstart,
    },
    Step {
        name: "credentials for a registry, on engines",
        run: registry::credentials,
    },
    Step {
        name: "two versions side by side, from outside",
        run: outside::two_versions,
    },
    Step {
        name: "one client for every engine and every version",
        run: negotiated::engines,
    },
    Step {
        name: "ways to real engines",
        run: |_| {
            cargo_test(
                None,
                &["--package", "docker-api-gen-tests", "--test", "reach"],
            )
        },
    },
    Step {
        name: "scenarios on the oldest and the newest engines",
        run: |_| scenarios(),
    },
    Step {
        name: "what flows, on every engine",
        run: flow::flow,
    },
    Step {
        name: "the next version, invented",
        run: next_version::next_version,
    },
];

/// What the examples of the façade, the README and the guides need.
const GUIDES: &str =
    "archive,custom-transport,negotiated,progress,reqwest,serde-both,tls,v1_41,v1_42";

/// What the façade's pages are published with.
const PAGES: &str = "docker-api-gen/archive,docker-api-gen/custom-transport,docker-api-gen/latest,\
                     docker-api-gen/negotiated,docker-api-gen/progress,docker-api-gen/reqwest,\
                     docker-api-gen/ssh,docker-api-gen/tls,docker-api-gen/tracing";

/// Packages written by hand: what is generated has its own formatting.
const HANDWRITTEN: [&str; 7] = [
    "docker-api-gen",
    "docker-api-gen-codegen",
    "docker-api-gen-conformance",
    "docker-api-gen-core",
    "docker-api-gen-tests",
    "docker-api-gen-traffic",
    "xtask",
];

fn formatting() -> anyhow::Result<Counts> {
    if !has_component("rustfmt") {
        println!("skipped: rustfmt is not installed");
        return Ok(Counts::ONE_SKIPPED);
    }
    let mut cargo = files::cargo();
    cargo.args(["fmt", "--check"]);
    for package in HANDWRITTEN {
        cargo.args(["--package", package]);
    }
    command(&mut cargo)
}

/// The oldest and the newest Docker that can be had, and podman, with the oldest version and the newest of each; and
/// whether the matrix that is kept is of the versions and operations that there are.
fn scenarios() -> anyhow::Result<Counts> {
    let mut counts = cargo_test(None, &["--package", "docker-api-gen-conformance"])?;
    let mut docker = Vec::new();
    let mut wanted = Vec::new();
    for kind in EngineKind::ALL {
        match engine::available(kind) {
            Ok(_) if kind.is_podman() => wanted.push(kind),
            Ok(_) => docker.push(kind),
            Err(why) => {
                println!("skipped: no {kind}: {why:#}");
                counts.add(Counts::ONE_SKIPPED);
            }
        }
    }
    wanted.extend(docker.first().into_iter().chain(docker.last()));
    wanted.dedup();
    if wanted.is_empty() {
        return Ok(counts);
    }
    let versions = files::versions(&files::root())?;
    let oldest = versions.rows()[0].api.to_string();
    let mut apis = vec![oldest.as_str()];
    apis.extend(wanted.iter().map(|kind| kind.api()));
    apis.sort_unstable();
    apis.dedup();
    let engines = wanted.iter().flat_map(|kind| ["--engine", kind.name()]);
    let arguments: Vec<_> = engines
        .chain(apis.into_iter().flat_map(|api| ["--version", api]))
        .map(OsString::from)
        .collect();
    counts.add(command(&mut conformance::command(&arguments))?);
    Ok(counts)
}

/// Built as the wire contracts are, so that the versions that both need are built once.
fn recordings() -> anyhow::Result<Counts> {
    let mut counts = cargo_test(
        None,
        &["--package", "docker-api-gen-traffic", "--lib", "--bins"],
    )?;
    counts.add(cargo_test(
        None,
        &[
            "--workspace",
            "--features",
            "serde-both,docker-api-gen-traffic/recordings",
            "--test",
            "proxy",
            "--test",
            "recordings",
            "--test",
            "replay",
        ],
    )?);
    Ok(counts)
}

/// All crates with all features, every warning an error; with clippy where it is installed.
fn lints() -> anyhow::Result<Counts> {
    let all = ["--workspace", "--all-targets", "--all-features"];
    if has_component("cargo-clippy") {
        return command(
            files::cargo()
                .arg("clippy")
                .args(all)
                .args(["--", "--deny", "warnings"]),
        );
    }
    println!("skipped: clippy is not installed; the compiler's own warnings are looked at");
    let mut counts = command(
        files::cargo()
            .arg("check")
            .args(all)
            .env("RUSTFLAGS", "--deny warnings"),
    )?;
    counts.add(Counts::ONE_SKIPPED);
    Ok(counts)
}

/// What is published, every warning an error.
fn pages() -> anyhow::Result<Counts> {
    let versions = files::versions(&files::root())?;
    let handwritten = ["docker-api-gen-core", "docker-api-gen"].map(str::to_owned);
    let generated = versions.iter().map(names::version_crate);
    let mut cargo = files::cargo();
    cargo.args(["doc", "--no-deps", "--features", PAGES]);
    for package in handwritten
        .into_iter()
        .chain(generated)
        .chain([names::NEGOTIATED_CRATE.to_owned()])
    {
        cargo.args(["--package", &package]);
    }
    command(cargo.env("RUSTDOCFLAGS", "--deny warnings"))
}

/// Everything has words of our own; that they are our own is seen only beside the published descriptions.
fn words() -> anyhow::Result<Counts> {
    let is_compared = crate::docs::Docs::default().examine()?;
    Ok(Counts {
        skipped: usize::from(!is_compared),
        ..Counts::ONE_PASSED
    })
}

fn newest_crate() -> anyhow::Result<String> {
    let newest = files::versions(&files::root())?.latest().api;
    Ok(names::version_crate(newest))
}

/// The façade without a version, with each feature alone, and with two; all at once are part of the lints.
fn features() -> anyhow::Result<Counts> {
    let root = files::root();
    let versions = files::versions(&root)?;
    let mut sets = vec![
        String::new(),
        "serde-both".to_owned(),
        "latest".to_owned(),
        "negotiated".to_owned(),
        "negotiated,serde-both,v1_41".to_owned(),
        "v1_30,v1_55".to_owned(),
        "custom-transport".to_owned(),
        "reqwest".to_owned(),
        "ssh".to_owned(),
        "tls".to_owned(),
    ];
    sets.extend(versions.iter().map(names::version_module));
    let mut counts = Counts::default();
    for set in sets {
        let mut cargo = files::cargo();
        cargo.args([
            "check",
            "--quiet",
            "--package",
            "docker-api-gen",
            "--no-default-features",
            "--features",
            &set,
        ]);
        match command(&mut cargo) {
            Ok(one) => counts.add(one),
            Err(error) => {
                println!("error: features `{set}`: {error:#}");
                counts.add(Counts::ONE_FAILED);
            }
        }
    }
    Ok(counts)
}

fn has_component(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}
