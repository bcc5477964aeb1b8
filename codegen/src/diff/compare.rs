//! Two models side by side.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::model::Model;
use super::types::{Pairs, kind};
use super::{Change, Diff, Item, Kind, Side, TYPES};
use crate::model::{
    Answer, Api, Body, BodyContent, Encoding, Field, Header, NamedInteger, Operation, Outcome,
    Parameter, Place, Shape, Type, TypeDef, TypeId,
};
use crate::names;
use crate::surface;
use crate::version::Version;
use crate::versions::Versions;

/// What changes for users who move from `old` to `new`.
pub fn diff(old: &Api, new: &Api, versions: &Versions) -> Diff {
    compare(&Model::new(old), &Model::new(new), versions)
}

/// The same, from models that are compared with many.
pub(crate) fn compare(old: &Model<'_>, new: &Model<'_>, versions: &Versions) -> Diff {
    let side = |api: Version| {
        let row = versions.get(api);
        Side {
            api,
            docker: row.map(|row| row.docker.clone()),
            release: row.map(|row| row.release()),
        }
    };
    let pairs = Pairs::new(old, new);
    let mut comparison = Comparison {
        old,
        new,
        pairs: &pairs,
        changes: Vec::new(),
    };
    comparison.operations();
    comparison.types();
    Diff {
        from: side(old.api.version),
        to: side(new.api.version),
        changes: comparison.changes,
    }
}

struct Comparison<'a> {
    old: &'a Model<'a>,
    new: &'a Model<'a>,
    pairs: &'a Pairs,
    changes: Vec<Change>,
}

/// What the changes of one operation or type have in common.
#[derive(Clone)]
struct Owner {
    group: String,
    owner: String,
    place: Option<String>,
}

impl Owner {
    fn operation(operation: &Operation) -> Self {
        Self {
            group: names::tag(&operation.tag).accessor,
            owner: names::method(operation),
            place: Some(endpoint(operation)),
        }
    }

    fn ty(model: &Model<'_>, id: TypeId) -> Self {
        Self {
            group: TYPES.to_owned(),
            owner: model.names.get(id).to_owned(),
            place: model.place(id),
        }
    }

    fn change(&self, item: Item, kind: Kind, name: impl Into<String>) -> Change {
        Change {
            group: self.group.clone(),
            owner: self.owner.clone(),
            place: self.place.clone(),
            item,
            kind,
            name: name.into(),
            wire: None,
            before: None,
            after: None,
            breaking: matches!(kind, Kind::Removed | Kind::Renamed),
            note: None,
        }
    }

    fn added(&self, item: Item, name: impl Into<String>, after: impl Into<String>) -> Change {
        let mut change = self.change(item, Kind::Added, name);
        change.after = Some(after.into());
        change
    }

    fn removed(&self, item: Item, name: impl Into<String>, before: impl Into<String>) -> Change {
        let mut change = self.change(item, Kind::Removed, name);
        change.before = Some(before.into());
        change
    }

    /// A change from one Rust type, name or signature to another, which breaks.
    fn changed(
        &self,
        item: Item,
        name: impl Into<String>,
        before: impl Into<String>,
        after: impl Into<String>,
    ) -> Change {
        let mut change = self.change(item, Kind::Changed, name);
        change.before = Some(before.into());
        change.after = Some(after.into());
        change.breaking = true;
        change
    }

    fn renamed(&self, item: Item, before: impl Into<String>, after: impl Into<String>) -> Change {
        let after = after.into();
        let mut change = self.changed(item, after.clone(), before, after);
        change.kind = Kind::Renamed;
        change
    }

    /// A change that users' code does not see.
    fn noted(&self, item: Item, name: impl Into<String>, note: impl Into<String>) -> Change {
        self.change(item, Kind::Changed, name).note(note)
    }
}

impl Change {
    fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    fn wire(mut self, wire: impl Into<String>) -> Self {
        self.wire = Some(wire.into());
        self
    }

    fn breaking(mut self, breaking: bool) -> Self {
        self.breaking = breaking;
        self
    }
}

impl Comparison<'_> {
    fn same(&self, old: &Type, new: &Type) -> bool {
        self.pairs.same(self.old, old, self.new, new)
    }

    fn operations(&mut self) {
        let pairs = pair_operations(&self.old.api.operations, &self.new.api.operations);
        let tags = self.new.api.operations.iter();
        let tags = tags.chain(&self.old.api.operations).map(|o| &o.tag);
        let mut seen = BTreeSet::new();
        for tag in tags.filter(|tag| seen.insert(*tag)) {
            for (old, new) in &pairs {
                match (old, new) {
                    (Some(old), Some(new)) if new.tag == *tag => self.operation(old, new),
                    (None, Some(new)) if new.tag == *tag => {
                        let signature = self.new.signature(new);
                        let owner = Owner::operation(new);
                        let change = owner.added(Item::Operation, &owner.owner, signature);
                        self.changes.push(change.wire(&new.id));
                    }
                    (Some(old), None) if old.tag == *tag => {
                        let signature = self.old.signature(old);
                        let owner = Owner::operation(old);
                        let change = owner.removed(Item::Operation, &owner.owner, signature);
                        self.changes.push(change.wire(&old.id));
                    }
                    _ => {}
                }
            }
        }
    }

    fn operation(&mut self, old: &Operation, new: &Operation) {
        let owner = Owner::operation(new);
        let (old_name, new_name) = (names::operation(old), names::operation(new));
        if old_name != new_name {
            let change = owner.renamed(Item::Operation, old_name, new_name);
            self.changes.push(change.wire(&new.id));
        }
        let (before, after) = (endpoint(old), endpoint(new));
        if before != after {
            let note = format!("`{before}` before");
            let change = owner.noted(Item::Operation, &owner.owner, note);
            self.changes.push(change.wire(&new.id));
        }
        self.parameters(&owner, old, new);
        self.body(&owner, old.body.as_ref(), new.body.as_ref());
        self.answer(&owner, old, new);
        self.errors(&owner, &old.errors, &new.errors);
        match (&old.tty, &new.tty) {
            (Some(_), None) => {
                self.changes
                    .push(owner.removed(Item::Setter, "with_tty", "with_tty(bool)"))
            }
            (None, Some(_)) => {
                self.changes
                    .push(owner.added(Item::Setter, "with_tty", "with_tty(bool)"))
            }
            _ => {}
        }
    }

    fn parameters(&mut self, owner: &Owner, old: &Operation, new: &Operation) {
        let pairs = pair_parameters(old, new);
        for (a, b) in &pairs {
            let change = match (a, b) {
                (None, Some(b)) if b.required => owner
                    .added(
                        Item::Argument,
                        names::parameter(&b.name),
                        self.new.argument(b),
                    )
                    .breaking(true)
                    .wire(&b.name),
                (None, Some(b)) => owner
                    .added(Item::Option, names::parameter(&b.name), self.new.value(b))
                    .wire(&b.name),
                (Some(a), None) if a.required => owner
                    .removed(
                        Item::Argument,
                        names::parameter(&a.name),
                        self.old.argument(a),
                    )
                    .wire(&a.name),
                (Some(a), None) => owner
                    .removed(Item::Option, names::parameter(&a.name), self.old.value(a))
                    .wire(&a.name),
                (Some(a), Some(b)) => match self.parameter(owner, a, b) {
                    Some(change) => change,
                    None => continue,
                },
                (None, None) => continue,
            };
            self.changes.push(change);
        }
        // Pairs stand in the order of the newer version.
        let places: Vec<usize> = pairs
            .iter()
            .filter_map(|(a, b)| match (a, b) {
                (Some(a), Some(b)) if a.required && b.required => old
                    .parameters
                    .iter()
                    .position(|known| std::ptr::eq(known, *a)),
                _ => None,
            })
            .collect();
        if !places.is_sorted() {
            let change = owner
                .changed(
                    Item::Operation,
                    &owner.owner,
                    self.old.signature(old),
                    self.new.signature(new),
                )
                .note("its arguments stand in another order");
            self.changes.push(change.wire(&new.id));
        }
    }

    fn parameter(&self, owner: &Owner, a: &Parameter, b: &Parameter) -> Option<Change> {
        let (old_name, name) = (names::parameter(&a.name), names::parameter(&b.name));
        let change = match (a.required, b.required) {
            (false, true) => owner
                .changed(
                    Item::Argument,
                    name,
                    self.old.value(a),
                    self.new.argument(b),
                )
                .note("an argument now; it was an option"),
            (true, false) => owner
                .changed(Item::Option, name, self.old.argument(a), self.new.value(b))
                .note("an option now; it was an argument"),
            (true, true) => {
                let borrowed = |model: &Model<'_>, p| surface::is_borrowed_text(model.api, p);
                let same = match (borrowed(self.old, a), borrowed(self.new, b)) {
                    (false, false) => self.same_value(a, b),
                    (a, b) => a == b,
                };
                if same {
                    owner.noted(Item::Argument, name, sent(a, b)?)
                } else {
                    let (before, after) = (self.old.argument(a), self.new.argument(b));
                    owner.changed(Item::Argument, name, before, after)
                }
            }
            (false, false) if !self.same_value(a, b) => {
                let (before, after) = (self.old.value(a), self.new.value(b));
                owner.changed(Item::Option, name, before, after)
            }
            (false, false) if old_name != name => owner.renamed(Item::Option, old_name, name),
            (false, false) => owner.noted(Item::Option, name, sent(a, b)?),
        };
        Some(change.wire(&b.name))
    }

    fn same_value(&self, a: &Parameter, b: &Parameter) -> bool {
        surface::is_filters(a) == surface::is_filters(b) && self.same(&a.ty, &b.ty)
    }

    fn body(&mut self, owner: &Owner, old: Option<&Body>, new: Option<&Body>) {
        let change = match (old, new) {
            (None, None) => return,
            (None, Some(new)) => owner
                .added(Item::Body, "body", self.new.body(&new.content))
                .breaking(new.required)
                .note(body_place(new)),
            (Some(old), None) => owner
                .removed(Item::Body, "body", self.old.body(&old.content))
                .note(body_place(old)),
            (Some(old), Some(new)) => {
                let (same, note) = match (&old.content, &new.content) {
                    (BodyContent::Json(a), BodyContent::Json(b)) => (self.same(a, b), None),
                    (BodyContent::Binary(a), BodyContent::Binary(b)) => (
                        true,
                        (a != b).then(|| format!("sent as `{b}`; it was `{a}`")),
                    ),
                    _ => (false, None),
                };
                let (before, after) = (self.old.body(&old.content), self.new.body(&new.content));
                if old.required != new.required {
                    owner
                        .changed(Item::Body, "body", before, after)
                        .note(format!("{} now", body_place(new)))
                } else if !same {
                    owner.changed(Item::Body, "body", before, after)
                } else if let Some(note) = note {
                    owner.noted(Item::Body, "body", note)
                } else {
                    return;
                }
            }
        };
        self.changes.push(change);
    }

    fn answer(&mut self, owner: &Owner, old: &Operation, new: &Operation) {
        let same = match (&old.answer, &new.answer) {
            (Answer::Head(a), Answer::Head(b)) => return self.headers(owner, a, b),
            (Answer::Head(_), _) | (_, Answer::Head(_)) => false,
            _ if !old.outcomes.is_empty() && !new.outcomes.is_empty() => {
                return self.outcomes(owner, &old.outcomes, &new.outcomes);
            }
            _ if old.outcomes.is_empty() != new.outcomes.is_empty() => false,
            (Answer::Json(a), Answer::Json(b)) | (Answer::JsonLines(a), Answer::JsonLines(b)) => {
                self.same(a, b)
            }
            (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
        };
        if !same {
            let (before, after) = (self.old.answer(old), self.new.answer(new));
            self.changes
                .push(owner.changed(Item::Answer, "send", before, after));
        }
    }

    fn headers(&mut self, owner: &Owner, old: &[Header], new: &[Header]) {
        let text =
            |model: &Model<'_>, header: &Header| format!("Option<{}>", model.text(&header.ty));
        for (a, b) in pair_by(old, new, |header| names::parameter(&header.name)) {
            let change = match (a, b) {
                (Some(a), None) => owner
                    .removed(Item::Header, names::parameter(&a.name), text(self.old, a))
                    .wire(&a.name),
                (None, Some(b)) => owner
                    .added(Item::Header, names::parameter(&b.name), text(self.new, b))
                    .wire(&b.name),
                (Some(a), Some(b)) if !self.same(&a.ty, &b.ty) => owner
                    .changed(
                        Item::Header,
                        names::parameter(&b.name),
                        text(self.old, a),
                        text(self.new, b),
                    )
                    .wire(&b.name),
                _ => continue,
            };
            self.changes.push(change);
        }
    }

    fn outcomes(&mut self, owner: &Owner, old: &[Outcome], new: &[Outcome]) {
        let was_copy = old.iter().all(|outcome| outcome.body.is_none());
        let name = |outcome: &Outcome| names::pascal(&outcome.name);
        for (a, b) in pair_by(old, new, name) {
            let change = match (a, b) {
                (Some(a), None) => owner.removed(Item::Outcome, name(a), self.old.outcome(a)),
                (None, Some(b)) => {
                    let change = owner.added(Item::Outcome, name(b), self.new.outcome(b));
                    if was_copy && b.body.is_some() {
                        change.breaking(true).note("outcomes are not `Copy` now")
                    } else {
                        change
                    }
                }
                (Some(a), Some(b)) => {
                    let same = match (&a.body, &b.body) {
                        (Some(a), Some(b)) => self.same(a, b),
                        (a, b) => a.is_none() == b.is_none(),
                    };
                    if !same {
                        let (before, after) = (self.old.outcome(a), self.new.outcome(b));
                        owner.changed(Item::Outcome, name(b), before, after)
                    } else if a.status != b.status {
                        let note = format!("the status {} now; it was {}", b.status, a.status);
                        owner.noted(Item::Outcome, name(b), note)
                    } else {
                        continue;
                    }
                }
                (None, None) => continue,
            };
            let status = b.or(a).map(|outcome| outcome.status.to_string());
            self.changes.push(change.wire(status.unwrap_or_default()));
        }
    }

    /// Users meet statuses of failure in errors, whatever is declared.
    fn errors(&mut self, owner: &Owner, old: &[u16], new: &[u16]) {
        for (a, b) in pair_by(old, new, u16::to_string) {
            let change = match (a, b) {
                (None, Some(status)) => owner.change(Item::Error, Kind::Added, status.to_string()),
                (Some(status), None) => owner
                    .change(Item::Error, Kind::Removed, status.to_string())
                    .breaking(false),
                _ => continue,
            };
            self.changes.push(change);
        }
    }

    fn types(&mut self) {
        let mut order: BTreeMap<(&str, Option<TypeId>, Option<TypeId>), ()> = BTreeMap::new();
        for new in self.new.ids() {
            let old = self.pairs.old_of(new);
            order.insert((self.new.names.get(new), old, Some(new)), ());
        }
        for old in self.old.ids() {
            if self.pairs.new_of(old).is_none() {
                order.insert((self.old.names.get(old), Some(old), None), ());
            }
        }
        for (_, old, new) in order.into_keys() {
            match (old, new) {
                (Some(old), Some(new)) => self.ty(old, new),
                (None, Some(new)) => {
                    let owner = Owner::ty(self.new, new);
                    let change = owner.added(Item::Type, &owner.owner, kind(self.new, new));
                    self.changes.push(change);
                }
                (Some(old), None) => self.removed_type(old),
                (None, None) => {}
            }
        }
    }

    fn removed_type(&mut self, old: TypeId) {
        let owner = Owner::ty(self.old, old);
        let mut change = owner.removed(Item::Type, &owner.owner, kind(self.old, old));
        // What stands in its places now, as far as it has a name.
        let places: BTreeSet<&String> = self.old.places[old.0].iter().collect();
        let heirs: Vec<String> = self
            .new
            .ids()
            .filter(|id| self.new.places[id.0].iter().any(|at| places.contains(at)))
            .map(|id| format!("`{}`", self.new.names.get(id)))
            .collect();
        if !heirs.is_empty() {
            change = change.note(format!("{} in its place", heirs.join(", ")));
        }
        self.changes.push(change);
    }

    fn ty(&mut self, old: TypeId, new: TypeId) {
        let owner = Owner::ty(self.new, new);
        let (before, after) = (self.old.names.get(old), self.new.names.get(new));
        if before != after {
            self.changes.push(owner.renamed(Item::Type, before, after));
        }
        let (a, b) = (self.old.type_def(old), self.new.type_def(new));
        match (&a.shape, &b.shape) {
            (Shape::Object(_), Shape::Object(_)) => {
                self.usage(&owner, a, b);
                self.fields(&owner, old, new);
            }
            (Shape::TextEnum(old), Shape::TextEnum(new)) => {
                self.usage(&owner, a, b);
                self.values(&owner, &texts(old), &texts(new));
            }
            (Shape::IntegerEnum(old), Shape::IntegerEnum(new)) => {
                self.usage(&owner, a, b);
                self.values(&owner, &integers(old), &integers(new));
            }
            (Shape::Alias(a), Shape::Alias(b)) => {
                if !self.same(a, b) {
                    let (a, b) = (self.old.text(a), self.new.text(b));
                    self.changes.push(owner.changed(Item::Type, after, a, b));
                }
            }
            _ => {
                let (a, b) = (kind(self.old, old), kind(self.new, new));
                self.changes.push(owner.changed(Item::Type, after, a, b));
            }
        }
    }

    /// Which way a type travels decides how it can be made, written and read.
    fn usage(&mut self, owner: &Owner, old: &TypeDef, new: &TypeDef) {
        let is_struct = matches!(new.shape, Shape::Object(_));
        let name = &owner.owner;
        match (old.usage.request, new.usage.request) {
            (false, true) => {
                let note = "requests take it now (`Serialize`)";
                self.changes.push(owner.noted(Item::Type, name, note));
            }
            (true, false) => {
                let note = if is_struct {
                    "no request takes it now: no literal syntax (`#[non_exhaustive]`), no `Serialize`"
                } else {
                    "no request takes it now: no `Serialize`"
                };
                let change = owner.noted(Item::Type, name, note).breaking(true);
                self.changes.push(change);
            }
            _ => {}
        }
        match (old.usage.response, new.usage.response) {
            (false, true) => {
                let note = "answers bring it now (`Deserialize`)";
                self.changes.push(owner.noted(Item::Type, name, note));
            }
            (true, false) => {
                let note = "no answer brings it now: no `Deserialize`";
                let change = owner.noted(Item::Type, name, note).breaking(true);
                self.changes.push(change);
            }
            _ => {}
        }
    }

    fn fields(&mut self, owner: &Owner, old: TypeId, new: TypeId) {
        let (old_fields, new_fields) = (
            NamedField::all(self.old, old),
            NamedField::all(self.new, new),
        );
        let (old, new) = (self.old.type_def(old), self.new.type_def(new));
        for (a, b) in pair_by_two(
            &old_fields,
            &new_fields,
            |field| field.field.name.clone(),
            |field| field.name.to_owned(),
        ) {
            let change = match (a, b) {
                (None, Some(b)) => {
                    let text = self.new.field(b.field, new);
                    let change = owner.added(Item::Field, b.name, text);
                    let change = change.wire(&b.field.name);
                    if new.usage.request && b.field.required {
                        change.note("required: sent with its default where it is not set")
                    } else {
                        change
                    }
                }
                (Some(a), None) => {
                    let text = self.old.field(a.field, old);
                    let change = owner.removed(Item::Field, a.name, text);
                    change.wire(&a.field.name)
                }
                (Some(a), Some(b)) => match self.field(owner, (a, old), (b, new)) {
                    Some(change) => change.wire(&b.field.name),
                    None => continue,
                },
                (None, None) => continue,
            };
            self.changes.push(change);
        }
    }

    fn field(
        &self,
        owner: &Owner,
        (a, old): (&NamedField<'_>, &TypeDef),
        (b, new): (&NamedField<'_>, &TypeDef),
    ) -> Option<Change> {
        let bare = surface::is_bare(self.old.api, a.field, old.usage);
        let same = bare == surface::is_bare(self.new.api, b.field, new.usage)
            && self.same(&a.field.ty, &b.field.ty);
        if !same {
            let (before, after) = (self.old.field(a.field, old), self.new.field(b.field, new));
            return Some(owner.changed(Item::Field, b.name, before, after));
        }
        if a.name != b.name {
            return Some(owner.renamed(Item::Field, a.name, b.name));
        }
        let mut notes = Vec::new();
        if a.field.name != b.field.name {
            notes.push(format!("`{}` before", a.field.name));
        }
        if new.usage.request && a.field.required != b.field.required {
            notes.push(
                if b.field.required {
                    "required now"
                } else {
                    "not required now"
                }
                .into(),
            );
        }
        notes.extend(default(a.field.default.as_ref(), b.field.default.as_ref()));
        (!notes.is_empty()).then(|| owner.noted(Item::Field, b.name, notes.join("; ")))
    }

    fn values(&mut self, owner: &Owner, old: &[NamedValue], new: &[NamedValue]) {
        for (a, b) in pair_by_two(
            old,
            new,
            |value| value.wire.clone(),
            |value| value.name.clone(),
        ) {
            let change = match (a, b) {
                (None, Some(b)) => owner
                    .change(Item::Value, Kind::Added, &b.name)
                    .wire(&b.wire),
                (Some(a), None) => owner
                    .change(Item::Value, Kind::Removed, &a.name)
                    .wire(&a.wire),
                (Some(a), Some(b)) if a.name != b.name => {
                    owner.renamed(Item::Value, &a.name, &b.name).wire(&b.wire)
                }
                (Some(a), Some(b)) if a.wire != b.wire => owner
                    .noted(Item::Value, &b.name, format!("`{}` before", a.wire))
                    .wire(&b.wire),
                _ => continue,
            };
            self.changes.push(change);
        }
    }
}

fn endpoint(operation: &Operation) -> String {
    format!("{} {}", operation.method, operation.path)
}

fn body_place(body: &Body) -> &'static str {
    if body.required {
        "an argument"
    } else {
        "set on the request"
    }
}

/// What changes between two parameters of one Rust type.
fn sent(a: &Parameter, b: &Parameter) -> Option<String> {
    let place = |parameter: &Parameter| match parameter.place {
        // A placeholder's name is not sent.
        Place::Path => "in the path".to_owned(),
        Place::Query => format!("in the query as `{}`", parameter.name),
        Place::Header => format!("in the header `{}`", parameter.name),
    };
    let way = |parameter: &Parameter| match parameter.encoding {
        Encoding::Plain => "",
        Encoding::Csv => ", separated by commas",
        Encoding::Json => ", as JSON",
        Encoding::JsonItems => ", each item as JSON",
        Encoding::Base64UrlJson => ", as JSON in base64",
    };
    let mut notes = Vec::new();
    let (before, after) = (place(a) + way(a), place(b) + way(b));
    if before != after {
        notes.push(format!("sent {after}; before {before}"));
    }
    notes.extend(default(a.default.as_ref(), b.default.as_ref()));
    (!notes.is_empty()).then(|| notes.join("; "))
}

fn default(old: Option<&Value>, new: Option<&Value>) -> Option<String> {
    let says_something = |value: &&Value| !matches!(value, Value::Null) && **value != "";
    match (old.filter(says_something), new.filter(says_something)) {
        (old, new) if old == new => None,
        (None, Some(new)) => Some(format!("the daemon's default is `{new}`")),
        (Some(old), None) => Some(format!("the daemon's default was `{old}`")),
        (Some(old), Some(new)) => Some(format!("the daemon's default is `{new}`; it was `{old}`")),
        (None, None) => None,
    }
}

struct NamedField<'a> {
    name: &'a str,
    field: &'a Field,
}

impl<'a> NamedField<'a> {
    fn all(model: &'a Model<'_>, id: TypeId) -> Vec<Self> {
        let Shape::Object(fields) = &model.type_def(id).shape else {
            return Vec::new();
        };
        let names = model.field_names[id.0].iter();
        let named = names.zip(fields);
        named.map(|(name, field)| Self { name, field }).collect()
    }
}

struct NamedValue {
    name: String,
    wire: String,
}

fn texts(values: &[String]) -> Vec<NamedValue> {
    let names = names::variants(values).into_iter().zip(values);
    names
        .map(|(name, wire)| NamedValue {
            name,
            wire: wire.clone(),
        })
        .collect()
}

fn integers(values: &[NamedInteger]) -> Vec<NamedValue> {
    values
        .iter()
        .map(|value| NamedValue {
            name: names::integer_variant(value),
            wire: value.value.to_string(),
        })
        .collect()
}

type Pair<'a, T> = (Option<&'a T>, Option<&'a T>);

/// Operations by method and path, whatever its placeholders are called, and what is left by Rust name.
fn pair_operations<'a>(old: &'a [Operation], new: &'a [Operation]) -> Vec<Pair<'a, Operation>> {
    let shape = |operation: &Operation| {
        let segments = operation.path.split('/');
        let shape: Vec<_> = segments
            .map(|part| if part.starts_with('{') { "{}" } else { part })
            .collect();
        format!("{} {}", operation.method, shape.join("/"))
    };
    pair_by_two(old, new, shape, names::operation)
}

/// Parameters by place and name (in a path by their order), and what is left by Rust name.
fn pair_parameters<'a>(old: &'a Operation, new: &'a Operation) -> Vec<Pair<'a, Parameter>> {
    let key = |operation: &'a Operation| {
        move |parameter: &Parameter| match parameter.place {
            Place::Path => {
                let placeholder = format!("{{{}}}", parameter.name);
                let mut segments = operation.path.split('/').filter(|s| s.starts_with('{'));
                let nth = segments.position(|segment| segment == placeholder);
                format!("path {}", nth.unwrap_or(usize::MAX))
            }
            Place::Query => format!("query {}", parameter.name),
            Place::Header => format!("header {}", parameter.name),
        }
    };
    pair_by_keys(
        &old.parameters,
        &new.parameters,
        &[
            (&key(old), &key(new)),
            (
                &|parameter| names::parameter(&parameter.name),
                &|parameter| names::parameter(&parameter.name),
            ),
        ],
    )
}

fn pair_by<'a, T>(old: &'a [T], new: &'a [T], key: impl Fn(&T) -> String) -> Vec<Pair<'a, T>> {
    pair_by_keys(old, new, &[(&key, &key)])
}

/// Pairs by the first key, and what is left by the second.
fn pair_by_two<'a, T>(
    old: &'a [T],
    new: &'a [T],
    first: impl Fn(&T) -> String,
    second: impl Fn(&T) -> String,
) -> Vec<Pair<'a, T>> {
    pair_by_keys(old, new, &[(&first, &first), (&second, &second)])
}

/// The key of an item of the old and of the new list.
type Keys<'k, T> = (&'k dyn Fn(&T) -> String, &'k dyn Fn(&T) -> String);

/// All items, in the order of the new list and then of the old one; those that have a key in common are pairs,
/// and an earlier key goes before a later one.
fn pair_by_keys<'a, T>(old: &'a [T], new: &'a [T], keys: &[Keys<'_, T>]) -> Vec<Pair<'a, T>> {
    let mut found: Vec<Option<usize>> = vec![None; new.len()];
    let mut taken = vec![false; old.len()];
    for (old_key, new_key) in keys {
        let mut free: BTreeMap<String, usize> = BTreeMap::new();
        for (at, item) in old.iter().enumerate().rev().filter(|(at, _)| !taken[*at]) {
            free.insert(old_key(item), at);
        }
        for (place, item) in found.iter_mut().zip(new) {
            if place.is_none()
                && let Some(at) = free.remove(&new_key(item))
            {
                *place = Some(at);
                taken[at] = true;
            }
        }
    }
    let known = found.into_iter().zip(new);
    let known = known.map(|(at, item)| (at.map(|at| &old[at]), Some(item)));
    let left = old.iter().zip(taken).filter(|(_, taken)| !taken);
    known
        .chain(left.map(|(item, _)| (Some(item), None)))
        .collect()
}
