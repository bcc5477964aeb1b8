//! What a list is narrowed down by.

mod typed;

use std::collections::BTreeMap;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

pub use typed::*;

/// What a list is narrowed down by: names, and for each the values of which one has to match.
///
/// ```
/// use docker_api_gen_core::Filters;
///
/// let filters = Filters::new().with("label", "app=web").with("status", "running").with("status", "paused");
/// assert_eq!(filters.values("status"), ["running", "paused"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters(BTreeMap<String, Vec<String>>);

impl Filters {
    /// No filters: everything matches.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value for `name`.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.entry(name.into()).or_default().push(value.into());
        self
    }

    /// The values for `name`.
    pub fn values(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Filters {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        pairs
            .into_iter()
            .fold(Self::new(), |filters, (name, value)| {
                filters.with(name, value)
            })
    }
}

impl<N: Into<String>, V: Into<String>, const LEN: usize> From<[(N, V); LEN]> for Filters {
    fn from(pairs: [(N, V); LEN]) -> Self {
        pairs.into_iter().collect()
    }
}

impl From<BTreeMap<String, Vec<String>>> for Filters {
    fn from(filters: BTreeMap<String, Vec<String>>) -> Self {
        Self(filters)
    }
}

impl Serialize for Filters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Filters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_lists_by_name_on_the_wire() {
        let filters = Filters::from([("name", "a"), ("label", "x=1"), ("name", "b")]);
        assert_eq!(
            serde_json::to_string(&filters).unwrap(),
            r#"{"label":["x=1"],"name":["a","b"]}"#
        );
        assert_eq!(
            serde_json::from_str::<Filters>(r#"{"name":["a","b"],"label":["x=1"]}"#).unwrap(),
            filters
        );
        assert_eq!(serde_json::to_string(&Filters::new()).unwrap(), "{}");
    }
}
