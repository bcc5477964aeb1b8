//! The table of limits, in the documentation of the run time, names the operations that have none.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The operations in rows that say `no limit`.
fn documented() -> BTreeSet<String> {
    let text = read(&root().join("crates/docker-api-gen-core/src/limits.rs"));
    let rows = text.lines().filter(|line| line.ends_with("| no limit |"));
    rows.flat_map(|row| row.split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect()
}

/// The operations of all versions that are generated without limits.
fn generated() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for package in fs::read_dir(root().join("crates/generated")).unwrap() {
        let package = package.unwrap();
        if !package.file_name().to_string_lossy().contains("-v1-") {
            continue;
        }
        for file in fs::read_dir(package.path().join("src/api")).unwrap() {
            let text = read(&file.unwrap().path());
            for operation in text.split(": Operation = Operation {").skip(1) {
                let fields = operation.split("};").next().unwrap_or_default();
                let name = fields
                    .split_once("name: \"")
                    .and_then(|(_, rest)| rest.split_once('"'));
                let (name, _) = name.expect("an operation has a name");
                if fields.contains("unbounded: true") {
                    found.insert(name.to_owned());
                }
            }
        }
    }
    found
}

#[test]
fn the_table_is_complete() {
    let (documented, generated) = (documented(), generated());
    assert!(!generated.is_empty());
    let missing: Vec<_> = generated.difference(&documented).collect();
    let surplus: Vec<_> = documented.difference(&generated).collect();
    assert!(
        missing.is_empty() && surplus.is_empty(),
        "limits.rs lacks {missing:?} and has {surplus:?}, which have limits"
    );
}
