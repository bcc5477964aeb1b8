//! Pulls, pushes, builds, loads and imports: their progress, and their failures in the daemon's words.

use std::fs;
use std::time::Duration;

use docker_api_gen::shortcuts::{BuildContext, PullPolicy};
use docker_api_gen::{Body, Error, ErrorKind};
use xtask::engine::Registry;

use super::docker::{Client, types};
use crate::engines;

fn client() -> Client {
    Client::connect(engines::shared()).unwrap()
}

/// A name for an image that nobody else has.
fn name(what: &str) -> String {
    format!("flow-{}-{what}", super::docker::API_VERSION.minor())
}

/// What the daemon said.
fn words(error: &Error) -> String {
    println!("{error}");
    error.message().expect("the daemon says why").to_owned()
}

/// Gives the image a name in a registry, and pushes it there.
async fn push(
    client: &Client,
    registry: &str,
    image: &str,
    auth: types::AuthConfig,
) -> Result<(), Error> {
    let repo = format!("{registry}/{image}");
    let tag = client.images().tag("alpine:latest").repo(&repo).tag("1");
    tag.send().await?;
    let pushed = client
        .images()
        .push(&repo)
        .registry_auth(auth)
        .tag("1")
        .send()
        .await;
    let result = match pushed {
        Ok(messages) => messages.finish().await,
        Err(error) => Err(error),
    };
    client.images().delete(&format!("{repo}:1")).send().await?;
    result
}

#[tokio::test]
async fn what_was_pushed_can_be_pulled() {
    let client = client();
    let registry = engines::registry(Registry::Open);
    let image = name("pushed");
    push(&client, registry, &image, Default::default())
        .await
        .unwrap();
    let reference = format!("{registry}/{image}:1");
    let mut messages = client.pull(&reference).stream().await.unwrap();
    let mut texts = Vec::new();
    while let Some(message) = messages.try_next().await.unwrap() {
        texts.extend(message.status);
    }
    let has = |text: &str| texts.iter().any(|known| known.contains(text));
    assert!(has("Pulling from") && has("Status: "), "{texts:?}");
    let pulled = client.pull(&reference).send().await.unwrap();
    assert!(pulled.digest.unwrap().starts_with("sha256:"));
    // A run pulls what is not there.
    client.images().delete(&reference).send().await.unwrap();
    let error = client
        .run(&reference, ["true"])
        .pull(PullPolicy::Never)
        .send()
        .await;
    assert!(error.unwrap_err().is_not_found());
    let output = client
        .run(&reference, ["echo", "pulled"])
        .send()
        .await
        .unwrap();
    assert_eq!(&output.stdout[..], b"pulled\n");
    client.images().delete(&reference).send().await.unwrap();
}

#[tokio::test]
async fn a_pull_of_a_missing_image_is_an_error() {
    let client = client();
    let registry = engines::registry(Registry::Open);
    let missing = format!("{registry}/{}:1", name("missing"));
    for error in [
        client.pull(&missing).send().await.unwrap_err(),
        client.run(&missing, ["true"]).send().await.unwrap_err(),
    ] {
        let words = words(&error);
        assert!(
            words.contains("not found") || words.contains("manifest unknown"),
            "{words}"
        );
        assert!(error.to_string().contains(&missing), "{error}");
    }
}

#[tokio::test]
async fn a_push_without_rights_is_an_error() {
    let client = client();
    let registry = engines::registry(Registry::Closed);
    let image = name("private");
    let error = push(&client, registry, &image, Default::default())
        .await
        .unwrap_err();
    assert!(
        words(&error).contains("no basic auth credentials"),
        "{error}"
    );
    let wrong = types::AuthConfig {
        username: Some(Registry::USER.to_owned()),
        password: Some("wrong".to_owned()),
        ..Default::default()
    };
    let error = push(&client, registry, &image, wrong).await.unwrap_err();
    assert!(
        words(&error).contains("authentication required") || words(&error).contains("unauthorized"),
        "{error}"
    );
    assert!(!format!("{error:?}").contains("wrong"));
    let right = types::AuthConfig {
        username: Some(Registry::USER.to_owned()),
        password: Some(Registry::PASSWORD.to_owned()),
        ..Default::default()
    };
    push(&client, registry, &image, right.clone())
        .await
        .unwrap();
    let reference = format!("{registry}/{image}:1");
    let error = client.pull(&reference).send().await.unwrap_err();
    assert!(
        words(&error).contains("no basic auth credentials"),
        "{error}"
    );
    client
        .pull(&reference)
        .credentials(&right)
        .send()
        .await
        .unwrap();
    client.images().delete(&reference).send().await.unwrap();
}

#[tokio::test]
async fn a_folder_becomes_an_image() {
    let client = client();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(
        path("Dockerfile"),
        "FROM alpine AS first\nARG WHO\nRUN echo built for $WHO > /who\nCOPY . /context/\n\
         FROM first AS second\nRUN false\n",
    )
    .unwrap();
    fs::write(path(".dockerignore"), "*.tmp\n!keep.tmp\nDockerfile\n").unwrap();
    for file in ["a.tmp", "keep.tmp", "b"] {
        fs::write(path(file), file).unwrap();
    }
    let tag = name("built");
    let build = client.build(folder.path()).tag(&tag).target("first");
    let build = build.build_arg("WHO", "you").label("flow", "yes");
    let mut building = build.no_cache(true).stream().await.unwrap();
    let mut text = String::new();
    while let Some(message) = building.try_next().await.unwrap() {
        text.push_str(&message.text.unwrap_or_default());
    }
    println!("{text}");
    assert!(text.contains("Step 1/") && text.contains("Successfully tagged"));
    let id = building.image_id().unwrap().to_owned();
    let image = client.images().inspect(&tag).send().await.unwrap();
    assert_eq!(image.id.as_deref(), Some(id.as_str()));
    assert_eq!(image.config.unwrap().labels["flow"], "yes");
    let output = client
        .run(&tag, ["sh", "-c", "cat /who; ls -a /context"])
        .send()
        .await;
    let output = String::from_utf8(output.unwrap().stdout.to_vec()).unwrap();
    // The Dockerfile is sent to the daemon, which leaves it out all the same.
    assert_eq!(output, "built for you\n.\n..\n.dockerignore\nb\nkeep.tmp\n");
    client.images().delete(&tag).send().await.unwrap();
}

#[tokio::test]
async fn a_build_that_fails_in_its_second_step_is_an_error() {
    let client = client();
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("Dockerfile"),
        "FROM alpine\nRUN echo a word; exit 42\n",
    )
    .unwrap();
    let tag = name("failing");
    let error = client
        .build(folder.path())
        .tag(&tag)
        .no_cache(true)
        .send()
        .await
        .unwrap_err();
    let words = words(&error);
    assert!(
        words.contains("exit 42") && words.contains("non-zero code: 42"),
        "{words}"
    );
    assert_eq!((error.kind(), error.code()), (ErrorKind::Stream, Some(42)));
    assert!(
        client
            .images()
            .inspect(&tag)
            .send()
            .await
            .unwrap_err()
            .is_not_found()
    );

    fs::write(folder.path().join("Dockerfile"), "FROM alpine\nNONSENSE\n").unwrap();
    let error = client.build(folder.path()).send().await.unwrap_err();
    assert!(
        error.to_string().to_lowercase().contains("nonsense"),
        "{error}"
    );
    // What is no archive at all.
    let tar = BuildContext::tar("this is no archive, and never was");
    let error = client.build(tar).send().await.unwrap_err();
    println!("{error}");
    assert!(error.message().is_some());
}

#[tokio::test]
async fn loading_or_importing_a_broken_archive_is_an_error() {
    let client = client();
    let whole = client.images().save("alpine:latest").send().await.unwrap();
    let whole = whole.collect(64 << 20).await.unwrap();
    let mut cut = whole.slice(..whole.len() / 2);
    for broken in [
        cut.clone(),
        "this is no archive, and never was".into(),
        // One byte of what is in it.
        {
            let mut bytes = whole.to_vec();
            let at = bytes.len() / 2;
            bytes[at] ^= 0xff;
            bytes.truncate(at + 4096);
            bytes.into()
        },
    ] {
        let error = match client.images().load(broken).send().await {
            Ok(messages) => messages.finish().await.unwrap_err(),
            Err(error) => error,
        };
        words(&error);
    }
    let import = client.images().create().from_src("-").repo(name("broken"));
    let error = match import.body(cut.split_off(1000)).send().await {
        Ok(messages) => messages.finish().await.unwrap_err(),
        Err(error) => error,
    };
    words(&error);
    let image = client.images().inspect(&name("broken")).send().await;
    assert!(image.unwrap_err().is_not_found());
}

/// A body that fails while it is sent: the caller's own error, not the daemon's.
#[tokio::test]
async fn a_body_that_fails_is_told_from_a_daemon_that_does() {
    struct Failing;
    impl tokio::io::AsyncRead for Failing {
        fn poll_read(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            _: &mut tokio::io::ReadBuf<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            std::task::Poll::Ready(Err(std::io::Error::other("the disk is gone")))
        }
    }
    let client = client();
    let load = client.images().load(Body::reader(Failing)).send();
    let load = tokio::time::timeout(Duration::from_secs(30), load)
        .await
        .unwrap();
    let error = load.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Body, "{error}");
}
