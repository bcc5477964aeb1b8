//! `cargo xtask fetch`: the only command that reads from the network.

mod update;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use docker_api_gen_codegen::Version;
use docker_api_gen_codegen::versions::{Source, Versions};
use sha2::{Digest, Sha256};

use self::update::Upstream;
use crate::files::{self, UPSTREAM};

/// Far above the largest description (0.5 MB), and far below what hurts.
const LARGEST: u64 = 16 << 20;

/// Bring the published descriptions to specs/upstream, each checked against its checksum
#[derive(Args)]
pub(crate) struct Fetch {
    /// Versions to fetch, such as 1.41 [default: all]
    #[arg(value_name = "VERSION")]
    versions: Vec<Version>,

    /// Take the files (v1.41.yaml and so on) from this folder, not from the network
    #[arg(long, value_name = "DIR", conflicts_with = "mirror")]
    from: Option<PathBuf>,

    /// Download from another place, laid out as COMMIT/PATH
    #[arg(
        long,
        value_name = "URL",
        default_value = "https://raw.githubusercontent.com/moby/moby"
    )]
    mirror: String,

    /// Look upstream for new and changed descriptions, and rewrite specs/versions.toml
    ///
    /// With --from, the folder stands in for upstream, and --commit says which commit it is.
    #[arg(long, conflicts_with = "versions")]
    update: bool,

    /// The commit that --update looks at [default: the newest]
    #[arg(long, value_name = "ID", requires = "update")]
    commit: Option<String>,

    /// The release that offers new versions [default: the first one upstream that describes them]
    #[arg(long, value_name = "RELEASE", requires = "update")]
    docker: Option<String>,

    /// Repository whose newest commit and releases --update looks at
    #[arg(
        long,
        value_name = "URL",
        default_value = "https://github.com/moby/moby",
        requires = "update"
    )]
    repository: String,

    /// Files to fetch at the same time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
}

/// One description to fetch.
struct Wanted<'v> {
    version: Version,
    commit: &'v str,
    path: &'v str,
    sha256: &'v str,
}

/// Where the files come from.
enum Origin {
    Folder(PathBuf),
    Network { agent: ureq::Agent, base: String },
}

impl Origin {
    /// A file of upstream's repository, and where it was taken from. A folder has files by their name alone.
    fn get(&self, commit: &str, path: &str) -> Result<(Vec<u8>, String), Failure> {
        match self {
            Self::Folder(folder) => {
                let name = path.rsplit('/').next().unwrap_or(path);
                read(&folder.join(name))
            }
            Self::Network { agent, base } => download(agent, &format!("{base}/{commit}/{path}")),
        }
    }
}

/// Why one description could not be fetched.
enum Failure {
    Missing(String),
    Checksum {
        from: String,
        expected: String,
        found: String,
    },
    /// Nothing answers: the next one would fail as well.
    Unreachable {
        from: String,
        cause: String,
    },
    Other(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(from) => write!(f, "{from} does not exist"),
            Self::Checksum {
                from,
                expected,
                found,
            } => {
                write!(
                    f,
                    "{from} has the SHA-256 {found}, and specs/versions.toml expects {expected}"
                )
            }
            Self::Unreachable { from, cause } => {
                write!(
                    f,
                    "cannot reach {from}: {cause}; `--from DIR` takes the files from a folder"
                )
            }
            Self::Other(message) => f.write_str(message),
        }
    }
}

impl Fetch {
    pub(crate) fn run(self) -> Result<()> {
        let root = files::root();
        let origin = match self.from {
            Some(folder) if folder.is_dir() => Origin::Folder(folder),
            Some(folder) => bail!("{} is not a folder", folder.display()),
            None => Origin::Network {
                agent: agent(),
                base: self.mirror.trim_end_matches('/').to_owned(),
            },
        };
        if self.update {
            let upstream = match (&origin, self.commit) {
                (Origin::Folder(_), Some(commit)) => Upstream::at(commit),
                (Origin::Folder(folder), None) => bail!(
                    "say which commit of upstream {} is: --commit ID",
                    folder.display()
                ),
                (Origin::Network { .. }, commit) => update::list(&self.repository, commit)?,
            };
            let get = |commit: &str, path: &str| match origin.get(commit, path) {
                Ok((content, _)) => Ok(Some(content)),
                Err(Failure::Missing(_)) => Ok(None),
                Err(failure) => Err(failure),
            };
            return update::run(&root, &upstream, self.docker.as_deref(), &get);
        }
        let versions = files::versions(&root)?;
        let wanted = select(&versions, &self.versions)?;
        let folder = root.join(UPSTREAM);
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        fetch_all(&wanted, &origin, &folder, usize::from(self.jobs))
    }
}

/// The rows that are asked for. A derived one needs the description it is derived from.
fn select<'v>(versions: &'v Versions, asked: &[Version]) -> Result<Vec<Wanted<'v>>> {
    let mut wanted = BTreeMap::new();
    for &version in asked {
        files::listed(versions, version)?;
    }
    for row in versions
        .rows()
        .iter()
        .filter(|row| asked.is_empty() || asked.contains(&row.api))
    {
        let row = match row.source {
            Source::Published { .. } => row,
            Source::Derived { from } => {
                eprintln!("v{}  was never published: derived from v{from}", row.api);
                versions
                    .get(from)
                    .context("a derived version names one that is there")?
            }
        };
        if let Source::Published {
            commit,
            path,
            sha256,
        } = &row.source
        {
            wanted.insert(
                row.api,
                Wanted {
                    version: row.api,
                    commit,
                    path,
                    sha256,
                },
            );
        }
    }
    Ok(wanted.into_values().collect())
}

fn fetch_all(wanted: &[Wanted<'_>], origin: &Origin, folder: &Path, jobs: usize) -> Result<()> {
    let next = AtomicUsize::new(0);
    let give_up = AtomicBool::new(false);
    let failures = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(wanted.len()) {
            scope.spawn(|| {
                while !give_up.load(Ordering::Relaxed)
                    && let Some(wanted) = wanted.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let version = wanted.version;
                    match fetch_one(wanted, origin, folder) {
                        Ok(state) => eprintln!("v{version}  {state}"),
                        Err(failure) => {
                            give_up.fetch_or(
                                matches!(failure, Failure::Unreachable { .. }),
                                Ordering::Relaxed,
                            );
                            eprintln!("v{version}  failed");
                            failures
                                .lock()
                                .unwrap_or_else(|poisoned| poisoned.into_inner())
                                .insert(version, failure);
                        }
                    }
                }
            });
        }
    });
    let failures = failures
        .into_inner()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    // One line is enough to say that there is no network.
    if let Some((version, failure)) = failures
        .iter()
        .find(|(_, failure)| matches!(failure, Failure::Unreachable { .. }))
    {
        bail!("v{version}: {failure}");
    }
    for (version, failure) in &failures {
        eprintln!("error: v{version}: {failure}");
    }
    match failures.len() {
        0 => Ok(()),
        failed => bail!(
            "{failed} of {} descriptions could not be fetched",
            wanted.len()
        ),
    }
}

/// Fetches one description unless it is there, and says what was done.
fn fetch_one(wanted: &Wanted<'_>, origin: &Origin, folder: &Path) -> Result<String, Failure> {
    let name = format!("v{}.yaml", wanted.version);
    let target = folder.join(&name);
    if fs::read(&target).is_ok_and(|present| sha256(&present) == wanted.sha256) {
        return Ok("is there".into());
    }
    let (content, from) = origin.get(wanted.commit, wanted.path)?;
    let found = sha256(&content);
    if found != wanted.sha256 {
        return Err(Failure::Checksum {
            from,
            expected: wanted.sha256.to_owned(),
            found,
        });
    }
    files::write(&target, &content).map_err(|error| Failure::Other(format!("{error:#}")))?;
    Ok(format!("fetched, {} KB", content.len().div_ceil(1000)))
}

fn read(path: &Path) -> Result<(Vec<u8>, String), Failure> {
    let from = path.display().to_string();
    match fs::read(path) {
        Ok(content) => Ok((content, from)),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(Failure::Missing(from)),
        Err(error) => Err(Failure::Other(format!("cannot read {from}: {error}"))),
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_connect(Some(Duration::from_secs(15)))
        .timeout_global(Some(Duration::from_secs(120)))
        .user_agent("docker-api-gen xtask")
        .build()
        .new_agent()
}

fn download(agent: &ureq::Agent, url: &str) -> Result<(Vec<u8>, String), Failure> {
    use ureq::Error::{BodyExceedsLimit, ConnectionFailed, HostNotFound, Io, StatusCode, Timeout};

    let mut response = agent.get(url).call().map_err(|error| match error {
        StatusCode(404) => Failure::Missing(url.to_owned()),
        StatusCode(status) => Failure::Other(format!("{url} answers with the status {status}")),
        HostNotFound | ConnectionFailed | Io(_) | Timeout(_) => Failure::Unreachable {
            from: url.to_owned(),
            cause: error.to_string(),
        },
        error => Failure::Other(format!("cannot fetch {url}: {error}")),
    })?;
    match response
        .body_mut()
        .with_config()
        .limit(LARGEST)
        .read_to_vec()
    {
        Ok(content) => Ok((content, url.to_owned())),
        Err(BodyExceedsLimit(_)) => Err(Failure::Other(format!(
            "{url} is larger than any description"
        ))),
        Err(error) => Err(Failure::Other(format!("{url} broke off: {error}"))),
    }
}

fn sha256(content: &[u8]) -> String {
    use std::fmt::Write;
    Sha256::digest(content)
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    fn wanted<'v>(sha256: &'v str) -> Wanted<'v> {
        Wanted {
            version: Version::new(1, 41),
            commit: "c0ffee",
            path: "api/docs/v1.41.yaml",
            sha256,
        }
    }

    fn folder_with(content: &[u8]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("v1.41.yaml"), content).unwrap();
        folder
    }

    /// A server that gives every caller the same answer, and hangs up.
    fn server(answer: &'static str) -> Origin {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Origin::Network {
            agent: agent(),
            base,
        }
    }

    /// Fetches from `origin` into an empty folder: what was said, and what is in the folder then.
    fn fetch(origin: &Origin, sha256: &str) -> (Result<String, String>, Vec<String>) {
        let target = tempfile::tempdir().unwrap();
        let said = fetch_one(&wanted(sha256), origin, target.path())
            .map_err(|failure| failure.to_string());
        (
            said,
            files::names(target.path()).unwrap().into_iter().collect(),
        )
    }

    #[test]
    fn a_file_comes_from_a_folder() {
        let from = folder_with(b"facts");
        let (said, left) = fetch(&Origin::Folder(from.path().into()), &sha256(b"facts"));
        assert_eq!(said, Ok("fetched, 1 KB".into()));
        assert_eq!(left, ["v1.41.yaml"]);
    }

    #[test]
    fn what_is_there_is_not_fetched_again() {
        let target = folder_with(b"facts");
        let nowhere = Origin::Folder("nowhere".into());
        let said = fetch_one(&wanted(&sha256(b"facts")), &nowhere, target.path())
            .map_err(|failure| failure.to_string());
        assert_eq!(said, Ok("is there".into()));
    }

    #[test]
    fn a_wrong_checksum_names_both_and_leaves_nothing() {
        let from = folder_with(b"other");
        let (expected, found) = (sha256(b"facts"), sha256(b"other"));
        let (said, left) = fetch(&Origin::Folder(from.path().into()), &expected);
        let message = said.unwrap_err();
        assert!(
            message.contains(&expected) && message.contains(&found),
            "{message}"
        );
        assert!(left.is_empty(), "{left:?}");
    }

    #[test]
    fn a_wrong_file_that_was_there_stays_until_a_right_one_comes() {
        let (from, target) = (folder_with(b"other"), folder_with(b"older"));
        assert!(
            fetch_one(
                &wanted(&sha256(b"facts")),
                &Origin::Folder(from.path().into()),
                target.path()
            )
            .is_err()
        );
        assert_eq!(
            fs::read(target.path().join("v1.41.yaml")).unwrap(),
            b"older"
        );
    }

    #[test]
    fn a_missing_file_is_named() {
        let from = tempfile::tempdir().unwrap();
        let (said, _) = fetch(&Origin::Folder(from.path().into()), "");
        assert_eq!(
            said,
            Err(format!(
                "{} does not exist",
                from.path().join("v1.41.yaml").display()
            ))
        );
    }

    #[test]
    fn a_file_comes_over_the_network() {
        let origin =
            server("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nfacts");
        assert_eq!(
            fetch(&origin, &sha256(b"facts")),
            (Ok("fetched, 1 KB".into()), vec!["v1.41.yaml".into()])
        );
    }

    #[test]
    fn failures_of_the_network_are_told_apart() {
        let missing =
            server("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        let broken =
            server("HTTP/1.1 200 OK\r\nContent-Length: 99\r\nConnection: close\r\n\r\nfacts");
        let refused = server("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        let silent = Origin::Network {
            agent: agent(),
            base: "http://127.0.0.1:1".into(),
        };
        for (origin, expected) in [
            (missing, "/c0ffee/api/docs/v1.41.yaml does not exist"),
            (broken, "broke off"),
            (refused, "answers with the status 503"),
            (
                silent,
                "cannot reach http://127.0.0.1:1/c0ffee/api/docs/v1.41.yaml",
            ),
        ] {
            let (said, left) = fetch(&origin, "");
            let message = said.unwrap_err();
            assert!(message.contains(expected), "{message}");
            assert!(left.is_empty(), "{left:?}");
        }
    }

    #[test]
    fn a_derived_version_brings_what_it_is_derived_from() {
        let versions = files::versions(&files::root()).unwrap();
        let first = versions.rows()[0].api;
        let selected = select(&versions, &[first]).unwrap();
        assert_eq!(
            selected
                .iter()
                .map(|wanted| wanted.version)
                .collect::<Vec<_>>(),
            [Version::new(1, 25)]
        );
        assert!(select(&versions, &[Version::new(9, 9)]).is_err());
    }
}
