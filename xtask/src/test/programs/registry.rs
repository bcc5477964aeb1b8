//! A registry that wants a password, reached through an engine with every kind of credentials there is.
//!
//! Run with the address of the registry, a user of it, the password and the name of the engine as arguments, and with
//! the helpers `docker-credential-works`, `-unknown`, `-fails` and `-hangs` on PATH.

use std::fs;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use docker_api_gen::v1_41::{Client, types};
use docker_api_gen::{Connection, ConnectionBuilder, Error, ErrorKind, RegistryAuth};

type Outcome = Result<(), Box<dyn std::error::Error>>;
type Test = (
    &'static str,
    fn(World) -> Pin<Box<dyn Future<Output = Outcome>>>,
);

macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        [$((stringify!($name), |world| Box::pin($name(world)))),*]
    };
}

macro_rules! ensure {
    ($condition:expr, $($message:tt)*) => {
        if !$condition {
            return Err(format!($($message)*).into());
        }
    };
}

#[derive(Clone)]
struct World {
    registry: String,
    user: String,
    password: String,
    podman: bool,
    /// Where each test makes its own folder.
    folder: PathBuf,
    /// What is in the registry already.
    base: String,
}

impl World {
    /// A client with this `config.json`.
    fn client(&self, config: &str) -> Result<Client, Error> {
        self.client_with(config, |builder| builder)
    }

    fn client_with(
        &self,
        config: &str,
        adjust: impl FnOnce(ConnectionBuilder) -> ConnectionBuilder,
    ) -> Result<Client, Error> {
        fs::create_dir_all(&self.folder).expect("a folder");
        fs::write(self.folder.join("config.json"), config).expect("a file");
        let builder = Connection::builder().config(&self.folder);
        adjust(builder).build().map(Client::new)
    }

    fn auths(&self, password: &str) -> String {
        let auth = base64(&format!("{}:{password}", self.user));
        format!(
            r#"{{"auths": {{"{}": {{"auth": "{auth}"}}}}}}"#,
            self.registry
        )
    }

    fn helper(&self, name: &str) -> String {
        format!(r#"{{"credHelpers": {{"{}": "{name}"}}}}"#, self.registry)
    }

    fn given(&self) -> RegistryAuth {
        RegistryAuth::password(&self.user, &self.password)
    }

    /// Pushes an image of this name and pulls it again.
    async fn round_trip(&self, client: &Client, name: &str) -> Outcome {
        let image = format!("{}/{name}", self.registry);
        tag(client, &image, "1").await?;
        push(client, &image, "1").await?;
        remove(client, &format!("{image}:1")).await?;
        let pulled = client.pull(format!("{image}:1")).send().await?;
        let digest = pulled.digest.unwrap_or_default();
        // Podman tells none.
        ensure!(
            self.podman || digest.starts_with("sha256:"),
            "the digest is {digest:?}"
        );
        client
            .images()
            .inspect(&format!("{image}:1"))
            .send()
            .await?;
        remove(client, &format!("{image}:1")).await?;
        Ok(())
    }

    /// Neither a push nor a pull is let in, and the daemon's words say so.
    async fn is_refused(&self, client: &Client) -> Outcome {
        let image = format!("{}/refused", self.registry);
        tag(client, &image, "1").await?;
        is_denied(push(client, &image, "1").await, &self.password)?;
        remove(client, &format!("{image}:1")).await?;
        is_denied(client.pull(&self.base).send().await, &self.password)
    }
}

fn is_denied<T>(result: Result<T, Error>, password: &str) -> Outcome {
    let Err(error) = result else {
        return Err("it was let in".into());
    };
    let words = error.message().unwrap_or_default().to_lowercase();
    let known = [
        "unauthorized",
        "authentication required",
        "no basic auth",
        "denied",
    ];
    ensure!(
        known.iter().any(|known| words.contains(known)),
        "these are other words: {error} {words:?}"
    );
    ensure!(
        error
            .to_string()
            .to_lowercase()
            .contains(words.lines().next().unwrap_or_default().trim()),
        "the words are not in the sentence: {error}"
    );
    ensure!(
        !format!("{error} {error:?}").contains(password),
        "the password is shown"
    );
    Ok(())
}

async fn tag(client: &Client, repo: &str, tag: &str) -> Result<(), Error> {
    client
        .images()
        .tag("alpine:latest")
        .repo(repo)
        .tag(tag)
        .send()
        .await
}

async fn push(client: &Client, image: &str, tag: &str) -> Result<(), Error> {
    let mut messages = client.images().push(image).tag(tag).send().await?;
    while messages.try_next().await?.is_some() {}
    Ok(())
}

async fn remove(client: &Client, image: &str) -> Result<(), Error> {
    client.images().delete(image).send().await.map(drop)
}

/// In the alphabet of `docker login`.
fn base64(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::new();
    for group in text.as_bytes().chunks(3) {
        let bits = (0..3).fold(0, |bits, n| {
            bits << 8 | u32::from(*group.get(n).unwrap_or(&0))
        });
        for n in 0..4 {
            let index = (bits >> (18 - 6 * n) & 63) as usize;
            encoded.push(if n <= group.len() {
                char::from(ALPHABET[index])
            } else {
                '='
            });
        }
    }
    encoded
}

async fn auths_in_the_file(world: World) -> Outcome {
    let client = world.client(&world.auths(&world.password))?;
    world.round_trip(&client, "auths").await
}

async fn a_helper_for_the_registry(world: World) -> Outcome {
    let client = world.client(&world.helper("works"))?;
    world.round_trip(&client, "helper").await
}

async fn a_helper_for_everything(world: World) -> Outcome {
    let client = world.client(r#"{"credsStore": "works"}"#)?;
    world.round_trip(&client, "store").await
}

async fn given_to_the_connection(world: World) -> Outcome {
    let given = world.given();
    let registry = world.registry.clone();
    // What is stored would not do.
    let client = world.client_with(&world.auths("wrong"), |builder| {
        builder.registry_auth(registry, given)
    })?;
    world.round_trip(&client, "given").await
}

async fn given_to_the_call(world: World) -> Outcome {
    let client = world.client(&world.auths("wrong"))?;
    let image = format!("{}/call", world.registry);
    tag(&client, &image, "1").await?;
    let push = client
        .images()
        .push(&image)
        .tag("1")
        .registry_auth(world.given());
    let mut messages = push.send().await?;
    while messages.try_next().await?.is_some() {}
    remove(&client, &format!("{image}:1")).await?;
    client
        .pull(format!("{image}:1"))
        .credentials(world.given())
        .send()
        .await?;
    remove(&client, &format!("{image}:1")).await?;
    Ok(())
}

async fn a_wrong_password(world: World) -> Outcome {
    let client = world.client(&world.auths("wrong"))?;
    world.is_refused(&client).await
}

async fn nobody(world: World) -> Outcome {
    world.is_refused(&world.client("{}")?).await?;
    let config = world.auths(&world.password);
    let ignoring = world.client_with(&config, ConnectionBuilder::ignore_stored_credentials)?;
    world.is_refused(&ignoring).await?;
    let client = world.client(&config)?;
    let pull = client
        .pull(&world.base)
        .credentials(RegistryAuth::anonymous());
    is_denied(pull.send().await, &world.password)
}

async fn a_helper_that_knows_nothing(world: World) -> Outcome {
    let client = world.client(&world.helper("unknown"))?;
    world.is_refused(&client).await
}

async fn a_helper_that_fails(world: World) -> Outcome {
    let client = world.client(&world.helper("fails"))?;
    let Err(error) = client.pull(&world.base).send().await else {
        return Err("it was let in".into());
    };
    ensure!(error.kind() == ErrorKind::Config, "{error:?}");
    ensure!(
        error.to_string().contains("docker-credential-fails")
            && error.to_string().contains("the vault is sealed"),
        "{error}"
    );
    Ok(())
}

async fn a_helper_that_hangs(world: World) -> Outcome {
    let client = world.client(&world.helper("hangs"))?;
    let start = Instant::now();
    let limit = Duration::from_millis(500);
    let create = client
        .images()
        .create()
        .from_image(&world.base)
        .with_timeout(limit);
    let Err(error) = create.send().await else {
        return Err("it was let in".into());
    };
    ensure!(error.kind() == ErrorKind::Timeout, "{error:?}");
    let given_up = tokio::time::timeout(limit, client.pull(&world.base).send()).await;
    ensure!(given_up.is_err(), "it did not hang");
    ensure!(
        start.elapsed() < Duration::from_secs(30),
        "that took {:?}",
        start.elapsed()
    );
    Ok(())
}

async fn a_build_from_a_private_image(world: World) -> Outcome {
    let context = world.folder.join("context");
    fs::create_dir_all(&context)?;
    fs::write(
        context.join("Dockerfile"),
        format!("FROM {}\nLABEL built=yes\n", world.base),
    )?;
    for config in [
        world.auths(&world.password),
        r#"{"credsStore": "works"}"#.to_owned(),
        // One that fails must not keep the others from being used.
        format!(
            r#"{{"credHelpers": {{"{}": "works", "elsewhere.example": "fails"}}}}"#,
            world.registry
        ),
    ] {
        let client = world.client(&config)?;
        let built = client
            .build(&context)
            .pull(true)
            .no_cache(true)
            .send()
            .await?;
        remove(&client, &built.image_id).await?;
        let _ = remove(&client, &world.base).await;
    }
    let client = world.client(&world.auths(&world.password))?;
    let anonymous = client.build(&context).pull(true).anonymous().send().await;
    is_denied(anonymous, &world.password)
}

async fn what_a_registry_has(world: World) -> Outcome {
    let client = world.client(&world.helper("works"))?;
    client.distribution().inspect(&world.base).send().await?;
    let client = world.client(&world.auths("wrong"))?;
    ensure!(
        client
            .distribution()
            .inspect(&world.base)
            .send()
            .await
            .is_err(),
        "it was let in"
    );
    Ok(())
}

async fn a_login(world: World) -> Outcome {
    let client = world.client(&world.helper("works"))?;
    let image = format!("{}/any", world.registry);
    let auth = client.connection().registry_auth(&image).await?;
    ensure!(
        auth.password.as_deref() == Some(world.password.as_str()),
        "it is another password"
    );
    client.system().auth(auth.into()).send().await?;
    let wrong = RegistryAuth {
        server_address: Some(world.registry.clone()),
        ..RegistryAuth::password(&world.user, "wrong")
    };
    let Err(error) = client
        .system()
        .auth(types::AuthConfig::from(wrong))
        .send()
        .await
    else {
        return Err("it was let in".into());
    };
    ensure!(
        error
            .message()
            .is_some_and(|words| words.contains("401") || words.contains("unauthorized")),
        "{error}"
    );
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let mut argument = || arguments.next().expect("an argument");
    let (registry, user, password) = (argument(), argument(), argument());
    let podman = argument().starts_with("podman");
    let folder = std::env::temp_dir().join(format!("registry-{}", std::process::id()));
    let world = World {
        base: format!("{registry}/base:1"),
        registry,
        user,
        password,
        podman,
        folder: folder.clone(),
    };
    let tests: [Test; 13] = tests![
        auths_in_the_file,
        a_helper_for_the_registry,
        a_helper_for_everything,
        given_to_the_connection,
        given_to_the_call,
        a_wrong_password,
        nobody,
        a_helper_that_knows_nothing,
        a_helper_that_fails,
        a_helper_that_hangs,
        a_build_from_a_private_image,
        what_a_registry_has,
        a_login,
    ];
    // Podman has no operation for the one, and asks with TLS alone for the other.
    let not_podman = ["what_a_registry_has", "a_login"];
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    let base = async {
        let world = World {
            folder: folder.join("base"),
            ..world.clone()
        };
        let client = world.client(&world.auths(&world.password))?;
        let repo = format!("{}/base", world.registry);
        tag(&client, &repo, "1").await?;
        push(&client, &repo, "1").await?;
        remove(&client, &world.base).await
    };
    if let Err(error) = base.await {
        println!("the registry cannot be filled: {error}");
        failed += 1;
    }
    for (name, test) in tests {
        if podman && not_podman.contains(&name) {
            println!("test {name} ... skipped, as podman has no such thing");
            skipped += 1;
            continue;
        }
        let world = World {
            folder: folder.join(name),
            ..world.clone()
        };
        match test(world).await {
            Ok(()) => {
                println!("test {name} ... ok");
                passed += 1;
            }
            Err(error) => {
                println!("test {name} ... FAILED: {error}");
                failed += 1;
            }
        }
    }
    let _ = fs::remove_dir_all(folder);
    let result = if failed == 0 { "ok" } else { "FAILED" };
    println!("test result: {result}. {passed} passed; {failed} failed; {skipped} ignored");
    ExitCode::from(u8::from(failed > 0))
}
