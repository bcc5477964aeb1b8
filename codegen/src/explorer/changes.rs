//! What changes between any two versions.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::data::Data;
use crate::diff::{Change, Item, Model, compare};
use crate::generate::in_parallel;
use crate::model::Api;
use crate::versions::Versions;

/// A version to move from, and those to move to, by their place among all, in order.
type Moves = (usize, Vec<usize>);

/// Adds every change between two versions, in either direction, in the order of the owners.
pub(super) fn add(data: &mut Data, apis: &[Api], versions: &Versions) {
    let models = in_parallel(apis.iter(), |api| Model::new(api));
    let by_version = in_parallel(models.iter(), |from| {
        let mut changes: BTreeMap<Change, Vec<usize>> = BTreeMap::new();
        for (to, model) in models.iter().enumerate() {
            if model.api.version != from.api.version {
                for change in compare(from, model, versions).changes {
                    changes.entry(change).or_default().push(to);
                }
            }
        }
        changes
    });
    let mut all: BTreeMap<Change, Vec<Moves>> = BTreeMap::new();
    for (from, changes) in by_version.into_iter().enumerate() {
        for (change, mut to) in changes {
            // One that is told twice is still one.
            to.dedup();
            all.entry(change).or_default().push((from, to));
        }
    }
    let mut all: Vec<_> = all.into_iter().collect();
    all.sort_by_cached_key(|(change, _)| {
        let is_own = matches!(change.item, Item::Operation | Item::Type);
        let rank = data.rank(&change.group, &change.owner);
        (rank, !is_own, change.item)
    });
    for (change, moves) in &all {
        let change = entry(data, change, moves);
        data.changes.push(change);
    }
}

fn entry(data: &mut Data, change: &Change, moves: &[Moves]) -> Value {
    let mut text = |text: &Option<String>| data.text(text.as_deref().unwrap_or_default());
    let optional = [
        &change.place,
        &change.wire,
        &change.before,
        &change.after,
        &change.note,
    ];
    let [place, wire, before, after, note] = optional.map(&mut text);
    json!([
        data.text(&change.group),
        data.text(&change.owner),
        place,
        data.text(word(change.item)),
        data.text(word(change.kind)),
        data.text(&change.name),
        wire,
        before,
        after,
        u8::from(change.breaking),
        note,
        spans(moves),
    ])
}

/// An item or a kind, as it stands in the JSON of a difference.
fn word(word: impl serde::Serialize) -> String {
    let word = serde_json::to_value(word).unwrap_or_default();
    word.as_str().unwrap_or_default().to_owned()
}

/// `[from, from, to, to, …]`: the first and the last version of each side.
fn spans(moves: &[Moves]) -> Vec<usize> {
    let mut spans: Vec<[usize; 4]> = Vec::new();
    for (from, to) in moves {
        for run in to.chunk_by(|a, b| *b == a + 1) {
            let (first, last) = (run[0], run[run.len() - 1]);
            let grown = spans
                .iter_mut()
                .find(|[_, until, a, b]| until + 1 == *from && (*a, *b) == (first, last));
            match grown {
                Some([_, until, ..]) => *until = *from,
                None => spans.push([*from, *from, first, last]),
            }
        }
    }
    spans.concat()
}

#[cfg(test)]
mod tests {
    use super::spans;

    #[test]
    fn spans_join_neighbours_and_nothing_else() {
        let moves = [
            (0, vec![2, 3, 5]),
            (1, vec![2, 3]),
            (2, vec![3]),
            (4, vec![2, 3]),
        ];
        assert_eq!(
            spans(&moves),
            [0, 1, 2, 3, 0, 0, 5, 5, 2, 2, 3, 3, 4, 4, 2, 3]
        );
        let mut pairs: Vec<(usize, usize)> = Vec::new();
        for span in spans(&moves).chunks(4) {
            for from in span[0]..=span[1] {
                pairs.extend((span[2]..=span[3]).map(|to| (from, to)));
            }
        }
        pairs.sort_unstable();
        let expected = moves
            .iter()
            .flat_map(|(from, to)| to.iter().map(|to| (*from, *to)));
        assert_eq!(pairs, expected.collect::<Vec<_>>());
    }
}
