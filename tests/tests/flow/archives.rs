//! Images and containers as archives: saved, loaded, exported, imported, and never held as a whole.

use std::path::Path;

use docker_api_gen::Body;
use docker_api_gen::shortcuts::Running;
use tokio::fs::File;

use super::docker::Client;
use crate::{engines, numbered};

fn client() -> Client {
    Client::connect(engines::shared()).unwrap()
}

fn name(what: &str) -> String {
    format!("flow-{}-{what}", super::docker::API_VERSION.minor())
}

/// A container with a large file in it.
async fn large(client: &Client, size: u64) -> Running {
    let script = format!("{} > /large", numbered::script(size));
    let run = client.run("alpine", ["sh", "-c", &script]);
    let mut container = run.keep(true).remove_on_drop(true).start().await.unwrap();
    assert_eq!(container.wait().await.unwrap(), 0);
    container
}

async fn sum(client: &Client, image: &str) -> String {
    let output = client
        .run(image, ["sha256sum", "/large"])
        .send()
        .await
        .unwrap();
    assert_eq!(output.exit_code, 0, "{output:?}");
    String::from_utf8(output.stdout.to_vec()).unwrap()
}

/// Runs it with the peak of this process's memory watched.
async fn within<T>(what: &str, limit: u64, work: impl Future<Output = T>) -> T {
    let before = engines::forget_peak();
    let result = work.await;
    let more = engines::peak_memory().saturating_sub(before);
    println!("{what}: {more} bytes more memory than before");
    assert!(more < limit, "{what}: {more} bytes of memory");
    result
}

/// One gibibyte in full size.
#[tokio::test]
async fn images_and_containers_go_to_files_and_back_in_constant_memory() {
    let size = engines::mebibytes(96, 1024);
    // What other tests need meanwhile counts too.
    let limit = 48 << 20;
    let client = client();
    let folder = tempfile::tempdir().unwrap();
    let (saved, exported) = (
        folder.path().join("saved.tar"),
        folder.path().join("exported.tar"),
    );
    let container = large(&client, size).await;
    let (image, imported) = (name("large"), name("imported"));
    let commit = client
        .images()
        .commit()
        .container(container.id())
        .repo(&image);
    commit.send().await.unwrap();
    let before = sum(&client, &image).await;

    let save = client.images().save(&image).send().await.unwrap();
    let count = within("save", limit, save.save_to(&saved)).await.unwrap();
    assert!(count > size, "{count}");
    let export = client
        .containers()
        .export(container.id())
        .send()
        .await
        .unwrap();
    let mut file = File::create(&exported).await.unwrap();
    let count = within("export", limit, export.write_to(&mut file))
        .await
        .unwrap();
    assert!(count > size, "{count}");
    drop(file);

    client
        .images()
        .delete(&image)
        .force(true)
        .send()
        .await
        .unwrap();
    let load = client.images().load(Body::file(&saved).unwrap());
    let load = async { load.send().await.unwrap().finish().await };
    within("load", limit, load).await.unwrap();
    assert_eq!(sum(&client, &image).await, before);

    let import = client.images().create().from_src("-").repo(&imported);
    let import = import.body(Body::reader(File::open(&exported).await.unwrap()));
    let import = async { import.send().await.unwrap().finish().await };
    within("import", limit, import).await.unwrap();
    assert_eq!(sum(&client, &imported).await, before);

    // The same file alone, out of the container and into another.
    let out = folder.path().join("large");
    let copy = client.copy_out(container.id(), "/large", &out).send();
    let copied = within("copy out", limit, copy).await.unwrap();
    assert_eq!((copied.files, copied.bytes), (1, size));
    let other = client
        .run("alpine", ["sleep", "1000"])
        .keep(true)
        .remove_on_drop(true);
    let other = other.start().await.unwrap();
    let copy = client.copy_in(&out, other.id(), "/large").send();
    within("copy in", limit, copy).await.unwrap();
    let again = other.exec(["sha256sum", "/large"]).send().await.unwrap();
    assert_eq!(again.stdout, before.as_bytes());

    for image in [&image, &imported] {
        client
            .images()
            .delete(image)
            .force(true)
            .send()
            .await
            .unwrap();
    }
}

/// A build whose context is large: twice a gibibyte in full size.
#[tokio::test]
async fn a_large_context_is_not_held_in_memory() {
    let size = engines::mebibytes(96, 2048);
    let client = client();
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("large"), size).await;
    let dockerfile = "FROM alpine\nCOPY large /large\n";
    let image = name("context");
    let build = client
        .build(folder.path())
        .dockerfile_text(dockerfile)
        .tag(&image)
        .send();
    let built = within("build", 48 << 20, build).await.unwrap();
    assert!(built.image_id.starts_with("sha256:"), "{built:?}");
    let output = client
        .run(&image, ["sh", "-c", "wc -c < /large"])
        .send()
        .await
        .unwrap();
    assert_eq!(output.stdout, format!("{size}\n"));
    client
        .images()
        .delete(&image)
        .force(true)
        .send()
        .await
        .unwrap();
}

async fn write(path: &Path, size: u64) {
    let mut file = File::create(path).await.unwrap();
    let mut lines = numbered::Reader::new(size);
    tokio::io::copy(&mut lines, &mut file).await.unwrap();
    tokio::io::AsyncWriteExt::shutdown(&mut file).await.unwrap();
}

#[tokio::test]
async fn an_export_that_is_given_up_leaves_no_file() {
    let client = client();
    let folder = tempfile::tempdir().unwrap();
    let container = large(&client, 8 << 20).await;
    let export = client
        .containers()
        .export(container.id())
        .send()
        .await
        .unwrap();
    // Where there is no folder.
    let error = export
        .save_to(folder.path().join("no/where.tar"))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("where.tar"), "{error}");
    let error = client
        .images()
        .save("no-such-image")
        .send()
        .await
        .unwrap_err();
    println!("{error}");
    assert!(error.message().unwrap().contains("no-such-image"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
