//! The machine that figures come from.

use std::fs;
use std::process::Command;
use std::thread;

use anyhow::{Context, Result};
use serde::Serialize;

/// Without it no figure means anything.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) os: String,
    pub(crate) rustc: String,
    /// How many processes wanted to run in the minute before, where the system says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) load: Option<f64>,
}

impl Machine {
    pub(crate) fn find() -> Result<Self> {
        Ok(Self {
            cpu: cpu().unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: thread::available_parallelism().map_or(1, usize::from),
            os: os(),
            rustc: rustc("-V")?.trim().to_owned(),
            load: fs::read_to_string("/proc/loadavg")
                .ok()
                .and_then(|text| text.split(' ').next()?.parse().ok()),
        })
    }

    pub(crate) fn to_line(&self) -> String {
        let load = self
            .load
            .map(|load| format!(", load {load:.1} at the start"));
        format!(
            "{}, {} cores, {}, {}{}",
            self.cpu,
            self.cores,
            self.os,
            self.rustc,
            load.unwrap_or_default()
        )
    }
}

/// The platform that cargo builds for when it is not told.
pub(crate) fn host() -> Result<String> {
    let version = rustc("-vV")?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host
        .context("`rustc -vV` does not name its host")?
        .to_owned())
}

fn rustc(argument: &str) -> Result<String> {
    output("rustc", &[argument]).with_context(|| format!("cannot run `rustc {argument}`"))
}

fn cpu() -> Option<String> {
    match fs::read_to_string("/proc/cpuinfo") {
        Ok(text) => text.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            (name.trim() == "model name").then(|| value.trim().to_owned())
        }),
        Err(_) => Some(
            output("sysctl", &["-n", "machdep.cpu.brand_string"])?
                .trim()
                .to_owned(),
        ),
    }
}

fn os() -> String {
    let name = fs::read_to_string("/etc/os-release").ok().and_then(|text| {
        let name = text
            .lines()
            .find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
        Some(name.trim_matches('"').to_owned())
    });
    let kernel = output("uname", &["-sr"]).map(|text| text.trim().to_owned());
    match (name, kernel) {
        (Some(name), Some(kernel)) => format!("{name} ({kernel})"),
        (name, kernel) => name
            .or(kernel)
            .unwrap_or_else(|| std::env::consts::OS.to_owned()),
    }
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    if !output.status.success() {
        return None;
    }
    String::from_utf8(output.stdout).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_named() {
        let machine = Machine::find().unwrap();
        assert!(!machine.cpu.is_empty());
        assert!(machine.cores > 0);
        assert!(machine.rustc.starts_with("rustc 1."), "{}", machine.rustc);
        assert!(host().unwrap().contains('-'));
    }
}
