"""Fixtures with AWS: clusters that take IAM tokens, and a stand-in that starts each test clean.

    lab            source and destination with `lab.aws`, the stand-in; once a run
    aws            the stand-in, without faults, denials, skew and log; likewise afterwards
    iam            skips the test where there can be no logins by IAM token
    aws_pair       two databases, a secret for the source's role, a role with rds_iam on the destination
    used_secrets   remembers every secret that a test works with; when the suite ends, everything that
                   loads printed, wrote into ledgers, or made servers log is searched for all of them
"""

import contextlib
import itertools
import json
import os
from pathlib import Path

import pytest

from support import aws_roles, secret_grep, sluice
from support.aws_standin import StandinError
from support.lab import Lab
from support.pair import Pair

USED_SECRETS = Path(os.environ.get("SLUICE_USED_SECRETS", sluice.REPO / "build" / "used-secrets"))

_numbers = itertools.count(1)


def pytest_configure(config):
    if not hasattr(config, "workerinput"):  # with xdist the workers share the file
        USED_SECRETS.unlink(missing_ok=True)
    for name in [n for n in os.environ if n.startswith("AWS_")]:
        del os.environ[name]  # nobody's own AWS has a part in these tests


class UsedSecrets:
    """A file with a line NAME<tab>SECRET for each: what secret_grep takes."""

    def __init__(self, path):
        self.path = path
        self.known = set()
        self.all = []  # (name, secret)

    def add(self, name, secret):
        """Remembers a secret and gives it back."""
        if secret and secret not in self.known:
            self.known.add(secret)
            self.all.append((name, secret))
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with open(handle, "a", encoding="utf-8") as file:
                file.write(f"{name}\t{secret}\n")
        return secret

    def add_call(self, name, arguments, answer):
        """What one call of the stand-in's control path tells or is told of secrets."""
        if name in ("add_user", "add_session", "keys_of"):
            self.add("secret access key", answer["secret_access_key"])
            self.add("session token", answer["session_token"])
        if name in ("put_secret", "rotate") and arguments["value"] is not None:
            self.add("secret", password_in(arguments["value"]))
        if name == "encrypt":
            self.add("password under KMS", arguments["plain"].decode("utf-8", "backslashreplace"))
        if name == "web_identity_token":
            self.add("web identity token", answer)

    def listen(self, aws):
        """From now on remembers what passes through the stand-in's control path."""
        control = aws._control

        def listening(name, /, **arguments):
            answer = control(name, **arguments)
            self.add_call(name, arguments, answer)
            return answer

        aws._control = listening
        self.add("container token", aws.container_token)


def password_in(value):
    """Of a secret's value: its password, else all of it."""
    text = value if isinstance(value, str) else value.decode("utf-8", "backslashreplace")
    try:
        return str(json.loads(text)["password"])
    except (ValueError, KeyError, TypeError):
        return text


def keep(name, text):
    """Something that was written, to be searched at the end."""
    (Path(os.environ[sluice.KEPT_OUTPUT]) / name).write_text(text, encoding="utf-8")


LEDGER = """
SELECT coalesce(string_agg(query_to_xml(format('SELECT * FROM %I.%I', schemaname, tablename), true, true, '')::text, ''), '')
  FROM pg_tables WHERE schemaname = 'sluice'
"""


class AwsPair(Pair):
    """A pair whose loader knows no password: a secret for the source, a token for the destination."""

    def __init__(self, lab, used_secrets):
        super().__init__(lab)
        number = next(_numbers)
        self.aws = lab.aws
        self.used_secrets = used_secrets
        self.user = f"loader-{number}"
        self.secret = f"test/shop/reader-{number}"
        self.source_role, self.destination_role = f"reader_{number}", f"loader_{number}"
        self.password, self.secret_arn, self.key = aws_roles.make_reader(
            lab, self.source_db, self.source_role, self.secret)
        self.roles.append((self.source, self.source_role))
        aws_roles.make_writer(lab, self.destination_db, self.destination_role)
        self.roles.append((self.destination, self.destination_role))
        self.aws.add_user(self.user)

    def secret_value(self, **more):
        """What the secret would say of the password that the source's role has now."""
        return {**aws_roles.secret_value(self.source, self.source_db, self.source_role, self.password),
                **more}

    def new_password(self):
        """The source's role gets another password; the secret keeps the old one until it is rotated."""
        self.password = self.used_secrets.add("source password",
                                              self.source.set_password(self.source_role))
        return self.password

    # --- the loader ---

    def env(self, **more):
        """The variables of this pair's AWS user."""
        return dict(self.lab.aws_env(self.user), **more)

    def source_args(self):
        return aws_roles.source_options(self.lab, self.secret)

    def destination_args(self):
        return aws_roles.destination_options(self.lab, self.destination_db, self.destination_role)

    def args(self, *args):
        return (*self.source_args(), *self.destination_args(), *args)

    def load(self, *args, timeout=120, env=None):
        return sluice.run_load(*self.args(*args), timeout=timeout, env=self.env(**(env or {})))

    def start(self, *args, env=None):
        return sluice.start_load(*self.args(*args), env=self.env(**(env or {})))

    def close(self):
        if self.destination.running():
            keep(f"ledger-{self.destination_db}", self.dst(LEDGER))
        super().close()


# --- fixtures ---


@pytest.fixture(scope="session")
def used_secrets(tmp_path_factory):
    USED_SECRETS.parent.mkdir(parents=True, exist_ok=True)
    os.environ[sluice.KEPT_OUTPUT] = str(tmp_path_factory.mktemp("printed"))
    yield UsedSecrets(USED_SECRETS)
    del os.environ[sluice.KEPT_OUTPUT]


def assert_nothing_shows(lab, used):
    """A servers' log, a ledger or a message with a secret in it fails the suite."""
    logs = [cluster.log for cluster in lab.clusters.values()]
    kept = Path(os.environ[sluice.KEPT_OUTPUT])
    assert used.known and any(kept.iterdir()), "there is nothing to search, or nothing to search for"
    secrets = {f"{number}: {name}": text for number, (name, text) in enumerate(used.all) if len(text) >= 8}
    hits, files = secret_grep.grep([kept, *logs], secrets)
    assert not hits, f"secrets show: {[(str(h[0]), *h[1:]) for h in hits]}"
    assert files > len(logs)


@pytest.fixture(scope="session")
def lab(used_secrets):
    """The shared clusters with their AWS side, in place of those without."""
    pytest.importorskip("botocore", reason="the AWS stand-in needs python3-botocore")
    with Lab(aws=True) as started:
        used_secrets.add("superuser password", started.password)
        used_secrets.listen(started.aws)
        yield started
        sluice.end_leftovers(started.ports())
        assert_nothing_shows(started, used_secrets)
        assert started.aws.log_tail() == "", "the stand-in complained"


@pytest.fixture
def aws(lab):
    lab.aws.reset()
    lab.aws.clear_log()
    yield lab.aws
    lab.aws.reset()
    for key in {entry.get("access_key_id") for entry in lab.aws.log()} - {None}:
        with contextlib.suppress(StandinError):  # a key that nobody has
            lab.aws.keys(key)  # for used_secrets: what a role's session had
    lab.aws.clear_log()


@pytest.fixture
def iam(lab):
    if lab.no_iam:
        pytest.skip(f"no logins by IAM token: {lab.no_iam}")


@pytest.fixture
def aws_pair(lab, aws, used_secrets):
    made = AwsPair(lab, used_secrets)
    yield made
    made.close()
