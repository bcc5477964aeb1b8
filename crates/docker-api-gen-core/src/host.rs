//! The address of a daemon.

use std::fmt;
use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use http::uri::PathAndQuery;
use percent_encoding::percent_decode_str;

use crate::error::{Error, ErrorKind};
use crate::text::shorten;

/// Where `docker` looks when nothing else is said.
pub(crate) const DEFAULT: &str = if cfg!(windows) {
    "npipe:////./pipe/docker_engine"
} else {
    "unix:///var/run/docker.sock"
};

/// The same with TLS asked for.
pub(crate) const DEFAULT_TLS: &str = "tcp://localhost:2376";

const DEFAULT_SOCKET: &str = "/var/run/docker.sock";
const DEFAULT_PIPE: &str = "//./pipe/docker_engine";

/// The port of `tcp://` where none is given.
const TCP_PORT: u16 = 2375;

const KNOWN: &str =
    "use unix:///path, tcp://host:port, http://, https://, ssh://user@host or npipe://";

/// The address of a Docker daemon.
///
/// | form | meaning |
/// | --- | --- |
/// | `unix:///var/run/docker.sock` | a unix socket, by its absolute path; `unix://` alone is this one |
/// | `npipe:////./pipe/docker_engine` | a named pipe of Windows; `npipe://` alone is this one; a pipe that is busy is tried again until the limit on connecting |
/// | `tcp://host:port`, `tcp://[::1]:2375/base` | HTTP over TCP, with TLS where a context or the environment brings certificates or asks for it; the host is `localhost` and the port 2375 where none is given; a base path goes in front of every request's |
/// | `http://host:port` | the same, with HTTP's port 80 |
/// | `https://host:port` | HTTP over TLS, with HTTPS's port 443; it needs the feature `tls` |
/// | `ssh://user@host:port/path` | through the program `ssh` and the `docker` of that machine, to its daemon or to its socket at `path`; user, port and path may be left out; it needs the feature `ssh`, and is for Unix |
/// | `host:port` | the same as `tcp://host:port` |
///
/// These are the forms that `docker` reads, and `http://` and `https://`. What `docker` would cut off is refused here: a
/// user name in front of a TCP host, a query, a relative path.
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
pub(crate) enum Address {
    Unix(PathBuf),
    /// With slashes, as it is written in an address.
    Pipe(String),
    /// `base` is what goes in front of every path: empty, or `/base` without a slash at its end.
    Tcp {
        scheme: &'static str,
        authority: String,
        base: String,
    },
    Ssh(Ssh),
}

/// Where `ssh` goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ssh {
    pub(crate) user: Option<String>,
    /// As `ssh` takes it: without the brackets of an IPv6 address.
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
    /// The socket on that machine, if it is not the usual one.
    pub(crate) socket: Option<String>,
}

impl Host {
    pub(crate) fn unix(path: PathBuf) -> Self {
        Self(Address::Unix(path))
    }

    pub(crate) fn address(&self) -> &Address {
        &self.0
    }

    /// The path of the socket, for `unix://`.
    pub fn socket(&self) -> Option<&Path> {
        match &self.0 {
            Address::Unix(path) => Some(path),
            _ => None,
        }
    }

    /// Whether TLS can be spoken to it: not to a socket, a pipe or through ssh.
    pub(crate) fn is_network(&self) -> bool {
        matches!(self.0, Address::Tcp { .. })
    }

    /// Whether the address itself asks for TLS.
    pub(crate) fn is_https(&self) -> bool {
        matches!(
            self.0,
            Address::Tcp {
                scheme: "https",
                ..
            }
        )
    }

    /// What goes in front of `/v1.41/…` in a request's URL.
    pub(crate) fn url_prefix(&self, tls: bool) -> String {
        match &self.0 {
            Address::Tcp {
                authority, base, ..
            } => {
                let (scheme, port) = if tls {
                    ("https", ":443")
                } else {
                    ("http", ":80")
                };
                // As a URL is written: without the port that goes without saying.
                let authority = authority.strip_suffix(port).unwrap_or(authority);
                format!("{scheme}://{authority}{base}")
            }
            // HTTP wants a host name, and these have none.
            _ => "http://localhost".to_owned(),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Address::Unix(path) => write!(f, "unix://{}", path.display()),
            Address::Pipe(path) => write!(f, "npipe://{path}"),
            Address::Tcp {
                scheme,
                authority,
                base,
            } => write!(f, "{scheme}://{authority}{base}"),
            Address::Ssh(ssh) => {
                f.write_str("ssh://")?;
                if let Some(user) = &ssh.user {
                    write!(f, "{}@", crate::query::encode(user))?;
                }
                if ssh.host.contains(':') {
                    write!(f, "[{}]", ssh.host)?;
                } else {
                    f.write_str(&ssh.host)?;
                }
                if let Some(port) = ssh.port {
                    write!(f, ":{port}")?;
                }
                f.write_str(ssh.socket.as_deref().unwrap_or_default())
            }
        }
    }
}

impl FromStr for Host {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let address = match text.split_once("://") {
            Some(("unix", path)) => unix(path),
            Some(("npipe", path)) => pipe(path),
            Some(("tcp", rest)) => tcp("tcp", rest, TCP_PORT),
            Some(("http", rest)) => tcp("http", rest, 80),
            Some(("https", rest)) => tcp("https", rest, 443),
            Some(("ssh", rest)) => ssh(rest),
            Some(("fd", _)) => Err(
                "fd:// is where a daemon listens, not where it can be reached: \
                 use unix:///var/run/docker.sock or what it listens on"
                    .to_owned(),
            ),
            Some((scheme, _)) => Err(format!(
                "{}:// is not supported: {KNOWN}",
                shorten(scheme, 20)
            )),
            None if text.starts_with(['/', '.']) => Err(format!(
                "{:?} is a path: write unix://{} for a socket",
                shorten(text, 100),
                shorten(text, 100)
            )),
            None if text.is_empty() => Err(format!("it is empty: {KNOWN}")),
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
    match path {
        "" => Ok(Address::Unix(PathBuf::from(DEFAULT_SOCKET))),
        path if path.starts_with('/') => Ok(Address::Unix(PathBuf::from(path))),
        _ => Err(
            "unix:// needs the absolute path of a socket, as in unix:///var/run/docker.sock"
                .to_owned(),
        ),
    }
}

fn pipe(path: &str) -> Result<Address, String> {
    let path = path.replace('\\', "/");
    match path.as_str() {
        "" => Ok(Address::Pipe(DEFAULT_PIPE.to_owned())),
        path if path.starts_with("//") => Ok(Address::Pipe(path.to_owned())),
        _ => Err(
            "npipe:// needs the path of a pipe, as in npipe:////./pipe/docker_engine".to_owned(),
        ),
    }
}

fn tcp(scheme: &'static str, rest: &str, default_port: u16) -> Result<Address, String> {
    // An address can hold a password, so no message shows one that was not understood as a whole.
    let parts = Parts::of(rest)
        .map_err(|why| format!("what follows {scheme}:// is not host:port ({why})"))?;
    if parts.user.is_some() {
        return Err(format!("{scheme}:// takes no user name or password"));
    }
    if parts.has_more {
        return Err(format!("{scheme}:// takes no `?` or `#`"));
    }
    let name = if parts.host.is_empty() {
        "localhost".to_owned()
    } else if parts.is_ipv6 {
        format!("[{}]", parts.host)
    } else {
        parts.host.to_owned()
    };
    if let Some(odd) = parts.host.chars().find(|c| !is_of_host(*c)) {
        return Err(format!(
            "what follows {scheme}:// is not host:port ({odd:?} cannot be in a host name)"
        ));
    }
    let base = parts.path.trim_end_matches('/');
    if !base.is_empty() && !is_path(base) {
        return Err(format!(
            "what follows {scheme}:// is not host:port/path (a character of the path has to be written with `%`)"
        ));
    }
    let port = match parts.port {
        Some(0) => return Err("port 0 cannot be connected to".to_owned()),
        Some(port) => port,
        None => default_port,
    };
    Ok(Address::Tcp {
        scheme,
        authority: format!("{name}:{port}"),
        base: base.to_owned(),
    })
}

/// Whether it can stand in front of every request's path as it is.
fn is_path(text: &str) -> bool {
    text.is_ascii() && text.starts_with('/') && PathAndQuery::try_from(text).is_ok()
}

/// What a host name on the network or an IP address has.
fn is_of_host(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':')
}

/// What follows the scheme of an address.
struct Parts<'a> {
    /// With its password, if it has one.
    user: Option<&'a str>,
    /// Without the brackets of an IPv6 address.
    host: &'a str,
    is_ipv6: bool,
    port: Option<u16>,
    path: &'a str,
    /// A query or a fragment follows.
    has_more: bool,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Result<Self, &'static str> {
        let cut = |text: &'a str, at: &[char]| text.split_at(text.find(at).unwrap_or(text.len()));
        let (authority, rest) = cut(text, &['/', '\\', '?', '#']);
        let (path, more) = cut(rest, &['?', '#']);
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority),
        };
        let is_bare = place.parse::<Ipv6Addr>().is_ok();
        let (host, port) = match place.strip_prefix('[') {
            _ if is_bare => (place, ""),
            Some(inside) => inside.split_once(']').ok_or("a bracket is missing")?,
            None => place.split_at(place.find(':').unwrap_or(place.len())),
        };
        let is_ipv6 = is_bare || place.starts_with('[');
        if is_ipv6 && host.parse::<Ipv6Addr>().is_err() {
            return Err("between brackets belongs an IPv6 address");
        }
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => None,
            Some("") => None,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().map_err(|_| "a port is at most 65535")?)
            }
            _ => return Err("a port is a number"),
        };
        Ok(Self {
            user,
            host,
            is_ipv6,
            port,
            path,
            has_more: !more.is_empty(),
        })
    }
}

fn ssh(rest: &str) -> Result<Address, String> {
    let parts = Parts::of(rest)
        .map_err(|why| format!("what follows ssh:// is not user@host:port/path ({why})"))?;
    let user = parts.user.unwrap_or_default();
    if user.contains(':') {
        return Err(
            "ssh:// takes no password: let ssh use a key or its agent, as `ssh` itself would"
                .to_owned(),
        );
    }
    if parts.has_more {
        return Err("ssh:// takes no `?` or `#`".to_owned());
    }
    let text = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
    let host = text(parts.host);
    if host.is_empty() {
        return Err("ssh:// needs a host name, as in ssh://user@host".to_owned());
    }
    let user = Some(text(user)).filter(|user| !user.is_empty());
    let all = || [Some(host.as_str()), user.as_deref()].into_iter().flatten();
    // ssh would take them for options.
    if all().any(|name| name.starts_with('-')) {
        return Err("in ssh:// neither the user nor the host may begin with `-`".to_owned());
    }
    // ssh would let a shell read them, if that is how it is configured to reach the host.
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || "'`\"$;&<>|(){}".contains(c);
    if all().any(|name| name.contains(is_odd)) || host.contains('\\') {
        return Err(
            "in ssh:// neither the user nor the host may have blanks or what a shell would act upon".to_owned(),
        );
    }
    // ssh would take what is in front of it for the user.
    if host.contains('@') {
        return Err("in ssh:// the host may not have an `@`".to_owned());
    }
    let socket = text(parts.path);
    if socket.contains(char::is_control) {
        return Err("in ssh:// the path may not have control characters".to_owned());
    }
    Ok(Address::Ssh(Ssh {
        user,
        host,
        port: parts.port,
        socket: Some(socket).filter(|path| !path.trim_matches('/').is_empty()),
    }))
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
            ("unix://", "unix:///var/run/docker.sock", "http://localhost"),
            (
                "npipe:////./pipe/docker_engine",
                "npipe:////./pipe/docker_engine",
                "http://localhost",
            ),
            (
                "npipe://",
                "npipe:////./pipe/docker_engine",
                "http://localhost",
            ),
            (
                r"npipe://\\.\pipe\other",
                "npipe:////./pipe/other",
                "http://localhost",
            ),
            (
                "tcp://10.0.0.5",
                "tcp://10.0.0.5:2375",
                "http://10.0.0.5:2375",
            ),
            (
                " tcp://10.0.0.5 ",
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
            ("tcp://", "tcp://localhost:2375", "http://localhost:2375"),
            (
                "tcp://:2376",
                "tcp://localhost:2376",
                "http://localhost:2376",
            ),
            (":2376", "tcp://localhost:2376", "http://localhost:2376"),
            ("tcp://box:", "tcp://box:2375", "http://box:2375"),
            ("tcp://[::1]", "tcp://[::1]:2375", "http://[::1]:2375"),
            ("tcp://::1", "tcp://[::1]:2375", "http://[::1]:2375"),
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
            ("https://box", "https://box:443", "http://box:443"),
            ("ssh://box", "ssh://box", "http://localhost"),
            (
                "ssh://me@box:2222/run/d.sock",
                "ssh://me@box:2222/run/d.sock",
                "http://localhost",
            ),
            (
                "ssh://me%40work@[::1]:22/",
                "ssh://me%40work@[::1]:22",
                "http://localhost",
            ),
        ] {
            let host = read(text);
            assert_eq!(host.to_string(), shown, "{text}");
            assert_eq!(host.url_prefix(false), prefix, "{text}");
            assert_eq!(read(&host.to_string()), host, "{text}");
        }
        assert_eq!(read("https://box").url_prefix(true), "https://box");
        assert_eq!(
            read("tcp://box:80").url_prefix(true),
            "https://box:80",
            "only its own port goes without saying"
        );
    }

    #[test]
    fn tells_ssh_what_to_do() {
        let host = read("ssh://me%40work@[fe80::1]:22/run/user/1/d.sock");
        assert_eq!(
            *host.address(),
            Address::Ssh(Ssh {
                user: Some("me@work".to_owned()),
                host: "fe80::1".to_owned(),
                port: Some(22),
                socket: Some("/run/user/1/d.sock".to_owned()),
            })
        );
        assert_eq!(
            *read("ssh://box/").address(),
            Address::Ssh(Ssh {
                user: None,
                host: "box".to_owned(),
                port: None,
                socket: None,
            })
        );
    }

    #[test]
    fn says_what_is_wrong_with_the_rest() {
        for (text, says) in [
            (
                "gopher://box",
                "gopher:// is not supported: use unix:///path, tcp://host:port, http://, https://, ssh://user@host or npipe://",
            ),
            ("TCP://box", "TCP:// is not supported"),
            ("fd://", "fd:// is where a daemon listens"),
            ("unix://run/d.sock", "absolute path"),
            ("npipe://docker_engine", "npipe:////./pipe/docker_engine"),
            ("/run/d.sock", "write unix:///run/d.sock"),
            (
                "no such address",
                "without a scheme it is tcp, and what follows tcp:// is not host:port",
            ),
            ("", "it is empty: use unix:///path"),
            ("tcp://box:99999", "is not host:port"),
            ("tcp://box:0", "port 0"),
            ("tcp://me:secret@box", "no user name or password"),
            ("tcp://box?x=1", "takes no `?`"),
            ("tcp://bo x", "is not host:port"),
            ("tcp://bücher", "'ü' cannot be in a host name"),
            ("tcp://box:1x", "a port is a number"),
            ("tcp://[::1", "a bracket is missing"),
            ("tcp://[box]", "an IPv6 address"),
            ("tcp://box/a b", "has to be written with `%`"),
            ("tcp://box\\a", "has to be written with `%`"),
            ("ssh://box%40other", "the host may not have an `@`"),
            ("ssh://", "needs a host name"),
            ("ssh://me:secret@box", "takes no password"),
            ("ssh://box?x=1", "takes no `?`"),
            ("ssh://box#x", "takes no `?`"),
            ("ssh://-oProxyCommand=x", "may begin with `-`"),
            ("ssh://-x@box", "may begin with `-`"),
            ("ssh://%2dx@box", "may begin with `-`"),
            ("ssh://me@%2dbox", "may begin with `-`"),
            ("ssh://a%20b@box", "a shell would act upon"),
            ("ssh://$(id)@box", "a shell would act upon"),
            ("ssh://b%6fx%3Bid", "a shell would act upon"),
            ("ssh://box/a%0Ab", "control characters"),
            ("ssh://box:99999", "is not user@host:port/path"),
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
