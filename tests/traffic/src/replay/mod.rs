//! Recorded traffic, put through the generated types of the version that was spoken: every document is read,
//! written again and compared with what it was.

mod compare;
mod report;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use docker_api_gen_tests::harness::{self, Answer, Body, Codec};
use serde_json::Value;

use crate::exchange::{self, Exchange};
use crate::redact;
use crate::routes::{Documents, Target, Version, operation, parse_version};
use compare::Comparison;
pub use report::Report;
use report::{Part, Place};

/// Put recorded traffic through the generated types, and say what is not read or lost
#[derive(Args, Clone, Debug)]
pub struct Replay {
    /// Recordings: an exchange a line, compressed by gzip or not
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The version to read everything with, such as v1_41 [default: that of each path]
    #[arg(long)]
    pub version: Option<String>,
    /// Print JSON, for programs
    #[arg(long)]
    pub json: bool,
    /// Print the versions that are needed, and replay nothing
    #[arg(long, hide = true)]
    pub needs: bool,
}

impl Replay {
    /// The versions that the recordings need.
    pub fn needed(&self) -> Result<BTreeSet<Version>> {
        let mut documents = Documents::open();
        let asked = self.asked(&documents)?;
        let mut needed = BTreeSet::new();
        for file in &self.files {
            exchange::read(file, |_, exchange| {
                needed.insert(asked.unwrap_or_else(|| spoken(&mut documents, &exchange)));
                Ok(())
            })?;
        }
        Ok(needed)
    }

    /// Replays all files.
    pub fn run(&self) -> Result<Report> {
        let mut documents = Documents::open();
        let asked = self.asked(&documents)?;
        let mut report = Report::default();
        for file in &self.files {
            report.file(file);
            exchange::read(file, |line, exchange| {
                let version = asked.unwrap_or_else(|| spoken(&mut documents, &exchange));
                replay(&mut report, &mut documents, version, &exchange, file, line)
            })?;
        }
        Ok(report)
    }

    fn asked(&self, documents: &Documents) -> Result<Option<Version>> {
        let Some(text) = &self.version else {
            return Ok(None);
        };
        let number = text.trim_start_matches('v').replace('_', ".");
        let known = documents.versions();
        match parse_version(&number).filter(|version| known.contains(version)) {
            Some(version) => Ok(Some(version)),
            None => {
                let (first, last) = (known[0], known[known.len() - 1]);
                bail!(
                    "there is no version {text}: there are {} to {}",
                    shown(first),
                    shown(last)
                )
            }
        }
    }
}

/// `v1_41`, the feature of a version.
pub fn feature((major, minor): Version) -> String {
    format!("v{major}_{minor}")
}

/// `1.41`
fn shown((major, minor): Version) -> String {
    format!("{major}.{minor}")
}

/// The version that stands for the one in the path, or beside it.
fn spoken(documents: &mut Documents, exchange: &Exchange) -> Version {
    let in_path = Target::of(&exchange.path).version;
    documents.nearest(in_path.or(exchange.api.as_deref()).and_then(parse_version))
}

fn replay(
    report: &mut Report,
    documents: &mut Documents,
    version: Version,
    exchange: &Exchange,
    file: &Path,
    line: u64,
) -> Result<()> {
    let path = Target::of(&exchange.path).path;
    let number = shown(version);
    let types =
        harness::Version::of(docker_api_gen_harness::VERSIONS, &number).with_context(|| {
            format!(
                "{number} was not built in: it needs the feature {}",
                feature(version)
            )
        })?;
    let document = documents.document(version);
    let described = operation(document, &exchange.method, path);
    let Some(described) = described else {
        report.unknown(version, &exchange.method, path);
        return Ok(());
    };
    let operation = types
        .operation(described.id)
        .with_context(|| format!("the types of {number} have no operation {}", described.id))?;
    report.exchange(version, operation.id);

    let mut look = |part: Part, bodies: &[Value], codec: Option<Codec>, schema: Option<&Value>| {
        let place = Place {
            version,
            operation: operation.id,
            part,
            file: file.to_owned(),
            line,
        };
        for body in bodies {
            let (Some(codec), Some(schema)) = (codec, schema) else {
                report.undescribed(&place, body);
                continue;
            };
            let body = &redact::readable(document, schema, body);
            match again(codec, body) {
                Ok(written) => {
                    report.decoded(&place, Comparison::of(document, schema, body, &written))
                }
                Err(failure) => report.failed(&place, failure),
            }
        }
    };
    if let Some(request) = &exchange.req {
        let codec = match operation.body {
            Body::Document { codec, .. } => Some(codec),
            Body::Bytes { .. } | Body::Nothing => None,
        };
        // An archive can look like JSON.
        if !matches!(operation.body, Body::Bytes { .. }) {
            let schema = described.body().map(|(_, schema)| schema);
            look(Part::Request, request.documents(), codec, schema);
        }
    }
    if let (Some(answer), Some(status)) = (&exchange.resp, exchange.status) {
        let is_success = status < 400;
        let codec = match operation.answer {
            _ if !is_success => types.error,
            // What goes in and out of containers can look like JSON.
            Answer::Bytes | Answer::LogFrames | Answer::Upgrade | Answer::Text | Answer::Head => {
                return Ok(());
            }
            _ if !operation.outcomes.is_empty() => operation.outcome(status),
            Answer::Document(codec) | Answer::Documents(codec) => Some(codec),
            Answer::Nothing => None,
        };
        let schema = match is_success {
            true => described.answer_of(status).or_else(|| described.answer()),
            false => document.error(),
        };
        look(Part::Answer(status), answer.documents(), codec, schema);
    }
    Ok(())
}

fn again(codec: Codec, value: &Value) -> Result<Value, harness::Failure> {
    let broken = |reason: String| harness::Failure {
        path: String::new(),
        reason,
    };
    let text = serde_json::to_vec(value).map_err(|error| broken(error.to_string()))?;
    let written = codec(&text)?;
    serde_json::from_slice(&written)
        .map_err(|error| broken(format!("what is written is not JSON: {error}")))
}
