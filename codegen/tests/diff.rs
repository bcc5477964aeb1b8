//! What `diff` says of the real versions, held against the source that is emitted for them: everything in the
//! older crate that the newer one lacks or has with another type is told as breaking, and nothing else is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use docker_api_gen_codegen::diff::{Change, Diff, Item, Kind, TYPES, diff};
use docker_api_gen_codegen::docs::{Docs, DocsOf};
use docker_api_gen_codegen::emit::{Files, version_crate};
use docker_api_gen_codegen::history::History;
use docker_api_gen_codegen::model::Api;
use docker_api_gen_codegen::union::union;
use docker_api_gen_codegen::versions::Versions;
use docker_api_gen_codegen::{Document, Version};
use quote::ToTokens;
use syn::{Fields, ImplItem, Item as Source, ReturnType, Type, Visibility};

struct All {
    versions: Versions,
    apis: Vec<Api>,
}

impl All {
    fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let text = fs::read_to_string(root.join("specs/versions.toml")).unwrap();
        let versions = Versions::parse("versions.toml", &text).unwrap();
        let apis = versions
            .iter()
            .map(|version| {
                let name = format!("specs/openapi/v{version}.json");
                let text = fs::read_to_string(root.join(&name)).unwrap();
                Api::read(&Document::parse(&name, version, &text).unwrap().root).unwrap()
            })
            .collect();
        Self { versions, apis }
    }

    fn api(&self, version: &str) -> &Api {
        let version: Version = version.parse().unwrap();
        self.apis.iter().find(|api| api.version == version).unwrap()
    }

    fn diff(&self, from: &str, to: &str) -> Diff {
        diff(self.api(from), self.api(to), &self.versions)
    }
}

fn find<'d>(diff: &'d Diff, item: Item, owner: &str, name: &str) -> &'d Change {
    diff.changes
        .iter()
        .find(|change| (change.item, &*change.owner, &*change.name) == (item, owner, name))
        .unwrap_or_else(|| panic!("nothing is said of {owner}.{name}"))
}

#[test]
fn known_changes_are_told() {
    let all = All::read();

    let diff = all.diff("1.41", "1.42");
    let signal = find(&diff, Item::Option, "stop", "signal");
    assert_eq!((signal.kind, signal.breaking), (Kind::Added, false));
    assert_eq!(signal.group, "containers");
    assert!(
        diff.to_text()
            .starts_with("API 1.41 (Docker 20.10) → API 1.42 (Docker 23.0)\n")
    );
    let back = all.diff("1.42", "1.41");
    let signal = find(&back, Item::Option, "stop", "signal");
    assert_eq!((signal.kind, signal.breaking), (Kind::Removed, true));

    let diff = all.diff("1.54", "1.55");
    let attestations = find(&diff, Item::Operation, "attestations", "attestations");
    assert_eq!(
        (attestations.kind, attestations.breaking),
        (Kind::Added, false)
    );
    assert_eq!(
        attestations.place.as_deref(),
        Some("GET /images/{name}/attestations")
    );

    // The description calls it by another name, at the same place.
    let diff = all.diff("1.51", "1.52");
    let port = find(&diff, Item::Type, "PortSummary", "PortSummary");
    assert_eq!(
        (port.kind, port.before.as_deref()),
        (Kind::Renamed, Some("Port"))
    );
}

/// The public items of a crate: their paths, with what users' code relies on.
type Surface = BTreeMap<String, String>;

fn surface(files: &Files) -> Surface {
    let mut surface = Surface::new();
    for (path, text) in files {
        let Some((_, below)) = path.split_once("/src/") else {
            continue;
        };
        let items = syn::parse_file(text).unwrap().items;
        if below.starts_with("types/") {
            types(&items, &mut surface);
        } else if let Some(tag) = below
            .strip_prefix("api/")
            .and_then(|name| name.strip_suffix(".rs"))
        {
            operations(tag, &items, &mut surface);
        }
    }
    // An alias is as good as what it stands for.
    let aliases: BTreeMap<String, String> = surface
        .iter()
        .filter_map(|(path, ty)| {
            let alias = ty.strip_prefix(ALIAS)?;
            Some((path.strip_prefix("types.")?.to_owned(), alias.to_owned()))
        })
        .collect();
    for ty in surface.values_mut() {
        // One may stand for another.
        for _ in 0..3 {
            *ty = replace_names(ty, &aliases);
        }
    }
    surface
}

const ALIAS: &str = "type ";

fn replace_names(text: &str, names: &BTreeMap<String, String>) -> String {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut replaced = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_name) {
        let end = rest[start..]
            .find(|c| !is_name(c))
            .map_or(rest.len(), |n| start + n);
        let name = &rest[start..end];
        replaced.push_str(&rest[..start]);
        replaced.push_str(names.get(name).map_or(name, String::as_str));
        rest = &rest[end..];
    }
    replaced + rest
}

/// The tokens as text, in which it does not matter how a file writes its paths.
fn text(tokens: &impl ToTokens) -> String {
    tokens
        .to_token_stream()
        .to_string()
        .replace(' ', "")
        .replace("types::", "")
        .replace("std::collections::", "")
}

fn fields(prefix: &str, fields: &Fields, surface: &mut Surface) {
    for field in fields {
        if let Some(name) = &field.ident {
            surface.insert(format!("{prefix}.{name}"), text(&field.ty));
        }
    }
}

fn types(items: &[Source], surface: &mut Surface) {
    for item in items {
        match item {
            Source::Struct(item) => {
                let path = format!("{TYPES}.{}", item.ident);
                fields(&path, &item.fields, surface);
                if !item
                    .attrs
                    .iter()
                    .any(|attr| attr.path().is_ident("non_exhaustive"))
                {
                    surface.insert(format!("{path}#literal"), String::new());
                }
                surface.insert(path, "struct".to_owned());
            }
            Source::Enum(item) => {
                let path = format!("{TYPES}.{}", item.ident);
                for variant in &item.variants {
                    let name = format!("{path}.{}", variant.ident);
                    surface.insert(name, text(&variant.fields));
                }
                surface.insert(path, "enum".to_owned());
            }
            Source::Type(item) => {
                let ty = format!("{ALIAS}{}", text(&item.ty));
                surface.insert(format!("{TYPES}.{}", item.ident), ty);
            }
            // `wire::readable!(Port);`, unless a feature asks for it.
            Source::Macro(item) if item.attrs.is_empty() => {
                let name = item.mac.path.segments.last().unwrap().ident.to_string();
                for (start, way) in [("readable", "Deserialize"), ("writable", "Serialize")] {
                    if name.starts_with(start) {
                        let path = format!("{TYPES}.{}#{way}", item.mac.tokens);
                        surface.insert(path, String::new());
                    }
                }
            }
            _ => {}
        }
    }
}

fn operations(tag: &str, items: &[Source], surface: &mut Surface) {
    // Which request each method makes.
    let mut methods: BTreeMap<String, String> = BTreeMap::new();
    for (request, function) in functions(items) {
        if let ReturnType::Type(_, ty) = &function.output
            && let Type::Path(made) = &**ty
            && made.path.segments.last().unwrap().ident != "Self"
            && !function.ident.to_string().starts_with("send")
        {
            let made = made.path.segments.last().unwrap().ident.to_string();
            let arguments = function
                .inputs
                .iter()
                .skip(1)
                .map(|argument| match argument {
                    syn::FnArg::Typed(argument) => text(&argument.ty),
                    syn::FnArg::Receiver(_) => unreachable!("the receiver comes first: {request}"),
                });
            let path = format!("{tag}.{}", function.ident);
            surface.insert(path.clone(), arguments.collect::<Vec<_>>().join(","));
            methods.insert(made, path);
        }
    }
    for (request, function) in functions(items) {
        let Some(path) = methods.get(&request) else {
            continue;
        };
        let name = function.ident.to_string();
        if name == "send" {
            surface.insert(format!("{path}.send"), text(&function.output));
        } else if name != "options" {
            let taken: Vec<_> = function.inputs.iter().skip(1).map(text).collect();
            surface.insert(format!("{path}.{name}()"), taken.join(","));
        }
    }
    // What stands beside a request: `StopOptions` belongs to the method that makes a `Stop`.
    let method = |ident: &syn::Ident, kind: &str| {
        let name = ident.to_string();
        methods.get(name.strip_suffix(kind)?).cloned()
    };
    for item in items {
        match item {
            Source::Struct(item) => {
                if let Some(path) = method(&item.ident, "Options") {
                    fields(&path, &item.fields, surface);
                } else if let Some(path) = method(&item.ident, "Headers") {
                    fields(&format!("{path}.header"), &item.fields, surface);
                }
            }
            Source::Enum(item) => {
                let Some(path) = method(&item.ident, "Outcome") else {
                    continue;
                };
                for variant in &item.variants {
                    let name = format!("{path}.outcome.{}", variant.ident);
                    surface.insert(name, text(&variant.fields));
                }
                if item.attrs.iter().any(|attr| text(attr).contains("Copy")) {
                    surface.insert(format!("{path}.outcome.#Copy"), String::new());
                }
            }
            _ => {}
        }
    }
}

/// The public functions of each type.
fn functions(items: &[Source]) -> impl Iterator<Item = (String, &syn::Signature)> {
    items
        .iter()
        .filter_map(|item| match item {
            Source::Impl(item) if item.trait_.is_none() => Some(item),
            _ => None,
        })
        .flat_map(|item| {
            let Type::Path(path) = &*item.self_ty else {
                unreachable!("an impl of a path")
            };
            let name = path.path.segments.last().unwrap().ident.to_string();
            item.items
                .iter()
                .filter_map(move |function| match function {
                    ImplItem::Fn(function) if matches!(function.vis, Visibility::Public(_)) => {
                        Some((name.clone(), &function.sig))
                    }
                    _ => None,
                })
        })
}

/// A path of the older crate, or a type of it, as it is called in the newer one.
struct Renames(BTreeMap<String, String>);

impl Renames {
    fn new(diff: &Diff) -> Self {
        let renamed = diff
            .changes
            .iter()
            .filter(|change| change.kind == Kind::Renamed);
        Self(
            renamed
                .filter(|change| matches!(change.item, Item::Type | Item::Operation))
                .map(|change| {
                    (
                        change.before.clone().unwrap(),
                        change.after.clone().unwrap(),
                    )
                })
                .collect(),
        )
    }

    fn ty(&self, text: &str) -> String {
        replace_names(text, &self.0)
    }

    fn path(&self, path: &str) -> String {
        let end = |from: usize| {
            path[from..]
                .find(['.', '#'])
                .map_or(path.len(), |n| from + n)
        };
        let group = path.find('.').unwrap();
        let owner = end(group + 1);
        if &path[..group] == TYPES {
            let name = &path[group + 1..owner];
            let name = self.0.get(name).map_or(name, String::as_str);
            return format!("{TYPES}.{name}{}", &path[owner..]);
        }
        match self.0.get(&path[..owner]) {
            Some(renamed) => format!("{renamed}{}", &path[owner..]),
            None => path.to_owned(),
        }
    }
}

/// Whether a breaking change says that the item at this path (as the newer version calls it) breaks.
fn explains(change: &Change, path: &str) -> bool {
    let owner = format!("{}.{}", change.group, change.owner);
    let Some(part) = path
        .strip_prefix(&owner)
        .filter(|part| part.is_empty() || part.starts_with(['.', '#']))
    else {
        return false;
    };
    let old_name = match change.kind {
        Kind::Renamed => change.before.as_deref().unwrap(),
        _ => &change.name,
    };
    let note = change.note.as_deref().unwrap_or_default();
    match (change.item, change.kind) {
        (Item::Operation | Item::Type, Kind::Removed) => true,
        (Item::Operation, Kind::Changed) => part.is_empty(),
        (Item::Type, Kind::Changed) if change.before.is_some() => true,
        (Item::Type, Kind::Changed) => match part {
            "#literal" => note.contains("no literal syntax"),
            "#Serialize" => note.contains("no `Serialize`"),
            "#Deserialize" => note.contains("no `Deserialize`"),
            _ => false,
        },
        (Item::Operation | Item::Type, _) => false,
        (Item::Argument, _) => {
            part.is_empty() || part == format!(".{old_name}") || part == format!(".{old_name}()")
        }
        (Item::Option, _) => {
            part == format!(".{old_name}")
                || part == format!(".{old_name}()")
                || (part.is_empty() && note.contains("it was an argument"))
        }
        (Item::Body, _) => part.is_empty() || part == ".body()",
        (Item::Answer, _) => {
            part == ".send" || part.starts_with(".outcome.") || part.starts_with(".header.")
        }
        (Item::Outcome, Kind::Added) => part == ".outcome.#Copy",
        (Item::Outcome, _) => part == format!(".outcome.{old_name}") || part == ".outcome.#Copy",
        (Item::Header, _) => part == format!(".header.{old_name}"),
        (Item::Setter, _) => part == format!(".{old_name}()"),
        (Item::Field | Item::Value, _) => part == format!(".{old_name}"),
        (Item::Error, _) => false,
    }
}

fn check(old: (&Api, &Surface), new: (&Api, &Surface), versions: &Versions) {
    let diff = diff(old.0, new.0, versions);
    let title = diff.title();
    let renames = Renames::new(&diff);
    let breaking: Vec<&Change> = diff
        .changes
        .iter()
        .filter(|change| change.breaking)
        .collect();
    let mut used = BTreeSet::new();
    for (path, ty) in old.1 {
        let (path, ty) = (renames.path(path), renames.ty(ty));
        if new.1.get(&path) == Some(&ty) {
            continue;
        }
        let why: Vec<usize> = (0..breaking.len())
            .filter(|at| explains(breaking[*at], &path))
            .collect();
        assert!(
            !why.is_empty(),
            "{title}: {path} was `{ty}` and is {:?}, and nothing is said of it",
            new.1.get(&path)
        );
        used.extend(why);
    }
    for (at, change) in breaking.iter().enumerate() {
        let told_by_name =
            change.kind == Kind::Renamed && matches!(change.item, Item::Type | Item::Operation);
        // Arguments of the same type that mean something else: the compiler does not see it.
        let unseen = change.item == Item::Argument || change.item == Item::Operation;
        assert!(
            used.contains(&at) || told_by_name || unseen,
            "{title}: nothing breaks, in spite of {change:?}"
        );
    }
    for change in diff
        .changes
        .iter()
        .filter(|change| change.item == Item::Type)
    {
        let path = format!("{TYPES}.{}", change.name);
        match change.kind {
            Kind::Removed => assert!(old.1.contains_key(&path), "{title}: {change:?}"),
            _ => assert!(new.1.contains_key(&path), "{title}: {change:?}"),
        }
    }
}

#[test]
fn what_is_told_is_what_the_crates_say() {
    let all = All::read();
    let history = History::new(&all.apis);
    let (docs, union) = (Docs::default(), union(&all.apis));
    let surfaces: Vec<Surface> = all
        .apis
        .iter()
        .map(|api| {
            surface(&version_crate(
                api,
                &history,
                &all.versions,
                &DocsOf::new(&docs, api, &union),
            ))
        })
        .collect();
    let sides: Vec<_> = all.apis.iter().zip(&surfaces).collect();
    assert!(surfaces[0].len() > 1000, "the items are found");
    for pair in sides.windows(2) {
        check(pair[0], pair[1], &all.versions);
        check(pair[1], pair[0], &all.versions);
    }
    for (from, to) in [(0, sides.len() - 1), (5, 20), (17, 26)] {
        check(sides[from], sides[to], &all.versions);
        check(sides[to], sides[from], &all.versions);
    }
}

#[test]
fn the_guide_shows_what_is_printed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let guide = fs::read_to_string(root.join("docs/versions.md")).unwrap();
    let printed = All::read().diff("1.44", "1.45").to_text();
    assert!(
        guide.contains(&format!("```text\n{printed}```\n")),
        "docs/versions.md should show what `cargo xtask diff v1_44 v1_45` prints:\n{printed}"
    );
}
