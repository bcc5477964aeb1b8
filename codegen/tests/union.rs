//! The union of the committed versions.

use std::collections::HashSet;
use std::fs;

use docker_api_gen_codegen::history::History;
use docker_api_gen_codegen::model::Api;
use docker_api_gen_codegen::union::union;
use docker_api_gen_codegen::versions::Versions;
use docker_api_gen_codegen::{Document, Version};

fn apis() -> Vec<Api> {
    let specs = format!("{}/../specs", env!("CARGO_MANIFEST_DIR"));
    let rows = fs::read_to_string(format!("{specs}/versions.toml")).unwrap();
    let read = |version: Version| {
        let name = format!("{specs}/openapi/v{version}.json");
        let document =
            Document::parse(&name, version, &fs::read_to_string(&name).unwrap()).unwrap();
        Api::read(&document.root).unwrap()
    };
    Versions::parse("versions.toml", &rows)
        .unwrap()
        .iter()
        .map(read)
        .collect()
}

/// Every operation, parameter, field and value of every version is in the union, at the same place.
#[test]
fn nothing_of_any_version_is_lost() {
    let apis = apis();
    let union = History::new(&[union(&apis).api]);
    let kept: HashSet<_> = union.places().collect();
    let all = History::new(&apis);
    let mut lost: Vec<_> = all.places().filter(|place| !kept.contains(place)).collect();
    lost.sort_unstable();
    // What stands at these places changed its shape altogether: see the conflicts below.
    lost.retain(|place| {
        let plugins = place.starts_with("GET /plugins") && place.contains(".Manifest.");
        // Read into the field that it is another spelling of.
        let spelling = place.ends_with("s/create > .ID");
        !plugins && !spelling && !CONFLICTS.iter().any(|conflict| place.starts_with(conflict))
    });
    assert!(lost.is_empty(), "{} lost: {lost:#?}", lost.len());
}

/// What a content type says of frames is new in 1.42, and the client of all versions speaks older ones too.
#[test]
fn no_content_type_is_believed_that_was_wrong_once() {
    let apis = apis();
    let newest = apis.last().unwrap().operations.iter();
    let believed =
        newest.filter(|operation| operation.tty.as_ref().is_some_and(|tty| tty.content_type));
    assert!(believed.count() > 0);
    for operation in union(&apis).api.operations {
        assert!(
            operation.tty.is_none_or(|tty| !tty.content_type),
            "{}",
            operation.id
        );
    }
}

const CONFLICTS: [&str; 9] = [
    // One platform before 1.52, several since.
    "GET /images/get",
    "GET /images/{name}/get",
    // Plugins were experimental in 1.24, and other; what is in their configuration depends on the engine.
    "GET /plugins > [].Config.Args",
    "GET /plugins > [].Config.Env[]",
    "GET /plugins/{name}",
    "POST /images/load",
    "POST /plugins/pull > ",
    "POST /plugins/{name}/push > ",
    // 1.24 answers nothing where warnings came later.
    "POST /services/{id}/update > ",
];

/// Changes that one shape cannot cover are few and known. A new one is to be looked at.
#[test]
fn conflicts_are_the_known_ones() {
    let mut places: Vec<_> = union(&apis())
        .conflicts
        .into_iter()
        .map(|conflict| conflict.place)
        .collect();
    places.sort();
    places.dedup();
    assert_eq!(places, CONFLICTS);
}

/// A correction that names a place which is none would say nothing to anybody.
#[test]
fn what_means_something_unsaid_can_be_said() {
    let apis = apis();
    let history = History::new(&apis);
    let places: HashSet<_> = history.places().collect();
    let mut found = 0;
    for operation in union(&apis).api.operations {
        let (method, path) = (&operation.method, &operation.path);
        for unsaid in history.unsaid(&operation) {
            let said = &unsaid.path;
            let body = format!("{method} {path} < .{said}");
            let query = format!("{method} {path} query:{said}");
            assert!(
                places.contains(&*body) || places.contains(&*query),
                "{}: {said}",
                operation.id
            );
            assert!(unsaid.values.len() > 1, "{}: {said}", operation.id);
            found += 1;
        }
    }
    assert!(found > 0);
}
