//! The packages as they would be published: what is in them, and that strangers can build them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::outside::{self, Package};
use super::{Context, Counts, command};
use crate::files;

/// What every package has.
const FILES: [&str; 5] = [
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "src/lib.rs",
];

/// What registries show of a package, as `cargo metadata` calls it.
const METADATA: [&str; 8] = [
    "categories",
    "description",
    "keywords",
    "license",
    "metadata",
    "readme",
    "repository",
    "rust_version",
];

/// What else is built beside the two versions.
const FEATURES: &str = "archive,custom-transport,negotiated,reqwest,serde-both,ssh,tls";

/// Each package holds what it should, and says what it is.
pub(super) fn contents(_: &mut Context) -> Result<Counts> {
    let mut counts = Counts::default();
    for package in published()? {
        let one = match look_into(&package) {
            Ok(()) => Counts::ONE_PASSED,
            Err(error) => {
                println!("error: {}: {error:#}", name_of(&package));
                Counts::ONE_FAILED
            }
        };
        counts.add(one);
    }
    ensure!(counts != Counts::default(), "no package is to be published");
    println!("{} packages", counts.passed + counts.failed);
    Ok(counts)
}

fn look_into(package: &Value) -> Result<()> {
    for key in METADATA {
        let there = match &package[key] {
            Value::Null => false,
            Value::Array(items) => !items.is_empty(),
            _ => true,
        };
        ensure!(there, "its manifest has no {key}");
    }
    ensure!(
        package["metadata"]["docs"]["rs"].is_object(),
        "its manifest does not say how its documentation is built"
    );
    let list = output(cargo_package().args(["--list", "--package", name_of(package)]))?;
    let list: BTreeSet<_> = list.lines().collect();
    for file in FILES {
        ensure!(list.contains(file), "it has no {file}");
    }
    if let Some(stray) = list.iter().find(|file| file.starts_with("tests/contract")) {
        bail!("it has {stray}, which needs the rest of the repository");
    }
    Ok(())
}

/// A program that is built from the packages alone: core, façade, the oldest version and the newest.
pub(super) fn build(_: &mut Context) -> Result<Counts> {
    let packages = published()?;
    let mut cargo = cargo_package();
    for package in &packages {
        cargo.args(["--package", name_of(package)]);
    }
    output(&mut cargo)?;

    let folder = files::target().join("outside/packages");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    let mut unpacked = Vec::new();
    for package in &packages {
        let name = name_of(package);
        let full = format!("{name}-{}", package["version"].as_str().unwrap_or_default());
        let archive = files::target().join(format!("package/{full}.crate"));
        output(
            Command::new("tar")
                .arg("-xzf")
                .arg(&archive)
                .arg("-C")
                .arg(&folder),
        )?;
        unpacked.push((name, folder.join(full)));
    }
    let program = outside::program_of_two_versions()?;
    let features = format!("{FEATURES},{}", program.features);
    let package = from_packages(&unpacked, &features)?;
    package.write_main(&program.source)?;
    command(package.cargo("run").args(["--quiet", "--offline"]))
}

/// A crate that takes every package from its folder, in the place of the registry's.
fn from_packages(unpacked: &[(&str, PathBuf)], features: &str) -> Result<Package> {
    let features: Vec<_> = features.split(',').map(quoted).collect();
    let mut manifest = String::from("[dependencies]\n");
    let mut patches = String::from("\n[patch.crates-io]\n");
    for (name, folder) in unpacked {
        let path = quoted(&folder.display().to_string());
        if *name == "docker-api-gen" {
            let features = features.join(", ");
            manifest += &format!("{name} = {{ path = {path}, features = [{features}] }}\n");
        } else {
            patches += &format!("{name} = {{ path = {path} }}\n");
        }
    }
    Package::with_manifest("from-packages", &(manifest + &patches))
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// What `cargo metadata` says of the packages that are to be published.
fn published() -> Result<Vec<Value>> {
    // All that follows does without the network.
    output(files::cargo().args(["fetch", "--locked"]))?;
    let text = output(files::cargo().args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let mut metadata: Value = serde_json::from_str(&text).context("cargo metadata")?;
    let packages = match metadata["packages"].take() {
        Value::Array(packages) => packages,
        _ => bail!("cargo metadata lists no packages"),
    };
    let crates = files::root().join("crates");
    let is_published = |package: &Value| {
        let manifest = package["manifest_path"].as_str().unwrap_or_default();
        // What stands elsewhere, such as the goldens, looks like a crate and is none.
        Path::new(manifest).starts_with(&crates) && package["publish"] != Value::Array(Vec::new())
    };
    Ok(packages.into_iter().filter(is_published).collect())
}

fn name_of(package: &Value) -> &str {
    package["name"].as_str().unwrap_or_default()
}

fn cargo_package() -> Command {
    let mut cargo = files::cargo();
    // Nothing is verified here: that would build all versions, and does not build features.
    cargo.args([
        "package",
        "--quiet",
        "--offline",
        "--allow-dirty",
        "--no-verify",
    ]);
    cargo
}

fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        bail!(
            "failed: {command:?}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
