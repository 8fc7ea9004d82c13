"""The demo: a generated shop is loaded, the loader killed in the middle, resumed, and compared.

Run by scripts/demo. DEMO_SIZE (1GB) and DEMO_JOBS (4) change it.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from support import compare, shop, sluice  # noqa: E402
from support.lab import Lab, LabError, deaf_to_interrupts, exit_on_sigterm  # noqa: E402

DB = "shop"
COUNT_CHUNKS = """
SELECT (SELECT count(*) FROM sluice.chunk), (SELECT count(*) FROM sluice.chunk_done
 WHERE finished_at IS NOT NULL)
"""


def say(text=""):
    print(text, flush=True)


def step(text):
    bold, plain = ("\033[1m", "\033[0m") if colours() else ("", "")
    say(f"\n{bold}== {text}{plain}")


def colours():
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


class Filling:
    """Shows how far the generator is: one live line on a terminal, a few lines elsewhere."""

    def __init__(self):
        self.shown = -1

    def __call__(self, done, total):
        percent = 100 * done // total
        if sys.stdout.isatty():
            print(f"\r   {percent:3d} % of the rows", end="\n" if done == total else "", flush=True)
        elif percent // 20 > self.shown:
            self.shown = percent // 20
            say(f"   {percent:3d} % of the rows")


def fill(lab, size):
    step(f"Filling the source: a shop of about {size / 1e6:.0f} MB")
    started = time.monotonic()
    lab.source.createdb(DB)
    shop.create_shop(lab.source, DB, shop.scale_of(size), told=Filling())
    lab.destination.createdb(DB)
    shop.create_shop_schema(lab.destination, DB)
    real = lab.source.psql(DB, "SELECT pg_size_pretty(pg_database_size(current_database()))")
    say(f"   {real} in {time.monotonic() - started:.0f} s; the destination has the empty tables")


def load_command(lab, size):
    chunk_mb = max(1, min(16, round(size / 64e6)))
    return [sluice.SLUICE, "load", "--source", lab.source.dsn(DB),
            "--destination", lab.destination.dsn(DB),
            "--jobs", os.environ.get("DEMO_JOBS", "4"), "--chunk-size", f"{chunk_mb}MB"]


def start(command):
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, env=sluice.load_env())


def half_of_the_chunks_are_done(lab):
    """Asks the ledger; there is none in the first moments."""
    try:
        ((total, done),) = lab.destination.query(DB, COUNT_CHUNKS)
    except Exception as e:  # psycopg2's "relation does not exist"
        if getattr(e, "pgcode", None) in ("42P01", "3F000"):
            return None
        raise
    return (done, total) if total and 2 * done >= total else None


def load_and_kill(lab, command):
    """True when the loader was killed in the middle, False when it was done before that."""
    step("Loading; it will be killed when half of the chunks are done")
    say("   sluice load --source ... --destination ... " + " ".join(command[6:]))
    loader = start(command)
    try:
        while loader.poll() is None:
            half = half_of_the_chunks_are_done(lab)
            if half:
                loader.kill()
                loader.wait()
                say()
                say(f"   kill -9 {loader.pid}: {half[0]} of {half[1]} chunks were committed")
                return True
            time.sleep(0.02)
        if loader.returncode != 0:
            raise LabError(f"the load ended with status {loader.returncode} before it was killed")
        say("   it was done before it could be killed; take a larger DEMO_SIZE")
        return False
    finally:
        end(loader)


def load_again(command):
    step("The same command again")
    loader = start(command)
    try:
        status = loader.wait()
    finally:
        end(loader)
    if status != 0:
        raise LabError(f"the load ended with status {status}")


def end(process):
    """After Ctrl-C the loader has the signal too: let it end cleanly, but not for ever."""
    if process.poll() is not None:
        return
    with deaf_to_interrupts():
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def compare_all(lab):
    step("Comparing every table on both sides: count, and a hash of all rows")
    outcomes = compare.compare_tables(lab.source, DB, lab.destination, DB)
    width = max(len(o.label) for o in outcomes)
    say(f"   {'table':<{width}}  {'source rows':>12}  {'destination':>12}")
    for o in outcomes:
        verdict = "equal" if o.equal else f"DIFFERENT: {o.problem}"
        say(f"   {o.label:<{width}}  {o.source[0]:>12,}  {o.destination[0]:>12,}  {verdict}")
    equal = sum(o.equal for o in outcomes)
    say(f"\n   {equal} of {len(outcomes)} tables equal,"
        f" {sum(o.destination[0] for o in outcomes):,} rows")
    return equal == len(outcomes)


def run(lab, size):
    fill(lab, size)
    command = load_command(lab, size)
    killed = load_and_kill(lab, command)
    load_again(command)
    if not compare_all(lab):
        return 1
    say(f"   Killed {'once' if killed else 'never'}; not a row lost, not one twice.")
    return 0


def main():
    exit_on_sigterm()
    started = time.monotonic()
    try:
        size = shop.parse_size(os.environ.get("DEMO_SIZE", "1GB"))
        step("Starting the lab: a source and a destination PostgreSQL")
        with Lab() as lab:
            for name, cluster in lab.clusters.items():
                say(f"   {name:<12} 127.0.0.1:{cluster.port}")
            try:
                status = run(lab, size)
            finally:
                with deaf_to_interrupts():
                    sluice.end_leftovers(lab.ports())
        say(f"\nDone in {time.monotonic() - started:.0f} s; the lab is gone.")
        return status
    except (LabError, ValueError) as e:
        print(f"demo: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: stopped; the lab is gone", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
