//! The image tests run: busybox, posing as alpine, as no registry can be reached from a private engine.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::engine::find;

const FOLDERS: [&str; 13] = [
    "bin", "dev", "etc", "home", "proc", "root", "run", "sbin", "sys", "tmp", "usr", "usr/bin",
    "var",
];

const FILES: [(&str, &str); 4] = [
    ("etc/group", "root:x:0:\nnobody:x:65534:\n"),
    ("etc/hosts", "127.0.0.1\tlocalhost\n"),
    (
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    ),
    (
        "etc/os-release",
        "NAME=\"Busybox\"\nID=busybox\nPRETTY_NAME=\"Busybox\"\n",
    ),
];

/// A root folder with busybox in it, as a tar.
pub(crate) fn busybox_root(busybox: &Path) -> Result<Vec<u8>> {
    let program =
        std::fs::read(busybox).with_context(|| format!("cannot read {}", busybox.display()))?;
    let list = Command::new(busybox)
        .arg("--list")
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}", busybox.display()))?;
    let applets =
        String::from_utf8(list.stdout).context("busybox --list prints what is not text")?;
    pack(
        &program,
        applets
            .lines()
            .filter(|applet| !applet.is_empty() && *applet != "busybox"),
    )
}

fn pack<'a>(program: &[u8], applets: impl Iterator<Item = &'a str>) -> Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    for folder in FOLDERS {
        let mode = if folder == "tmp" { 0o1777 } else { 0o755 };
        tar.append_data(
            &mut header(tar::EntryType::Directory, mode, 0),
            format!("{folder}/"),
            &[][..],
        )?;
    }
    for (name, text) in FILES {
        tar.append_data(
            &mut header(tar::EntryType::Regular, 0o644, text.len()),
            name,
            text.as_bytes(),
        )?;
    }
    tar.append_data(
        &mut header(tar::EntryType::Regular, 0o755, program.len()),
        "bin/busybox",
        program,
    )?;
    for applet in applets {
        tar.append_link(
            &mut header(tar::EntryType::Symlink, 0o777, 0),
            format!("bin/{applet}"),
            "busybox",
        )?;
    }
    Ok(tar.into_inner()?)
}

fn header(kind: tar::EntryType, mode: u32, size: usize) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size as u64);
    // The same bytes each time, and a time that no tool takes for "unset".
    header.set_mtime(1_000_000_000);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// Makes `alpine:latest` and `busybox:latest` of a root folder.
pub(crate) fn import(host: &str, root: &[u8]) -> Result<()> {
    let patience = Duration::from_secs(60);
    let target = "/images/create?fromSrc=-&repo=alpine&tag=latest\
                  &changes=CMD%20%5B%22%2Fbin%2Fsh%22%5D\
                  &changes=ENV%20PATH%3D%2Fusr%2Flocal%2Fsbin%3A%2Fusr%2Flocal%2Fbin%3A%2Fusr%2Fsbin%3A%2Fusr%2Fbin%3A%2Fsbin%3A%2Fbin";
    let progress = find::request(host, patience, "POST", target, "application/x-tar", root)?
        .ok("import of alpine:latest")?;
    if let Some(error) = reported(&progress) {
        bail!("import of alpine:latest: {error}");
    }
    let target = "/images/alpine:latest/tag?repo=busybox&tag=latest";
    find::request(host, patience, "POST", target, "", &[])?.ok("tag busybox:latest")?;
    Ok(())
}

/// The error inside a stream of progress messages.
fn reported(progress: &[u8]) -> Option<String> {
    serde_json::Deserializer::from_slice(progress)
        .into_iter::<Value>()
        .map_while(Result::ok)
        .find_map(|message| message["error"].as_str().map(str::to_owned))
}

/// The engine's version.
pub(crate) fn version(host: &str) -> Result<String> {
    let body =
        find::request(host, Duration::from_secs(10), "GET", "/version", "", &[])?.ok("version")?;
    let answer: Value =
        serde_json::from_slice(&body).context("the engine's version is not JSON")?;
    answer["Version"]
        .as_str()
        .map(str::to_owned)
        .context("the engine does not say its version")
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn the_root_folder_holds_busybox_and_its_names() {
        let packed = pack(b"program", ["sh", "ls"].into_iter()).unwrap();
        assert_eq!(packed, pack(b"program", ["sh", "ls"].into_iter()).unwrap());
        let mut archive = tar::Archive::new(&packed[..]);
        let mut seen = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            let link = entry
                .link_name()
                .unwrap()
                .map(|link| link.display().to_string());
            seen.push((
                entry.path().unwrap().display().to_string(),
                entry.header().mode().unwrap(),
                text,
                link,
            ));
        }
        let find = |name: &str| seen.iter().find(|entry| entry.0 == name).unwrap();
        assert_eq!(find("bin/busybox").2, "program");
        assert_eq!(find("bin/busybox").1, 0o755);
        assert_eq!(find("bin/sh").3.as_deref(), Some("busybox"));
        assert_eq!(find("tmp/").1, 0o1777);
    }

    #[test]
    fn an_error_inside_the_progress_is_found() {
        assert_eq!(reported(b"{\"status\":\"sha256:0\"}\r\n"), None);
        assert_eq!(
            reported(b"{\"status\":\"x\"}\n{\"error\":\"no space\",\"errorDetail\":{}}\n")
                .as_deref(),
            Some("no space")
        );
    }
}
