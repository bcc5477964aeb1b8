//! The table of versions in `README.md`, and on the façade's front page. The rest of both is written by hand.

use crate::error::Error;
use crate::names;
use crate::versions::{Source, Versions};

const NAME: &str = "README.md";
const BEGIN: &str = "<!-- versions -->\n";
const END: &str = "<!-- /versions -->\n";

/// The file with a table of these versions between its markers.
pub fn with_versions(readme: &str, versions: &Versions) -> Result<String, Error> {
    let once = |marker: &str| {
        let mut found = readme.match_indices(marker);
        match (found.next(), found.next()) {
            (Some((at, _)), None) => Ok(at),
            _ => Err(Error::new(
                NAME,
                format!("it needs one line `{}`", marker.trim_end()),
            )),
        }
    };
    let (begin, end) = (once(BEGIN)? + BEGIN.len(), once(END)?);
    if end < begin {
        return Err(Error::new(
            NAME,
            "the table of versions ends before it begins",
        ));
    }
    Ok(format!(
        "{}\n{}\n{}",
        &readme[..begin],
        table(versions),
        &readme[end..]
    ))
}

/// The table alone.
pub(crate) fn table(versions: &Versions) -> String {
    let mut table = "| API | Docker | feature |\n| --- | --- | --- |\n".to_owned();
    for row in versions.rows() {
        let feature = names::version_module(row.api);
        table.push_str(&format!("| {} | {} | `{feature}` |\n", row.api, row.docker));
    }
    for row in versions.rows() {
        if let Source::Derived { from } = row.source {
            table.push_str(&format!(
                "\nNo description of API {} was ever published: it is derived from that of {from}.\n",
                row.api
            ));
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions() -> Versions {
        let published = format!(
            "commit = \"{}\"\npath = \"p\"\nsha256 = \"{}\"",
            "0".repeat(40),
            "0".repeat(64)
        );
        let text = format!(
            "[[version]]\napi = \"1.1\"\ndocker = \"2.0.0\"\nderived-from = \"1.2\"\n\
             [[version]]\napi = \"1.2\"\ndocker = \"2.1.3\"\n{published}\n"
        );
        Versions::parse("versions", &text).unwrap()
    }

    #[test]
    fn only_the_table_is_replaced() {
        let old = "before\n\n<!-- versions -->\nanything\n<!-- /versions -->\n\nafter\n";
        let new = with_versions(old, &versions()).unwrap();
        assert_eq!(
            new,
            "before\n\n<!-- versions -->\n\n\
             | API | Docker | feature |\n| --- | --- | --- |\n\
             | 1.1 | 2.0.0 | `v1_1` |\n| 1.2 | 2.1.3 | `v1_2` |\n\n\
             No description of API 1.1 was ever published: it is derived from that of 1.2.\n\n\
             <!-- /versions -->\n\nafter\n"
        );
        assert_eq!(with_versions(&new, &versions()).unwrap(), new);
    }

    #[test]
    fn markers_stand_once_and_in_order() {
        for (wrong, message) in [
            ("", "it needs one line `<!-- versions -->`"),
            (
                "<!-- versions -->\n",
                "it needs one line `<!-- /versions -->`",
            ),
            (
                "<!-- versions -->\n<!-- versions -->\n<!-- /versions -->\n",
                "it needs one line `<!-- versions -->`",
            ),
            (
                "<!-- /versions -->\n<!-- versions -->\n",
                "the table of versions ends before it begins",
            ),
        ] {
            assert_eq!(
                with_versions(wrong, &versions()).unwrap_err().to_string(),
                format!("README.md: {message}")
            );
        }
    }
}
