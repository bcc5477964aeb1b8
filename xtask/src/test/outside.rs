//! Crates outside the workspace that use the façade as a stranger would: `cargo add --path`, a feature, and
//! the quickstart with another `use` line.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use docker_api_gen_codegen::{Version, names};

use super::{Context, Counts, command};
use crate::files;

const EXAMPLE: &str = "crates/docker-api-gen/examples/quickstart.rs";
/// The line that takes its place where the client of all versions is on.
const NEGOTIATED: &str = "use docker_api_gen::negotiated as docker;";

const USE: &str = "use docker_api_gen::v1_41 as docker;";

/// The quickstart with 1.25, with 1.41 and with the newest version that the engine speaks.
pub(super) fn quickstart(context: &mut Context) -> Result<Counts> {
    let engine = context.engine()?;
    let window = engine.api_window()?;
    let versions = files::versions(&files::root())?;
    let spoken: Vec<_> = versions
        .iter()
        .filter(|version| window.contains(&version.to_string()))
        .collect();
    let mut wanted = vec![Version::new(1, 25), Version::new(1, 41)];
    wanted.retain(|version| spoken.contains(version));
    match spoken.last() {
        Some(newest) => wanted.push(*newest),
        None => bail!(
            "the engine at {} speaks none of our versions",
            engine.host()
        ),
    }
    wanted.dedup();

    let mut counts = Counts::default();
    for version in wanted {
        let module = names::version_module(version);
        println!("the quickstart with {module}");
        let package = Package::new(&format!("quickstart-{module}"), &module)?;
        package.write_main(&quickstart_with(&module)?)?;
        command(package.cargo("build").arg("--quiet"))?;
        let before = engine.containers()?;
        let mut run = package.cargo("run");
        let output = engine
            .configure(run.arg("--quiet"))
            .output()
            .context("cannot run the quickstart")?;
        let text = String::from_utf8_lossy(&output.stdout);
        print!("{text}{}", String::from_utf8_lossy(&output.stderr));
        ensure!(
            output.status.success(),
            "the quickstart with {module} failed"
        );
        ensure!(
            text.lines().any(|line| line == "hello world"),
            "the quickstart with {module} did not print what its container said"
        );
        ensure!(
            engine.containers()? == before,
            "the quickstart with {module} left a container behind"
        );
        counts.add(Counts::ONE_PASSED);
    }
    Ok(counts)
}

/// A crate that has two versions at once.
pub(super) fn two_versions(_: &mut Context) -> Result<Counts> {
    let program = program_of_two_versions()?;
    let package = Package::new("two-versions", &program.features)?;
    package.write_main(&program.source)?;
    command(package.cargo("run").arg("--quiet"))
}

/// What goes into a crate.
pub(super) struct Program {
    pub(super) features: String,
    pub(super) source: String,
}

/// A program that makes requests of the oldest version and of the newest.
pub(super) fn program_of_two_versions() -> Result<Program> {
    let versions = files::versions(&files::root())?;
    let (old, new) = (versions.rows()[0].api, versions.latest().api);
    let (old_module, new_module) = (names::version_module(old), names::version_module(new));
    Ok(Program {
        features: format!("{old_module},{new_module}"),
        source: format!(
            r#"use docker_api_gen::{{{old_module}, {new_module}}};

fn main() -> Result<(), docker_api_gen::Error> {{
    let old = {old_module}::Client::connect("unix:///nowhere")?.containers().stop("web").request()?;
    let new = {new_module}::Client::connect("unix:///nowhere")?.containers().stop("web").signal("INT").request()?;
    assert_eq!(old.path_and_query(), "/v{old}/containers/web/stop");
    assert_eq!(new.path_and_query(), "/v{new}/containers/web/stop?signal=INT");
    Ok(())
}}
"#
        ),
    })
}

/// The quickstart as it stands in the façade's examples, with the client of this module alone.
pub(super) fn quickstart_with(module: &str) -> Result<String> {
    let source = files::read(&files::root().join(EXAMPLE))?;
    let (program, _) = source
        .split_once("#[cfg(not(any(")
        .with_context(|| format!("{EXAMPLE} has no end for those without a client"))?;
    let is_ours = |line: &&str| !line.starts_with("#[cfg(") && *line != NEGOTIATED;
    let program: String = program
        .lines()
        .filter(is_ours)
        .flat_map(|line| [line, "\n"])
        .collect();
    ensure!(program.contains(USE), "{EXAMPLE} has no line `{USE}`");
    Ok(program.replace(USE, &USE.replace("v1_41", module)))
}

/// A crate below the target folder, which is a workspace of its own.
pub(super) struct Package {
    folder: PathBuf,
}

impl Package {
    /// A crate that has the façade of this repository, with these features.
    pub(super) fn new(name: &str, features: &str) -> Result<Self> {
        let package = Self::with_manifest(name, "[dependencies]\n")?;
        let facade = files::root().join("crates/docker-api-gen");
        command(
            package
                .cargo("add")
                .arg("--quiet")
                .arg("--path")
                .arg(facade)
                .args(["--features", features]),
        )?;
        command(package.cargo("add").args([
            "--quiet",
            "tokio",
            "--features",
            "macros,rt-multi-thread",
        ]))?;
        Ok(package)
    }

    /// A crate with this at the end of its manifest.
    pub(super) fn with_manifest(name: &str, manifest: &str) -> Result<Self> {
        let folder = files::target().join("outside").join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("src"))?;
        let package = Self { folder };
        fs::write(
            package.folder.join("Cargo.toml"),
            format!(
                "[package]\nname = \"{name}\"\nedition = \"2024\"\n\n[workspace]\n\n{manifest}"
            ),
        )?;
        // The versions of dependencies that the workspace is tested with.
        fs::copy(
            files::root().join("Cargo.lock"),
            package.folder.join("Cargo.lock"),
        )?;
        package.write_main("fn main() {}\n")?;
        Ok(package)
    }

    pub(super) fn write_main(&self, source: &str) -> Result<()> {
        Ok(fs::write(self.folder.join("src/main.rs"), source)?)
    }

    pub(super) fn cargo(&self, verb: &str) -> std::process::Command {
        let mut cargo = files::cargo();
        // All of these crates share what they have in common.
        cargo
            .current_dir(&self.folder)
            .arg(verb)
            .env("CARGO_TARGET_DIR", files::target().join("outside/target"));
        cargo
    }
}
