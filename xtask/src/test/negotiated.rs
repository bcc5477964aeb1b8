//! One program on every engine that can be had, and at every version that the newest of them speaks.

use std::process::Output;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use xtask::engine::{Engine, EngineKind};

use super::outside::{Package, quickstart_with};
use super::{Context, Counts, command};
use crate::files;

/// Stops a container with a signal of its own, which needs API 1.42.
const STOP: &str = r#"use docker_api_gen::Docker;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let docker = Docker::connect().await?;
    let running = docker.run("alpine", ["sleep", "60"]).start().await?;
    let stopped = docker.containers().stop(running.id()).signal("SIGKILL").send().await;
    running.remove().await?;
    match stopped {
        Ok(_) => println!("stopped by API {}", docker.api_version()),
        Err(error) => println!("{error}"),
    }
    Ok(())
}
"#;

pub(super) fn engines(_: &mut Context) -> Result<Counts> {
    let quickstart = Package::new("quickstart-negotiated", "negotiated")?;
    quickstart.write_main(&quickstart_with("negotiated")?)?;
    command(quickstart.cargo("build").arg("--quiet"))?;
    let stop = Package::new("stop-negotiated", "negotiated")?;
    stop.write_main(STOP)?;
    command(stop.cargo("build").arg("--quiet"))?;

    let versions = files::versions(&files::root())?;
    let mut counts = Counts::default();
    for kind in EngineKind::ALL {
        if let Err(why) = Engine::available(kind) {
            println!("skipped: {kind}: {why:#}");
            counts.add(Counts::ONE_SKIPPED);
            continue;
        }
        let engine = Engine::acquire(Some(kind))?;
        let window = engine.api_window()?;
        let mut spoken = vec![window.max.clone()];
        if kind == EngineKind::PREFERRED[0] {
            let all = versions.iter().map(|version| version.to_string());
            spoken = all.filter(|version| window.contains(version)).collect();
        }
        for version in &spoken {
            println!("{kind} at API {version}");
            let before = engine.containers()?;
            let text = run(&quickstart, &engine, version)?;
            ensure!(
                text.lines().any(|line| line == "hello world"),
                "the quickstart did not print what its container said on {kind} at API {version}:\n{text}"
            );
            counts.add(Counts::ONE_PASSED);

            let text = run(&stop, &engine, version)?;
            let has_signal = version.parse::<docker_api_gen_codegen::Version>()
                >= "1.42".parse::<docker_api_gen_codegen::Version>();
            let expected = if has_signal {
                format!("stopped by API {version}")
            } else {
                format!(
                    "containers.stop: signal needs API 1.42 (Docker 23.0), this connection speaks {version}"
                )
            };
            ensure!(
                text.trim() == expected,
                "on {kind} at API {version}: {text:?}, not {expected:?}"
            );
            // A daemon that is removing a container by itself says so, and takes a moment.
            let limit = Instant::now() + Duration::from_secs(10);
            while engine.containers()? != before {
                ensure!(
                    Instant::now() < limit,
                    "a container was left behind on {kind} at API {version}"
                );
                sleep(Duration::from_millis(50));
            }
            counts.add(Counts::ONE_PASSED);
        }
        engine.stop()?;
    }
    Ok(counts)
}

/// What the program prints when it may speak nothing above `version`.
fn run(package: &Package, engine: &Engine, version: &str) -> Result<String> {
    let mut cargo = package.cargo("run");
    let cargo = engine.configure(cargo.arg("--quiet"));
    let output: Output = cargo
        .env("DOCKER_API_VERSION", version)
        .output()
        .context("cannot run the program")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "it failed at API {version}: {text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(text)
}
