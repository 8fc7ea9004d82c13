"""The demo's last act: the same shop into a simulated shard group, one router cut in the middle.

Orders and their items are sharded by customer; the items' table has no such column at the source, so
it is computed from the orders while loading. Products and what they hang on are reference tables, the
rest is standard.
"""

import subprocess
import time
from pathlib import Path

from . import compare, sluice
from .lab import LabError

DB = "shop"
JOB = """\
version: 1
options:
  create-tables: true
tables:
  shop.orders:
    mode: sharded
    shard-key: [customer_id]
  shop.order_items:
    mode: sharded
    shard-key: [customer_id]
    collocate-with: shop.orders
    columns:
      customer_id:      # the source's table has no such column
        expression: "(SELECT o.customer_id FROM shop.orders AS o WHERE o.id = order_id)"
        type: bigint
  shop.products:   {mode: reference}
  shop.categories: {mode: reference}
"""
MODES = "SELECT schema_name || '.' || table_name, table_type, distribution_key FROM rds_aurora.limitless_tables" \
        " WHERE schema_name <> 'sluice' AND table_type <> 'standard' ORDER BY 2 DESC, 1"
KEYS = "SELECT count(*), sum(('x' || substr(md5(i.order_id || '/' || i.line_no || '/' || {key}), 1, 16))::bit(64)" \
       "::bigint::numeric) FROM shop.order_items i {join}"
SOURCE_KEYS = KEYS.format(key="o.customer_id", join="JOIN shop.orders o ON o.id = i.order_id")
GROUP_KEYS = KEYS.format(key="i.customer_id", join="")


class Act:
    """What the demo lends: the lab, its way of speaking, and the options that log in to the source."""

    def __init__(self, lab, demo, source_options, jobs):
        self.lab, self.demo, self.group = lab, demo, lab.group
        self.job = Path(lab.dir) / "shop.yaml"
        self.command = [sluice.SLUICE, "load", "--config", str(self.job), *source_options,
                        "--destination", self.group.dsn(DB), "--jobs", str(jobs)]

    def run(self):
        self.demo.step("The same shop into a simulated shard group (Aurora Limitless): 2 routers, 4 shards")
        self.group.createdb(DB)
        self.job.write_text(JOB, encoding="utf-8")
        for line in JOB.splitlines():
            self.demo.say(f"   | {line}")
        self.demo.say()
        self.demo.say_command(self.command)
        if not self._load_with_a_cut():
            self.demo.say("   it was done before the router could be cut; take a larger DEMO_SIZE")
        return self._prove()

    def _load_with_a_cut(self):
        router, cut = self.group.routers[1], False
        loader = self.demo.start(self.lab, self.command)
        try:
            while loader.poll() is None:
                if not cut and self.demo.enough_chunks_are_done(self.group, share=3):
                    self.demo.say(f"\n   router {router.host} is cut off: {router.count()} connections with it")
                    router.stop()
                    cut = True
                    back_at = time.monotonic() + 3
                if cut and back_at and time.monotonic() > back_at:
                    router.start()
                    back_at = None
                try:
                    loader.wait(0.02)
                except subprocess.TimeoutExpired:
                    continue
            if loader.returncode != 0:
                raise LabError(f"the load into the shard group ended with status {loader.returncode}")
            return cut
        finally:
            self.demo.end(loader)

    def _prove(self):
        self.demo.step("What the shard group has now")
        for name, mode, key in self.group.query(DB, MODES):
            self.demo.say(f"   {name:<20} {mode:<10} {key or ''}")
        self.demo.say("   every other table is standard\n")
        outcomes = compare.compare_tables(self.lab.source, DB, self.group, DB)
        equal = sum(o.equal for o in outcomes)
        for o in outcomes:
            if not o.equal:
                self.demo.say(f"   {o.label}: DIFFERENT: {o.problem}")
        self.demo.say(f"   {equal} of {len(outcomes)} tables equal, {sum(o.destination[0] for o in outcomes):,} rows")
        keys = self.lab.source.query(DB, SOURCE_KEYS) == self.group.query(DB, GROUP_KEYS)
        self.demo.say(f"   computed shard key of order_items: {'right in every row' if keys else 'WRONG'}")
        return keys and equal == len(outcomes)
