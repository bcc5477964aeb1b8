//! Where the daemon is: the search that `docker` does, and the story of it.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::header::{HeaderName, HeaderValue, USER_AGENT};

use crate::config::{self, Context, JsonFile};
use crate::credentials::{Registries, RegistryAuth};
use crate::error::{Error, ErrorKind};
use crate::host::{self, Host};
use crate::text::shorten;
use crate::tls::Tls;
use crate::version::ApiVersion;

/// Who says something in their code rather than in the environment.
const CALLER: &str = "the caller";

/// What the search may look at beside files; tests bring their own.
pub(crate) struct Environment<'e> {
    pub(crate) variable: &'e dyn Fn(&str) -> Option<OsString>,
    pub(crate) home: Option<PathBuf>,
    /// In front of the paths of the machine itself, such as `/var/run/docker.sock`.
    pub(crate) root: &'e str,
}

impl Environment<'_> {
    /// The environment of this process.
    pub(crate) fn real() -> Self {
        Environment {
            variable: &|name| env::var_os(name),
            home: env::home_dir().filter(|home| !home.as_os_str().is_empty()),
            root: "",
        }
    }

    /// Nothing at all.
    pub(crate) fn none() -> Self {
        Environment {
            variable: &|_| None,
            home: None,
            root: "",
        }
    }

    /// A variable; an empty one is as good as none.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        (self.variable)(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, Error> {
        match (self.variable)(name) {
            None => Ok(None),
            Some(value) => match value.into_string() {
                Ok(value) => Ok(Some(value).filter(|value| !value.trim().is_empty())),
                Err(_) => Err(config::failure(format!("{name} is not text in UTF-8"))),
            },
        }
    }

    fn is_set(&self, name: &str) -> bool {
        (self.variable)(name).is_some_and(|value| !value.is_empty())
    }

    /// The folder of `docker`'s own files.
    pub(crate) fn config(&self) -> Option<PathBuf> {
        self.path("DOCKER_CONFIG")
            .or_else(|| Some(self.home.as_ref()?.join(".docker")))
    }
}

/// What the caller wants whatever the environment says.
#[derive(Clone, Default)]
pub(crate) struct Wishes {
    pub(crate) host: Option<String>,
    pub(crate) context: Option<String>,
    pub(crate) config: Option<PathBuf>,
    pub(crate) tls: Option<Tls>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) registry_auths: Arc<Vec<(String, RegistryAuth)>>,
    pub(crate) ignore_stored_credentials: bool,
}

/// Headers, each name once.
pub(crate) type Headers = Vec<(HeaderName, HeaderValue)>;

/// The daemon that was found.
pub(crate) struct Resolved {
    pub(crate) host: Host,
    /// None where TLS is not spoken.
    pub(crate) tls: Option<Tls>,
    /// For every request.
    pub(crate) headers: Headers,
    pub(crate) registries: Registries,
    /// What `DOCKER_API_VERSION` asks for.
    pub(crate) version: Option<ApiVersion>,
}

/// Somebody who wants to know how the search goes.
///
/// The sentences are made only for those who do.
pub(crate) trait Listener {
    fn hear(&mut self, sentence: impl FnOnce() -> String);
}

/// Does not want to know.
pub(crate) struct Nobody;

impl Listener for Nobody {
    fn hear(&mut self, _: impl FnOnce() -> String) {}
}

impl Listener for Vec<String> {
    fn hear(&mut self, sentence: impl FnOnce() -> String) {
        self.push(sentence());
    }
}

/// Finds the daemon as `docker` does: what the caller wants, `DOCKER_HOST`, `DOCKER_CONTEXT`, the current context of
/// `config.json`, the usual place.
pub(crate) fn resolve(
    wishes: &Wishes,
    environment: &Environment<'_>,
    listener: &mut impl Listener,
) -> Result<Resolved, Error> {
    let folder = wishes.config.clone().or_else(|| environment.config());
    let mut config = match &folder {
        Some(folder) => JsonFile::open(folder.join("config.json")),
        None => Ok(None),
    };
    listener.hear(|| match (&folder, &config) {
        (None, _) => "there is no home folder, and so no configuration of docker".to_owned(),
        (Some(folder), Ok(None)) => {
            format!("{} is not there", folder.join("config.json").display())
        }
        (_, Ok(Some(file))) => format!("{} is read", file.path.display()),
        (_, Err(error)) => format!("{error}"),
    });
    let (host, tls) = endpoint(
        wishes,
        environment,
        folder.as_deref(),
        &mut config,
        listener,
    )?;

    let tls = if host.is_network() {
        wishes
            .tls
            .clone()
            .or(tls)
            .or_else(|| host.is_https().then(Tls::default))
    } else {
        None
    };
    listener.hear(|| match &tls {
        Some(tls) => format!("TLS is wanted: {}", tls.describe()),
        None if host.is_network() => "TLS is not spoken".to_owned(),
        None => "TLS does not apply to this address".to_owned(),
    });

    let mut headers = headers(environment, config.ok().flatten().as_ref(), listener)?;
    for (name, value) in &wishes.headers {
        add_header(&mut headers, name, value, CALLER)?;
    }
    let registries = registries(wishes, environment, folder)?;
    listener.hear(|| registries.describe());
    let version = version(environment, listener)?;
    Ok(Resolved {
        host,
        tls,
        headers,
        registries,
        version,
    })
}

/// The address, and TLS as it belongs to it.
fn endpoint(
    wishes: &Wishes,
    environment: &Environment<'_>,
    folder: Option<&Path>,
    config: &mut Result<Option<JsonFile>, Error>,
    listener: &mut impl Listener,
) -> Result<(Host, Option<Tls>), Error> {
    if let Some(text) = &wishes.host {
        let host: Host = text.parse()?;
        listener.hear(|| format!("the caller names the daemon: {host}"));
        let tls = tls(environment, &host, folder, listener)?;
        return Ok((host, tls));
    }
    if wishes.context.is_none()
        && let Some(text) = environment.text("DOCKER_HOST")?
    {
        let host: Host = text
            .parse()
            .map_err(|error: Error| Error::new(ErrorKind::Host, format!("DOCKER_HOST: {error}")))?;
        listener.hear(|| format!("DOCKER_HOST names the daemon: {host}"));
        let tls = tls(environment, &host, folder, listener)?;
        return Ok((host, tls));
    }

    let (name, whence) = if let Some(name) = &wishes.context {
        (Some(name.clone()), CALLER)
    } else {
        listener.hear(|| "DOCKER_HOST is not set".to_owned());
        match environment.text("DOCKER_CONTEXT")? {
            Some(name) => (Some(name), "DOCKER_CONTEXT"),
            None => {
                listener.hear(|| "DOCKER_CONTEXT is not set".to_owned());
                // Without the file there is no telling where `docker` would go.
                let file = std::mem::replace(config, Ok(None))?;
                let current = file.as_ref().and_then(|file| file.text("currentContext"));
                *config = Ok(file);
                (current, "currentContext of config.json")
            }
        }
    };
    match (name, folder) {
        (None, _) => listener.hear(|| "no current context is set in config.json".to_owned()),
        (Some(name), _) if name == "default" => {
            listener.hear(|| format!("{whence} names the context default"));
        }
        (Some(name), None) => {
            return Err(config::failure(format!(
                "{whence} names the docker context {}, and there is no folder to find it in: set HOME or DOCKER_CONFIG",
                shorten(&name, 100)
            )));
        }
        (Some(name), Some(folder)) => {
            let context = Context::open(folder, &name, whence)?;
            listener.hear(|| {
                format!(
                    "{whence} names the context {name}, which is in {}",
                    context.path.display()
                )
            });
            let text = context.host.as_deref().unwrap_or(host::DEFAULT);
            let host: Host = text.parse().map_err(|error: Error| {
                Error::new(
                    ErrorKind::Host,
                    format!("docker context {}: {error}", shorten(&name, 100)),
                )
            })?;
            listener.hear(|| format!("the context names the daemon: {host}"));
            return Ok((host, context.tls));
        }
    }
    default_endpoint(environment, folder, listener)
}

/// Where `docker` goes when nothing is said.
fn default_endpoint(
    environment: &Environment<'_>,
    folder: Option<&Path>,
    listener: &mut impl Listener,
) -> Result<(Host, Option<Tls>), Error> {
    if environment.is_set("DOCKER_TLS_VERIFY") || environment.is_set("DOCKER_TLS") {
        let host: Host = host::DEFAULT_TLS.parse()?;
        listener.hear(|| format!("with TLS asked for, the usual place is {host}"));
        let tls = tls(environment, &host, folder, listener)?;
        return Ok((host, tls));
    }
    let host: Host = host::DEFAULT.parse()?;
    let Some(usual) = host.socket() else {
        listener.hear(|| format!("the usual place is taken: {host}"));
        return Ok((host, None));
    };
    let usual = environment.on_machine(usual);
    if is_there(&usual) {
        listener.hear(|| format!("the usual socket is there: unix://{}", usual.display()));
        return Ok((Host::unix(usual), None));
    }
    listener.hear(|| format!("the usual socket is not there: {}", usual.display()));
    for (whose, place, path) in &SOCKETS {
        let Some(path) = environment.socket(*place, path) else {
            continue;
        };
        if is_there(&path) {
            listener.hear(|| format!("the socket of {whose} is there: unix://{}", path.display()));
            return Ok((Host::unix(path), None));
        }
        listener.hear(|| format!("the socket of {whose} is not there: {}", path.display()));
    }
    listener.hear(|| "no socket is there, so the usual one will have to do".to_owned());
    Ok((Host::unix(usual), None))
}

impl Environment<'_> {
    fn on_machine(&self, path: &Path) -> PathBuf {
        if self.root.is_empty() {
            path.to_owned()
        } else {
            Path::new(self.root).join(path.strip_prefix("/").unwrap_or(path))
        }
    }

    /// The path of one of [`SOCKETS`], if there is such a place here.
    fn socket(&self, place: Place, path: &str) -> Option<PathBuf> {
        let folder = match place {
            Place::Runtime => self.path("XDG_RUNTIME_DIR")?,
            Place::Home => self.home.clone()?,
            Place::Colima => match self.path("COLIMA_HOME") {
                Some(folder) => folder,
                None => self.home.as_ref()?.join(".colima"),
            },
            Place::Machine => return Some(self.on_machine(Path::new(path))),
        };
        Some(folder.join(path))
    }
}

/// What the path of a socket starts from.
#[derive(Clone, Copy)]
enum Place {
    /// `XDG_RUNTIME_DIR`
    Runtime,
    /// The user's home folder.
    Home,
    /// `COLIMA_HOME`, or else `.colima` in the home folder.
    Colima,
    Machine,
}

/// Other sockets than the usual one, in the order in which they are tried.
static SOCKETS: [(&str, Place, &str); 7] = [
    ("rootless Docker", Place::Runtime, "docker.sock"),
    ("Docker Desktop", Place::Home, ".docker/run/docker.sock"),
    ("Docker Desktop", Place::Home, ".docker/desktop/docker.sock"),
    ("Colima", Place::Colima, "default/docker.sock"),
    ("Colima", Place::Home, ".config/colima/default/docker.sock"),
    ("podman", Place::Runtime, "podman/podman.sock"),
    ("podman", Place::Machine, "/run/podman/podman.sock"),
];

/// What cannot be looked at is there, and the attempt to connect will tell why it cannot.
fn is_there(path: &Path) -> bool {
    match fs::metadata(path) {
        Ok(_) => true,
        Err(error) => !config::is_missing(&error),
    }
}

/// What `DOCKER_TLS_VERIFY`, `DOCKER_TLS` and `DOCKER_CERT_PATH` mean to an address that no context gave.
///
/// As for `docker`, any text in the first two means yes, `0` included, and no text means no.
fn tls(
    environment: &Environment<'_>,
    host: &Host,
    folder: Option<&Path>,
    listener: &mut impl Listener,
) -> Result<Option<Tls>, Error> {
    let verify = environment.is_set("DOCKER_TLS_VERIFY");
    let name = match verify {
        true => "DOCKER_TLS_VERIFY",
        false if environment.is_set("DOCKER_TLS") => "DOCKER_TLS",
        false => return Ok(None),
    };
    if !host.is_network() {
        listener.hear(|| format!("{name} is set, which does not matter to this address"));
        return Ok(None);
    }
    let certificates = environment
        .path("DOCKER_CERT_PATH")
        .or_else(|| folder.map(Path::to_owned));
    let Some(certificates) = certificates else {
        return Err(config::failure(format!(
            "{name} is set, and there is no folder to find certificates in: set DOCKER_CERT_PATH"
        )));
    };
    listener.hear(|| {
        format!(
            "{name} is set, and the certificates are in {}",
            certificates.display()
        )
    });
    let tls = Tls::read(&certificates, verify)?;
    if !tls.has_ca() {
        return Err(config::failure(format!(
            "{name} is set, and there is no {}: set DOCKER_CERT_PATH to the folder with ca.pem, cert.pem and key.pem",
            certificates.join("ca.pem").display()
        )));
    }
    Ok(Some(tls))
}

/// The headers that `docker` would send along: those of `DOCKER_CUSTOM_HEADERS`, or else those of `config.json`.
fn headers(
    environment: &Environment<'_>,
    config: Option<&JsonFile>,
    listener: &mut impl Listener,
) -> Result<Headers, Error> {
    const VARIABLE: &str = "DOCKER_CUSTOM_HEADERS";
    const MEMBER: &str = "HttpHeaders";
    let mut headers = Headers::new();
    let whence = if let Some(text) = environment.text(VARIABLE)? {
        // What is not understood may well be a secret.
        let odd = |what| {
            config::failure(format!(
                "{VARIABLE} should be name=value, with commas between several, and has {what}"
            ))
        };
        let pairs = fields(&text)
            .ok_or_else(|| odd("a quote in the middle of a part: put the whole of it in quotes, and double those inside"))?;
        for pair in pairs {
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| odd("a part without a `=`"))?;
            add_header(&mut headers, name.trim(), value, VARIABLE)?;
        }
        VARIABLE
    } else if let Some(config) = config {
        config.texts(MEMBER, &mut |name, value| {
            add_header(&mut headers, name, value, MEMBER)
        })?;
        MEMBER
    } else {
        return Ok(headers);
    };
    listener.hear(|| {
        let names: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
        match names.is_empty() {
            true => "no headers are added to requests".to_owned(),
            false => format!(
                "{whence} adds headers to every request: {}",
                names.join(", ")
            ),
        }
    });
    Ok(headers)
}

fn add_header(headers: &mut Headers, name: &str, value: &str, whence: &str) -> Result<(), Error> {
    let (name, mut value) = crate::headers::pair(name, value)
        .map_err(|why| config::failure(format!("{whence}: {why}")))?;
    // Who is calling is for the caller alone to say.
    if name == USER_AGENT && whence != CALLER {
        return Ok(());
    }
    value.set_sensitive(true);
    match headers.iter_mut().find(|(known, _)| *known == name) {
        Some(pair) => pair.1 = value,
        None => headers.push((name, value)),
    }
    Ok(())
}

/// The fields of a line of comma-separated values; a field in quotes can hold commas, and quotes if doubled. None if
/// quotes are anywhere else than around a field.
fn fields(line: &str) -> Option<Vec<String>> {
    #[derive(PartialEq)]
    enum At {
        Start,
        Plain,
        Quoted,
        /// Behind a quote in quotes, which ends the field or is the first of two.
        Quote,
    }

    let mut fields = Vec::new();
    let mut field = String::new();
    let mut at = At::Start;
    for c in line.chars() {
        at = match (at, c) {
            (At::Start, '"') => At::Quoted,
            (At::Quoted, '"') => At::Quote,
            (At::Start | At::Plain | At::Quote, ',') => {
                fields.push(std::mem::take(&mut field));
                At::Start
            }
            (At::Plain, '"') => return None,
            (At::Start | At::Plain, c) => {
                field.push(c);
                At::Plain
            }
            (At::Quote, '"') | (At::Quoted, _) => {
                field.push(c);
                At::Quoted
            }
            (At::Quote, _) => return None,
        };
    }
    fields.push(field);
    (at != At::Quoted).then_some(fields)
}

/// Where credentials for registries are. They are read when they are needed.
fn registries(
    wishes: &Wishes,
    environment: &Environment<'_>,
    folder: Option<PathBuf>,
) -> Result<Registries, Error> {
    let given = wishes.registry_auths.clone();
    if wishes.ignore_stored_credentials {
        return Ok(Registries {
            given,
            ..Registries::default()
        });
    }
    Ok(Registries {
        given,
        variable: environment.text("DOCKER_AUTH_CONFIG")?,
        file: folder.map(|folder| folder.join("config.json")),
    })
}

fn version(
    environment: &Environment<'_>,
    listener: &mut impl Listener,
) -> Result<Option<ApiVersion>, Error> {
    const VARIABLE: &str = "DOCKER_API_VERSION";
    let Some(text) = environment.text(VARIABLE)? else {
        return Ok(None);
    };
    let version = text
        .parse()
        .map_err(|error: Error| config::failure(format!("{VARIABLE}: {error}")))?;
    listener.hear(|| format!("{VARIABLE} asks for API {version}"));
    Ok(Some(version))
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
