//! What a package brings along beside its sources: the licences, and the first words about it.

use super::facade::ORIGIN;
use super::format::header;
use super::{Files, GENERATED};
use crate::names::{self, NEGOTIATED, NEGOTIATED_CRATE};
use crate::versions::{Row, Source, Versions};

/// Published packages hold their own copies: nothing outside of a package is part of it.
const LICENCES: [(&str, &str); 2] = [
    ("LICENSE-APACHE", include_str!("../../../LICENSE-APACHE")),
    ("LICENSE-MIT", include_str!("../../../LICENSE-MIT")),
];

/// The packages that are not made for a version.
const SHARED: [&str; 2] = ["crates/docker-api-gen", "crates/docker-api-gen-core"];

/// The files of all packages. The README of a version's crate is generated too; the others are written by hand.
pub fn package_files(versions: &Versions) -> Files {
    let mut files = Files::new();
    for folder in SHARED {
        add_licences(&mut files, folder);
    }
    let mut add = |name: &str, readme: String| {
        let folder = format!("{GENERATED}/{name}");
        files.insert(format!("{folder}/README.md"), readme);
        add_licences(&mut files, &folder);
    };
    for row in versions.rows() {
        add(&names::version_crate(row.api), of_version(row));
    }
    add(NEGOTIATED_CRATE, of_all(versions));
    files
}

fn add_licences(files: &mut Files, folder: &str) {
    for (name, text) in LICENCES {
        files.insert(format!("{folder}/{name}"), text.replace("\r\n", "\n"));
    }
}

fn of_version(row: &Row) -> String {
    let whence = match row.source {
        Source::Derived { from } => format!(
            "No description of this version was ever published: it is derived from that of {from}, and from the\n\
             sources of Docker {}.",
            row.docker
        ),
        Source::Published { .. } => {
            "It is generated from the published description of this version, with its mistakes corrected.".to_owned()
        }
    };
    let what = format!(
        "A typed, async client for the Docker Engine API {}, which daemons speak from Docker {} on.\n{whence}",
        row.api, row.docker
    );
    readme(
        &names::version_crate(row.api),
        &what,
        &names::version_module(row.api),
    )
}

fn of_all(versions: &Versions) -> String {
    let what = format!(
        "A typed, async client for the Docker Engine API in all versions from {} to {}. Which one is spoken is agreed\n\
         upon with the daemon.",
        versions.rows()[0].api,
        versions.latest().api
    );
    readme(NEGOTIATED_CRATE, &what, NEGOTIATED)
}

fn readme(name: &str, what: &str, feature: &str) -> String {
    format!(
        "<!-- {} -->\n\
         \n\
         # {name}\n\
         \n\
         {what}\n\
         \n\
         Programs use it through the façade crate `docker-api-gen`, which has a feature and a module for it:\n\
         \n\
         ```sh\n\
         cargo add docker-api-gen --features {feature}\n\
         ```\n\
         \n\
         Apache-2.0 or MIT, at your choice.\n",
        header("", ORIGIN).trim_start(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_has_its_readme_and_licences() {
        let text = "[[version]]\napi = \"1.1\"\ndocker = \"2.0.0\"\nderived-from = \"1.2\"\n\
                    [[version]]\napi = \"1.2\"\ndocker = \"2.1.3\"\ncommit = \"0000000000000000000000000000000000000000\"\n\
                    path = \"p\"\nsha256 = \"0000000000000000000000000000000000000000000000000000000000000000\"\n";
        let files = package_files(&Versions::parse("versions", text).unwrap());
        assert_eq!(files.len(), 2 * 2 + 3 * 3);
        let derived = &files["crates/generated/docker-api-gen-v1-1/README.md"];
        assert!(
            derived.contains("derived from that of 1.2, and from the\nsources of Docker 2.0.0")
        );
        let published = &files["crates/generated/docker-api-gen-v1-2/README.md"];
        assert!(published.contains("from Docker 2.1.3 on"));
        assert!(published.contains("--features v1_2\n"));
        let all = &files["crates/generated/docker-api-gen-negotiated/README.md"];
        assert!(all.contains("all versions from 1.1 to 1.2"));
        assert!(files["crates/docker-api-gen-core/LICENSE-MIT"].starts_with("MIT License"));
    }
}
