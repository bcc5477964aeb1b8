//! Which file a type stands in: with the noun its name begins with, else with the first group of operations
//! that reaches it. A definition of many fields has a file of its own, with the unnamed types inside it.

use std::collections::BTreeMap;

use crate::model::{Answer, Api, Body, BodyContent, Operation, Shape, Step, Type, TypeId};
use crate::names;

/// The types of each file, in the order of the model.
pub(crate) fn of_types(api: &Api) -> BTreeMap<String, Vec<TypeId>> {
    let tags = tags(api);
    let mut group: BTreeMap<TypeId, String> = BTreeMap::new();
    for tag in &tags {
        for operation in api
            .operations
            .iter()
            .filter(|operation| operation.tag == *tag)
        {
            for ty in types_of(operation) {
                reach(api, &ty, &names::tag(tag).types, &mut group);
            }
        }
    }
    let families = families(api);
    let mut groups: BTreeMap<String, Vec<TypeId>> = BTreeMap::new();
    for id in (0..api.types.len()).map(TypeId) {
        let file = large_family(api, id, &families)
            .or_else(|| named_after(api, id, &tags))
            .or_else(|| group.get(&id).cloned())
            .unwrap_or_else(|| "common".to_owned());
        groups.entry(file).or_default().push(id);
    }
    groups
}

/// The tags of an API, in the order in which its operations first use them.
pub(crate) fn tags(api: &Api) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for operation in &api.operations {
        if !tags.contains(&operation.tag) {
            tags.push(operation.tag.clone());
        }
    }
    tags
}

/// How many fields and values there are in each definition, unnamed types inside it included.
fn families(api: &Api) -> BTreeMap<&Step, usize> {
    let mut families = BTreeMap::new();
    for def in &api.types {
        let size = match &def.shape {
            Shape::Object(fields) => fields.len(),
            Shape::TextEnum(values) => values.len(),
            Shape::IntegerEnum(values) => values.len(),
            Shape::Alias(_) => 1,
        };
        *families.entry(&def.place[0]).or_insert(0) += size;
    }
    families
}

fn large_family(api: &Api, id: TypeId, families: &BTreeMap<&Step, usize>) -> Option<String> {
    const LARGE: usize = 15;
    let family = api.type_def(id).place.first()?;
    match family {
        Step::Definition(name) if families[family] >= LARGE => Some(names::snake(name)),
        _ => None,
    }
}

fn named_after(api: &Api, id: TypeId, tags: &[String]) -> Option<String> {
    let name = match api.type_def(id).place.first()? {
        Step::Definition(name) => name,
        Step::Parameter(operation, _) | Step::Request(operation) | Step::Response(operation) => {
            let operation = api.operations.iter().find(|known| known.id == *operation)?;
            return Some(names::tag(&operation.tag).types);
        }
        Step::Field(_) | Step::Item | Step::Entry => return None,
    };
    let first = names::words(name).into_iter().next()?;
    tags.iter()
        .map(|tag| names::tag(tag).types)
        .find(|group| *group == first)
}

fn types_of(operation: &Operation) -> Vec<Type> {
    let mut types: Vec<Type> = operation
        .parameters
        .iter()
        .map(|parameter| parameter.ty.clone())
        .collect();
    if let Some(Body {
        content: BodyContent::Json(ty),
        ..
    }) = &operation.body
    {
        types.push(ty.clone());
    }
    if let Answer::Json(ty) | Answer::JsonLines(ty) = &operation.answer {
        types.push(ty.clone());
    }
    types.extend(
        operation
            .outcomes
            .iter()
            .filter_map(|outcome| outcome.body.clone()),
    );
    types
}

fn reach(api: &Api, ty: &Type, name: &str, group: &mut BTreeMap<TypeId, String>) {
    match ty {
        Type::List(inner) | Type::Map(inner) | Type::Nullable(inner) => {
            reach(api, inner, name, group);
        }
        Type::Named(id) => {
            if group.contains_key(id) {
                return;
            }
            group.insert(*id, name.to_owned());
            match &api.type_def(*id).shape {
                Shape::Object(fields) => fields.iter().for_each(|f| reach(api, &f.ty, name, group)),
                Shape::Alias(aliased) => reach(api, aliased, name, group),
                Shape::TextEnum(_) | Shape::IntegerEnum(_) => {}
            }
        }
        _ => {}
    }
}
