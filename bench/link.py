#!/usr/bin/python3 -B
"""Slow links into a network namespace of one's own: a veth pair behind tc's token bucket, or a pair
of TUN devices whose packets this program carries, late and no faster than told.

The second is for kernels without netem. As a program it is that carrier:

    link.py NAMESPACE NEAR_DEVICE NEAR_ADDRESS FAR_ADDRESS BYTES_A_SECOND DELAY_MS MTU

Everything needs root and iproute2. What was made is removed at the end, also on Ctrl-C.
"""

import contextlib
import ctypes
import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import time
from collections import deque

NAMESPACE_PREFIX = "sluice-link-"
FAR_DEVICE = "wire"
NETWORK = "198.18"  # set aside for benchmarks, RFC 2544
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
TICK_S = 0.0005  # many packets are looked at so often, together, or Python would need a core
FEW = 3  # so many are carried at once
QUEUE_S = 0.2  # a packet that had to wait longer for its turn is dropped, as a router does
PACKET_MAX = 65536


class LinkError(Exception):
    """The link cannot be made; the text is meant for a person."""


def ip(*words, check=True):
    done = subprocess.run(["ip", *map(str, words)], capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise LinkError(f"ip {' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout


def tc(*words):
    done = subprocess.run(["tc", *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LinkError(f"tc {' '.join(map(str, words))}: {done.stderr.strip()}")


def why_not():
    """Why no link can be made here, None when it can."""
    if os.geteuid() != 0:
        return "only root can make network namespaces"
    try:
        ip("-Version")
        tc("-Version")
    except (FileNotFoundError, LinkError):
        return "iproute2 is not installed"
    return None if os.path.exists("/dev/net/tun") else "there is no /dev/net/tun"


def remove_stale():
    """Namespaces of runs that were killed; their devices go with them."""
    for line in ip("netns", "list", check=False).splitlines():
        name = line.split()[0] if line.split() else ""
        owner = name.removeprefix(NAMESPACE_PREFIX)
        if name != owner and owner.isdigit() and not os.path.exists(f"/proc/{owner}"):
            ip("netns", "del", name, check=False)


class Link:
    """A namespace with one device, reached from here by another; a context manager."""

    def __init__(self, bytes_a_second):
        number = os.getpid() % 250 + 1
        self.namespace = f"{NAMESPACE_PREFIX}{os.getpid()}"
        self.device = f"slw{os.getpid()}"
        self.near = f"{NETWORK}.{number}.1"
        self.far = f"{NETWORK}.{number}.2"
        self.bytes_a_second = bytes_a_second

    def about(self):
        raise NotImplementedError

    def make(self):
        raise NotImplementedError

    def unmake(self):
        pass

    def __enter__(self):
        remove_stale()
        try:
            ip("netns", "add", self.namespace)
            ip("-n", self.namespace, "link", "set", "lo", "up")
            self.make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
        try:  # nothing may stop this half-way
            self.unmake()
            ip("link", "del", self.device, check=False)
            ip("netns", "del", self.namespace, check=False)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def inside(self, *command):
        return ["ip", "netns", "exec", self.namespace, *map(str, command)]

    def address(self):
        ip("addr", "add", f"{self.near}/30", "dev", self.device)
        ip("link", "set", self.device, "up")
        ip("-n", self.namespace, "addr", "add", f"{self.far}/30", "dev", FAR_DEVICE)
        ip("-n", self.namespace, "link", "set", FAR_DEVICE, "up")


class Limited(Link):
    """A veth pair with a token bucket at each end."""

    def about(self):
        return f"a veth pair limited to {self.bytes_a_second / 1e6:g} MB/s each way by tc tbf"

    def make(self):
        ip("link", "add", self.device, "type", "veth", "peer", "name", FAR_DEVICE,
           "netns", self.namespace)
        self.address()
        bucket = ("root", "tbf", "rate", f"{self.bytes_a_second * 8}bit", "burst", "256kb",
                  "latency", "100ms")
        tc("qdisc", "add", "dev", self.device, *bucket)
        tc("-n", self.namespace, "qdisc", "add", "dev", FAR_DEVICE, *bucket)


class Late(Link):
    """Two TUN devices; a process of its own carries the packets."""

    def __init__(self, bytes_a_second, round_trip_ms, mtu=1500):
        super().__init__(bytes_a_second)
        self.round_trip_ms = round_trip_ms
        self.mtu = mtu
        self.carrier = None

    def about(self):
        return (f"a link of {self.bytes_a_second / 1e6:g} MB/s each way with a round trip of"
                f" {self.round_trip_ms:g} ms, MTU {self.mtu}")

    def make(self):
        words = [self.namespace, self.device, self.near, self.far, self.bytes_a_second,
                 self.round_trip_ms / 2, self.mtu]
        self.carrier = subprocess.Popen([sys.executable, "-B", os.path.abspath(__file__), *map(str, words)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                                        start_new_session=True)
        if self.carrier.stdout.readline().strip() != "ready":
            raise LinkError("the carrier of the packets did not start")

    def unmake(self):
        if self.carrier:
            self.carrier.terminate()
            self.carrier.wait(10)
            self.carrier.stdout.close()


# --- the carrier ---


class Way:
    """One direction: what was read from one device waits here until the other may have it."""

    def __init__(self, bytes_a_second, delay_s):
        self.bytes_a_second = bytes_a_second
        self.delay_s = delay_s
        self.free_at = 0.0  # when the wire has sent all that was accepted
        self.waiting = deque()
        self.dropped = 0

    def accept(self, packet, now):
        begins = max(self.free_at, now)
        if begins - now > QUEUE_S:
            self.dropped += 1
            return
        self.free_at = begins + len(packet) / self.bytes_a_second
        self.waiting.append((self.free_at + self.delay_s, packet))

    def due(self, now):
        while self.waiting and self.waiting[0][0] <= now:
            yield self.waiting.popleft()[1]

    def next_at(self):
        return self.waiting[0][0] if self.waiting else None


@contextlib.contextmanager
def in_namespace(name):
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net", "rb") as home, open(f"/run/netns/{name}", "rb") as there:
        if libc.setns(there.fileno(), CLONE_NEWNET) != 0:
            raise LinkError(f"setns: {os.strerror(ctypes.get_errno())}")
        try:
            yield
        finally:
            libc.setns(home.fileno(), CLONE_NEWNET)


def open_tun(name):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return fd


def read_all(fd, way, now):
    """The number of packets that were there."""
    count = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            way.accept(os.read(fd, PACKET_MAX), now)
            count += 1
    return count


def carry(devices, ways, stopped):
    """Moves packets between two descriptors until `stopped` is not empty. ways[0] begins at devices[0]."""
    while not stopped:
        waits = [w.next_at() for w in ways if w.waiting]
        patience = min(waits) - time.monotonic() if waits else 0.2
        select.select(devices, [], [], max(0, min(patience, 0.2)))
        now = time.monotonic()
        moved = sum(read_all(device, way, now) for device, way in zip(devices, ways))
        for device, way in zip(devices[::-1], ways):
            for packet in way.due(now):
                moved += 1
                with contextlib.suppress(OSError):  # a device that is full drops, as they do
                    os.write(device, packet)
        if moved > FEW:
            time.sleep(TICK_S)


def main(argv):
    namespace, device, near, far = argv[:4]
    rate, delay_ms, mtu = int(argv[4]), float(argv[5]), int(argv[6])
    link = Link(rate)
    link.namespace, link.device, link.near, link.far = namespace, device, near, far
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    signal.pthread_sigmask(signal.SIG_SETMASK, set())
    stopped = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.append(True))
    with in_namespace(namespace):
        there = open_tun(FAR_DEVICE)
    here = open_tun(device)
    link.address()
    ip("link", "set", device, "mtu", mtu, "txqueuelen", 5000)
    ip("-n", namespace, "link", "set", FAR_DEVICE, "mtu", mtu, "txqueuelen", 5000)
    print("ready", flush=True)
    carry([here, there], [Way(rate, delay_ms / 1000) for _ in range(2)], stopped)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (LinkError, OSError) as e:
        print(f"link.py: {e}", file=sys.stderr)
        sys.exit(1)
