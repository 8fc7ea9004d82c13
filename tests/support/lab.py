"""The lab: PostgreSQL clusters of our own, in one temporary directory, gone when closed.

`Lab` starts a source and a plain destination, and with aws=True an AWS stand-in beside them, whose
IAM tokens the clusters then take in place of a password. Connection strings carry the path of a
password file and never a password, so they may stand on a command line. Only the standard library is
needed, except by Cluster.connect, which uses psycopg2, and by the stand-in, which uses botocore.
"""

import atexit
import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
from pathlib import Path
from urllib.parse import urlsplit

from . import certificates
from .cluster import (  # noqa: F401 (some of it is for those who import the lab)
    REGION, SETTINGS, SUPERUSER, Cluster, LabError, certificate_names, conninfo_quote, free_port, quote_ident,
    quote_literal, server_bindir, server_user)
from .pam_services import PamError, PamServices, remove_stale, why_not

SOCKET_PATH_MAX = 107
DIR_PREFIX = "sluice-lab-"


@contextlib.contextmanager
def deaf_to_interrupts():
    """Nothing may stop a cleanup half-way; only the main thread may (and need) say so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {s: signal.signal(s, signal.SIG_IGN) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


def exit_on_sigterm():
    """SIGTERM and SIGHUP become an exception, so that what was started is stopped."""
    def leave(number, _frame):
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)


class Lab:
    """A source and a destination cluster in a fresh directory; a context manager.

    With aws=True also `aws`, the AWS stand-in, and logins by IAM token; where the latter cannot be,
    `no_iam` says why. With shard_group=True also `group`, see shard_group.py.
    """

    def __init__(self, names=("source", "destination"), aws=False, shard_group=False, routers=2,
                 shards=4):
        self.bindir = server_bindir()
        self.user = server_user()
        self.dir = self._make_dir()
        self._set_paths()
        self.password = secrets.token_urlsafe(18)
        self.clusters = {}
        self.with_aws = aws
        self.no_iam = why_not(self.bindir) if aws else "the lab runs without its AWS side"
        try:
            (self.dir / "locales").mkdir()
            self._write_secrets()
            for name in names:
                self.clusters[name] = Cluster(self, name)
            if shard_group:
                from .shard_group import ShardGroup

                self.clusters["group"] = ShardGroup(self, "group", routers, shards)
            addresses = [a for c in self.clusters.values() for a in c.addresses()]
            self._make_certificates(certificate_names(self.clusters), addresses)
        except BaseException:
            shutil.rmtree(self.dir, ignore_errors=True)
            raise

    def _set_paths(self):
        self.passfile = self.dir / "pgpass"
        self.ca = self.dir / "ca.crt"
        self.cert = self.dir / "server.crt"
        self.key = self.dir / "server.key"
        self.passfile_lock = threading.Lock()
        self.ports_taken = set()
        self.makers = []
        self.aws = None
        self.pam = PamServices(self.dir, self.user.pw_gid if self.user else os.getgid())
        self.owner_pid = os.getpid()  # a forked child must not take the lab down

    @property
    def source(self):
        return self.clusters["source"]

    @property
    def destination(self):
        return self.clusters["destination"]

    @property
    def group(self):
        return self.clusters["group"]

    def ports(self):
        return {c.port for c in self.clusters.values()}

    # --- life ---

    def start(self):
        atexit.register(self.close)  # also when a test run ends in a way no fixture sees
        self.makers = [Maker(c) for c in self.clusters.values()]
        try:
            with contextlib.suppress(PamError):
                remove_stale()  # those of labs that were killed
            for maker in self.makers:
                maker.start()
            if self.with_aws:
                self._start_aws()
            for maker in self.makers:
                maker.join()
            failed = [m.error for m in self.makers if m.error]
            if failed:
                raise failed[0]
        except BaseException:
            self.close()
            raise
        return self

    def close(self):
        """Stops every server and removes the directory; safe to call again."""
        if os.getpid() != self.owner_pid:
            return
        atexit.unregister(self.close)
        with deaf_to_interrupts():
            for maker in self.makers:
                if maker.ident:
                    maker.join()  # a server that is just starting must be up to be stopped
            for cluster in self.clusters.values():
                cluster.close()
            if self.aws:
                self.aws.close()
            try:
                self.pam.close()
            except PamError as e:
                raise LabError(str(e)) from None
            finally:
                shutil.rmtree(self.dir, ignore_errors=True)

    def detach(self):
        """Leaves the servers running when this process ends; `attach` finds them again."""
        atexit.unregister(self.close)
        for part in (*self.clusters.values(), *([self.aws] if self.aws else [])):
            part.detach()

    @classmethod
    def attach(cls, state):
        """The lab that another process described and left running."""
        lab = cls.__new__(cls)
        lab.dir = Path(state["dir"])
        if not lab.dir.name.startswith(DIR_PREFIX):
            raise LabError(f"{lab.dir} is not a lab's directory")
        lab.bindir = Path(state["bindir"])
        lab.user = server_user()
        lab._set_paths()
        lab.clusters = {}
        for name, known in state["clusters"].items():
            lab.clusters[name] = cluster_class(known).attach(lab, name, known)
        lab.no_iam = state.get("no_iam")
        lab.with_aws = bool(state.get("aws"))
        if lab.with_aws:
            from .aws_standin import AwsStandin

            lab.aws = AwsStandin.attach(state["aws"])
        return lab

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.close()

    def describe(self):
        """What `scripts/lab` remembers and prints."""
        return {
            "dir": str(self.dir),
            "bindir": str(self.bindir),
            "aws": self.aws.describe() if self.aws else None,
            "no_iam": self.no_iam,
            "clusters": {name: c.describe() for name, c in self.clusters.items()},
        }

    # --- AWS ---

    def _start_aws(self):
        """The stand-in, which knows the clusters, and their PAM services, which ask it."""
        from .aws_standin import AwsStandin, StandinError

        try:
            self.aws = AwsStandin(self.dir / "aws", taken=self.ports_taken)
            self.aws.start()
        except StandinError as e:
            raise LabError(f"{e}\n(it needs python3-botocore: scripts/install-deps)") from None
        for cluster in self.clusters.values():
            self.aws.add_cluster(cluster.aws_id, cluster.aws_host, cluster.port,
                                 resource_id=cluster.resource_id, reader=cluster.aws_reader)
        try:
            for name, cluster in self.clusters.items() if not self.no_iam else ():
                self.pam.add(name, self.iam_check(cluster))
        except PamError as e:
            raise LabError(f"logins by IAM token cannot be set up: {e}") from None

    def iam_check(self, cluster):
        """What pam_script_auth.py has to know: whom to ask, and for which cluster."""
        url = urlsplit(self.aws.check_url)
        return {"port": url.port, "path": url.path, "headers": {"X-Check-Secret": self.aws.check_secret},
                "question": {"cluster": cluster.resource_id}, "hosts_by_client": cluster.token_hosts()}

    def aws_env(self, who="app"):
        """The AWS_* variables of a user or session of the stand-in."""
        return self.aws.env(who)

    # --- helpers for the clusters ---

    def client_env(self):
        """The environment for libpq programs: nothing of the caller's PG* but what the lab needs."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        env["PGPASSFILE"] = str(self.passfile)
        env["SLUICE_LAB"] = str(self.dir)
        return env

    def server_env(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "LC_"))}
        return dict(env, HOME=str(self.dir), LC_ALL="C.UTF-8", LOCPATH=str(self.dir / "locales"))

    def add_locale(self, name):
        """Makes a locale such as de_DE.UTF-8 known to the servers; False where that cannot be done."""
        if not shutil.which("localedef"):
            return False
        language, charset = name.split(".")
        target = self.dir / "locales" / name
        done = subprocess.run(["localedef", "--no-archive", "-i", language, "-f", charset, target],
                              capture_output=True, check=False)
        return target.is_dir() and done.returncode in (0, 1)  # 1: made, with warnings

    def run_as_server(self, *command, check=True):
        """Runs a command as the servers' user, in the lab's directory."""
        extra = {}
        if self.user:
            extra = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}
        # Output goes to a file: a started server inherits it, and a pipe would then never end.
        with tempfile.TemporaryFile("w+") as out:
            done = subprocess.run([str(c) for c in command], cwd=self.dir, stdin=subprocess.DEVNULL,
                                  stdout=out, stderr=out, check=False,
                                  start_new_session=True,  # Ctrl-C is ours to handle, not theirs
                                  env=self.server_env(), **extra)
            if check and done.returncode != 0:
                out.seek(0)
                name = Path(str(command[0])).name
                raise LabError(f"{name} failed ({done.returncode}): {out.read().strip()}")
        return done

    def add_password(self, port, user, password):
        def field(text):
            return text.replace("\\", "\\\\").replace(":", "\\:")

        line = f"*:{port}:*:{field(user)}:{password}\n"
        with self.passfile_lock:
            # libpq takes the first line that matches, so the newest comes first.
            old = self.passfile.read_text(encoding="utf-8")
            new = self.passfile.with_suffix(".new")  # a client may read it meanwhile: never half-written
            new.touch(mode=0o600)
            new.write_text(line + old, encoding="utf-8")
            shutil.copymode(self.passfile, new)
            new.replace(self.passfile)

    def _make_dir(self):
        for base in dict.fromkeys([tempfile.gettempdir(), "/tmp"]):
            # The longest path below is the destination's socket.
            if len(base) + len("/sluice-lab-12345678/destination.s/.s.PGSQL.12345") > SOCKET_PATH_MAX:
                continue
            path = Path(tempfile.mkdtemp(prefix=DIR_PREFIX, dir=base))
            if self._usable(path):
                return path
            shutil.rmtree(path)
        raise LabError("no temporary directory that the servers' user can enter; set TMPDIR")

    def _usable(self, path):
        if not self.user:
            return True
        os.chown(path, self.user.pw_uid, self.user.pw_gid)
        test = subprocess.run(["test", "-w", str(path)], check=False, cwd="/", user=self.user.pw_uid,
                              group=self.user.pw_gid, extra_groups=[])
        return test.returncode == 0

    def _write_secrets(self):
        """The password file and initdb's copy of the password."""
        with open(self.passfile, "w", encoding="utf-8") as f:
            os.fchmod(f.fileno(), 0o600)
        with open(self.dir / "pw", "w", encoding="utf-8") as f:
            os.fchmod(f.fileno(), 0o600)
            f.write(self.password + "\n")
        self._give_to_server(self.dir / "pw")

    def _make_certificates(self, hosts, addresses):
        try:
            certificates.make(self.ca, self.cert, self.key, hosts, addresses)
        except certificates.CertificateError as e:
            raise LabError(str(e)) from None
        self._give_to_server(self.key, self.cert)

    def _give_to_server(self, *paths):
        if self.user:
            for path in paths:
                os.chown(path, self.user.pw_uid, self.user.pw_gid)


def cluster_class(known):
    """Which class describe() was of."""
    if "routers" not in known:
        return Cluster
    from .shard_group import ShardGroup

    return ShardGroup


class Maker(threading.Thread):
    """Creates and starts one cluster, so that two are ready in the time of one."""

    def __init__(self, cluster):
        super().__init__()
        self.cluster = cluster
        self.error = None

    def run(self):
        try:
            cluster = self.cluster
            cluster.create()
            cluster.lab.add_password(cluster.port, SUPERUSER, cluster.lab.password)
            if not cluster.lab.no_iam:
                cluster.allow_iam(cluster.lab.pam.name(cluster.name))
            cluster.start()
        except Exception as e:  # handed to the thread that waits
            self.error = e
