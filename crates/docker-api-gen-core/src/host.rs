//! The address of a daemon.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::error::{Error, ErrorKind};
use crate::text::shorten;

/// Where `docker` looks when nothing else is said.
pub(crate) const DEFAULT: &str = "unix:///var/run/docker.sock";

/// The port of `tcp://` where none is given.
const TCP_PORT: u16 = 2375;

/// The address of a Docker daemon.
///
/// | form | meaning |
/// | --- | --- |
/// | `unix:///var/run/docker.sock` | a unix socket, by its absolute path |
/// | `tcp://host:port`, `tcp://[::1]:2375/base` | plain HTTP over TCP; the port is 2375 where none is given; a base path goes in front of every request's |
/// | `http://host:port` | the same, with HTTP's port 80 |
/// | `host:port` | the same as `tcp://host:port` |
///
/// ```
/// use docker_api_gen_core::Host;
///
/// let host: Host = "tcp://10.0.0.5".parse()?;
/// assert_eq!(host.to_string(), "tcp://10.0.0.5:2375");
/// assert!("gopher://10.0.0.5".parse::<Host>().is_err());
/// # Ok::<(), docker_api_gen_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host(Address);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Address {
    Unix(PathBuf),
    /// `base` is what goes in front of every path: empty, or `/base` without a slash at its end.
    Tcp {
        scheme: &'static str,
        authority: String,
        base: String,
    },
}

impl Host {
    /// The path of the socket, for `unix://`.
    pub fn socket(&self) -> Option<&Path> {
        match &self.0 {
            Address::Unix(path) => Some(path),
            Address::Tcp { .. } => None,
        }
    }

    /// What goes in front of `/v1.41/…` in a request's URL.
    pub(crate) fn url_prefix(&self) -> String {
        match &self.0 {
            // HTTP wants a host name, and a socket has none.
            Address::Unix(_) => "http://localhost".to_owned(),
            Address::Tcp {
                authority, base, ..
            } => {
                // As a URL is written: without the port that goes without saying.
                format!(
                    "http://{}{base}",
                    authority.strip_suffix(":80").unwrap_or(authority)
                )
            }
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Address::Unix(path) => write!(f, "unix://{}", path.display()),
            Address::Tcp {
                scheme,
                authority,
                base,
            } => write!(f, "{scheme}://{authority}{base}"),
        }
    }
}

impl FromStr for Host {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let address = match text.split_once("://") {
            Some(("unix", path)) => unix(path),
            Some(("tcp", rest)) => tcp("tcp", rest, TCP_PORT),
            Some(("http", rest)) => tcp("http", rest, 80),
            Some((scheme, _)) => Err(format!(
                "{}:// is not supported: use unix:///path, tcp://host:port or http://host:port",
                shorten(scheme, 20)
            )),
            None if text.starts_with(['/', '.']) => Err(format!(
                "{:?} is a path: write unix://{} for a socket",
                shorten(text, 100),
                shorten(text, 100)
            )),
            None => tcp("tcp", text, TCP_PORT)
                .map_err(|why| format!("without a scheme it is tcp, and {why}")),
        };
        address.map(Host).map_err(|why| {
            Error::new(
                ErrorKind::Host,
                format!("cannot use the address of the Docker daemon: {why}"),
            )
        })
    }
}

fn unix(path: &str) -> Result<Address, String> {
    if path.starts_with('/') {
        Ok(Address::Unix(PathBuf::from(path)))
    } else {
        Err(
            "unix:// needs the absolute path of a socket, as in unix:///var/run/docker.sock"
                .to_owned(),
        )
    }
}

fn tcp(scheme: &'static str, rest: &str, default_port: u16) -> Result<Address, String> {
    // An address can hold a password, so no message shows one that was not understood as a whole.
    let url = reqwest::Url::parse(&format!("http://{rest}"))
        .map_err(|error| format!("what follows {scheme}:// is not host:port ({error})"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("{scheme}:// takes no user name or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("{scheme}:// takes no `?` or `#`"));
    }
    let Some(name) = url.host_str() else {
        return Err(format!(
            "{scheme}:// needs a host name, as in {scheme}://127.0.0.1:{default_port}"
        ));
    };
    // The parser leaves out port 80, which is its default whether it was written or not.
    let port = match url.port() {
        Some(0) => return Err("port 0 cannot be connected to".to_owned()),
        Some(port) => port,
        None if has_port(rest) => 80,
        None => default_port,
    };
    Ok(Address::Tcp {
        scheme,
        authority: format!("{name}:{port}"),
        base: url.path().trim_end_matches('/').to_owned(),
    })
}

fn has_port(rest: &str) -> bool {
    let authority = rest.split(['/', '\\']).next().unwrap_or_default();
    // In `[::1]` the colons are the address's own.
    let after_name = authority
        .rsplit_once(']')
        .map_or(authority, |(_, after)| after);
    after_name
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn read(text: &str) -> Host {
        text.parse().unwrap()
    }

    #[test]
    fn reads_every_supported_form() {
        for (text, shown, prefix) in [
            (
                "unix:///run/d.sock",
                "unix:///run/d.sock",
                "http://localhost",
            ),
            (
                "tcp://10.0.0.5",
                "tcp://10.0.0.5:2375",
                "http://10.0.0.5:2375",
            ),
            ("tcp://10.0.0.5:80", "tcp://10.0.0.5:80", "http://10.0.0.5"),
            (
                "10.0.0.5:2376",
                "tcp://10.0.0.5:2376",
                "http://10.0.0.5:2376",
            ),
            ("box", "tcp://box:2375", "http://box:2375"),
            ("tcp://[::1]", "tcp://[::1]:2375", "http://[::1]:2375"),
            (
                "tcp://[::1]:80/a/b/",
                "tcp://[::1]:80/a/b",
                "http://[::1]/a/b",
            ),
            ("http://box", "http://box:80", "http://box"),
            (
                "http://box:8080/docker",
                "http://box:8080/docker",
                "http://box:8080/docker",
            ),
        ] {
            let host = read(text);
            assert_eq!(host.to_string(), shown, "{text}");
            assert_eq!(host.url_prefix(), prefix, "{text}");
            assert_eq!(read(&host.to_string()), host, "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong_with_the_rest() {
        for (text, says) in [
            (
                "ssh://me@box",
                "ssh:// is not supported: use unix:///path, tcp://host:port or http://host:port",
            ),
            ("fd://", "fd:// is not supported"),
            ("https://box", "https:// is not supported"),
            ("unix://run/d.sock", "absolute path"),
            ("unix://", "absolute path"),
            ("/run/d.sock", "write unix:///run/d.sock"),
            ("tcp://", "is not host:port"),
            ("", "is not host:port"),
            (
                "no such address",
                "without a scheme it is tcp, and what follows tcp:// is not host:port",
            ),
            ("tcp://box:99999", "is not host:port"),
            ("tcp://box:0", "port 0"),
            ("tcp://me:secret@box", "no user name or password"),
            ("tcp://box?x=1", "takes no `?`"),
            ("tcp://bo x", "is not host:port"),
        ] {
            let error = text.parse::<Host>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Host, "{text}");
            assert!(error.to_string().contains(says), "{text}: {error}");
            assert!(
                !format!("{error} {error:?}").contains("secret"),
                "{error:?}"
            );
        }
    }
}
