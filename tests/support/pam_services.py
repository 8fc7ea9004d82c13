"""PAM services for logins by IAM token: one a cluster, all of them gone with their lab.

PAM reads a service from /etc/pam.d only; that file is the one thing of a lab that is outside its
directory. It names pam_script, which runs pam_script_auth.py from a directory that belongs to root
(pam_script wants it so). pam_exec would cut a token after 511 bytes.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

PAM_D = Path("/etc/pam.d")
PREFIX = "sluice-lab-"  # in lower case, as PAM reads it
MODULES = ("/lib/*/security", "/usr/lib/*/security", "/lib/security", "/usr/lib64/security")
SCRIPT = Path(__file__).resolve().parent / "pam_script_auth.py"
OWNER = re.compile(r"# lab (\S+), process ([0-9]+) started at ([0-9]+)")


class PamError(Exception):
    """A PAM service could not be made or removed."""


def _as_root():
    """What goes before a command that needs root; None when we cannot be root."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo"):
        asked = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
        if asked.returncode == 0:
            return ["sudo", "-n"]
    return None


def _run(*command, text=None):
    done = subprocess.run([*(_as_root() or []), *map(str, command)], input=text, text=True,
                          capture_output=True, check=False)
    if done.returncode != 0:
        raise PamError(f"{command[0]} failed: {done.stderr.strip()}")


def has_module():
    return any(next(Path("/").glob(f"{place[1:]}/pam_script.so"), None) for place in MODULES)


def why_not(bindir):
    """Why there can be no logins by IAM token here, for a person; None when there can."""
    prefix = _as_root()
    if prefix is None:
        return "they need root, or sudo without a password, for a file in /etc/pam.d"
    if not PAM_D.is_dir() or (not prefix and not os.access(PAM_D, os.W_OK)):
        return f"{PAM_D} is not here or cannot be written"
    if not has_module():
        return "PAM's pam_script is not installed; run scripts/install-deps"
    if b"libpam.so" not in (Path(bindir) / "postgres").read_bytes():
        return f"the PostgreSQL in {bindir} is built without PAM"
    return None


def started_at(pid):
    """When a process started, in the kernel's ticks; 0 when there is none, or only its remains."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return 0 if words[0] == "Z" else int(words[19])
    except (OSError, IndexError, ValueError):
        return 0


def _server_runs(lab_dir):
    for pid_file in Path(lab_dir).glob("*/postmaster.pid"):
        try:
            if started_at(int(pid_file.read_text().split("\n", 1)[0])):
                return True
        except (OSError, ValueError):
            continue
    return False


def is_stale(path):
    """True for a service file of ours whose lab is gone: neither its maker nor a server runs."""
    try:
        owner = OWNER.match(path.read_text(encoding="utf-8"))
    except OSError:
        return False
    if not owner:
        return False  # not written by this file
    return started_at(owner[2]) != int(owner[3]) and not _server_runs(owner[1])


def remove_stale():
    """Removes what labs that crashed have left."""
    stale = [path for path in PAM_D.glob(PREFIX + "*") if is_stale(path)]
    if stale and _as_root() is not None:
        _run("rm", "-f", *stale)
    return stale


class PamServices:
    """The services of one lab."""

    def __init__(self, lab_dir, group):
        self.lab_dir = Path(lab_dir)
        self.group = group  # the servers' group id: pam_script runs as they do
        self.dir = self.lab_dir / "pam"

    def name(self, cluster_name):
        return f"{self.lab_dir.name}-{cluster_name}".lower()

    def names(self):
        return sorted(p.name for p in PAM_D.glob(self.lab_dir.name.lower() + "-*"))

    def add(self, cluster_name, known):
        """known: what pam_script_auth.py reads. Servers that run see the service at once."""
        name = self.name(cluster_name)
        if not self.dir.is_dir():
            _run("install", "-d", "-o", "root", "-g", "root", "-m", "755", self.dir)
            _run("install", "-o", "root", "-g", "root", "-m", "755", SCRIPT, self.dir / "pam_script_auth")
        _run("install", "-o", "root", "-g", self.group, "-m", "640", "/dev/stdin",
             self.dir / f"{name}.json", text=json.dumps(known))
        _run("install", "-o", "root", "-g", "root", "-m", "644", "/dev/stdin", PAM_D / name,
             text=self._service())
        return name

    def _service(self):
        owner = os.getpid()
        return (f"# lab {self.lab_dir}, process {owner} started at {started_at(owner)}\n"
                f"auth required pam_script.so dir={self.dir}\n"
                "account required pam_permit.so\n")

    def close(self):
        """Removes the services and what they read; safe to call again."""
        paths = [PAM_D / name for name in self.names()]
        if paths or self.dir.exists():
            _run("rm", "-rf", self.dir, *paths)
