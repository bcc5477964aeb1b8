//! What can be said in a request to some versions and not to others.

use crate::history::{History, operation_key, parameter_key, second_key};
use crate::model::{Api, Behaviour, Body, BodyContent, Operation, Place, Shape, Type};

/// An operation, the versions that have it, and what of its requests differs between these.
#[derive(Clone, Debug)]
pub struct OperationGates<'a> {
    pub operation: &'a Operation,
    /// Bit n stands for the nth version.
    pub versions: u64,
    /// The versions that have everything there is to say.
    pub whole: u64,
    pub query: Vec<Node>,
    pub headers: Vec<Node>,
    pub body: Vec<Node>,
}

/// A parameter or a field of which something differs.
#[derive(Clone, Debug)]
pub struct Node {
    /// As it stands in a request; `[]` for the items of a list, `{}` for the entries of a map, `[1]` for all items but the
    /// first where not all versions take more than one.
    pub name: String,
    pub versions: u64,
    /// The versions that have it with all that is in it.
    pub whole: u64,
    /// What a daemon of another version does with it.
    pub outside: Behaviour,
    pub values: Vec<Value>,
    pub children: Vec<Node>,
}

/// A value of an enum that not all versions have.
#[derive(Clone, Debug)]
pub struct Value {
    pub text: String,
    pub versions: u64,
    pub outside: Behaviour,
}

/// The gates of all operations of the model of all versions, in the order of that model.
pub fn gates<'a>(union: &'a Api, history: &History) -> Vec<OperationGates<'a>> {
    let all = !0_u64 >> (64 - history.versions().len());
    let find = Find {
        api: union,
        history,
        all,
    };
    union
        .operations
        .iter()
        .map(|operation| find.operation(operation))
        .collect()
}

struct Find<'a> {
    api: &'a Api,
    history: &'a History,
    /// The set of all versions.
    all: u64,
}

impl Find<'_> {
    fn operation<'o>(&self, operation: &'o Operation) -> OperationGates<'o> {
        let key = operation_key(operation);
        let versions = self.history.set(&key);
        let parameters = |place: Place| {
            let mut nodes: Vec<_> = operation
                .parameters
                .iter()
                .filter(|parameter| parameter.place == place)
                .filter_map(|parameter| {
                    let key = parameter_key(operation, parameter);
                    // Documents in headers are not looked into.
                    let ty = match place {
                        Place::Header => &Type::Any,
                        _ => &parameter.ty,
                    };
                    self.node(&parameter.name, ty, &key, versions)
                })
                .collect();
            nodes.sort_by(|a, b| a.name.cmp(&b.name));
            nodes
        };
        let body = match &operation.body {
            Some(Body {
                content: BodyContent::Json(ty),
                ..
            }) => self.inside(ty, &format!("{key} < "), versions).1,
            _ => Vec::new(),
        };
        let (query, headers) = (parameters(Place::Query), parameters(Place::Header));
        OperationGates {
            operation,
            versions,
            whole: whole(versions, [&query, &headers, &body].into_iter().flatten()),
            query,
            headers,
            body,
        }
    }

    /// What differs of the thing at `key`, inside of something that `around` have; none if nothing does.
    fn node(&self, name: &str, ty: &Type, key: &str, around: u64) -> Option<Node> {
        // Outside of what it is in it is not looked at.
        let versions = self.history.set(key) | (self.all & !around);
        let (values, children) = self.inside(ty, key, versions);
        let node = Node {
            name: name.to_owned(),
            versions,
            whole: whole(versions, &children)
                & values.iter().fold(!0, |all, value| all & value.versions),
            outside: self.outside(key, versions),
            values,
            children,
        };
        (node.whole != self.all).then_some(node)
    }

    /// The values and the children of what is at `key`.
    fn inside(&self, ty: &Type, key: &str, around: u64) -> (Vec<Value>, Vec<Node>) {
        let only = |node: Option<Node>| (Vec::new(), node.into_iter().collect());
        match self.api.resolve(ty) {
            // Said once for each item.
            Type::List(inner) if self.history.set(&second_key(key)) != 0 => {
                let (values, mut nodes) = self.inside(inner, key, around);
                nodes.extend(self.second(key));
                nodes.sort_by(|a, b| a.name.cmp(&b.name));
                (values, nodes)
            }
            Type::List(inner) => only(self.step("[]", inner, format!("{key}[]"), around)),
            Type::Map(inner) => only(self.step("{}", inner, format!("{key}{{}}"), around)),
            Type::Nullable(inner) => self.inside(inner, key, around),
            Type::Named(id) => match &self.api.type_def(*id).shape {
                Shape::Object(fields) => {
                    let mut nodes: Vec<_> = fields
                        .iter()
                        .filter_map(|field| {
                            let key = format!("{key}.{}", field.name);
                            self.node(&field.name, &field.ty, &key, around)
                        })
                        .collect();
                    nodes.sort_by(|a, b| a.name.cmp(&b.name));
                    (Vec::new(), nodes)
                }
                Shape::TextEnum(values) => (self.values(values, key, around), Vec::new()),
                _ => (Vec::new(), Vec::new()),
            },
            _ => (Vec::new(), Vec::new()),
        }
    }

    /// All items of a list but the first, where some versions take no more than one.
    fn second(&self, key: &str) -> Option<Node> {
        let several = self.history.set(&second_key(key));
        let one = self.history.set(key) & !several;
        let versions = self.all & !one;
        let node = Node {
            name: "[1]".to_owned(),
            versions,
            whole: versions,
            outside: Behaviour::Ignored,
            values: Vec::new(),
            children: Vec::new(),
        };
        (several != 0 && one != 0).then_some(node)
    }

    /// The items of a list or the entries of a map, of which only what is inside can differ.
    fn step(&self, name: &str, ty: &Type, key: String, around: u64) -> Option<Node> {
        let (values, children) = self.inside(ty, &key, around);
        let node = Node {
            name: name.to_owned(),
            versions: self.all,
            whole: whole(self.all, &children)
                & values.iter().fold(!0, |all, value| all & value.versions),
            outside: Behaviour::Ignored,
            values,
            children,
        };
        (node.whole != self.all).then_some(node)
    }

    fn values(&self, values: &[String], key: &str, around: u64) -> Vec<Value> {
        let set = |value: &String| self.history.set(&format!("{key}={value}"));
        // Where the description lists no values, any will do.
        let listed = values.iter().map(set).fold(0, |all, set| all | set);
        let open = self.all & !(listed & around);
        let mut values: Vec<_> = values
            .iter()
            .map(|text| (text, set(text) | open))
            .filter(|(_, versions)| *versions != self.all)
            .map(|(text, versions)| Value {
                text: text.clone(),
                versions,
                outside: self.outside(&format!("{key}={text}"), versions),
            })
            .collect();
        values.sort_by(|a, b| a.text.cmp(&b.text));
        values
    }

    /// What is known of the versions nearest to those that have it.
    fn outside(&self, key: &str, versions: u64) -> Behaviour {
        let known = self.history.behaviours(key);
        let last = known
            .iter()
            .filter(|(version, _)| versions & (1 << version) == 0)
            .max_by_key(|(version, _)| *version);
        last.map_or(Behaviour::Ignored, |(_, behaviour)| behaviour.clone())
    }
}

fn whole<'n>(versions: u64, nodes: impl IntoIterator<Item = &'n Node>) -> u64 {
    nodes
        .into_iter()
        .fold(versions, |all, node| all & node.whole)
}
