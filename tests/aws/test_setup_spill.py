"""`sluice aws setup` with --spill-kms-key: which key it finds, whom it lets use it, and that a load
asks no more. That a load's context is the job's name, test_spill_key.py shows."""

import fnmatch
import json
import os
import subprocess

import pytest

from support import aws_site
from support.sluice import SLUICE, load_env

ROLE = "arn:aws:iam::111122223333:role/spill-writer"


class Setup:
    """One run, and the files that it made."""

    def __init__(self, pair, out, *args, destination=()):
        self.out = out
        command = [SLUICE, "aws", "setup", "--out", str(out), *pair.source_args(),
                   *(destination or pair.destination_args()), *args]
        done = subprocess.run(command, env=load_env(pair.env()), capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=60)
        self.status, self.err = done.returncode, done.stderr
        assert self.status == 0, (done.stdout, self.err)

    def text(self, name):
        return (self.out / name).read_text()

    def statements(self, name):
        read = json.loads(self.text(name))
        return read if isinstance(read, list) else read["Statement"]

    def spill(self, name):
        """The statement about the spill's key."""
        found = [s for s in self.statements(name) if s["Sid"] == "SluiceSpillKey"]
        assert len(found) == 1, name
        return found[0]

    def names(self):
        return {p.name for p in self.out.iterdir()}


@pytest.fixture
def pair(aws_pair):
    aws_pair.spill_key = aws_pair.aws.create_key("alias/spill")
    return aws_pair


@pytest.fixture
def setup(pair, tmp_path):
    def run(*args, **more):
        return Setup(pair, tmp_path / "out", *args, **more)
    return run


@pytest.mark.parametrize("form", ["alias", "alias ARN", "id", "ARN"])
def test_the_key_is_found(pair, setup, form):
    arn = pair.spill_key
    account = arn.rpartition(":")[0]
    written = {"alias": "alias/spill", "alias ARN": f"{account}:alias/spill",
               "id": arn.rpartition("/")[2], "ARN": arn}[form]
    made = setup("--spill-kms-key", written)
    assert made.spill("policy-sluice.json")["Resource"] == arn
    assert "Principal" in made.spill("key-policy-spill.json")
    assert "SPILL_KMS_KEY_ARN" not in made.text("README.md") + made.text("apply.sh")
    assert "spill" not in made.err.lower(), made.err
    assert pair.aws.calls("GenerateDataKey") == 0, "a set-up only looks"


def test_a_role_asks_and_is_allowed(pair, setup):
    pair.aws.add_role(ROLE)
    made = setup("--spill-kms-key", "alias/spill", "--destination-role-arn", ROLE)
    assert made.spill("role-destination-policy.json")["Resource"] == pair.spill_key
    assert made.spill("key-policy-spill.json")["Principal"] == {"AWS": ROLE}
    assert "SluiceSpillKey" not in made.text("policy-sluice.json")
    asked = [e for e in pair.aws.log() if e["operation"] == "DescribeKey"]
    assert any("spill-writer" in e["principal"] for e in asked), asked


def test_a_role_that_is_not_there_yet(pair, setup):
    """An alias cannot be looked up then, and apply.sh waits for somebody who can."""
    made = setup("--spill-kms-key", "alias/spill", "--destination-role-arn", ROLE + "-to-be")
    assert made.spill("role-destination-policy.json")["Resource"] == "SPILL_KMS_KEY_ARN"
    assert "The spill's key alias/spill could not be looked at: " in made.text("README.md")
    refused = subprocess.run([str(made.out / "apply.sh")], capture_output=True, text=True, timeout=60)
    assert refused.returncode == 1
    assert "replace " in refused.stderr and "role-destination-policy.json" in refused.stderr, refused


def test_a_refusal_leaves_a_line(pair, setup):
    pair.aws.deny("kms:DescribeKey", pair.spill_key)
    made = setup("--spill-kms-key", pair.spill_key)
    assert made.spill("policy-sluice.json")["Resource"] == pair.spill_key
    assert f"The spill's key {pair.spill_key} could not be looked at: " in made.err
    assert "kms:DescribeKey" in made.err


@pytest.mark.parametrize("state", ["disable_key", "schedule_key_deletion"])
def test_a_key_that_is_not_to_be_used(pair, setup, state):
    getattr(pair.aws, state)(pair.spill_key)
    made = setup("--spill-kms-key", "alias/spill")
    assert made.spill("policy-sluice.json")["Resource"] == pair.spill_key
    assert "aws kms enable-key" in made.text("README.md")


def test_without_any_other_aws_on_that_side(pair, setup):
    made = setup("--spill-kms-key", "alias/spill",
                 destination=("--destination", "host=/tmp dbname=b user=v"))
    statements = made.statements("policy-sluice.json")
    assert [s["Sid"] for s in statements if not s["Sid"].endswith("Source")] == ["SluiceSpillKey"]
    assert "key-policy-destination.json" not in made.names()


def test_a_key_of_another_account(pair, setup):
    foreign = pair.aws.create_key("alias/theirs", account="777788889999")
    made = setup("--spill-kms-key", foreign.rpartition(":")[0] + ":alias/theirs")
    assert made.spill("policy-sluice.json")["Resource"] == "SPILL_KMS_KEY_ARN"  # nobody may look yet
    assert "kms:DescribeKey" in made.text("README.md")
    apply = made.text("apply.sh")
    assert "\ncheck_account 'spill' '777788889999'\n" in apply
    assert "\nadd_key_policy 'spill' 'SPILL_KMS_KEY_ARN' " in apply
    assert " 'key-policy-spill.json' 'other account'\n" in apply


# --- what is written is what is asked ---


def allows(statement, action, key, context):
    """Would it let this request through? Only what these statements are made of is understood."""
    conditions = dict(statement["Condition"])
    like = conditions.pop("StringLike")
    keys = conditions.pop("ForAllValues:StringEquals")
    assert not conditions
    prefix = "kms:EncryptionContext:"
    for name, pattern in like.items():
        assert name.startswith(prefix)
        value = context.get(name[len(prefix):])
        if value is None or not fnmatch.fnmatchcase(value, pattern):
            return False
    assert set(keys) == {"kms:EncryptionContextKeys"}
    return (set(context) <= set(keys["kms:EncryptionContextKeys"])
            and action in statement["Action"] and statement["Resource"] == key)


def test_a_load_asks_what_the_policy_allows(pair, setup, tmp_path):
    aws_site.fill(pair, rows=2000)
    statement = setup("--spill-kms-key", "alias/spill").spill("policy-sluice.json")
    spill = tmp_path / "spill"
    spill.mkdir()
    pair.aws.clear_log()
    result = pair.load("--spill-dir", spill, "--release-source", "early", "--spill-kms-key",
                       "alias/spill", "--job", "nightly", "--progress", "json")
    assert result.status == 0, result
    used = {e["operation"] for e in pair.aws.log()
            if e["service"] == "kms" and e["operation"] != "Decrypt"}
    assert used == {"GenerateDataKey"}
    for action in ("kms:GenerateDataKey", "kms:Decrypt"):
        assert allows(statement, action, pair.spill_key, {"sluice-job": "nightly"})
        assert not allows(statement, action, pair.spill_key, {})
        assert not allows(statement, action, pair.spill_key, {"sluice-job": "x", "more": "y"})
        assert not allows(statement, action, pair.key, {"sluice-job": "nightly"})
    assert not allows(statement, "kms:Encrypt", pair.spill_key, {"sluice-job": "nightly"})


def test_apply_changes_a_foreign_key_by_its_own_profile(pair, setup, tmp_path):
    """With an awscli of ours that writes down what it is asked."""
    foreign = pair.aws.create_key(account="777788889999")
    made = setup("--spill-kms-key", foreign, destination=("--destination", "host=/tmp dbname=b user=v"))
    tools, log = tmp_path / "tools", tmp_path / "log"
    tools.mkdir()
    awscli = tools / "aws"
    awscli.write_text(f"""#!/bin/bash
printf '%s\\n' "$*" >>{log}
case "$*" in
*'--profile them sts get-caller-identity'*) echo 777788889999 ;;
*'sts get-caller-identity'*) echo {pair.spill_key.split(":")[4]} ;;
*'kms get-key-policy'*) echo '{{"Version": "2012-10-17", "Statement": [{{"Sid": "Root"}}]}}' ;;
*'kms put-key-policy'*) cat key-policy.new >{tmp_path}/put ;;
esac
""")
    awscli.chmod(0o755)
    env = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "SPILL_PROFILE": "them",
           "PRINCIPAL": "role/loader"}
    done = subprocess.run([str(made.out / "apply.sh")], env=env, capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0, done
    calls = log.read_text().splitlines()
    theirs = [c for c in calls if c.startswith("--profile them ")]
    assert [c.split()[2:4] for c in theirs] == [["sts", "get-caller-identity"], ["kms", "get-key-policy"],
                                               ["kms", "put-key-policy"]]
    put = [c for c in calls if "kms put-key-policy" in c and foreign in c]
    assert len(put) == 1 and put[0].startswith("--profile them "), calls
    policy = json.loads((tmp_path / "put").read_text())
    assert [s["Sid"] for s in policy["Statement"]] == ["Root", "SluiceSpillKey"]
