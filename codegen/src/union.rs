//! All versions as one: every operation, parameter, field and value that any version has, in the newest shape.
//!
//! Types are joined by where they stand in requests and answers, as in [`history`](crate::history), so a
//! definition that was renamed on the way is one type here. Something is required only if every version that
//! could have it requires it.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    Answer, Api, Body, BodyContent, Field, Integer, Operation, Outcome, Parameter, Shape, Type,
    TypeDef, TypeId, Usage,
};
use crate::version::Version;

/// The union of all versions, and where it could not keep both sides of a change.
#[derive(Clone, Debug)]
pub struct Union {
    pub api: Api,
    /// Changes of a type that the newest version's shape does not cover, for people to look at.
    pub conflicts: Vec<Conflict>,
    /// For each version, what its types have become here.
    pub joined: BTreeMap<Version, BTreeMap<TypeId, TypeId>>,
}

/// A place where an older version has another type than the union.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    pub version: Version,
    /// The operation, as the union calls it.
    pub operation: String,
    pub place: String,
    pub problem: String,
}

/// Joins the models of all versions, oldest first.
///
/// # Panics
///
/// If there is no version.
pub fn union(apis: &[Api]) -> Union {
    let (newest, older) = apis.split_last().expect("there is at least one version");
    let own = (0..newest.types.len()).map(|id| (TypeId(id), TypeId(id)));
    let mut union = Union {
        api: newest.clone(),
        conflicts: Vec::new(),
        joined: BTreeMap::from([(newest.version, own.collect())]),
    };
    for api in older.iter().rev() {
        let mut join = Join {
            union: &mut union,
            older: api,
            joined: BTreeMap::new(),
            inside_of: Vec::new(),
            torn: BTreeSet::new(),
            operation: String::new(),
            place: String::new(),
        };
        for operation in &api.operations {
            join.operation(operation);
        }
        // Definitions that no request and no answer leads to, such as the error's.
        let has_shape = |id: &TypeId| !matches!(api.type_def(*id).shape, Shape::Alias(_));
        for id in (0..api.types.len()).map(TypeId).filter(has_shape) {
            if join.joined.contains_key(&id) {
                continue;
            }
            join.place = format!("{:?}", api.type_def(id).place);
            join.import_named(id);
        }
        let joined = join.joined;
        union.joined.insert(api.version, joined);
    }
    union.api.find_usage();
    for operation in &mut union.api.operations {
        // Each is of a version.
        operation.behaviours.clear();
        operation.defaults.clear();
    }
    union
}

struct Join<'a> {
    union: &'a mut Union,
    older: &'a Api,
    /// What each type of the older version has become.
    joined: BTreeMap<TypeId, TypeId>,
    /// The types of the older version that are being joined.
    inside_of: Vec<TypeId>,
    /// Those that could not be joined altogether.
    torn: BTreeSet<TypeId>,
    operation: String,
    place: String,
}

impl Join<'_> {
    fn operation(&mut self, older: &Operation) {
        self.place = format!("{} {}", older.method, older.path);
        let known = self
            .union
            .api
            .operations
            .iter()
            .position(|known| known.method == older.method && known.path == older.path);
        self.operation = known
            .map_or(&older.id, |at| &self.union.api.operations[at].id)
            .clone();
        let Some(at) = known else {
            let imported = self.import_operation(older);
            self.union.api.operations.push(imported);
            return;
        };
        let mut operation = self.union.api.operations[at].clone();
        if let (Some(tty), Some(before)) = (&mut operation.tty, &older.tty) {
            // It is believed only if it tells in every version.
            tty.content_type &= before.content_type;
        }
        self.parameters(&mut operation.parameters, &older.parameters);
        operation.body = self.inside(" < ", |join| join.body(operation.body, older.body.as_ref()));
        operation.answer = self.inside(" > ", |join| join.answer(operation.answer, &older.answer));
        self.inside(" > ", |join| {
            join.outcomes(&mut operation.outcomes, &older.outcomes)
        });
        operation.errors.extend(
            older
                .errors
                .iter()
                .filter(|status| !operation.errors.contains(status))
                .copied()
                .collect::<Vec<_>>(),
        );
        operation.errors.sort_unstable();
        self.union.api.operations[at] = operation;
    }

    fn parameters(&mut self, known: &mut Vec<Parameter>, older: &[Parameter]) {
        for parameter in known.iter_mut() {
            let before = older
                .iter()
                .find(|p| p.place == parameter.place && p.name == parameter.name);
            parameter.required &= before.is_some_and(|before| before.required);
            if let Some(before) = before {
                parameter.ty = self.join(&parameter.ty, &before.ty);
            }
        }
        for before in older {
            if !known
                .iter()
                .any(|p| p.place == before.place && p.name == before.name)
            {
                known.push(Parameter {
                    ty: self.import(&before.ty),
                    required: false,
                    ..before.clone()
                });
            }
        }
    }

    fn body(&mut self, known: Option<Body>, older: Option<&Body>) -> Option<Body> {
        match (known, older) {
            (Some(known), Some(older)) => {
                let content = match (&known.content, &older.content) {
                    (BodyContent::Json(known), BodyContent::Json(older)) => {
                        BodyContent::Json(self.join(known, older))
                    }
                    _ => known.content,
                };
                Some(Body {
                    required: known.required && older.required,
                    content,
                })
            }
            (Some(known), None) => Some(Body {
                required: false,
                ..known
            }),
            (None, Some(older)) => {
                let content = match &older.content {
                    BodyContent::Json(ty) => BodyContent::Json(self.import(ty)),
                    BodyContent::Binary(media) => BodyContent::Binary(media.clone()),
                };
                Some(Body {
                    required: false,
                    content,
                })
            }
            (None, None) => None,
        }
    }

    fn answer(&mut self, known: Answer, older: &Answer) -> Answer {
        match (known, older) {
            (Answer::Json(known), Answer::Json(older)) => Answer::Json(self.join(&known, older)),
            (Answer::JsonLines(known), Answer::JsonLines(older)) => {
                Answer::JsonLines(self.join(&known, older))
            }
            (Answer::Head(mut known), Answer::Head(older)) => {
                for header in older {
                    if !known.iter().any(|known| known.name == header.name) {
                        known.push(crate::model::Header {
                            ty: self.import(&header.ty),
                            ..header.clone()
                        });
                    }
                }
                Answer::Head(known)
            }
            (known, older) => {
                if std::mem::discriminant(&known) != std::mem::discriminant(older) {
                    self.conflict(format!("the answer was {}", answer_name(older)));
                }
                known
            }
        }
    }

    fn outcomes(&mut self, known: &mut Vec<Outcome>, older: &[Outcome]) {
        for outcome in older {
            match known
                .iter_mut()
                .find(|known| known.status == outcome.status)
            {
                Some(known) => {
                    if let (Some(ty), Some(older)) = (&known.body, &outcome.body) {
                        known.body = Some(self.join(ty, older));
                    }
                }
                None => {
                    let body = outcome.body.as_ref().map(|ty| self.import(ty));
                    known.push(Outcome {
                        body,
                        ..outcome.clone()
                    });
                }
            }
        }
    }

    fn import_operation(&mut self, older: &Operation) -> Operation {
        let mut operation = older.clone();
        // It moved to another path later on, and both are there.
        if self
            .union
            .api
            .operations
            .iter()
            .any(|known| known.id == older.id)
        {
            operation.id = format!("{}-until-{}", older.id, self.older.version);
        }
        for parameter in &mut operation.parameters {
            parameter.ty = self.import(&parameter.ty);
        }
        operation.body = self.body(None, older.body.as_ref()).map(|body| Body {
            required: older.body.as_ref().is_some_and(|older| older.required),
            ..body
        });
        operation.answer = match &older.answer {
            Answer::Json(ty) => Answer::Json(self.import(ty)),
            Answer::JsonLines(ty) => Answer::JsonLines(self.import(ty)),
            other => other.clone(),
        };
        operation.outcomes.clear();
        self.outcomes(&mut operation.outcomes, &older.outcomes);
        operation
    }

    /// One type that covers both: the union's, with all that the older one has besides.
    fn join(&mut self, known: &Type, older: &Type) -> Type {
        match (known, older) {
            (Type::Named(known), Type::Named(older)) => {
                self.join_named(*known, *older);
                Type::Named(*known)
            }
            // A name that only stands for another type on one side.
            (Type::Named(id), other)
                if matches!(self.union.api.type_def(*id).shape, Shape::Alias(_)) =>
            {
                let target = self.union.api.resolve(known).clone();
                self.join(&target, other);
                known.clone()
            }
            (known, other @ Type::Named(_)) if self.older.resolve(other) != other => {
                let target = self.older.resolve(other).clone();
                self.join(known, &target)
            }
            (Type::List(known), Type::List(older)) => {
                self.inside("[]", |join| Type::List(Box::new(join.join(known, older))))
            }
            (Type::Map(known), Type::Map(older)) => {
                self.inside("{}", |join| Type::Map(Box::new(join.join(known, older))))
            }
            (Type::Nullable(_), _) | (_, Type::Nullable(_)) => {
                Type::Nullable(Box::new(self.join(known.entry(), older.entry())))
            }
            (Type::Integer(known), Type::Integer(older)) => Type::Integer(wider(*known, *older)),
            (Type::Any, other) => self.import(other),
            (known, Type::Any) => {
                if let Type::Named(_) = known {
                    self.conflict(format!("anything became {known:?}"));
                }
                known.clone()
            }
            // An enum is open: it holds any text. A time keeps the text it was read from.
            (Type::Named(_) | Type::Timestamp, Type::Text) => known.clone(),
            (Type::Text, Type::Timestamp) => Type::Text,
            (Type::Text, Type::Named(id))
                if matches!(self.older.type_def(*id).shape, Shape::TextEnum(_)) =>
            {
                Type::Text
            }
            (known, older) => {
                if known != older {
                    self.conflict(format!("{older:?} became {known:?}"));
                }
                known.clone()
            }
        }
    }

    fn join_named(&mut self, known: TypeId, older: TypeId) {
        if self.joined.insert(older, known) == Some(known) {
            if self.torn.contains(&older) {
                self.conflict("the same as elsewhere".to_owned());
            }
            return;
        }
        self.inside_of.push(older);
        self.join_shapes(known, older);
        self.inside_of.pop();
    }

    fn join_shapes(&mut self, known: TypeId, older: TypeId) {
        let before = self.older.type_def(older).clone();
        let mut shape = self.union.api.type_def(known).shape.clone();
        match (&mut shape, &before.shape) {
            (Shape::Object(fields), Shape::Object(before)) => self.fields(fields, before),
            (Shape::TextEnum(values), Shape::TextEnum(before)) => extend(values, before),
            (Shape::IntegerEnum(values), Shape::IntegerEnum(before)) => extend(values, before),
            (Shape::Alias(ty), Shape::Alias(before)) => *ty = self.join(ty, before),
            (Shape::Alias(ty), _) => *ty = self.join(ty, &Type::Named(older)),
            (_, Shape::Alias(ty)) => {
                self.join(&Type::Named(known), ty);
                return;
            }
            _ => self.conflict("an object became an enum, or the reverse".to_owned()),
        }
        let def = &mut self.union.api.types[known.0];
        def.shape = shape;
        def.nullable |= before.nullable;
    }

    fn fields(&mut self, known: &mut Vec<Field>, older: &[Field]) {
        for field in known.iter_mut() {
            field.required &= older
                .iter()
                .any(|before| before.name == field.name && before.required);
        }
        for before in older {
            let place = format!(".{}", before.name);
            // A spelling that is read in any case is no field of its own.
            let same = |field: &&mut Field| {
                field.name == before.name || field.aliases.contains(&before.name)
            };
            match known.iter_mut().find(same) {
                Some(field) => {
                    field.ty = self.inside(&place, |join| join.join(&field.ty, &before.ty));
                    field.nullable |= before.nullable;
                    field.secret |= before.secret;
                    extend(&mut field.aliases, &before.aliases);
                }
                None => {
                    let ty = self.inside(&place, |join| join.import(&before.ty));
                    known.push(Field {
                        ty,
                        required: false,
                        ..before.clone()
                    });
                }
            }
        }
    }

    /// A type that only the older version has, brought over.
    fn import(&mut self, older: &Type) -> Type {
        match older {
            Type::List(inner) => Type::List(Box::new(self.import(inner))),
            Type::Map(inner) => Type::Map(Box::new(self.import(inner))),
            Type::Nullable(inner) => Type::Nullable(Box::new(self.import(inner))),
            Type::Named(id) => Type::Named(self.import_named(*id)),
            other => other.clone(),
        }
    }

    fn import_named(&mut self, older: TypeId) -> TypeId {
        if let Some(known) = self.joined.get(&older).copied() {
            if self.torn.contains(&older) {
                self.conflict("the same as elsewhere".to_owned());
            }
            return known;
        }
        let before = self.older.type_def(older).clone();
        if let Some(known) = self
            .union
            .api
            .types
            .iter()
            .position(|known| known.place == before.place)
        {
            self.join_named(TypeId(known), older);
            return TypeId(known);
        }
        let id = TypeId(self.union.api.types.len());
        self.joined.insert(older, id);
        self.union.api.types.push(TypeDef {
            usage: Usage::default(),
            ..before.clone()
        });
        let shape = match before.shape {
            Shape::Object(fields) => {
                let fields = fields.into_iter().map(|field| Field {
                    ty: self.import(&field.ty),
                    ..field
                });
                Shape::Object(fields.collect())
            }
            Shape::Alias(ty) => Shape::Alias(self.import(&ty)),
            shape => shape,
        };
        self.union.api.types[id.0].shape = shape;
        id
    }

    fn inside<T>(&mut self, step: &str, work: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.place.len();
        self.place.push_str(step);
        let result = work(self);
        self.place.truncate(length);
        result
    }

    fn conflict(&mut self, problem: String) {
        self.torn.extend(&self.inside_of);
        let conflict = Conflict {
            version: self.older.version,
            operation: self.operation.clone(),
            place: self.place.clone(),
            problem,
        };
        self.union.conflicts.push(conflict);
    }
}

fn extend<T: Clone + PartialEq>(known: &mut Vec<T>, older: &[T]) {
    for item in older {
        if !known.contains(item) {
            known.push(item.clone());
        }
    }
}

fn wider(a: Integer, b: Integer) -> Integer {
    let rank = |integer| match integer {
        Integer::I8 | Integer::U8 => 0,
        Integer::I16 | Integer::U16 => 1,
        Integer::I32 | Integer::U32 => 2,
        Integer::I64 => 3,
        Integer::U64 => 4,
    };
    if rank(b) > rank(a) { b } else { a }
}

fn answer_name(answer: &Answer) -> &'static str {
    match answer {
        Answer::Json(_) => "JSON",
        Answer::Unit => "nothing",
        Answer::Text => "text",
        Answer::Bytes => "bytes",
        Answer::JsonLines(_) => "lines of JSON",
        Answer::LogFrames => "log frames",
        Answer::Upgrade => "an upgraded connection",
        Answer::Head(_) => "in the headers",
    }
}
