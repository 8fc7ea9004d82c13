"""One PostgreSQL cluster of the lab: its life, how to reach it, what is in it."""

import os
import pwd
import random
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

SUPERUSER = "postgres"
PORTS = range(20000, 32768)  # below the range from which the kernel takes ephemeral ports
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

    def addresses(self):
        """What the certificate is for, besides names."""
        return [self.host]

    def token_hosts(self):
        """{a client's address: the hosts an IAM token of its may be for}, where it makes a difference."""
        return {}

    # --- life ---

    def describe(self):
        """What `scripts/lab` remembers of it."""
        return {"port": self.port, "data": str(self.data), "log": str(self.log), "dsn": self.dsn()}

    @classmethod
    def attach(cls, lab, name, known):
        return cls(lab, name, known["port"])

    def detach(self):
        """Its server outlives this process as it is."""

    def close(self):
        stop_hard(self)

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
