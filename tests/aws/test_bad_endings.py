"""Everything that can be wrong with credentials and AWS: each ends within its time, in the documented
exit status, with a sentence that says what to do."""

import re
import signal
import socket
import time

import pytest

from support import aws_site, sluice
from support.aws_standin import AwsStandin

DONE, FAILED, USAGE, DENIED, UNREACHABLE, STOPPED = range(6)
LIMIT_S = 60


@pytest.fixture
def pair(aws_pair):
    aws_pair.both(aws_site.TABLE)
    aws_pair.src("INSERT INTO big VALUES (1, 1, 'x')")
    return aws_pair


def ends(result, status, *needles):
    assert result.status == status, result
    for needle in needles:
        assert re.search(needle, result.text), f"no {needle!r} in {result}"
    if status != DONE:
        assert "sluice: error: " in result.err, result
    assert result.seconds < LIMIT_S


# --- keys ---


def test_a_wrong_key_id(pair):
    ends(pair.load(env={"AWS_ACCESS_KEY_ID": "AKIAWRONGWRONGWRONG1"}), DENIED, "UnrecognizedClientException",
         "request [0-9a-f-]{36}", "access key")


def test_a_wrong_secret_key(pair):
    ends(pair.load(env={"AWS_SECRET_ACCESS_KEY": "wrong" * 8}), DENIED, "InvalidSignatureException", "secret")


def test_an_expired_session(pair):
    session = f"expired-{pair.source_db}"
    pair.aws.add_session(session, of=pair.user)
    pair.aws.expire(session)
    ends(sluice.run_load(*pair.args(), env=pair.aws.env(session)), DENIED, "Expired", "renew these credentials")


def test_no_credentials_at_all(pair):
    env = pair.aws.base_env()
    ends(sluice.run_load(*pair.args(), env=env), DENIED, "no AWS credentials|credentials were found", "AWS_ACCESS_KEY_ID")


@pytest.mark.parametrize("skew, word", [(900, "behind"), (-900, "ahead of")])
def test_the_clock_is_a_quarter_of_an_hour_off(pair, iam, skew, word):
    pair.aws.skew(skew)
    ends(pair.load(), DONE, rf"clock is (899|900|901) s {word} AWS's")


def test_a_clock_that_only_the_token_notices(pair, iam):
    """No AWS call is signed but the token: the refusal makes the loader look at AWS's clock."""
    pair.aws.skew(-1200)
    result = sluice.run_load("--source", pair.source_dsn, *pair.destination_args(), env=pair.env())
    ends(result, DONE, "clock is (1199|1200|1201) s ahead of AWS's")
    assert len(pair.aws.tokens_seen()) == 2


# --- permissions ---


def test_a_missing_permission_is_named(pair):
    pair.aws.deny("secretsmanager:GetSecretValue")
    ends(pair.load(), DENIED, r'"Action":"secretsmanager:GetSecretValue"', re.escape(pair.secret))


def test_the_key_behind_the_secret_may_not_be_used(pair):
    pair.aws.deny("kms:Decrypt")
    ends(pair.load(), DENIED, "kms|KMS")


def test_the_token_may_not_log_in(pair, iam):
    pair.aws.deny("rds-db:connect")
    ends(pair.load(), DENIED, r'"Action":"rds-db:connect"',
         r"arn:aws:rds-db:us-east-1:111122223333:dbuser:" + pair.destination.resource_id + "/" + pair.destination_role,
         "GRANT rds_iam TO")


def test_a_role_that_may_not_be_assumed(pair):
    role = f"arn:aws:iam::111122223333:role/closed-{pair.source_db}"
    pair.aws.add_role(role, trust=["arn:aws:iam::111122223333:user/somebody-else"])
    ends(pair.load("--destination-role-arn", role), DENIED, "sts:AssumeRole", re.escape(role), "trust")


def test_a_role_that_may_not_be_tagged(pair):
    role = f"arn:aws:iam::111122223333:role/untagged-{pair.source_db}"
    pair.aws.add_role(role, allow_tag_session=False)
    ends(pair.load("--source-role-arn", role, "--source-session-tag", "a=b"), DENIED, "sts:TagSession")


# --- secrets and keys ---


def test_a_deleted_secret(pair):
    pair.aws.delete_secret(pair.secret_arn)
    ends(pair.load(), USAGE, "InvalidRequestException", "restore-secret", re.escape(pair.secret))


def test_a_secret_that_is_not_there(pair):
    ends(pair.load("--source-secret", "no/such"), USAGE, "ResourceNotFoundException", "no/such", "Region")


def test_a_disabled_key(pair, tmp_path):
    key = pair.aws.create_key("alias/off")
    file = tmp_path / "pw"
    file.write_bytes(pair.aws.encrypt(key, pair.password.encode()))
    pair.aws.disable_key(key)
    ends(sluice.run_load("--source", pair.source.aws_dsn(pair.source_db, pair.source_role), "--source-password-kms",
                         file, *pair.destination_args(), env=pair.env()), DENIED, "DisabledException", "enable")


def test_the_wrong_password_in_every_version(pair):
    for number in (1, 2):
        pair.aws.rotate(pair.secret_arn, pair.secret_value(password=f"not-this-one-{number}"))
    pair.aws.rotate(pair.secret_arn, pair.secret_value(password="not-this-one-3"), pending=True)
    result = pair.load()
    ends(result, DENIED, "password authentication failed", "AWSCURRENT, AWSPENDING and AWSPREVIOUS")
    assert "not-this-one" not in result.text


def test_an_older_version_that_is_no_database_secret(pair):
    """It is passed over, and the refusal is that of the version in force."""
    arn = pair.aws.put_secret(f"grown/{pair.source_db}", "just text")
    pair.aws.rotate(arn, pair.secret_value(password="not-this-one-9"))
    result = pair.load("--source-secret", arn)
    ends(result, DENIED, f'password authentication failed for user "{pair.source_role}"', "AWSPREVIOUS")


@pytest.mark.parametrize("body, needle", [
    ("just-text", "not a JSON object"), ({"username": "u"}, "no \"password\""),
    ({"password": "p"}, 'no "username"'), ({"username": "", "password": "p"}, 'no "username"'),
    ({"username": "u", "password": "p", "engine": "mysql"}, "mysql"), ({"password": 7}, "password"),
    ({"password": "p", "port": "all"}, "port")])
def test_a_secret_that_is_no_database_secret(pair, body, needle):
    arn = pair.aws.put_secret(f"odd/{pair.source_db}/{abs(hash(str(body)))}", body)
    ends(pair.load("--source-secret", arn), USAGE, needle)


@pytest.mark.parametrize("content, needle", [(None, "does not exist"), (b"", "is empty"), (b"rubbish", "ciphertext"),
                                             (b"x" * 20000, "more than 16384 bytes")],
                         ids=["missing", "empty", "rubbish", "large"])
def test_a_password_file_that_is_none(pair, tmp_path, content, needle):
    file = tmp_path / "pw"
    if content is not None:
        file.write_bytes(content)
    ends(sluice.run_load("--source", pair.source.aws_dsn(pair.source_db, pair.source_role), "--source-password-kms",
                         file, *pair.destination_args(), env=pair.env()), USAGE, needle)


# --- AWS answers badly, late or not at all ---


def test_throttled_for_ten_seconds(pair):
    pair.aws.fault("GetSecretValue", seconds=10, code="ThrottlingException", status=400)
    ends(pair.load(), DONE)
    assert pair.aws.calls("GetSecretValue") > 3


def test_throttled_for_ever(pair):
    pair.aws.fault("GetSecretValue", code="ThrottlingException", status=400)
    ends(pair.load(env={"AWS_MAX_ATTEMPTS": "3"}), UNREACHABLE, "ThrottlingException", "3")


def test_two_faults_are_survived(pair):
    pair.aws.fault("GetSecretValue", n=2, status=503)
    ends(pair.load(), DONE)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{\"SecretString\": 7}", b"<html>busy</html>", b"\0\xff\xfe"])
def test_answers_that_are_none(pair, body):
    pair.aws.fault("GetSecretValue", body=body, status=200)
    ends(pair.load(), UNREACHABLE, "GetSecretValue")


@pytest.mark.parametrize("body", [b"", b"<AssumeRoleResponse><Cred", b"<a/>", b"{}",
                                  b"<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>"])
def test_xml_that_is_none(pair, body):
    role = f"arn:aws:iam::111122223333:role/xml-{pair.source_db}"
    pair.aws.add_role(role)
    pair.aws.fault("sts:AssumeRole", body=body, status=200)
    ends(pair.load("--source-role-arn", role), UNREACHABLE, "AssumeRole")


def test_a_reply_of_five_megabytes(pair):
    pair.aws.fault("GetSecretValue", body=b"x" * 5_000_000, status=200)
    ends(pair.load(), FAILED, "has more than 1048576 bytes", "AWS_ENDPOINT_URL")


def test_a_connection_that_is_dropped(pair):
    pair.aws.fault("GetSecretValue", drop=True)
    ends(pair.load(), UNREACHABLE, "GetSecretValue")


def test_a_server_that_never_answers(pair):
    pair.aws.fault("GetSecretValue", hang=True)
    ends(pair.load(env={"AWS_MAX_ATTEMPTS": "1"}), UNREACHABLE, "GetSecretValue", "15 s|no answer|did not answer|timed out|time")


def test_nobody_listens(pair):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    ends(pair.load(env={"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}), UNREACHABLE, f"127.0.0.1:{port}|127.0.0.1",
         "AWS_ENDPOINT_URL")


def test_ctrl_c_ends_a_wait_for_aws(pair):
    pair.aws.fault("GetSecretValue", hang=True)
    load = pair.start()
    deadline = time.monotonic() + 30
    while not sluice.talks_to(load.pid, pair.aws.ports["service"]) and time.monotonic() < deadline:
        time.sleep(0.02)
    load.send(signal.SIGINT)
    result = load.wait(timeout=10)
    ends(result, STOPPED, "stopped by a signal")


def test_ctrl_c_ends_a_wait_between_attempts(pair):
    pair.aws.fault("GetSecretValue", code="ThrottlingException", status=400)
    load = pair.start(env={"AWS_MAX_ATTEMPTS": "20"})
    deadline = time.monotonic() + 30
    while pair.aws.calls("GetSecretValue") < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    load.send(signal.SIGINT)
    ends(load.wait(timeout=10), STOPPED, "stopped by a signal")


# --- TLS ---


def test_a_certificate_that_is_not_trusted(pair, lab, tmp_path):
    with AwsStandin(tmp_path / "tls", tls=(str(lab.cert), str(lab.key)), taken=lab.ports_taken) as aws:
        aws.put_secret(pair.secret, pair.secret_value())
        env = {name: value for name, value in aws.env().items() if name != "AWS_CA_BUNDLE"}
        args = (*pair.source_args(), "--destination", pair.destination_dsn)
        ends(sluice.run_load(*args, env=env), USAGE, "certificate of 127.0.0.1 is not trusted", "AWS_CA_BUNDLE")
        ends(sluice.run_load(*args, env=dict(env, AWS_CA_BUNDLE=str(lab.ca))), DONE)
        ends(sluice.run_load(*args, env=dict(env, AWS_CA_BUNDLE="/no/such.pem")), USAGE, "/no/such.pem")


def test_the_database_certificate_is_checked_for_aws_hosts(pair):
    """verify-full without a word about it: the lab's CA is in no bundle of the system."""
    result = sluice.run_load("--source", f"hostaddr=127.0.0.1", "--source-secret", pair.secret,
                             *pair.destination_args(), env=pair.env())
    ends(result, USAGE, "certificate verify failed", "--source-ca")


def test_the_certificate_is_checked_when_only_one_of_several_hosts_is_of_aws(pair):
    hosts = f"host={pair.source.aws_host},localhost hostaddr=127.0.0.1,127.0.0.1 port={pair.source.port}"
    result = sluice.run_load("--source", f"{hosts} dbname={pair.source_db} user=u password=p", "--destination",
                             pair.destination_dsn, env=pair.env())
    ends(result, USAGE, "certificate verify failed", "--source-ca")


def test_a_ca_is_never_left_aside(pair, lab):
    """On a host that is not AWS's, libpq alone would go on without TLS when the certificate is wrong."""
    port = pair.source.port
    value = {"username": pair.source_role, "password": pair.password}
    arn = pair.aws.put_secret(f"plain/{pair.source_db}", value)
    dsn = f"host=localhost port={port} dbname={pair.source_db}"
    wrong = ("--source-secret", arn, "--source-ca", "/etc/ssl/certs/ca-certificates.crt")
    ends(sluice.run_load("--source", dsn, *wrong, *pair.destination_args(), env=pair.env()), USAGE, "certificate")
    ends(sluice.run_load("--source", f"{dsn} sslmode=prefer", *wrong, *pair.destination_args(), env=pair.env()),
         USAGE, "sslmode=prefer does not insist")
    ends(sluice.run_load("--source", dsn, "--source-secret", arn, "--source-ca", lab.ca, *pair.destination_args(),
                         env=pair.env()), DONE)
    ends(sluice.run_load("--source", dsn, "--source-secret", arn, "--source-ca", "/no/such.pem",
                         *pair.destination_args(), env=pair.env()), USAGE, "/no/such.pem")


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
def test_a_token_is_never_sent_without_tls(pair, mode):
    dsn = pair.destination.aws_dsn(pair.destination_db, pair.destination_role, sslmode=mode)
    ends(sluice.run_load(*pair.source_args(), "--destination", dsn, "--destination-iam", env=pair.env()), USAGE,
         "never sent without TLS")
    assert not pair.aws.tokens_seen()


def test_a_token_needs_one_host_name(pair):
    for where in ("host=/tmp", "dbname=x", "host=a,b", "host=127.0.0.1", "host=::1"):
        ends(sluice.run_load(*pair.source_args(), "--destination", where, "--destination-iam", env=pair.env()), USAGE,
             "--destination-iam")


# --- settings ---


@pytest.mark.parametrize("env, needle", [
    ({"AWS_USE_FIPS_ENDPOINT": "true"}, "FIPS"), ({"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "dual"),
    ({"AWS_MAX_ATTEMPTS": "many"}, "AWS_MAX_ATTEMPTS"), ({"AWS_PROFILE": "nowhere"}, "nowhere"),
    ({"AWS_ENDPOINT_URL": "ftp://x"}, "AWS_ENDPOINT_URL"), ({"AWS_REGION": "Not A Region"}, "AWS_REGION|Region")])
def test_settings_that_cannot_be(pair, env, needle):
    ends(pair.load(env=env), USAGE, needle)


def test_a_file_that_cannot_be_read(pair, tmp_path):
    bad = tmp_path / "config"
    bad.write_text("[profile x\nregion = hunter2\n")
    result = pair.load(env={"AWS_CONFIG_FILE": str(bad)})
    ends(result, USAGE, re.escape(str(bad)), "line 1|:1")
    assert "hunter2" not in result.text


def test_rds_names_that_lead_nowhere(pair):
    ends(sluice.run_load("--source", "rds:no-such-cluster/shop", *pair.destination_args(), env=pair.env()), USAGE,
         "no-such-cluster")
    twice = f"rds:{pair.source.aws_id}/{pair.source_db} dbname=other"
    ends(sluice.run_load("--source", twice, *pair.destination_args(), env=pair.env()), USAGE, "two databases")
    ends(sluice.run_load("--source", "rds:arn:aws:s3:::bucket/x", *pair.destination_args(), env=pair.env()), USAGE,
         "not the ARN of a DB cluster")
    ends(sluice.run_load("--source", "rds:", *pair.destination_args(), env=pair.env()), USAGE, "rds:")
    pair.aws.deny("rds:DescribeDBClusters")
    ends(sluice.run_load("--source", f"rds:{pair.source.aws_id}/x", *pair.destination_args(), env=pair.env()), DENIED,
         '"Action":"rds:DescribeDBClusters"')
