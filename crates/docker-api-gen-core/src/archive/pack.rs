//! Making archives of files and folders.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use tar::{Builder, EntryType, Header};

use super::Copied;
use super::ignore::{Found, Ignore};
use crate::blocking::about;

/// What goes into an archive, and how.
pub(crate) struct Packing {
    /// Who owns the files goes along; otherwise they are the superuser's.
    pub(crate) owners: bool,
    /// A link at the top stands for what it leads to.
    pub(crate) follow: bool,
}

/// Writes a file, or a folder with all that is in it, under the name `name`; without a name only what is in the folder.
pub(crate) fn pack_path<W: Write>(
    archive: W,
    path: &Path,
    name: &Path,
    packing: Packing,
) -> io::Result<Copied> {
    let meta = if packing.follow {
        fs::metadata(path)
    } else {
        fs::symlink_metadata(path)
    };
    let meta = meta.map_err(|error| about(path, error))?;
    let mut packer = Packer::new(archive, packing.owners, None);
    if meta.is_dir() {
        if !name.as_os_str().is_empty() {
            packer.folder(path, name, &meta)?;
        }
        packer.inside(path, name, Path::new(""), &Found::default())?;
    } else {
        packer.entry(path, name, &meta)?;
    }
    packer.finish()
}

/// Writes the folder of a build: everything but what its `.dockerignore` leaves out. `dockerfile` is always sent, and
/// `extra` is one more file, which is not in the folder.
pub(crate) fn pack_context<W: Write>(
    archive: W,
    folder: &Path,
    dockerfile: &str,
    extra: Option<(&str, &[u8])>,
) -> io::Result<Copied> {
    let list = folder.join(".dockerignore");
    let ignore = match fs::read_to_string(&list) {
        Ok(text) => Ignore::parse(&text)
            .map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why))
            .map_err(|error| about(&list, error))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ignore::default(),
        Err(error) => return Err(about(&list, error)),
    };
    let ignore = ignore.but_for(&[".dockerignore", dockerfile]);
    let meta = fs::metadata(folder).map_err(|error| about(folder, error))?;
    if !meta.is_dir() {
        let error = io::Error::new(io::ErrorKind::NotADirectory, "not a folder");
        return Err(about(folder, error));
    }
    let mut packer = Packer::new(archive, false, Some(ignore));
    packer.inside(folder, Path::new(""), Path::new(""), &Found::default())?;
    if let Some((name, text)) = extra {
        let mut header = Header::new_gnu();
        header.set_mode(0o600);
        header.set_size(text.len() as u64);
        packer.builder.append_data(&mut header, name, text)?;
    }
    packer.finish()
}

struct Packer<W: Write> {
    builder: Builder<W>,
    owners: bool,
    ignore: Option<Ignore>,
    copied: Copied,
    /// Files that have several names, and under which of them they were written.
    #[cfg(unix)]
    linked: std::collections::HashMap<(u64, u64), PathBuf>,
}

impl<W: Write> Packer<W> {
    fn new(archive: W, owners: bool, ignore: Option<Ignore>) -> Self {
        let mut builder = Builder::new(archive);
        builder.follow_symlinks(false);
        Self {
            builder,
            owners,
            ignore,
            copied: Copied::default(),
            #[cfg(unix)]
            linked: Default::default(),
        }
    }

    fn finish(self) -> io::Result<Copied> {
        self.builder.into_inner()?;
        Ok(self.copied)
    }

    /// Everything in a folder. `below` is its path from where the packing began, `found` what of the list of what is
    /// left out fits it.
    fn inside(
        &mut self,
        folder: &Path,
        name: &Path,
        below: &Path,
        found: &Found,
    ) -> io::Result<()> {
        let mut entries = fs::read_dir(folder)
            .and_then(|entries| entries.collect::<Result<Vec<_>, _>>())
            .map_err(|error| about(folder, error))?;
        // The same folder makes the same archive.
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let (name, below) = (name.join(entry.file_name()), below.join(entry.file_name()));
            let meta = match fs::symlink_metadata(&path) {
                Ok(meta) => meta,
                // It was there a moment ago.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(about(&path, error)),
            };
            let (left_out, found) = match &self.ignore {
                Some(ignore) => ignore.look(&below, found),
                None => (false, Found::default()),
            };
            if left_out {
                let ignore = self.ignore.as_ref();
                if meta.is_dir() && ignore.is_some_and(|ignore| ignore.may_keep_inside(&below)) {
                    self.inside(&path, &name, &below, &found)?;
                }
            } else if meta.is_dir() {
                self.folder(&path, &name, &meta)?;
                self.inside(&path, &name, &below, &found)?;
            } else {
                self.entry(&path, &name, &meta)?;
            }
        }
        Ok(())
    }

    fn header(&self, meta: &Metadata) -> Header {
        let mut header = Header::new_gnu();
        header.set_metadata(meta);
        if !self.owners {
            header.set_uid(0);
            header.set_gid(0);
        }
        header
    }

    fn folder(&mut self, path: &Path, name: &Path, meta: &Metadata) -> io::Result<()> {
        let mut header = self.header(meta);
        header.set_size(0);
        // Folders end in a slash: what the builder remembers is for the archives that `docker` makes, too.
        let mut name = name.as_os_str().to_owned();
        name.push("/");
        self.builder
            .append_data(&mut header, name, io::empty())
            .map_err(|error| about(path, error))
    }

    /// Anything but a folder.
    fn entry(&mut self, path: &Path, name: &Path, meta: &Metadata) -> io::Result<()> {
        let kind = meta.file_type();
        if kind.is_symlink() {
            let target = fs::read_link(path).map_err(|error| about(path, error))?;
            let mut header = self.header(meta);
            header.set_size(0);
            return self
                .builder
                .append_link(&mut header, name, target)
                .map_err(|error| about(path, error));
        }
        if kind.is_file() {
            return self.file(path, name, meta);
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::FileTypeExt as _;
            if !kind.is_socket() {
                return self
                    .builder
                    .append_path_with_name(path, name)
                    .map_err(|error| about(path, error));
            }
        }
        self.copied.skipped.push(path.to_owned());
        Ok(())
    }

    fn file(&mut self, path: &Path, name: &Path, meta: &Metadata) -> io::Result<()> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            if meta.nlink() > 1 {
                if let Some(first) = self.linked.get(&(meta.dev(), meta.ino())) {
                    let mut header = self.header(meta);
                    header.set_entry_type(EntryType::Link);
                    header.set_size(0);
                    return self
                        .builder
                        .append_link(&mut header, name, first)
                        .map_err(|error| about(path, error));
                }
                self.linked
                    .insert((meta.dev(), meta.ino()), name.to_owned());
            }
        }
        let file = File::open(path).map_err(|error| about(path, error))?;
        // What was opened may not be what was looked at.
        let meta = file.metadata().map_err(|error| about(path, error))?;
        if !meta.is_file() {
            return Err(about(path, changed()));
        }
        let mut header = self.header(&meta);
        header.set_size(meta.len());
        let data = Exactly {
            file,
            left: meta.len(),
        };
        self.builder
            .append_data(&mut header, name, data)
            .map_err(|error| about(path, error))?;
        self.copied.files += 1;
        self.copied.bytes += meta.len();
        Ok(())
    }
}

/// As many bytes of a file as its header announces, whatever is written to it meanwhile: one more or less, and all that
/// comes behind it in the archive is garbage.
struct Exactly {
    file: File,
    left: u64,
}

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Ok(0);
        }
        let fits = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let read = self.file.read(&mut buffer[..fits])?;
        if read == 0 && fits > 0 {
            return Err(changed());
        }
        self.left -= read as u64;
        Ok(read)
    }
}

fn changed() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "it was changed while it was read",
    )
}
