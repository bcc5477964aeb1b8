//! What a request to take over upstream's descriptions says: what changes for users, and what is left to do.

use std::collections::BTreeMap;

use crate::correct::Void;
use crate::diff::{Diff, diff};
use crate::document::Document;
use crate::error::Error;
use crate::model::Api;
use crate::specs::Attempt;
use crate::version::Version;
use crate::versions::{Row, Versions};

/// What is new since the state that was reviewed.
#[derive(Debug)]
pub struct Report {
    pub news: Vec<News>,
    pub void: Vec<Void>,
    pub steps: Vec<Step>,
}

/// A description that is new or has changed.
#[derive(Debug)]
pub struct News {
    pub row: Row,
    pub is_new: bool,
    /// What changes for users: from the version before to a new one, or from a version as it was. None where
    /// the facts are the same.
    pub diff: Result<Option<Diff>, Error>,
}

/// A step of the work, such as the tests.
#[derive(Clone, Debug)]
pub struct Step {
    pub name: String,
    /// `success`, or another word.
    pub outcome: String,
}

impl Report {
    /// Compares rows and documents as they were with what is there now.
    pub fn new(
        (old, old_documents): (&Versions, &BTreeMap<Version, Document>),
        (new, attempts): (&Versions, &BTreeMap<Version, Attempt>),
        steps: Vec<Step>,
    ) -> Self {
        let mut news = Vec::new();
        let mut before = None;
        for row in new.rows() {
            let known = old.get(row.api);
            if known.is_none_or(|known| known.source != row.source) {
                let was = match (known, before) {
                    (Some(_), _) => old_documents.get(&row.api).ok_or_else(|| missing(row.api)),
                    (None, Some(before)) => attempted(attempts, before),
                    (None, None) => Err(missing(row.api)),
                };
                let diff = was.and_then(|was| compare(was, attempted(attempts, row.api)?, new));
                news.push(News {
                    row: row.clone(),
                    is_new: known.is_none(),
                    diff,
                });
            }
            before = Some(row.api);
        }
        let void = attempts
            .values()
            .flat_map(|attempt| attempt.void.iter().cloned())
            .collect();
        Self { news, void, steps }
    }

    /// As Markdown of at most about `limit` bytes.
    pub fn to_markdown(&self, limit: usize) -> String {
        let mut text = self.summary();
        text.push_str(&self.left_to_do());
        text.push_str(&self.expired());
        for diff in self
            .news
            .iter()
            .filter_map(|news| news.diff.as_ref().ok()?.as_ref())
        {
            text.push('\n');
            text.push_str(&diff.to_markdown(3));
        }
        cut(text, limit)
    }

    fn summary(&self) -> String {
        if self.news.is_empty() {
            return "No description is new, and none has changed.\n".to_owned();
        }
        let mut text = "Upstream's descriptions have changed.\n\n\
                        | API | Docker | description | changes | breaking |\n\
                        | --- | --- | --- | --- | --- |\n"
            .to_owned();
        for news in &self.news {
            let what = if news.is_new { "new" } else { "changed" };
            let (changes, breaking) = match &news.diff {
                Err(_) => ("?".to_owned(), "?".to_owned()),
                Ok(None) => ("only prose".to_owned(), "0".to_owned()),
                Ok(Some(diff)) => (diff.changes.len().to_string(), diff.breaking().to_string()),
            };
            let Row { api, docker, .. } = &news.row;
            text.push_str(&format!(
                "| {api} | {docker} | {what} | {changes} | {breaking} |\n"
            ));
        }
        text
    }

    fn left_to_do(&self) -> String {
        let mut text = String::new();
        for news in &self.news {
            if let Err(error) = &news.diff {
                text.push_str(&format!("- [ ] API {}: {error}\n", news.row.api));
            }
        }
        if !self.void.is_empty() {
            text.push_str("- [ ] Corrections have expired: cut their ranges, or delete them.\n");
        }
        for Step { name, outcome } in &self.steps {
            match outcome.as_str() {
                "success" => text.push_str(&format!("- [x] {name}\n")),
                _ => text.push_str(&format!("- [ ] {name}: {outcome}\n")),
            }
        }
        if text.is_empty() {
            return text;
        }
        format!("\n### Left to do\n\n{text}")
    }

    fn expired(&self) -> String {
        if self.void.is_empty() {
            return String::new();
        }
        let mut entries: BTreeMap<_, BTreeMap<_, Vec<Version>>> = BTreeMap::new();
        for void in &self.void {
            entries
                .entry((&void.file, &void.correction))
                .or_default()
                .entry((&void.pointer, &void.message))
                .or_default()
                .push(void.version);
        }
        let mut text = "\n### Corrections that do not apply any more\n\n".to_owned();
        for ((file, correction), edits) in entries {
            text.push_str(&format!("- `{correction}` in `{file}`\n"));
            for ((pointer, message), versions) in edits {
                let versions: Vec<_> = versions.iter().map(Version::to_string).collect();
                text.push_str(&format!(
                    "  - API {}: `{pointer}`: {message}\n",
                    versions.join(", ")
                ));
            }
        }
        text
    }
}

fn attempted(attempts: &BTreeMap<Version, Attempt>, version: Version) -> Result<&Document, Error> {
    let attempt = attempts.get(&version).ok_or_else(|| missing(version))?;
    attempt.document.as_ref().map_err(Clone::clone)
}

fn missing(version: Version) -> Error {
    Error::new("#", "there is no document to compare with").in_version(version)
}

fn compare(old: &Document, new: &Document, versions: &Versions) -> Result<Option<Diff>, Error> {
    if old == new {
        return Ok(None);
    }
    let (old, new) = (Api::read(&old.root)?, Api::read(&new.root)?);
    Ok(Some(diff(&old, &new, versions)))
}

/// Cuts a text behind the last line that fits, and says so.
fn cut(text: String, limit: usize) -> String {
    if text.len() <= limit {
        return text;
    }
    let end = text
        .match_indices('\n')
        .map(|(at, _)| at + 1)
        .take_while(|at| *at <= limit)
        .last()
        .unwrap_or(0);
    let kept = text[..end].trim_end();
    let left = text[kept.len()..].trim_start().lines().count();
    format!("{kept}\n\n{left} lines more: `cargo xtask upstream-report` prints them all.\n")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn versions(rows: &[(&str, char)]) -> Versions {
        let row = |(api, commit): &(&str, char)| {
            format!(
                "[[version]]\napi = \"{api}\"\ndocker = \"{api}.0\"\ncommit = \"{}\"\npath = \"p\"\nsha256 = \"{}\"\n",
                commit.to_string().repeat(40),
                "0".repeat(64)
            )
        };
        Versions::parse("versions", &rows.iter().map(row).collect::<String>()).unwrap()
    }

    /// A document with an operation for each of these paths.
    fn document(version: &str, paths: &[&str]) -> Document {
        let operation = |path: &&str| {
            let id = format!("Thing{}", path.trim_start_matches('/').to_uppercase());
            let get = json!({"operationId": id, "tags": ["Thing"], "responses": {"204": {}}, "x-response": {"kind": "unit"}});
            ((*path).to_owned(), json!({"get": get}))
        };
        let paths: serde_json::Map<String, Value> = paths.iter().map(operation).collect();
        Document {
            version: version.parse().unwrap(),
            root: json!({"info": {"version": version}, "paths": paths}),
        }
    }

    fn by_version(documents: &[Document]) -> BTreeMap<Version, Document> {
        documents
            .iter()
            .map(|document| (document.version, document.clone()))
            .collect()
    }

    fn attempts(documents: &[Document]) -> BTreeMap<Version, Attempt> {
        let attempt = |document: Document| Attempt {
            document: Ok(document),
            void: Vec::new(),
        };
        by_version(documents)
            .into_iter()
            .map(|(version, document)| (version, attempt(document)))
            .collect()
    }

    /// 1.1 changes its prose, 1.2 loses an operation, 1.3 is new.
    fn report() -> Report {
        let old = [document("1.1", &["/a"]), document("1.2", &["/a", "/b"])];
        let new = [
            document("1.1", &["/a"]),
            document("1.2", &["/a"]),
            document("1.3", &["/a", "/c"]),
        ];
        Report::new(
            (&versions(&[("1.1", 'a'), ("1.2", 'a')]), &by_version(&old)),
            (
                &versions(&[("1.1", 'b'), ("1.2", 'b'), ("1.3", 'b')]),
                &attempts(&new),
            ),
            Vec::new(),
        )
    }

    #[test]
    fn what_is_new_is_compared_with_what_was_there() {
        similar_asserts::assert_eq!(
            report().to_markdown(10_000),
            "\
Upstream's descriptions have changed.

| API | Docker | description | changes | breaking |
| --- | --- | --- | --- | --- |
| 1.1 | 1.1.0 | changed | only prose | 0 |
| 1.2 | 1.2.0 | changed | 1 | 1 |
| 1.3 | 1.3.0 | new | 1 | 0 |

### API 1.2 (Docker 1.2), described anew

1 change, of which 1 can break code that uses `v1_2`: marked **breaking**.

#### Operations on things

- **breaking:** removed operation `b() -> ()` (`GET /b`)

### API 1.2 (Docker 1.2) → API 1.3 (Docker 1.3)

1 change, none of which breaks code that moves from `v1_2` to `v1_3`.

#### Operations on things

- added operation `c() -> ()` (`GET /c`)
"
        );
    }

    #[test]
    fn rows_that_stay_are_no_news() {
        let documents = [document("1.1", &["/a"])];
        let versions = versions(&[("1.1", 'a')]);
        let report = Report::new(
            (&versions, &by_version(&documents)),
            (&versions, &attempts(&documents)),
            Vec::new(),
        );
        assert_eq!(
            report.to_markdown(10_000),
            "No description is new, and none has changed.\n"
        );
    }

    #[test]
    fn what_is_left_to_do_is_listed() {
        let mut report = report();
        report.news.truncate(1);
        report.news[0].diff = Err(Error::new("#/paths", "a problem"));
        let void = |version: &str| Void {
            version: version.parse().unwrap(),
            correction: "wrong-case".into(),
            file: "specs/corrections/a.yaml".into(),
            pointer: "schema Thing/properties/Id".into(),
            message: "it does not exist".into(),
        };
        report.void = vec![void("1.2"), void("1.3")];
        let step = |name: &str, outcome: &str| Step {
            name: name.into(),
            outcome: outcome.into(),
        };
        report.steps = vec![step("the build", "success"), step("the tests", "failure")];
        similar_asserts::assert_eq!(
            report.to_markdown(10_000),
            "\
Upstream's descriptions have changed.

| API | Docker | description | changes | breaking |
| --- | --- | --- | --- | --- |
| 1.1 | 1.1.0 | changed | ? | ? |

### Left to do

- [ ] API 1.1: #/paths: a problem
- [ ] Corrections have expired: cut their ranges, or delete them.
- [x] the build
- [ ] the tests: failure

### Corrections that do not apply any more

- `wrong-case` in `specs/corrections/a.yaml`
  - API 1.2, 1.3: `schema Thing/properties/Id`: it does not exist
"
        );
    }

    #[test]
    fn a_long_report_is_cut_between_lines() {
        let whole = report().to_markdown(10_000);
        let cut = report().to_markdown(300);
        let (kept, note) = cut.trim_end().rsplit_once("\n\n").unwrap();
        assert!(whole.starts_with(kept) && kept.len() <= 300, "{cut}");
        let left = whole[kept.len()..].trim_start().lines().count();
        assert_eq!(
            note,
            format!("{left} lines more: `cargo xtask upstream-report` prints them all.")
        );
    }
}
