"""Running a command and counting what it took: time, CPU, memory, system calls, the servers' CPU."""

import contextlib
import ctypes
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
TICKS = os.sysconf("SC_CLK_TCK")
SAMPLE_S = 0.1  # between two looks at the memory of all processes of a client
ORPHANS_S = 10  # for what a client leaves behind to end by itself


class Failed(Exception):
    """A run went wrong; the text is meant for a person."""


@dataclass
class Run:
    """One run. CPU time is that of all client processes together, in seconds."""

    seconds: float
    user: float
    system: float
    peak_process: int  # bytes, the largest high-water mark seen of one process
    peak_together: int  # bytes that are not shared with a file, all processes at one moment
    load: float  # load average over one minute, before
    servers: dict = field(default_factory=dict)  # by cluster: CPU seconds of backends and background
    out: str = field(default="", repr=False)

    @property
    def cpu(self):
        return self.user + self.system

    def backends(self, name):
        return self.servers[name]["backends"]

    def servers_cpu(self):
        return sum(sum(one.values()) for one in self.servers.values())

    def figures(self):
        return {k: v for k, v in asdict(self).items() if k != "out"}


# --- processes ---


def _read(path):
    try:
        return Path(path).read_text(errors="replace")
    except OSError:  # the process went meanwhile
        return ""


def children(pid):
    found = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            found += [int(word) for word in _read(f"/proc/{pid}/task/{task}/children").split()]
    return found


def descendants(pids):
    found, todo = [], list(pids)
    while todo:
        pid = todo.pop()
        if pid not in found:
            found.append(pid)
            todo += children(pid)
    return found


def status_kb(text, name):
    """A field of /proc/PID/status in bytes; 0 where it is missing, as in a process that has ended."""
    match = re.search(rf"^{name}:\s+(\d+) kB$", text, re.MULTILINE)
    return int(match.group(1)) * 1024 if match else 0


class Watcher(threading.Thread):
    """Looks at the memory of a process and of all its descendants until told to stop.

    wait4's ru_maxrss cannot be used: it starts from what the parent had at the fork.
    """

    def __init__(self, roots):
        super().__init__(daemon=True)
        self.roots = roots
        self.done = threading.Event()
        self.peak_process = 0
        self.peak_together = 0

    def run(self):
        while True:
            self.look()
            if self.done.wait(SAMPLE_S):
                return

    def look(self):
        together = 0
        for pid in descendants(self.roots()):
            text = _read(f"/proc/{pid}/status")
            self.peak_process = max(self.peak_process, status_kb(text, "VmHWM"))
            together += status_kb(text, "RssAnon") + status_kb(text, "RssShmem")
        self.peak_together = max(self.peak_together, together)

    def stop(self):
        self.done.set()
        self.join()


@contextlib.contextmanager
def adopting():
    """Processes that lose their parent become ours meanwhile, to be counted and ended too."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def wait_for(pid, seconds):
    """(wait status, resource usage) of a child, None when it still runs after that time."""
    fd = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        if not poll.poll(max(0, seconds) * 1000):
            return None
    finally:
        os.close(fd)
    return os.wait4(pid, 0)[1:]


def end_all(ours, patience=3.0):
    """SIGTERM, then SIGKILL, to the processes that ours() gives and to all that descend from them.

    It is asked again: what loses its parent becomes ours, and has to be waited for.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in descendants(ours()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + patience
        while (left := ours()) and time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError, ProcessLookupError):
                wait_for(left[0], deadline - time.monotonic())


class Client:
    """A command under way, with everything that it starts."""

    def __init__(self, command, env):
        self.log = tempfile.TemporaryFile("w+", errors="replace")
        self.out = tempfile.TemporaryFile("w+", errors="replace")
        self.before = set(children(os.getpid()))
        self.command = command
        self.load = os.getloadavg()[0]
        self.began = time.monotonic()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.out,
                                        stderr=self.log, env=env, start_new_session=True)

    def ours(self):
        return [pid for pid in children(os.getpid()) if pid not in self.before]

    def wait(self, timeout):
        """Seconds and the usages, those of orphans too; raises Failed."""
        ended = wait_for(self.process.pid, timeout)
        seconds = time.monotonic() - self.began
        if ended is None:
            raise Failed(f"still ran after {timeout} s")
        self.process.returncode = os.waitstatus_to_exitcode(ended[0])
        usages = [ended[1]]
        for pid in self.ours():
            left = wait_for(pid, ORPHANS_S)
            if left is None:
                raise Failed(f"left process {pid} behind")
            usages.append(left[1])
        if self.process.returncode != 0:
            raise Failed(f"status {self.process.returncode}: {self.tail()}")
        return seconds, usages

    def tail(self, size=1500):
        texts = []
        for file in (self.out, self.log):
            file.seek(0)
            texts.append(file.read()[-size:].strip())
        return "\n".join(filter(None, texts)) or "it said nothing"

    def close(self):
        end_all(self.ours)
        self.log.close()
        self.out.close()


def run(command, env=None, timeout=900, watch=True):
    """Runs one command from before its start to its end, and everything that it starts."""
    with adopting():
        client = Client(command, env)
        watcher = Watcher(client.ours)
        try:
            if watch:
                watcher.start()
            try:
                seconds, usages = client.wait(timeout)
            finally:
                if watch:
                    watcher.stop()
            client.out.seek(0)
            return Run(seconds, sum(u.ru_utime for u in usages), sum(u.ru_stime for u in usages),
                       watcher.peak_process, watcher.peak_together, client.load, out=client.out.read())
        finally:
            client.close()


# --- the servers ---


OWN, OF_ENDED_CHILDREN = 11, 13  # where utime and cutime stand behind the name in /proc/PID/stat


def _cpu(pid, first):
    """User and system time, in seconds."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (int(fields[first]) + int(fields[first + 1])) / TICKS if fields else 0.0


def server_cpu(cluster):
    """What backends that have ended used so far, and what the processes beside them did."""
    postmaster = cluster.postmaster_pid()
    rest = [postmaster, *children(postmaster)]
    return {"backends": _cpu(postmaster, OF_ENDED_CHILDREN), "background": sum(_cpu(pid, OWN) for pid in rest)}


def quiet_children(cluster, known=None, patience=5.0):
    """Waits until no backend is left: the postmaster's children are those in `known`, or stay the same."""
    postmaster = cluster.postmaster_pid()
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        now = set(children(postmaster))
        if now == known:
            break
        if known is None:
            time.sleep(0.1)
            if now == set(children(postmaster)):
                return now
        else:
            time.sleep(0.02)
    return set(children(postmaster))


@contextlib.contextmanager
def counting(clusters):
    """Gives a dictionary that holds, after the block, what each server's processes used in it."""
    known = {name: quiet_children(c) for name, c in clusters.items()}
    before = {name: server_cpu(c) for name, c in clusters.items()}
    used = {}
    yield used
    for name, cluster in clusters.items():
        quiet_children(cluster, known[name])
        after = server_cpu(cluster)
        used[name] = {kind: round(after[kind] - before[name][kind], 3) for kind in after}


# --- system calls ---


def perf_total(text):
    """The count of `perf stat -x,`; None when there is none."""
    for line in text.splitlines():
        fields = line.split(",")
        if len(fields) > 2 and fields[2].startswith("raw_syscalls:sys_enter") and fields[0].isdigit():
            return int(fields[0])
    return None


def strace_total(text):
    """The calls of the line "total" of `strace -c`; None when there is none."""
    for line in reversed(text.splitlines()):
        words = line.split()
        if len(words) >= 4 and words[-1] == "total":
            return int(words[3])
    return None


def counters():
    """Ways to count a command's system calls, the better one first: strace slows down what it counts,
    so that more bytes wait for each call and there are fewer of them."""
    perf = ["perf", "stat", "-e", "raw_syscalls:sys_enter", "-x,", "-o"]
    strace = ["strace", "-f", "-qq", "-c", "-o"]
    return [(words[0], words, total) for words, total in ((perf, perf_total), (strace, strace_total))
            if shutil.which(words[0])]


def usable_counter():
    for name, words, total in counters():
        with tempfile.NamedTemporaryFile("r") as file:
            done = subprocess.run([*words, file.name, "true"], capture_output=True, check=False)
            if done.returncode == 0 and total(file.read()):
                return name, words, total
    return None


def count_calls(counter, command, env, timeout):
    """System calls of a command and of all that it starts."""
    _, words, total = counter
    with tempfile.NamedTemporaryFile("r") as file:
        run([*words, file.name, *command], env, timeout, watch=False)
        found = total(file.read())
    if found is None:
        raise Failed(f"{words[0]} gave no count")
    return found
