//! `specs/versions.toml`: the only list of versions.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::error::Error;
use crate::version::Version;

/// The rows of `specs/versions.toml`, oldest first.
#[derive(Clone, Debug)]
pub struct Versions {
    rows: Vec<Row>,
}

/// One version of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub api: Version,
    /// The first Docker release whose daemon offers it.
    pub docker: String,
    pub source: Source,
}

impl Row {
    /// The version whose description is read for this one.
    pub fn described(&self) -> Version {
        match self.source {
            Source::Published { .. } => self.api,
            Source::Derived { from } => from,
        }
    }

    /// The release as people call it: `Docker 23.0`.
    pub fn release(&self) -> String {
        let docker = &self.docker;
        format!("Docker {}", docker.strip_suffix(".0").unwrap_or(docker))
    }
}

/// Where the description of a version comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file of moby/moby.
    Published {
        commit: String,
        path: String,
        sha256: String,
    },
    /// None was published: that of another version, changed by corrections.
    Derived { from: Version },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: Vec<toml::Spanned<RawRow>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawRow {
    api: Version,
    docker: String,
    commit: Option<String>,
    path: Option<String>,
    sha256: Option<String>,
    derived_from: Option<Version>,
}

impl Versions {
    /// Reads `specs/versions.toml`; `name` is what errors call the file.
    pub fn parse(name: &str, text: &str) -> Result<Self, Error> {
        let at = |offset: usize| {
            let line = text.bytes().take(offset).filter(|&b| b == b'\n').count() + 1;
            format!("{name}:{line}")
        };
        let file: File = toml::from_str(text).map_err(|error| {
            let place = error
                .span()
                .map_or_else(|| name.to_owned(), |span| at(span.start));
            Error::new(place, error.message().lines().collect::<Vec<_>>().join(" "))
        })?;
        let mut rows: Vec<Row> = Vec::with_capacity(file.version.len());
        for raw in file.version {
            let place = at(raw.span().start);
            let row = raw
                .into_inner()
                .check()
                .map_err(|message| Error::new(&place, message))?;
            if let Some(before) = rows.last()
                && before.api >= row.api
            {
                let message = format!(
                    "{} comes after {}: rows are sorted and a version has one row",
                    row.api, before.api
                );
                return Err(Error::new(place, message));
            }
            rows.push(row);
        }
        if rows.is_empty() {
            return Err(Error::new(name, "no version is listed"));
        }
        let published: BTreeSet<Version> = rows
            .iter()
            .filter(|row| matches!(row.source, Source::Published { .. }))
            .map(|row| row.api)
            .collect();
        for row in &rows {
            if let Source::Derived { from } = row.source
                && !published.contains(&from)
            {
                return Err(Error::new(
                    name,
                    format!(
                        "{} is derived from {from}, which has no published description",
                        row.api
                    ),
                ));
            }
        }
        Ok(Self { rows })
    }

    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub fn iter(&self) -> impl Iterator<Item = Version> {
        self.rows.iter().map(|row| row.api)
    }

    pub fn get(&self, version: Version) -> Option<&Row> {
        self.rows.iter().find(|row| row.api == version)
    }

    pub fn latest(&self) -> &Row {
        self.rows.last().expect("parse refuses an empty list")
    }
}

impl RawRow {
    fn check(self) -> Result<Row, String> {
        if self.docker.is_empty() {
            return Err(format!("{}: docker is empty", self.api));
        }
        let source = match (self.commit, self.path, self.sha256, self.derived_from) {
            (Some(commit), Some(path), Some(sha256), None) => {
                let hex = |text: &str, length| {
                    text.len() == length
                        && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
                };
                if !hex(&commit, 40) {
                    return Err(format!(
                        "{}: commit has to be 40 hexadecimal digits, in lower case",
                        self.api
                    ));
                }
                if !hex(&sha256, 64) {
                    return Err(format!(
                        "{}: sha256 has to be 64 hexadecimal digits, in lower case",
                        self.api
                    ));
                }
                if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
                    return Err(format!(
                        "{}: path has to be a relative path in the repository",
                        self.api
                    ));
                }
                Source::Published {
                    commit,
                    path,
                    sha256,
                }
            }
            (None, None, None, Some(from)) => Source::Derived { from },
            _ => {
                return Err(format!(
                    "{}: needs commit, path and sha256, or derived-from alone",
                    self.api
                ));
            }
        };
        Ok(Row {
            api: self.api,
            docker: self.docker,
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "d7cd7bc9ea71e110735a2b309e65aa39a21eea28076be6f9091c2d6369a02212";
    const COMMIT: &str = "b985e2313a8676e18072b442911fc8f64f17d440";

    fn row(api: &str, rest: &str) -> String {
        format!("[[version]]\napi = \"{api}\"\ndocker = \"1.13.0\"\n{rest}\n")
    }

    fn published(api: &str) -> String {
        row(
            api,
            &format!("commit = \"{COMMIT}\"\npath = \"api/docs/v{api}.yaml\"\nsha256 = \"{SHA}\""),
        )
    }

    fn error(text: &str) -> String {
        Versions::parse("versions.toml", text)
            .expect_err("this list is wrong")
            .to_string()
    }

    #[test]
    fn reads_both_kinds_of_row() {
        let versions = Versions::parse(
            "versions.toml",
            &(row("1.24", "derived-from = \"1.25\"") + &published("1.25")),
        )
        .unwrap();
        assert_eq!(
            versions.get(Version::new(1, 24)).unwrap().source,
            Source::Derived {
                from: Version::new(1, 25)
            }
        );
        assert_eq!(versions.latest().api, Version::new(1, 25));
    }

    #[test]
    fn releases_are_called_as_people_call_them() {
        let release = |docker: &str| {
            let text = published("1.25").replace("1.13.0", docker);
            Versions::parse("versions.toml", &text)
                .unwrap()
                .latest()
                .release()
        };
        assert_eq!(release("23.0.0"), "Docker 23.0");
        assert_eq!(release("17.03.1"), "Docker 17.03.1");
    }

    #[test]
    fn an_error_names_the_line() {
        assert_eq!(
            error("\n[[version]]\napi = \"x\"\n"),
            "versions.toml:3: `x` is not a version of the API, which looks like 1.41"
        );
        assert!(
            error(&row("1.25", "checksum = \"x\""))
                .starts_with("versions.toml:4: unknown field `checksum`")
        );
    }

    #[test]
    fn a_row_is_whole() {
        assert_eq!(
            error(&row("1.25", &format!("commit = \"{COMMIT}\""))),
            "versions.toml:1: 1.25: needs commit, path and sha256, or derived-from alone"
        );
        assert!(error(&published("1.25").replace(SHA, "abc")).contains("sha256 has to be 64"));
        assert!(error(&published("1.25").replace("api/docs", "../docs")).contains("relative path"));
    }

    #[test]
    fn rows_are_sorted_and_unique() {
        assert!(error(&(published("1.26") + &published("1.25"))).contains("1.25 comes after 1.26"));
        assert!(error(&(published("1.25") + &published("1.25"))).contains("1.25 comes after 1.25"));
        assert_eq!(error("version = []"), "versions.toml: no version is listed");
    }

    #[test]
    fn a_derived_version_names_a_published_one() {
        assert!(
            error(&row("1.24", "derived-from = \"1.25\""))
                .contains("1.25, which has no published description")
        );
    }
}
