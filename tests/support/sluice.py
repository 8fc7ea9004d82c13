"""Running the loader from tests: to its end, or started to be killed."""

import json
import os
import re
import signal
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent.parent
SLUICE = os.environ.get("SLUICE", str(REPO / "build" / "sluice"))

# Inherited by the loader and by its snapshot holder, so that ours can be told from others'.
MARK = "SLUICE_TEST_RUN"
# A directory for what loads print, searched for secrets at the end of a suite.
KEPT_OUTPUT = "SLUICE_KEPT_OUTPUT"
RUN_ID = uuid.uuid4().hex
_RUN_BEGAN_S = time.clock_gettime(time.CLOCK_BOOTTIME)


class Result:
    """How a load ended."""

    def __init__(self, status, out, err, seconds):
        self.status = status
        self.out = out
        self.err = err
        self.seconds = seconds

    @property
    def events(self):
        """The objects of `--progress json`."""
        return [json.loads(line) for line in self.out.splitlines() if line.startswith("{")]

    @property
    def summary(self):
        """The last object of `--progress json`, {} when there is none."""
        events = self.events
        return events[-1] if events and events[-1].get("event") == "summary" else {}

    @property
    def text(self):
        """Everything it said."""
        return self.out + self.err

    def __repr__(self):
        return f"<status {self.status}\n-- stdout\n{self.out}\n-- stderr\n{self.err}>"


class Load:
    """A loader that runs. Its output goes to files: the holder outlives it and would keep a pipe open."""

    def __init__(self, command, env):
        self.out_file = tempfile.TemporaryFile("w+", errors="replace")
        self.err_file = tempfile.TemporaryFile("w+", errors="replace")
        self.started = time.monotonic()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.out_file,
                                        stderr=self.err_file, env=env)
        self.pid = self.process.pid
        self.result = None

    def running(self):
        return self.process.poll() is None

    def send(self, number):
        self.process.send_signal(number)

    def kill(self, number=signal.SIGKILL):
        """Sends a signal (SIGKILL unless told) and waits for the end."""
        self.process.send_signal(number)
        return self.wait()

    def stderr(self):
        return self._text(self.err_file)

    def stdout(self):
        return self._text(self.out_file)

    @staticmethod
    def _text(file):
        size = os.fstat(file.fileno()).st_size  # read beside the writer's own position
        return os.pread(file.fileno(), size, 0).decode(errors="replace")

    def wait(self, timeout=120):
        """The Result; after the timeout the loader is killed and the test fails with its output."""
        if self.result:
            return self.result
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(
                f"sluice still ran after {timeout} s\n-- stdout\n{self.stdout()[-4000:]}"
                f"\n-- stderr\n{self.stderr()[-4000:]}") from None
        seconds = time.monotonic() - self.started
        _keep_output(self.stdout() + self.stderr())
        self.result = Result(status, self.stdout(), self.stderr(), seconds)
        self.out_file.close()
        self.err_file.close()
        return self.result


def _keep_output(text):
    """In a suite that looks for secrets at its end, everything that was printed goes to a file."""
    folder = os.environ.get(KEPT_OUTPUT)
    if folder:
        (Path(folder) / uuid.uuid4().hex).write_text(text, encoding="utf-8")


def load_env(more=None):
    """Our environment without the caller's PG*, marked as this test run's."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
    env[MARK] = RUN_ID
    env.update(more or {})
    return env


def start_load(*args, env=None, subcommand="load"):
    """Starts `sluice load ARGS`. Connection strings name a password file, never a password."""
    return Load([SLUICE, subcommand, *map(str, args)], load_env(env))


def run_load(*args, timeout=120, env=None, subcommand="load"):
    return start_load(*args, env=env, subcommand=subcommand).wait(timeout)


# --- what a killed loader leaves ---


class Leftover:
    def __init__(self, pid, argv):
        self.pid = pid
        self.argv = argv

    @property
    def is_holder(self):
        return len(self.argv) > 1 and self.argv[1] == "holder"

    def __repr__(self):
        return f"<{self.pid} {' '.join(self.argv[:2])}>"


def _read(path):
    try:
        return Path(path).read_bytes()
    except OSError:  # the process went meanwhile
        return b""


def _sockets_to(ports):
    """Inodes of the TCP sockets whose other end is one of these ports."""
    inodes = set()
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in _read(name).decode().splitlines()[1:]:
            fields = line.split()
            if int(fields[2].rsplit(":", 1)[1], 16) in ports:
                inodes.add(fields[9])
    return inodes


def _has_socket(pid, inodes):
    try:
        links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    except OSError:
        return False
    return any(link[8:-1] in inodes for link in links if link.startswith("socket:["))


def talks_to(pid, port):
    """Has the process a connection to this port?"""
    return _has_socket(str(pid), _sockets_to({port}))


def _is_ours(pid, mark):
    """By the mark in its environment. Only the superuser may read that of a loader, which keeps its
    memory to itself; anybody else goes by the user and by being younger than this run."""
    if os.geteuid() == 0:
        return mark in _read(f"/proc/{pid}/environ").split(b"\0")
    uids = re.search(rb"^Uid:\s+(\d+)", _read(f"/proc/{pid}/status"), re.MULTILINE)
    started = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()[19:20]
    return (bool(uids and started) and int(uids[1]) == os.getuid()
            and int(started[0]) / os.sysconf("SC_CLK_TCK") >= _RUN_BEGAN_S)


def leftovers(ports=()):
    """Processes of the loader that this run started, or that talk to one of these ports."""
    inodes = _sockets_to(set(ports)) if ports else set()
    mark = f"{MARK}={RUN_ID}".encode()
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        argv = _read(f"/proc/{entry}/cmdline").decode(errors="replace").rstrip("\0").split("\0")
        if os.path.basename(argv[0]) != "sluice":
            continue
        ours = _is_ours(entry, mark)
        if ours or _has_socket(entry, inodes):
            found.append(Leftover(int(entry), argv))
    return found


def holders(ports=()):
    return [p for p in leftovers(ports) if p.is_holder]


def end_leftovers(ports=(), patience=2.0):
    """Asks them to go, then makes them. Gives what there was."""
    found = leftovers(ports)
    for number, wait in ((signal.SIGTERM, patience), (signal.SIGKILL, patience)):
        left = {p.pid for p in leftovers(ports)}
        for pid in left:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        deadline = time.monotonic() + wait
        while left and leftovers(ports) and time.monotonic() < deadline:
            time.sleep(0.02)
    return found
