//! What came of a replay, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

use docker_api_gen_tests::harness::Failure;
use serde_json::{Map, Value, json};

use super::compare::{Comparison, Difference, Undeclared};
use super::shown;
use crate::routes::Version;

/// Where a document was seen.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) version: Version,
    pub(super) operation: &'static str,
    pub(super) part: Part,
    pub(super) file: PathBuf,
    pub(super) line: u64,
}

/// The request, or an answer and its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Request,
    Answer(u16),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request => f.write_str("request"),
            Self::Answer(status) => write!(f, "answer {status}"),
        }
    }
}

/// How often something was seen, and where first.
#[derive(Clone, Debug)]
struct Seen {
    times: u64,
    file: PathBuf,
    line: u64,
}

/// Findings of one kind, each with the version, operation and part that it belongs to.
type Findings<T> = BTreeMap<(Version, &'static str, Part, T), Seen>;

/// How the documents of an operation fared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    exchanges: u64,
    decoded: u64,
    failed: u64,
    lost: u64,
}

/// What came of a replay.
#[derive(Debug, Default)]
pub struct Report {
    files: Vec<PathBuf>,
    operations: BTreeMap<(Version, &'static str), Counts>,
    failures: Findings<(String, String)>,
    differences: Findings<Difference>,
    undeclared: Findings<Undeclared>,
    undescribed: Findings<()>,
    unknown: BTreeMap<(Version, String), u64>,
}

impl Report {
    pub(super) fn file(&mut self, file: &Path) {
        self.files.push(file.to_owned());
    }

    pub(super) fn exchange(&mut self, version: Version, operation: &'static str) {
        self.counts(version, operation).exchanges += 1;
    }

    pub(super) fn unknown(&mut self, version: Version, method: &str, path: &str) {
        let request = format!("{method} {}", excerpt(path, 100));
        *self.unknown.entry((version, request)).or_default() += 1;
    }

    /// A document came back; this is what it came back as.
    pub(super) fn decoded(&mut self, place: &Place, comparison: Comparison) {
        let counts = self.counts(place.version, place.operation);
        counts.decoded += 1;
        counts.lost += comparison.differences.len() as u64;
        for difference in comparison.differences {
            note(&mut self.differences, place, difference);
        }
        for undeclared in comparison.undeclared {
            note(&mut self.undeclared, place, undeclared);
        }
    }

    pub(super) fn failed(&mut self, place: &Place, failure: Failure) {
        self.counts(place.version, place.operation).failed += 1;
        let reason = excerpt(&failure.reason, 200);
        note(&mut self.failures, place, (failure.path, reason));
    }

    /// A document that the operation has no type for.
    pub(super) fn undescribed(&mut self, place: &Place, document: &Value) {
        if !document.is_null() {
            note(&mut self.undescribed, place, ());
        }
    }

    fn counts(&mut self, version: Version, operation: &'static str) -> &mut Counts {
        self.operations.entry((version, operation)).or_default()
    }

    fn total(&self) -> Counts {
        let mut total = Counts::default();
        for counts in self.operations.values() {
            total.exchanges += counts.exchanges;
            total.decoded += counts.decoded;
            total.failed += counts.failed;
            total.lost += counts.lost;
        }
        total
    }

    /// How many documents were read and written again.
    pub fn decoded_documents(&self) -> u64 {
        self.total().decoded
    }

    /// How many documents could not be read.
    pub fn failed_documents(&self) -> u64 {
        self.total().failed
    }

    /// How many fields with something in them did not come back as they were.
    pub fn lost_fields(&self) -> u64 {
        self.total().lost
    }

    /// For people.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_text(&mut text);
        text
    }

    fn write_text(&self, out: &mut String) -> fmt::Result {
        let names = self.operations.keys().map(|(_, name)| name.len());
        let width = names.max().unwrap_or_default().max("operation".len());
        writeln!(
            out,
            "version  {:<width$}  exchanges  decoded  failed  lost",
            "operation"
        )?;
        for ((version, name), counts) in &self.operations {
            writeln!(
                out,
                "{:<7}  {name:<width$}  {:>9}  {:>7}  {:>6}  {:>4}",
                shown(*version),
                counts.exchanges,
                counts.decoded,
                counts.failed,
                counts.lost
            )?;
        }
        section(out, "failed to decode", &self.failures, |(path, reason)| {
            let path = if path.is_empty() {
                "the document"
            } else {
                path
            };
            format!("{path}: {reason}")
        })?;
        section(
            out,
            "lost or changed",
            &self.differences,
            |found| match &found.became {
                Some(became) => format!("{}: {} became {became}", found.path, found.was),
                None => format!("{}: {} is lost", found.path, found.was),
            },
        )?;
        section(
            out,
            "undeclared fields, candidates for corrections",
            &self.undeclared,
            |found| match &found.declared {
                Some(declared) => {
                    format!("{} ({}), declared as {declared}", found.path, found.kind)
                }
                None => format!("{} ({})", found.path, found.kind),
            },
        )?;
        section(
            out,
            "documents where none is declared",
            &self.undescribed,
            |()| "a document".to_owned(),
        )?;
        if !self.unknown.is_empty() {
            writeln!(out, "\noperations unknown:")?;
            for ((version, request), times) in &self.unknown {
                writeln!(out, "  {} {request}{}", shown(*version), often(*times))?;
            }
        }
        let total = self.total();
        writeln!(
            out,
            "\n{} exchanges: {} documents decoded, {} failed, {} fields lost or changed, {} fields undeclared, \
             {} operations unknown",
            total.exchanges + self.unknown.values().sum::<u64>(),
            total.decoded,
            total.failed,
            total.lost,
            self.undeclared.len(),
            self.unknown.len()
        )
    }

    /// For programs.
    pub fn to_json(&self) -> Value {
        let operations = self.operations.iter().map(|((version, name), counts)| {
            json!({
                "version": shown(*version), "operation": name, "exchanges": counts.exchanges,
                "decoded": counts.decoded, "failed": counts.failed, "lost": counts.lost,
            })
        });
        let failures = list(
            &self.failures,
            |(path, reason)| json!({"path": path, "reason": reason}),
        );
        let differences = list(
            &self.differences,
            |found| json!({"path": found.path, "was": found.was, "became": found.became}),
        );
        let undeclared = list(
            &self.undeclared,
            |found| json!({"path": found.path, "type": found.kind, "declared": found.declared}),
        );
        let undescribed = list(&self.undescribed, |()| json!({}));
        let unknown = self.unknown.iter().map(|((version, request), times)| {
            json!({"version": shown(*version), "request": request, "times": times})
        });
        let total = self.total();
        json!({
            "files": self.files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>(),
            "exchanges": total.exchanges + self.unknown.values().sum::<u64>(),
            "decoded": total.decoded,
            "failed": total.failed,
            "lost": total.lost,
            "operations": operations.collect::<Vec<_>>(),
            "failures": failures,
            "differences": differences,
            "undeclared": undeclared,
            "undescribed": undescribed,
            "unknown": unknown.collect::<Vec<_>>(),
        })
    }
}

fn note<T: Ord>(findings: &mut Findings<T>, place: &Place, found: T) {
    let key = (place.version, place.operation, place.part, found);
    let seen = findings.entry(key).or_insert_with(|| Seen {
        times: 0,
        file: place.file.clone(),
        line: place.line,
    });
    seen.times += 1;
}

fn section<T>(
    out: &mut String,
    title: &str,
    findings: &Findings<T>,
    describe: impl Fn(&T) -> String,
) -> fmt::Result {
    if findings.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{title}:")?;
    for ((version, operation, part, found), seen) in findings {
        let (file, line) = (seen.file.display(), seen.line);
        let (version, found) = (shown(*version), describe(found));
        let times = often(seen.times);
        writeln!(
            out,
            "  {version} {operation}, {part}: {found} ({file}:{line}{times})"
        )?;
    }
    Ok(())
}

fn often(times: u64) -> String {
    match times {
        1 => String::new(),
        times => format!(", {times} times"),
    }
}

fn list<T>(findings: &Findings<T>, describe: impl Fn(&T) -> Value) -> Vec<Value> {
    let finding =
        |((version, operation, part, found), seen): (&(Version, &str, Part, T), &Seen)| {
            let mut value = Map::new();
            value.insert("version".to_owned(), shown(*version).into());
            value.insert("operation".to_owned(), (*operation).into());
            match part {
                Part::Request => value.insert("part".to_owned(), "request".into()),
                Part::Answer(status) => {
                    value.insert("part".to_owned(), "answer".into());
                    value.insert("status".to_owned(), (*status).into())
                }
            };
            if let Value::Object(more) = describe(found) {
                value.extend(more);
            }
            value.insert("file".to_owned(), seen.file.display().to_string().into());
            value.insert("line".to_owned(), seen.line.into());
            value.insert("times".to_owned(), seen.times.into());
            Value::Object(value)
        };
    findings.iter().map(finding).collect()
}

fn excerpt(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
