//! Tables of environments and the daemons they lead to.

use std::collections::BTreeMap;
use std::fs;

use tempfile::TempDir;

use super::*;

/// A machine with its home folder, files and variables.
struct Machine {
    root: TempDir,
    variables: BTreeMap<String, OsString>,
}

impl Machine {
    fn new() -> Self {
        Self {
            root: tempfile::tempdir().unwrap(),
            variables: BTreeMap::new(),
        }
    }

    /// Writes a file below the machine's root, where home is `/home/me`.
    fn file(self, path: &str, text: &str) -> Self {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// A context in a folder whose name means nothing.
    fn context(self, folder: &str, meta: &str) -> Self {
        self.file(
            &format!("home/me/.docker/contexts/meta/{folder}/meta.json"),
            meta,
        )
    }

    /// Sets a variable; `{root}` stands for the machine's root.
    fn set(mut self, name: &str, value: &str) -> Self {
        let value = value.replace("{root}", self.root.path().to_str().unwrap());
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn resolve_with(&self, wishes: &Wishes) -> (Result<Resolved, Error>, Vec<String>) {
        let mut steps = Vec::new();
        let environment = Environment {
            variable: &|name| self.variables.get(name).cloned(),
            home: Some(self.path("home/me")),
            root: self.root.path().to_str().unwrap(),
        };
        let resolved = resolve(wishes, &environment, &mut steps);
        (resolved, steps)
    }

    #[track_caller]
    fn resolve(&self) -> Resolved {
        self.resolve_with(&Wishes::default()).0.unwrap()
    }

    /// The address without the machine's root.
    #[track_caller]
    fn host(&self) -> String {
        self.relative(&self.resolve().host.to_string())
    }

    #[track_caller]
    fn error(&self) -> Error {
        match self.resolve_with(&Wishes::default()).0 {
            Ok(resolved) => panic!("found {}", resolved.host),
            Err(error) => error,
        }
    }

    fn relative(&self, text: &str) -> String {
        text.replace(self.root.path().to_str().unwrap(), "")
    }
}

const BUILD: &str = r#"{"Name":"build","Metadata":{},"Endpoints":{"docker":{"Host":"tcp://build:2376","SkipTLSVerify":false}}}"#;
const OTHER: &str = r#"{"Name":"other","Metadata":{},"Endpoints":{"docker":{"Host":"ssh://me@other","SkipTLSVerify":true}}}"#;

fn contexts() -> Machine {
    Machine::new()
        .context("0123", BUILD)
        .context("4567", OTHER)
        .file(
            "home/me/.docker/config.json",
            r#"{"auths":{},"currentContext":"build"}"#,
        )
        .file("var/run/docker.sock", "")
}

#[test]
fn the_first_that_says_something_decides() {
    let all = || {
        contexts()
            .set("DOCKER_HOST", "tcp://env:1")
            .set("DOCKER_CONTEXT", "other")
    };
    let wishes = |host: Option<&str>, context: Option<&str>| Wishes {
        host: host.map(str::to_owned),
        context: context.map(str::to_owned),
        ..Wishes::default()
    };
    for (machine, wishes, expected) in [
        (
            all(),
            wishes(Some("tcp://me:1"), Some("other")),
            "tcp://me:1",
        ),
        (all(), wishes(None, Some("build")), "tcp://build:2376"),
        (all(), wishes(None, None), "tcp://env:1"),
        (
            all().set("DOCKER_HOST", ""),
            wishes(None, None),
            "ssh://me@other",
        ),
        (contexts(), wishes(None, None), "tcp://build:2376"),
        (
            contexts().set("DOCKER_CONTEXT", ""),
            wishes(None, None),
            "tcp://build:2376",
        ),
        (
            contexts().set("DOCKER_CONTEXT", "default"),
            wishes(None, None),
            "unix:///var/run/docker.sock",
        ),
        (
            contexts().file("home/me/.docker/config.json", "{}"),
            wishes(None, None),
            "unix:///var/run/docker.sock",
        ),
        (
            contexts().file("home/me/.docker/config.json", ""),
            wishes(None, None),
            "unix:///var/run/docker.sock",
        ),
        (
            contexts()
                .file("elsewhere/config.json", "{}")
                .set("DOCKER_CONFIG", "{root}/elsewhere"),
            wishes(None, None),
            "unix:///var/run/docker.sock",
        ),
        (
            contexts().set("DOCKER_CONFIG", ""),
            wishes(None, None),
            "tcp://build:2376",
        ),
        (
            Machine::new(),
            wishes(None, None),
            "unix:///var/run/docker.sock",
        ),
    ] {
        let (resolved, steps) = machine.resolve_with(&wishes);
        let host = resolved.unwrap().host.to_string();
        assert_eq!(machine.relative(&host), expected, "{steps:#?}");
    }
}

#[test]
fn where_the_usual_socket_is_missing_others_are_tried_in_order() {
    let others = [
        "run/user/1/docker.sock",
        "home/me/.docker/run/docker.sock",
        "home/me/.docker/desktop/docker.sock",
        "home/me/.colima/default/docker.sock",
        "home/me/.config/colima/default/docker.sock",
        "run/user/1/podman/podman.sock",
        "run/podman/podman.sock",
    ];
    for first in 0..others.len() {
        let mut machine = Machine::new().set("XDG_RUNTIME_DIR", "{root}/run/user/1");
        for path in &others[first..] {
            machine = machine.file(path, "");
        }
        assert_eq!(machine.host(), format!("unix:///{}", others[first]));
        let machine = machine.file("var/run/docker.sock", "");
        assert_eq!(machine.host(), "unix:///var/run/docker.sock");
    }
    let machine = Machine::new()
        .set("COLIMA_HOME", "{root}/colima")
        .file("colima/default/docker.sock", "")
        .file("home/me/.colima/default/docker.sock", "");
    assert_eq!(machine.host(), "unix:///colima/default/docker.sock");
    // An address that somebody asked for is never replaced.
    let machine = machine.set("DOCKER_HOST", "unix:///nowhere.sock");
    assert_eq!(machine.host(), "unix:///nowhere.sock");
}

#[cfg(feature = "tls")]
#[test]
fn tls_variables_count_when_they_have_any_text() {
    let certificates = |machine: Machine| {
        machine
            .file("home/me/.docker/ca.pem", "the usual ca")
            .file("certs/ca.pem", "ca")
            .file("certs/cert.pem", "cert")
            .file("certs/key.pem", "key")
    };
    let tcp = || certificates(Machine::new()).set("DOCKER_HOST", "tcp://box");
    for (machine, host, expected) in [
        (tcp(), "tcp://box:2375", None),
        (tcp().set("DOCKER_TLS_VERIFY", ""), "tcp://box:2375", None),
        (tcp().set("DOCKER_TLS", ""), "tcp://box:2375", None),
        (
            tcp().set("DOCKER_CERT_PATH", "{root}/certs"),
            "tcp://box:2375",
            None,
        ),
        (
            tcp().set("DOCKER_TLS_VERIFY", "1"),
            "tcp://box:2375",
            Some((true, "the usual ca", false)),
        ),
        (
            tcp().set("DOCKER_TLS_VERIFY", "0"),
            "tcp://box:2375",
            Some((true, "the usual ca", false)),
        ),
        (
            tcp().set("DOCKER_TLS", "0"),
            "tcp://box:2375",
            Some((false, "the usual ca", false)),
        ),
        (
            tcp()
                .set("DOCKER_TLS", "1")
                .set("DOCKER_TLS_VERIFY", "1")
                .set("DOCKER_CERT_PATH", "{root}/certs"),
            "tcp://box:2375",
            Some((true, "ca", true)),
        ),
        (
            tcp().set("DOCKER_TLS", "1").set("DOCKER_CERT_PATH", ""),
            "tcp://box:2375",
            Some((false, "the usual ca", false)),
        ),
        (
            certificates(Machine::new()).set("DOCKER_TLS_VERIFY", "1"),
            "tcp://localhost:2376",
            Some((true, "the usual ca", false)),
        ),
        (
            certificates(Machine::new()).set("DOCKER_TLS", "1"),
            "tcp://localhost:2376",
            Some((false, "the usual ca", false)),
        ),
        // What does not go over the network needs no certificates.
        (
            Machine::new()
                .set("DOCKER_TLS_VERIFY", "1")
                .set("DOCKER_HOST", "unix:///d.sock"),
            "unix:///d.sock",
            None,
        ),
        (
            Machine::new()
                .set("DOCKER_TLS_VERIFY", "1")
                .set("DOCKER_HOST", "ssh://box"),
            "ssh://box",
            None,
        ),
        // A context has its own idea.
        (
            certificates(contexts()).set("DOCKER_TLS_VERIFY", "1"),
            "tcp://build:2376",
            None,
        ),
    ] {
        let resolved = machine.resolve();
        assert_eq!(resolved.host.to_string(), host, "{:?}", machine.variables);
        let tls = resolved.tls.map(|tls| {
            let ca = String::from_utf8(tls.ca.unwrap()).unwrap();
            (
                !tls.unverified,
                ca,
                tls.key.is_some() && tls.certificate.is_some(),
            )
        });
        let tls = tls
            .as_ref()
            .map(|(verified, ca, client)| (*verified, ca.as_str(), *client));
        assert_eq!(tls, expected, "{:?}", machine.variables);
    }
}

#[test]
fn https_means_tls_with_the_systems_roots() {
    let resolved = Machine::new().set("DOCKER_HOST", "https://box").resolve();
    assert_eq!(resolved.tls, Some(Tls::default()));
    let resolved = Machine::new().set("DOCKER_HOST", "http://box").resolve();
    assert_eq!(resolved.tls, None);
}

#[cfg(feature = "tls")]
#[test]
fn contexts_bring_their_certificates() {
    let machine = contexts()
        .file("home/me/.docker/contexts/tls/0123/docker/ca.pem", "ca")
        .file("home/me/.docker/contexts/tls/0123/docker/cert.pem", "cert")
        .file("home/me/.docker/contexts/tls/0123/docker/key.pem", "key");
    let tls = machine.resolve().tls.unwrap();
    assert_eq!(
        (tls.ca, tls.certificate, tls.key, tls.unverified),
        (
            Some(b"ca".to_vec()),
            Some(b"cert".to_vec()),
            Some(b"key".to_vec()),
            false
        )
    );
    let unverified = BUILD.replace("false", "true");
    let tls = contexts().context("0123", &unverified).resolve().tls;
    assert_eq!(
        tls,
        Some(Tls {
            unverified: true,
            ..Tls::default()
        })
    );
    // ssh has its own.
    let machine = contexts().set("DOCKER_CONTEXT", "other");
    assert_eq!(machine.resolve().tls, None);
    // Without a host it is the usual one.
    let machine = contexts().context("0123", r#"{"Name":"build","Endpoints":{"docker":{}}}"#);
    assert_eq!(machine.host(), "unix:///var/run/docker.sock");
}

#[cfg(not(feature = "tls"))]
#[test]
fn without_the_feature_it_is_known_that_tls_is_wanted() {
    let machine = Machine::new()
        .set("DOCKER_HOST", "tcp://box")
        .set("DOCKER_TLS_VERIFY", "1");
    assert!(machine.resolve().tls.is_some());
    let machine = contexts().file("home/me/.docker/contexts/tls/0123/docker/ca.pem", "ca");
    let (resolved, steps) = machine.resolve_with(&Wishes::default());
    assert!(resolved.unwrap().tls.is_some());
    assert!(
        steps.contains(&"TLS is wanted: it takes the feature `tls`".to_owned()),
        "{steps:?}"
    );
}

#[test]
fn a_wish_for_tls_comes_before_the_environment() {
    let machine = Machine::new().set("DOCKER_HOST", "tcp://box");
    let wishes = Wishes {
        tls: Some(Tls::default()),
        ..Wishes::default()
    };
    assert!(machine.resolve_with(&wishes).0.unwrap().tls.is_some());
    let machine = machine.set("DOCKER_HOST", "unix:///d.sock");
    assert!(machine.resolve_with(&wishes).0.unwrap().tls.is_none());
}

#[test]
fn says_what_is_wrong_and_where() {
    for (machine, kind, says) in [
        (
            Machine::new().set("DOCKER_HOST", "gopher://box"),
            ErrorKind::Host,
            "DOCKER_HOST: cannot use the address of the Docker daemon: gopher:// is not supported",
        ),
        (
            contexts().set("DOCKER_CONTEXT", "nope"),
            ErrorKind::Config,
            "there is no docker context nope, which DOCKER_CONTEXT names, in /home/me/.docker/contexts/meta: see `docker context ls`",
        ),
        (
            Machine::new().file(
                "home/me/.docker/config.json",
                r#"{"currentContext":"gone"}"#,
            ),
            ErrorKind::Config,
            "there is no docker context gone, which currentContext of config.json names, in",
        ),
        (
            contexts().file("home/me/.docker/config.json", "{"),
            ErrorKind::Config,
            "/home/me/.docker/config.json cannot be read as JSON (EOF while parsing an object at line 1 column 1): \
             repair it, or set DOCKER_CONFIG to another folder",
        ),
        (
            contexts().context("0123", "{").context("89", "{"),
            ErrorKind::Config,
            "meta.json cannot be read as JSON",
        ),
        (
            contexts().context("0123", r#"{"Name":"build","Endpoints":{"kubernetes":{}}}"#),
            ErrorKind::Config,
            "the docker context build has no endpoint for docker in /home/me/.docker/contexts/meta/0123/meta.json",
        ),
        (
            contexts().context("0123", &BUILD.replace("tcp", "gopher")),
            ErrorKind::Host,
            "docker context build: cannot use the address of the Docker daemon: gopher:// is not supported",
        ),
        #[cfg(feature = "tls")]
        (
            Machine::new().set("DOCKER_TLS_VERIFY", "1"),
            ErrorKind::Config,
            "DOCKER_TLS_VERIFY is set, and there is no /home/me/.docker/ca.pem: set DOCKER_CERT_PATH",
        ),
        #[cfg(feature = "tls")]
        (
            Machine::new()
                .set("DOCKER_TLS", "1")
                .set("DOCKER_HOST", "tcp://box"),
            ErrorKind::Config,
            "DOCKER_TLS is set, and there is no /home/me/.docker/ca.pem: set DOCKER_CERT_PATH",
        ),
        (
            Machine::new().set("DOCKER_CUSTOM_HEADERS", "Authorization secret"),
            ErrorKind::Config,
            "DOCKER_CUSTOM_HEADERS should be name=value, with commas between several, and has a part without a `=`",
        ),
        (
            Machine::new().set("DOCKER_CUSTOM_HEADERS", "X-A=1,"),
            ErrorKind::Config,
            "and has a part without a `=`",
        ),
        (
            Machine::new().set("DOCKER_CUSTOM_HEADERS", "X-A=\"secret\""),
            ErrorKind::Config,
            "and has a quote in the middle of a part: put the whole of it in quotes, and double those inside",
        ),
        (
            Machine::new().set("DOCKER_CUSTOM_HEADERS", "X-A=1,\"X-B=secret"),
            ErrorKind::Config,
            "and has a quote in the middle of a part",
        ),
        (
            Machine::new().set("DOCKER_CUSTOM_HEADERS", "\"X-B=secret\"secret"),
            ErrorKind::Config,
            "and has a quote in the middle of a part",
        ),
        (
            Machine::new().set("DOCKER_CUSTOM_HEADERS", " =secret"),
            ErrorKind::Config,
            "DOCKER_CUSTOM_HEADERS: \"\" is not the name of a header",
        ),
        (
            Machine::new().set("DOCKER_CUSTOM_HEADERS", "X-A=1,X B=secret"),
            ErrorKind::Config,
            "DOCKER_CUSTOM_HEADERS: \"X B\" is not the name of a header",
        ),
        (
            Machine::new().set("DOCKER_CUSTOM_HEADERS", "X-B=sec\nret"),
            ErrorKind::Config,
            "DOCKER_CUSTOM_HEADERS: the value of the header X-B has characters that no header can hold",
        ),
        (
            Machine::new().file(
                "home/me/.docker/config.json",
                r#"{"HttpHeaders":["secret"]}"#,
            ),
            ErrorKind::Config,
            "HttpHeaders in /home/me/.docker/config.json should be an object of texts, and is not",
        ),
        (
            Machine::new().set("DOCKER_API_VERSION", "abc"),
            ErrorKind::Config,
            "DOCKER_API_VERSION: \"abc\" is not an API version: write it as in 1.41",
        ),
    ] {
        let error = machine.error();
        let shown = machine.relative(&error.to_string());
        assert_eq!(error.kind(), kind, "{shown}");
        assert!(shown.contains(says), "{shown}\nshould say\n{says}");
        assert!(
            !format!("{error} {error:?}").contains("secret"),
            "{error:?}"
        );
    }
}

#[test]
fn a_broken_file_does_not_matter_to_those_who_name_the_daemon() {
    let machine = contexts()
        .file("home/me/.docker/config.json", "{")
        .set("DOCKER_HOST", "tcp://box");
    assert_eq!(machine.host(), "tcp://box:2375");
    let (_, steps) = machine.resolve_with(&Wishes::default());
    assert!(steps[0].contains("cannot be read as JSON"), "{steps:?}");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text_is_refused() {
    use std::os::unix::ffi::OsStringExt;

    let mut machine = Machine::new();
    let value = OsString::from_vec(b"tcp://\xff".to_vec());
    machine.variables.insert("DOCKER_HOST".to_owned(), value);
    assert_eq!(
        machine.error().to_string(),
        "DOCKER_HOST is not text in UTF-8"
    );
}

#[test]
fn headers_come_from_the_variable_or_else_from_the_file() {
    let sent = |machine: &Machine| -> Vec<(String, String)> {
        let headers = machine.resolve().headers;
        assert!(headers.iter().all(|(_, value)| value.is_sensitive()));
        let mut headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        headers.sort();
        headers
    };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let machine = Machine::new().file(
        "home/me/.docker/config.json",
        r#"{"HttpHeaders":{"X-Meta":"a, b","User-Agent":"me"}}"#,
    );
    assert_eq!(sent(&machine), [pair("x-meta", "a, b")]);
    let machine = machine.set("DOCKER_CUSTOM_HEADERS", r#"one=1,"two=a,b", three = c "#);
    assert_eq!(
        sent(&machine),
        [pair("one", "1"), pair("three", " c "), pair("two", "a,b")]
    );
    let machine = machine.set(
        "DOCKER_CUSTOM_HEADERS",
        "one=1,one=2,\"q=say \"\"a\"\"\",empty=",
    );
    assert_eq!(
        sent(&machine),
        [pair("empty", ""), pair("one", "2"), pair("q", "say \"a\"")]
    );
    let machine = machine.set("DOCKER_CUSTOM_HEADERS", "");
    assert_eq!(sent(&machine), [pair("x-meta", "a, b")]);
}

#[test]
fn the_version_asked_for() {
    let machine = |version: &str| {
        Machine::new()
            .set("DOCKER_API_VERSION", version)
            .resolve()
            .version
    };
    assert_eq!(machine("1.41"), Some(ApiVersion::new(1, 41)));
    assert_eq!(machine(" v1.41 "), Some(ApiVersion::new(1, 41)));
    assert_eq!(machine(""), None);
}

#[cfg(feature = "tls")]
#[test]
fn the_story_tells_every_step_and_no_secret() {
    let machine = contexts()
        .file("home/me/.docker/contexts/tls/0123/docker/ca.pem", "secret")
        .file("home/me/.docker/contexts/tls/0123/docker/key.pem", "secret")
        .set("DOCKER_CUSTOM_HEADERS", "X-Token=secret")
        .set("DOCKER_AUTH_CONFIG", r#"{"auths":{"ghcr.io":{"auth":"secret"}}}"#)
        .file(
            "home/me/.docker/config.json",
            r#"{"currentContext":"build","credHelpers":{"gcr.io":"gcloud"},"auths":{"quay.io":{"auth":"secret"}}}"#,
        )
        .set("DOCKER_API_VERSION", "1.44");
    let (resolved, steps) = machine.resolve_with(&Wishes::default());
    let steps: Vec<_> = steps.iter().map(|step| machine.relative(step)).collect();
    assert_eq!(
        steps,
        [
            "/home/me/.docker/config.json is read",
            "DOCKER_HOST is not set",
            "DOCKER_CONTEXT is not set",
            "currentContext of config.json names the context build, which is in /home/me/.docker/contexts/meta/0123/meta.json",
            "the context names the daemon: tcp://build:2376",
            "TLS is wanted: the daemon's certificate is verified against ca.pem, and key.pem is not used, as there is no cert.pem",
            "DOCKER_CUSTOM_HEADERS adds headers to every request: x-token",
            "credentials for registries come from DOCKER_AUTH_CONFIG, for ghcr.io; docker-credential-gcloud, for gcr.io; \
             /home/me/.docker/config.json, for quay.io",
            "DOCKER_API_VERSION asks for API 1.44",
        ]
    );
    assert!(!format!("{:?}", resolved.unwrap().tls).contains("secret"));

    let machine = Machine::new().set("XDG_RUNTIME_DIR", "{root}/run/user/1");
    let (_, steps) = machine.resolve_with(&Wishes::default());
    let steps: Vec<_> = steps.iter().map(|step| machine.relative(step)).collect();
    assert_eq!(
        steps,
        [
            "/home/me/.docker/config.json is not there",
            "DOCKER_HOST is not set",
            "DOCKER_CONTEXT is not set",
            "no current context is set in config.json",
            "the usual socket is not there: /var/run/docker.sock",
            "the socket of rootless Docker is not there: /run/user/1/docker.sock",
            "the socket of Docker Desktop is not there: /home/me/.docker/run/docker.sock",
            "the socket of Docker Desktop is not there: /home/me/.docker/desktop/docker.sock",
            "the socket of Colima is not there: /home/me/.colima/default/docker.sock",
            "the socket of Colima is not there: /home/me/.config/colima/default/docker.sock",
            "the socket of podman is not there: /run/user/1/podman/podman.sock",
            "the socket of podman is not there: /run/podman/podman.sock",
            "no socket is there, so the usual one will have to do",
            "TLS does not apply to this address",
            "no credentials for registries are stored",
        ]
    );
}
