//! Taking archives apart, of which nothing is believed.
//!
//! What comes out of a container was made by whoever runs in it. An entry whose place is not below the destination is
//! refused, and so is one whose place leads through a symbolic link: an archive could bring the link first and then
//! write through it.

use std::cell::{Cell, RefCell};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use tar::{Archive, Entry, EntryType};

use super::Copied;
use crate::blocking::about;

/// How much may stand between two entries: their headers, with names as long as they like within this.
const HEADER_LIMIT: usize = 1 << 20;
/// What of a file is looked at as a whole: where all of it is zeros, a hole is left.
const BLOCK: usize = 64 * 1024;

/// Where an archive goes, and how.
pub(crate) struct Unpacking {
    /// What the first entry becomes; the others keep their place below it.
    pub(crate) target: PathBuf,
    /// Files go to those who owned them, with all bits of their modes; otherwise to the user.
    pub(crate) owners: bool,
}

/// Reads an archive to its end. Its first entry is the file or folder that was asked for, and everything else is in it.
pub(crate) fn unpack<R: Read>(archive: R, unpacking: &Unpacking) -> io::Result<Copied> {
    let budget = Rc::new(Cell::new(usize::MAX));
    let headers = Rc::new(RefCell::new(Vec::new()));
    let mut archive = Archive::new(Budgeted {
        archive,
        left: budget.clone(),
        headers: headers.clone(),
    });
    let mut unpacker = Unpacker {
        unpacking,
        top: None,
        top_is_folder: false,
        folders: Vec::new(),
        copied: Copied::default(),
    };
    let mut entries = archive.entries()?;
    loop {
        budget.set(HEADER_LIMIT);
        headers.borrow_mut().clear();
        let Some(entry) = entries.next() else {
            break;
        };
        let mut entry = entry?;
        budget.set(usize::MAX);
        // Facts about all that follows, and nothing of its own.
        if entry.header().entry_type() == EntryType::XGlobalHeader {
            continue;
        }
        let names = Names::read(&headers.borrow())?;
        unpacker.entry(&mut entry, names)?;
        io::copy(&mut entry, &mut io::sink())?;
    }
    unpacker.finish()
}

/// Gives out no more than is allowed at the moment, and keeps what stands between two entries.
struct Budgeted<R> {
    archive: R,
    left: Rc<Cell<usize>>,
    headers: Rc<RefCell<Vec<u8>>>,
}

impl<R: Read> Read for Budgeted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        if left == 0 {
            return Err(invalid("a header of the archive is too long"));
        }
        let fits = buffer.len().min(left);
        let read = self.archive.read(&mut buffer[..fits])?;
        if left != usize::MAX {
            self.left.set(left - read);
            self.headers.borrow_mut().extend_from_slice(&buffer[..read]);
        }
        Ok(read)
    }
}

/// The names that an entry's extended header gives.
///
/// They are read here, as the library looks for the ends of lines and not at lengths: where there is a line break in a
/// name, it would take another name in silence.
#[derive(Debug, Default, PartialEq)]
struct Names {
    path: Option<PathBuf>,
    link: Option<PathBuf>,
}

impl Names {
    /// `headers` are the blocks before an entry, with its own, and what filled up the last block of the entry before.
    fn read(headers: &[u8]) -> io::Result<Self> {
        let mut names = Self::default();
        let mut blocks = &headers[headers.len() % 512..];
        while let Some((header, rest)) = blocks.split_first_chunk::<512>() {
            let header = tar::Header::from_byte_slice(header);
            let kind = header.entry_type();
            let size = match kind {
                EntryType::XHeader | EntryType::GNULongName | EntryType::GNULongLink => {
                    usize::try_from(header.entry_size()?).unwrap_or(usize::MAX)
                }
                _ => 0,
            };
            if kind == EntryType::XHeader {
                let records = rest.get(..size).ok_or_else(broken_header)?;
                names.add(records)?;
            }
            blocks = rest
                .get(size.saturating_add(511) / 512 * 512..)
                .unwrap_or_default();
        }
        Ok(names)
    }

    /// Records such as `12 path=a/b`, of which the number counts the bytes.
    fn add(&mut self, mut records: &[u8]) -> io::Result<()> {
        while !records.is_empty() {
            let blank = records.iter().position(|byte| *byte == b' ');
            let (digits, _) = records.split_at(blank.ok_or_else(broken_header)?);
            let length = std::str::from_utf8(digits)
                .ok()
                .and_then(|text| text.parse().ok());
            let length = length.ok_or_else(broken_header)?;
            let record = records
                .get(digits.len() + 1..length)
                .ok_or_else(broken_header)?;
            let record = record.strip_suffix(b"\n").ok_or_else(broken_header)?;
            records = &records[length..];
            if let Some(path) = record.strip_prefix(b"path=") {
                self.path = Some(path_of(path)?);
            } else if let Some(link) = record.strip_prefix(b"linkpath=") {
                self.link = Some(path_of(link)?);
            }
        }
        Ok(())
    }
}

fn broken_header() -> io::Error {
    invalid("an extended header of the archive cannot be read")
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> io::Result<PathBuf> {
    use std::os::unix::ffi::OsStrExt as _;
    Ok(std::ffi::OsStr::from_bytes(bytes).into())
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> io::Result<PathBuf> {
    let text = std::str::from_utf8(bytes);
    text.map(PathBuf::from)
        .map_err(|_| invalid("a name in the archive is not text"))
}

struct Unpacker<'a> {
    unpacking: &'a Unpacking,
    /// The name of the first entry, which is not kept.
    top: Option<Vec<OsString>>,
    /// Whether the first entry is a folder, which others can be in.
    top_is_folder: bool,
    /// Folders that get their modes and times when all is in them.
    folders: Vec<(PathBuf, Facts)>,
    copied: Copied,
}

/// What an entry says about itself beside its place and contents.
#[derive(Clone, Copy)]
struct Facts {
    mode: u32,
    owner: Option<(u32, u32)>,
    modified: Option<SystemTime>,
}

impl Unpacker<'_> {
    fn entry<R: Read>(&mut self, entry: &mut Entry<'_, R>, names: Names) -> io::Result<()> {
        let name = match names.path {
            Some(name) => name,
            None => entry.path()?.into_owned(),
        };
        let steps = steps(&name).ok_or_else(|| escapes(&name))?;
        let is_first = self.top.is_none();
        let top = self.top.get_or_insert_with(|| steps.clone());
        if top.len() > 1 {
            return Err(escapes(&name));
        }
        let below = steps
            .strip_prefix(top.as_slice())
            .ok_or_else(|| escapes(&name))?;
        if below.is_empty() && !is_first {
            return Err(invalid(format!(
                "{}: it is in the archive twice",
                name.display()
            )));
        }
        let kind = entry.header().entry_type();
        if is_first {
            self.top_is_folder = kind == EntryType::Directory;
        } else if !self.top_is_folder {
            return Err(escapes(&name));
        }
        let path = self.place(below).map_err(|error| {
            if error.kind() == io::ErrorKind::InvalidData {
                escapes(&name)
            } else {
                error
            }
        })?;
        let facts = self.facts(entry)?;
        match kind {
            EntryType::Directory => self.folder(path, facts, below.is_empty()),
            EntryType::Regular | EntryType::Continuous => {
                make_room(&path)?;
                let bytes = write_file(&path, entry, facts).map_err(|error| about(&path, error))?;
                self.copied.files += 1;
                self.copied.bytes += bytes;
                Ok(())
            }
            EntryType::Symlink => {
                let to = link_name(entry, names.link)?;
                make_room(&path)?;
                make_link(&to, &path)
                    .and_then(|()| set_owner(&path, facts))
                    .map_err(|error| about(&path, error))
            }
            EntryType::Link => {
                let to = link_name(entry, names.link)?;
                let to = self::steps(&to)
                    .and_then(|steps| {
                        let top = self.top.as_deref().unwrap_or_default();
                        Some(steps.strip_prefix(top)?.to_vec())
                    })
                    .filter(|to| !to.is_empty())
                    .ok_or_else(|| escapes(&name))?;
                let to = self.place(&to)?;
                make_room(&path)?;
                fs::hard_link(&to, &path).map_err(|error| about(&path, error))
            }
            EntryType::Char | EntryType::Block | EntryType::Fifo => {
                self.copied.skipped.push(path);
                Ok(())
            }
            other => Err(invalid(format!(
                "{}: entries of the type {:?} are not known",
                name.display(),
                other.as_byte() as char
            ))),
        }
    }

    /// Where an entry goes, with the folders on the way there.
    fn place(&self, below: &[OsString]) -> io::Result<PathBuf> {
        let mut path = self.unpacking.target.clone();
        for step in below {
            match fs::symlink_metadata(&path) {
                Ok(meta) if meta.is_dir() => {}
                // The destination itself was the caller's choice.
                Ok(meta) if meta.is_symlink() && path == self.unpacking.target && path.is_dir() => {
                }
                Ok(_) => return Err(invalid("a link or a file is in the way")),
                Err(error) if error.kind() == io::ErrorKind::NotFound => make_folder(&path)?,
                Err(error) => return Err(about(&path, error)),
            }
            path.push(step);
        }
        Ok(path)
    }

    fn folder(&mut self, path: PathBuf, facts: Facts, is_top: bool) -> io::Result<()> {
        match fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_dir() => {
                // One that was there before, and is the caller's.
                if is_top {
                    return Ok(());
                }
            }
            Ok(meta) if is_top && meta.is_symlink() && path.is_dir() => return Ok(()),
            Ok(_) => {
                let error = io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    "a folder cannot take the place of what is no folder",
                );
                return Err(about(&path, error));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => make_folder(&path)?,
            Err(error) => return Err(about(&path, error)),
        }
        self.folders.push((path, facts));
        Ok(())
    }

    fn facts<R: Read>(&self, entry: &Entry<'_, R>) -> io::Result<Facts> {
        let header = entry.header();
        let id = |id: u64| u32::try_from(id).map_err(|_| invalid("an owner is out of range"));
        let owner = if self.unpacking.owners {
            Some((id(header.uid()?)?, id(header.gid()?)?))
        } else {
            None
        };
        // A file that runs as its owner must not become one that runs as the user.
        let bits = if self.unpacking.owners { 0o7777 } else { 0o777 };
        Ok(Facts {
            mode: header.mode()? & bits,
            owner,
            modified: SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(header.mtime()?)),
        })
    }

    fn finish(self) -> io::Result<Copied> {
        // Those inside first: a mode can lock a folder, and what is done in one changes its time.
        for (path, facts) in self.folders.into_iter().rev() {
            let done = File::open(&path).and_then(|folder| {
                set_owner(&path, facts)?;
                set_facts(&folder, facts)
            });
            done.map_err(|error| about(&path, error))?;
        }
        if self.top.is_none() {
            return Err(invalid("the archive is empty"));
        }
        Ok(self.copied)
    }
}

/// Nobody else looks into a folder before it has the mode that it should have.
fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path).map_err(|error| about(path, error))
}

/// The names a path is made of, or `None` if it leads out of where it begins.
pub(crate) fn steps(path: &Path) -> Option<Vec<OsString>> {
    path.components()
        .filter_map(|component| match component {
            Component::Normal(name) => Some(Some(name.to_owned())),
            Component::RootDir | Component::CurDir => None,
            Component::ParentDir | Component::Prefix(_) => Some(None),
        })
        .collect()
}

fn link_name<R: Read>(entry: &Entry<'_, R>, extended: Option<PathBuf>) -> io::Result<PathBuf> {
    let link = entry.link_name()?.map(std::borrow::Cow::into_owned);
    match extended.or(link) {
        Some(name) => Ok(name),
        None => Err(invalid("a link in the archive leads nowhere")),
    }
}

/// Removes what is in the place of a file or link, but for a folder.
fn make_room(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => {
            let error = io::Error::new(
                io::ErrorKind::IsADirectory,
                "what is no folder cannot take the place of one",
            );
            Err(about(path, error))
        }
        // Not overwritten: it may be a link, or have other names.
        Ok(_) => fs::remove_file(path).map_err(|error| about(path, error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(about(path, error)),
    }
}

fn write_file(path: &Path, data: &mut impl Read, facts: Facts) -> io::Result<u64> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    let mut block = vec![0; BLOCK];
    let mut size = 0;
    let mut in_hole = false;
    loop {
        let filled = fill(data, &mut block)?;
        let bytes = &block[..filled];
        if bytes.is_empty() {
            break;
        }
        in_hole = bytes.iter().all(|byte| *byte == 0);
        if in_hole {
            file.seek(SeekFrom::Current(filled as i64))?;
        } else {
            file.write_all(bytes)?;
        }
        size += filled as u64;
    }
    if in_hole {
        file.set_len(size)?;
    }
    set_owner(path, facts)?;
    set_facts(&file, facts)?;
    Ok(size)
}

/// Reads until `block` is full or there is no more.
fn fill(data: &mut impl Read, block: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < block.len() {
        match data.read(&mut block[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

#[cfg(unix)]
fn set_facts(file: &File, facts: Facts) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    if let Some(modified) = facts.modified {
        file.set_modified(modified)?;
    }
    file.set_permissions(fs::Permissions::from_mode(facts.mode))
}

#[cfg(not(unix))]
fn set_facts(_: &File, _: Facts) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn set_owner(path: &Path, facts: Facts) -> io::Result<()> {
    match facts.owner {
        Some((user, group)) => std::os::unix::fs::lchown(path, Some(user), Some(group)),
        None => Ok(()),
    }
}

#[cfg(not(unix))]
fn set_owner(_: &Path, _: Facts) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn make_link(to: &Path, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(to, path)
}

#[cfg(not(unix))]
fn make_link(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "symbolic links cannot be made on this system",
    ))
}

fn escapes(name: &Path) -> io::Error {
    invalid(format!(
        "the archive is refused: its entry {:?} would be written outside of the destination",
        name.display().to_string()
    ))
}

fn invalid(text: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    use super::*;

    /// A folder that is removed in the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("dag-unpack-{}-{name}", std::process::id());
            let path = std::env::temp_dir().join(name);
            let _ = fs::remove_dir_all(&path);
            fs::create_dir(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    enum Is<'a> {
        Folder(u32),
        File(u32, &'a [u8]),
        Link(&'a str),
        Hard(&'a str),
        Device,
    }

    fn archive(entries: &[(&str, Is<'_>)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, is) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_mtime(1_000_000_000);
            header.set_uid(12345);
            header.set_gid(23456);
            let (kind, mode, data, link) = match is {
                Is::Folder(mode) => (EntryType::Directory, *mode, &b""[..], None),
                Is::File(mode, data) => (EntryType::Regular, *mode, *data, None),
                Is::Link(to) => (EntryType::Symlink, 0o777, &b""[..], Some(to)),
                Is::Hard(to) => (EntryType::Link, 0o644, &b""[..], Some(to)),
                Is::Device => (EntryType::Char, 0o600, &b""[..], None),
            };
            header.set_entry_type(kind);
            header.set_mode(mode);
            header.set_size(data.len() as u64);
            // As it is: the library would refuse some of these names.
            let gnu = header.as_gnu_mut().unwrap();
            gnu.name[..name.len()].copy_from_slice(name.as_bytes());
            if let Some(to) = link {
                gnu.linkname[..to.len()].copy_from_slice(to.as_bytes());
            }
            header.set_cksum();
            builder.append(&header, data).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn unpack_to(target: &Path, entries: &[(&str, Is<'_>)]) -> io::Result<Copied> {
        let unpacking = Unpacking {
            target: target.to_owned(),
            owners: false,
        };
        unpack(&archive(entries)[..], &unpacking)
    }

    #[test]
    fn files_come_with_their_modes_times_and_links() {
        let folder = Folder::new("modes");
        let target = folder.0.join("out");
        let copied = unpack_to(
            &target,
            &[
                ("etc/", Is::Folder(0o550)),
                ("etc/run", Is::File(0o4755, b"#!")),
                ("etc/locked/", Is::Folder(0o500)),
                ("etc/locked/secret", Is::File(0o400, b"x")),
                ("etc/same", Is::Hard("etc/run")),
                ("etc/far", Is::Link("/etc/passwd")),
                ("etc/null", Is::Device),
            ],
        )
        .unwrap();
        assert_eq!((copied.files, copied.bytes), (2, 3));
        assert_eq!(copied.skipped, [target.join("null")]);
        let meta = |name: &str| fs::symlink_metadata(target.join(name)).unwrap();
        assert_eq!(meta("").permissions().mode() & 0o7777, 0o550);
        // What ran as its owner there must not run as the user here.
        assert_eq!(meta("run").permissions().mode() & 0o7777, 0o755);
        assert_eq!(meta("locked").permissions().mode() & 0o7777, 0o500);
        assert_eq!(meta("locked").mtime(), 1_000_000_000);
        assert_eq!(meta("locked/secret").mtime(), 1_000_000_000);
        assert_eq!(meta("same").ino(), meta("run").ino());
        assert_eq!(
            fs::read_link(target.join("far")).unwrap(),
            Path::new("/etc/passwd")
        );
        for locked in ["", "locked"] {
            fs::set_permissions(target.join(locked), fs::Permissions::from_mode(0o700)).unwrap();
        }
    }

    #[test]
    fn what_is_there_is_replaced_but_not_written_through() {
        let folder = Folder::new("replaced");
        let (target, outside) = (folder.0.join("out"), folder.0.join("outside"));
        fs::create_dir(&target).unwrap();
        fs::write(&outside, "kept").unwrap();
        std::os::unix::fs::symlink(&outside, target.join("link")).unwrap();
        fs::hard_link(&outside, target.join("hard")).unwrap();
        let before = fs::metadata(&target).unwrap().permissions().mode();
        unpack_to(
            &target,
            &[
                ("./", Is::Folder(0o500)),
                ("./link", Is::File(0o644, b"new")),
                ("./hard", Is::File(0o644, b"new")),
            ],
        )
        .unwrap();
        assert_eq!(fs::read_to_string(&outside).unwrap(), "kept");
        assert_eq!(fs::read_to_string(target.join("link")).unwrap(), "new");
        assert_eq!(fs::read_to_string(target.join("hard")).unwrap(), "new");
        // The destination was there before, and stays as it was.
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode(), before);
        // A folder is not replaced by a file, nor a file by a folder.
        fs::create_dir(target.join("folder")).unwrap();
        for entries in [
            [
                ("./", Is::Folder(0o755)),
                ("./folder", Is::File(0o644, b"x")),
            ],
            [("./", Is::Folder(0o755)), ("./link", Is::Folder(0o755))],
        ] {
            unpack_to(&target, &entries).unwrap_err();
        }
    }

    #[test]
    fn an_entry_that_would_escape_is_refused() {
        let folder = Folder::new("escape");
        let outside = folder.0.join("outside");
        fs::create_dir(&outside).unwrap();
        let to_outside = outside.to_str().unwrap();
        let top = || ("a/", Is::Folder(0o755));
        let file = |name| (name, Is::File(0o644, b"x"));
        for (case, entries) in [
            vec![top(), file("a/../../outside/x")],
            vec![top(), file("../outside/x")],
            vec![file("..")],
            vec![top(), file("outside/x")],
            vec![top(), file("/outside/x")],
            // A link first, then something behind it.
            vec![top(), ("a/l", Is::Link("../outside")), file("a/l/x")],
            vec![top(), ("a/l", Is::Link(to_outside)), file("a/l/x")],
            vec![
                top(),
                ("a/l", Is::Link(to_outside)),
                ("a/l/d/", Is::Folder(0o755)),
            ],
            vec![
                top(),
                ("a/l", Is::Link(to_outside)),
                ("a/l", Is::Folder(0o755)),
                file("a/l/x"),
            ],
            vec![("a", Is::Link(to_outside)), file("a/x")],
            vec![file("a"), file("a/x")],
            // The other name of something outside.
            vec![top(), ("a/h", Is::Hard("../outside/x"))],
            vec![top(), ("a/h", Is::Hard("/etc/passwd"))],
            vec![
                top(),
                ("a/l", Is::Link(to_outside)),
                ("a/h", Is::Hard("a/l/x")),
            ],
        ]
        .into_iter()
        .enumerate()
        {
            let target = folder.0.join(format!("{case}"));
            let error = unpack_to(&target, &entries).unwrap_err();
            assert!(
                matches!(
                    error.kind(),
                    io::ErrorKind::InvalidData | io::ErrorKind::AlreadyExists
                ),
                "{case}: {error}"
            );
            assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "{case}");
        }
        assert!(!folder.0.join("x").exists());
    }

    /// As archives of Go have it: the name is in a header of its own, which counts bytes and not lines.
    #[test]
    fn names_with_line_breaks_are_whole() {
        let folder = Folder::new("breaks");
        let mut builder = tar::Builder::new(Vec::new());
        let mut add = |records: &[(&str, &str)], kind, data: &[u8]| {
            let records = records.iter().map(|(key, value)| (*key, value.as_bytes()));
            builder.append_pax_extensions(records).unwrap();
            let mut header = tar::Header::new_ustar();
            header.set_entry_type(kind);
            header.set_path("d/stripped").unwrap();
            header.set_link_name("stripped").unwrap();
            header.set_mode(0o755);
            header.set_size(data.len() as u64);
            header.set_cksum();
            builder.append(&header, data).unwrap();
        };
        let xattr = "SCHILY.xattr.security.capability";
        add(&[("path", "d")], EntryType::Directory, b"");
        add(
            &[(xattr, "\n9 path=x"), ("path", "d/ä\nb")],
            EntryType::Regular,
            b"x",
        );
        add(
            &[("linkpath", "ä\nb"), ("path", "d/l")],
            EntryType::Symlink,
            b"",
        );
        let archive = builder.into_inner().unwrap();
        let unpacking = Unpacking {
            target: folder.0.join("out"),
            owners: false,
        };
        unpack(&archive[..], &unpacking).unwrap();
        assert_eq!(fs::read_to_string(folder.0.join("out/ä\nb")).unwrap(), "x");
        assert_eq!(fs::read_to_string(folder.0.join("out/l")).unwrap(), "x");
        assert_eq!(fs::read_dir(folder.0.join("out")).unwrap().count(), 2);
        for broken in [
            "x",
            "5 path=a\n",
            "9999 path=a\n",
            "-1 path=a\n",
            "12 path=abcd",
        ] {
            Names::default().add(broken.as_bytes()).unwrap_err();
        }
    }

    #[test]
    fn holes_stay_holes() {
        let folder = Folder::new("holes");
        let mut data = vec![0; 4 << 20];
        data[3 << 20] = 1;
        let target = folder.0.join("sparse");
        unpack_to(&target, &[("sparse", Is::File(0o644, &data))]).unwrap();
        assert!(fs::read(&target).unwrap() == data);
        assert!(fs::metadata(&target).unwrap().blocks() * 512 < 1 << 20);
    }

    #[test]
    fn an_archive_cut_off_or_broken_is_an_error() {
        let folder = Folder::new("broken");
        let target = folder.0.join("out");
        let whole = archive(&[
            ("a/", Is::Folder(0o755)),
            ("a/b", Is::File(0o644, &[7; 1000])),
        ]);
        let unpacking = Unpacking {
            target: target.clone(),
            owners: false,
        };
        for end in [0, 100, 600, 1024, 1500] {
            let _ = fs::remove_dir_all(&target);
            let result = unpack(&whole[..end], &unpacking);
            // At the end of an entry it is for the stream to say that something is missing.
            assert_eq!(result.is_err(), end != 512, "cut at {end}");
        }
        let mut broken = whole.clone();
        broken[520] ^= 1;
        let _ = fs::remove_dir_all(&target);
        unpack(&broken[..], &unpacking).unwrap_err();
        // A name without end is given up, whatever its header says.
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(EntryType::GNULongName);
        header.set_size(1 << 40);
        header.set_cksum();
        let endless = header.as_bytes().chain(io::repeat(b'a'));
        let error = unpack(endless, &unpacking).unwrap_err();
        assert!(error.to_string().contains("too long"), "{error}");
    }
}
