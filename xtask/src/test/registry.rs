//! Registries that want a password, reached through real engines with real credential helpers.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use xtask::engine::{Engine, EngineKind, Registry};

use super::outside::Package;
use super::{Context, Counts, command, result_line};

const PROGRAM: &str = include_str!("programs/registry.rs");

/// Every kind of credentials, with every engine that can be had here.
pub(super) fn credentials(_: &mut Context) -> Result<Counts> {
    let package = Package::new("registry", "v1_41,archive")?;
    package.write_main(PROGRAM)?;
    command(package.cargo("build").arg("--quiet"))?;
    let helpers = tempfile::tempdir().context("cannot make a folder for credential helpers")?;
    write_helpers(helpers.path())?;

    let mut counts = Counts::default();
    for kind in EngineKind::ALL {
        let engine = Engine::builder().kind(kind).start();
        let registry = engine.and_then(|engine| {
            let address = engine.registry(Registry::Closed)?;
            Ok((engine, address))
        });
        match registry {
            Ok((engine, address)) => {
                println!("{kind}, with a registry at {address}");
                let ran = run(&package, &engine, kind, address, helpers.path());
                engine.stop()?;
                counts.add(ran?);
            }
            Err(error) => {
                println!("skipped: credentials with {kind}: {error:#}");
                counts.add(Counts::ONE_SKIPPED);
            }
        }
    }
    Ok(counts)
}

fn run(
    package: &Package,
    engine: &Engine,
    kind: EngineKind,
    address: &str,
    helpers: &Path,
) -> Result<Counts> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(helpers.to_owned()).chain(std::env::split_paths(&path));
    let mut program = package.cargo("run");
    program
        .args(["--quiet", "--", address])
        .args([Registry::USER, Registry::PASSWORD, kind.name()])
        .env("PATH", std::env::join_paths(folders)?)
        .env_remove("DOCKER_AUTH_CONFIG")
        .env_remove("DOCKER_CUSTOM_HEADERS")
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    let output = engine
        .configure(&mut program)
        .output()
        .context("cannot run the program")?;
    let text = String::from_utf8_lossy(&output.stdout);
    print!("{text}");
    match text.lines().find_map(result_line) {
        Some(counts) => Ok(counts),
        None => bail!("the program ended without a result: {}", output.status),
    }
}

/// One helper that works, and three that do not.
#[cfg(unix)]
fn write_helpers(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let (user, password) = (Registry::USER, Registry::PASSWORD);
    let works = format!(
        r#"case $1 in
list) echo '{{"http://{registry}/v2/":"{user}"}}' ;;
get) read address
    case $address in
    *{registry}*) printf '{{"ServerURL":"%s","Username":"{user}","Secret":"{password}"}}\n' "$address" ;;
    *) echo credentials not found in native keychain; exit 1 ;;
    esac ;;
*) echo what? ; exit 1 ;;
esac"#,
        registry = Registry::Closed.address()
    );
    for (name, script) in [
        ("works", works.as_str()),
        (
            "unknown",
            "cat >/dev/null; echo credentials not found in native keychain; exit 1",
        ),
        ("fails", "cat >/dev/null; echo the vault is sealed; exit 3"),
        ("hangs", "exec sleep 600"),
    ] {
        let path = folder.join(format!("docker-credential-{name}"));
        fs::write(&path, format!("#!/bin/sh\n{script}\n"))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// Where there is no private engine either.
#[cfg(not(unix))]
fn write_helpers(_: &Path) -> Result<()> {
    Ok(())
}
