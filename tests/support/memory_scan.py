"""Secrets in the memory of a process: at the moment of its end, or while it runs.

`run(command, secrets)` starts a command, lets it run to its end, and looks at all of its memory at
the last moment at which it has one: Linux stops a traced process at PTRACE_EVENT_EXIT, when every
thread's work is done and nothing is unmapped yet. `scan(pid, secrets)` looks at one that runs, which
stands still meanwhile. Both need root: the loader is not dumpable, so nobody else may look.

Linux only; ptrace through ctypes. Only the main process is followed, not its children.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import tempfile
import time

from . import secret_forms

SEIZE, INTERRUPT, CONT, DETACH, LISTEN = 0x4206, 0x4207, 7, 17, 0x4208
TRACEEXIT, EXITKILL = 0x40, 0x100000
EVENT_EXIT, EVENT_STOP = 6, 128
WALL = 0x40000000
STEP = 16 << 20
OVERLAP = 4096  # a needle may lie across two steps
KERNELS = ("[vvar]", "[vsyscall]", "[vdso]")

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def why_not():
    """Why no memory can be looked at here, or None."""
    if os.uname().sysname != "Linux":
        return "memory is looked at through Linux's ptrace"
    if os.geteuid() != 0:
        return "only root may look into a process that is not dumpable"
    try:
        _probe()
    except OSError as e:
        return f"ptrace is not allowed here ({e.strerror})"
    return None


def _probe():
    child = subprocess.Popen(["/bin/sh", "-c", "read -r _"], stdin=subprocess.PIPE)
    try:
        _ptrace(SEIZE, child.pid, EXITKILL)
        with open(f"/proc/{child.pid}/mem", "rb"):
            pass
    finally:
        child.kill()
        child.wait()


def _ptrace(request, pid, data=0):
    if _libc.ptrace(request, pid, None, data) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class Hit:
    """One place where a secret, or a piece of it, was found."""

    def __init__(self, name, form, region, address, around):
        self.name, self.form, self.region, self.address, self.around = name, form, region, address, around

    def __repr__(self):
        return f"<{self.name}, {self.form}, in {self.region} at {self.address:#x}: {self.around!r}>"


class Found:
    """The hits, and how much was looked at: a scan that read nothing found nothing."""

    def __init__(self):
        self.hits = []
        self.bytes_read = 0
        self.regions = {}

    def names(self):
        return {hit.name for hit in self.hits}

    def __repr__(self):
        regions = ", ".join(f"{name} {size >> 10} kB" for name, size in sorted(self.regions.items()))
        return f"<{self.hits} in {self.bytes_read >> 10} kB: {regions}>"


def _private_regions(pid):
    """Where a process can have put something. Libraries' code and constants, most of a small process's memory,
    are files' pages that nobody may write to."""
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as maps:
        for line in maps:
            fields = line.split(None, 5)
            begin, end = (int(word, 16) for word in fields[0].split("-"))
            name = fields[5].strip() if len(fields) > 5 else "anonymous"
            of_a_file = name.startswith("/") and fields[1][1] != "w"
            if fields[1][0] == "r" and fields[1][3] == "p" and not of_a_file and name not in KERNELS:
                yield begin, end, name


def _read_region(mem, begin, end):
    """(address, bytes) in steps that overlap."""
    at = begin
    while at < end:
        data = os.pread(mem, min(STEP, end - at), at)
        if not data:
            return
        yield at, data
        if at + len(data) >= end:
            return
        at += max(len(data) - OVERLAP, 1)


def _used(at, data):
    """(address, bytes) without the zeros around, of which stacks that nobody grew into are full. One that ends a
    text in UTF-16 stays."""
    used = data.lstrip(b"\0")
    return at + len(data) - len(used), used[:len(used.rstrip(b"\0")) + 1]


def read_memory(pid, secrets, whole=False):
    """Looks at a process that stands still."""
    wanted = secret_forms.needles(secrets, whole)
    found = Found()
    mem = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
    try:
        for begin, end, name in _private_regions(pid):
            try:
                for at, data in _read_region(mem, begin, end):
                    found.bytes_read += len(data)
                    found.regions[name] = found.regions.get(name, 0) + len(data)
                    at, data = _used(at, data)
                    for offset, secret, form in secret_forms.hits(data, wanted):
                        around = data[max(0, offset - 48):offset + 48]
                        found.hits.append(Hit(secret, form, name, at + offset, around))
            except OSError:
                continue  # a page of a file that was cut meanwhile
    finally:
        os.close(mem)
    return found


# --- at the end ---


class Ended:
    """How a command ended and what was in its memory then."""

    def __init__(self, status, out, err, found):
        self.status, self.out, self.err, self.found = status, out, err, found

    @property
    def text(self):
        return self.out + self.err

    def __repr__(self):
        return f"<status {self.status}\n{self.found}\n-- stdout\n{self.out}\n-- stderr\n{self.err}>"


class Watched:
    """A process that runs, looked at when it ends: `poll` now and then, until it is true."""

    def __init__(self, pid, secrets, whole=False):
        self.pid = pid
        self.secrets = secrets
        self.whole = whole  # pieces of a secret do not count
        self.found = None  # at the end
        self.status = None
        _ptrace(SEIZE, pid, TRACEEXIT)

    def poll(self):
        """Deals with what the process stopped for; True once it has ended."""
        while self.status is None:
            pid, status = os.waitpid(self.pid, WALL | os.WNOHANG)
            if pid == 0:
                return False
            if os.WIFSTOPPED(status):
                self._resume(status)
            else:
                self.status = os.waitstatus_to_exitcode(status)
        return True

    def _resume(self, status):
        event, number = status >> 16, os.WSTOPSIG(status)
        if event == EVENT_EXIT:
            self.found = read_memory(self.pid, self.secrets, self.whole)
            _ptrace(CONT, self.pid)
        elif event == EVENT_STOP and number != signal.SIGTRAP:
            _ptrace(LISTEN, self.pid)
        else:
            _ptrace(CONT, self.pid, 0 if event or number == signal.SIGTRAP else number)

    def look(self):
        """What is in its memory now; a Found. It has to be running."""
        with stopped(self.pid, traced=True):
            return read_memory(self.pid, self.secrets, self.whole)

    def wait(self, timeout=120):
        wait_all([self], timeout)
        return self.found


def wait_all(watched, timeout=120):
    """Waits for the end of several at once: one may be waiting for another, which stands still until it is polled."""
    deadline = time.monotonic() + timeout
    while not all([each.poll() for each in watched]):
        if time.monotonic() > deadline:
            left = [each.pid for each in watched if each.status is None]
            raise AssertionError(f"processes {left} still run after {timeout} s")
        time.sleep(0.005)


class Traced(Watched):
    """A command that is watched from its start; a context manager."""

    def __init__(self, command, secrets, env=None, whole=False):
        self._out = tempfile.TemporaryFile("w+", errors="replace")
        self._err = tempfile.TemporaryFile("w+", errors="replace")
        # The shell waits until it is traced and becomes the command by exec; the pid stays.
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", 'read -r _; exec "$@" </dev/null', "sh", *map(str, command)],
            stdin=subprocess.PIPE, stdout=self._out, stderr=self._err, env=env)
        super().__init__(self._process.pid, secrets, whole)
        self._process.stdin.write(b"\n")
        self._process.stdin.close()

    def poll(self):
        if not super().poll():
            return False
        self._process.returncode = self.status
        return True

    def finish(self, timeout=120):
        """Waits for the end; an Ended."""
        try:
            self.wait(timeout)
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self._text(self._err)[-4000:]}") from None
        return Ended(self.status, self._text(self._out), self._text(self._err), self.found)

    @staticmethod
    def _text(file):
        size = os.fstat(file.fileno()).st_size  # read beside the writer's own position
        return os.pread(file.fileno(), size, 0).decode(errors="replace")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()
        self._out.close()
        self._err.close()


def run(command, secrets, env=None, timeout=120, whole=False):
    """Runs a command to its end; an Ended."""
    with Traced(command, secrets, env, whole) as traced:
        return traced.finish(timeout)


# --- while it runs ---


def _stop(tid, traced):
    if not traced:
        _ptrace(SEIZE, tid)
    _ptrace(INTERRUPT, tid)
    while True:
        _, status = os.waitpid(tid, WALL)
        if not os.WIFSTOPPED(status):
            raise ProcessLookupError(tid)
        if status >> 16 == EVENT_STOP:
            return
        _ptrace(CONT, tid, os.WSTOPSIG(status))


@contextlib.contextmanager
def stopped(pid, traced=False):
    """Every thread of the process stands still in here. traced: its main thread is ours already, and stays so."""
    held = []
    try:
        while True:  # until no thread is new
            fresh = [int(t) for t in os.listdir(f"/proc/{pid}/task") if int(t) not in held]
            if not fresh:
                break
            for tid in fresh:
                with contextlib.suppress(ProcessLookupError, ChildProcessError):
                    _stop(tid, traced and tid == pid)
                held.append(tid)
        yield
    finally:
        for tid in held:
            with contextlib.suppress(OSError):
                _ptrace(CONT if traced and tid == pid else DETACH, tid)


def scan(pid, secrets):
    """What is in the memory of a process that runs, and goes on afterwards; a Found."""
    with stopped(pid):
        return read_memory(pid, secrets)
