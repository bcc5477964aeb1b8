//! Which type of one version is which type of another.

use std::collections::BTreeMap;

use super::model::Model;
use crate::model::{Shape, Type, TypeId};

/// Pairs of types: no type is in two of them.
#[derive(Debug)]
pub(super) struct Pairs {
    new: BTreeMap<TypeId, TypeId>,
    old: BTreeMap<TypeId, TypeId>,
}

impl Pairs {
    /// Pairs types of one kind by their places, the most places first, but those that kept their name before
    /// all others; then what is left by name.
    pub(super) fn new(old: &Model<'_>, new: &Model<'_>) -> Self {
        let mut shared: BTreeMap<(TypeId, TypeId), usize> = BTreeMap::new();
        for (at, places) in old.places.iter().enumerate() {
            for id in places.iter().filter_map(|place| new.stands.get(place)) {
                *shared.entry((TypeId(at), *id)).or_default() += 1;
            }
        }
        let mut candidates: Vec<_> = shared
            .into_iter()
            .filter(|((a, b), _)| kind(old, *a) == kind(new, *b))
            .collect();
        candidates.sort_by_key(|&((a, b), count)| {
            let renamed = old.names.get(a) != new.names.get(b);
            (renamed, std::cmp::Reverse(count), a, b)
        });
        let mut pairs = Self {
            new: BTreeMap::new(),
            old: BTreeMap::new(),
        };
        for ((a, b), _) in candidates {
            pairs.add(a, b);
        }
        let by_name: BTreeMap<&str, TypeId> = new.ids().map(|id| (new.names.get(id), id)).collect();
        for a in old.ids() {
            if let Some(b) = by_name.get(old.names.get(a)) {
                pairs.add(a, *b);
            }
        }
        pairs
    }

    fn add(&mut self, old: TypeId, new: TypeId) {
        if !self.new.contains_key(&old) && !self.old.contains_key(&new) {
            self.new.insert(old, new);
            self.old.insert(new, old);
        }
    }

    /// What the newer version has in place of a type of the older one.
    pub(super) fn new_of(&self, old: TypeId) -> Option<TypeId> {
        self.new.get(&old).copied()
    }

    /// What the older version had in place of a type of the newer one.
    pub(super) fn old_of(&self, new: TypeId) -> Option<TypeId> {
        self.old.get(&new).copied()
    }

    /// Whether two types are the same but for the names of types in them.
    pub(super) fn same(&self, old: &Model<'_>, a: &Type, new: &Model<'_>, b: &Type) -> bool {
        match (old.api.resolve(a), new.api.resolve(b)) {
            (Type::Named(a), Type::Named(b)) => self.new_of(*a) == Some(*b),
            (Type::List(a), Type::List(b))
            | (Type::Map(a), Type::Map(b))
            | (Type::Nullable(a), Type::Nullable(b)) => self.same(old, a, new, b),
            (a, b) => a == b,
        }
    }
}

/// What kind of Rust item a type is.
pub(crate) fn kind(model: &Model<'_>, id: TypeId) -> &'static str {
    match model.api.type_def(id).shape {
        Shape::Object(_) => "struct",
        Shape::TextEnum(_) => "enum of texts",
        Shape::IntegerEnum(_) => "enum of integers",
        Shape::Alias(_) => "alias",
    }
}
