//! Looks upstream for new and changed descriptions, and rewrites the rows of `specs/versions.toml`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};
use docker_api_gen_codegen::Version;
use docker_api_gen_codegen::versions::{Source, Versions};
use toml_edit::{DocumentMut, Item, Table, value};

use super::{Failure, sha256};
use crate::files::{self, UPSTREAM, VERSIONS};

/// What upstream's repository has: its newest commit, and the commits of its releases.
pub(super) struct Upstream {
    head: String,
    /// Number and tag, oldest first.
    releases: Vec<(Vec<u64>, String)>,
}

impl Upstream {
    /// A commit of which is known what it has, and not which releases came before.
    pub(super) fn at(commit: String) -> Self {
        Self {
            head: commit,
            releases: Vec::new(),
        }
    }
}

/// What is to be written.
struct Update {
    versions: String,
    descriptions: Vec<(String, Vec<u8>)>,
    /// One line for people per thing that was found.
    said: Vec<String>,
}

/// Gives a file of upstream's repository, by commit or tag and path; none if there is no such file.
type Get<'g> = dyn Fn(&str, &str) -> Result<Option<Vec<u8>>, Failure> + 'g;

/// Rewrites `specs/versions.toml` and brings new and changed descriptions. `docker` is the release that offers
/// new versions, where the releases upstream do not say.
pub(super) fn run(
    root: &Path,
    upstream: &Upstream,
    docker: Option<&str>,
    get: &Get<'_>,
) -> Result<()> {
    let path = root.join(VERSIONS);
    let text = files::read(&path)?;
    let update = look(&text, &files::versions(root)?, upstream, docker, get)?;
    Versions::parse(VERSIONS, &update.versions).context("nothing was written")?;
    for (name, content) in &update.descriptions {
        files::write(&root.join(UPSTREAM).join(name), content)?;
    }
    if update.versions != text {
        files::write(&path, update.versions.as_bytes())?;
    }
    for line in update.said {
        println!("{line}");
    }
    Ok(())
}

/// Asks the repository for its releases and, unless one is given, its newest commit. Git knows how to reach it,
/// through proxies too.
pub(super) fn list(repository: &str, commit: Option<String>) -> Result<Upstream> {
    let output = Command::new("git")
        .args(["ls-remote", repository, "HEAD", "refs/tags/docker-v*"])
        .env("GIT_TERMINAL_PROMPT", "0")
        .output()
        .context("cannot run git")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "cannot list {repository}: {}",
            said.split_whitespace().collect::<Vec<_>>().join(" ")
        );
    }
    let mut upstream = read_list(&String::from_utf8_lossy(&output.stdout))
        .ok_or_else(|| anyhow!("{repository} does not say what its newest commit is"))?;
    upstream.head = commit.unwrap_or(upstream.head);
    Ok(upstream)
}

fn read_list(text: &str) -> Option<Upstream> {
    let mut head = None;
    let mut releases = Vec::new();
    for (commit, name) in text.lines().filter_map(|line| line.split_once('\t')) {
        if name == "HEAD" {
            head = Some(commit.to_owned());
        } else if let Some(tag) = name.strip_prefix("refs/tags/")
            && let Some(number) = number(tag)
        {
            releases.push((number, tag.to_owned()));
        }
    }
    releases.sort();
    Some(Upstream {
        head: head?,
        releases,
    })
}

/// `docker-v29.6.0` and `29.6.0` in numbers; none for what is no release, such as `docker-v29.6.0-rc.1`.
fn number(release: &str) -> Option<Vec<u64>> {
    let number = release.strip_prefix("docker-v").unwrap_or(release);
    number.split('.').map(|part| part.parse().ok()).collect()
}

fn look(
    text: &str,
    versions: &Versions,
    upstream: &Upstream,
    docker: Option<&str>,
    get: &Get<'_>,
) -> Result<Update> {
    let mut document: DocumentMut = text.parse().context("specs/versions.toml")?;
    let rows = document["version"]
        .as_array_of_tables_mut()
        .context("specs/versions.toml has no rows")?;
    let mut update = Update {
        versions: String::new(),
        descriptions: Vec::new(),
        said: Vec::new(),
    };

    for (row, table) in versions.rows().iter().zip(rows.iter_mut()) {
        let Source::Published {
            commit,
            path,
            sha256: known,
        } = &row.source
        else {
            continue;
        };
        if *commit == upstream.head {
            continue;
        }
        let content = get(&upstream.head, path)
            .map_err(|failure| anyhow!("v{}: {failure}", row.api))?
            .with_context(|| {
                format!(
                    "v{}: upstream has no {path} any more, at {}",
                    row.api, upstream.head
                )
            })?;
        let found = sha256(&content);
        if found != *known {
            set(table, "commit", &upstream.head);
            set(table, "sha256", &found);
            update.said.push(format!("v{}  changed", row.api));
            update
                .descriptions
                .push((format!("v{}.yaml", row.api), content));
        }
    }

    let latest = versions.latest();
    let mut released =
        number(&latest.docker).with_context(|| format!("`{}` is no release", latest.docker))?;
    for minor in latest.api.minor + 1.. {
        let api = Version::new(latest.api.major, minor);
        let path = format!("api/docs/v{api}.yaml");
        let failed = |failure: Failure| anyhow!("v{api}: {failure}");
        let Some(content) = get(&upstream.head, &path).map_err(failed)? else {
            break;
        };
        // A description goes into the first release that offers the version.
        let mut first = match docker {
            Some(docker) => {
                Some(number(docker).with_context(|| format!("`{docker}` is no release"))?)
            }
            None => None,
        };
        let later = upstream
            .releases
            .iter()
            .filter(|(number, _)| *number > released);
        for (number, tag) in later {
            if first.is_none() && get(tag, &path).map_err(failed)?.is_some() {
                first = Some(number.clone());
            }
        }
        let Some(first) = first else {
            update.said.push(format!(
                "v{api}  described, and in no release that is known: left out; `--docker RELEASE` says which"
            ));
            break;
        };
        let docker = first
            .iter()
            .map(u64::to_string)
            .collect::<Vec<_>>()
            .join(".");
        let mut table = Table::new();
        for (key, text) in [
            ("api", &api.to_string()),
            ("docker", &docker),
            ("commit", &upstream.head),
            ("path", &path),
        ] {
            table.insert(key, value(text.as_str()));
        }
        table.insert("sha256", value(sha256(&content)));
        rows.push(table);
        update
            .said
            .push(format!("v{api}  new, with Docker {docker}"));
        update.descriptions.push((format!("v{api}.yaml"), content));
        released = first;
    }

    if update.said.is_empty() {
        update
            .said
            .push(format!("nothing new upstream, at {}", upstream.head));
    }
    update.versions = document.to_string();
    Ok(update)
}

/// Replaces a text, and leaves what stands around it.
fn set(table: &mut Table, key: &str, text: &str) {
    if let Some(Item::Value(present)) = table.get_mut(key) {
        let decor = present.decor().clone();
        *present = text.into();
        *present.decor_mut() = decor;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "ffffffffffffffffffffffffffffffffffffffff";
    const COMMIT: &str = "b985e2313a8676e18072b442911fc8f64f17d440";

    fn rows() -> String {
        let row = |api: &str, docker: &str, content: &str| {
            let sum = sha256(content.as_bytes());
            format!(
                "\n[[version]]\napi = \"{api}\"\ndocker = \"{docker}\"\ncommit = \"{COMMIT}\"\npath = \
                 \"api/docs/v{api}.yaml\"\nsha256 = \"{sum}\"\n"
            )
        };
        format!(
            "# A comment.\n{}{}",
            row("1.54", "29.3.0", "old 1.54"),
            row("1.55", "29.6.0", "old 1.55")
        )
    }

    /// Looks for updates in a repository with these files, by `COMMIT:PATH`.
    fn update(upstream: &[(&str, &str)], docker: Option<&str>) -> Result<Update> {
        let text = rows();
        let versions = Versions::parse("versions.toml", &text)?;
        let list = format!(
            "{HEAD}\tHEAD\n1\trefs/tags/docker-v29.6.0\n2\trefs/tags/docker-v29.8.0-rc.1\n3\trefs/tags/docker-v29.10.0\n\
             4\trefs/tags/docker-v29.8.0\n5\trefs/tags/docker-v29.8.0^{{}}\n"
        );
        let get = |commit: &str, path: &str| {
            let name = format!("{commit}:{path}");
            Ok(upstream
                .iter()
                .find(|(file, _)| *file == name)
                .map(|(_, content)| content.as_bytes().to_vec()))
        };
        let upstream = read_list(&list).context("a list")?;
        look(&text, &versions, &upstream, docker, &get)
    }

    fn at_head<'a>(files: &[(&'a str, &'a str)]) -> Vec<(String, &'a str)> {
        files
            .iter()
            .map(|(api, content)| (format!("{HEAD}:api/docs/v{api}.yaml"), *content))
            .collect()
    }

    fn update_to(head: &[(&str, &str)], tags: &[(&str, &str)]) -> Result<Update> {
        let head = at_head(head);
        let all: Vec<_> = head
            .iter()
            .map(|(name, content)| (name.as_str(), *content))
            .chain(tags.iter().copied())
            .collect();
        update(&all, None)
    }

    #[test]
    fn nothing_new_changes_nothing() {
        let update = update_to(&[("1.54", "old 1.54"), ("1.55", "old 1.55")], &[]).unwrap();
        assert_eq!(update.versions, rows());
        assert_eq!(update.said, [format!("nothing new upstream, at {HEAD}")]);
        assert!(update.descriptions.is_empty());
    }

    #[test]
    fn a_changed_description_changes_its_row_alone() {
        let update = update_to(&[("1.54", "new 1.54"), ("1.55", "old 1.55")], &[]).unwrap();
        let expected = rows()
            .replacen(COMMIT, HEAD, 1)
            .replace(&sha256(b"old 1.54"), &sha256(b"new 1.54"));
        assert_eq!(update.versions, expected);
        assert_eq!(update.said, ["v1.54  changed"]);
        assert_eq!(
            update.descriptions,
            [("v1.54.yaml".to_owned(), b"new 1.54".to_vec())]
        );
    }

    #[test]
    fn a_new_version_gets_a_row_with_its_first_release() {
        let head = [
            ("1.54", "old 1.54"),
            ("1.55", "old 1.55"),
            ("1.56", "new 1.56"),
        ];
        let tags = [
            ("docker-v29.6.0:api/docs/v1.56.yaml", "never looked at"),
            ("docker-v29.8.0:api/docs/v1.56.yaml", "new 1.56"),
            ("docker-v29.10.0:api/docs/v1.56.yaml", "new 1.56"),
        ];
        let update = update_to(&head, &tags).unwrap();
        assert_eq!(update.said, ["v1.56  new, with Docker 29.8.0"]);
        let row =
            format!("\n[[version]]\napi = \"1.56\"\ndocker = \"29.8.0\"\ncommit = \"{HEAD}\"\n");
        assert!(
            update.versions.starts_with(&(rows() + &row)),
            "{}",
            update.versions
        );
        let versions = Versions::parse("versions.toml", &update.versions).unwrap();
        let sha256 = sha256(b"new 1.56");
        let source = Source::Published {
            commit: HEAD.into(),
            path: "api/docs/v1.56.yaml".into(),
            sha256,
        };
        assert_eq!(
            (versions.latest().docker.as_str(), &versions.latest().source),
            ("29.8.0", &source)
        );
    }

    #[test]
    fn a_release_that_is_given_needs_no_list() {
        let head = at_head(&[
            ("1.54", "old 1.54"),
            ("1.55", "old 1.55"),
            ("1.56", "new 1.56"),
        ]);
        let head: Vec<_> = head
            .iter()
            .map(|(name, content)| (name.as_str(), *content))
            .collect();
        let done = update(&head, Some("30.0.1")).unwrap();
        assert_eq!(done.said, ["v1.56  new, with Docker 30.0.1"]);
        let refused = update(&head, Some("soon")).err();
        assert_eq!(
            refused.map(|error| error.to_string()),
            Some("`soon` is no release".to_owned())
        );
    }

    #[test]
    fn a_version_that_is_not_released_is_left_out() {
        let update = update_to(
            &[
                ("1.54", "old 1.54"),
                ("1.55", "old 1.55"),
                ("1.56", "new 1.56"),
            ],
            &[],
        )
        .unwrap();
        assert_eq!(
            update.said,
            [
                "v1.56  described, and in no release that is known: left out; `--docker RELEASE` says which"
            ]
        );
        assert_eq!(update.versions, rows());
    }

    #[test]
    fn a_description_that_is_gone_is_an_error() {
        let message = update_to(&[("1.55", "old 1.55")], &[])
            .err()
            .map(|error| error.to_string());
        assert_eq!(
            message,
            Some(format!(
                "v1.54: upstream has no api/docs/v1.54.yaml any more, at {HEAD}"
            ))
        );
    }
}
