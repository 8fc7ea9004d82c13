"""The lab: PostgreSQL clusters of our own, in one temporary directory, gone when closed.

`Lab` starts a source and a plain destination, and with aws=True an AWS stand-in beside them, whose
IAM tokens the clusters then take in place of a password. Connection strings carry the path of a
password file and never a password, so they may stand on a command line. Only the standard library is
needed, except by Cluster.connect, which uses psycopg2, and by the stand-in, which uses botocore.
"""

import atexit
import contextlib
import os
import pwd
import random
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from . import certificates
from .pam_services import PamError, PamServices, remove_stale, why_not

SUPERUSER = "postgres"
PORTS = range(20000, 32768)  # below the range from which the kernel takes ephemeral ports
SOCKET_PATH_MAX = 107
DIR_PREFIX = "sluice-lab-"
REGION = "us-east-1"

# fsync stays on: an immediate stop must be followed by a true crash recovery.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "shared_buffers": "128MB",
    "max_connections": "100",
    "wal_level": "replica",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "fsync": "on",
    "autovacuum": "on",
    "ssl": "on",
    "password_encryption": "scram-sha-256",
    "log_line_prefix": "%m [%p] %a ",
    "log_lock_waits": "on",
    "lc_messages": "C",
}


class LabError(Exception):
    """Something about the lab itself went wrong; its text is meant for a person."""


def server_bindir():
    """The directory of the newest PostgreSQL server, or $PG_BINDIR."""
    given = os.environ.get("PG_BINDIR")
    if given:
        if not (Path(given) / "initdb").exists():
            raise LabError(f"PG_BINDIR={given} has no initdb")
        return Path(given)
    found = [p.parent for p in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if found:
        return max(found, key=lambda p: float(p.parent.name))
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    raise LabError("no PostgreSQL server found; run scripts/install-deps or set PG_BINDIR")


def server_user():
    """The user to run servers as: ourselves, or an unprivileged one when we are root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise LabError("running as root, and there is neither a user postgres nor nobody")


def free_port(taken=()):
    """A TCP port on loopback that nobody listens on just now."""
    for _ in range(1000):
        port = random.choice(PORTS)
        if port in taken:
            continue
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise LabError("no free port between 20000 and 32767")


def conninfo_quote(value):
    """A value as libpq's keyword strings want it."""
    text = str(value)
    if text and re.fullmatch(r"[A-Za-z0-9_./:@%+-]+", text):
        return text
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quote_ident(name):
    return '"' + name.replace('"', '""') + '"'


def quote_literal(text):
    escaped = str(text).replace("'", "''")
    return " E'" + escaped.replace("\\", "\\\\") + "'" if "\\" in escaped else f"'{escaped}'"


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


def aws_names(name):
    """(cluster id, the part of its host names that is the account's) of a cluster in AWS's manner."""
    return f"shop-{name}", f"lab0{name}"[:10]


def certificate_names(names):
    """Host names for the server certificate: the writer, the reader and the instances of each."""
    hosts = ["localhost"]
    for cluster_id, own in map(aws_names, names):
        domain = f"{own}.{REGION}.rds.amazonaws.com"
        hosts += [f"{cluster_id}.cluster-{domain}", f"{cluster_id}.cluster-ro-{domain}", f"*.{domain}"]
    return hosts


class Cluster:
    """One PostgreSQL server in a directory of the lab."""

    def __init__(self, lab, name, port=None):
        self.lab = lab
        self.name = name
        self.host = "127.0.0.1"
        self.port = port or free_port(lab.ports_taken)
        lab.ports_taken.add(self.port)
        self.data = lab.dir / name
        self.sockets = lab.dir / f"{name}.s"
        self.log = lab.dir / f"{name}.log"
        self.superuser = SUPERUSER
        self.aws_id, own = aws_names(name)
        domain = f"{own}.{REGION}.rds.amazonaws.com"
        self.aws_host = f"{self.aws_id}.cluster-{domain}"
        self.aws_reader = f"{self.aws_id}.cluster-ro-{domain}"
        self.resource_id = f"cluster-{own.upper()}"

    # --- life ---

    def create(self):
        """Runs initdb and writes the settings; does not start the server."""
        self.lab.run_as_server("mkdir", "-m", "700", self.sockets)
        self.lab.run_as_server(
            self.lab.bindir / "initdb", "-D", self.data, "-U", SUPERUSER, "-E", "UTF8",
            "--locale=C.UTF-8", "--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync",
            f"--pwfile={self.lab.dir / 'pw'}",
        )
        settings = dict(
            SETTINGS,
            port=self.port,
            unix_socket_directories=self.sockets,
            ssl_cert_file=self.lab.cert,
            ssl_key_file=self.lab.key,
        )
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write("\n# the lab\n")
            for key, value in settings.items():
                conf.write(f"{key} = '{value}'\n")

    def allow_iam(self, service):
        """Members of rds_iam log in by token, checked by this PAM service, and never without TLS."""
        conf = self.data / "pg_hba.conf"
        rules = conf.read_text(encoding="utf-8")
        conf.write_text("hostnossl all +rds_iam all reject\n"
                        f"hostssl all +rds_iam 127.0.0.1/32 pam pamservice={service}\n" + rules,
                        encoding="utf-8")

    def _pg_ctl(self, *args, check=True):
        return self.lab.run_as_server(
            self.lab.bindir / "pg_ctl", "-D", self.data, "-l", self.log, "-t", "120", *args, check=check
        )

    def start(self, options=None):
        """Starts the server and waits until it takes connections."""
        args = ["-w", "start"] + (["-o", options] if options else [])
        if self._pg_ctl(*args, check=False).returncode != 0:
            raise LabError(f"cluster {self.name} does not start:\n{self.log_tail()}")

    def stop(self, mode="fast"):
        self._pg_ctl("-w", "-m", mode, "stop")

    def restart(self, mode="fast"):
        self.stop(mode)
        self.start()

    def running(self):
        return self.data.exists() and self._pg_ctl("status", check=False).returncode == 0

    def configure(self, **settings):
        """Appends settings; restart or reload afterwards."""
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            for key, value in settings.items():
                conf.write(f"{key} = {quote_literal(value).strip()}\n")

    def reload(self):
        self._pg_ctl("reload")

    def postmaster_pid(self):
        return int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])

    def log_tail(self, lines=30):
        if not self.log.exists():
            return "(no log)"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    # --- how to reach it ---

    def dsn(self, dbname=SUPERUSER, user=None, password=None, **more):
        """A libpq keyword string. Without a password the lab's password file is named in it."""
        words = {
            "host": self.host, "port": self.port, "dbname": dbname,
            "user": user or SUPERUSER, "sslmode": "require",
        }
        words.update({"password": password} if password else {"passfile": self.lab.passfile})
        words.update(more)
        return " ".join(f"{k}={conninfo_quote(v)}" for k, v in words.items() if v is not None)

    def aws_dsn(self, dbname=SUPERUSER, user=None, **more):
        """As a person would write it in AWS: by host name, without password and sslmode."""
        words = {"host": self.aws_host, "hostaddr": self.host, "port": self.port, "dbname": dbname,
                 "user": user}
        words.update(more)
        return " ".join(f"{k}={conninfo_quote(v)}" for k, v in words.items() if v is not None)

    def uri(self, dbname=SUPERUSER, user=None, **more):
        from urllib.parse import quote, urlencode

        query = {"sslmode": "require", "passfile": str(self.lab.passfile)}
        query.update(more)
        who = quote(user or SUPERUSER, safe="")
        where = f"{self.host}:{self.port}/{quote(dbname, safe='')}"
        return f"postgresql://{who}@{where}?{urlencode(query, quote_via=quote)}"

    def connect(self, dbname=SUPERUSER, user=None, **more):
        """A psycopg2 connection in autocommit."""
        import psycopg2

        conn = psycopg2.connect(self.dsn(dbname, user, **more))
        conn.autocommit = True
        return conn

    def query(self, dbname, sql, params=None, user=None):
        """All rows of one statement, [] if it gives none."""
        conn = self.connect(dbname, user)
        try:
            with conn.cursor() as cur:
                cur.execute(sql, params)
                return cur.fetchall() if cur.description else []
        finally:
            conn.close()

    def psql_command(self, dbname, user=None):
        return [str(self.lab.bindir / "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1",
                "-d", self.dsn(dbname, user)]

    def _psql(self, command, text, timeout):
        done = subprocess.run(command, input=text, text=True, capture_output=True, timeout=timeout,
                              env=self.lab.client_env(), check=False)
        if done.returncode != 0:
            raise LabError(f"psql on {self.name} failed: {done.stderr.strip()}")
        return done.stdout.rstrip("\n")

    def psql(self, dbname, sql, user=None, timeout=300):
        """Runs SQL (many statements, psql's own commands too); gives the output without headings."""
        return self._psql(self.psql_command(dbname, user), sql, timeout)

    def psql_file(self, dbname, path, user=None, variables=None, timeout=600):
        sets = [w for k, v in (variables or {}).items() for w in ("-v", f"{k}={v}")]
        return self._psql(self.psql_command(dbname, user) + sets + ["-f", str(path)], None, timeout)

    # --- what is in it ---

    def createdb(self, name, template=None, encoding=None, locale=None):
        words = [f"CREATE DATABASE {quote_ident(name)}"]
        if encoding or locale:
            template = template or "template0"
        if template:
            words.append(f"TEMPLATE {quote_ident(template)}")
        if encoding:
            words.append(f"ENCODING '{encoding}'")
        if locale:
            words.append(f"LOCALE '{locale}'")
        self.query(SUPERUSER, " ".join(words))

    def dropdb(self, name):
        self.query(SUPERUSER, f"DROP DATABASE IF EXISTS {quote_ident(name)} WITH (FORCE)")

    def create_role(self, name, options=""):
        """A login role with a password of its own, known to the lab's password file; gives it."""
        self.query(SUPERUSER, f"CREATE ROLE {quote_ident(name)} LOGIN {options}")
        return self.set_password(name)

    def set_password(self, name):
        password = secrets.token_urlsafe(12)
        self.query(SUPERUSER, f"ALTER ROLE {quote_ident(name)} PASSWORD '{password}'")
        self.lab.add_password(self.port, name, password)
        return password

    def iam_role(self, name, options=""):
        """A login role that has no password and logs in by IAM token."""
        if not self.query(SUPERUSER, "SELECT 1 FROM pg_roles WHERE rolname = 'rds_iam'"):
            self.query(SUPERUSER, "CREATE ROLE rds_iam NOLOGIN")
        self.query(SUPERUSER, f"CREATE ROLE {quote_ident(name)} LOGIN {options} IN ROLE rds_iam")

    def drop_role(self, name):
        """With what it was granted; its databases must be gone."""
        if self.query(SUPERUSER, "SELECT 1 FROM pg_roles WHERE rolname = %s", (name,)):
            self.query(SUPERUSER, f"DROP OWNED BY {quote_ident(name)}")
            self.query(SUPERUSER, f"DROP ROLE {quote_ident(name)}")

    def backends(self, like="%"):
        """Rows of pg_stat_activity, as dictionaries, whose application_name is like this."""
        import psycopg2.extras

        conn = self.connect()
        try:
            with conn.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cur:
                cur.execute(
                    "SELECT pid, datname, usename, application_name, state, query, backend_start,"
                    " wait_event_type, wait_event FROM pg_stat_activity"
                    " WHERE datname IS NOT NULL AND application_name LIKE %s AND pid <> pg_backend_pid() ORDER BY pid", (like,))
                return [dict(row) for row in cur.fetchall()]
        finally:
            conn.close()


class Lab:
    """A source and a destination cluster in a fresh directory; a context manager.

    With aws=True also `aws`, the AWS stand-in, and logins by IAM token; where the latter cannot be,
    `no_iam` says why. The simulated shard group is not built yet.
    """

    def __init__(self, names=("source", "destination"), aws=False):
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
            self._make_certificates(certificate_names(names))
            for name in names:
                self.clusters[name] = Cluster(self, name)
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
                stop_hard(cluster)
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
        if self.aws:
            self.aws.detach()

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
            lab.clusters[name] = Cluster(lab, name, known["port"])
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
            "clusters": {
                name: {"port": c.port, "data": str(c.data), "log": str(c.log), "dsn": c.dsn()}
                for name, c in self.clusters.items()
            },
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
                "question": {"cluster": cluster.resource_id}}

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
            self.passfile.write_text(line + old, encoding="utf-8")

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

    def _make_certificates(self, hosts):
        try:
            certificates.make(self.ca, self.cert, self.key, hosts)
        except certificates.CertificateError as e:
            raise LabError(str(e)) from None
        self._give_to_server(self.key, self.cert)

    def _give_to_server(self, *paths):
        if self.user:
            for path in paths:
                os.chown(path, self.user.pw_uid, self.user.pw_gid)


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


def stop_hard(cluster):
    """Ends the server whatever it takes: fast, then immediate, then SIGKILL to what is left."""
    pid_file = cluster.data / "postmaster.pid"
    for mode in ("fast", "immediate"):
        if not pid_file.exists():
            return
        done = cluster.lab.run_as_server(cluster.lab.bindir / "pg_ctl", "-D", cluster.data, "-w",
                                         "-t", "20", "-m", mode, "stop", check=False)
        if done.returncode == 0:
            return
    try:
        os.kill(cluster.postmaster_pid(), signal.SIGKILL)
        time.sleep(0.5)
    except (OSError, ValueError):
        pass
