"""`sluice check` against real servers: what it finds, how it says so, and with which status it ends."""

import contextlib
import json
import re
import signal
import socket
import threading
import time

import pytest

from support.lab import quote_ident
from support.sluice import run_load, start_load

pytestmark = pytest.mark.usefixtures("loader")
COLUMNS = 100
WRITER = 'check "writer'  # the statements that are proposed have to quote it


def check(*args, env=None):
    return run_load(*args, env=env, subcommand="check")


class Findings:
    """Of `--json`, with what always has to hold."""

    def __init__(self, result):
        self.result = result
        said = json.loads(result.out)
        self.all = said["findings"]
        levels = [f["level"] for f in self.all]
        assert set(said) == {"ready", "blockers", "warnings", "findings"}
        assert (said["blockers"], said["warnings"]) == (levels.count("blocker"), levels.count("warning"))
        assert said["ready"] == (said["blockers"] == 0) == (result.status == 0), result
        for f in self.all:
            assert set(f) == {"side", "check", "level", "text", "fix"}
            assert f["fix"] is None if f["level"] == "ok" else f["fix"] != "", f
            assert f["fix"] is not None or f["level"] != "blocker", f

    def of(self, side, name):
        return [f for f in self.all if (f["side"], f["check"]) == (side, name)]

    def one(self, side, name):
        found = self.of(side, name)
        assert len(found) == 1, (side, name, self.result)
        return found[0]

    def blockers(self):
        return [(f["side"], f["check"]) for f in self.all if f["level"] == "blocker"]

    def warnings(self):
        return [(f["side"], f["check"]) for f in self.all if f["level"] == "warning"]


def findings(*args, env=None):
    return Findings(check(*args, "--json", env=env))


@pytest.fixture
def tables(pair):
    pair.both("CREATE TABLE a (id int PRIMARY KEY, v text); CREATE TABLE b (id int)")
    pair.src("INSERT INTO a SELECT i, 'x' FROM generate_series(1, 1000) i")
    return pair


# --- all is well ---


def test_a_pair_that_is_fit(tables):
    found = findings(*tables.args())
    assert found.result.status == 0, found.result
    assert found.blockers() == found.warnings() == []
    for side in ("source", "destination"):
        for name in ("login", "tls", "version", "limitless", "replica", "slots", "endpoint", "clock",
                     "keepalive"):
            assert found.one(side, name)["level"] == "ok"
    assert found.one("destination", "ledger")["text"] == 'schema "sluice" will be made by the load'
    assert re.match(r"2 tables, .*B: readable, and present with the same columns", found.one(
        "tables", "tables")["text"])
    assert not any(f["side"] == "aws" for f in found.all)


def test_nothing_is_changed(tables):
    def state():
        return tables.dst("SELECT count(*), sum(oid::bigint) FROM pg_class"), tables.ledger_exists()

    before = state()
    assert check(*tables.args()).status == 0
    assert state() == before
    assert tables.src("SELECT count(*) FROM pg_stat_activity WHERE application_name ~ 'sluice'") == "0"


def test_text(tables):
    result = check(*tables.args(), env={"COLUMNS": "40"})
    lines = result.out.splitlines()
    assert lines[0] == f"Source 127.0.0.1:{tables.source.port}/{tables.source_db}"
    assert f"Destination 127.0.0.1:{tables.destination.port}/{tables.destination_db}" in lines
    assert "Tables" in lines and lines[-1] == "ready to load"
    assert '  ok       login      as "postgres"' in lines
    assert max(map(len, lines)) <= COLUMNS
    assert "\x1b" not in result.text and result.err == ""


def test_after_a_load_the_ledger_is_there(tables):
    assert tables.load().status == 0
    found = findings(*tables.args())
    assert found.result.status == 0
    assert "is there" in found.one("destination", "ledger")["text"]
    assert [f["level"] for f in found.of("tables", "tables")] == ["ok", "warning"]
    assert "is in the ledger, finished" in found.of("tables", "tables")[1]["text"]
    assert findings(*tables.args("--mode", "append")).result.status == 2  # as a load would say


# --- logins ---


def test_one_side_down_and_the_other_one_is_looked_at(tables):
    found = findings("--source", "host=127.0.0.1 port=1 dbname=x user=u", "--destination",
                     tables.destination_dsn)
    assert found.result.status == 4
    login = found.one("source", "login")
    assert login["level"] == "blocker" and "Connection refused" in login["text"]
    assert "start the server, or correct host and port" in login["fix"]
    assert found.one("destination", "ledger")["level"] == "ok"
    assert found.warnings() == [("tables", "tables")]
    assert "not looked at" in found.one("tables", "tables")["text"]


def test_a_refused_password(tables):
    tables.role(tables.source, "check_reader")
    wrong = "not-the-Passw0rd"
    found = findings("--source", tables.source.dsn(tables.source_db, "check_reader", password=wrong),
                     "--destination", tables.destination_dsn)
    assert found.result.status == 3
    login = found.one("source", "login")
    assert "password authentication failed" in login["text"] and "--source-secret" in login["fix"]
    assert found.one("destination", "login")["level"] == "ok"
    assert wrong not in found.result.text


def test_a_password_by_variable(tables):
    tables.role(tables.source, "check_variable", "IN ROLE pg_read_all_data")
    password = tables.source.set_password("check_variable")
    found = findings("--source", tables.source.dsn(tables.source_db, "check_variable", passfile=None),
                     "--destination",  # a variable is for both sides; the string goes before it
                     tables.destination.dsn(tables.destination_db, password=tables.lab.password),
                     env={"PGPASSWORD": password})
    assert found.result.status == 0, found.result
    assert password not in found.result.text


def test_a_database_that_is_not_there(tables):
    found = findings("--source", tables.source_dsn, "--destination",
                     tables.destination.dsn("no_such_database"))
    assert found.result.status == 2
    assert found.blockers() == [("destination", "login")]
    assert '"no_such_database" does not exist' in found.one("destination", "login")["text"]


def test_the_first_blocker_gives_the_status(tables):
    """The source's is unreachable (4), the destination's is a permission (3)."""
    found = findings("--source", "host=127.0.0.1 port=1", "--destination",
                     tables.destination.dsn(tables.destination_db, password="no"))
    assert found.blockers() == [("source", "login"), ("destination", "login")]
    assert found.result.status == 4


# --- TLS ---


def test_tls_with_and_without_checks(tables):
    checked = tables.source.dsn(tables.source_db, sslmode="verify-full", host="localhost",
                                hostaddr="127.0.0.1", sslrootcert=tables.lab.ca)
    found = findings("--source", checked, "--destination",
                     tables.destination.dsn(tables.destination_db, sslmode="disable"))
    assert found.one("source", "tls")["text"].endswith("certificate and host name are checked")
    assert "does not leave this machine" in found.one("destination", "tls")["text"]


def test_a_certificate_that_nobody_knows(tables):
    found = findings("--source", tables.source.dsn(tables.source_db, sslmode="verify-full",
                                                   sslrootcert="/nowhere/root.crt"),
                     "--destination", tables.destination_dsn)
    login = found.one("source", "login")
    assert login["level"] == "blocker" and "--source-ca" in login["fix"]


# --- connections ---


def test_more_jobs_than_connections(tables):
    found = findings(*tables.args("-j", "200"))
    assert found.result.status == 2
    assert found.blockers() == [("source", "slots"), ("destination", "slots")]
    assert re.match(r"--jobs \d+, or a larger max_connections", found.one("source", "slots")["fix"])
    assert found.one("tables", "tables")["level"] == "ok"


def test_the_jobs_that_it_proposes_are_right(tables):
    tables.role(tables.source, "check_few", "CONNECTION LIMIT 4 IN ROLE pg_read_all_data")
    few = ("--source", tables.source.dsn(tables.source_db, "check_few"), "--destination",
           tables.destination_dsn)
    found = findings(*few)
    assert found.blockers() == [("source", "slots")]
    assert found.one("source", "slots")["fix"] == (
        '--jobs 3, or ALTER ROLE "check_few" CONNECTION LIMIT -1')
    assert findings(*few, "-j", "3").result.status == 0


def test_the_databases_limit(tables):
    tables.role(tables.source, "check_plain", "IN ROLE pg_read_all_data")
    tables.src(f"ALTER DATABASE {tables.source_db} CONNECTION LIMIT 3")
    found = findings("--source", tables.source.dsn(tables.source_db, "check_plain"), "--destination",
                     tables.destination_dsn)
    assert "ALTER DATABASE" in found.one("source", "slots")["fix"]


@pytest.mark.parametrize("settings, level", [("keepalives_idle=349", "ok"), ("keepalives=0", "warning"),
                                             ("keepalives_idle=400", "warning")])
def test_keepalives(tables, settings, level):
    found = findings("--source", f"{tables.source_dsn} {settings}", "--destination",
                     tables.destination_dsn)
    assert found.one("source", "keepalive")["level"] == level
    assert found.result.status == 0


# --- the ledger ---


@pytest.fixture
def writer(tables):
    """A role on the destination with nothing but the tables."""
    tables.role(tables.destination, WRITER, "IN ROLE pg_read_all_data, pg_write_all_data")
    tables.dst(f"REVOKE CREATE ON DATABASE {tables.destination_db} FROM PUBLIC")
    return tables


def as_writer(pair):
    return findings("--source", pair.source_dsn, "--destination",
                    pair.destination.dsn(pair.destination_db, WRITER))


def mended(pair, fix):
    """Runs the statement that the fix begins with, as an administrator would."""
    pair.dst(fix.split(";")[0])
    return as_writer(pair)


def test_no_right_to_make_the_ledger(writer):
    found = as_writer(writer)
    assert found.result.status == 3 and found.blockers() == [("destination", "ledger")]
    fix = found.one("destination", "ledger")["fix"]
    assert "--print-sql" in fix
    assert mended(writer, fix).result.status == 0


def test_no_right_in_the_ledgers_schema(writer):
    writer.dst("CREATE SCHEMA sluice")
    found = as_writer(writer)
    fix = found.one("destination", "ledger")["fix"]
    assert found.result.status == 3 and fix.startswith('GRANT USAGE, CREATE ON SCHEMA "sluice"')
    assert mended(writer, fix).result.status == 0


def test_no_right_to_the_ledgers_tables(writer):
    assert writer.load().status == 0
    role = quote_ident(WRITER)
    writer.dst("TRUNCATE a, b; REVOKE ALL ON ALL TABLES IN SCHEMA sluice FROM PUBLIC;"
               f"GRANT USAGE ON SCHEMA sluice TO {role};"
               f"REVOKE pg_read_all_data, pg_write_all_data FROM {role};"
               f"GRANT SELECT, INSERT ON a, b TO {role}")
    found = as_writer(writer)
    fix = found.one("destination", "ledger")["fix"]
    assert found.result.status == 3
    assert fix.startswith("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA")
    assert mended(writer, fix).one("destination", "ledger")["level"] == "ok"


# --- tables ---


def test_every_problem_of_the_tables(tables):
    tables.dst("ALTER TABLE a DROP COLUMN v; INSERT INTO b VALUES (1)")
    found = findings(*tables.args())
    assert found.result.status == 2
    assert [(f["text"], f["fix"]) for f in found.of("tables", "tables")] == [
        ('table public.a: column "v" (text) does not exist on the destination', "add it there"),
        ("table public.b on the destination has rows in it",
         "choose --mode append (add to them) or --mode truncate (remove them first)")]


def test_tables_that_will_be_created(tables):
    tables.dst("DROP TABLE a")
    found = findings(*tables.args("--create-tables"))
    texts = [f["text"] for f in found.of("tables", "tables")]
    assert any("those on the destination have the same columns" in t for t in texts), texts
    assert not any("and present with" in t for t in texts), texts
    assert [f["fix"] for f in found.all if "would be created" in f["text"]] == [None]
    tables.dst("DROP TABLE b")
    found = findings(*tables.args("--create-tables"))
    assert any("to be created on the destination" in f["text"] for f in found.all), found.all


def test_only_the_tables_that_are_asked_for(tables):
    tables.dst("ALTER TABLE a DROP COLUMN v")
    found = findings(*tables.args("-t", "public.b"))
    assert found.result.status == 0
    assert found.one("tables", "tables")["text"].startswith("1 table, ")


def test_a_table_that_may_not_be_read(tables):
    tables.role(tables.source, "check_blind")
    found = findings("--source", tables.source.dsn(tables.source_db, "check_blind"), "--destination",
                     tables.destination_dsn)
    assert found.result.status == 3
    assert {f["fix"] for f in found.of("tables", "tables")} == {"GRANT SELECT on it"}


def test_one_database_for_both_sides(tables):
    found = findings("--source", tables.source_dsn, "--destination", tables.source_dsn)
    assert found.result.status == 2
    assert "are the same database" in found.one("tables", "tables")["text"]


def test_many_problems_are_cut_in_text_only(pair):
    pair.src("".join(f"CREATE TABLE t{i} (id int);" for i in range(150)))
    result = check(*pair.args())
    assert "  and 51 more; --json lists all" in result.out.splitlines()
    assert result.out.splitlines()[-1] == "150 blockers; a load would not start"
    assert len(findings(*pair.args()).of("tables", "tables")) == 150


# --- what stands between ---


class Relay(threading.Thread):
    """Passes connections on, to these ports in turn; spoil changes what the server says first."""

    def __init__(self, *ports, spoil=None):
        super().__init__(daemon=True)
        self.ports = ports
        self.spoil = spoil
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.count = 0

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.ports[self.count % len(self.ports)]))
                self.count += 1
                for one, other, change in ((client, server, None), (server, client, self.spoil)):
                    threading.Thread(target=self.pump, args=(one, other, change), daemon=True).start()

    @staticmethod
    def pump(one, other, change):
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(change(data) if change else data)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def other_backend_pid(data):
    """A BackendKeyData message (K, length 12) with a process id that no backend has."""
    return re.sub(rb"(?s)(K\x00\x00\x00\x0c)....", lambda m: m[1] + bytes([0, 0, 0, 7]), data)


def through(pair, relay, **more):
    return ("--source", pair.source.dsn(pair.source_db, port=relay.port, password=pair.lab.password,
                                        passfile=None, **more),
            "--destination", pair.destination_dsn)


def test_a_pooler(tables):
    with Relay(tables.source.port, spoil=other_backend_pid) as relay:
        found = findings(*through(tables, relay, sslmode="disable"))
    assert found.result.status == 2
    assert found.blockers() == [("source", "endpoint")]
    assert "pooler" in found.one("source", "endpoint")["text"]
    assert "its own host and port" in found.one("source", "endpoint")["fix"]


def test_a_load_balanced_endpoint(tables):
    tables.destination.createdb(tables.source_db)
    try:
        with Relay(tables.source.port, tables.destination.port) as relay:
            found = findings(*through(tables, relay))
    finally:
        tables.destination.dropdb(tables.source_db)
    assert found.result.status == 2
    assert found.blockers() == [("source", "endpoint")]
    assert "two servers" in found.one("source", "endpoint")["text"]


def test_a_relay_is_no_trouble(tables):
    with Relay(tables.source.port) as relay:
        found = findings(*through(tables, relay))
    assert found.result.status == 0 and found.one("source", "endpoint")["level"] == "ok"


# --- replicas ---


@pytest.fixture
def standby(own_lab, loader):
    """A server that recovers and waits for a primary that never comes: read only."""
    cluster = own_lab.destination
    cluster.createdb("replica")
    cluster.psql("replica", "CREATE TABLE t (id int)")
    cluster.stop()
    signal_file = cluster.data / "standby.signal"
    own_lab.run_as_server("touch", signal_file)
    cluster.start()
    yield cluster
    cluster.stop()
    signal_file.unlink()
    cluster.start()


def test_replicas_on_either_side(standby, own_lab):
    own_lab.source.createdb("primary")
    own_lab.source.psql("primary", "CREATE TABLE t (id int)")
    primary = own_lab.source.dsn("primary")
    replica = standby.dsn("replica")

    found = findings("--source", primary, "--destination", replica)
    assert found.result.status == 2 and found.blockers() == [("destination", "replica")]
    assert "read-only replica" in found.one("destination", "replica")["text"]

    found = findings("--source", replica, "--destination", primary)
    assert found.result.status == 0
    assert found.warnings() == [("source", "replica")]
    assert "hot_standby_feedback" in found.one("source", "replica")["fix"]


# --- shard groups ---


def test_a_shard_group(tables):
    tables.dst("CREATE SCHEMA rds_aurora; CREATE TABLE rds_aurora.limitless_subclusters"
               " (subcluster_id text, subcluster_type text);"
               "INSERT INTO rds_aurora.limitless_subclusters VALUES ('1', 'router'), ('2', 'router'),"
               " ('3', 'shard')")
    found = findings(*tables.args())
    assert found.one("destination", "limitless")["text"] == (
        "yes: a shard group of 2 routers and 1 shards")
    assert found.one("source", "limitless")["text"].startswith("no")


# --- the command ---


def test_usage(pair):
    result = check("--source", pair.source_dsn, "--no-such-option")
    assert result.status == 2 and "sluice check --help" in result.err
    assert check("--help").status == 0
    assert "Usage: sluice check" in check("--help").out


def test_a_signal_ends_it(tables):
    """The listener takes the connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        run = start_load("--source", f"host=127.0.0.1 port={port} dbname=x user=u", "--destination",
                         tables.destination_dsn, subcommand="check")
        silent.settimeout(20)
        client, _ = silent.accept()
        with client:
            time.sleep(0.1)
            run.send(signal.SIGINT)
            result = run.wait(20)
    assert result.status == 5 and result.out == ""
    assert "stopped by a signal" in result.err
