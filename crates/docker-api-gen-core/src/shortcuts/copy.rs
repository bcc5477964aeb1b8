//! Copying into and out of containers, as `docker cp` does.

use std::io;
use std::path::{Path, PathBuf};

use super::{Kit, is_missing};
use crate::archive::{self, Copied, Packing, Unpacking};
use crate::base64_bytes;
use crate::blocking;
use crate::error::{Error, ErrorKind};
use crate::operation::Operation;
use crate::scan;

/// Where the daemon says what a path is.
const STAT: &str = "x-docker-container-path-stat";
/// How many links one after another are followed.
const LINKS: usize = 16;

/// A file or folder to be copied into a container.
#[derive(Clone, Debug)]
#[must_use = "nothing is copied until this is sent"]
pub struct CopyIn {
    kit: Kit,
    from: PathBuf,
    container: String,
    to: String,
    owners: bool,
    follow: bool,
}

impl CopyIn {
    #[doc(hidden)]
    pub fn new(kit: Kit, from: PathBuf, container: String, to: String) -> Self {
        Self {
            kit,
            from,
            container,
            to,
            owners: false,
            follow: false,
        }
    }

    /// Keeps who owns the files, by their numbers. Otherwise they are the superuser's of the container.
    pub fn owners(mut self, keep: bool) -> Self {
        self.owners = keep;
        self
    }

    /// Copies what a symbolic link leads to, where the path itself is one.
    pub fn follow_link(mut self, follow: bool) -> Self {
        self.follow = follow;
        self
    }

    /// Copies.
    ///
    /// A folder goes into the folder `to`, or becomes it if there is none; what ends in `/.` stands for what is in the
    /// folder. A file goes into the folder `to`, or becomes the file `to`. Nothing is held in memory as a whole.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Body`] if a file cannot be read, [`ErrorKind::Input`] if the kinds of the two do not go together.
    pub async fn send(self) -> Result<Copied, Error> {
        let Self {
            kit,
            from,
            container,
            to,
            owners,
            follow,
        } = self;
        let operations = kit.operations;
        let put = operations.container_put_archive;
        if owners {
            kit.settle().await?;
            kit.need(put, operations.since.copy_owners, "copying with owners")?;
        }
        let refuse =
            |sentence: String| kit.error(put, Some(&container), ErrorKind::Input, sentence);
        let meta = if follow {
            std::fs::metadata(&from)
        } else {
            std::fs::symlink_metadata(&from)
        };
        let meta = meta
            .map_err(|error| refuse(format!("{}: {error}", from.display())).with_source(error))?;
        let source = Source {
            is_folder: meta.is_dir(),
            contents: is_contents(&from.to_string_lossy()),
            name: from.file_name().map(Path::new),
        };
        let mut to = to;
        let mut there = stat(&kit, &container, &to).await?;
        for _ in 0..LINKS {
            let Some(target) = there.as_ref().and_then(|stat| stat.link_target.as_deref()) else {
                break;
            };
            to = joined(&to, target);
            there = stat(&kit, &container, &to).await?;
        }
        let (folder, name) = place(&source, &to, there.as_ref().map(|stat| stat.is_folder))
            .map_err(|why| refuse(format!("{}: {why}", from.display())))?;

        let packing = Packing { owners, follow };
        let (body, packing) =
            blocking::body_of(move |archive| archive::pack_path(archive, &from, &name, packing));
        let mut call = kit.container(put, &container);
        call.query("path", &folder);
        call.query("noOverwriteDirNonDir", &true);
        if owners {
            call.query("copyUIDGID", &true);
        }
        call.body("application/x-tar", body);
        let sent = call.unit().await;
        packed(&kit, put, &container, sent, blocking::joined(packing).await)
    }
}

/// A file or folder to be copied out of a container.
#[derive(Clone, Debug)]
#[must_use = "nothing is copied until this is sent"]
pub struct CopyOut {
    kit: Kit,
    container: String,
    from: String,
    to: PathBuf,
    owners: bool,
    follow: bool,
}

impl CopyOut {
    #[doc(hidden)]
    pub fn new(kit: Kit, container: String, from: String, to: PathBuf) -> Self {
        Self {
            kit,
            container,
            from,
            to,
            owners: false,
            follow: false,
        }
    }

    /// Keeps who owns the files, by their numbers, and all bits of their modes; that takes a superuser. Otherwise they
    /// are the user's.
    pub fn owners(mut self, keep: bool) -> Self {
        self.owners = keep;
        self
    }

    /// Copies what a symbolic link leads to, where the path itself is one.
    pub fn follow_link(mut self, follow: bool) -> Self {
        self.follow = follow;
        self
    }

    /// Copies.
    ///
    /// A folder goes into the folder `to`, or becomes it if there is none; what ends in `/.` stands for what is in the
    /// folder. A file goes into the folder `to`, or becomes the file `to`. Nothing is held in memory as a whole.
    ///
    /// The container is not believed: what would be written outside of `to`, by its name or through a link, is refused.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Archive`] if a file cannot be written or is refused, [`ErrorKind::Input`] if the kinds of the two
    /// do not go together. What was copied until then stays.
    pub async fn send(self) -> Result<Copied, Error> {
        let Self {
            kit,
            container,
            mut from,
            to,
            owners,
            follow,
        } = self;
        let get = kit.operations.container_archive;
        let contents = is_contents(&from);
        let name = from
            .trim_end_matches('/')
            .rsplit('/')
            .next()
            .map(str::to_owned);
        let mut links = LINKS;
        let (answer, stat) = loop {
            let mut call = kit.container(get, &container);
            call.query("path", &from);
            let answer = call.response().await?;
            let stat = Stat::read(answer.headers()).ok_or_else(|| {
                let sentence = "the daemon does not say what the path is";
                kit.error(get, Some(&container), ErrorKind::Decode, sentence)
            })?;
            match stat.link_target.as_deref() {
                Some(target) if follow && links > 0 => {
                    links -= 1;
                    from = joined(&from, target);
                }
                _ => break (answer, stat),
            }
        };
        let source = Source {
            is_folder: stat.is_folder,
            contents,
            name: name.as_deref().map(Path::new),
        };
        let there = std::fs::metadata(&to).ok().map(|meta| meta.is_dir());
        let (folder, name) = place(&source, &to.to_string_lossy(), there).map_err(|why| {
            let sentence = format!("{}: {why}", to.display());
            kit.error(get, Some(&container), ErrorKind::Input, sentence)
        })?;
        let target = match there {
            // As it was given, even where it is no text.
            None | Some(false) => to,
            Some(true) => to.join(&name),
        };
        drop(folder);
        let unpacking = Unpacking { target, owners };
        let unpacked = blocking::give_to(answer.bytes(), move |archive| {
            archive::unpack(archive, &unpacking)
        });
        unpacked.await?.map_err(|error| {
            let sentence = error.to_string();
            kit.error(get, Some(&container), ErrorKind::Archive, sentence)
                .with_source(error)
        })
    }
}

/// What came of a request whose body was an archive: if making it failed, that is why the request did.
pub(super) fn packed<T, P>(
    kit: &Kit,
    operation: &'static Operation,
    subject: &str,
    sent: Result<T, Error>,
    packing: io::Result<P>,
) -> Result<P, Error> {
    match (sent, packing) {
        (Ok(_), Ok(packed)) => Ok(packed),
        // The daemon had answered before it had read all: its answer says why.
        (Err(error), Ok(_)) => Err(error),
        (Err(error), Err(packing)) if packing.kind() == io::ErrorKind::BrokenPipe => Err(error),
        (Ok(_), Err(packing)) if packing.kind() == io::ErrorKind::BrokenPipe => Err(kit.error(
            operation,
            Some(subject),
            ErrorKind::Interrupted,
            "the daemon did not read all that it was sent",
        )),
        (_, Err(packing)) => Err(kit
            .error(
                operation,
                Some(subject),
                ErrorKind::Body,
                packing.to_string(),
            )
            .with_source(packing)),
    }
}

struct Source<'a> {
    is_folder: bool,
    /// Not the folder, but what is in it.
    contents: bool,
    name: Option<&'a Path>,
}

/// The folder that the archive goes to, and what its top is called there: nothing where what is in the folder is meant.
/// `there` says whether something is at the destination, and whether it is a folder.
fn place(source: &Source<'_>, to: &str, there: Option<bool>) -> Result<(String, PathBuf), String> {
    // Where there is no name, as for `/`, only what is in it can be meant.
    let contents = source.is_folder && (source.contents || source.name.is_none());
    match (there, source.is_folder) {
        (Some(true), _) if contents => Ok((to.to_owned(), PathBuf::new())),
        (Some(true), _) => match source.name {
            Some(name) => Ok((to.to_owned(), name.to_owned())),
            None => Err("it has no name".to_owned()),
        },
        (Some(false), true) => Err(format!("a folder cannot be copied over the file {to}")),
        (None, false) if to.ends_with('/') || to.ends_with("/.") => {
            Err(format!("there is no folder {to}"))
        }
        (None | Some(false), _) => {
            let trimmed = to.trim_end_matches("/.").trim_end_matches('/');
            let (folder, name) = match trimmed.rsplit_once('/') {
                Some((folder, name)) => (format!("{folder}/"), name),
                None => (".".to_owned(), trimmed),
            };
            match name {
                "" | "." | ".." => Err(format!("{to} is not a name that something can have")),
                name => Ok((folder, PathBuf::from(name))),
            }
        }
    }
}

/// Whatever is copied to `path`, its name there is one name and leads nowhere else.
#[cfg(any(test, fuzzing))]
pub(crate) fn check_places(path: &str) {
    let kinds = [(true, true), (true, false), (false, false)];
    for ((is_folder, contents), there) in kinds
        .into_iter()
        .flat_map(|kind| [None, Some(true), Some(false)].map(|there| (kind, there)))
    {
        let name = Some(Path::new("name"));
        let source = Source {
            is_folder,
            contents,
            name,
        };
        if let Ok((folder, name)) = place(&source, path, there) {
            let steps = archive::steps(&name).expect("a name");
            assert!(steps.len() <= 1, "{path:?}: {name:?} in {folder:?}");
        }
    }
    assert!(joined(path, "/x").starts_with('/') && joined(path, "x").ends_with('x'));
    is_contents(path);
}

/// Whether a path stands for what is in a folder.
fn is_contents(path: &str) -> bool {
    path == "." || path == ".." || path.ends_with("/.") || path.ends_with("/..") || path == "/"
}

/// Where a link leads that is at `link`.
fn joined(link: &str, target: &str) -> String {
    if target.starts_with('/') {
        return target.to_owned();
    }
    match link.trim_end_matches('/').rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{target}"),
        None => target.to_owned(),
    }
}

/// What a path in a container is.
#[derive(Debug, PartialEq)]
struct Stat {
    is_folder: bool,
    /// Where it leads, if it is a symbolic link.
    link_target: Option<String>,
}

impl Stat {
    fn read(headers: &http::HeaderMap) -> Option<Self> {
        // Bits of Go's file modes.
        const FOLDER: i64 = 1 << 31;
        const LINK: i64 = 1 << 27;
        let json = base64_bytes::decode_any(headers.get(STAT)?.to_str().ok()?)?;
        let mode = super::integer_at(&json, "/mode")?;
        let target = scan::member(&json, "linkTarget").and_then(scan::string);
        Some(Self {
            is_folder: mode & FOLDER != 0,
            link_target: target.filter(|target| mode & LINK != 0 && !target.is_empty()),
        })
    }
}

/// What is at a path of the container, if something is.
async fn stat(kit: &Kit, container: &str, path: &str) -> Result<Option<Stat>, Error> {
    let mut call = kit.container(kit.operations.container_archive_info, container);
    call.query("path", path);
    match call.head().await {
        Ok(headers) => Ok(Stat::read(&headers)),
        // No such path, or no such container: that the next request will tell.
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_go_where_docker_cp_puts_them() {
        let file = |name| Source {
            is_folder: false,
            contents: false,
            name: Some(Path::new(name)),
        };
        let folder = |name, contents| Source {
            is_folder: true,
            contents,
            name: Some(Path::new(name)),
        };
        let at = |source: Source<'_>, to, there| {
            place(&source, to, there)
                .map(|(folder, name)| (folder, name.to_str().unwrap().to_owned()))
        };
        let ok = |folder: &str, name: &str| Ok((folder.to_owned(), name.to_owned()));
        assert_eq!(at(file("a"), "/tmp", Some(true)), ok("/tmp", "a"));
        assert_eq!(at(file("a"), "/tmp/b", None), ok("/tmp/", "b"));
        assert_eq!(at(file("a"), "/tmp/b", Some(false)), ok("/tmp/", "b"));
        assert!(at(file("a"), "/tmp/b/", None).is_err());
        assert_eq!(at(file("a"), "b", None), ok(".", "b"));
        assert_eq!(at(folder("d", false), "/tmp", Some(true)), ok("/tmp", "d"));
        assert_eq!(at(folder("d", true), "/tmp", Some(true)), ok("/tmp", ""));
        assert_eq!(at(folder("d", false), "/tmp/e/", None), ok("/tmp/", "e"));
        assert_eq!(at(folder("d", true), "/tmp/e", None), ok("/tmp/", "e"));
        assert_eq!(at(folder("d", true), "/e", None), ok("/", "e"));
        assert!(at(folder("d", false), "/tmp/f", Some(false)).is_err());
        assert!(at(folder("d", false), "/", None).is_err());
    }

    #[test]
    fn links_lead_from_where_they_are() {
        assert_eq!(joined("/a/b", "c"), "/a/c");
        assert_eq!(joined("/a/b/", "/c"), "/c");
        assert_eq!(joined("/a", "c/d"), "/c/d");
        assert_eq!(joined("a", "c"), "c");
    }
}
