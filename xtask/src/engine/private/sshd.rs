//! An sshd inside of an engine's namespaces: the far side for those who reach the engine through ssh.

use std::fs::{self, File};
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::inside::{Commands, Processes, STOP, own};
use super::{Private, log_excerpt};
use crate::engine::{Net, Ssh};

/// On loopback.
pub(super) const PORT: u16 = 2222;

/// Made once, beside the engine's socket.
const FOLDER: &str = "ssh";

/// Starts it, with keys of its own, for root and whoever has the key `id`.
pub(super) fn start(commands: &Commands, processes: &Processes, runtime: &Path) -> Result<()> {
    let sshd = commands.find("sshd")?;
    let keygen = commands.find("ssh-keygen")?;
    let folder = runtime.join(FOLDER);
    fs::DirBuilder::new()
        .mode(0o700)
        .create(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    for key in ["host", "id", "poor", "stranger"] {
        let mut command = commands.command(&keygen);
        command.args(["-q", "-t", "ed25519", "-N", "", "-C", key, "-f"]);
        // All children are waited for elsewhere; whether there is a key is seen when it is read.
        let pid = processes.start(command.arg(folder.join(key)))?;
        processes.wait(pid, STOP);
    }
    let public = |key: &str| fs::read_to_string(folder.join(key).with_extension("pub"));
    let host = public("host")?;
    fs::write(
        folder.join("authorized_keys"),
        format!(
            "{}command=\"PATH=/nowhere; eval \\\"$SSH_ORIGINAL_COMMAND\\\"\" {}",
            public("id")?,
            public("poor")?
        ),
    )?;
    fs::write(
        folder.join("known_hosts"),
        format!("[127.0.0.1]:{PORT} {host}"),
    )?;
    let config = folder.join("sshd_config");
    fs::write(
        &config,
        format!(
            "ListenAddress 127.0.0.1:{PORT}\nHostKey {0}/host\nAuthorizedKeysFile {0}/authorized_keys\nPidFile none\n\
             UsePAM no\nStrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             PermitRootLogin prohibit-password\nPrintMotd no\n",
            folder.display()
        ),
    )?;
    prepare_accounts()?;
    let log = folder.join("log");
    let mut command = commands.command(&sshd);
    command.args(["-D", "-e", "-f"]).arg(&config);
    command
        .stdout(File::create(&log)?)
        .stderr(File::options().append(true).open(&log)?);
    let pid = processes.start(&mut command)?;
    let started = Instant::now();
    while let Err(error) = TcpStream::connect(("127.0.0.1", PORT)) {
        if let Some(how) = processes.wait(pid, Duration::from_millis(50)) {
            bail!("sshd {how}: {}", log_excerpt(&log));
        }
        ensure!(
            started.elapsed() < STOP,
            "sshd does not listen ({error}): {}",
            log_excerpt(&log)
        );
    }
    Ok(())
}

/// Gives root a shell that is there, and sshd the account that it wants; `/etc` is the engine's own.
fn prepare_accounts() -> Result<()> {
    fs::create_dir_all("/run/sshd")?;
    let accounts = Path::new("/etc/passwd");
    let mut text = fs::read_to_string(accounts).unwrap_or_default();
    let shell = own("bin").join("sh");
    let busybox = Path::new("/usr/bin/busybox");
    if busybox.is_file() && !shell.is_symlink() {
        symlink(busybox, &shell)?;
        let others = text.lines().filter(|line| !line.starts_with("root:"));
        let others: Vec<_> = others.collect();
        text = format!(
            "root:x:0:0:root:/root:{}\n{}\n",
            shell.display(),
            others.join("\n")
        );
    }
    if !text.lines().any(|line| line.starts_with("sshd:")) {
        text.push_str("sshd:x:22222:65534::/run/sshd:/usr/sbin/nologin\n");
    }
    fs::write(accounts, text).context("cannot write /etc/passwd of the engine")?;
    // An account without a password is one that keys can be used for; a locked one is not.
    fs::write("/etc/shadow", "root:*:1::::::\nsshd:*:1::::::\n")
        .context("cannot write /etc/shadow of the engine")
}

/// How to get there from outside of the namespaces.
pub(super) fn client(engine: &Private, runtime: &Path) -> Result<Ssh> {
    let folder = runtime.join(FOLDER);
    let ssh = Ssh {
        port: PORT,
        key: folder.join("id"),
        poor: folder.join("poor"),
        stranger: folder.join("stranger"),
        known_hosts: folder.join("known_hosts"),
        program: folder.join("client"),
    };
    let config = folder.join("config");
    fs::write(
        &config,
        format!(
            "IdentityFile {}\nIdentitiesOnly yes\nUserKnownHostsFile {}\nGlobalKnownHostsFile /dev/null\n",
            ssh.key.display(),
            ssh.known_hosts.display()
        ),
    )?;
    write_script(&ssh.program, &engine.inside("ssh".as_ref()), &config)?;
    Ok(ssh)
}

/// Inside there is an ssh of the same age as the sshd, whatever the machine has.
fn write_script(script: &Path, ssh: &Command, config: &Path) -> Result<()> {
    let words = [ssh.get_program()].into_iter().chain(ssh.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    let text = format!(
        "#!/bin/sh\nexec {} -F \"${{SSH_CONFIG:-{}}}\" \"$@\"\n",
        words.join(" "),
        config.display()
    );
    let half: PathBuf = script.with_extension("part");
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o700)
        .open(&half)?
        .write_all(text.as_bytes())?;
    fs::rename(&half, script).with_context(|| format!("cannot write {}", script.display()))
}

impl Private {
    /// A command that sees what the engine sees: its files and its network.
    pub(in crate::engine) fn inside(&self, program: &std::ffi::OsStr) -> Command {
        let mut command = Command::new("nsenter");
        let namespaces = format!("/proc/{}/ns", self.init());
        command.arg(format!("--mount={namespaces}/mnt"));
        if self.state.spec.net != Net::Host {
            command.arg(format!("--net={namespaces}/net"));
        }
        command.args(["--wd=/", "--"]).arg(program);
        command
    }
}
