//! Files and folders copied into and out of containers.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use docker_api_gen::ErrorKind;
use docker_api_gen::shortcuts::Running;

use super::docker::Client;
use crate::engines;

fn client() -> Client {
    Client::connect(engines::shared()).unwrap()
}

async fn container(client: &Client) -> Running {
    let run = client.run("alpine", ["sleep", "1000"]);
    run.keep(true).remove_on_drop(true).start().await.unwrap()
}

/// Runs a script in the container and gives what it printed.
async fn sh(container: &Running, script: &str) -> String {
    let output = container.exec(["sh", "-c", script]).send().await.unwrap();
    assert_eq!(output.exit_code, 0, "{script}: {output:?}");
    String::from_utf8(output.stdout.to_vec()).unwrap()
}

/// What a path is, as far as copies keep it.
#[derive(Debug, PartialEq)]
struct Facts {
    mode: u32,
    owner: Option<(u32, u32)>,
    content: Content,
}

#[derive(Debug, PartialEq)]
enum Content {
    Folder,
    File(Vec<u8>),
    Link(PathBuf),
}

/// Everything in a folder.
fn tree(folder: &Path, owners: bool) -> BTreeMap<PathBuf, Facts> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            let content = if meta.is_dir() {
                folders.push(path.clone());
                Content::Folder
            } else if meta.is_symlink() {
                Content::Link(fs::read_link(&path).unwrap())
            } else {
                Content::File(fs::read(&path).unwrap())
            };
            let bits = if owners { 0o7777 } else { 0o777 };
            let facts = Facts {
                mode: meta.permissions().mode() & bits,
                owner: owners.then(|| (meta.uid(), meta.gid())),
                content,
            };
            found.insert(path.strip_prefix(folder).unwrap().to_owned(), facts);
        }
    }
    found
}

/// A folder with one of each kind.
fn samples(folder: &Path) {
    let write = |name: &OsStr, mode: u32, content: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    write("secret".as_ref(), 0o600, b"x");
    write("program".as_ref(), 0o755, b"#!/bin/sh\necho ran\n");
    write("as its owner".as_ref(), 0o4755, b"");
    write("größe \n two".as_ref(), 0o644, b"name");
    write(OsStr::from_bytes(b"not \xff text"), 0o644, b"name");
    write("n".repeat(255).as_ref(), 0o644, b"name");
    let mut sparse = vec![0; 8 << 20];
    sparse[5 << 20] = 1;
    write("sparse".as_ref(), 0o644, &sparse);
    let deep = folder.join(["d".repeat(100).as_str(); 4].join("/"));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("deep"), "deep").unwrap();
    fs::create_dir(folder.join("locked")).unwrap();
    fs::set_permissions(folder.join("locked"), fs::Permissions::from_mode(0o500)).unwrap();
    symlink("secret", folder.join("near")).unwrap();
    symlink("/etc/no/such", folder.join("far")).unwrap();
    symlink("l".repeat(300), folder.join("long")).unwrap();
    fs::hard_link(folder.join("program"), folder.join("same")).unwrap();
    for (name, owner) in [("secret", 1234), ("near", 2345), ("locked", 3456)] {
        std::os::unix::fs::lchown(folder.join(name), Some(owner), Some(owner + 1)).unwrap();
    }
}

#[tokio::test]
async fn a_folder_comes_back_as_it_went() {
    let client = client();
    let container = container(&client).await;
    let here = tempfile::tempdir().unwrap();
    let source = here.path().join("source");
    fs::create_dir(&source).unwrap();
    samples(&source);
    for owners in [false, true] {
        let there = format!("/there-{owners}");
        let back = here.path().join(format!("back-{owners}"));
        let copied = client
            .copy_in(&source, container.id(), &there)
            .owners(owners);
        let copied = copied.send().await.unwrap();
        assert!(copied.skipped.is_empty(), "{copied:?}");
        assert!(copied.bytes > 8 << 20, "{copied:?}");
        let stat = format!("cd {there}; stat -c '%u:%g %a' secret near locked; ./program");
        let (secret, near, locked) = match owners {
            true => ("1234:1235", "2345:2346", "3456:3457"),
            false => ("0:0", "0:0", "0:0"),
        };
        assert_eq!(
            sh(&container, &stat).await,
            format!("{secret} 600\n{near} 777\n{locked} 500\nran\n")
        );
        let copied = client
            .copy_out(container.id(), &there, &back)
            .owners(owners);
        let copied = copied.send().await.unwrap();
        assert!(copied.skipped.is_empty(), "{copied:?}");
        let (went, came) = (tree(&source, owners), tree(&back, owners));
        assert_eq!(
            went.keys().collect::<Vec<_>>(),
            came.keys().collect::<Vec<_>>()
        );
        for (path, facts) in &went {
            assert!(*facts == came[path], "{}: not what went", path.display());
        }
        let meta = |name: &str| fs::metadata(back.join(name)).unwrap();
        assert_eq!(meta("program").ino(), meta("same").ino());
        assert!(
            meta("sparse").blocks() * 512 < 4 << 20,
            "the hole is filled"
        );
    }
}

/// The rules of `docker cp`, with `/.` and without.
#[tokio::test]
async fn things_go_where_docker_cp_puts_them() {
    let client = client();
    let container = container(&client).await;
    let here = tempfile::tempdir().unwrap();
    let path = |name: &str| here.path().join(name);
    fs::create_dir(path("folder")).unwrap();
    fs::write(path("folder/file"), "x").unwrap();
    let copy = async |from: &Path, to: &str| {
        let copy = client.copy_in(from, container.id(), to);
        copy.send().await
    };
    copy(&path("folder/file"), "/tmp").await.unwrap();
    copy(&path("folder/file"), "/tmp/renamed").await.unwrap();
    copy(&path("folder"), "/tmp").await.unwrap();
    copy(&path("folder"), "/tmp/new").await.unwrap();
    copy(&path("folder").join("."), "/tmp/folder/file")
        .await
        .unwrap_err();
    copy(&path("folder/file"), "/tmp/no/where")
        .await
        .unwrap_err();
    assert_eq!(
        sh(&container, "cd /tmp; find . -type f | sort").await,
        "./file\n./folder/file\n./new/file\n./renamed\n"
    );
    let back = async |from: &str, to: &Path| {
        let copy = client.copy_out(container.id(), from, to);
        copy.send().await
    };
    back("/tmp/file", here.path()).await.unwrap();
    back("/tmp/new", here.path()).await.unwrap();
    back("/tmp/new/.", &path("contents")).await.unwrap();
    sh(&container, "ln -s /tmp/new /tmp/link").await;
    back("/tmp/link", &path("link")).await.unwrap();
    let followed = client.copy_out(container.id(), "/tmp/link", path("followed"));
    followed.follow_link(true).send().await.unwrap();
    for file in ["file", "new/file", "contents/file", "followed/file"] {
        assert_eq!(fs::read_to_string(path(file)).unwrap(), "x", "{file}");
    }
    assert_eq!(fs::read_link(path("link")).unwrap(), Path::new("/tmp/new"));
}

#[tokio::test]
async fn what_a_container_has_is_written_nowhere_else() {
    let client = client();
    let container = container(&client).await;
    let here = tempfile::tempdir().unwrap();
    let (outside, to) = (here.path().join("outside"), here.path().join("to"));
    fs::create_dir(&outside).unwrap();
    fs::create_dir(&to).unwrap();
    symlink(&outside, to.join("sub")).unwrap();
    sh(
        &container,
        "mkdir -p /data/sub; echo bad > /data/sub/file; mkfifo /data/pipe",
    )
    .await;
    let error = client
        .copy_out(container.id(), "/data/.", &to)
        .send()
        .await
        .unwrap_err();
    println!("{error}");
    assert_eq!(error.kind(), ErrorKind::Archive);
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    // Without the link all goes well, and what cannot be copied is named.
    fs::remove_file(to.join("sub")).unwrap();
    let copied = client
        .copy_out(container.id(), "/data/.", &to)
        .send()
        .await
        .unwrap();
    assert_eq!(copied.skipped, [to.join("pipe")]);
    assert!(to.join("sub/file").exists());
}

#[tokio::test]
async fn a_path_is_described_before_it_is_copied() {
    let client = client();
    let container = container(&client).await;
    sh(
        &container,
        "mkdir /d; echo four > /d/f; chmod 640 /d/f; ln -s f /d/l",
    )
    .await;
    let stat = async |path: &str| {
        let info = client.containers().archive_info(container.id(), path);
        let info = info.send().await.unwrap();
        info.docker_container_path_stat.expect("a description")
    };
    let file = stat("/d/f").await;
    assert_eq!((file.name.as_deref(), file.size), (Some("f"), Some(5)));
    assert_eq!(file.mode, Some(0o640));
    assert_eq!(stat("/d/l").await.link_target.as_deref(), Some("/d/f"));
    let error = client
        .containers()
        .archive_info(container.id(), "/no")
        .send()
        .await;
    assert!(error.unwrap_err().is_not_found());
}

#[tokio::test]
async fn what_is_not_there_cannot_be_copied() {
    let client = client();
    let container = container(&client).await;
    let here = tempfile::tempdir().unwrap();
    let to = here.path().join("to");
    let error = client
        .copy_out(container.id(), "/no/such", &to)
        .send()
        .await
        .unwrap_err();
    assert!(
        error.is_not_found() && error.to_string().contains("/no/such"),
        "{error}"
    );
    let error = client
        .copy_out("nobody", "/etc", &to)
        .send()
        .await
        .unwrap_err();
    assert!(
        error.is_not_found() && error.to_string().contains("nobody"),
        "{error}"
    );
    let error = client
        .copy_in(&to, container.id(), "/tmp")
        .send()
        .await
        .unwrap_err();
    assert!(error.to_string().contains(to.to_str().unwrap()), "{error}");
    let error = client
        .copy_in(here.path(), "nobody", "/tmp")
        .send()
        .await
        .unwrap_err();
    assert!(error.is_not_found(), "{error}");
    assert!(!to.exists());
    // A file system that is read only.
    let run = client
        .run("alpine", ["sleep", "1000"])
        .keep(true)
        .remove_on_drop(true);
    let config = serde_json::json!({"HostConfig": {"ReadonlyRootfs": true}});
    let locked = run.config(config).start().await.unwrap();
    fs::write(&to, "x").unwrap();
    chown(&to, Some(1), Some(1)).unwrap();
    let error = client
        .copy_in(&to, locked.id(), "/tmp")
        .send()
        .await
        .unwrap_err();
    println!("{error}");
    assert!(error.message().unwrap().contains("read-only"), "{error}");
}
