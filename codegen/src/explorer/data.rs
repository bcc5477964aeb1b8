//! The data of the page, as small as it can be read: every text and every record stands in it once.
//!
//! # JSON
//!
//! One object. Texts are numbers, their place in `texts`, of which the first is empty; versions are numbers,
//! their place in `versions`.
//!
//! - `versions`: `[api, feature, release, derived from]`, oldest first.
//! - `texts`: what the other lists refer to.
//! - `records`: what is known of an operation, a type or a part of one, in one version or many.
//!   - of an operation `[signature, id, method, path, answer, words, statuses of failure, since, until, unbounded]`,
//!   - of a type `[kind, aliased type, words, name in the union, sent, read, file]`,
//!   - of a part `[item, name, wire name, type, words, how it is sent, default, since, until, required, secret]`.
//! - `owners`: operations in their order and then types by name: `[group, name, line, lines of its parts]`. The
//!   group of types is `types`. A line says which record holds from which version on, `[version, record, …]`;
//!   there is nothing from a version with the record -1 on.
//! - `changes`: `[group, owner, place, item, change, name, wire name, before, after, breaking, note, spans]`, as
//!   in [`Change`](crate::diff::Change). It is part of the difference between two versions if its spans have
//!   them: `[from, from, to, to, …]`, the first and last version to move from, and to move to.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::model::Api;
use crate::names;
use crate::versions::{Source, Versions};

/// What is known, growing.
pub(super) struct Data {
    versions: Vec<Value>,
    texts: Table<String>,
    records: Table<Value>,
    owners: Vec<Value>,
    /// Where an owner stands, by group and name.
    ranks: HashMap<(String, String), usize>,
    pub(super) changes: Vec<Value>,
}

/// Things that are said once, by number.
struct Table<T> {
    entries: Vec<T>,
    known: HashMap<T, usize>,
}

impl<T: Clone + Eq + std::hash::Hash> Table<T> {
    fn new() -> Self {
        Self {
            entries: Vec::new(),
            known: HashMap::new(),
        }
    }

    fn number(&mut self, entry: T) -> usize {
        *self.known.entry(entry).or_insert_with_key(|entry| {
            self.entries.push(entry.clone());
            self.entries.len() - 1
        })
    }
}

impl Data {
    pub(super) fn new(apis: &[Api], versions: &Versions) -> Self {
        let version = |api: &Api| {
            let row = versions.get(api.version);
            let derived = row.and_then(|row| match row.source {
                Source::Derived { from } => Some(from.to_string()),
                Source::Published { .. } => None,
            });
            json!([
                api.version.to_string(),
                names::version_module(api.version),
                row.map(|row| row.release()),
                derived,
            ])
        };
        let mut data = Self {
            versions: apis.iter().map(version).collect(),
            texts: Table::new(),
            records: Table::new(),
            owners: Vec::new(),
            ranks: HashMap::new(),
            changes: Vec::new(),
        };
        data.text("");
        data
    }

    pub(super) fn text(&mut self, text: impl Into<String>) -> usize {
        self.texts.number(text.into())
    }

    pub(super) fn record(&mut self, record: Value) -> usize {
        self.records.number(record)
    }

    pub(super) fn own(&mut self, group: &str, name: &str, own: &[Option<usize>], parts: &[Value]) {
        let rank = self.owners.len();
        self.ranks.insert((group.to_owned(), name.to_owned()), rank);
        let entry = json!([self.text(group), self.text(name), line(own), parts]);
        self.owners.push(entry);
    }

    /// Where an owner stands among all, and after all where it is none.
    pub(super) fn rank(&self, group: &str, name: &str) -> usize {
        let key = (group.to_owned(), name.to_owned());
        self.ranks.get(&key).copied().unwrap_or(usize::MAX)
    }

    /// The whole, an entry a line, to stand in a page.
    pub(super) fn to_json(&self) -> String {
        let texts: Vec<Value> = self.texts.entries.iter().map(|text| json!(text)).collect();
        let lists = [
            ("versions", &self.versions),
            ("texts", &texts),
            ("records", &self.records.entries),
            ("owners", &self.owners),
            ("changes", &self.changes),
        ];
        let lists = lists.map(|(name, entries)| {
            let lines: Vec<_> = entries.iter().map(Value::to_string).collect();
            format!("\"{name}\":[\n{}\n]", lines.join(",\n"))
        });
        // In a page, `</script>` and `<!--` would mean something.
        format!("{{\n{}\n}}", lists.join(",\n")).replace('<', "\\u003c")
    }
}

/// What holds in each version, as `[version, record, …]`.
pub(super) fn line(records: &[Option<usize>]) -> Value {
    let mut line = Vec::new();
    let mut before = None;
    for (version, record) in records.iter().enumerate() {
        if *record != before {
            line.push(json!(version));
            line.push(record.map_or(json!(-1), |record| json!(record)));
            before = *record;
        }
    }
    Value::Array(line)
}
