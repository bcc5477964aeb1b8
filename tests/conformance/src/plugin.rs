//! A plugin: a program that listens, and the folder that an engine takes it from.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

/// What the plugin does: it says that it is there, as engines ask of those of the older kind, and no more.
const PROGRAM: &str = r#"
use std::io::{Read, Write};
fn main() {
    let listener = std::os::unix::net::UnixListener::bind("/run/docker/plugins/conformance.sock").unwrap();
    for mut stream in listener.incoming().flatten() {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\nConnection: close\r\n\r\n{\"Implements\":[]}");
    }
}
"#;

/// The tar of a plugin.
pub(crate) fn tar(folder: &Path) -> Result<Vec<u8>> {
    std::fs::create_dir_all(folder)?;
    let (source, program) = (folder.join("plugin.rs"), folder.join("plugin"));
    std::fs::write(&source, PROGRAM)?;
    // All of it in one file: there is nothing else in its folder.
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let status = Command::new(rustc)
        .args([
            "--edition",
            "2024",
            "-C",
            "target-feature=+crt-static",
            "-C",
            "strip=symbols",
        ])
        .arg(&source)
        .arg("-o")
        .arg(&program)
        .status()
        .context("cannot run rustc to make a plugin")?;
    ensure!(status.success(), "rustc cannot make a plugin");
    let program = std::fs::read(&program)?;
    let config = json!({
        "description": "listens",
        "documentation": "",
        "entrypoint": ["/plugin"],
        "workdir": "/",
        "interface": {"types": ["docker.conformance/1.0"], "socket": "conformance.sock"},
        "network": {"type": "none"},
        "env": [{"name": "WHO", "description": "who asks", "settable": ["value"], "value": "nobody"}],
        "args": {"name": "", "description": "", "settable": null, "value": []},
        "linux": {"capabilities": [], "allowAllDevices": false, "devices": null},
        "mounts": [],
        "propagatedMount": "",
    });
    let config = serde_json::to_vec(&config)?;
    let mut tar = tar::Builder::new(Vec::new());
    for name in [
        "rootfs",
        "rootfs/run",
        "rootfs/run/docker",
        "rootfs/run/docker/plugins",
    ] {
        let mut header = header(0);
        header.set_entry_type(tar::EntryType::Directory);
        tar.append_data(&mut header, name, &[][..])?;
    }
    tar.append_data(&mut header(program.len()), "rootfs/plugin", &program[..])?;
    tar.append_data(&mut header(config.len()), "config.json", &config[..])?;
    Ok(tar.into_inner()?)
}

fn header(size: usize) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size as u64);
    header.set_mode(0o755);
    header.set_mtime(1_000_000_000);
    header
}
