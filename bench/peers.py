"""Who takes part: sluice, and what people use in its place, each as one command."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import datasets
from measure import Failed

PARALLEL_FILES = 15  # AWS's advice for loading from files: split, and 15 psql at a time
PSQL = "psql -Xq -v ON_ERROR_STOP=1 -d"


class Setting:
    """What all take from and bring to: the lab, the tables, how many streams, where to put files."""

    def __init__(self, lab, tables, jobs, scratch):
        self.lab = lab
        self.tables = tables
        self.jobs = jobs
        self.scratch = Path(scratch)
        self.source = lab.source.dsn(datasets.DB, sslmode="disable")
        self.destination = lab.destination.dsn(datasets.DB, sslmode="disable")
        self.source_uri = lab.source.uri(datasets.DB, sslmode="disable")
        self.destination_uri = lab.destination.uri(datasets.DB, sslmode="disable")

    @property
    def bytes(self):
        return sum(t.size for t in self.tables)

    def env(self):
        return dict(self.lab.client_env(), PATH=f"{self.lab.bindir}:{os.environ.get('PATH', '')}")


class Peer:
    """One participant. `command` is timed, `prepare` (once) and `reset` (before each run) are not."""

    name = ""
    apart = None  # seconds of what is needed but not counted, by what it is

    def __init__(self, setting):
        self.setting = setting

    def why_not(self):
        """Why it cannot take part here, None when it can."""
        return None

    def prepare(self):
        pass

    def reset(self):
        pass

    def command(self):
        raise NotImplementedError

    def env(self):
        return self.setting.env()

    def about(self):
        """The command as a person would write it."""
        return ""

    def version(self):
        return ""

    def missing(self, *programs):
        """The first of these that is not installed, as a reason."""
        path = self.setting.env()["PATH"]
        absent = [name for name in programs if not shutil.which(name, path=path)]
        return f"{absent[0]} is not installed" if absent else None


def first_line(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).strip().splitlines()
    return next((line for line in lines if re.search(r"version|\d+\.\d+", line)), "").strip()


class Sluice(Peer):
    name = "sluice"

    def __init__(self, setting, program, more=(), env=None, analyze=False, name=None):
        super().__init__(setting)
        self.program = program
        self.more = list(more) + ([] if analyze else ["--no-analyze"])
        self.extra_env = env or {}
        self.name = name or self.name

    def why_not(self):
        if not os.access(self.program, os.X_OK):
            return f"{self.program} is not there; build it first"
        return None

    def _words(self):
        return ["-j", str(self.setting.jobs), "--progress", "json", *self.more]

    def command(self):
        return [self.program, "load", "--source", self.setting.source,
                "--destination", self.setting.destination, *self._words()]

    def env(self):
        return dict(self.setting.env(), **self.extra_env)

    def about(self):
        return " ".join(["sluice load --source S --destination D", *self._words()])

    def version(self):
        return first_line([self.program, "--version"])


class PsqlPipes(Peer):
    """`psql COPY TO | psql COPY FROM`, so many at a time as sluice has streams."""

    def __init__(self, setting, binary):
        super().__init__(setting)
        self.binary = binary
        self.name = "psql | psql, binary" if binary else "psql | psql, text"

    def why_not(self):
        return self.missing("psql", "xargs", "bash")

    def prepare(self):
        words = []
        for table, where, _ in datasets.pieces(self.setting.tables, self.setting.jobs):
            words += [datasets.copy_out(table, where, self.binary), datasets.copy_in(table, self.binary)]
        self.list = self.setting.scratch / f"pipes-{'binary' if self.binary else 'text'}"
        self.list.write_bytes(b"\0".join(word.encode() for word in words) + b"\0")

    def command(self):
        one = f'set -o pipefail; {PSQL} "$1" -c "$3" | {PSQL} "$2" -c "$4"'
        return ["xargs", "-0", "-a", str(self.list), "-n", "2", "-P", str(self.setting.jobs),
                "bash", "-c", one, "pipe", self.setting.source, self.setting.destination]

    def about(self):
        options = " (FORMAT binary)" if self.binary else ""
        return (f"psql -c 'COPY T TO STDOUT{options}' | psql -c 'COPY T FROM STDIN{options}', a table or"
                f" part of one each, {self.setting.jobs} at a time")

    def version(self):
        return first_line([datasets.pg_tool(self.setting.lab, "psql"), "--version"])


class SplitFiles:
    """Each table's rows as text in files of about a fifteenth of everything, made once for both peers."""

    def __init__(self, setting):
        self.setting = setting
        self.folder = setting.scratch / "split"
        self.seconds = None
        self.files = []

    def make(self):
        if self.seconds is not None:
            return
        self.folder.mkdir()
        began = time.monotonic()
        self._extract()
        extracted = time.monotonic()
        self._split()
        self.seconds = {"extracting to files": extracted - began, "splitting": time.monotonic() - extracted}

    def _extract(self):
        script = "".join(f"\\copy {t.name} to '{self.folder / t.name}'\n" for t in self.setting.tables)
        command = [*PSQL.split(), self.setting.source]
        self._must(subprocess.run(command, input=script, text=True, env=self.setting.env(),
                                  capture_output=True, check=False), "psql")

    def _split(self):
        whole = {t.name: (self.folder / t.name).stat().st_size for t in self.setting.tables}
        share = max(1, sum(whole.values()) // PARALLEL_FILES)
        for name, size in whole.items():
            path = self.folder / name
            parts = max(1, -(-size // share))
            if parts == 1:
                self.files.append((size, name, path))
                continue
            self._must(subprocess.run(["split", "-d", "-a", "4", "-n", f"l/{parts}", path, f"{path}."],
                                      capture_output=True, text=True, check=False), "split")
            path.unlink()
            made = sorted(self.folder.glob(f"{name}.*"))
            self.files += [(p.stat().st_size, name, p) for p in made if p.stat().st_size]
        self.files.sort(key=lambda file: -file[0])

    @staticmethod
    def _must(done, what):
        if done.returncode != 0:
            raise Failed(f"{what}: {done.stderr.strip()[-500:]}")


class PsqlCopyFiles(Peer):
    """AWS's recipe: psql's \\copy of files that were split before, 1 or 15 at a time."""

    def __init__(self, setting, files, at_a_time):
        super().__init__(setting)
        self.files = files
        self.at_a_time = at_a_time
        self.name = f"psql \\copy of files x{at_a_time}"

    def why_not(self):
        return self.missing("psql", "xargs", "split")

    def prepare(self):
        self.files.make()
        self.apart = self.files.seconds
        self.list = self.setting.scratch / f"copies-x{self.at_a_time}"
        self.list.write_bytes(b"".join(f"\\copy {name} from '{path}'".encode() + b"\0"
                                       for _, name, path in self.files.files))

    def command(self):
        return ["xargs", "-0", "-a", str(self.list), "-n", "1", "-P", str(self.at_a_time),
                *PSQL.split(), self.setting.destination, "-c"]

    def about(self):
        return (f"psql -c \"\\copy T from FILE\", {self.at_a_time} at a time; text files, at least"
                f" {PARALLEL_FILES} where the data allow it, made before and not counted")


class PgDumpPipe(Peer):
    name = "pg_dump | psql"

    def why_not(self):
        return self.missing("pg_dump", "psql", "bash")

    def command(self):
        return ["bash", "-c", f'set -o pipefail; pg_dump --data-only -d "$1" | {PSQL} "$2" -o /dev/null',
                "pipe", self.setting.source, self.setting.destination]

    def about(self):
        return "pg_dump --data-only | psql"

    def version(self):
        return first_line([datasets.pg_tool(self.setting.lab, "pg_dump"), "--version"])


class PgDumpDirectory(Peer):
    """By way of a directory; not compressed, which is its fastest where disks are not the limit."""

    name = "pg_dump -Fd, pg_restore"

    def why_not(self):
        return self.missing("pg_dump", "pg_restore")

    def reset(self):
        self.folder = self.setting.scratch / "dump"
        shutil.rmtree(self.folder, ignore_errors=True)

    def command(self):
        return ["sh", "-c", 'pg_dump --data-only -Fd -Z0 -j "$3" -f "$4" -d "$1" &&'
                            ' pg_restore --data-only -j "$3" -d "$2" "$4"',
                "both", self.setting.source, self.setting.destination, str(self.setting.jobs),
                str(self.folder)]

    def about(self):
        jobs = self.setting.jobs
        return f"pg_dump --data-only -Fd -Z0 -j {jobs} -f DIR && pg_restore --data-only -j {jobs} DIR"


class PgCopyDb(Peer):
    """Newer versions write binary on request, and can leave out what is not copying.

    These wishes go by environment variables: the options are not listed for this subcommand, and a
    version that does not know them takes no offence. Others that the caller has set hold too.
    """

    WISHES = {"--skip-vacuum": "PGCOPYDB_SKIP_VACUUM", "--skip-analyze": "PGCOPYDB_SKIP_ANALYZE"}
    BINARY = {"--use-copy-binary": "PGCOPYDB_USE_COPY_BINARY"}

    def __init__(self, setting, binary):
        super().__init__(setting)
        self.binary = binary
        self.program = os.environ.get("PGCOPYDB") or "pgcopydb"
        self.name = "pgcopydb, binary" if binary else "pgcopydb"
        self._help = None

    def help(self):
        if self._help is None:
            done = subprocess.run([self.program, "clone", "--help"], capture_output=True, text=True,
                                  check=False)
            self._help = done.stdout + done.stderr
        return self._help

    def why_not(self):
        absent = self.missing(self.program)
        if not absent and self.binary and "--use-copy-binary" not in self.help():
            absent = f"{self.version() or self.program} has no --use-copy-binary"
        return absent

    def reset(self):
        self.folder = self.setting.scratch / "pgcopydb"
        shutil.rmtree(self.folder, ignore_errors=True)

    def _words(self):
        return ["copy", "table-data", "--table-jobs", str(self.setting.jobs)]

    def command(self):
        return [self.program, *self._words(), "--source", self.setting.source_uri,
                "--target", self.setting.destination_uri, "--dir", str(self.folder)]

    def wishes(self):
        known = dict(self.WISHES, **(self.BINARY if self.binary else {}))
        return {variable: "on" for option, variable in known.items() if option in self.help()}

    def variables(self):
        given = {k: v for k, v in os.environ.items() if k.startswith("PGCOPYDB_") and not k.endswith("_PGURI")}
        return {**given, **self.wishes()}

    def env(self):
        scratch = str(self.setting.scratch)
        own = {"XDG_RUNTIME_DIR": scratch, "XDG_DATA_HOME": scratch, "TMPDIR": scratch}
        return {**super().env(), **own, **self.variables()}

    def about(self):
        shown = [f"{k}={v}" for k, v in sorted(self.variables().items())]
        vacuum = "" if "--skip-vacuum" in self.help() else ", and its VACUUM ANALYZE, which it cannot leave out"
        return " ".join([*shown, "pgcopydb", *self._words()]) + vacuum

    def version(self):
        line = first_line([self.program, "--version"])
        match = re.search(r"version (\S+)", line)
        return f"pgcopydb {match.group(1)}" if match else line


def everyone(setting):
    """All but sluice, by the names that --peers takes."""
    files = SplitFiles(setting)
    return {
        "psql": PsqlPipes(setting, binary=False),
        "psql-binary": PsqlPipes(setting, binary=True),
        "copy-x1": PsqlCopyFiles(setting, files, 1),
        "copy-x15": PsqlCopyFiles(setting, files, PARALLEL_FILES),
        "pg_dump": PgDumpPipe(setting),
        "pg_dump-dir": PgDumpDirectory(setting),
        "pgcopydb": PgCopyDb(setting, binary=False),
        "pgcopydb-binary": PgCopyDb(setting, binary=True),
    }


PEERS = ["psql", "psql-binary", "copy-x1", "copy-x15", "pg_dump", "pg_dump-dir", "pgcopydb",
         "pgcopydb-binary"]
