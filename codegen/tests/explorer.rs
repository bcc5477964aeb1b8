//! The page about the real versions: what is in it, and that it says what the rest of the generator says.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use docker_api_gen_codegen::Document;
use docker_api_gen_codegen::diff::{Change, diff};
use docker_api_gen_codegen::docs::{Docs, DocsOf};
use docker_api_gen_codegen::explorer;
use docker_api_gen_codegen::history::History;
use docker_api_gen_codegen::model::Api;
use docker_api_gen_codegen::names;
use docker_api_gen_codegen::union::{Union, union};
use docker_api_gen_codegen::versions::Versions;
use serde_json::Value;

/// Made once for all tests: it takes its time.
static ALL: LazyLock<All> = LazyLock::new(All::read);

struct All {
    versions: Versions,
    apis: Vec<Api>,
    union: Union,
    docs: Docs,
    page: String,
    data: Value,
}

impl All {
    fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let read = |name: &str| fs::read_to_string(root.join(name)).unwrap();
        let versions = Versions::parse("versions.toml", &read("specs/versions.toml")).unwrap();
        let api = |version| {
            let name = format!("specs/openapi/v{version}.json");
            let document = Document::parse(&name, version, &read(&name)).unwrap();
            Api::read(&document.root).unwrap()
        };
        let apis: Vec<Api> = versions.iter().map(api).collect();
        let files = fs::read_dir(root.join("specs/docs")).unwrap();
        let files = files.map(|file| {
            let path = file.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            (path.display().to_string(), text)
        });
        let docs = Docs::parse(&files.collect::<Vec<_>>(), &versions).unwrap();
        let union = union(&apis);
        let page = explorer::page(&apis, &History::new(&apis), &union, &docs, &versions);
        let begin = "<script type=\"application/json\" id=\"data\">";
        let (_, data) = page.split_once(begin).unwrap();
        let (data, _) = data.split_once("</script>").unwrap();
        let data = serde_json::from_str(data).unwrap();
        Self {
            versions,
            apis,
            union,
            docs,
            page,
            data,
        }
    }

    fn list(&self, name: &str) -> &[Value] {
        self.data[name].as_array().unwrap()
    }

    fn text(&self, number: &Value) -> &str {
        let at = usize::try_from(number.as_u64().unwrap()).unwrap();
        self.list("texts")[at].as_str().unwrap()
    }

    /// What a line says of a version.
    fn at(&self, line: &Value, version: usize) -> Option<&[Value]> {
        let line: Vec<i64> = numbers(line);
        let (starts, _) = line.as_chunks::<2>();
        let [_, record] = starts.iter().rfind(|[start, _]| *start <= version as i64)?;
        let record = usize::try_from(*record).ok()?;
        self.list("records")[record].as_array().map(Vec::as_slice)
    }

    /// What the page says changes from one version to another.
    fn changes(&self, from: usize, to: usize) -> BTreeSet<String> {
        let (from, to) = (from as i64, to as i64);
        let all = self.list("changes").iter();
        all.filter(|change| {
            let spans = numbers(&change[11]);
            let (spans, _) = spans.as_chunks::<4>();
            spans
                .iter()
                .any(|[a, b, c, d]| (*a..=*b).contains(&from) && (*c..=*d).contains(&to))
        })
        .map(|change| {
            let texts = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10].map(|at| self.text(&change[at]));
            format!("{} {}", texts.join(" | "), change[9] == 1)
        })
        .collect()
    }
}

fn numbers(list: &Value) -> Vec<i64> {
    let list = list.as_array().unwrap().iter();
    list.map(|number| number.as_i64().unwrap()).collect()
}

/// A change, as [`All::changes`] writes it.
fn told(change: &Change) -> String {
    let word = |value: Result<Value, _>| value.unwrap().as_str().unwrap().to_owned();
    let optional = |text: &Option<String>| text.clone().unwrap_or_default();
    let texts = [
        change.group.clone(),
        change.owner.clone(),
        optional(&change.place),
        word(serde_json::to_value(change.item)),
        word(serde_json::to_value(change.kind)),
        change.name.clone(),
        optional(&change.wire),
        optional(&change.before),
        optional(&change.after),
        optional(&change.note),
    ];
    format!("{} {}", texts.join(" | "), change.breaking)
}

#[test]
fn the_page_holds_the_whole_api() {
    let all = &*ALL;
    let newest = all.apis.len() - 1;
    for (version, api) in all.apis.iter().enumerate() {
        let docs = DocsOf::new(&all.docs, api, &all.union);
        let known: BTreeSet<(String, &str, &str)> = all
            .list("owners")
            .iter()
            .filter(|owner| all.text(&owner[0]) != "types")
            .filter_map(|owner| {
                let record = all.at(&owner[2], version)?;
                let name = format!("{}.{}", all.text(&owner[0]), all.text(&owner[1]));
                Some((name, all.text(&record[3]), all.text(&record[5])))
            })
            .collect();
        let expected: BTreeSet<_> = api
            .operations
            .iter()
            .map(|operation| {
                let words = docs.operation(operation).unwrap_or_default();
                (names::operation(operation), &*operation.path, words)
            })
            .collect();
        assert_eq!(known, expected, "operations of {}", api.version);
        let types = all
            .list("owners")
            .iter()
            .filter(|owner| all.text(&owner[0]) == "types" && all.at(&owner[2], version).is_some());
        assert_eq!(types.count(), api.types.len(), "types of {}", api.version);
    }
    let parts = |key: (&str, &str), version| -> Vec<&str> {
        let mut owners = all.list("owners").iter();
        let owner = owners
            .find(|owner| (all.text(&owner[0]), all.text(&owner[1])) == key)
            .unwrap();
        let parts = owner[3].as_array().unwrap().iter();
        parts
            .filter_map(|line| all.at(line, version))
            .map(|part| all.text(&part[1]))
            .collect()
    };
    let stop = ("containers", "stop");
    assert!(parts(stop, newest).contains(&"signal"));
    assert!(!parts(stop, 0).contains(&"signal"));
    assert!(parts(("types", "HostConfig"), newest).contains(&"memory"));
}

#[test]
fn it_tells_changes_as_the_difference_does() {
    let all = &*ALL;
    let last = all.apis.len() - 1;
    let index = |api: &str| {
        let version = api.parse().unwrap();
        all.apis
            .iter()
            .position(|api| api.version == version)
            .unwrap()
    };
    let mut moves: Vec<(usize, usize)> = (0..last).flat_map(|n| [(n, n + 1), (n + 1, n)]).collect();
    moves.extend([(0, last), (last, 0), (index("1.41"), index("1.44"))]);
    for (from, to) in moves {
        let (a, b) = (&all.apis[from], &all.apis[to]);
        let expected: BTreeSet<_> = diff(a, b, &all.versions).changes.iter().map(told).collect();
        let title = format!("{} to {}", a.version, b.version);
        assert_eq!(all.changes(from, to), expected, "{title}");
    }
    let (from, to) = (index("1.41"), index("1.44"));
    assert!(
        all.changes(from, to)
            .iter()
            .any(|change| change.ends_with("true"))
    );
}

#[test]
fn it_is_small_and_loads_nothing() {
    let page = &ALL.page;
    assert!(page.len() < 1 << 20, "{} bytes", page.len());
    for placeholder in ["{{style}}", "{{script}}", "{{data}}"] {
        assert!(!page.contains(placeholder), "{placeholder} is left");
    }
    assert!(page.contains("default-src 'none'"));
    for loads in [
        "src=",
        "@import",
        "url(",
        "fetch(",
        "XMLHttpRequest",
        "import(",
    ] {
        assert!(!page.contains(loads), "{loads}");
    }
    // The data cannot end the element that it stands in.
    assert_eq!(page.matches("</script>").count(), 2);
}
