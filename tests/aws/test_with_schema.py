"""`sluice load --with-schema` with a secret for the source and tokens for the destination: logins of each part are
fresh, whatever was rotated or has expired since the part before."""

import time

import pytest

from support import aws_site, faults

TOKEN_LIFE_S = 1


@pytest.fixture
def pair(aws_pair, iam):
    aws_pair.src(aws_site.TABLE)
    aws_pair.src(aws_site.FILL % 3000)
    return aws_pair


def test_rotated_and_expired_between_the_parts(pair):
    pair.aws.token_life(TOKEN_LIFE_S)
    load = pair.start("--with-schema", "-j", "2", "--chunk-size", "64kB", "--max-rate", "128kB")
    try:
        faults.wait_until(lambda: pair.chunks_done() > 0 or not load.running(), "the first chunk")
        assert load.running(), load.wait()
        old = pair.secret_value()
        pair.aws.rotate(pair.secret_arn, {**old, "password": pair.new_password()})
        pair.aws.clear_log()
        time.sleep(TOKEN_LIFE_S + 0.5)
        result = load.wait(timeout=120)
    finally:
        if load.running():
            load.kill()
    assert result.status == 0 and "After the rows: " in result.out, result
    assert pair.aws.calls("GetSecretValue") > 0, "the secret was not read again"
    aws_site.assert_exact(pair)
    assert load_again(pair) == 0


def load_again(pair):
    result = pair.load("--with-schema", "-j", "2", "--chunk-size", "64kB")
    assert "nothing was left to do" in result.out, result
    return result.status
