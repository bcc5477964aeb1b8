//! `cargo xtask conformance`: a program of its own, built with the versions that are asked for.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use docker_api_gen_codegen::{Version, names};

use crate::files;
use crate::traffic::Rest;

const PACKAGE: &str = "docker-api-gen-conformance";

pub(crate) fn run(rest: Rest) -> Result<ExitCode> {
    let status = command(&rest.arguments)
        .status()
        .context("cannot run cargo")?;
    Ok(match status.success() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// The program with these arguments, and no more versions than they name.
pub(crate) fn command(arguments: &[OsString]) -> Command {
    let texts = || arguments.iter().filter_map(|argument| argument.to_str());
    let after = texts().zip(texts().skip(1));
    let after = after.filter_map(|(name, value)| (name == "--version").then_some(value));
    let joined = texts().filter_map(|argument| argument.strip_prefix("--version="));
    let is_negotiated = texts().any(|argument| argument == "--negotiated");
    let mut features: Vec<String> = after
        .chain(joined)
        .filter_map(|version| version.parse::<Version>().ok())
        .map(|version| format!("docker-api-gen-harness/{}", names::version_module(version)))
        .collect();
    if is_negotiated {
        features.push("negotiated".to_owned());
    } else if features.is_empty() {
        features.extend(["all-versions", "negotiated"].map(str::to_owned));
    }
    let mut cargo = files::cargo();
    cargo
        .args(["run", "--quiet", "--package", PACKAGE, "--features"])
        .arg(features.join(","))
        .arg("--")
        .args(arguments);
    cargo
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(arguments: &[&str]) -> String {
        let arguments: Vec<_> = arguments.iter().map(OsString::from).collect();
        let command = command(&arguments);
        let mut words = command.get_args().skip_while(|word| *word != "--features");
        words.nth(1).unwrap().to_string_lossy().into_owned()
    }

    #[test]
    fn no_more_versions_are_built_than_are_named() {
        assert_eq!(features(&["--jobs", "1"]), "all-versions,negotiated");
        assert_eq!(
            features(&["--version", "1.41", "exec", "--version=1.24"]),
            "docker-api-gen-harness/v1_41,docker-api-gen-harness/v1_24"
        );
        assert_eq!(features(&["--negotiated"]), "negotiated");
    }
}
