"""The demo: a generated shop is loaded, the loader killed in the middle, resumed, and compared; then it
goes into a simulated shard group, one router cut in the middle.

The loader is given no password: it asks a stand-in for AWS for the source's and logs in to the
destination by IAM token. Run by scripts/demo. DEMO_SIZE (1GB) and DEMO_JOBS (4) change it.
"""

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from support import aws_roles, compare, demo_group, shop, sluice  # noqa: E402
from support.lab import Lab, LabError, deaf_to_interrupts, exit_on_sigterm  # noqa: E402

DB = "shop"
READER, WRITER, SECRET = "reader", "loader", "shop/reader"
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


def make_roles(lab):
    step("Making a role on each side; neither the loader nor its command line will have a password")
    _, secret, key = aws_roles.make_reader(lab, DB, READER, SECRET)
    say(f"   source       role {READER}, whose password is the secret {secret}")
    say(f"                encrypted under {key}")
    if lab.no_iam:
        aws_roles.make_writer_with_password(lab, DB, WRITER)
        say(f"   destination  role {WRITER} with a password file; no logins by IAM token here:")
        say(f"                {lab.no_iam}")
    else:
        aws_roles.make_writer(lab, DB, WRITER)
        say(f"   destination  role {WRITER}, a member of rds_iam: it gets in with an IAM token only")


def source_options(lab):
    return aws_roles.source_options(lab, SECRET)


def load_command(lab, size):
    chunk_mb = max(1, min(16, round(size / 64e6)))
    return [sluice.SLUICE, "load", *source_options(lab),
            *aws_roles.destination_options(lab, DB, WRITER),
            "--jobs", os.environ.get("DEMO_JOBS", "4"), "--chunk-size", f"{chunk_mb}MB"]


def say_command(command):
    """One option a line, as a person would write it."""
    lines, words = [], ["sluice", "load"]
    for word in command[2:]:
        if word.startswith("--"):
            lines.append(shlex.join(words))
            words = []
        words.append(word)
    lines.append(shlex.join(words))
    say("   " + " \\\n       ".join(lines))


def start(lab, command):
    """With the lab's AWS in the environment, and nothing of the caller's."""
    env = {k: v for k, v in sluice.load_env().items() if not k.startswith("AWS_")}
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, env={**env, **lab.aws_env()})


def enough_chunks_are_done(cluster, share=2):
    """(done, all) once a half, a third, ... of the chunks is; asks the ledger, which is not there in
    the first moments."""
    try:
        ((total, done),) = cluster.query(DB, COUNT_CHUNKS)
    except Exception as e:  # psycopg2's "relation does not exist"
        if getattr(e, "pgcode", None) in ("42P01", "3F000"):
            return None
        raise
    return (done, total) if total and share * done >= total else None


def load_and_kill(lab, command):
    """True when the loader was killed in the middle, False when it was done before that."""
    step("Loading; it will be killed when half of the chunks are done")
    say_command(command)
    loader = start(lab, command)
    try:
        while loader.poll() is None:
            half = enough_chunks_are_done(lab.destination)
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


def load_again(lab, command):
    step("The same command again")
    loader = start(lab, command)
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


def say_what_aws_saw(lab):
    step("What AWS was asked for, every signature checked by another implementation")
    say(f"   Secrets Manager  the secret, {times(lab.aws.calls('secretsmanager:GetSecretValue'))}")
    logins = [e for e in lab.aws.log() if e["service"] == "rds-db"]
    if logins:
        say(f"   IAM              {len(logins)} logins with {len(lab.aws.tokens_seen())} tokens,"
            f" {sum(not e['ok'] for e in logins)} of them refused")


def times(count):
    return "once" if count == 1 else f"{count} times"


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
    make_roles(lab)
    command = load_command(lab, size)
    killed = load_and_kill(lab, command)
    load_again(lab, command)
    say_what_aws_saw(lab)
    if not compare_all(lab):
        return 1
    say(f"   Killed {'once' if killed else 'never'}; not a row lost, not one twice.")
    jobs = os.environ.get("DEMO_JOBS", "4")
    return 0 if demo_group.Act(lab, sys.modules[__name__], source_options(lab), jobs).run() else 1


def main():
    exit_on_sigterm()
    started = time.monotonic()
    try:
        size = shop.parse_size(os.environ.get("DEMO_SIZE", "1GB"))
        step("Starting the lab: a source, a destination, a simulated shard group, and a stand-in for AWS")
        with Lab(aws=True, shard_group=True) as lab:
            for name, cluster in lab.clusters.items():
                say(f"   {name:<12} 127.0.0.1:{cluster.port}, for AWS {cluster.aws_host}")
            say(f"   {'AWS':<12} {lab.aws.url.removeprefix('http://')}")
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
