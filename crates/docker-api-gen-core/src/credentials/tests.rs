//! Credentials as they are stored, found and sent.

use std::fs;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use tempfile::TempDir;

use super::*;

/// What no text that people see may hold.
const SECRET: &str = "hunter2";

/// A folder with a `config.json` that says this.
fn stored(config: &str) -> (TempDir, Registries) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.json"), config).unwrap();
    let registries = Registries {
        file: Some(folder.path().join("config.json")),
        ..Registries::default()
    };
    (folder, registries)
}

async fn of(registries: &Registries, image: &str) -> Result<RegistryAuth, Error> {
    let registry = registry::of_image(image).to_owned();
    of_registry(Arc::new(registries.clone()), registry, HELPER_TIME).await
}

fn basic(text: &str) -> String {
    STANDARD.encode(text)
}

#[tokio::test]
async fn the_file_has_a_registry_under_any_spelling() {
    let (me, other) = (basic("me:hunter2"), basic("other:a:b\0\0"));
    let (_folder, registries) = stored(&format!(
        r#"{{"auths": {{
            "https://index.docker.io/v1/": {{"auth": "{me}"}},
            "https:\/\/ghcr.io\/v2\/": {{"auth": "{other}"}},
            "localhost:5000": {{"Username": "u", "password": "p"}},
            "azurecr.io": {{"auth": "{me}", "identitytoken": "i"}},
            "quay.io": {{"registrytoken": "r"}},
            "empty.io": {{}},
            "gone.io": null
        }}}}"#
    ));
    let at = |address: &str, auth: RegistryAuth| RegistryAuth {
        server_address: Some(address.to_owned()),
        ..auth
    };
    let hub = at(
        "https://index.docker.io/v1/",
        RegistryAuth::password("me", SECRET),
    );
    for image in [
        "alpine",
        "me/app:1",
        "docker.io/me/app",
        "index.docker.io/me/app",
    ] {
        assert_eq!(of(&registries, image).await.unwrap(), hub, "{image}");
    }
    for (image, expected) in [
        (
            "ghcr.io/a/b:1",
            at(
                "https://ghcr.io/v2/",
                RegistryAuth::password("other", "a:b"),
            ),
        ),
        (
            "localhost:5000/a",
            at("localhost:5000", RegistryAuth::password("u", "p")),
        ),
        (
            "azurecr.io/a",
            RegistryAuth {
                identity_token: Some("i".to_owned()),
                ..at("azurecr.io", RegistryAuth::password("me", SECRET))
            },
        ),
        (
            "quay.io/a",
            at("quay.io", RegistryAuth::registry_token("r")),
        ),
        ("empty.io/a", at("empty.io", RegistryAuth::anonymous())),
        ("gone.io/a", RegistryAuth::anonymous()),
        ("localhost:5001/a", RegistryAuth::anonymous()),
    ] {
        assert_eq!(of(&registries, image).await.unwrap(), expected, "{image}");
    }
    let all = all(Arc::new(registries), HELPER_TIME).await.unwrap();
    assert_eq!(
        all.keys().collect::<Vec<_>>(),
        [
            "azurecr.io",
            "https://ghcr.io/v2/",
            "https://index.docker.io/v1/",
            "localhost:5000",
            "quay.io"
        ]
    );
    assert_eq!(all["https://index.docker.io/v1/"], hub);
}

#[tokio::test]
async fn what_is_called_exactly_so_comes_first() {
    let (one, two) = (basic("one:1"), basic("two:2"));
    let (_folder, registries) = stored(&format!(
        r#"{{"auths": {{"https://ghcr.io": {{"auth": "{one}"}}, "ghcr.io": {{"auth": "{two}"}}}}}}"#
    ));
    let found = of(&registries, "ghcr.io/a").await.unwrap();
    assert_eq!(found.username.as_deref(), Some("two"));
}

#[tokio::test]
async fn the_caller_comes_before_the_variable_and_that_before_the_file() {
    let auth = |name: &str| basic(&format!("{name}:x"));
    let (_folder, mut registries) = stored(&format!(
        r#"{{"auths": {{"a.io": {{"auth": "{0}"}}, "b.io": {{"auth": "{0}"}}, "c.io": {{"auth": "{0}"}}}}}}"#,
        auth("file")
    ));
    registries.variable = Some(format!(
        r#"{{"auths": {{"https://a.io": {{"auth": "{0}"}}, "b.io": {{"auth": "{0}"}}}}}}"#,
        auth("variable")
    ));
    registries.given = Arc::new(vec![(
        "a.io".to_owned(),
        RegistryAuth::password("caller", "x"),
    )]);
    for (image, user) in [
        ("a.io/x", "caller"),
        ("b.io/x", "variable"),
        ("c.io/x", "file"),
    ] {
        let found = of(&registries, image).await.unwrap();
        assert_eq!(found.username.as_deref(), Some(user), "{image}");
    }
    let all = all(Arc::new(registries), HELPER_TIME).await.unwrap();
    let users: Vec<_> = all
        .iter()
        .map(|(address, auth)| {
            (
                address.as_str(),
                auth.username.as_deref().unwrap_or_default(),
            )
        })
        .collect();
    assert_eq!(
        users,
        [
            ("a.io", "caller"),
            ("b.io", "variable"),
            ("c.io", "file"),
            ("https://a.io", "variable")
        ]
    );
}

#[tokio::test]
async fn what_is_not_there_is_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let registries = Registries {
        file: Some(folder.path().join("config.json")),
        ..Registries::default()
    };
    assert_eq!(
        of(&registries, "a.io/b").await.unwrap(),
        RegistryAuth::anonymous()
    );
    assert_eq!(
        of(&Registries::default(), "a").await.unwrap(),
        RegistryAuth::anonymous()
    );
    for config in [
        "",
        "{}",
        "null",
        r#"{"auths": null, "credsStore": "", "credHelpers": null}"#,
    ] {
        let (_folder, registries) = stored(config);
        assert_eq!(
            of(&registries, "a").await.unwrap(),
            RegistryAuth::anonymous(),
            "{config}"
        );
        assert!(
            all(Arc::new(registries), HELPER_TIME)
                .await
                .unwrap()
                .is_empty()
        );
    }
}

#[tokio::test]
async fn what_is_broken_is_told_without_a_secret() {
    let plain = |text: &str| format!(r#"{{"auths": {{"a.io": {{"auth": "{text}"}}}}}}"#);
    for (config, says) in [
        (
            plain("hunter2!"),
            "no `auth` that is NAME:PASSWORD in base64: log in anew with `docker login a.io`",
        ),
        (plain(&basic(SECRET)), "no `auth` that is"),
        (plain(&basic(":hunter2")), "no `auth` that is"),
        (plain(&STANDARD.encode(b"me:\xff")), "no `auth` that is"),
        (
            r#"{"auths": ["hunter2"]}"#.to_owned(),
            "should be an object of objects, and is not",
        ),
        (
            r#"{"auths": {"a.io": "hunter2"}}"#.to_owned(),
            "should be an object of objects, and is not",
        ),
        (
            r#"{"auths": {"a.io": {"auth": "hunter2"}"#.to_owned(),
            "cannot be read as JSON",
        ),
        (
            r#"{"credHelpers": {"a.io": ["hunter2"]}}"#.to_owned(),
            "should be an object of texts, and is not",
        ),
        (
            r#"{"credsStore": "../evil"}"#.to_owned(),
            "credsStore in config.json names the credential helper \"../evil\", which is not a name",
        ),
        (
            r#"{"credHelpers": {"a.io": "a\\b"}}"#.to_owned(),
            "credHelpers in config.json names the credential helper",
        ),
    ] {
        let (_folder, registries) = stored(&config);
        let error = of(&registries, "a.io/b").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(
            error.to_string().contains(says),
            "{error}\nshould say\n{says}"
        );
        let shown = format!("{error} {error:?} {}", registries.describe());
        assert!(!shown.contains(SECRET), "{shown}");
    }
    for (variable, says) in [
        ("hunter2", "DOCKER_AUTH_CONFIG cannot be read as JSON"),
        (
            r#"{"auths": {"a.io": {"auth": "hunter2!"}}}"#,
            "DOCKER_AUTH_CONFIG have no `auth` that is NAME:PASSWORD in base64: write it anew",
        ),
        (
            r#"{"auths": {"a.io": {"password": "hunter2"}}}"#,
            "no `auth` that is",
        ),
        (
            r#"{"auths": "hunter2"}"#,
            "auths in DOCKER_AUTH_CONFIG should be",
        ),
    ] {
        let registries = Registries {
            variable: Some(variable.to_owned()),
            ..Registries::default()
        };
        let error = of(&registries, "a.io/b").await.unwrap_err();
        assert!(
            error.to_string().contains(says),
            "{error}\nshould say\n{says}"
        );
        let shown = format!("{error} {error:?} {}", registries.describe());
        assert!(!shown.contains(SECRET), "{shown}");
        assert!(all(Arc::new(registries), HELPER_TIME).await.is_err());
    }
}

#[test]
fn no_secret_is_shown() {
    let auth = RegistryAuth {
        username: Some("me".to_owned()),
        server_address: Some("a.io".to_owned()),
        password: Some(SECRET.to_owned()),
        identity_token: Some(SECRET.to_owned()),
        registry_token: Some(SECRET.to_owned()),
    };
    assert_eq!(
        format!("{auth:?}"),
        "RegistryAuth { username: Some(\"me\"), password: [redacted], server_address: Some(\"a.io\"), \
         identity_token: [redacted], registry_token: [redacted] }"
    );
    let value = header(&auth).unwrap();
    assert!(value.is_sensitive());
    assert_eq!(format!("{value:?}"), "Sensitive");
}

/// Reads a header as daemons do: strictly, in the alphabet for URLs, with padding.
fn as_daemons_read_it(value: &HeaderValue) -> serde_json::Value {
    serde_json::from_slice(&URL_SAFE.decode(value.as_bytes()).unwrap()).unwrap()
}

#[test]
fn every_character_and_length_arrives() {
    let ends = ["", "a", "ab"];
    // Every character of two bytes, and so every byte in the middle of UTF-8; and some of more.
    let characters = ('\0'..='\u{7ff}').chain(['€', '\u{ffff}', '😀', '\u{10ffff}']);
    for character in characters {
        // In each place that a byte can have in a group of three.
        for end in ends {
            let password = format!("{end}{character}{character}~?>");
            let auth = RegistryAuth::password("me", &password);
            assert_eq!(
                as_daemons_read_it(&header(&auth).unwrap()),
                serde_json::json!({ "username": "me", "password": password }),
            );
        }
    }
    for length in 0..=600 {
        let token: String = (0..length)
            .map(|n| char::from(b' ' + (n * 7 % 95) as u8))
            .collect();
        let auth = RegistryAuth::registry_token(&token);
        let all = BTreeMap::from([(token.clone(), auth)]);
        assert_eq!(
            as_daemons_read_it(&header(&all).unwrap()),
            serde_json::json!({ &token: { "registrytoken": token } }),
        );
    }
    assert_eq!(header(&RegistryAuth::anonymous()).unwrap(), "e30=");
    // What the other alphabet would write differently is there at all.
    let text = header(&RegistryAuth::password("me", "p?as~~~")).unwrap();
    let text = text.to_str().unwrap();
    assert!(
        text.contains(['-', '_']) && !text.contains(['+', '/']),
        "{text}"
    );
}

#[cfg(unix)]
mod helpers {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;
    use std::time::Instant;

    use super::*;

    /// A helper whose script this is; its name is its whole path, as PATH is not for tests to set.
    fn script(folder: &Path, text: &str) -> Helper {
        let path = folder.join("docker-credential-test");
        fs::write(&path, format!("#!/bin/sh\n{text}")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Helper::at(&path)
    }

    async fn get(text: &str, limit: Duration) -> Result<Option<RegistryAuth>, Error> {
        let folder = tempfile::tempdir().unwrap();
        script(folder.path(), text).get("a.io", limit).await
    }

    const SOON: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_helper_is_given_the_address_and_gives_what_it_has() {
        let found = get(
            r#"read address; echo "{\"ServerURL\":\"$address\",\"Username\":\"$1 of $address\",\"Secret\":\"hunter2\"}""#,
            SOON,
        );
        assert_eq!(
            found.await.unwrap().unwrap(),
            RegistryAuth {
                server_address: Some("a.io".to_owned()),
                ..RegistryAuth::password("get of a.io", SECRET)
            }
        );
        let found = get(r#"echo '{"username":"<token>","secret":"hunter2"}'"#, SOON);
        assert_eq!(
            found.await.unwrap().unwrap(),
            RegistryAuth {
                server_address: Some("a.io".to_owned()),
                ..RegistryAuth::identity_token(SECRET)
            }
        );
    }

    #[tokio::test]
    async fn a_helper_that_knows_nothing_is_no_error() {
        let found = get(
            "echo credentials not found in native keychain; exit 1",
            SOON,
        );
        assert_eq!(found.await.unwrap(), None);
        let found = get(
            "echo credentials not found in native keychain >&2; exit 1",
            SOON,
        );
        assert_eq!(found.await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_helper_that_fails_is_told_with_its_words_and_no_secret() {
        for (text, says) in [
            (
                "echo the vault is sealed; exit 3",
                "failed for a.io: the vault is sealed: run it by hand",
            ),
            (
                "echo no such vault >&2; exit 3",
                "failed for a.io: no such vault",
            ),
            (
                "exit 3",
                "failed for a.io: it says nothing, and ended with exit status: 3",
            ),
            (
                "kill -9 $$",
                "failed for a.io: it says nothing, and ended with signal: 9",
            ),
            (
                r#"echo '{"Secret":"hunter2"}'; exit 3"#,
                "it says nothing, and ended with exit status: 3",
            ),
            (
                r#"echo '{"Secret":"hunter2"}'"#,
                "answered for a.io with something that is not JSON with Username and Secret",
            ),
            (
                r#"echo '{"Username":"me","Secret":"hunter2'"#,
                "something that is not JSON",
            ),
            ("echo hunter2", "something that is not JSON"),
            ("", "something that is not JSON"),
            (
                "exec head -c 2000000 /dev/zero",
                "answered for a.io with more than 1048576 bytes",
            ),
        ] {
            let error = get(text, SOON).await.unwrap_err();
            let shown = format!("{error} {error:?}");
            assert_eq!(error.kind(), ErrorKind::Config, "{shown}");
            assert!(shown.contains(says), "{shown}\nshould say\n{says}");
            assert!(!shown.contains(SECRET), "{shown}");
        }
        let error = Helper::new("is-not-installed-anywhere", "credsStore")
            .unwrap()
            .get("a.io", SOON)
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "the credential helper docker-credential-is-not-installed-anywhere, which credsStore in config.json names, \
             cannot be asked for a.io: there is no such program on PATH: run it by hand, or give the credentials in \
             the program (RegistryAuth)"
        );
    }

    #[tokio::test]
    async fn a_helper_that_hangs_is_ended_in_time() {
        for text in [
            "exec sleep 60",
            "exec cat /dev/zero >/dev/null",
            "trap '' TERM; while :; do sleep 0.1; done",
        ] {
            let start = Instant::now();
            let error = get(text, Duration::from_millis(300)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
            assert!(
                error
                    .to_string()
                    .contains("did not answer for a.io within 300ms"),
                "{error}"
            );
            assert!(start.elapsed() < Duration::from_secs(10));
        }
        // It ends, but something else has its output.
        let error = get("sleep 30 & echo started", SOON).await.unwrap_err();
        assert!(
            error.to_string().contains("holds on to its output"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn giving_up_ends_the_helper() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("pid");
        let helper = script(
            folder.path(),
            &format!("echo $$ >{}; exec sleep 60", mark.display()),
        );
        let pid = {
            let mut asking = std::pin::pin!(helper.get("a.io", SOON));
            loop {
                let moment = tokio::time::sleep(Duration::from_millis(10));
                tokio::select! {
                    _ = &mut asking => panic!("it ended"),
                    () = moment => {}
                }
                if let Ok(text) = fs::read_to_string(&mark)
                    && let Ok(pid) = text.trim().parse::<u32>()
                {
                    break pid;
                }
            }
        };
        let process = format!("/proc/{pid}");
        let start = Instant::now();
        while cfg!(target_os = "linux") && Path::new(&process).exists() {
            assert!(start.elapsed() < Duration::from_secs(10), "it still runs");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn what_helpers_list_is_asked_for_and_one_that_fails_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let helper = script(
            folder.path(),
            r#"case $1 in
list) echo '{"https:\/\/a.io\/v1\/":"me","b.io":"me","bad.io":"me"}' ;;
get) read address
    if [ "$address" = bad.io ]; then echo broken; exit 1; fi
    echo "{\"Username\":\"me\",\"Secret\":\"$address\"}" ;;
esac"#,
        );
        let mut addresses = helper.list(SOON).await.unwrap();
        assert_eq!(addresses, ["https://a.io/v1/", "b.io", "bad.io"]);
        // More than run at a time.
        addresses.extend((0..20).map(|n| format!("{n}.io")));
        let asked = addresses
            .iter()
            .map(|address| (helper.clone(), address.clone()));
        let mut all = BTreeMap::new();
        ask(asked.collect(), SOON, &mut all).await;
        assert_eq!(all.len(), addresses.len() - 1);
        assert_eq!(
            all["https://a.io/v1/"].password.as_deref(),
            Some("https://a.io/v1/")
        );
        assert!(!all.contains_key("bad.io"));
    }
}
