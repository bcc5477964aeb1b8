//! What a daemon can do, as far as it says so without being asked.

use http::HeaderMap;

use crate::headers;

/// What a daemon says about itself in its answer to a ping.
///
/// An engine that says nothing about one of these leaves it `None` or false.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// The kind of engine.
    pub engine: EngineKind,
    /// The operating system of its containers: `linux` or `windows`. From Docker 1.13 on.
    pub os: Option<String>,
    /// The builder that it would use: `1` is its own, `2` is BuildKit. From Docker 18.09 on.
    pub builder: Option<String>,
    /// Whether experimental features are on.
    pub experimental: bool,
    /// Its part in a swarm. From Docker 20.10.15 on.
    pub swarm: Option<SwarmStatus>,
}

/// What kind of engine answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum EngineKind {
    /// It does not say.
    #[default]
    Unknown,
    /// Docker Engine, or one that says it is.
    Docker,
    /// Podman, with its interface for Docker's clients.
    Podman,
    /// Another one, with the name that it gives itself.
    Other(String),
}

/// A daemon's part in a swarm.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SwarmStatus {
    /// `inactive`, `pending`, `active`, `error` or `locked`.
    pub state: String,
    /// Whether it is a manager, which is what operations on services, nodes, secrets and configs need.
    pub is_manager: bool,
}

impl Capabilities {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        Self {
            engine: EngineKind::of(headers),
            os: headers::text(headers, "ostype"),
            builder: headers::text(headers, "builder-version"),
            experimental: headers::flag(headers, "docker-experimental").unwrap_or_default(),
            swarm: headers::text(headers, "swarm").and_then(|text: String| SwarmStatus::of(&text)),
        }
    }
}

impl EngineKind {
    fn of(headers: &HeaderMap) -> Self {
        let server: Option<String> = headers::text(headers, "server");
        let name = server.as_deref().and_then(|text| text.split('/').next());
        match name.map(str::trim).unwrap_or_default() {
            _ if headers.contains_key("libpod-api-version") => Self::Podman,
            name if name.eq_ignore_ascii_case("libpod") => Self::Podman,
            name if name.eq_ignore_ascii_case("docker") => Self::Docker,
            "" => Self::Unknown,
            name => Self::Other(name.to_owned()),
        }
    }
}

impl SwarmStatus {
    fn of(text: &str) -> Option<Self> {
        let (state, role) = text.split_once('/').unwrap_or((text, ""));
        Some(Self {
            state: state.to_owned(),
            is_manager: role == "manager",
        })
        .filter(|status| !status.state.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(headers: &[(&'static str, &'static str)]) -> Capabilities {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        Capabilities::of(&headers.collect())
    }

    #[test]
    fn reads_what_docker_says() {
        let found = of(&[
            ("Server", "Docker/28.5.2 (linux)"),
            ("Ostype", "linux"),
            ("Builder-Version", "2"),
            ("Docker-Experimental", "false"),
            ("Swarm", "active/manager"),
        ]);
        let swarm = SwarmStatus {
            state: "active".to_owned(),
            is_manager: true,
        };
        assert_eq!(
            found,
            Capabilities {
                engine: EngineKind::Docker,
                os: Some("linux".to_owned()),
                builder: Some("2".to_owned()),
                experimental: false,
                swarm: Some(swarm),
            }
        );
    }

    #[test]
    fn tells_engines_apart() {
        let podman = of(&[("Libpod-Api-Version", "4.3.1"), ("Server", "Libpod/4.3.1")]);
        assert_eq!(podman.engine, EngineKind::Podman);
        assert_eq!(
            of(&[("server", "Fancy/1")]).engine,
            EngineKind::Other("Fancy".to_owned())
        );
        assert_eq!(of(&[]), Capabilities::default());
        assert_eq!(of(&[("swarm", "")]).swarm, None);
        assert!(!of(&[("swarm", "inactive")]).swarm.unwrap().is_manager);
    }
}
