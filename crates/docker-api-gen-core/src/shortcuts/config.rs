//! What a container is made of, put together as the daemon wants to have it.

use std::fmt;

use super::Kit;
use crate::error::{Error, ErrorKind};
use crate::json::Json;

/// A port of a container: `Port::tcp(80)`, or `80`, or `"53/udp"`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Port(String);

impl Port {
    /// A TCP port.
    pub fn tcp(port: u16) -> Self {
        Self(format!("{port}/tcp"))
    }

    /// A UDP port.
    pub fn udp(port: u16) -> Self {
        Self(format!("{port}/udp"))
    }

    /// An SCTP port.
    pub fn sctp(port: u16) -> Self {
        Self(format!("{port}/sctp"))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The number, and whether it is a TCP port.
    pub(crate) fn parse(&self) -> Option<(u16, bool)> {
        let (port, protocol) = self.0.split_once('/')?;
        Some((port.parse().ok()?, protocol == "tcp"))
    }
}

impl From<u16> for Port {
    fn from(port: u16) -> Self {
        Self::tcp(port)
    }
}

impl From<&str> for Port {
    /// `80` or `53/udp`; what is no port is for the daemon to refuse.
    fn from(text: &str) -> Self {
        if text.contains('/') {
            Self(text.to_owned())
        } else {
            Self(format!("{text}/tcp"))
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Something from outside that a container has in its file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    kind: Kind,
    target: String,
    read_only: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Bind(String),
    Volume(String),
    Tmpfs,
}

impl Mount {
    /// A file or folder of the daemon's machine, which has to be there.
    pub fn bind(source: impl Into<String>, target: impl Into<String>) -> Self {
        Self::new(Kind::Bind(source.into()), target)
    }

    /// A volume, which is made if it is not there.
    pub fn volume(name: impl Into<String>, target: impl Into<String>) -> Self {
        Self::new(Kind::Volume(name.into()), target)
    }

    /// An empty file system in memory.
    pub fn tmpfs(target: impl Into<String>) -> Self {
        Self::new(Kind::Tmpfs, target)
    }

    fn new(kind: Kind, target: impl Into<String>) -> Self {
        Self {
            kind,
            target: target.into(),
            read_only: false,
        }
    }

    /// Lets the container read it and not write to it.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Writes it into the request that makes a container.
    pub(crate) fn add_to(&self, body: &mut Json, kit: &Kit) -> Result<(), Error> {
        let (kind, source) = match &self.kind {
            // Older than the list of mounts, and the same in all versions.
            Kind::Tmpfs => {
                let options = if self.read_only { "ro" } else { "" };
                body.set(&["HostConfig", "Tmpfs", &self.target], options);
                return Ok(());
            }
            Kind::Bind(source) => ("bind", source),
            Kind::Volume(name) => ("volume", name),
        };
        if kit.has(kit.operations.since.mounts) {
            let mut mount = Json::default();
            mount.set(&["Type"], kind);
            mount.set(&["Source"], source.as_str());
            mount.set(&["Target"], self.target.as_str());
            if self.read_only {
                mount.set(&["ReadOnly"], true);
            }
            body.push(&["HostConfig", "Mounts"], mount);
            return Ok(());
        }
        if source.contains(':') || self.target.contains(':') {
            return Err(kit.error(
                kit.operations.container_create,
                None,
                ErrorKind::Input,
                format!(
                    "a mount cannot have a colon in its paths in API {}: {source:?}, {:?}",
                    kit.version(),
                    self.target
                ),
            ));
        }
        let mode = if self.read_only { ":ro" } else { "" };
        let text = format!("{source}:{}{mode}", self.target);
        body.push(&["HostConfig", "Binds"], text);
        Ok(())
    }
}

/// Has a port of the container answer on a port of the daemon's machine; 0 stands for one that is free.
pub(crate) fn publish(body: &mut Json, port: &Port, host_port: u16) {
    body.set(&["ExposedPorts", port.as_str()], Json::object());
    let mut binding = Json::default();
    let text = match host_port {
        0 => String::new(),
        port => port.to_string(),
    };
    binding.set(&["HostPort"], text);
    body.push(&["HostConfig", "PortBindings", port.as_str()], binding);
}
