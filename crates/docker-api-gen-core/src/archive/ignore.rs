//! What `.dockerignore` leaves out.
//!
//! As the classic builder's client has it, oddities included: the last pattern that fits decides, a pattern fits what is
//! below a folder it fits, and a folder that is left out is looked into only for an exception that begins with its name.

use std::path::Path;

/// The patterns of a `.dockerignore`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ignore {
    patterns: Vec<Pattern>,
}

/// Which patterns fit a folder.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found(Vec<bool>);

#[derive(Clone, Debug)]
struct Pattern {
    /// What fits is kept, though a pattern before this one leaves it out.
    keeps: bool,
    text: String,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// This path.
    Exact(String),
    /// Every path that begins so.
    Prefix(String),
    /// Every path that ends so.
    Suffix(String),
    Glob(Vec<Token>),
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Char(char),
    /// `?`: any character but a slash.
    One,
    /// `*`: any number of those.
    Some,
    /// `**/`: nothing, or any folders.
    Folders,
    /// `**` at the end: anything.
    Rest,
    /// `[a-z]`, `[^a-z]`.
    Class {
        not: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Ignore {
    /// Reads the text of a `.dockerignore`. What is wrong with it is a sentence.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut patterns = Vec::new();
        for (number, line) in text.lines().enumerate() {
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            let pattern = Pattern::parse(line.trim())
                .ok_or_else(|| format!("line {}: {line:?} is not a pattern", number + 1))?;
            patterns.extend(pattern);
        }
        Ok(Self { patterns })
    }

    /// The same, but these are kept.
    pub(crate) fn but_for(mut self, names: &[&str]) -> Self {
        for name in names {
            let name = clean(&name.replace('\\', "/"));
            let name = name.trim_start_matches('/');
            // Whether or not a pattern leaves it out: for folders on the way to it, that is not easily told.
            self.patterns.push(Pattern {
                keeps: true,
                text: name.to_owned(),
                kind: Kind::Exact(name.to_owned()),
            });
        }
        self
    }

    /// Whether a path, as seen from the folder of the `.dockerignore`, is left out. `above` is what was found for the
    /// folder it is in; what is found here is for what is in it.
    pub(crate) fn look(&self, path: &Path, above: &Found) -> (bool, Found) {
        let path = text_of(path);
        let mut out = false;
        let mut found = Found(vec![false; self.patterns.len()]);
        for (at, pattern) in self.patterns.iter().enumerate() {
            let fits = above.0.get(at) == Some(&true)
                // Only a pattern of the other mind can change anything, and others are not remembered to fit.
                || (pattern.keeps == out && pattern.kind.fits(&path));
            found.0[at] = fits;
            if fits {
                out = !pattern.keeps;
            }
        }
        (out, found)
    }

    /// Whether something in a folder that is left out may be kept.
    pub(crate) fn may_keep_inside(&self, folder: &Path) -> bool {
        let begins = format!("{}/", text_of(folder));
        self.patterns
            .iter()
            .any(|pattern| pattern.keeps && format!("{}/", pattern.text).starts_with(&begins))
    }
}

/// A path with slashes; what is no text does not fit patterns, which are.
fn text_of(path: &Path) -> String {
    let text = path.to_string_lossy();
    if cfg!(windows) {
        text.replace('\\', "/")
    } else {
        text.into_owned()
    }
}

impl Pattern {
    /// `None` if it is none; `Some(None)` if it says nothing.
    fn parse(line: &str) -> Option<Option<Self>> {
        let (keeps, text) = match line.strip_prefix('!') {
            Some(rest) => (true, rest.trim()),
            None => (false, line),
        };
        if text.is_empty() {
            // A lone `!`.
            return None;
        }
        let text = clean(text);
        let text = match text.strip_prefix('/') {
            Some(rest) if !rest.is_empty() => rest.to_owned(),
            _ => text,
        };
        if text == "." {
            // The folder itself, which nothing leaves out.
            return Some(None);
        }
        let kind = Kind::parse(&text)?;
        Some(Some(Self { keeps, text, kind }))
    }
}

impl Kind {
    fn parse(text: &str) -> Option<Self> {
        let tokens = tokens(text)?;
        // Two stars at the very beginning stand for the beginning of a name too: `**.go` and `**/x` alike.
        if let [Token::Folders, rest @ ..] = &tokens[..]
            && !text.contains('\\')
            && let Some(literal) = literal(rest)
        {
            let slash = if text.starts_with("**/") { "/" } else { "" };
            return Some(Kind::Suffix(format!("{slash}{literal}")));
        }
        if let [begin @ .., Token::Rest] = &tokens[..]
            && let Some(literal) = literal(begin)
        {
            return Some(Kind::Prefix(literal));
        }
        Some(match literal(&tokens) {
            Some(text) => Kind::Exact(text),
            None => Kind::Glob(tokens),
        })
    }

    fn fits(&self, path: &str) -> bool {
        match self {
            Kind::Exact(text) => path == text,
            Kind::Prefix(text) => path.starts_with(text.as_str()),
            Kind::Suffix(text) => {
                path.ends_with(text.as_str()) || text.strip_prefix('/') == Some(path)
            }
            Kind::Glob(tokens) => glob(tokens, path),
        }
    }
}

/// The text that tokens stand for, if they stand for one alone.
fn literal(tokens: &[Token]) -> Option<String> {
    tokens
        .iter()
        .map(|token| match token {
            Token::Char(c) => Some(*c),
            _ => None,
        })
        .collect()
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        tokens.push(match c {
            '*' if chars.next_if_eq(&'*').is_some() => {
                chars.next_if_eq(&'/');
                if chars.peek().is_none() {
                    Token::Rest
                } else {
                    Token::Folders
                }
            }
            '*' => Token::Some,
            '?' => Token::One,
            '[' => class(&mut chars)?,
            '\\' => Token::Char(chars.next()?),
            c => Token::Char(c),
        });
    }
    Some(tokens)
}

fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Token> {
    let not = chars.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    let one = |chars: &mut std::iter::Peekable<std::str::Chars<'_>>| match chars.next()? {
        '\\' => chars.next(),
        '-' | ']' => None,
        c => Some(c),
    };
    loop {
        if !ranges.is_empty() && chars.next_if_eq(&']').is_some() {
            return Some(Token::Class { not, ranges });
        }
        let low = one(chars)?;
        let high = if chars.next_if_eq(&'-').is_some() {
            one(chars)?
        } else {
            low
        };
        ranges.push((low, high));
    }
}

/// Whether tokens fit the whole path: at each character, the set of places among the tokens that may come next, so that
/// no pattern takes longer than its length times the path's.
fn glob(tokens: &[Token], path: &str) -> bool {
    let mut places = vec![false; tokens.len() + 1];
    open(tokens, &mut places, 0);
    for c in path.chars() {
        let mut next = vec![false; tokens.len() + 1];
        for (at, token) in tokens.iter().enumerate() {
            if !places[at] {
                continue;
            }
            match token {
                Token::Char(known) if *known == c => open(tokens, &mut next, at + 1),
                Token::One if c != '/' => open(tokens, &mut next, at + 1),
                Token::Class { not, ranges } => {
                    let inside = ranges.iter().any(|(low, high)| (*low..=*high).contains(&c));
                    if inside != *not {
                        open(tokens, &mut next, at + 1);
                    }
                }
                Token::Some if c != '/' => open(tokens, &mut next, at),
                // Stays open until a slash ends a folder.
                Token::Folders => {
                    next[at] = true;
                    if c == '/' {
                        open(tokens, &mut next, at + 1);
                    }
                }
                Token::Rest => open(tokens, &mut next, at),
                _ => {}
            }
        }
        places = next;
    }
    places[tokens.len()]
}

/// Marks a place, and those behind it that can be reached without a character.
fn open(tokens: &[Token], places: &mut [bool], mut at: usize) {
    places[at] = true;
    while let Some(Token::Some | Token::Folders | Token::Rest) = tokens.get(at) {
        at += 1;
        places[at] = true;
    }
}

/// A path without needless parts, as Go's `filepath.Clean` has it.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                Some(last) if *last != ".." => {
                    parts.pop();
                }
                _ if rooted => {}
                _ => parts.push(".."),
            },
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Folder by folder, as they are gone through.
    fn out(list: &Ignore, path: &str) -> bool {
        let (mut out, mut found) = (false, Found::default());
        for (end, _) in path.match_indices('/').chain([(path.len(), "")]) {
            (out, found) = list.look(Path::new(&path[..end]), &found);
        }
        out
    }

    fn left_out(text: &str, path: &str) -> bool {
        out(&Ignore::parse(text).unwrap(), path)
    }

    #[test]
    fn patterns_fit_as_dockers_do() {
        for (pattern, fits, not) in [
            (
                "foo",
                &["foo", "foo/bar", "foo/bar/baz"][..],
                &["foobar", "bar/foo", "Foo"][..],
            ),
            ("/foo", &["foo"], &["bar/foo"]),
            ("foo/", &["foo", "foo/x"], &["foobar"]),
            ("./foo/./bar/../baz", &["foo/baz"], &["foo/bar"]),
            ("*", &["a", "a/b", ".git"], &[]),
            (
                "*.md",
                &["README.md", "x.md/y"],
                &["docs/README.md", "README.mdx"],
            ),
            ("*/*.md", &["docs/a.md"], &["a.md", "docs/x/a.md"]),
            (
                "*/temp*",
                &["a/temp", "a/temporary.txt"],
                &["temp", "a/b/temp"],
            ),
            ("temp?", &["tempa", "tempb"], &["temp", "tempab", "temp/"]),
            ("**/*.go", &["a.go", "a/b.go", "a/b/c.go"], &["a.goo"]),
            ("**.go", &["a.go", "a/b.go", ".go"], &["a.goo"]),
            (
                "**/foo",
                &["foo", "a/foo", "a/b/foo", "a/foo/b"],
                &["afoo", "foob"],
            ),
            ("foo/**", &["foo/a", "foo/a/b"], &["foo", "foob"]),
            ("a/**/b", &["a/b", "a/x/b", "a/x/y/b"], &["ab", "a/xb"]),
            ("a**b", &["ab", "a/b", "ax/b", "ax/y/b"], &["axb"]),
            ("**", &["a", "a/b"], &[]),
            ("[a-c]x", &["ax", "cx"], &["dx", "x"]),
            ("[^a-c]x", &["dx"], &["ax"]),
            ("[\\]x]y", &["]y", "xy"], &["zy"]),
            ("a\\*b", &["a*b"], &["axb"]),
            ("a\\?b*", &["a?bc"], &["axbc"]),
            ("a.b", &["a.b"], &["axb"]),
            ("é*", &["éa"], &["ea"]),
        ] {
            for path in fits {
                assert!(left_out(pattern, path), "{pattern} should fit {path}");
            }
            for path in not {
                assert!(!left_out(pattern, path), "{pattern} should not fit {path}");
            }
        }
    }

    #[test]
    fn the_last_pattern_that_fits_decides() {
        let list = "# not a pattern\n\n*\n!src\nsrc/*.tmp\n  !src/keep.tmp  \n";
        for (path, out) in [
            ("README", true),
            ("src", false),
            ("src/main.c", false),
            ("src/a.tmp", true),
            ("src/keep.tmp", false),
        ] {
            assert_eq!(left_out(list, path), out, "{path}");
        }
        assert!(!left_out("", "a") && !left_out(".", "a") && !left_out("#a", "#a"));
        // A pattern that had nothing to say about a folder does not speak for what is in it.
        assert!(left_out("a/*\n!a", "a/b"));
        // A byte order mark is not part of the first pattern.
        assert!(left_out("\u{feff}a\r\n", "a"));
        assert!(left_out("! x\nx", "x"));
    }

    #[test]
    fn folders_left_out_are_looked_into_for_exceptions_that_begin_like_them() {
        let list = Ignore::parse("a\nb\n!a/x/keep").unwrap();
        for (folder, look) in [("a", true), ("a/x", true), ("a/y", false), ("b", false)] {
            assert_eq!(list.may_keep_inside(Path::new(folder)), look, "{folder}");
        }
        assert!(out(&list, "a/x/other") && !out(&list, "a/x/keep"));
    }

    #[test]
    fn the_build_file_is_never_left_out() {
        let list = Ignore::parse("**\n").unwrap();
        let list = list.but_for(&[".dockerignore", "./sub/Dockerfile"]);
        assert!(out(&list, "a") && out(&list, "sub"));
        for kept in [".dockerignore", "sub/Dockerfile"] {
            assert!(!out(&list, kept), "{kept}");
        }
        assert!(list.may_keep_inside(Path::new("sub")));
    }

    #[test]
    fn what_is_no_pattern_is_refused_with_its_line() {
        for (text, line) in [
            ("a\n!", 2),
            ("[", 1),
            ("x\n\n[a-]", 3),
            ("a\\", 1),
            ("[]", 1),
        ] {
            let error = Ignore::parse(text).unwrap_err();
            assert!(error.starts_with(&format!("line {line}: ")), "{error}");
        }
    }

    #[test]
    fn no_pattern_takes_long() {
        let pattern = format!("{}b", "*a".repeat(200));
        assert!(!left_out(&pattern, &"a".repeat(1000)));
        let pattern = format!("{}b", "**/a/".repeat(50));
        assert!(!left_out(&pattern, &"a/".repeat(100)));
    }
}
