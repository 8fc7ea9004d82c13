"""A password that a load used is nowhere afterwards: not in its memory, nor in anything that others can see.

One load for each way to give a password. It is held up in the middle, by a trigger that waits on the
destination, to look at what /proc shows of it and of its holder; at the end its memory is searched.
"""

import os
import secrets
import shutil
import subprocess
import sys
import threading
from urllib.parse import quote

import pytest

from support import memory_scan, secret_grep, sluice
from support.faults import wait_until
from support.lab import quote_literal
from support.pair import Pair

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
GATE = 4711
TOKENS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN")
WHERE_THEY_COULD_BE = {"[heap]", "[stack]", "anonymous"}
REASON = memory_scan.why_not()
needs_ptrace = pytest.mark.skipif(REASON is not None, reason=str(REASON))


def new_password():
    """24 characters, some of which have to be written differently in each kind of connection string."""
    body = [secrets.choice(LETTERS) for _ in range(18)]
    for at, odd in zip((2, 6, 9, 12, 15, 17), "/@:'+%"):
        body.insert(at, odd)
    return "".join(body)


class Login:
    """A role with a password on both servers, which ask for it by this method, and a gate in the data's way."""

    def __init__(self, lab, method):
        self.pair = Pair(lab)
        self.method = method
        self.name = f"hygiene_{method.replace('-', '_')}_{secrets.token_hex(3)}"
        self.password = new_password()
        self.pair.roles += [(self.pair.source, self.name), (self.pair.destination, self.name)]
        self._hba = {}
        for cluster in (self.pair.source, self.pair.destination):
            cluster.query("postgres", f"CREATE ROLE {self.name} LOGIN SUPERUSER PASSWORD {quote_literal(self.password)}")
            self._ask_by_method(cluster)
        self._fill()

    def _ask_by_method(self, cluster):
        hba = cluster.data / "pg_hba.conf"
        self._hba[cluster.name] = f"host all {self.name} 127.0.0.1/32 {self.method}\n"
        hba.write_text(self._hba[cluster.name] + hba.read_text())
        cluster.reload()

    def _fill(self):
        # Many names make the holder's order, which begins with the connection string, grow while it is written.
        self.pair.both("CREATE TABLE t (a int PRIMARY KEY, v text);" + "".join(
            f"CREATE TABLE a_table_with_a_long_name_{number:04} ();" for number in range(60)))
        self.pair.src("INSERT INTO t SELECT i, repeat('x', 50) FROM generate_series(1, 5000) i")
        self.pair.dst(
            "CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$BEGIN PERFORM pg_advisory_xact_lock_shared({GATE}); RETURN NULL; END$$;"
            "CREATE TRIGGER gate BEFORE INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION wait_at_gate();"
            "ALTER TABLE t ENABLE ALWAYS TRIGGER gate")

    def dsn(self, side, password=None, **more):
        cluster, db = getattr(self.pair, side), getattr(self.pair, f"{side}_db")
        return cluster.dsn(db, self.name, password, **{"passfile": "/nonexistent", **more})

    def uri(self, side):
        cluster, db = getattr(self.pair, side), getattr(self.pair, f"{side}_db")
        return f"postgresql://{self.name}:{quote(self.password, safe='')}@127.0.0.1:{cluster.port}/{db}?sslmode=require"

    def close(self):
        for cluster in (self.pair.source, self.pair.destination):
            hba = cluster.data / "pg_hba.conf"
            hba.write_text(hba.read_text().replace(self._hba[cluster.name], ""))
            cluster.reload()
        self.pair.close()


# --- the ways to give it: (arguments, environment) ---


def both(text_of):
    return ["--source", text_of("source"), "--destination", text_of("destination")]


def by_string(login, _folder):
    return both(lambda side: login.dsn(side, login.password)), {}


def by_string_without_tls(login, _folder):
    return both(lambda side: login.dsn(side, login.password, sslmode="disable")), {}


def by_uri(login, _folder):
    return both(login.uri), {}


def by_variables(login, _folder):
    return [], {"SLUICE_SOURCE": login.uri("source"), "SLUICE_DESTINATION": login.dsn("destination", login.password)}


def by_passfile(login, folder):
    path = folder / "passfile"
    path.write_text(f"*:*:*:{login.name}:" + login.password.replace(":", "\\:") + "\n")
    path.chmod(0o600)
    return both(lambda side: login.dsn(side, passfile=path)), {}


def by_pgpassword(login, _folder):
    return both(login.dsn), {"PGPASSWORD": login.password}


WAYS = [(way, method) for way in (by_string, by_uri, by_variables, by_passfile, by_pgpassword)
        for method in ("scram-sha-256", "password")] + [(by_string_without_tls, "password")]


class Seen:
    """What was seen of one load."""

    def __init__(self, login, way, folder):
        self.login = login
        arguments, variables = way(login, folder)
        # Tokens of AWS are in many an environment where the load has no use for them.
        self.secrets = {"the password": login.password, **{name: new_password() for name in TOKENS}}
        given = {name: self.secrets[name] for name in TOKENS}
        env = sluice.load_env({**given, "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", **variables})
        gate = login.pair.destination.connect(login.pair.destination_db)
        try:
            with gate.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_lock(%s)", (GATE,))
            command = [sluice.SLUICE, "load", *arguments, "-j", "2", "--memory", "16MB", "-v", "--progress", "json"]
            with memory_scan.Traced(command, {"the password": login.password}, env) as load:
                self._look_at(load)
                gate.close()
                memory_scan.wait_all([load, self._holder], 60)
                self.ended = load.finish()
                self.holder_found = self._holder.found
        finally:
            gate.close()

    def _look_at(self, load):
        def waits_at_gate():
            assert not load.poll(), load.finish()
            return any(row["wait_event"] == "advisory" for row in self.login.pair.destination.backends("sluice/%"))

        wait_until(waits_at_gate, "a load that waits at the gate")
        holder = [p.pid for p in sluice.holders(self.login.pair.lab.ports()) if parent_of(p.pid) == load.pid]
        assert len(holder) == 1
        self.shown = {f"{who}'s {name}": proc(pid, name)
                      for who, pid in (("loader", load.pid), ("holder", holder[0])) for name in ("cmdline", "environ")}
        self.running = load.look()
        self._holder = memory_scan.Watched(holder[0], self.secrets)


def parent_of(pid):
    status = proc(pid, "status").decode()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("PPid:")))


def proc(pid, name):
    with open(f"/proc/{pid}/{name}", "rb") as file:
        return file.read()


@pytest.fixture(scope="module", params=WAYS, ids=lambda p: f"{p[0].__name__}-{p[1]}")
def seen(request, loader, lab, tmp_path_factory):
    if REASON:
        pytest.skip(REASON)
    way, method = request.param
    login = Login(lab, method)
    try:
        yield Seen(login, way, tmp_path_factory.mktemp("hygiene"))
    finally:
        login.close()


def found_in(texts, wanted, folder):
    """Which of the secrets are in these texts; the file of each text has its name."""
    for name, data in texts.items():
        (folder / name.replace("/", "_")).write_bytes(data)
    return [(file.name, *hit) for file, *hit in secret_grep.grep([folder], wanted)[0]]


def test_the_memory_at_the_end(seen):
    assert seen.ended.status == 0, seen.ended
    assert WHERE_THEY_COULD_BE <= set(seen.ended.found.regions), seen.ended.found
    assert seen.ended.found.hits == []


def test_the_holders_memory_at_the_end(seen):
    assert seen.holder_found is not None and WHERE_THEY_COULD_BE <= set(seen.holder_found.regions)
    assert seen.holder_found.hits == []


def test_the_scan_sees_what_is_there(seen):
    """libpq keeps the password while it is connected; a scan that misses it then would miss it at the end."""
    assert "the password" in seen.running.names()


def test_what_proc_shows_while_it_runs(seen, tmp_path):
    texts = {name: data for name, data in seen.shown.items() if not name.startswith("holder's environ")}
    wanted = {"the password": seen.login.password}
    assert all(texts.values())
    assert found_in(texts, wanted, tmp_path) == []


def test_the_holders_environment(seen, tmp_path):
    environ = seen.shown["holder's environ"]
    assert sluice.MARK.encode() in environ  # it is an environment
    assert found_in({"environ": environ}, seen.secrets, tmp_path) == []
    names = {entry.split(b"=")[0].decode() for entry in environ.split(b"\0")}
    assert names & {*TOKENS, "PGPASSWORD", "SLUICE_SOURCE", "SLUICE_DESTINATION"} == set()


def test_output_ledger_and_server_logs(seen, tmp_path):
    pair = seen.login.pair
    dump = subprocess.run([pair.lab.bindir / "pg_dump", "-n", "sluice", "-d", pair.destination_dsn],
                          capture_output=True, check=True, env=pair.lab.client_env())
    logs = {f"{c.name}.log": c.log.read_bytes() for c in (pair.source, pair.destination)}
    texts = {"stdout": seen.ended.out.encode(), "stderr": seen.ended.err.encode(), "ledger": dump.stdout, **logs}
    assert b"chunk_done" in dump.stdout and all(logs.values())
    assert found_in(texts, seen.secrets, tmp_path) == []


# --- a refused password, which is in messages if anything is ---


@needs_ptrace
@pytest.mark.parametrize("way", [by_string, by_uri, by_variables, by_pgpassword])
def test_a_refused_password(loader, lab, way, tmp_path):
    login = Login(lab, "scram-sha-256")
    try:
        right, login.password = login.password, new_password()
        arguments, variables = way(login, tmp_path)
        command = [sluice.SLUICE, "load", *arguments, "-v"]
        ended = memory_scan.run(command, {"wrong": login.password, "right": right}, sluice.load_env(variables))
        assert ended.status == 3, ended
        assert ended.found.hits == []
        texts = {"output": ended.text.encode(), "log": lab.source.log.read_bytes()}
        assert found_in(texts, {"wrong": login.password}, tmp_path) == []
    finally:
        login.close()


# --- another heap: then freed memory is not wiped, but a program that gave its blocks to glibc would not run ---

OTHER_HEAP = r"""
#include <stdint.h>
#include <string.h>
#include <unistd.h>
static _Alignas(64) char arena[256u << 20];
static size_t used;
static void *take(size_t align, size_t size) {
    size_t at = __atomic_fetch_add(&used, size + align + 64, __ATOMIC_SEQ_CST);
    uintptr_t p = ((uintptr_t)arena + at + 16 + align - 1) & ~(uintptr_t)(align - 1);
    ((size_t *)p)[-1] = size;
    return (void *)p;
}
static void check(void *p) {
    if ((char *)p < arena || (char *)p >= arena + sizeof arena) { write(2, "not of this heap\n", 17); _exit(99); }
}
void *malloc(size_t size) { return take(16, size); }
void free(void *p) { if (p != NULL) check(p); }
void *calloc(size_t n, size_t size) { return memset(take(16, n * size), 0, n * size); }
void *aligned_alloc(size_t align, size_t size) { return take(align, size); }
int posix_memalign(void **out, size_t align, size_t size) { *out = take(align, size); return 0; }
void *realloc(void *p, size_t size) {
    void *fresh = take(16, size);
    if (p == NULL) return fresh;
    check(p);
    size_t old = ((size_t *)p)[-1];
    return memcpy(fresh, p, old < size ? old : size);
}
"""


def test_it_loads_with_another_heap(loader, pair, tmp_path):
    (tmp_path / "heap.c").write_text(OTHER_HEAP)
    subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-w", "-o", tmp_path / "heap.so", tmp_path / "heap.c"],
                   check=True)
    pair.both("CREATE TABLE t (a int PRIMARY KEY)")
    pair.src("INSERT INTO t SELECT generate_series(1, 1000)")
    result = pair.load(env={"LD_PRELOAD": str(tmp_path / "heap.so")})
    assert result.status == 0, result
    assert pair.differences() == []


# --- users without rights of their own ---


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_ordinary_user_loads_and_nobody_of_the_same_user_looks_in(loader, lab):
    """Not being dumpable must not keep the loader from starting its holder through /proc/self/exe."""
    login = Login(lab, "scram-sha-256")
    program = lab.dir / "sluice"
    who = {"user": lab.user.pw_uid, "group": lab.user.pw_gid, "extra_groups": [], "cwd": lab.dir}
    gate = login.pair.destination.connect(login.pair.destination_db)
    try:
        shutil.copy(sluice.SLUICE, program)
        with gate.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", (GATE,))
        command = [program, "load", *by_string(login, None)[0], "--progress", "none"]
        load = subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                env=sluice.load_env({"HOME": str(lab.dir)}), **who)
        output = []
        reader = threading.Thread(target=lambda: output.append(load.stdout.read()))
        reader.start()
        wait_until(lambda: any(r["wait_event"] == "advisory" for r in login.pair.destination.backends("sluice/%"))
                   or load.poll() is not None, "a load that waits at the gate")
        looks = {(name, pid): subprocess.run(["cat", f"/proc/{pid}/{name}"], capture_output=True, check=False, **who)
                 for pid in (load.pid, *(p.pid for p in sluice.holders(lab.ports())))
                 for name in ("environ", "maps", "mem")}
        gate.close()
        status = load.wait(60)
        reader.join(30)
        assert status == 0, output
        assert len(looks) >= 6
        assert {look.returncode for look in looks.values()} == {1}
        assert all(b"Permission denied" in look.stderr for look in looks.values()), looks
        assert login.pair.differences() == []
    finally:
        gate.close()
        program.unlink(missing_ok=True)
        login.close()


# --- the tools themselves: blind ones would find nothing, too ---


@needs_ptrace
@pytest.mark.parametrize("shown", [
    lambda s: s, lambda s: s[:8], lambda s: s[-8:], lambda s: quote(s, safe=""),
], ids=["whole", "beginning", "end", "URL-encoded"])
def test_a_scan_finds_a_secret_in_memory(shown):
    secret = new_password()
    ended = memory_scan.run(["/bin/true"], {"it": secret}, {"SHOWN": shown(secret)})
    assert ended.status == 0 and ended.found.names() == {"it"}, ended
    assert any(hit.region == "[stack]" for hit in ended.found.hits)
    assert memory_scan.run(["/bin/true"], {"it": secret}, {"SHOWN": secret[:7]}).found.hits == []


@needs_ptrace
def test_a_process_that_runs_is_scanned_and_goes_on():
    secret = new_password()
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE,
                             env={"SHOWN": secret})
    try:
        assert memory_scan.scan(child.pid, {"it": secret}).names() == {"it"}
        assert memory_scan.scan(child.pid, {"it": new_password()}).hits == []
    finally:
        child.stdin.close()
        assert child.wait(30) == 0


def test_grep_finds_every_form(tmp_path, capsys, monkeypatch):
    import base64

    monkeypatch.setattr(secret_grep, "STEP", 4 * secret_grep.OVERLAP)
    secret = new_password()
    (tmp_path / "secrets").write_text(f"# a comment\n\npw\t{secret}\n")
    files = tmp_path / "files" / "below"
    files.mkdir(parents=True)
    (files / "clean").write_text(secret[:7] + " " + secret[9:16])

    def grep(*more):
        return secret_grep.main(["--secrets", str(tmp_path / "secrets"), *more, str(tmp_path / "files")])

    assert grep() == 0
    forms = [secret.encode(), quote(secret, safe="").encode(), secret.encode("utf-16-le"), secret[8:].encode(),
             *(base64.b64encode(b"user:"[:n] + secret.encode() + b"!") for n in range(4))]
    for form in forms:
        (files / "dirty").write_bytes(b"\0" * (secret_grep.STEP - 5) + form + b"\n")
        assert grep() == 1, form
        assert grep("--except", str(files / "dirty")) == 0
    out = capsys.readouterr().out
    assert "dirty" in out and secret not in out
    (files / "dirty").write_text(secret[8:])
    assert grep("--whole") == 0
    assert secret_grep.main(["--secrets", str(tmp_path / "secrets"), str(tmp_path / "nowhere")]) == 2
    (tmp_path / "secrets").write_text("short\n")
    assert grep() == 2
