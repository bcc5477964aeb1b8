//! What both sides say about their versions.

use std::env::consts::{ARCH, OS};
use std::fmt;

use http::{HeaderMap, Method};

use crate::body::Body;
use crate::connection::Connection;
use crate::decode;
use crate::error::Error;
use crate::exchange::send;
use crate::json::Json;
use crate::operation::Operation;
use crate::origin::Origin;
use crate::request::Request;
use crate::response;
use crate::version::ApiVersion;

/// What a daemon says about itself.
pub(crate) const VERSION: Operation = Operation {
    id: "SystemVersion",
    name: "system.version",
    method: Method::GET,
    path: "/version",
    version: ApiVersion::new(1, 24),
    outcomes: &[],
    unbounded: false,
    tty: None,
};

/// What `docker version` prints: the versions of both sides.
///
/// [`Display`](fmt::Display) prints it for people.
#[derive(Clone, Debug)]
pub struct VersionReport {
    api: ApiVersion,
    host: String,
    daemon: Json,
}

impl VersionReport {
    /// The version of this library.
    pub fn client_version(&self) -> &str {
        env!("CARGO_PKG_VERSION")
    }

    /// The version of the API that the client speaks.
    pub fn client_api_version(&self) -> ApiVersion {
        self.api
    }

    /// The version of the daemon: `28.5.2`.
    pub fn daemon_version(&self) -> Option<&str> {
        self.text("Version")
    }

    /// The lowest version of the API that the daemon speaks.
    pub fn daemon_min_api_version(&self) -> Option<ApiVersion> {
        self.text("MinAPIVersion")?.parse().ok()
    }

    /// The highest version of the API that the daemon speaks.
    pub fn daemon_api_version(&self) -> Option<ApiVersion> {
        self.text("ApiVersion")?.parse().ok()
    }

    /// All that the daemon says about itself: the answer to `GET /version`.
    pub fn daemon(&self) -> &Json {
        &self.daemon
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.daemon
            .get(name)?
            .as_str()
            .filter(|text| !text.is_empty())
    }
}

impl fmt::Display for VersionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Client: docker-api-gen")?;
        line(f, 1, "Version", self.client_version())?;
        line(f, 1, "API version", &self.api.to_string())?;
        line(f, 1, "OS/Arch", &format!("{OS}/{ARCH}"))?;
        line(f, 1, "Daemon", &self.host)?;
        writeln!(f)?;
        let platform = self
            .daemon
            .get("Platform")
            .and_then(|platform| platform.get("Name")?.as_str())
            .unwrap_or_default();
        writeln!(f, "{}", format!("Server: {platform}").trim_end())?;
        let components = self
            .daemon
            .get("Components")
            .and_then(Json::as_list)
            .filter(|components| !components.is_empty());
        let Some(components) = components else {
            // Before 1.35 the daemon itself was all there was.
            return component(f, "Engine", &self.daemon);
        };
        for part in components {
            let name = part.get("Name").and_then(Json::as_str).unwrap_or_default();
            // What the engine tells about itself is at the top, and older and newer ones differ in what they repeat.
            let details = match name {
                "Engine" => &self.daemon,
                _ => part,
            };
            component(f, name, details)?;
        }
        Ok(())
    }
}

/// One part of the daemon, with what is known of it.
fn component(f: &mut fmt::Formatter<'_>, name: &str, part: &Json) -> fmt::Result {
    writeln!(f, " {name}:")?;
    let text = |key: &str| {
        let details = part.get("Details");
        let value = part.get(key).or_else(|| details?.get(key))?;
        let text = match value.as_str() {
            Some(text) => text.to_owned(),
            None => value.to_string(),
        };
        Some(text).filter(|text| !text.is_empty() && text != "null")
    };
    for (title, key) in [
        ("Version", "Version"),
        ("Go version", "GoVersion"),
        ("Git commit", "GitCommit"),
        ("Built", "BuildTime"),
        ("Kernel", "KernelVersion"),
        ("Experimental", "Experimental"),
    ] {
        if let Some(text) = text(key) {
            line(f, 2, title, &text)?;
        }
    }
    if let Some(version) = text("ApiVersion").or_else(|| text("APIVersion")) {
        match text("MinAPIVersion") {
            Some(lowest) => line(
                f,
                2,
                "API version",
                &format!("{version} (minimum version {lowest})"),
            )?,
            None => line(f, 2, "API version", &version)?,
        }
    }
    if let (Some(os), Some(arch)) = (text("Os"), text("Arch")) {
        line(f, 2, "OS/Arch", &format!("{os}/{arch}"))?;
    }
    Ok(())
}

fn line(f: &mut fmt::Formatter<'_>, depth: usize, title: &str, text: &str) -> fmt::Result {
    writeln!(f, "{:depth$}{:<18}{text}", "", format!("{title}:"))
}

impl Connection {
    /// What `docker version` prints, of a client that speaks `api` and of the daemon.
    ///
    /// It works whatever versions the daemon speaks.
    ///
    /// # Errors
    ///
    /// If the daemon cannot be reached or does not answer as a daemon would.
    pub async fn version_report(&self, api: ApiVersion) -> Result<VersionReport, Error> {
        let origin = Origin {
            operation: &VERSION,
            version: api,
            subject: None,
        };
        // Without a version in its path, so that a daemon answers whatever version it speaks.
        let request = Request {
            method: Method::GET,
            path_and_query: VERSION.path.to_owned(),
            headers: HeaderMap::new(),
            body: Body::empty(),
        };
        let limits = self.limits();
        let answer = send(self, request, limits, &origin, None).await?;
        let answer = response::check(answer, limits, &origin).await?;
        let (text, _) = answer.json_text().await?;
        Ok(VersionReport {
            api,
            host: self.host().to_string(),
            daemon: decode::decode(&text, &origin)?,
        })
    }
}
