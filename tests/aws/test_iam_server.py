"""The lab's servers take an IAM token as RDS does, and nothing else. No code of ours is under test.

Tokens are botocore's. For each refusal the stand-in's log has the reason, so that a login does not
fail for another one than it should.
"""

import http.server
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from support import iam_login, pam_services
from support.pam_services import SCRIPT, PamServices

MINUTE = 60

_numbers = itertools.count(1)


class Login:
    """A role on the destination that logs in by token, and a user of AWS who may make one."""

    def __init__(self, lab):
        number = next(_numbers)
        self.lab = lab
        self.aws = lab.aws
        self.cluster = lab.destination
        self.role, self.user = f"iam_{number}", f"user-{number}"
        self.cluster.iam_role(self.role)
        self.aws.add_user(self.user)
        self.env = lab.aws_env(self.user)

    def token(self, env=None, user=None, **how):
        return iam_login.token(env or self.env, self.cluster, user or self.role, **how)

    def checks(self):
        """What the stand-in decided so far, in its order."""
        return [entry for entry in self.aws.log() if entry["service"] == "rds-db"]

    def session(self, ttl_s=3600):
        """The variables of temporary keys of the same user."""
        name = f"session-{next(_numbers)}"
        self.aws.add_session(name, self.user, ttl_s)
        return self.lab.aws_env(name)

    def assert_in(self, token, **more):
        assert iam_login.who_is_in(self.cluster, self.role, token, **more) == (self.role, True)
        last = self.checks()[-1]
        assert (last["ok"], last["user"]) == (True, self.role), last

    def assert_refused(self, token, why):
        before = len(self.checks())
        said = iam_login.refusal(self.cluster, self.role, token)
        assert said is not None and "PAM authentication failed" in said, said
        checks = self.checks()
        assert len(checks) == before + 1
        assert checks[-1]["ok"] is False and why in checks[-1]["why"], checks[-1]


@pytest.fixture
def login(lab, aws, iam):
    made = Login(lab)
    yield made
    made.cluster.drop_role(made.role)


# --- let in ---


def test_long_term_keys(login):
    token = login.token()
    assert len(token) < 511, "pam_exec would do for this one"
    login.assert_in(token)


def test_session_keys(login):
    token = login.token(login.session())
    assert len(token) > 1000, "pam_exec would cut it"
    login.assert_in(token)


def test_the_same_token_again(login):
    token = login.token()
    login.assert_in(token)
    login.assert_in(token)


def test_fourteen_minutes_old(login):
    login.assert_in(login.token(age_s=14 * MINUTE))


def test_by_the_short_cut_of_botocore(login):
    """generate_db_auth_token, as a script of somebody else's would call it."""
    import botocore.session

    client = botocore.session.Session().create_client(
        "rds", region_name=iam_login.REGION, aws_access_key_id=login.env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=login.env["AWS_SECRET_ACCESS_KEY"])
    login.assert_in(client.generate_db_auth_token(login.cluster.aws_host, login.cluster.port, login.role))


# --- refused ---


@pytest.mark.parametrize("why,how", [
    ("expired", {"age_s": 16 * MINUTE}),
    ("expired", {"age_s": 24 * 60 * MINUTE}),
    ("not yet current", {"age_s": -10 * MINUTE}),
    ("for user", {"user": "somebody_else"}),
    ("for user", {"user": "LOADER"}),
    ("for host", {"host": "shop-other.cluster-lab0other.us-east-1.rds.amazonaws.com"}),
    ("for host", {"host": "127.0.0.1"}),
    ("for port", {"port": 5432}),
    ("for Region", {"region": "us-east-2"}),
    ("X-Amz-Expires", {"expires_s": 3600}),
], ids=["16 minutes old", "a day old", "of the future", "other user", "case of the user", "other host",
        "address for host", "other port", "other Region", "life of an hour"])
def test_refused(login, why, how):
    login.assert_refused(login.token(**how), why)


def test_wrong_secret(login):
    env = dict(login.env, AWS_SECRET_ACCESS_KEY=login.env["AWS_SECRET_ACCESS_KEY"][:-1] + "x")
    login.assert_refused(login.token(env), "signature")


def test_unknown_key(login):
    env = dict(login.env, AWS_ACCESS_KEY_ID="AKIAIOSFODNN7NOBODY1")
    login.assert_refused(login.token(env), "security token")


def test_last_digit_changed(login):
    token = login.token()
    login.assert_refused(token[:-1] + ("1" if token[-1] == "0" else "0"), "signature")


def test_cut_off(login):
    """What pam_exec would make of it."""
    token = login.token(login.session())
    login.assert_refused(token[:511], "token")


def test_expired_session(login):
    env = login.session(ttl_s=10 * MINUTE)
    login.assert_in(login.token(env))
    login.aws.skew(11 * MINUTE)
    login.assert_refused(login.token(env), "expired")


def test_session_without_its_token(login):
    env = {k: v for k, v in login.session().items() if k != "AWS_SESSION_TOKEN"}
    login.assert_refused(login.token(env), "security token")


def test_denied_by_policy(login):
    login.aws.deny("rds-db:connect")
    login.assert_refused(login.token(), "may not rds-db:connect")


def test_token_of_the_other_cluster(login):
    other = login.lab.source
    login.assert_refused(login.token(host=other.aws_host, port=other.port), "for host")


def test_a_password_in_place_of_a_token(login):
    """Also the right one: with rds_iam a password is worth nothing."""
    login.cluster.query("postgres", f"ALTER ROLE {login.role} PASSWORD 'a good one'")
    login.assert_refused("a good one", "not a token")


def test_plain_tcp(login):
    before = len(login.checks())
    said = iam_login.refusal(login.cluster, login.role, login.token(), sslmode="disable", sslrootcert=None)
    assert said is not None and "no encryption" in said
    assert len(login.checks()) == before, "nobody asked for the token"


def test_who_has_no_rds_iam_logs_in_by_password(login):
    assert login.cluster.query("postgres", "SELECT 1") == [(1,)]
    before = len(login.checks())
    said = iam_login.refusal(login.cluster, "postgres", login.token(user="postgres"))
    assert said is not None and "password authentication failed" in said
    assert len(login.checks()) == before


# --- where the token goes on its way ---


def scripts_of(service):
    """The command lines and environments of the checks that run for this PAM service."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{entry}/cmdline").read_bytes()
            env = Path(f"/proc/{entry}/environ").read_bytes()
        except OSError:
            continue  # it went meanwhile
        if b"pam_script_auth" in words and f"PAM_SERVICE={service}".encode() in env.split(b"\0"):
            found.append((words, env))
    return found


def test_the_token_stands_on_no_command_line(login):
    token = login.token(login.session())
    service = login.lab.pam.name(login.cluster.name)
    outcome = []
    there = threading.Thread(
        target=lambda: outcome.append(iam_login.refusal(login.cluster, login.role, token)))
    os.kill(login.aws.pid, signal.SIGSTOP)  # the check stands still while we look
    try:
        there.start()
        deadline = time.monotonic() + 20
        while not scripts_of(service) and time.monotonic() < deadline:
            time.sleep(0.01)
        seen = scripts_of(service)
    finally:
        os.kill(login.aws.pid, signal.SIGCONT)
        there.join()
    assert len(seen) == 1 and token.encode() in seen[0][1], "we look at the right process"
    assert b"X-Amz-" not in seen[0][0]
    assert outcome == [None]


def test_the_servers_log_has_no_token(login):
    token = login.token()
    login.assert_in(token)
    login.assert_refused(token[:-1], "")
    text = login.cluster.log.read_text(errors="replace")
    assert "pam_authenticate failed" in text
    assert "X-Amz-" not in text and login.env["AWS_ACCESS_KEY_ID"] not in text


# --- the script that PAM runs ---


@pytest.mark.parametrize("size", [345, 511, 512, 2500, 8000])
def test_a_token_of_any_size_arrives_whole(login, replying, size):
    """Through the server, PAM and the script; who decides here only keeps what it is asked."""
    lab, name = login.lab, login.cluster.name
    token = "t" * (size - 1) + "."
    replying.reply = OK + YES
    try:
        lab.pam.add(name, {"port": replying.server_port, "path": "/", "headers": {}, "question": {}})
        assert iam_login.who_is_in(login.cluster, login.role, token) == (login.role, True)
        replying.reply = OK + NO
        assert iam_login.refusal(login.cluster, login.role, token) is not None
    finally:
        lab.pam.add(name, lab.iam_check(login.cluster))
    assert [asked["token"] for _, _, asked in replying.asked] == [token, token]


class Replies(http.server.BaseHTTPRequestHandler):
    """Answers with what the test wants, byte for byte, and keeps what came."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, self.headers["X-Key"], asked))
        self.wfile.write(self.server.reply)

    def log_message(self, *args):
        pass


@pytest.fixture
def replying():
    server = http.server.HTTPServer(("127.0.0.1", 0), Replies)
    server.asked, server.reply = [], b""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def run_script(directory, port, token="a token", service="a-service"):
    script = directory / "pam_script_auth"
    script.write_bytes(SCRIPT.read_bytes())
    known = {"port": port, "path": "/check", "headers": {"X-Key": "k"}, "question": {"cluster": "c"}}
    (directory / "a-service.json").write_text(json.dumps(known), encoding="utf-8")
    env = {"PAM_SERVICE": service, "PAM_USER": "u", "PAM_AUTHTOK": token}
    return subprocess.run([sys.executable, "-I", "-S", script], env=env, capture_output=True,
                          check=False, timeout=60)


OK = b"HTTP/1.1 200 OK\r\n\r\n"
NO = b'{"answer": {"ok": false, "why": "expired"}}'
YES = b'{"answer": {"ok": true, "why": ""}}'


@pytest.mark.parametrize("reply,status", [
    (OK + YES, 0),
    (OK + NO, 1),
    (OK + b'{"answer": {"ok": 1}}', 1),
    (OK + b'{"answer": {"ok": "true"}}', 1),
    (OK + b'{"answer": true}', 1),
    (OK + b'{"ok": true}', 1),
    (OK + b"[true]", 1),
    (OK + YES[:-1], 1),
    (OK, 1),
    (b"HTTP/1.1 403 Forbidden\r\n\r\n" + YES, 1),
    (b"HTTP/1.1 500 Oops\r\n\r\n" + YES, 1),
    (b"HTTP/1.1 200 OK\r\n" + YES, 1),
    (b"", 1),
])
def test_only_a_clear_yes_counts(tmp_path, replying, reply, status):
    replying.reply = reply
    done = run_script(tmp_path, replying.server_port)
    assert (done.returncode, done.stdout, done.stderr) == (status, b"", b"")
    assert replying.asked == [("/check", "k", {"cluster": "c", "user": "u", "token": "a token"})]


@pytest.mark.parametrize("how", [
    {"token": ""}, {"service": "./a-service"}, {"service": "another"}, {"port": 1},
], ids=["no token", "a path for a service", "unknown service", "nobody listens"])
def test_no_answer_is_no(tmp_path, replying, how):
    replying.reply = OK + YES
    done = run_script(tmp_path, **{"port": replying.server_port, **how})
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")
    assert replying.asked == []


# --- what a lab leaves in /etc/pam.d ---


def test_services_of_dead_labs_are_removed(iam, tmp_path_factory):
    """Of three services the one whose maker and servers are gone goes."""
    made = []
    for name in ("dead", "alive", "served"):
        directory = tmp_path_factory.mktemp(f"sluice-lab-{name}-{os.getpid()}")
        made.append(PamServices(directory, os.getgid()))
        made[-1].add("source", {})
    dead, alive, served = made
    try:
        assert all(len(services.names()) == 1 for services in made)
        (served.lab_dir / "source").mkdir()
        (served.lab_dir / "source" / "postmaster.pid").write_text(f"{os.getpid()}\n")
        for services in (dead, served):
            path = pam_services.PAM_D / services.name("source")
            ours = f"process {os.getpid()} started at "
            path.write_text(path.read_text().replace(ours, ours + "1"))  # a process of another time
        pam_services.remove_stale()
        assert dead.names() == []
        assert len(alive.names()) == len(served.names()) == 1
    finally:
        for services in made:
            services.close()
            assert services.names() == [] and not services.dir.exists()


def test_without_root_there_is_a_reason(lab):
    """As another user the lab says why there are no such logins, and has everything else."""
    if os.geteuid() != 0:
        pytest.skip("only root can try as another user")
    asked = ("import sys; sys.path.insert(0, sys.argv[1]);"
             "from support import pam_services; print(pam_services.why_not(sys.argv[2]))")
    tests = Path(__file__).resolve().parent.parent
    if subprocess.run(["test", "-r", tests / "support" / "lab.py"], user="nobody", check=False).returncode:
        pytest.skip("this clone is not readable for another user")
    done = subprocess.run([sys.executable, "-B", "-c", asked, tests, lab.bindir], user="nobody",
                          group="nogroup", extra_groups=[], capture_output=True, text=True, check=False)
    assert "root" in done.stdout, done
