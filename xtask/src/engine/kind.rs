//! The engines this repository is tested with.

use serde::{Deserialize, Serialize};

#[cfg(target_os = "linux")]
const DOCKER: [&str; 12] = [
    "docker.io",
    "docker-cli",
    "base-files",
    "busybox-static",
    "containerd",
    "docker-registry",
    "iptables",
    "kmod",
    "openssh-client",
    "openssh-server",
    "procps",
    "runc",
];

/// In bookworm the command `docker` is not a package of its own.
#[cfg(target_os = "linux")]
const DOCKER_IN_ONE: [&str; 11] = [
    "docker.io",
    "base-files",
    "busybox-static",
    "containerd",
    "docker-registry",
    "iptables",
    "kmod",
    "openssh-client",
    "openssh-server",
    "procps",
    "runc",
];

#[cfg(target_os = "linux")]
const PODMAN: [&str; 11] = [
    "podman",
    "aardvark-dns",
    "base-files",
    "busybox-static",
    "catatonit",
    "conmon",
    "crun",
    "docker-registry",
    "iptables",
    "netavark",
    "procps",
];

/// An engine and its minor version.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum, Serialize, Deserialize,
)]
pub enum EngineKind {
    #[value(name = "docker-20.10")]
    Docker20_10,
    #[value(name = "docker-26.1")]
    Docker26_1,
    #[value(name = "docker-28.5")]
    Docker28_5,
    #[value(name = "podman-4.3")]
    Podman4_3,
}

impl EngineKind {
    pub const ALL: [EngineKind; 4] = [
        EngineKind::Docker20_10,
        EngineKind::Docker26_1,
        EngineKind::Docker28_5,
        EngineKind::Podman4_3,
    ];

    /// In the order in which they are tried when nobody asked for one: the newest Docker first,
    /// as it accepts the most versions of the API.
    pub const PREFERRED: [EngineKind; 3] = [
        EngineKind::Docker28_5,
        EngineKind::Docker26_1,
        EngineKind::Docker20_10,
    ];

    /// As it is written on the command line: `docker-20.10`.
    pub const fn name(self) -> &'static str {
        match self {
            EngineKind::Docker20_10 => "docker-20.10",
            EngineKind::Docker26_1 => "docker-26.1",
            EngineKind::Docker28_5 => "docker-28.5",
            EngineKind::Podman4_3 => "podman-4.3",
        }
    }

    /// The newest version of the API that it speaks.
    pub const fn api(self) -> &'static str {
        match self {
            EngineKind::Docker20_10 | EngineKind::Podman4_3 => "1.41",
            EngineKind::Docker26_1 => "1.45",
            EngineKind::Docker28_5 => "1.51",
        }
    }

    pub const fn is_podman(self) -> bool {
        matches!(self, EngineKind::Podman4_3)
    }

    /// The packages it can be made of. All of them come from one suite, C library included, so that an engine
    /// neither depends on nor disturbs what the machine has.
    #[cfg(target_os = "linux")]
    pub(crate) fn wanted(self) -> super::private::Wanted {
        super::private::Wanted {
            name: self.name(),
            suite: match self {
                EngineKind::Docker20_10 | EngineKind::Podman4_3 => "bookworm",
                EngineKind::Docker26_1 => "trixie",
                EngineKind::Docker28_5 => "sid",
            },
            packages: match self {
                EngineKind::Docker20_10 => &DOCKER_IN_ONE,
                EngineKind::Docker26_1 | EngineKind::Docker28_5 => &DOCKER,
                EngineKind::Podman4_3 => &PODMAN,
            },
            kind: Some(self),
        }
    }

    /// Whether a version as the engine or its package gives it (`20.10.24+dfsg1-1`) is of this kind.
    pub fn is_version(self, version: &str) -> bool {
        let (_, minor) = self.name().split_once('-').expect("a name has a dash");
        let version = version
            .split_once(':')
            .map_or(version, |(_epoch, rest)| rest);
        version
            .strip_prefix(minor)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

impl std::fmt::Display for EngineKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn names_are_those_of_the_command_line() {
        for kind in EngineKind::ALL {
            assert_eq!(EngineKind::from_str(kind.name(), false), Ok(kind));
        }
    }

    #[test]
    fn versions_are_compared_by_their_parts() {
        assert!(EngineKind::Docker20_10.is_version("20.10.24+dfsg1"));
        assert!(EngineKind::Docker20_10.is_version("5:20.10.24-1"));
        assert!(EngineKind::Docker20_10.is_version("20.10"));
        assert!(!EngineKind::Docker20_10.is_version("20.100.1"));
        assert!(!EngineKind::Docker28_5.is_version("29.0.1"));
        assert!(EngineKind::Podman4_3.is_version("4.3.1+ds1-8+deb12u1+b3"));
    }
}
