//! Which credentials reach the daemon, and that no secret reaches anybody else.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use docker_api_gen_core::{
    Call, Connection, ConnectionBuilder, Error, ErrorKind, Json, Operation, RegistryAuth,
};
use tempfile::TempDir;

use crate::daemon::{Daemon, json};
use crate::operations::{BUILD, PULL, PUSH};

/// What nobody but the daemon may see.
const SECRET: &str = "mark-of-a-secret";

/// A folder with this `config.json`.
fn folder(config: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.json"), config).unwrap();
    folder
}

fn logged_in() -> TempDir {
    let auth = |name: &str| STANDARD.encode(format!("{name}:{SECRET}"));
    folder(&format!(
        r#"{{
            "auths": {{
                "https://index.docker.io/v1/": {{"auth": "{}"}},
                "127.0.0.1:5000": {{"auth": "{}"}}
            }},
            "HttpHeaders": {{"X-Token": "{SECRET}"}}
        }}"#,
        auth("hub"),
        auth("local")
    ))
}

/// A daemon that answers everything with `answer`, and the heads of the requests that it saw.
fn daemon(answer: String) -> (Daemon, Arc<Mutex<Vec<String>>>) {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = heads.clone();
    let daemon = Daemon::start(move |mut peer| {
        let (seen, answer) = (seen.clone(), answer.clone());
        async move {
            while let Some(request) = peer.next_request().await {
                seen.lock().unwrap().push(request.head);
                peer.send(answer.as_bytes()).await;
            }
        }
    });
    (daemon, heads)
}

fn builder(daemon: &Daemon, config: &Path) -> ConnectionBuilder {
    Connection::builder()
        .ignore_environment()
        .config(config)
        .host(daemon.host())
}

/// The credentials that reach the daemon with a call, as it would read them.
async fn sent(
    adjust: impl FnOnce(ConnectionBuilder) -> ConnectionBuilder,
    operation: &'static Operation,
    fill: impl FnOnce(&mut Call<'_>),
) -> Option<Json> {
    let (daemon, heads) = daemon("HTTP/1.1 204 No Content\r\n\r\n".to_owned());
    let config = logged_in();
    let connection = adjust(builder(&daemon, config.path())).build().unwrap();
    let mut call = Call::new(&connection, operation);
    fill(&mut call);
    call.unit().await.unwrap();
    let heads = heads.lock().unwrap();
    let header = heads[0].lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.to_ascii_lowercase()
            .starts_with("x-registry-")
            .then_some(value)
    })?;
    let json = URL_SAFE.decode(header.trim()).unwrap();
    Some(std::str::from_utf8(&json).unwrap().parse().unwrap())
}

fn pull(call: &mut Call<'_>, image: &str) {
    call.query("fromImage", image);
    call.registry_auth("X-Registry-Auth", &None::<Json>, "fromImage");
}

fn user(json: Option<Json>) -> Option<String> {
    Some(json?.get("username")?.as_str()?.to_owned())
}

#[tokio::test]
async fn a_pull_and_a_push_send_what_is_stored_for_the_registry() {
    for (image, expected) in [
        ("alpine", Some("hub")),
        ("me/app", Some("hub")),
        ("127.0.0.1:5000/me/app", Some("local")),
        ("127.0.0.1:5001/me/app", None),
    ] {
        let pulled = sent(|builder| builder, &PULL, |call| pull(call, image)).await;
        // Nobody, said in so many words: daemons of old want to hear it at a push.
        assert!(pulled.is_some(), "{image}");
        assert_eq!(user(pulled).as_deref(), expected, "{image}");
        let pushed = sent(
            |builder| builder,
            &PUSH,
            |call| {
                call.path("name", image);
                call.registry_auth("X-Registry-Auth", &None::<Json>, "name");
            },
        )
        .await;
        assert!(pushed.is_some(), "{image}");
        assert_eq!(user(pushed).as_deref(), expected, "{image}");
    }
}

#[tokio::test]
async fn a_build_sends_all_that_is_stored() {
    let build = |call: &mut Call<'_>| call.registry_config("X-Registry-Config", &None::<Json>);
    let all = sent(|builder| builder, &BUILD, build).await.unwrap();
    let names: Vec<_> = all.as_object().unwrap().keys().collect();
    assert_eq!(names, ["127.0.0.1:5000", "https://index.docker.io/v1/"]);
    let given = RegistryAuth::password("caller", SECRET);
    let adjust = |builder: ConnectionBuilder| builder.registry_auth("docker.io", given);
    let all = sent(adjust, &BUILD, build).await.unwrap();
    let hub = all.get("https://index.docker.io/v1/").cloned();
    assert_eq!(user(hub).as_deref(), Some("caller"));
    let adjust = |builder: ConnectionBuilder| builder.ignore_stored_credentials();
    assert_eq!(sent(adjust, &BUILD, build).await, None);
}

#[tokio::test]
async fn what_is_given_comes_before_what_is_stored() {
    let given = |name: &str| Some(RegistryAuth::password(name, SECRET));
    let of_call = |auth: Option<RegistryAuth>| {
        move |call: &mut Call<'_>| {
            call.query("fromImage", "alpine");
            call.registry_auth("X-Registry-Auth", &auth, "fromImage");
        }
    };
    let with = |builder: ConnectionBuilder| {
        builder
            .registry_auth("index.docker.io", RegistryAuth::password("first", SECRET))
            .registry_auth("docker.io", RegistryAuth::password("second", SECRET))
    };
    let call = sent(with, &PULL, of_call(given("call"))).await;
    assert_eq!(user(call).as_deref(), Some("call"));
    let connection = sent(with, &PULL, of_call(None)).await;
    assert_eq!(user(connection).as_deref(), Some("second"));
    let nobody = sent(with, &PULL, of_call(Some(RegistryAuth::anonymous()))).await;
    assert_eq!(nobody.unwrap().to_string(), "{}");
    let nobody = sent(
        |builder| builder.ignore_stored_credentials(),
        &PULL,
        of_call(None),
    )
    .await;
    assert_eq!(nobody.unwrap().to_string(), "{}");
    // Whoever sets the header knows what it should be.
    let by_hand = sent(with, &PULL, |call| {
        call.set_header("X-Registry-Auth", "e30=");
        pull(call, "alpine");
    });
    assert_eq!(by_hand.await.unwrap().to_string(), "{}");
    // An import asks no registry.
    let import = sent(with, &PULL, |call| {
        call.query("fromSrc", "-");
        call.registry_auth("X-Registry-Auth", &None::<Json>, "fromImage");
    });
    assert_eq!(import.await, None);
}

#[tokio::test]
async fn what_cannot_be_read_is_told_before_anything_is_sent() {
    let (daemon, heads) = daemon("HTTP/1.1 204 No Content\r\n\r\n".to_owned());
    let config = folder(r#"{"credsStore": "not-installed-anywhere"}"#);
    let connection = builder(&daemon, config.path()).build().unwrap();
    let mut call = Call::new(&connection, &PULL);
    pull(&mut call, "alpine");
    let error = call.unit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(error.operation(), Some("images.pull"));
    assert!(
        error
            .to_string()
            .contains("there is no such program on PATH"),
        "{error}"
    );
    assert!(heads.lock().unwrap().is_empty());

    // A build may do without.
    let mut call = Call::new(&connection, &BUILD);
    call.registry_config("X-Registry-Config", &None::<Json>);
    call.unit().await.unwrap();
    assert_eq!(heads.lock().unwrap().len(), 1);

    // Logging in counts from then on.
    drop(config);
    let auth = connection.registry_auth("alpine").await.unwrap();
    assert_eq!(auth, RegistryAuth::anonymous());
}

/// Every text that an error has for people.
fn shown(error: &Error) -> String {
    let mut text = format!("{error}\n{error:?}\n{error:#?}");
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text += &format!("\n{error}\n{error:?}");
        source = error.source();
    }
    text
}

#[tokio::test]
async fn no_secret_is_in_any_text_for_people() {
    let config = logged_in();
    let given = RegistryAuth {
        username: Some("me".to_owned()),
        password: Some(SECRET.to_owned()),
        identity_token: Some(SECRET.to_owned()),
        registry_token: Some(SECRET.to_owned()),
        ..RegistryAuth::default()
    };
    let mut texts = vec![format!("{given:?} {given:#?}")];
    for answer in [
        json("401 Unauthorized", r#"{"message":"denied"}"#),
        json("500 Internal Server Error", r#"{"message":"broken"}"#),
        json("200 OK", "{\"error\":\"denied\"}\r\n"),
        json("200 OK", "{\"half"),
        "HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\n\r\n".to_owned(),
        "no HTTP at all\r\n\r\n".to_owned(),
        String::new(),
    ] {
        let hangs_up = answer.is_empty();
        let (daemon, _) = daemon(answer);
        let builder = builder(&daemon, config.path())
            .registry_auth("docker.io", given.clone())
            .header("X-Mine", SECRET);
        texts.push(format!("{builder:?} {builder:#?} {}", builder.explain()));
        texts.push(format!("{:?}", builder.explain()));
        let connection = builder.build().unwrap();
        texts.push(format!("{connection:?} {connection:#?}"));
        let found = connection.registry_auth("alpine").await.unwrap();
        assert_eq!(found.password.as_deref(), Some(SECRET));
        texts.push(format!("{found:?}"));
        for stored in [true, false] {
            let auth = Some(given.clone()).filter(|_| !stored);
            let mut call = Call::new(&connection, &PULL);
            call.query("fromImage", "127.0.0.1:5000/app");
            call.query("changes", SECRET);
            call.registry_auth("X-Registry-Auth", &auth, "fromImage");
            call.json_body(&Json::from_serialize(&given).unwrap());
            if hangs_up {
                call.set_timeout(Duration::from_millis(100));
            }
            texts.push(format!("{call:?} {call:#?}"));
            match call.json_lines::<Json>().await {
                Err(error) => texts.push(shown(&error)),
                Ok(mut lines) => {
                    texts.push(format!("{lines:?}"));
                    let error = lines.try_next().await.unwrap_err();
                    texts.push(shown(&error));
                }
            }
        }
        let mut call = Call::new(&connection, &PULL);
        call.set_header("X-Mine", &format!("{SECRET}\n"));
        texts.push(shown(&call.into_request().unwrap_err()));
        let mut call = Call::new(&connection, &PULL);
        call.registry_auth("X-Registry-Auth", &Some(given.clone()), "fromImage");
        call.query("changes", SECRET);
        let request = call.into_request().unwrap();
        texts.push(format!("{request:?} {request:#?} {:?}", request.headers()));
    }
    // A socket that is not there.
    let connection = Connection::builder()
        .ignore_environment()
        .config(config.path())
        .host("unix:///nowhere/at/all.sock")
        .header("X-Mine", SECRET)
        .build()
        .unwrap();
    let mut call = Call::new(&connection, &PULL);
    pull(&mut call, "alpine");
    call.query("changes", SECRET);
    texts.push(shown(&call.unit().await.unwrap_err()));
    // Values that cannot be used.
    for builder in [
        Connection::builder().header("X-Mine", &format!("{SECRET}\n")),
        Connection::builder().host(format!("tcp://me:{SECRET}@box")),
    ] {
        let builder = builder.ignore_environment();
        texts.push(format!("{builder:?} {}", builder.explain()));
        if let Err(error) = builder.build() {
            texts.push(shown(&error));
        }
    }

    let encoded = [
        STANDARD.encode(SECRET),
        STANDARD.encode(format!("hub:{SECRET}")),
    ];
    for text in texts {
        let lower = text.to_lowercase();
        assert!(!lower.contains(SECRET), "{text}");
        for encoded in &encoded {
            assert!(!text.contains(encoded.as_str()), "{text}");
        }
    }
}

#[tokio::test]
async fn the_user_agent_names_the_library_and_can_name_more() {
    for (program, expected) in [
        (
            None,
            format!("docker-api-gen/{}", env!("CARGO_PKG_VERSION")),
        ),
        (
            Some("my-program/1.0"),
            format!(
                "my-program/1.0 docker-api-gen/{}",
                env!("CARGO_PKG_VERSION")
            ),
        ),
    ] {
        let (daemon, heads) = daemon("HTTP/1.1 204 No Content\r\n\r\n".to_owned());
        let config = folder(r#"{"HttpHeaders": {"User-Agent": "me", "X-Meta": "a"}}"#);
        let mut builder = builder(&daemon, config.path());
        if let Some(program) = program {
            builder = builder.user_agent(program);
        }
        let connection = builder.build().unwrap();
        Call::new(&connection, &BUILD).unit().await.unwrap();
        let heads = heads.lock().unwrap();
        let header = |name: &str| {
            let mut lines = heads[0].lines();
            lines.find_map(|line| line.strip_prefix(name).map(str::to_owned))
        };
        assert_eq!(header("user-agent: "), Some(expected));
        assert_eq!(header("x-meta: "), Some("a".to_owned()));
    }
    let error = Connection::builder()
        .ignore_environment()
        .user_agent("two\nlines")
        .build()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}
