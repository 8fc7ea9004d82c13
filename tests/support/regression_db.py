"""PostgreSQL's own regression database: what its test suite leaves behind.

The sources are those that scripts/install-deps downloads from the distribution into build/downloads.
Of them the test's SQL is run with the installed pg_regress against a cluster of the lab, and one C
file is compiled, the test's library. The headers that it needs are in the sources and in libpq-dev.
"""

import re
import shutil
import subprocess
import tarfile
from pathlib import Path

from .cluster import LabError, quote_ident, server_bindir
from .sluice import REPO

DATABASE = "regression"
DOWNLOADS = REPO / "build" / "downloads"
# A mirror may have the sources of an older minor version than the server's, which then prints a few things
# differently; what is left behind is the same.
DIFFERENCES_MAX = 20
TESTS_MIN = 150
# Made from other files by PostgreSQL's build; a release's archive has them, not yet in their place.
GENERATED = {
    "utils": ("utils/errcodes.h", "utils/fmgroids.h", "utils/fmgrprotos.h"),
    "storage": ("storage/lmgr/lwlocknames.h",),
    "catalog": ("catalog/*_d.h",),
}
WANTED = re.compile(r"src/(include/|test/regress/|backend/(utils|storage/lmgr)/\w+\.h$|backend/catalog/\w+_d\.h$)")


class NoSources(LabError):
    """The sources are not here; scripts/install-deps fetches them."""


def server_major():
    text = subprocess.run([str(server_bindir() / "postgres"), "--version"], capture_output=True, text=True,
                          check=True).stdout
    return int(re.search(r"\) (\d+)", text).group(1))


def archive():
    """The newest archive of the server's major version."""
    major = server_major()
    found = {}
    for path in DOWNLOADS.glob(f"postgresql-{major}_*.orig.tar.*"):
        minor = re.match(rf"postgresql-{major}_{major}\.(\d+)\.orig\.tar\.(bz2|gz|xz)$", path.name)
        if minor:
            found[int(minor.group(1))] = path
    if not found:
        raise NoSources(f"no sources of PostgreSQL {major} in {DOWNLOADS}; run scripts/install-deps")
    return found[max(found)]


class RegressionSuite:
    """The suite, unpacked below the lab's directory, where the server's user can read it."""

    def __init__(self, lab):
        self.lab = lab
        self.dir = lab.dir / "regress"
        self.source = self.dir / "src"
        self.lib_dir = self.dir / "lib"
        self.output = self.dir / "out"

    def unpack(self):
        """By Python, which needs no bzip2; the server's user reads what belongs to us."""
        self.lab.run_as_server("mkdir", "-p", self.dir, self.lib_dir, self.output)
        with tarfile.open(archive()) as packed:
            for member in packed:
                name = member.name.partition("/")[2]
                if member.isfile() and WANTED.match(name) and ".." not in name.split("/"):
                    path = self.source / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(packed.extractfile(member).read())

    def build(self):
        """regress.so, and beside it two libraries that come with the server."""
        headers = self.dir / "generated"
        for folder, patterns in GENERATED.items():
            self.lab.run_as_server("mkdir", "-p", headers / folder)
            for pattern in patterns:
                for path in (self.source / "src" / "backend").glob(pattern):
                    (headers / folder / path.name).symlink_to(path)
        includes = [headers, *_include_dirs(), self.source / "src" / "include"]
        self.lab.run_as_server(
            "cc", "-O2", "-fPIC", "-shared", "-w", "-fno-strict-aliasing", "-fwrapv", "-D_GNU_SOURCE",
            *(f"-I{i}" for i in includes), self.source / "src/test/regress/regress.c",
            "-o", self.lib_dir / "regress.so")
        for name in ("autoinc.so", "refint.so"):
            shutil.copyfile(self.lab.bindir.parent / "lib" / name, self.lib_dir / name)
            (self.lib_dir / name).chmod(0o755)

    def run(self, cluster):
        """Makes the database `regression`; gives the tests whose output was another than expected."""
        tests = self.source / "src" / "test" / "regress"
        self.lab.run_as_server(
            "sh", "-c", 'log=$1; shift; exec "$@" >"$log" 2>&1', "sh", self.output / "log",
            self.lab.bindir.parent / "lib/pgxs/src/test/regress/pg_regress",
            f"--inputdir={tests}", f"--outputdir={self.output}", f"--dlpath={self.lib_dir}",
            f"--bindir={self.lab.bindir}", f"--schedule={tests}/parallel_schedule", f"--host={cluster.sockets}",
            f"--port={cluster.port}", f"--user={cluster.superuser}", f"--dbname={DATABASE}", "--no-locale",
            "--encoding=UTF8", "--max-concurrent-tests=20", check=False)
        return self.judge()

    def judge(self):
        text = (self.output / "log").read_text(errors="replace")
        results = re.findall(r"^(?:test |     )(\S+) +\.\.\. (\w+)", text, re.MULTILINE)
        failed = [name for name, result in results if result == "FAILED"]
        if len(results) < TESTS_MIN or len(failed) > DIFFERENCES_MAX:
            raise LabError(f"pg_regress: {len(results)} tests ran, not as expected: {failed}\n{text[-2000:]}")
        return failed


def _include_dirs():
    """libpq-dev's, where pg_config.h of this machine is."""
    done = subprocess.run(["pg_config", "--includedir"], capture_output=True, text=True, check=False)
    found = [Path(p) for p in (done.stdout.strip(), "/usr/include/postgresql") if p]
    return [p for p in dict.fromkeys(found) if (p / "pg_config.h").exists()]


def create(cluster):
    """Makes the database on this cluster; gives the tests that had differences."""
    suite = RegressionSuite(cluster.lab)
    suite.unpack()
    suite.build()
    return suite.run(cluster)


def copy_roles(source, destination):
    """What objects belong to must be there for them to belong to it."""
    roles = source.query("postgres", "SELECT rolname FROM pg_roles WHERE rolname LIKE 'regress%' ORDER BY 1")
    for (name,) in roles:
        destination.query("postgres", f"CREATE ROLE {quote_ident(name)}")
    return [name for (name,) in roles]
