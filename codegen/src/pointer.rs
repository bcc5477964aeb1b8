//! Places in a document, as JSON pointers.

use std::fmt;

/// A place on the way down a document: cheap to extend, written out only when something is wrong there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum At<'a> {
    Root,
    Key(&'a At<'a>, &'a str),
    Index(&'a At<'a>, usize),
}

impl<'a> At<'a> {
    pub(crate) fn key(&'a self, key: &'a str) -> Self {
        At::Key(self, key)
    }

    pub(crate) fn index(&'a self, index: usize) -> Self {
        At::Index(self, index)
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            At::Root => f.write_str("#"),
            At::Key(parent, key) => write!(f, "{parent}/{}", escape(key)),
            At::Index(parent, index) => write!(f, "{parent}/{index}"),
        }
    }
}

pub(crate) fn escape(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}

pub(crate) fn unescape(segment: &str) -> String {
    segment.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_written_as_a_json_pointer() {
        let (root, paths) = (At::Root, "paths");
        let paths = root.key(paths);
        let path = paths.key("/a~b");
        assert_eq!(path.index(3).to_string(), "#/paths/~1a~0b/3");
        assert_eq!(unescape(&escape("/a~1b")), "/a~1b");
    }
}
