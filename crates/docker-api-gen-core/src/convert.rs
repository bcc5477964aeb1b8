//! Values of one version's types as those of another.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::json::Json;

/// A value that was moved to another type, and what did not come along.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Converted<T> {
    /// The value.
    pub value: T,
    /// What the other type has no place for: `HostConfig.Annotations`, `Mounts[0].ImageOptions`.
    pub lost: Vec<String>,
}

/// Moves a value to the type that stands for the same thing in another version, and says what is lost on the way.
///
/// The types need the feature `serde-both`, unless they travel both ways already.
///
/// # Errors
///
/// [`ErrorKind::Decode`](crate::ErrorKind::Decode) if a value has another shape there.
pub fn convert<From: Serialize, To: DeserializeOwned + Serialize>(
    from: &From,
) -> Result<Converted<To>, Error> {
    let before = Json::from_serialize(from)?;
    let value: To = before.to()?;
    let after = Json::from_serialize(&value)?;
    let mut lost = Vec::new();
    compare(&before, &after, "", &mut lost);
    Ok(Converted { value, lost })
}

fn compare(before: &Json, after: &Json, path: &str, lost: &mut Vec<String>) {
    if let (Some(before), Some(after)) = (before.as_object(), after.as_object()) {
        for (name, value) in before {
            let path = match path {
                "" => name.clone(),
                path => format!("{path}.{name}"),
            };
            match after.get(name) {
                Some(after) => compare(value, after, &path, lost),
                // Nothing was said there.
                None if value.is_null() => {}
                None => lost.push(path),
            }
        }
    } else if let (Some(before), Some(after)) = (before.as_list(), after.as_list()) {
        for (n, value) in before.iter().enumerate() {
            let path = format!("{path}[{n}]");
            match after.get(n) {
                Some(after) => compare(value, after, &path, lost),
                None => lost.push(path),
            }
        }
    } else if before != after {
        lost.push(path.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn moves_what_fits() {
        let before: Json = r#"{"a":1,"b":{"c":[1,2]},"d":null}"#.parse().unwrap();
        let same: Converted<Json> = convert(&before).unwrap();
        assert_eq!((&same.value, same.lost.len()), (&before, 0));
        let other = convert::<_, BTreeMap<String, i64>>(&before).unwrap_err();
        assert_eq!(other.kind(), crate::ErrorKind::Decode);
    }

    #[test]
    fn names_the_places() {
        let before: Json = r#"{"a":{"x":1,"y":2},"l":[{"p":1},{"p":2,"q":null}],"z":true}"#
            .parse()
            .unwrap();
        let after: Json = r#"{"a":{"x":1},"l":[{"p":1}]}"#.parse().unwrap();
        let mut lost = Vec::new();
        compare(&before, &after, "", &mut lost);
        assert_eq!(lost, ["a.y", "l[1]", "z"]);
    }
}
