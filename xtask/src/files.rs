//! Files of the repository, written whole or not at all, and only where they change.

use std::collections::BTreeSet;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use docker_api_gen_codegen::correct::Corrections;
use docker_api_gen_codegen::docs::Docs;
use docker_api_gen_codegen::model::Api;
use docker_api_gen_codegen::versions::Versions;
use docker_api_gen_codegen::{Document, Version};

/// The folder of the documents.
pub(crate) const OPENAPI: &str = "specs/openapi";

/// The folder of the published descriptions, which is not committed.
pub(crate) const UPSTREAM: &str = "specs/upstream";

/// The list of versions.
pub(crate) const VERSIONS: &str = "specs/versions.toml";

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    // Known at build time: xtask is run by cargo from this very repository.
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map_or_else(PathBuf::new, Path::to_owned)
}

/// `specs/versions.toml`.
pub(crate) fn versions(root: &Path) -> Result<Versions> {
    Ok(Versions::parse(VERSIONS, &read(&root.join(VERSIONS))?)?)
}

/// Fails unless there is a row for the version.
pub(crate) fn listed(versions: &Versions, version: Version) -> Result<()> {
    if versions.get(version).is_none() {
        let (first, last) = (versions.rows()[0].api, versions.latest().api);
        bail!("specs/versions.toml has no version {version}; it has {first} to {last}");
    }
    Ok(())
}

/// The folder of the published descriptions: the one that is asked for, else the usual one if it is there.
pub(crate) fn descriptions(root: &Path, asked: Option<PathBuf>) -> Option<PathBuf> {
    let usual = root.join(UPSTREAM);
    asked.or_else(|| usual.is_dir().then_some(usual))
}

/// The folder of the published descriptions for checks that are as well left out without it: `DOCKER_API_SPECS`,
/// what `fetch` brought, or what is shared beside the repository.
pub(crate) fn published(root: &Path) -> Option<PathBuf> {
    let named = std::env::var_os("DOCKER_API_SPECS").map(PathBuf::from);
    let usual = [root.join(UPSTREAM), root.join("../shared/specs/upstream")];
    named.or_else(|| usual.into_iter().find(|folder| folder.is_dir()))
}

/// The document of a version in `specs/openapi`.
pub(crate) fn document(root: &Path, version: Version) -> Result<Document> {
    let name = format!("{OPENAPI}/v{version}.json");
    let text = read(&root.join(&name))
        .with_context(|| "`cargo xtask fetch` and `cargo xtask regen` make it")?;
    Ok(Document::parse(&name, version, &text)?)
}

/// The models of all versions.
pub(crate) fn apis(root: &Path, versions: &Versions) -> Result<Vec<Api>> {
    let read = |version| Ok(Api::read(&document(root, version)?.root)?);
    versions.iter().map(read).collect()
}

/// All of `specs/corrections`.
pub(crate) fn corrections(root: &Path, versions: &Versions) -> Result<Corrections> {
    let files = yaml_files(root, "specs/corrections")?;
    Ok(Corrections::parse(&files, versions)?)
}

/// All of `specs/docs`.
pub(crate) fn docs(root: &Path, versions: &Versions) -> Result<Docs> {
    Ok(Docs::parse(&yaml_files(root, "specs/docs")?, versions)?)
}

/// Name and text of each YAML file in a folder.
fn yaml_files(root: &Path, folder: &str) -> Result<Vec<(String, String)>> {
    let names = names(&root.join(folder))?;
    let yaml = names.into_iter().filter(|name| name.ends_with(".yaml"));
    yaml.map(|name| format!("{folder}/{name}"))
        .map(|name| Ok((name.clone(), read(&root.join(&name))?)))
        .collect()
}

pub(crate) fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// The names in a folder, sorted; none if there is no such folder.
pub(crate) fn names(folder: &Path) -> Result<BTreeSet<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", folder.display()));
        }
    };
    entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<std::io::Result<_>>()
        .with_context(|| format!("cannot read {}", folder.display()))
}

/// Prints what was asked for. Whoever reads it may stop reading.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut output = std::io::stdout().lock();
    let written = output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush());
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot print"),
    }
}

/// Writes the file beside its place and moves it there: nobody ever sees half of it.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let context = || format!("cannot write {}", path.display());
    fs::create_dir_all(folder).with_context(context)?;
    let mut file = tempfile::Builder::new()
        .prefix(".")
        .suffix(".part")
        .tempfile_in(folder)
        .with_context(context)?;
    file.write_all(content).with_context(context)?;
    #[cfg(unix)]
    {
        // A temporary file is its owner's alone; a source file is not.
        use std::os::unix::fs::PermissionsExt;
        file.as_file()
            .set_permissions(fs::Permissions::from_mode(0o644))
            .with_context(context)?;
    }
    file.persist(path).with_context(context)?;
    Ok(())
}

/// The cargo that runs this program, for the repository.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    cargo
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    root().join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}
