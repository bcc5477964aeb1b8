//! Engines out of Debian's packages, downloaded and unpacked beside the system: nothing is installed, and apt keeps
//! its lists and files in a folder of ours.

use std::fs::{self, File};
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::dirs::{self, Dirs};
use crate::engine::{EngineKind, say};

/// Package lists older than this are fetched again before a download.
const LISTS_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// What an engine never looks at, and what would only take space.
const LEFT_OUT: [&str; 5] = [
    "./usr/share/doc",
    "./usr/share/info",
    "./usr/share/locale",
    "./usr/share/man",
    "./usr/share/perl",
];

/// What to unpack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// The folder's name, and the word for messages.
    pub(crate) name: &'static str,
    pub(crate) suite: &'static str,
    /// Dependencies aside, the first being the one whose version counts.
    pub(crate) packages: &'static [&'static str],
    /// Which versions will do; any if there is none.
    pub(crate) kind: Option<EngineKind>,
}

impl Wanted {
    fn fits(&self, version: &str) -> bool {
        self.kind.is_none_or(|kind| kind.is_version(version))
    }

    fn list(&self) -> String {
        self.packages.join(" ")
    }
}

/// For the image, where an engine is installed and busybox is not.
pub(crate) const BUSYBOX: Wanted = Wanted {
    name: "busybox",
    suite: "stable",
    packages: &["busybox-static"],
    kind: None,
};

/// Unpacked packages: a root folder with `usr` and `etc`.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    pub(crate) root: PathBuf,
    pub(crate) version: String,
}

/// The tree that is already there.
pub(crate) fn cached(dirs: &Dirs, wanted: &Wanted) -> Option<Tree> {
    let folder = dirs.packages(wanted.name);
    let note = fs::read_to_string(folder.join("version")).ok()?;
    let (version, packages) = note.split_once('\n')?;
    // One that was unpacked when less was wanted lacks something now.
    (wanted.fits(version) && packages == wanted.list()).then(|| Tree {
        root: folder.join("tree"),
        version: version.to_owned(),
    })
}

/// The tree, downloaded and unpacked if need be.
pub(crate) fn tree(dirs: &Dirs, wanted: &Wanted) -> Result<Tree> {
    if let Some(tree) = cached(dirs, wanted) {
        return Ok(tree);
    }
    let folder = dirs.packages(wanted.name);
    make_private_folder(&folder)?;
    let _lock = dirs::lock(&folder.join("lock"))?;
    // Somebody else may have done it while we waited.
    if let Some(tree) = cached(dirs, wanted) {
        return Ok(tree);
    }
    let (apt, mut version) = find(&folder, wanted)?;
    say(format_args!(
        "downloading {} {version} from Debian {}",
        wanted.packages[0], wanted.suite
    ));
    if let Err(error) = apt.download(wanted) {
        // The archive may have moved on since the lists were fetched.
        apt.forget_lists()?;
        let (apt, again) = find(&folder, wanted)?;
        ensure!(again != version, error);
        apt.download(wanted)?;
        version = again;
    }
    say(format_args!(
        "unpacking into {}",
        folder.join("tree").display()
    ));
    unpack(&apt.archives(), &folder)?;
    fs::write(
        folder.join("version"),
        format!("{version}\n{}", wanted.list()),
    )?;
    fs::remove_dir_all(apt.archives())?;
    Ok(Tree {
        root: folder.join("tree"),
        version,
    })
}

/// The version that could be unpacked here; asks the archive.
pub(crate) fn available(dirs: &Dirs, wanted: &Wanted) -> Result<String> {
    let folder = dirs.packages(wanted.name);
    make_private_folder(&folder)?;
    let _lock = dirs::lock(&folder.join("lock"))?;
    find(&folder, wanted).map(|(_, version)| version)
}

/// Root's only: the tree holds setuid programs that nobody should be able to run.
fn make_private_folder(folder: &Path) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("cannot make {}", folder.display()))
}

fn find(folder: &Path, wanted: &Wanted) -> Result<(Apt, String)> {
    for tool in ["apt-get", "dpkg-deb"] {
        ensure!(
            dirs::program(tool).is_some(),
            "the packages are Debian's, and there is no {tool} here"
        );
    }
    let archives = archives()?;
    let keyring = Path::new("/usr/share/keyrings/debian-archive-keyring.gpg");
    let mut last = None;
    for archive in &archives {
        // The keyring knows the keys of other suites; an archive signed by somebody else is in apt's own trust.
        let options = [
            keyring
                .exists()
                .then(|| format!("[signed-by={}] ", keyring.display())),
            Some(String::new()),
        ];
        for option in options.into_iter().flatten() {
            let apt = Apt {
                folder: folder.join("apt"),
            };
            let source = format!("deb {option}{archive} {} main\n", wanted.suite);
            match apt
                .update(&source)
                .and_then(|()| apt.candidate(wanted.packages[0]))
            {
                Ok(version) if wanted.fits(&version) => return Ok((apt, version)),
                Ok(version) => {
                    last = Some(anyhow::anyhow!(
                        "Debian {} has {} {version} by now, which is not {}",
                        wanted.suite,
                        wanted.packages[0],
                        wanted.name
                    ));
                }
                Err(error) => last = Some(error),
            }
        }
    }
    Err(last.context("apt is configured for no Debian archive on this machine")?)
}

/// The archives that this machine's apt is configured for, Debian's own before others.
fn archives() -> Result<Vec<String>> {
    let output = Command::new("apt-get")
        .args([
            "indextargets",
            "--format",
            "$(ORIGIN)|$(RELEASE)|$(COMPONENT)|$(REPO_URI)",
            "Created-By: Packages",
        ])
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .context("cannot run apt-get")?;
    let output = succeeded("apt-get indextargets", output)?;
    Ok(parse_archives(&String::from_utf8_lossy(&output.stdout)))
}

fn parse_archives(targets: &str) -> Vec<String> {
    let mut debian = Vec::new();
    let mut others = Vec::new();
    for target in targets.lines() {
        let mut fields = target.splitn(4, '|');
        let (Some(origin), Some(release), Some("main"), Some(uri)) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        // bookworm-updates, bookworm-security and the like may live elsewhere than the suites themselves.
        if release.contains(['-', '/']) || uri.is_empty() {
            continue;
        }
        // Before the first update apt does not know whose an archive is.
        let list = if origin == "Debian" {
            &mut debian
        } else {
            &mut others
        };
        if !list.iter().any(|known| known == uri) {
            list.push(uri.to_owned());
        }
    }
    others.retain(|uri| !debian.contains(uri));
    debian.append(&mut others);
    debian
}

/// apt with its own state. What the machine says about proxies and the like still holds.
struct Apt {
    folder: PathBuf,
}

impl Apt {
    fn archives(&self) -> PathBuf {
        self.folder.join("archives")
    }

    fn run(&self, program: &str, args: &[&str]) -> Result<Output> {
        let output = Command::new(program)
            .arg("-c")
            .arg(self.folder.join("apt.conf"))
            .args(args)
            .env("LC_ALL", "C")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot run {program}"))?;
        succeeded(&format!("{program} {}", args.join(" ")), output)
    }

    /// Fetches the package lists, unless those of the same source are fresh.
    fn update(&self, source: &str) -> Result<()> {
        let list = self.folder.join("sources.list");
        let stamp = self.folder.join("updated");
        let fresh = stamp
            .metadata()
            .and_then(|meta| meta.modified())
            .is_ok_and(|time| time.elapsed().is_ok_and(|age| age < LISTS_AGE));
        if fresh && fs::read_to_string(&list).is_ok_and(|known| known == source) {
            return Ok(());
        }
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder)?;
        }
        for folder in ["lists/partial", "archives/partial", "empty"] {
            fs::create_dir_all(self.folder.join(folder))?;
        }
        fs::write(&list, source)?;
        // With nothing installed, apt sees all that an engine needs as missing.
        File::create(self.folder.join("status"))?;
        fs::write(self.folder.join("apt.conf"), self.configuration()?)?;
        self.run("apt-get", &["update"])?;
        File::create(stamp)?;
        Ok(())
    }

    fn configuration(&self) -> Result<String> {
        let folder = self
            .folder
            .to_str()
            .context("the target folder's name is not UTF-8, which apt cannot take")?;
        ensure!(
            !folder.contains('"'),
            "the target folder's name has a quote in it, which apt cannot take"
        );
        Ok(format!(
            r#"// Hooks of this machine are about its own packages.
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Install-Pkgs;
#clear DPkg::Pre-Invoke;
#clear DPkg::Post-Invoke;
APT::Get::Assume-Yes "true";
APT::Install-Recommends "false";
APT::Install-Suggests "false";
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::CNF::DefaultEnabled "false";
Acquire::Languages "none";
Acquire::Retries "2";
Dir::Cache "{folder}";
Dir::Cache::archives "{folder}/archives";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "{folder}/empty";
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "{folder}/empty";
Dir::State "{folder}";
Dir::State::lists "{folder}/lists";
Dir::State::status "{folder}/status";
Dir::State::extended_states "{folder}/extended_states";
"#
        ))
    }

    fn forget_lists(&self) -> Result<()> {
        fs::remove_file(self.folder.join("updated")).context("cannot forget the package lists")
    }

    /// The version of a package that the lists offer.
    fn candidate(&self, package: &str) -> Result<String> {
        let output = self.run("apt-cache", &["policy", package])?;
        parse_candidate(&String::from_utf8_lossy(&output.stdout))
            .with_context(|| format!("the archive has no package {package}"))
    }

    fn download(&self, wanted: &Wanted) -> Result<()> {
        let mut args = vec!["--download-only", "install"];
        args.extend(wanted.packages);
        self.run("apt-get", &args).map(drop)
    }
}

fn parse_candidate(policy: &str) -> Option<String> {
    let version = policy
        .lines()
        .find_map(|line| line.trim().strip_prefix("Candidate:"))?
        .trim();
    (version != "(none)").then(|| version.to_owned())
}

/// Unpacks all packages of a folder into `folder/tree`, which is there whole or not at all.
fn unpack(archives: &Path, folder: &Path) -> Result<()> {
    let tree = folder.join("tree");
    let half = folder.join("tree.part");
    for old in [&tree, &half] {
        if old.exists() {
            fs::remove_dir_all(old).with_context(|| format!("cannot remove {}", old.display()))?;
        }
    }
    // Older packages put files into /bin and /lib, which are links into /usr on a system of today.
    for name in dirs::MERGED {
        fs::create_dir_all(half.join("usr").join(name))?;
        symlink(Path::new("usr").join(name), half.join(name))?;
    }
    for entry in fs::read_dir(archives)? {
        let package = entry?.path();
        if package
            .extension()
            .is_some_and(|extension| extension == "deb")
        {
            unpack_one(&package, &half)
                .with_context(|| format!("cannot unpack {}", package.display()))?;
        }
    }
    fs::rename(&half, &tree)?;
    Ok(())
}

fn unpack_one(package: &Path, root: &Path) -> Result<()> {
    let mut source = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(package)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run dpkg-deb")?;
    let files = source.stdout.take().context("dpkg-deb has no output")?;
    let output = Command::new("tar")
        .args([
            "--extract",
            "--file=-",
            "--keep-directory-symlink",
            "--directory",
        ])
        .arg(root)
        .args(LEFT_OUT.map(|path| format!("--exclude={path}")))
        .stdin(files)
        .output()
        .context("cannot run tar")?;
    let status = source.wait()?;
    succeeded("tar", output)?;
    ensure!(status.success(), "dpkg-deb ended with {status}");
    Ok(())
}

fn succeeded(what: &str, output: Output) -> Result<Output> {
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said: Vec<&str> = said.lines().filter(|line| line.starts_with("E:")).collect();
        let all = String::from_utf8_lossy(&output.stderr);
        bail!(
            "{what}: {}",
            if said.is_empty() {
                all.trim().to_owned()
            } else {
                said.join("; ")
            }
        );
    }
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archive_is_debians_and_holds_suites() {
        let targets = "\
            |bookworm|main|http://one.example/apt/\n\
            Debian|bookworm|main|http://mirror.example/debian/\n\
            Debian|bookworm|contrib|http://mirror.example/debian/\n\
            Debian|bookworm-security|main|http://mirror.example/debian-security/\n\
            Docker|bookworm|stable|http://two.example/linux/debian/\n\
            |bookworm|main|http://mirror.example/debian/\n\
            |./|main|http://flat.example/\n";
        assert_eq!(
            parse_archives(targets),
            ["http://mirror.example/debian/", "http://one.example/apt/"]
        );
        assert_eq!(parse_archives(""), Vec::<String>::new());
    }

    #[test]
    fn a_candidate_is_a_version() {
        let policy =
            "docker.io:\n  Installed: (none)\n  Candidate: 20.10.24+dfsg1-1\n  Version table:\n";
        assert_eq!(parse_candidate(policy).as_deref(), Some("20.10.24+dfsg1-1"));
        assert_eq!(parse_candidate("docker.io:\n  Candidate: (none)\n"), None);
        assert_eq!(parse_candidate(""), None);
    }

    #[test]
    fn apts_complaint_is_what_is_told() {
        let output = Command::new("sh")
            .args(["-c", "echo W: old >&2; echo E: no route >&2; exit 100"])
            .output()
            .unwrap();
        assert_eq!(
            succeeded("apt-get update", output).unwrap_err().to_string(),
            "apt-get update: E: no route"
        );
    }
}
