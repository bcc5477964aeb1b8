//! One program on every engine that can be had, and at every version that the newest of them speaks.

use std::ffi::OsString;
use std::process::Output;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use xtask::engine::{Engine, EngineKind, Registry};

use super::outside::{Package, quickstart_with};
use super::{Context, Counts, command};
use crate::{conformance, files};

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

/// Everything that is one call where it takes several operations.
const SHORTCUTS: &str = r#"use std::error::Error;
use std::time::Duration;

use docker_api_gen::Docker;
use docker_api_gen::shortcuts::{BuildContext, Until};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let docker = Docker::connect().await?;
    let registry = std::env::var("REGISTRY")?;
    let folder = std::env::temp_dir().join(format!("shortcuts-{}", std::process::id()));
    std::fs::create_dir(&folder)?;
    let done = all(&docker, &registry, &folder).await;
    std::fs::remove_dir_all(&folder)?;
    done?;
    println!("all of it with API {}", docker.api_version());
    Ok(())
}

async fn all(docker: &Docker, registry: &str, folder: &std::path::Path) -> Result<(), Box<dyn Error>> {
    let ran = docker.run("alpine", ["sh", "-c", "echo out; echo err >&2; exit 3"]).send().await?;
    assert_eq!((ran.exit_code, &ran.stdout[..], &ran.stderr[..]), (3, &b"out
"[..], &b"err
"[..]));

    let script = "echo ready; sleep 60";
    let running = docker.run("alpine", ["sh", "-c", script]).start().await?;
    let used = with_container(docker, running.id(), folder).await;
    running.remove().await?;
    used?;

    let context = BuildContext::folder(folder);
    let built = docker.build(context).dockerfile_text("FROM alpine
COPY note /note
").send().await?;
    let ran = docker.run(&*built.image_id, ["cat", "/note"]).send().await?;
    assert_eq!(&ran.stdout[..], b"hello");
    docker.images().delete(&built.image_id).force(true).send().await?;

    let image = format!("{registry}/shortcuts");
    docker.images().tag("alpine:latest").repo(&image).tag("1").send().await?;
    docker.images().push(&image).tag("1").send().await?.finish().await?;
    let pulled = docker.pull(format!("{image}:1")).send().await;
    docker.images().delete(&format!("{image}:1")).send().await?;
    pulled?;
    Ok(())
}

async fn with_container(docker: &Docker, id: &str, folder: &std::path::Path) -> Result<(), Box<dyn Error>> {
    docker.wait_until(id, Until::log("ready")).within(Duration::from_secs(20)).send().await?;
    std::fs::write(folder.join("note"), "hello")?;
    docker.copy_in(folder.join("note"), id, "/tmp/note").send().await?;
    let ran = docker.exec_run(id, ["sh", "-c", "cat /tmp/note; exit 5"]).send().await?;
    assert_eq!((ran.exit_code, &ran.stdout[..]), (5, &b"hello"[..]));
    docker.copy_out(id, "/tmp/note", folder.join("back")).send().await?;
    assert_eq!(std::fs::read(folder.join("back"))?, b"hello");
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
    let shortcuts = Package::new("shortcuts-negotiated", "negotiated,archive")?;
    shortcuts.write_main(SHORTCUTS)?;
    command(shortcuts.cargo("build").arg("--quiet"))?;

    let versions = files::versions(&files::root())?;
    let mut counts = Counts::default();
    for kind in EngineKind::ALL {
        if let Err(why) = Engine::available(kind) {
            println!("skipped: {kind}: {why:#}");
            counts.add(Counts::ONE_SKIPPED);
            continue;
        }
        // One of our own, as there is a registry beside it.
        let engine = Engine::builder().kind(kind).start()?;
        engine.registry(Registry::Open)?;
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

            let text = run(&shortcuts, &engine, version)?;
            let expected = format!("all of it with API {version}");
            ensure!(
                text.trim() == expected,
                "on {kind} at API {version}: {text:?}, not {expected:?}"
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
    counts.add(gates()?);
    Ok(counts)
}

/// What daemons do with what a version does not have, on the engines that there are samples for.
fn gates() -> Result<Counts> {
    let kinds = [EngineKind::Docker20_10, EngineKind::Docker28_5];
    let there = kinds
        .iter()
        .filter(|kind| Engine::available(**kind).is_ok());
    let engines: Vec<_> = there
        .flat_map(|kind| ["--engine", kind.name()])
        .map(OsString::from)
        .collect();
    if engines.is_empty() {
        println!("skipped: there is no engine that shows what it does");
        return Ok(Counts::ONE_SKIPPED);
    }
    let options = ["--negotiated", "--gates"].map(OsString::from);
    let arguments: Vec<_> = options.into_iter().chain(engines).collect();
    command(&mut conformance::command(&arguments))
}

/// What the program prints when it may speak nothing above `version`.
fn run(package: &Package, engine: &Engine, version: &str) -> Result<String> {
    let mut cargo = package.cargo("run");
    let cargo = engine.configure(cargo.arg("--quiet"));
    let output: Output = cargo
        .env("DOCKER_API_VERSION", version)
        .env("REGISTRY", Registry::Open.address())
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
