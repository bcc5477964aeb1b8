//! The engine that `docker` would talk to: `DOCKER_HOST`, else the current context, else the usual socket.

use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::http;

/// An engine answers a ping at once or is not there.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);

/// Where `docker` would look.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) host: String,
    /// What said so, for messages.
    pub(crate) origin: String,
    /// The connection needs more than its address: certificates, an ssh client.
    pub(crate) special: bool,
}

/// Reads the environment and docker's own files; asks nobody.
pub(crate) fn target() -> Result<Target> {
    let home = std::env::home_dir();
    target_in(
        |name| std::env::var(name).ok().filter(|value| !value.is_empty()),
        home.as_deref(),
    )
}

fn target_in(env: impl Fn(&str) -> Option<String>, home: Option<&Path>) -> Result<Target> {
    let tls = env("DOCKER_TLS_VERIFY").is_some() || env("DOCKER_TLS").is_some();
    if let Some(host) = env("DOCKER_HOST") {
        let special = is_special(&host, tls);
        return Ok(Target {
            host,
            origin: "DOCKER_HOST".into(),
            special,
        });
    }
    let config = env("DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(|| home.map(|home| home.join(".docker")));
    let context = match env("DOCKER_CONTEXT") {
        Some(name) => Some(name),
        None => config
            .as_deref()
            .map(current_context)
            .transpose()?
            .flatten(),
    };
    match (context.as_deref(), config) {
        (None | Some("default"), _) => {
            let host = if cfg!(windows) {
                "npipe:////./pipe/docker_engine"
            } else {
                "unix:///var/run/docker.sock"
            };
            Ok(Target {
                host: host.into(),
                origin: "the usual place".into(),
                special: is_special(host, false),
            })
        }
        (Some(name), config) => {
            let config = config.context(
                "DOCKER_CONTEXT is set, but there is no home directory to look it up in",
            )?;
            let (host, tls) = context_endpoint(&config, name)?;
            let special = is_special(&host, tls);
            Ok(Target {
                host,
                origin: format!("docker context {name}"),
                special,
            })
        }
    }
}

fn is_special(host: &str, tls: bool) -> bool {
    match host.split_once("://").map(|(scheme, _)| scheme) {
        Some("unix") => !cfg!(unix),
        Some("tcp" | "http") => tls,
        _ => true,
    }
}

fn current_context(config: &Path) -> Result<Option<String>> {
    let file = config.join("config.json");
    if !file.exists() {
        return Ok(None);
    }
    let config: Value = read_json(&file)?;
    Ok(config["currentContext"]
        .as_str()
        .filter(|name| !name.is_empty())
        .map(str::to_owned))
}

/// The context's address, and whether it comes with TLS material.
/// The folders are named after a digest of the context's name; looking into each saves computing it.
fn context_endpoint(config: &Path, name: &str) -> Result<(String, bool)> {
    let contexts = config.join("contexts/meta");
    for entry in contexts.read_dir().into_iter().flatten().flatten() {
        let file = entry.path().join("meta.json");
        if !file.exists() {
            continue;
        }
        let meta = read_json(&file)?;
        if meta["Name"] == name {
            let host = meta["Endpoints"]["docker"]["Host"].as_str();
            let host = host.with_context(|| {
                format!("docker context {name} names no host in {}", file.display())
            })?;
            let tls = config
                .join("contexts/tls")
                .join(entry.file_name())
                .join("docker")
                .exists();
            return Ok((host.to_owned(), tls));
        }
    }
    bail!(
        "there is no docker context {name} in {}",
        contexts.display()
    )
}

fn read_json(file: &Path) -> Result<Value> {
    let text = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is not JSON", file.display()))
}

/// Whether an engine answers there.
pub(crate) fn answers(target: &Target) -> Result<()> {
    if target.special {
        return ask_docker(&target.host);
    }
    ping(&target.host)
}

pub(crate) fn ping(host: &str) -> Result<()> {
    request(host, PATIENCE, "GET", "/_ping", "", &[])?
        .ok("ping")
        .map(drop)
}

/// One request to an engine at a `unix://` or plain `tcp://` address.
pub(crate) fn request(
    host: &str,
    patience: Duration,
    method: &str,
    target: &str,
    content_type: &str,
    body: &[u8],
) -> Result<http::Response> {
    match host.split_once("://") {
        #[cfg(unix)]
        Some(("unix", path)) => {
            let stream = std::os::unix::net::UnixStream::connect(path)
                .with_context(|| format!("cannot connect to {host}"))?;
            stream.set_read_timeout(Some(patience))?;
            stream.set_write_timeout(Some(patience))?;
            http::request(stream, method, target, content_type, body)
        }
        Some(("tcp" | "http", address)) => {
            let address = address.trim_end_matches('/');
            let socket = address
                .to_socket_addrs()
                .ok()
                .and_then(|mut found| found.next());
            let socket = socket
                .with_context(|| format!("{host} names no host and port that can be found"))?;
            let stream = TcpStream::connect_timeout(&socket, patience)
                .with_context(|| format!("cannot connect to {host}"))?;
            stream.set_read_timeout(Some(patience))?;
            stream.set_write_timeout(Some(patience))?;
            http::request(stream, method, target, content_type, body)
        }
        _ => bail!("{host} is not an address this command can talk to"),
    }
    .with_context(|| format!("{method} {target} at {host}"))
}

/// For what needs certificates, ssh or a named pipe, the docker command knows how.
fn ask_docker(host: &str) -> Result<()> {
    let output = Command::new("docker")
        .args(["version", "--format", "{{.Server.Version}}"])
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot tell whether an engine answers at {host}: it takes the docker command to ask"))?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    fn find(env: &[(&str, &str)], home: &Path) -> Result<Target> {
        target_in(
            |name| {
                env.iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| (*value).to_owned())
            },
            Some(home),
        )
    }

    fn home_with_context(name: &str, host: &str, current: &str) -> TempDir {
        let home = tempfile::tempdir().unwrap();
        let meta = home.path().join(".docker/contexts/meta/0123");
        fs::create_dir_all(&meta).unwrap();
        fs::write(
            meta.join("meta.json"),
            serde_json::json!({"Name": name, "Endpoints": {"docker": {"Host": host}}}).to_string(),
        )
        .unwrap();
        fs::write(
            home.path().join(".docker/config.json"),
            serde_json::json!({"auths": {}, "currentContext": current}).to_string(),
        )
        .unwrap();
        home
    }

    #[test]
    fn docker_host_comes_before_everything() {
        let home = home_with_context("far", "tcp://10.0.0.1:2375", "far");
        let found = find(
            &[
                ("DOCKER_HOST", "unix:///tmp/a.sock"),
                ("DOCKER_CONTEXT", "far"),
            ],
            home.path(),
        )
        .unwrap();
        assert_eq!(
            (found.host.as_str(), found.origin.as_str()),
            ("unix:///tmp/a.sock", "DOCKER_HOST")
        );
    }

    #[test]
    fn the_current_context_comes_next() {
        let home = home_with_context("far", "tcp://10.0.0.1:2375", "far");
        let found = find(&[], home.path()).unwrap();
        assert_eq!(
            (found.host.as_str(), found.origin.as_str()),
            ("tcp://10.0.0.1:2375", "docker context far")
        );
        assert!(!found.special);
    }

    #[test]
    fn docker_context_names_one_and_default_means_none() {
        let home = home_with_context("far", "ssh://far", "default");
        assert_eq!(find(&[], home.path()).unwrap().origin, "the usual place");
        let far = find(&[("DOCKER_CONTEXT", "far")], home.path()).unwrap();
        assert!(far.special && far.host == "ssh://far");
        let error = find(&[("DOCKER_CONTEXT", "near")], home.path())
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("there is no docker context near"),
            "{error}"
        );
    }

    #[test]
    fn tls_is_left_to_docker() {
        let home = tempfile::tempdir().unwrap();
        let env = [
            ("DOCKER_HOST", "tcp://127.0.0.1:2376"),
            ("DOCKER_TLS_VERIFY", "1"),
        ];
        assert!(find(&env, home.path()).unwrap().special);
    }

    #[test]
    fn a_broken_configuration_is_named() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir_all(home.path().join(".docker")).unwrap();
        fs::write(home.path().join(".docker/config.json"), "{").unwrap();
        assert!(
            find(&[], home.path())
                .unwrap_err()
                .to_string()
                .ends_with("config.json is not JSON")
        );
    }

    #[cfg(unix)]
    #[test]
    fn nobody_there_is_an_error() {
        let error = ping("unix:///nonexistent/docker.sock").unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot connect to unix:///nonexistent/docker.sock"
        );
    }
}
