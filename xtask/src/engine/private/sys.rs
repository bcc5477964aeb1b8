//! Mounts and the loopback device, with errors that say what was tried.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use nix::fcntl::OFlag;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket,
};

/// A folder that stays reachable after something was mounted over it.
pub(crate) struct Held(File);

impl Held {
    pub(crate) fn open(path: &Path) -> Result<Held> {
        fs::OpenOptions::new()
            .read(true)
            .custom_flags((OFlag::O_PATH | OFlag::O_DIRECTORY).bits())
            .open(path)
            .map(Held)
            .with_context(|| format!("cannot open {}", path.display()))
    }

    pub(crate) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()))
    }
}

pub(crate) fn propagation(flags: MsFlags) -> Result<()> {
    mount(
        None::<&str>,
        "/",
        None::<&str>,
        flags | MsFlags::MS_REC,
        None::<&str>,
    )
    .context("cannot set how mounts propagate")
}

pub(crate) fn tmpfs(target: &Path, mode: &str) -> Result<()> {
    mount(
        Some("tmpfs"),
        target,
        Some("tmpfs"),
        MsFlags::MS_NOSUID | MsFlags::MS_NODEV,
        Some(format!("mode={mode}").as_str()),
    )
    .with_context(|| format!("cannot mount a tmpfs on {}", target.display()))
}

pub(crate) fn kernel(kind: &str, target: &Path) -> Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some(kind), target, Some(kind), flags, None::<&str>)
        .with_context(|| format!("cannot mount {kind} on {}", target.display()))
}

/// Makes a folder or file, with whatever is mounted below, appear at another place as well.
pub(crate) fn bind(source: &Path, target: &Path) -> Result<()> {
    mount(
        Some(source),
        target,
        None::<&str>,
        MsFlags::MS_BIND | MsFlags::MS_REC,
        None::<&str>,
    )
    .with_context(|| format!("cannot mount {} on {}", source.display(), target.display()))
}

/// Lays `upper` over `lower` and shows both at `target`; what is written goes to `written`.
pub(crate) fn overlay(lower: &[&Path], written: &Path, target: &Path) -> Result<()> {
    let (upper, work) = (written.join("upper"), written.join("work"));
    fs::create_dir_all(&upper)?;
    fs::create_dir_all(&work)?;
    let lower: Vec<_> = lower
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let options = format!(
        "lowerdir={},upperdir={},workdir={}",
        lower.join(":"),
        upper.display(),
        work.display()
    );
    mount(
        Some("overlay"),
        target,
        Some("overlay"),
        MsFlags::empty(),
        Some(options.as_str()),
    )
    .with_context(|| format!("cannot mount an overlay on {}", target.display()))
}

pub(crate) fn detach(target: &Path) -> Result<()> {
    umount2(target, MntFlags::MNT_DETACH)
        .with_context(|| format!("cannot unmount {}", target.display()))
}

/// Puts an empty folder in place of a system's, with all of its entries but a few put back: what an engine adds or
/// hides there stays its own, and everything else is still the system's.
pub(crate) fn cover(folder: &Path, hide: &[&str]) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    let below = Held::open(folder)?;
    tmpfs(folder, "0755")?;
    for entry in fs::read_dir(below.path())? {
        let name = entry?.file_name();
        if hide.iter().any(|hidden| OsStr::new(hidden) == name) {
            continue;
        }
        let (source, target) = (below.path().join(&name), folder.join(&name));
        let kind = source.symlink_metadata()?.file_type();
        if kind.is_symlink() {
            symlink(fs::read_link(&source)?, &target)?;
            continue;
        }
        if kind.is_dir() {
            fs::create_dir(&target)?;
        } else {
            File::create(&target)?;
        }
        bind(&source, &target)?;
    }
    Ok(())
}

/// Turns on the loopback device of a fresh network namespace; `ip link set lo up` without needing `ip`.
pub(crate) fn loopback_up() -> Result<()> {
    const RTM_NEWLINK: u16 = 16;
    const NLM_F_REQUEST_ACK: u16 = 1 | 4;
    const LOOPBACK_INDEX: i32 = 1;
    const IFF_UP: u32 = 1;
    let mut message = Vec::new();
    message.extend(32u32.to_ne_bytes()); // length
    message.extend(RTM_NEWLINK.to_ne_bytes());
    message.extend(NLM_F_REQUEST_ACK.to_ne_bytes());
    message.extend(1u32.to_ne_bytes()); // sequence number
    message.extend(0u32.to_ne_bytes()); // to the kernel
    message.extend([0u8; 4]); // any family, any type
    message.extend(LOOPBACK_INDEX.to_ne_bytes());
    message.extend(IFF_UP.to_ne_bytes()); // flags
    message.extend(IFF_UP.to_ne_bytes()); // which of them to change
    let up = || -> Result<()> {
        let netlink: OwnedFd = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkRoute,
        )?;
        sendto(
            netlink.as_raw_fd(),
            &message,
            &NetlinkAddr::new(0, 0),
            MsgFlags::empty(),
        )?;
        let mut answer = [0u8; 256];
        let length = recv(netlink.as_raw_fd(), &mut answer, MsgFlags::empty())?;
        ensure!(length >= 20, "the kernel's answer is too short");
        let code = i32::from_ne_bytes([answer[16], answer[17], answer[18], answer[19]]);
        if code != 0 {
            return Err(nix::errno::Errno::from_raw(-code).into());
        }
        Ok(())
    };
    up().context("cannot turn on the loopback device")
}
