//! A version after the last, invented: in a copy of the repository, its document and its row have to be all that
//! it takes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use docker_api_gen_codegen::Version;
use docker_api_gen_codegen::names::{version_crate, version_module};
use serde_json::{Value, json};

use super::{Context, Counts, command};
use crate::files::{self, OPENAPI, VERSIONS};
use crate::tree::Difference;

pub(super) fn next_version(_: &mut Context) -> Result<Counts> {
    let last = files::versions(&files::root())?.latest().api;
    let next = Version::new(last.major, last.minor + 1);
    let copy = Copy::new()?;
    copy.write(
        &format!("{OPENAPI}/v{next}.json"),
        &document(&copy, last, next)?,
    )?;
    let row = format!(
        "\n[[version]]\napi = \"{next}\"\ndocker = \"99.1.0\"\ncommit = \"{}\"\npath = \"api/docs/v{next}.yaml\"\nsha256 = \"{}\"\n",
        "0".repeat(40),
        "0".repeat(64),
    );
    let rows = files::read(&copy.folder.join(VERSIONS))?;
    copy.write(VERSIONS, &(rows + &row))?;

    let mut counts = Counts::default();
    counts.add(command(&mut copy.cargo(["xtask", "regen"]))?);
    counts.add(command(&mut copy.cargo(["xtask", "regen", "--check"]))?);
    counts.add(mentions(&copy, next)?);
    counts.add(differs(&copy, last, next)?);
    counts.add(serves(&copy, next)?);
    counts.add(keeps_its_contract(&copy, next)?);
    Ok(counts)
}

/// What stands in the last version's document, with one change of each kind.
fn document(copy: &Copy, last: Version, next: Version) -> Result<String> {
    let text = files::read(&copy.folder.join(format!("{OPENAPI}/v{last}.json")))?;
    let mut document: Value = serde_json::from_str(&text)?;
    edit(&mut document, "", |root| {
        root["info"]["version"] = json!(next.to_string());
        root["servers"][0]["url"] = json!(format!("/v{next}"));
    })?;
    edit(&mut document, "/paths", |paths| {
        let schema = json!({"$ref": "#/components/schemas/ContainerMood"});
        paths["/containers/{id}/mood"]["get"] = json!({
            "operationId": "ContainerMood",
            "tags": ["Container"],
            "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
            "responses": {"200": {"description": "", "content": {"application/json": {"schema": schema}}}},
            "x-response": {"kind": "json"},
        });
    })?;
    edit(&mut document, "/components/schemas", |schemas| {
        schemas["ContainerMood"] = json!({
            "type": "object",
            "properties": {"Mood": {"type": "string"}, "Since": {"type": "string", "format": "date-time"}},
        });
    })?;
    let stop = "/paths/~1containers~1{id}~1stop/post/parameters";
    edit(&mut document, stop, |parameters| {
        let grace = json!({"name": "grace", "in": "query", "schema": {"type": "string"}});
        parameters
            .as_array_mut()
            .into_iter()
            .for_each(|list| list.push(grace.clone()));
    })?;
    let policy = "/components/schemas/RestartPolicy/properties";
    edit(&mut document, policy, |fields| {
        fields["Jitter"] = json!({"type": "integer"})
    })?;
    edit(&mut document, &format!("{policy}/Name/enum"), |values| {
        values
            .as_array_mut()
            .into_iter()
            .for_each(|list| list.push(json!("sometimes")));
    })?;
    edit(
        &mut document,
        "/components/schemas/ContainerTopResponse/properties",
        |fields| {
            fields
                .as_object_mut()
                .and_then(|fields| fields.shift_remove("Titles"));
        },
    )?;
    Ok(format!("{document:#}\n"))
}

/// Changes the value at a place, which has to exist: else another place has to be found for this test.
fn edit(document: &mut Value, pointer: &str, change: impl FnOnce(&mut Value)) -> Result<()> {
    let value = document
        .pointer_mut(pointer)
        .with_context(|| format!("the last version has no {pointer} to derive a next one from"))?;
    change(value);
    Ok(())
}

/// Everything that lists versions has the new one.
fn mentions(copy: &Copy, next: Version) -> Result<Counts> {
    let module = version_module(next);
    for (name, text) in [
        ("README.md", format!("| {next} | 99.1.0 | `{module}` |")),
        (
            "crates/docker-api-gen/Cargo.toml",
            format!("latest = [\"{module}\"]"),
        ),
        (
            "docs/explorer.html",
            format!("[\"{next}\",\"{module}\",\"Docker 99.1\","),
        ),
    ] {
        ensure!(
            files::read(&copy.folder.join(name))?.contains(&text),
            "{name} has no `{text}`"
        );
    }
    Ok(Counts::ONE_PASSED)
}

/// `cargo xtask diff` tells the changes that were made, and no other.
fn differs(copy: &Copy, last: Version, next: Version) -> Result<Counts> {
    let output = copy
        .cargo([
            "xtask",
            "diff",
            &version_module(last),
            &version_module(next),
            "--json",
        ])
        .output()
        .context("cannot run cargo")?;
    ensure!(
        output.status.success(),
        "cargo xtask diff failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let diff: Value = serde_json::from_slice(&output.stdout)?;
    let text = |change: &Value, key: &str| change[key].as_str().unwrap_or_default().to_owned();
    let told: Vec<String> = diff["changes"]
        .as_array()
        .context("a diff has changes")?
        .iter()
        .map(|change| {
            let words = ["change", "item", "owner", "name"].map(|key| text(change, key));
            let breaking = if change["breaking"] == true {
                ", which breaks"
            } else {
                ""
            };
            words.join(" ") + breaking
        })
        .collect();
    let expected = [
        "added option stop grace",
        "added operation mood mood",
        "added type ContainerMood ContainerMood",
        "removed field ContainerTopResponse titles, which breaks",
        "added field RestartPolicy jitter",
        "added value RestartPolicyName Sometimes",
    ];
    ensure!(told == expected, "cargo xtask diff tells {told:#?}");
    Ok(Counts::ONE_PASSED)
}

/// The façade builds with the new feature, and a program can use what is new.
fn serves(copy: &Copy, next: Version) -> Result<Counts> {
    let module = version_module(next);
    let program = PROGRAM
        .replace("MODULE", &module)
        .replace("VERSION", &next.to_string());
    copy.write("crates/docker-api-gen/tests/next_version.rs", &program)?;
    command(&mut copy.cargo([
        "test",
        "--quiet",
        "--package",
        "docker-api-gen",
        "--features",
        &module,
        "--test",
        "next_version",
    ]))
}

/// The new version's crate passes the test that it was generated with.
fn keeps_its_contract(copy: &Copy, next: Version) -> Result<Counts> {
    command(&mut copy.cargo([
        "test",
        "--quiet",
        "--package",
        &version_crate(next),
        "--features",
        "serde-both",
        "--test",
        "contract",
    ]))
}

const PROGRAM: &str = r##"
use docker_api_gen::Error;
use docker_api_gen::MODULE as docker;

use docker::types::{ContainerMood, ContainerUpdateRequest, RestartPolicy, RestartPolicyName};

#[test]
fn what_is_new_can_be_used() -> Result<(), Error> {
    let client = docker::Client::connect("unix:///nowhere")?;
    let containers = client.containers();

    let mood = containers.mood("web").request()?;
    assert_eq!(mood.method(), "GET");
    assert_eq!(mood.path_and_query(), "/vVERSION/containers/web/mood");
    brings_mood(containers.mood("web").send());

    let stop = containers.stop("web").grace("long").request()?;
    assert_eq!(stop.path_and_query(), "/vVERSION/containers/web/stop?grace=long");

    let policy = RestartPolicy {
        name: Some(RestartPolicyName::Sometimes),
        jitter: Some(3),
        ..Default::default()
    };
    let update = ContainerUpdateRequest { restart_policy: Some(policy), ..Default::default() };
    let update = containers.update("web", update).request()?;
    assert_eq!(
        update.body().as_bytes(),
        Some(br#"{"RestartPolicy":{"Name":"sometimes","Jitter":3}}"#.as_slice())
    );
    Ok(())
}

fn brings_mood(_: impl Future<Output = Result<ContainerMood, Error>>) {}
"##;

/// A copy of the repository below the target folder. It stays, so that what does not change is not built again.
struct Copy {
    folder: PathBuf,
}

impl Copy {
    fn new() -> Result<Self> {
        let copy = Self {
            folder: files::target().join("next-version"),
        };
        let files = repository(&files::root())?;
        let everything = [String::new()];
        let difference = Difference::find(&copy.folder, &files, &everything)?;
        difference.mend(&copy.folder, &files, &everything)?;
        Ok(copy)
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        files::write(&self.folder.join(name), text.as_bytes())
    }

    fn cargo<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut cargo = files::cargo();
        cargo
            .current_dir(&self.folder)
            .args(arguments)
            .env("CARGO_TARGET_DIR", files::target().join("outside/target"));
        cargo
    }
}

/// The files that git knows or would take, by their path.
fn repository(root: &Path) -> Result<BTreeMap<String, String>> {
    let output = Command::new("git")
        .current_dir(root)
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .output()
        .context("cannot run git")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("cannot list the files of the repository: {}", said.trim());
    }
    let names = String::from_utf8(output.stdout).context("a file's name is no text")?;
    let mut files = BTreeMap::new();
    for name in names.split_terminator('\0') {
        let path = root.join(name);
        // Recordings and what fuzzing keeps are no text, and have no part in this.
        let is_data = name.ends_with(".gz") || name.starts_with("fuzz/");
        // Git knows what was removed until that is committed.
        if path.is_file() && !is_data {
            files.insert(name.to_owned(), files::read(&path)?);
        }
    }
    Ok(files)
}
