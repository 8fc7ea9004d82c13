"""What changes while a load runs: passwords are rotated, tokens and role sessions expire, connections
are cut. The load does not notice, and the rows are exact.

The short form takes seconds; SLUICE_SOAK=1 makes it minutes, with tokens that live 30 s and role
sessions that live 60 s.
"""

import os
import time

import pytest

from support import aws_site, sluice

SOAK = bool(os.environ.get("SLUICE_SOAK"))
ROWS = 200000 if SOAK else 30000
ROWS_1000_S = 4.5 if SOAK else 1.5  # the destination's time for so many rows
TOKEN_LIFE_S = 30 if SOAK else 2
ROLE_LIFE_S = 60 if SOAK else 8
CUT_EVERY_S = TOKEN_LIFE_S * 1.1
STREAMS = 4


@pytest.fixture
def pair(aws_pair, iam):
    aws_site.fill(aws_pair, ROWS)
    aws_site.slow_rows(aws_pair, ROWS_1000_S)
    return aws_pair


def wait_until(load, condition, what, seconds=120, meanwhile=lambda: None):
    deadline = time.monotonic() + seconds
    while not condition():
        meanwhile()
        assert load.running(), f"the load ended before {what}: {load.wait()}"
        assert time.monotonic() < deadline, f"waited too long for: {what}"
        time.sleep(0.05)


def role_of(pair):
    arn = f"arn:aws:iam::111122223333:role/writer-{pair.destination_db}"
    pair.aws.add_role(arn)
    return arn


def planned(pair):
    return int(pair.dst("SELECT count(*) FROM sluice.chunk"))


class Cutter:
    """Cuts every writer now and then, a little after a token that was new at the last cut has died."""

    def __init__(self, pair):
        self.pair = pair
        self.due = time.monotonic() + CUT_EVERY_S

    def __call__(self):
        if time.monotonic() >= self.due:
            self.due = time.monotonic() + CUT_EVERY_S
            aws_site.cut(self.pair.destination, "sluice/%/writer-_")


def cut_both(pair):
    """Readers but the first, whose snapshot the others share, and every writer."""
    aws_site.cut(pair.source, "sluice/%/reader-_")
    return aws_site.cut(pair.destination, "sluice/%/writer-_")


def test_rotated_passwords_and_short_lived_tokens(pair):
    pair.aws.token_life(TOKEN_LIFE_S)
    pair.aws.role_ttl(ROLE_LIFE_S)
    load = pair.start("-j", STREAMS, "--chunk-size", "64kB", "--destination-role-arn", role_of(pair),
                      "--progress", "json")
    try:
        wait_until(load, lambda: pair.chunks_done() > 0, "the first chunk")
        total = planned(pair)
        cutter = Cutter(pair)
        for turn in range(3):
            wait_until(load, lambda t=turn: pair.chunks_done() >= (t + 1) * total // 5, f"rotation {turn}", 300, cutter)
            # As a single-user rotation does it: staged, set in the database, then made current.
            old = pair.secret_value()
            new = {**old, "password": pair.new_password()}
            pair.aws.rotate(pair.secret_arn, new, pending=True)
            assert cut_both(pair) > 0
            time.sleep(0.4)  # logins in the gap find the pending version
            pair.aws.rotate(pair.secret_arn)
            cut_both(pair)
        result = load.wait(timeout=600)
    finally:
        if load.running():
            load.kill()
    assert result.status == 0, result
    aws_site.assert_exact(pair)
    refused = [e for e in pair.aws.log() if e["service"] == "rds-db" and not e["ok"]]
    assert pair.aws.calls("sts:AssumeRole") > 1, "no role session had to be renewed: the test proved nothing"
    assert len(pair.aws.tokens_seen()) > 1, "no token had to be renewed: the test proved nothing"
    assert refused, "no token expired: the test proved nothing"
    stages = pair.aws.calls("GetSecretValue")
    assert stages >= 4, "the secret was not read again"


def test_a_token_that_expires_disturbs_no_open_connection(pair):
    """Nothing is cut, so nothing logs in again although every token dies."""
    pair.aws.token_life(1)
    result = pair.load("-j", STREAMS, "--chunk-size", "512kB")
    assert result.status == 0, result
    aws_site.assert_exact(pair)


def test_a_token_that_was_good_is_refused_for_a_while(pair):
    """As after a failover, when the server is up before what judges tokens: a load that was let in asks again."""
    load = pair.start("-j", STREAMS, "--chunk-size", "256kB")
    try:
        wait_until(load, lambda: pair.chunks_done() > 0, "the first chunk")
        pair.aws.clear_log()
        pair.aws.fault("rds-db:connect", n=3 * (STREAMS + 1))  # a login tries three times at most
        assert aws_site.cut(pair.destination, "sluice/%") > STREAMS, "the control connection was not cut"
        result = load.wait(timeout=120)
    finally:
        if load.running():
            load.kill()
    assert result.status == 0, result
    aws_site.assert_exact(pair)
    refused = [e for e in pair.aws.log() if e["service"] == "rds-db" and not e["ok"]]
    assert len(refused) == 3 * (STREAMS + 1)


def test_aws_cannot_be_reached_for_a_while(pair):
    """Writers that have to log in when their role's session is over and nobody gives another: --retry-for counts."""
    pair.aws.role_ttl(2)
    load = pair.start("-j", STREAMS, "--chunk-size", "256kB", "--destination-role-arn", role_of(pair),
                      env={"AWS_MAX_ATTEMPTS": "1"})
    try:
        wait_until(load, lambda: pair.chunks_done() > 0, "the first chunk")
        pair.aws.clear_log()
        pair.aws.fault("sts:AssumeRole", n=5, drop=True)
        wait_until(load, lambda: pair.aws.calls("sts:AssumeRole") > 5, "roles that were not given", meanwhile=Cutter(pair))
        result = load.wait(timeout=120)
    finally:
        if load.running():
            load.kill()
    assert result.status == 0, result
    aws_site.assert_exact(pair)


WRITERS = "sluice/%/writer-%"


def test_64_writers_reconnect_with_one_token(aws_pair, iam):
    pair = aws_pair
    aws_site.fill(pair, 120000)
    aws_site.slow_down(pair, 2)
    load = sluice.start_load(*pair.args("-j", "64", "--chunk-size", "64kB", "--memory", "32MB",
                                        "--destination-role-arn", role_of(pair)), env=pair.env())

    def logins():
        return [e for e in pair.aws.log() if e["service"] == "rds-db"]

    def all_in():
        return len(pair.destination.backends(WRITERS)) == 64

    def cut_all():
        before = len(logins())
        assert aws_site.cut(pair.destination, WRITERS) == 64
        wait_until(load, lambda: len(logins()) >= before + 64, "64 logins")

    try:
        wait_until(load, all_in, "64 writers")
        cut_all()
        assert len(pair.aws.tokens_seen()) == 1, "128 logins needed more than one token"
        assert pair.aws.calls("sts:AssumeRole") == 1
        wait_until(load, all_in, "64 writers again")
        pair.aws.fault("rds-db:connect", n=1)  # the first of the next is refused: a fresh token, once
        cut_all()
        result = load.wait(timeout=300)
    finally:
        if load.running():
            load.kill()
    assert result.status == 0, result
    aws_site.assert_exact(pair)
    assert len(pair.aws.tokens_seen()) == 2, "one refusal made other than one fresh token"
    assert pair.aws.calls("sts:AssumeRole") <= 2
