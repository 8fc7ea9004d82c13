"""A source database and a destination database, and what tests do with the two."""

import itertools
import subprocess

from . import compare, sluice
from .lab import LabError

_numbers = itertools.count(1)


class Pair:
    """Two fresh databases; close() drops them."""

    def __init__(self, lab, source_db=None, destination_db=None, **created):
        number = next(_numbers)
        self.lab = lab
        self.source = lab.source
        self.destination = lab.destination
        self.source_db = source_db or f"src_{number}"
        self.destination_db = destination_db or f"dst_{number}"
        self.source.createdb(self.source_db, **created)
        self.destination.createdb(self.destination_db, **created)
        self.roles = []

    # --- SQL on either side ---

    def src(self, sql):
        """psql on the source: many statements, output without headings."""
        return self.source.psql(self.source_db, sql)

    def dst(self, sql):
        return self.destination.psql(self.destination_db, sql)

    def both(self, sql):
        self.src(sql)
        self.dst(sql)

    @property
    def source_dsn(self):
        return self.source.dsn(self.source_db)

    @property
    def destination_dsn(self):
        return self.destination.dsn(self.destination_db)

    def role(self, cluster, name, options=""):
        """A login role that goes with the pair."""
        cluster.create_role(name, options)
        self.roles.append((cluster, name))

    def copy_schema(self, *dump_options):
        """Makes the source's schema on the destination (pg_dump --schema-only | psql)."""
        dump = subprocess.run(
            [str(self.lab.bindir / "pg_dump"), "--schema-only", "--no-owner", "--no-privileges",
             *dump_options, "-d", self.source_dsn],
            capture_output=True, text=True, check=False, env=self.lab.client_env(), timeout=120)
        if dump.returncode != 0:
            raise LabError(f"pg_dump: {dump.stderr}")
        # A database has a schema public already.
        self.dst(dump.stdout.replace("CREATE SCHEMA public;", "CREATE SCHEMA IF NOT EXISTS public;"))

    # --- the loader ---

    def args(self, *args):
        return ("--source", self.source_dsn, "--destination", self.destination_dsn, *args)

    def load(self, *args, timeout=120, env=None):
        return sluice.run_load(*self.args(*args), timeout=timeout, env=env)

    def start(self, *args, env=None):
        return sluice.start_load(*self.args(*args), env=env)

    def differences(self, tables=None, snapshot=None):
        return compare.compare_databases(self.source, self.source_db, self.destination,
                                         self.destination_db, tables, snapshot)

    def ledger_exists(self, schema="sluice"):
        return self.dst(f"SELECT count(*) FROM pg_namespace WHERE nspname = '{schema}'") == "1"

    def chunks_done(self):
        """How many chunks the ledger calls finished; 0 while there is no ledger."""
        if self.dst("SELECT to_regclass('sluice.chunk_done') IS NOT NULL") != "t":
            return 0
        return int(self.dst("SELECT count(*) FROM sluice.chunk_done WHERE finished_at IS NOT NULL"))

    def close(self):
        sluice.end_leftovers(self.lab.ports())
        for cluster, db in ((self.source, self.source_db), (self.destination, self.destination_db)):
            if not cluster.running():
                cluster.start()
            cluster.dropdb(db)
        for cluster, name in self.roles:
            cluster.drop_role(name)
