"""`sluice check` and AWS: what is refused there, how it is said, and that no secret is in it."""

import json
import re

import pytest

from support.sluice import run_load

pytestmark = pytest.mark.usefixtures("loader")
ROLE = "arn:aws:iam::111122223333:role/check-reader"


class Checked:
    """One run with --json; whatever it said holds none of the secrets."""

    def __init__(self, pair, *args, env=None):
        self.result = run_load(*args, "--json", env=env or pair.env(), subcommand="check")
        self.said = json.loads(self.result.out)
        self.all = self.said["findings"]
        keys = pair.aws.keys(pair.user)
        for secret in (pair.password, keys.secret_access_key, keys.session_token):
            assert secret is None or secret not in self.result.text
        assert "X-Amz-Signature" not in self.result.text
        assert all((f["fix"] is None) == (f["level"] == "ok") for f in self.all)

    def of(self, side, name):
        return [f for f in self.all if (f["side"], f["check"]) == (side, name)]

    def one(self, side, name):
        found = self.of(side, name)
        assert len(found) == 1, (side, name, self.result)
        return found[0]

    def at(self, level):
        return [(f["side"], f["check"]) for f in self.all if f["level"] == level]


@pytest.fixture
def pair(aws_pair):
    aws_pair.both("CREATE TABLE t (id int PRIMARY KEY)")
    return aws_pair


def check(pair, *more, env=None):
    return Checked(pair, *pair.args(*more), env=env)


def statement(action):
    return f'{{"Effect":"Allow","Action":"{action}","Resource":"'


NOT_TRIED = [("source", "login"), ("tables", "tables")]


# --- all is well ---


def test_everything_is_fine(pair):
    found = check(pair)
    assert found.result.status == 0, found.result
    assert found.at("blocker") == found.at("warning") == []
    who = found.one("aws", "identity")["text"]
    assert f"user/{pair.user}" in who and "the environment" in who and "do not expire" in who
    assert "username, password, host, port, dbname; rotation is off" in found.one(
        "aws", "source-secret")["text"]
    assert found.one("aws", "source-key")["text"] == f"{pair.key}, enabled"
    assert "shop-source (aurora-postgresql, not Limitless), available" in found.one(
        "aws", "source-database")["text"]
    assert "by the secret's password" in found.one("source", "login")["text"]


def test_a_token_login(pair, iam):
    found = check(pair)
    assert found.result.status == 0
    assert found.one("aws", "destination-iam")["level"] == "ok"
    assert "by IAM token" in found.one("destination", "login")["text"]


def test_text_fits(pair, aws):
    aws.deny("secretsmanager:GetSecretValue")
    result = run_load(*pair.args(), env=pair.env(), subcommand="check")
    assert result.status == 3
    lines = result.out.splitlines()
    assert lines[0] == "AWS"
    for line in lines:  # a statement or an ARN is one word, to be copied as it is
        before, _, word = line.rpartition(" ")
        assert len(line) <= 100 or (len(before) < 40 and re.match('{"Effect"|arn:', word)), line
    assert "           fix: allow it with" in lines
    assert lines[-1].endswith("; a load would not start")
    assert pair.password not in result.text


def test_nothing_of_aws_is_asked_unless_wanted(pair, aws):
    found = Checked(pair, "--source", pair.source_dsn, "--destination", pair.destination_dsn)
    assert found.result.status == 0
    assert not any(f["side"] == "aws" for f in found.all)
    assert aws.log() == []


# --- the secret ---


def test_the_secret_is_denied(pair, aws):
    aws.deny("secretsmanager:GetSecretValue")
    found = check(pair)
    assert found.result.status == 3
    assert found.at("blocker") == [("aws", "source-secret")]
    assert statement("secretsmanager:GetSecretValue") in found.one("aws", "source-secret")["fix"]
    assert found.at("warning") == NOT_TRIED
    assert found.one("destination", "login")["level"] == "ok"


def test_only_the_description_is_denied(pair, aws):
    aws.deny("secretsmanager:DescribeSecret")
    found = check(pair)
    assert found.result.status == 0
    assert found.at("warning") == [("aws", "source-secret")]
    assert statement("secretsmanager:DescribeSecret") in found.of("aws", "source-secret")[0]["fix"]
    assert "rotation" not in found.of("aws", "source-secret")[1]["text"]


def test_the_secret_is_deleted(pair, aws):
    aws.delete_secret(pair.secret_arn)
    try:
        found = check(pair)
    finally:
        aws.restore_secret(pair.secret_arn)
    assert found.result.status == 3
    assert found.at("blocker") == [("aws", "source-secret")]
    assert found.one("aws", "source-secret")["fix"] == (
        f"aws secretsmanager restore-secret --secret-id {pair.secret_arn}")


def test_there_is_no_such_secret(pair):
    found = Checked(pair, "--source-secret", "no/such/secret", "--source", "hostaddr=127.0.0.1",
                    *pair.destination_args())
    assert found.result.status == 2
    assert found.at("blocker") == [("aws", "source-secret")]
    assert "the Region" in found.one("aws", "source-secret")["fix"]


def test_the_secret_holds_no_password(pair, aws):
    aws.rotate(pair.secret_arn, {"username": "x", "passwort": pair.password})
    found = check(pair)
    assert found.result.status == 2
    assert 'has no "password"' in found.one("aws", "source-secret")["text"]


def test_the_password_in_the_secret_is_wrong(pair):
    old = pair.password
    pair.new_password()
    found = check(pair)
    assert found.result.status == 3
    assert found.at("blocker") == [("source", "login")]
    login = found.one("source", "login")
    assert "password authentication failed" in login["text"]
    assert "put the role's password into the secret" in login["fix"]
    assert found.one("aws", "source-secret")["level"] == "ok"
    assert found.one("destination", "login")["level"] == "ok"
    assert old not in found.result.text


# --- keys ---


def test_the_key_is_disabled(pair, aws):
    aws.disable_key(pair.key)
    try:
        found = check(pair)
    finally:
        aws.enable_key(pair.key)
    assert found.result.status == 3
    assert found.at("blocker") == [("aws", "source-key")]
    assert "Disabled" in found.one("aws", "source-key")["text"]
    assert found.one("aws", "source-key")["fix"] == f"aws kms enable-key --key-id {pair.key}"


def test_the_key_is_to_be_deleted(pair, aws):
    aws.schedule_key_deletion(pair.key)
    try:
        found = check(pair)
    finally:
        aws.enable_key(pair.key)
    assert found.at("blocker") == [("aws", "source-key")]
    assert found.one("aws", "source-key")["fix"].startswith("aws kms cancel-key-deletion")


def test_the_key_may_not_be_used(pair, aws):
    aws.deny("kms:Decrypt")
    found = check(pair)
    assert found.result.status == 3
    assert statement("kms:Decrypt") + pair.key in found.one("aws", "source-secret")["fix"]


def test_the_key_may_not_be_described(pair, aws):
    aws.deny("kms:DescribeKey")
    found = check(pair)
    assert found.result.status == 0 and found.at("warning") == [("aws", "source-key")]
    assert statement("kms:DescribeKey") in found.one("aws", "source-key")["fix"]


def with_password_file(pair, tmp_path, *more):
    file = tmp_path / "password.kms"
    file.write_bytes(pair.aws.encrypt(pair.key, pair.password.encode(), {"app": "shop"}))
    return Checked(pair, "--source", pair.source.aws_dsn(pair.source_db, pair.source_role),
                   "--source-ca", str(pair.lab.ca), "--source-password-kms", str(file), *more,
                   *pair.destination_args())


def test_a_password_under_kms(pair, tmp_path):
    found = with_password_file(pair, tmp_path, "--kms-context", "app=shop")
    assert found.result.status == 0, found.result
    assert found.one("aws", "source-password")["level"] == "ok"
    assert "decrypted with KMS" in found.one("source", "login")["text"]


def test_a_password_under_kms_with_another_context(pair, tmp_path):
    found = with_password_file(pair, tmp_path)
    assert found.result.status == 2 and found.at("blocker") == [("aws", "source-password")]
    assert found.at("warning") == NOT_TRIED


def test_a_password_under_a_key_that_may_not_be_used(pair, tmp_path, aws):
    aws.deny("kms:Decrypt")
    found = with_password_file(pair, tmp_path, "--kms-context", "app=shop")
    assert found.result.status == 3 and found.at("blocker") == [("aws", "source-password")]
    assert statement("kms:Decrypt") in found.one("aws", "source-password")["fix"]


# --- the database ---


def test_iam_is_off_on_the_cluster(pair, aws, iam):
    cluster = pair.destination.aws_id
    aws.set_database(cluster, iam=False)
    try:
        found = check(pair)
    finally:
        aws.set_database(cluster, iam=True)
    assert found.result.status == 3
    assert found.at("blocker")[0] == ("aws", "destination-iam")
    fix = found.one("aws", "destination-iam")["fix"]
    assert f"modify-db-cluster --db-cluster-identifier {cluster}" in fix
    assert "--destination-iam" in fix


def test_the_policy_does_not_let_in(pair, aws, iam):
    aws.deny("rds-db:connect")
    found = check(pair)
    assert found.result.status == 3
    assert found.at("blocker") == [("destination", "login")]
    assert statement("rds-db:connect") in found.one("destination", "login")["fix"]
    assert found.one("aws", "destination-iam")["level"] == "ok"


def test_the_cluster_is_stopped(pair, aws):
    cluster = pair.source.aws_id
    aws.set_database(cluster, status="stopped")
    try:
        found = check(pair)
    finally:
        aws.set_database(cluster, status="available")
    assert found.at("warning") == [("aws", "source-database")]
    assert "start-db-cluster" in found.one("aws", "source-database")["fix"]


def test_a_limitless_cluster(pair, aws):
    cluster = pair.source.aws_id
    aws.set_database(cluster, limitless=True)
    try:
        found = check(pair)
    finally:
        aws.set_database(cluster, limitless=False)
    assert ", Limitless)" in found.one("aws", "source-database")["text"]


def by_name(pair, cluster):
    words = f"rds:{cluster}/{pair.source_db} user={pair.source_role} hostaddr=127.0.0.1"
    return Checked(pair, "--source", f"{words} passfile={pair.lab.passfile}", "--source-ca",
                   str(pair.lab.ca), *pair.destination_args())


def test_a_cluster_by_its_name(pair):
    found = by_name(pair, pair.source.aws_id)
    assert found.result.status == 0, found.result
    assert found.one("aws", "source-database")["level"] == "ok"


def test_a_cluster_that_is_not_there(pair):
    found = by_name(pair, "no-such-cluster")
    assert found.result.status == 2
    assert found.at("blocker") == [("aws", "source-database")]


def test_rds_may_not_be_asked(pair, aws):
    """A load does that for an rds: name only."""
    aws.deny("rds:*")
    found = check(pair)
    assert found.result.status == 0
    assert set(found.at("warning")) <= {("aws", "source-database"), ("aws", "destination-database")}
    assert statement("rds:DescribeDBClusters") in found.one("aws", "source-database")["fix"]
    found = by_name(pair, pair.source.aws_id)
    assert found.result.status == 3
    assert found.at("blocker") == [("aws", "source-database")]


# --- identity, roles, clock ---


def test_no_credentials(pair, aws):
    found = check(pair, env=aws.base_env())
    assert found.result.status == 3
    assert found.at("blocker") == [("aws", "identity")]
    assert "--aws-profile" in found.one("aws", "identity")["fix"]


def test_a_wrong_secret_key(pair):
    found = check(pair, env=pair.env(AWS_SECRET_ACCESS_KEY="wrong" * 8))
    assert found.result.status == 3 and found.at("blocker") == [("aws", "identity")]
    assert "wrongwrong" not in found.result.text


def test_a_profile_that_is_not_there(pair):
    found = check(pair, "--aws-profile", "nobody")
    assert found.result.status == 2 and found.at("blocker") == [("aws", "settings")]
    assert "nobody" in found.one("aws", "settings")["text"]


def test_keys_that_nobody_renews(pair, aws):
    name = f"pasted-{pair.user}"
    aws.add_session(name, of=pair.user)
    found = check(pair, env=aws.env(name))
    assert found.result.status == 0
    assert found.at("warning") == [("aws", "identity")]
    assert aws.keys(name).session_token not in found.result.text


def test_the_role_cannot_be_assumed(pair, aws):
    aws.add_role(ROLE, trust=["arn:aws:iam::111122223333:user/somebody-else"])
    try:
        found = check(pair, "--source-role-arn", ROLE)
    finally:
        aws.remove_role(ROLE)
    assert found.result.status == 3
    assert found.at("blocker") == [("aws", "source-role")]
    fix = found.one("aws", "source-role")["fix"]
    assert statement("sts:AssumeRole") in fix and "trust policy" in fix
    assert found.at("warning") == NOT_TRIED
    assert found.one("destination", "login")["level"] == "ok"


def test_the_role_can_be_assumed(pair, aws):
    aws.add_role(ROLE)
    try:
        found = check(pair, "--source-role-arn", ROLE)
    finally:
        aws.remove_role(ROLE)
    assert found.result.status == 0, found.result
    assert re.search(r"can be assumed; they end in \d", found.one("aws", "source-role")["text"])


@pytest.mark.parametrize("skew, word", [(1800, "behind"), (-1800, "ahead of")])
def test_the_clock_is_off(pair, aws, skew, word):
    aws.skew(skew)
    found = check(pair)
    assert found.result.status == 0, found.result
    assert found.at("warning") == [("aws", "clock")]
    assert word in found.one("aws", "clock")["text"] and "NTP" in found.one("aws", "clock")["fix"]


def test_aws_is_not_reached(pair, aws):
    aws.fault("GetSecretValue", drop=True)
    found = check(pair)
    assert found.result.status == 4
    assert found.at("blocker") == [("aws", "source-secret")]
    assert "HTTPS_PROXY" in found.one("aws", "source-secret")["fix"]
