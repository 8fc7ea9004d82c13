"""The simulated shard group: what a client can see of an Aurora PostgreSQL Limitless Database.

    with Lab(shard_group=True, routers=2, shards=4) as lab:
        group = lab.group                       # a Cluster (lab.clusters["group"]) with routers

One more PostgreSQL server, in whose databases support/limitless/*.sql plays the shard group, and one
process that proxies its routers. docs/lab.md says what is simulated and what is not.

In tests/limitless the fixtures `group` (reset before and after), `group_db`, `admin` (a connection)
and `group_pair` (a Pair whose destination is the group; see group_pair.py) give all of this.

How to reach it
    group.admin                  "limitless_admin": a login role, no superuser, owner of the databases;
                                 its password is in the lab's password file
    group.dsn(db, user)          by the cluster endpoint 127.0.0.1 (leads to router 1, or while that is
                                 stopped to the next one; group.lead(n) chooses). user is the admin
                                 unless given, db is postgres_limitless unless given
    group.routers                [Router, ...] of 127.0.0.2, 127.0.0.3, ...; routers[0] is router 1
    group.routers[0].dsn(db, user, **more)      straight to that router
    group.port                   the one port of the routers and the endpoint
    group.verified(host)         {"host":..., "sslmode": "verify-full", "sslrootcert": ...} for dsn()
    group.server_port            PostgreSQL's own port; group.direct_dsn(db, user) uses it
    group.connect(db), group.query(db, sql), group.psql(db, sql)   as superuser, past the routers
                                 (user=group.admin for the admin)
    group.createdb(name), group.dropdb(name)    more limitless databases, owned by the admin

The simulator's refusals hold for the superuser as well; group.plain(db, sql) runs SQL without them.

Routers
    r.host, r.number (1..), r.subcluster_id
    r.cut()                      reset all its connections; new ones are taken
    r.stop() / r.start()         no listener and no connections / back again
    r.slow(bytes_per_second)     both directions together; r.slow(0) ends it
    r.freeze() / r.thaw()        nothing is forwarded, nothing is closed
    r.count()                    connections now;  r.total()  ever;  r.bytes()  forwarded ever
    group.set_load(n, 0.8)       what aurora_limitless_router_endpoints() says of router n
    group.set_listed(n, False)   router n is left out of that list (its proxy goes on)
    group.endpoint.count()/.cut()/...   the connections of the cluster endpoint alone
    group.writers_by_router(db, like)   {router number: backends whose application_name is like},
                                 from client_addr, endpoint's connections counted at their router
    group.reset()                all routers started, thawed, fast, listed, load 0; switches off

Versions
    group.set_version("16.10")   the default "16.9" refuses advisory locks; 16.10 and later do not

Switches (they hold for all databases of the group, from the next statement on)
    group.inject(name, every=N | probability=P | nothing: always,
                 times=K (at most K hits a database), at="start"|"end"|"commit" of a writing statement,
                 router=n (only through that router), table="orders" (only that table's name),
                 sqlstate="40P01", message="...", after_ms=0)
    A transaction that writes to a sharded table draws one number for each switch; it is hit when
    every divides it. So a repeated transaction draws another one.
      "deadlock"      ERROR aborting transaction participating in a distributed deadlock (40P01)
      "commit_time"   ERROR commit time is invalid (XX000), at commit
      "throttle"      limit=N: commits beyond N at once wait; hold_ms: how long each stays in commit.
                      error=True: they fail instead (sqlstate 53000)
      "split"         the transaction ends as a shard split ends it: ERROR (40001), or with
                      terminate=True the session is terminated (57P01)
      "binary_copy"   COPY in binary format into any table is refused (0A000)
      "error"         any sqlstate and message
    group.clear(name), group.clear(); with group.injected(name, ...): ...
    group.hits(db, name)         how often it has struck since it was injected;
    group.writes(db)             sharded transactions counted
    group.split_shard(db, terminate=True)   once, now: ends every transaction that is writing to a
                                 sharded table; gives how many
    group.connection_limit(n)    more sessions of the admin get 53300; -1 ends it
"""

import contextlib
import json
import os
from pathlib import Path

from .cluster import Cluster, LabError, SUPERUSER, free_port, quote_ident
from .router_proxy import RouterProxy

SQL_DIR = Path(__file__).resolve().parent / "limitless"
ADMIN = "limitless_admin"
DATABASE = "postgres_limitless"
STATE_FILE = "rds_aurora_sim.json"  # in the data directory: pg_read_file finds it there
MAX_ROUTERS, MAX_SHARDS = 16, 64
SWITCHES = {"deadlock", "commit_time", "throttle", "split", "binary_copy", "error"}
WORDS = {"every", "probability", "times", "at", "router", "table", "sqlstate", "message", "after_ms",
         "limit", "hold_ms", "error", "terminate"}


def router_hosts(count):
    return [f"127.0.0.{n + 2}" for n in range(count)]


class Router:
    """One router's proxy; number 0 is the cluster endpoint."""

    def __init__(self, group, number, host):
        self.group = group
        self.number = number
        self.host = host
        self.subcluster_id = str(number + 1)  # as AWS numbers them: 1 is nobody's here

    def dsn(self, dbname=DATABASE, user=None, **more):
        return self.group.dsn(dbname, user, **{"host": self.host, **more})

    def connect(self, dbname=DATABASE, user=None, **more):
        """A psycopg2 connection in autocommit, through this router."""
        return connect(self.dsn(dbname, user, **more))

    def _tell(self, word, *more):
        return self.group.proxy.command(word, self.number, *more)

    def cut(self):
        self._tell("cut")

    def stop(self):
        self._tell("stop")

    def start(self):
        self._tell("start")

    def slow(self, bytes_per_second):
        self._tell("slow", int(bytes_per_second))

    def freeze(self):
        self._tell("freeze")

    def thaw(self):
        self._tell("thaw")

    def count(self):
        return int(self._tell("count")[0])

    def total(self):
        return int(self._tell("count")[1])

    def bytes(self):
        return int(self._tell("count")[2])


def connect(dsn):
    import psycopg2

    conn = psycopg2.connect(dsn)
    conn.autocommit = True
    return conn


class ShardGroup(Cluster):
    """See the top of the file."""

    admin = ADMIN

    def __init__(self, lab, name, routers=2, shards=4, port=None, server_port=None):
        if not (1 <= routers <= MAX_ROUTERS and 1 <= shards <= MAX_SHARDS):
            raise LabError(f"a shard group has 1 to {MAX_ROUTERS} routers and 1 to {MAX_SHARDS} shards")
        super().__init__(lab, name, port)
        self.server_port = server_port or free_port(lab.ports_taken)
        lab.ports_taken.add(self.server_port)
        self.proxy = RouterProxy(lab.dir)
        self.endpoint = Router(self, 0, self.host)
        self.routers = [Router(self, n + 1, h) for n, h in enumerate(router_hosts(routers))]
        self.shards = shards
        self.made = False
        self.state = self._fresh_state()

    def addresses(self):
        return [self.host, *(r.host for r in self.routers)]

    def token_hosts(self):
        return {r.host: [self.aws_host, self.aws_reader, self.host, r.host] for r in self.routers}

    # --- life ---

    def create(self):
        super().create()
        self.configure(port=self.server_port, listen_addresses="127.0.0.1", max_connections=200,
                       max_prepared_transactions=0, max_locks_per_transaction=256,
                       **{"rds_aurora.limitless_create_table_mode": "standard",
                          "rds_aurora.limitless_create_table_shard_key": "",
                          "rds_aurora.limitless_create_table_collocate_with": "",
                          "rds_aurora.limitless_active_shard_key": "",
                          "rds_aurora.limitless_sequence_chunk_size": "250000",
                          "rds_aurora_sim.inside": "off"})
        # Routers come from addresses of their own, so that the server knows who came by which.
        conf = self.data / "pg_hba.conf"
        conf.write_text(conf.read_text(encoding="utf-8").replace("127.0.0.1/32", "127.0.0.0/8"),
                        encoding="utf-8")
        self._save()
        self.lab.add_password(self.server_port, SUPERUSER, self.lab.password)

    def allow_iam(self, service):
        super().allow_iam(service)
        conf = self.data / "pg_hba.conf"
        conf.write_text(conf.read_text(encoding="utf-8").replace("127.0.0.1/32 pam", "127.0.0.0/8 pam"),
                        encoding="utf-8")

    def start(self, options=None):
        super().start(options)
        if not self.made:
            self._make()
        if not self.proxy.pid:
            self.proxy.start([r.host for r in self.routers], self.port, self.server_port)

    def _make(self):
        """The roles, and the simulator in template1, so that every new database has it."""
        self.create_role(ADMIN, "CREATEDB CREATEROLE")
        self.lab.add_password(self.server_port, ADMIN, self._admin_password)
        self.load_simulator("template1")
        self.createdb(DATABASE)
        self.made = True

    def set_password(self, name):
        password = super().set_password(name)
        self.lab.add_password(self.server_port, name, password)
        if name == ADMIN:
            self._admin_password = password
        return password

    def load_simulator(self, dbname):
        """Needed only for a database that was not made from template1."""
        text = "\n".join(p.read_text(encoding="utf-8") for p in sorted(SQL_DIR.glob("*.sql")))
        self.psql(dbname, "BEGIN;\nSET LOCAL client_min_messages = warning;\n" + text + "\nCOMMIT;\n")

    def running(self):
        return super().running() and self.proxy.running()

    def detach(self):
        self.proxy.detach()

    def close(self):
        self.proxy.close()
        super().close()

    def describe(self):
        return {"port": self.port, "server_port": self.server_port, "routers": len(self.routers),
                "shards": self.shards, "proxy": self.proxy.describe(), "data": str(self.data),
                "log": str(self.log), "dsn": self.dsn()}

    @classmethod
    def attach(cls, lab, name, known):
        group = cls(lab, name, known["routers"], known["shards"], known["port"], known["server_port"])
        group.proxy.attach(known["proxy"])
        group.made = True
        with contextlib.suppress(OSError, ValueError):
            group.state = json.loads((group.data / STATE_FILE).read_text(encoding="utf-8"))
        return group

    # --- how to reach it ---

    def dsn(self, dbname=DATABASE, user=None, password=None, **more):
        return super().dsn(dbname, user or ADMIN, password, **more)

    def direct_dsn(self, dbname=SUPERUSER, user=None, **more):
        return super().dsn(dbname, user or SUPERUSER, port=self.server_port, **more)

    def connect(self, dbname=SUPERUSER, user=None, **more):
        return connect(self.direct_dsn(dbname, user, **more))

    def psql_command(self, dbname, user=None):
        command = super().psql_command(dbname, user)
        return [*command[:-1], self.direct_dsn(dbname, user)]

    def uri(self, dbname=DATABASE, user=None, **more):
        return super().uri(dbname, user or ADMIN, **more)

    def verified(self, host=None):
        return {"host": host or self.host, "sslmode": "verify-full", "sslrootcert": str(self.lab.ca)}

    # --- what is in it ---

    def createdb(self, name, template=None, encoding=None, locale=None, owner=ADMIN):
        super().createdb(name, template, encoding, locale)
        if template or encoding or locale:
            self.load_simulator(name)
        self.query(SUPERUSER, f"ALTER DATABASE {quote_ident(name)} OWNER TO {quote_ident(owner)}")

    def plain(self, dbname, sql):
        """psql as superuser, the simulator looking away."""
        return self.psql(dbname, "SET rds_aurora_sim.inside = 'on';\n" + sql)

    # --- routers and their loads ---

    def _fresh_state(self):
        routers = [{"id": r.subcluster_id, "host": r.host, "load": 0.0, "listed": True}
                   for r in self.routers]
        return {"version": "16.9", "shards": self.shards, "routers": routers, "switches": {}}

    def _save(self):
        """Where the SQL reads it, at once and in every database; never half-written."""
        path = self.data / STATE_FILE
        new = path.with_suffix(".new")
        new.write_text(json.dumps(self.state), encoding="utf-8")
        os.chmod(new, 0o640)
        if self.lab.user:
            os.chown(new, self.lab.user.pw_uid, self.lab.user.pw_gid)
        new.replace(path)

    def set_load(self, number, load):
        self.state["routers"][number - 1]["load"] = load
        self._save()

    def set_listed(self, number, listed):
        self.state["routers"][number - 1]["listed"] = listed
        self._save()

    def set_version(self, version):
        self.state["version"] = version
        self._save()

    def lead(self, number):
        """Where new connections of the endpoint go; 0: to the first router that runs."""
        self.proxy.command("lead", number)

    def reset(self):
        for router in (*self.routers, self.endpoint):
            for word in (router.start, router.thaw):
                word()
            router.slow(0)
        self.lead(0)
        self.connection_limit(-1)
        self.state = self._fresh_state()
        self._save()

    def writers_by_router(self, dbname, like):
        rows = self.query(SUPERUSER, "SELECT host(client_addr), count(*) FROM pg_stat_activity"
                          " WHERE datname = %s AND application_name LIKE %s GROUP BY 1", (dbname, like))
        by_host = dict(rows)
        return {r.number: by_host.get(r.host, 0) for r in self.routers}

    # --- switches ---

    def inject(self, name, **how):
        unknown = set(how) - WORDS
        if name not in SWITCHES or unknown:
            raise LabError(f"no switch {name} {sorted(unknown) or ''}")
        if "router" in how:
            how["router"] = self.routers[how["router"] - 1].host
        for (db,) in self.query(SUPERUSER, "SELECT datname FROM pg_database d WHERE datallowconn AND NOT"
                                " datistemplate AND datname <> 'postgres'"):
            self.query(db, "SELECT rds_aurora_sim.forget(%s)", (name,))
        self.state["switches"][name] = how
        self._save()

    def clear(self, name=None):
        if name:
            self.state["switches"].pop(name, None)
        else:
            self.state["switches"] = {}
        self._save()

    @contextlib.contextmanager
    def injected(self, name, **how):
        self.inject(name, **how)
        try:
            yield
        finally:
            self.clear(name)

    def hits(self, dbname, name):
        return self.query(dbname, "SELECT rds_aurora_sim.hits(%s)", (name,))[0][0]

    def writes(self, dbname):
        return self.hits(dbname, "write")

    def split_shard(self, dbname, terminate=True):
        return self.query(dbname, "SELECT rds_aurora_sim.split_shard(%s)", (terminate,))[0][0]

    def connection_limit(self, limit, role=ADMIN):
        self.query(SUPERUSER, f"ALTER ROLE {quote_ident(role)} CONNECTION LIMIT {int(limit)}")
