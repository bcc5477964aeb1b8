//! Small documents and the crates they become. Each golden is a member of the workspace, so that what is
//! expected here is also known to compile.
//!
//! `UPDATE_GOLDENS=1 cargo test -p docker-api-gen-codegen --test goldens` writes them anew, to be reviewed.

use std::collections::BTreeMap;
use std::path::Path;
use std::{env, fs};

use docker_api_gen_codegen::docs::{Docs, DocsOf};
use docker_api_gen_codegen::emit::{Files, GENERATED, version_crate};
use docker_api_gen_codegen::history::History;
use docker_api_gen_codegen::model::Api;
use docker_api_gen_codegen::union::union;
use docker_api_gen_codegen::versions::Versions;
use docker_api_gen_codegen::{Document, names};

const VERSIONS: &str = "
    [[version]]
    api = \"0.1\"
    docker = \"0.1.0\"
    commit = \"0000000000000000000000000000000000000000\"
    path = \"v0.1.yaml\"
    sha256 = \"0000000000000000000000000000000000000000000000000000000000000000\"
";

/// The crate that a document becomes, by path below it.
fn generate(name: &str) -> Files {
    let path = format!(
        "{}/goldens/{name}/document.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = fs::read_to_string(&path).unwrap();
    let version = serde_json::from_str::<serde_json::Value>(&text).unwrap()["info"]["version"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let document = Document::parse(&path, version, &text).unwrap();
    let api = Api::read(&document.root).unwrap();
    let history = History::new(std::slice::from_ref(&api));
    let versions = Versions::parse("versions", VERSIONS).unwrap();
    let prefix = format!("{GENERATED}/{}/", names::version_crate(api.version));
    let union = union(std::slice::from_ref(&api));
    let docs = docs(name, &versions);
    version_crate(&api, &history, &versions, &DocsOf::new(&docs, &api, &union))
        .into_iter()
        .map(|(path, text)| (path.strip_prefix(&prefix).unwrap().to_owned(), text))
        .collect()
}

/// What `docs.yaml` beside the document says, if it is there.
fn docs(name: &str, versions: &Versions) -> Docs {
    let path = format!("{}/goldens/{name}/docs.yaml", env!("CARGO_MANIFEST_DIR"));
    let files: Vec<_> = fs::read_to_string(&path)
        .map(|text| (path, text))
        .into_iter()
        .collect();
    Docs::parse(&files, versions).unwrap()
}

fn below(folder: &Path, prefix: &str, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            below(&entry.path(), &format!("{name}/"), files);
        } else if !["document.json", "docs.yaml"].contains(&name.as_str()) {
            files.insert(name, fs::read_to_string(entry.path()).unwrap());
        }
    }
}

fn check(name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("goldens")
        .join(name);
    let generated = generate(name);
    assert_eq!(generate(name), generated, "generated twice is not the same");
    if env::var_os("UPDATE_GOLDENS").is_some() {
        let _ = fs::remove_dir_all(folder.join("src"));
        for (path, text) in &generated {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }
    let mut expected = BTreeMap::new();
    below(&folder, "", &mut expected);
    assert_eq!(
        generated.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>(),
        "{name}: other files than expected"
    );
    for (path, text) in &generated {
        similar_asserts::assert_eq!(expected[path], *text, "{}/{}", name, path);
    }
}

/// Keywords, abbreviations, clashes of fields, variants and types.
#[test]
fn names() {
    check("names");
}

/// Every kind of answer, body, parameter and encoding.
#[test]
fn kinds() {
    check("kinds");
}

/// Every shape of a type, in each direction.
#[test]
fn shapes() {
    check("shapes");
}
