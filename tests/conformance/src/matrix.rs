//! What came of it: engines, versions, operations.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::case::Case;
use crate::named;
use crate::surprise::{Found, Key};

/// How one operation of one version went on one engine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cell {
    /// It did what it says, and refused what is wrong.
    Passed,
    /// It was refused, as it should be, for this reason.
    Refused(String),
    /// It cannot be run, for this reason.
    Unavailable(String),
    /// What went wrong.
    Failed(Vec<String>),
}

/// The whole.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Matrix {
    pub(crate) engines: Vec<EngineRow>,
    /// What payloads hold that the documents do not say: candidates for corrections.
    pub(crate) surprises: Vec<Surprise>,
}

/// One engine.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct EngineRow {
    pub(crate) name: String,
    pub(crate) release: String,
    /// The versions it was asked in, oldest first.
    pub(crate) versions: Vec<String>,
    pub(crate) counts: BTreeMap<String, Counts>,
    /// Each operation's ranges of versions by how they went.
    pub(crate) operations: BTreeMap<String, Ranges>,
}

/// Ranges of versions of one operation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ranges {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) passed: Vec<String>,
    /// By reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) refused: BTreeMap<String, Vec<String>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) unavailable: BTreeMap<String, Vec<String>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) failed: BTreeMap<String, Vec<String>>,
}

/// How many operations of one version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub(crate) passed: usize,
    pub(crate) refused: usize,
    pub(crate) unavailable: usize,
    pub(crate) failed: usize,
}

/// Something that no document says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Surprise {
    pub(crate) what: String,
    pub(crate) operation: String,
    /// Where in the payload; of a status, the status.
    pub(crate) path: String,
    /// Engines with the versions.
    pub(crate) seen: BTreeMap<String, Vec<String>>,
    /// An excerpt of what was there.
    pub(crate) example: String,
}

impl Matrix {
    pub(crate) fn total(&self) -> Counts {
        let rows = self.engines.iter().map(EngineRow::total);
        rows.fold(Counts::default(), Counts::sum)
    }

    /// The names of all operations.
    pub(crate) fn operations(&self) -> BTreeSet<&str> {
        let rows = self.engines.iter();
        rows.flat_map(|row| row.operations.keys().map(String::as_str))
            .collect()
    }
}

impl EngineRow {
    pub(crate) fn total(&self) -> Counts {
        let counts = self.counts.values().copied();
        counts.fold(Counts::default(), Counts::sum)
    }
}

impl fmt::Display for Surprise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.operation, self.path, self.what)?;
        for (engine, versions) in &self.seen {
            write!(f, "; {engine} {}", versions.join(", "))?;
        }
        write!(f, "; {}", self.example)
    }
}

impl Counts {
    pub(crate) fn all(self) -> usize {
        self.passed + self.refused + self.unavailable + self.failed
    }

    pub(crate) fn add(&mut self, cell: &Cell) {
        match cell {
            Cell::Passed => self.passed += 1,
            Cell::Refused(_) => self.refused += 1,
            Cell::Unavailable(_) => self.unavailable += 1,
            Cell::Failed(_) => self.failed += 1,
        }
    }

    pub(crate) fn sum(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            refused: self.refused + other.refused,
            unavailable: self.unavailable + other.unavailable,
            failed: self.failed + other.failed,
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed, {} refused as they should be, {} failed, {} cannot run here",
            self.passed, self.refused, self.failed, self.unavailable
        )
    }
}

/// The cells of a case.
pub(crate) struct Noted {
    pub(crate) version: String,
    pub(crate) cells: BTreeMap<String, Cell>,
}

/// Judges what was noted in a case. Where not everything was told, what was not reached is left out.
pub(crate) fn judge(case: Case<'_>, is_whole: bool) -> Noted {
    let names: Vec<String> = case.client.operations().map(str::to_owned).collect();
    let reasons: BTreeMap<_, _> = names
        .iter()
        .map(|name| {
            let reasons = (
                named::no_success(&case, name),
                named::no_failure(&case, name),
            );
            (name.clone(), reasons)
        })
        .collect();
    let is_ours = case.facts.engine.is_private();
    let version = case.version.to_string();
    let tallies = case.into_notes();
    let mut cells = BTreeMap::new();
    for name in names {
        let tally = tallies.get(name.as_str()).cloned().unwrap_or_default();
        let (no_success, no_failure) = reasons[&name];
        let failed = |what: &str| Cell::Failed(vec![what.to_owned()]);
        let is_due = is_whole && is_ours;
        let cell = if !tally.failures.is_empty() {
            Cell::Failed(tally.failures)
        } else if let Some(why) = no_success {
            match (tally.succeeded, tally.refused) {
                (0, 0) => Cell::Unavailable(why.to_owned()),
                (0, _) => Cell::Refused(why.to_owned()),
                _ => failed("is listed as one that cannot succeed, and does"),
            }
        } else if tally.succeeded == 0 && is_due {
            failed("never succeeded")
        } else if tally.refused == 0 && is_due && no_failure.is_none() {
            failed("was never refused")
        } else if tally.succeeded + tally.refused > 0 {
            Cell::Passed
        } else if is_whole {
            Cell::Unavailable("done to engines of our own alone".to_owned())
        } else {
            continue;
        };
        cells.insert(name, cell);
    }
    Noted { version, cells }
}

/// The surprises of an engine, version by version, added to those of others.
pub(crate) fn add_surprises(
    all: &mut BTreeMap<Key, Surprise>,
    engine: &str,
    versions: Vec<(String, Found)>,
) {
    let mut last = BTreeSet::new();
    for (version, found) in versions {
        for (key, example) in &found {
            let (what, operation, path) = key.clone();
            let surprise = all.entry(key.clone()).or_insert_with(|| Surprise {
                what: what.to_owned(),
                operation,
                path,
                seen: BTreeMap::new(),
                example: example.clone(),
            });
            let seen = surprise.seen.entry(engine.to_owned()).or_default();
            extend(seen, &version, last.contains(key));
        }
        last = found.into_keys().collect();
    }
}

/// The row of an engine from its cases, oldest version first.
pub(crate) fn row(name: &str, release: &str, cases: &[Noted]) -> EngineRow {
    let mut row = EngineRow {
        name: name.to_owned(),
        release: release.to_owned(),
        versions: cases.iter().map(|case| case.version.clone()).collect(),
        ..EngineRow::default()
    };
    for case in cases {
        let counts = row.counts.entry(case.version.clone()).or_default();
        case.cells.values().for_each(|cell| counts.add(cell));
    }
    let names: BTreeSet<&String> = cases.iter().flat_map(|case| case.cells.keys()).collect();
    for operation in names {
        let ranges = row.operations.entry(operation.clone()).or_default();
        let mut last: Option<&Cell> = None;
        for case in cases {
            let cell = case.cells.get(operation);
            let continues = last.is_some() && last == cell;
            match cell {
                None => {}
                Some(Cell::Passed) => extend(&mut ranges.passed, &case.version, continues),
                Some(Cell::Refused(why)) => {
                    let list = ranges.refused.entry(why.clone()).or_default();
                    extend(list, &case.version, continues);
                }
                Some(Cell::Unavailable(why)) => {
                    let list = ranges.unavailable.entry(why.clone()).or_default();
                    extend(list, &case.version, continues);
                }
                Some(Cell::Failed(what)) => {
                    let list = ranges.failed.entry(what.join("; ")).or_default();
                    extend(list, &case.version, continues);
                }
            }
            last = cell;
        }
    }
    row
}

/// Adds a version to ranges such as `1.24–1.41`.
fn extend(ranges: &mut Vec<String>, version: &str, continues: bool) {
    match ranges.last_mut() {
        Some(last) if continues => {
            let first = last.split('–').next().unwrap_or_default();
            *last = format!("{first}–{version}");
        }
        _ => ranges.push(version.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_went_alike_are_a_range() {
        let case = |version: &str, cell: Option<Cell>| Noted {
            version: version.to_owned(),
            cells: cell
                .into_iter()
                .map(|cell| ("X".to_owned(), cell))
                .collect(),
        };
        let cases = [
            case("1.24", None),
            case("1.25", Some(Cell::Passed)),
            case("1.26", Some(Cell::Passed)),
            case("1.27", Some(Cell::Refused("why".to_owned()))),
            case("1.28", Some(Cell::Passed)),
        ];
        let row = row("engine", "1", &cases);
        assert_eq!(row.operations["X"].passed, ["1.25–1.26", "1.28"]);
        assert_eq!(row.operations["X"].refused["why"], ["1.27"]);
        assert_eq!(row.versions.len(), 5);
        assert_eq!(row.counts["1.27"].refused, 1);
        assert_eq!(row.counts["1.24"], Counts::default());
    }
}
