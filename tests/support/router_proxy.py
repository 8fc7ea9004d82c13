"""The routers' TCP proxy (tests/router_proxy): compiles, starts and commands it."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from .cluster import LabError
from .pam_services import started_at

REPO = Path(__file__).resolve().parent.parent.parent
REPLY_S = 10


def compile_proxy(target):
    """Its own small program without libraries, so that no build of the product is needed."""
    done = subprocess.run(
        ["cc", "-std=c17", "-O2", "-D_POSIX_C_SOURCE=200809L", f"-I{REPO}", "-o", str(target),
         *map(str, sorted((REPO / "tests" / "router_proxy").glob("*.c")))],
        capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"the routers' proxy cannot be compiled:\n{done.stderr.strip()}")


class RouterProxy:
    """One process for all routers of a group, in the lab's directory."""

    def __init__(self, directory):
        self.dir = Path(directory)
        self.control = self.dir / "routers.sock"
        self.process = None
        self.pid = None
        self.began = None

    def start(self, hosts, port, server_port):
        """hosts: the addresses of router 1, 2, ...; 127.0.0.1 becomes the cluster endpoint."""
        program = self.dir / "router_proxy"
        if not program.exists():
            compile_proxy(program)
        self.control.unlink(missing_ok=True)
        with open(self.dir / "routers.log", "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [str(program), str(self.control), str(port), str(server_port), *hosts],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=log, cwd=self.dir,
                start_new_session=True)
        self.pid = self.process.pid
        self.began = started_at(self.pid)
        self._await()

    def _await(self):
        end = time.monotonic() + REPLY_S
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            with contextlib.suppress(OSError, LabError):
                self.command("ping")
                return
            time.sleep(0.01)
        raise LabError("the routers' proxy does not start: "
                       + (self.dir / "routers.log").read_text(encoding="utf-8").strip())

    def command(self, *words):
        """Sends one line; gives the words of the answer."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(REPLY_S)
            s.connect(str(self.control))
            s.sendall((" ".join(map(str, words)) + "\n").encode())
            answer = s.makefile("r").readline().split()
        if not answer or answer[0] != "ok":
            raise LabError(f"the routers' proxy says to '{' '.join(map(str, words))}': {' '.join(answer)}")
        return answer[1:]

    def running(self):
        try:
            self.command("ping")
            return True
        except (OSError, LabError):
            return False

    def detach(self):
        """It then outlives this process."""
        self.command("stay")

    def describe(self):
        return {"pid": self.pid, "began": self.began}

    def attach(self, known):
        self.pid, self.began = known["pid"], known["began"]

    def close(self):
        """Ends it; safe to call again."""
        if self.process:
            self.process.stdin.close()
            self.process.terminate()
            try:
                self.process.wait(REPLY_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None
        elif self.pid and started_at(self.pid) == self.began != 0:
            os.kill(self.pid, signal.SIGTERM)
            end = time.monotonic() + REPLY_S
            while started_at(self.pid) == self.began and time.monotonic() < end:
                time.sleep(0.01)
        self.pid = None
