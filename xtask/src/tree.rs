//! Generated files on disk: written only where they differ, and nothing left behind that is not generated.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::files;

/// What differs between the files that should be there and those that are.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    /// There, with other contents.
    stale: Vec<String>,
    /// Not there.
    missing: Vec<String>,
    /// There, but nothing generates them.
    orphaned: Vec<String>,
}

impl Difference {
    /// Compares `files`, by their path below `root`, with what is there; every other file below the folders
    /// `owned` is an orphan.
    pub(crate) fn find(
        root: &Path,
        files: &BTreeMap<String, String>,
        owned: &[String],
    ) -> Result<Self> {
        let mut difference = Self::default();
        for (path, text) in files {
            match fs::read(root.join(path)) {
                Ok(there) if there == text.as_bytes() => {}
                Ok(_) => difference.stale.push(path.clone()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    difference.missing.push(path.clone())
                }
                Err(error) => return Err(error).with_context(|| format!("cannot read {path}")),
            }
        }
        for folder in owned {
            for path in walk(&root.join(folder))? {
                let name = name_below(root, &path);
                if !files.contains_key(&name) {
                    difference.orphaned.push(name);
                }
            }
        }
        Ok(difference)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.stale.len() + self.missing.len() + self.orphaned.len()
    }

    /// One line for each file, for people.
    pub(crate) fn lines(&self) -> Vec<String> {
        let list = |what: &'static str, names: &[String]| {
            names
                .iter()
                .map(|name| format!("{what}: {name}"))
                .collect::<Vec<_>>()
        };
        let lines = [
            list("stale", &self.stale),
            list("missing", &self.missing),
            list("orphaned", &self.orphaned),
        ];
        lines.concat()
    }

    /// Makes what is there as it should be.
    pub(crate) fn mend(
        &self,
        root: &Path,
        wanted: &BTreeMap<String, String>,
        owned: &[String],
    ) -> Result<()> {
        for name in self.stale.iter().chain(&self.missing) {
            files::write(&root.join(name), wanted[name].as_bytes())?;
        }
        for name in &self.orphaned {
            fs::remove_file(root.join(name)).with_context(|| format!("cannot remove {name}"))?;
        }
        for folder in owned {
            remove_empty_folders(&root.join(folder))?;
        }
        Ok(())
    }
}

fn name_below(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    below
        .iter()
        .map(|part| part.to_string_lossy())
        .collect::<Vec<_>>()
        .join("/")
}

/// All files below a folder, sorted; none where there is no such folder.
fn walk(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                return Err(error).with_context(|| format!("cannot list {}", folder.display()));
            }
        };
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot list {}", folder.display()))?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path())
            } else {
                files.push(entry.path())
            }
        }
    }
    files.sort();
    Ok(files)
}

fn remove_empty_folders(folder: &Path) -> Result<()> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(());
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_empty_folders(&entry.path())?;
            // Fails where it is not empty, and that is as it should be.
            let _ = fs::remove_dir(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> BTreeMap<String, String> {
        BTreeMap::from([
            ("gen/a.rs".to_owned(), "a".to_owned()),
            ("gen/sub/b.rs".to_owned(), "b".to_owned()),
        ])
    }

    #[test]
    fn every_kind_of_difference_is_named_and_mended() {
        let root = tempfile::tempdir().unwrap();
        let files = files();
        let owned = ["gen".to_owned()];
        let first = Difference::find(root.path(), &files, &owned).unwrap();
        assert_eq!(
            first.lines(),
            ["missing: gen/a.rs", "missing: gen/sub/b.rs"]
        );
        first.mend(root.path(), &files, &owned).unwrap();
        assert!(
            Difference::find(root.path(), &files, &owned)
                .unwrap()
                .is_empty()
        );

        fs::write(root.path().join("gen/a.rs"), "A").unwrap();
        fs::remove_file(root.path().join("gen/sub/b.rs")).unwrap();
        fs::create_dir(root.path().join("gen/old")).unwrap();
        fs::write(root.path().join("gen/old/c.rs"), "c").unwrap();
        let second = Difference::find(root.path(), &files, &owned).unwrap();
        assert_eq!(
            second.lines(),
            [
                "stale: gen/a.rs",
                "missing: gen/sub/b.rs",
                "orphaned: gen/old/c.rs"
            ]
        );
        second.mend(root.path(), &files, &owned).unwrap();
        assert!(
            Difference::find(root.path(), &files, &owned)
                .unwrap()
                .is_empty()
        );
        assert!(!root.path().join("gen/old").exists());
    }

    #[test]
    fn what_is_right_is_not_written_again() {
        let root = tempfile::tempdir().unwrap();
        let files = files();
        let owned = ["gen".to_owned()];
        Difference::find(root.path(), &files, &owned)
            .unwrap()
            .mend(root.path(), &files, &owned)
            .unwrap();
        let modified = |name: &str| {
            fs::metadata(root.path().join(name))
                .unwrap()
                .modified()
                .unwrap()
        };
        let before = modified("gen/a.rs");
        Difference::find(root.path(), &files, &owned)
            .unwrap()
            .mend(root.path(), &files, &owned)
            .unwrap();
        assert_eq!(modified("gen/a.rs"), before);
    }
}
