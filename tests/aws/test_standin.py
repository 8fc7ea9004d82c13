"""The AWS stand-in against clients that are not ours: botocore, its signers, its credential fetchers.

If these pass, a client that the stand-in refuses is wrong, and one that it takes is right.
"""

import datetime as dt
import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import types
import urllib.request
from pathlib import Path
from unittest import mock
from urllib.parse import urlencode, urlsplit

import pytest

botocore = pytest.importorskip("botocore", reason="the AWS stand-in needs python3-botocore")
import botocore.auth
import botocore.session
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import ContainerProvider, Credentials, InstanceMetadataProvider
from botocore.exceptions import ClientError, EndpointConnectionError, HTTPClientError
from botocore.utils import ContainerMetadataFetcher, InstanceMetadataFetcher

from support import aws_auth, aws_errors, aws_model, aws_sigv4
from support.aws_standin import ACCOUNT, AwsStandin, StandinError

TESTS = Path(__file__).resolve().parent.parent
VECTORS = TESTS / "vectors" / "sigv4"
OTHER = "444455556666"
ROLE = f"arn:aws:iam::{OTHER}:role/reader"
HOST = "shop.cluster-abc.us-east-1.rds.amazonaws.com"
SESSION = botocore.session.Session()  # one for all: it reads the models once
JSON_TYPE = "application/x-amz-json-1.1"
FORM_TYPE = "application/x-www-form-urlencoded; charset=utf-8"


@pytest.fixture(scope="module", autouse=True)
def no_settings_of_ours():
    """botocore sees no variables and files of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patched:
        for name in [n for n in os.environ if n.startswith("AWS_")]:
            patched.delenv(name)
        patched.setenv("AWS_CONFIG_FILE", os.devnull)
        patched.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        yield


@pytest.fixture(scope="module")
def standin(tmp_path_factory):
    with AwsStandin(tmp_path_factory.mktemp("aws")) as started:
        yield started
        assert started.log_tail() == "", "the server process complained"


@pytest.fixture
def aws(standin):
    """The module's stand-in, with all switches off and an empty log."""
    standin.reset()
    standin.clear_log()
    yield standin
    standin.reset()


def client_of(aws, service, keys=None, region="us-east-1", **config):
    keys = keys or aws.keys("app")
    return SESSION.create_client(
        service, region_name=region, endpoint_url=aws.url, verify=aws.tls[0] if aws.tls else None,
        aws_access_key_id=keys.access_key_id, aws_secret_access_key=keys.secret_access_key,
        aws_session_token=keys.session_token,
        config=Config(retries={"max_attempts": 0}, parameter_validation=False, **config))


def refusal(call, **arguments):
    """(code, message, status) of a call that must fail."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    reply = caught.value.response
    return reply["Error"]["Code"], reply["Error"]["Message"], reply["ResponseMetadata"]["HTTPStatusCode"]


# --- Secrets Manager ---


def test_a_secret_by_name_and_by_arn(aws):
    arn = aws.put_secret("prod/by-name", {"username": "app", "password": "pässword"})
    client = client_of(aws, "secretsmanager")
    for name in ("prod/by-name", arn, arn[:-7]):
        got = client.get_secret_value(SecretId=name)
        assert json.loads(got["SecretString"]) == {"username": "app", "password": "pässword"}
        assert (got["ARN"], got["Name"], got["VersionStages"]) == (arn, "prod/by-name", ["AWSCURRENT"])
    assert aws.calls("GetSecretValue") == 3


def test_a_binary_secret(aws):
    arn = aws.put_secret("prod/binary", bytes(range(256)))
    got = client_of(aws, "secretsmanager").get_secret_value(SecretId=arn)
    assert got["SecretBinary"] == bytes(range(256)) and "SecretString" not in got


def test_rotation_moves_the_stages(aws):
    arn = aws.put_secret("prod/rotated", "one")
    client = client_of(aws, "secretsmanager")

    def staged():
        found = {}
        for stage in ("AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"):
            try:
                found[stage[3:]] = client.get_secret_value(SecretId=arn, VersionStage=stage)["SecretString"]
            except client.exceptions.ResourceNotFoundException:
                pass
        return found

    assert staged() == {"CURRENT": "one"}
    aws.rotate(arn, "two", pending=True)
    assert staged() == {"CURRENT": "one", "PENDING": "two"}
    aws.rotate(arn)
    assert staged() == {"CURRENT": "two", "PREVIOUS": "one"}
    aws.rotate(arn, "three")
    assert staged() == {"CURRENT": "three", "PREVIOUS": "two"}
    assert aws.secret_value(arn) == "three"
    assert client.describe_secret(SecretId=arn)["RotationEnabled"] is True


def test_stages_by_hand(aws):
    arn = aws.put_secret("prod/stages", "one")
    first = next(iter(aws.versions(arn)))
    second = aws.rotate(arn, "two")
    aws.set_stages(arn, first, ["AWSCURRENT"])
    assert aws.versions(arn) == {first: ["AWSCURRENT"], second: []}


def test_put_and_create_by_the_client(aws):
    client = client_of(aws, "secretsmanager")
    made = client.create_secret(Name="made/by-client", SecretString="one")
    put = client.put_secret_value(SecretId=made["ARN"], SecretString="two")
    assert put["VersionStages"] == ["AWSCURRENT"]
    assert client.get_secret_value(SecretId=made["ARN"], VersionStage="AWSPREVIOUS")["SecretString"] == "one"
    assert client.describe_secret(SecretId="made/by-client")["VersionIdsToStages"] == {
        made["VersionId"]: ["AWSPREVIOUS"], put["VersionId"]: ["AWSCURRENT"]}
    assert refusal(client.create_secret, Name="made/by-client")[0] == "ResourceExistsException"


def test_secrets_that_cannot_be_read(aws):
    client = client_of(aws, "secretsmanager")
    arn = aws.put_secret("prod/gone", "x")
    assert refusal(client.get_secret_value, SecretId="nobody") == (
        "ResourceNotFoundException", "Secrets Manager can't find the specified secret.", 400)
    assert refusal(client.get_secret_value, SecretId=arn, VersionStage="AWSPENDING")[1].endswith(
        "staging label: AWSPENDING")
    assert refusal(client.get_secret_value, SecretId=arn, VersionId="0" * 36)[0] == "ResourceNotFoundException"
    west = client_of(aws, "secretsmanager", region="us-west-2")
    assert refusal(west.get_secret_value, SecretId=arn)[0] == "ResourceNotFoundException"
    aws.delete_secret(arn)
    code, message, _ = refusal(client.get_secret_value, SecretId=arn)
    assert code == "InvalidRequestException" and "marked for deletion" in message
    assert "DeletedDate" in client.describe_secret(SecretId=arn)
    aws.restore_secret(arn)
    assert client.get_secret_value(SecretId=arn)["SecretString"] == "x"


def test_a_secret_under_a_customers_key(aws):
    key = aws.create_key("secrets-key")
    arn = aws.put_secret("prod/own-key", "x", kms_key="alias/secrets-key")
    client = client_of(aws, "secretsmanager")
    assert client.describe_secret(SecretId=arn)["KmsKeyId"] == key
    assert client.get_secret_value(SecretId=arn)["SecretString"] == "x"
    aws.deny("kms:Decrypt", resource=key)
    assert refusal(client.get_secret_value, SecretId=arn)[:2] == (
        "AccessDeniedException", "Access to KMS is not allowed")
    aws.undeny()
    aws.disable_key(key)
    assert refusal(client.get_secret_value, SecretId=arn)[0] == "DecryptionFailure"
    aws.enable_key(key)
    assert client.get_secret_value(SecretId=arn)["SecretString"] == "x"


# --- KMS ---


def test_encrypt_and_decrypt(aws):
    key = aws.create_key("round-trip")
    kms = client_of(aws, "kms")
    context = {"SecretARN": "arn:x", "purpose": "lab"}
    blob = kms.encrypt(KeyId="alias/round-trip", Plaintext=b"\0secret", EncryptionContext=context)["CiphertextBlob"]
    assert b"secret" not in blob
    for more in ({}, {"KeyId": key}, {"KeyId": "alias/round-trip"}):
        got = kms.decrypt(CiphertextBlob=blob, EncryptionContext=context, **more)
        assert (got["Plaintext"], got["KeyId"]) == (b"\0secret", key)
    assert kms.decrypt(CiphertextBlob=aws.encrypt(key, b"by hand"))["Plaintext"] == b"by hand"


def test_a_data_key(aws):
    key = aws.create_key()
    kms = client_of(aws, "kms")
    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext={"a": "b"})
    assert len(made["Plaintext"]) == 32
    opened = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext={"a": "b"})
    assert opened["Plaintext"] == made["Plaintext"]
    assert refusal(kms.generate_data_key, KeyId=key)[0] == "ValidationException"


def test_a_key_described(aws):
    key = aws.create_key()
    kms = client_of(aws, "kms")
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"
    aws.disable_key(key)
    known = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert (known["KeyState"], known["Enabled"], known["Arn"]) == ("Disabled", False, key)


def test_ciphertexts_that_cannot_be_opened(aws):
    key, other = aws.create_key(), aws.create_key()
    kms = client_of(aws, "kms")
    blob = aws.encrypt(key, b"secret", {"a": "b"})
    altered = blob[:-40] + bytes([blob[-40] ^ 1]) + blob[-39:]
    right = {"a": "b"}
    for given, context in ((blob, {}), (blob, {"A": "b"}), (blob, {"a": "B"}), (altered, right), (b"no", right)):
        code, _, status = refusal(kms.decrypt, CiphertextBlob=given, EncryptionContext=context)
        assert (code, status) == ("InvalidCiphertextException", 400)
    right = {"CiphertextBlob": blob, "EncryptionContext": right}
    assert refusal(kms.decrypt, KeyId=other, **right)[0] == "IncorrectKeyException"
    assert refusal(client_of(aws, "kms", region="us-west-2").decrypt, **right)[0] == "AccessDeniedException"
    aws.disable_key(key)
    assert refusal(kms.decrypt, **right) == ("DisabledException", f"{key} is disabled.", 400)
    aws.schedule_key_deletion(key)
    assert refusal(kms.decrypt, **right)[0] == "KMSInvalidStateException"
    assert refusal(kms.describe_key, KeyId="alias/nobody")[0] == "NotFoundException"


# --- STS ---


def test_who_am_i(aws):
    got = client_of(aws, "sts").get_caller_identity()
    assert (got["Arn"], got["Account"]) == (f"arn:aws:iam::{ACCOUNT}:user/app", ACCOUNT)
    assert got["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"] == got["ResponseMetadata"]["RequestId"]


def assume(aws, keys=None, **more):
    arguments = {"RoleArn": ROLE, "RoleSessionName": "load"} | more
    return client_of(aws, "sts", keys).assume_role(**arguments)


def keys_in(reply):
    c = reply["Credentials"]
    return types.SimpleNamespace(access_key_id=c["AccessKeyId"], secret_access_key=c["SecretAccessKey"],
                                 session_token=c["SessionToken"])


def test_a_role_reads_what_its_account_has(aws):
    aws.add_role(ROLE, trust=[f"arn:aws:iam::{ACCOUNT}:user/app"])
    arn = aws.put_secret("theirs", "x", account=OTHER)
    code, message, _ = refusal(client_of(aws, "secretsmanager").get_secret_value, SecretId=arn)
    assert code == "AccessDeniedException" and message == (
        f"User: arn:aws:iam::{ACCOUNT}:user/app is not authorized to perform:"
        f" secretsmanager:GetSecretValue on resource: {arn} because no resource-based policy allows the"
        " secretsmanager:GetSecretValue action")
    keys = keys_in(assume(aws))
    assert client_of(aws, "secretsmanager", keys).get_secret_value(SecretId=arn)["SecretString"] == "x"
    assert client_of(aws, "sts", keys).get_caller_identity()["Arn"] == (
        f"arn:aws:sts::{OTHER}:assumed-role/reader/load")


def test_trust_external_id_and_tags(aws):
    denied = (f"User: arn:aws:iam::{ACCOUNT}:user/app is not authorized to perform: sts:AssumeRole"
              f" on resource: {ROLE}")
    aws.add_role(ROLE, trust=[f"arn:aws:iam::{ACCOUNT}:user/somebody"])
    assert refusal(assume, aws=aws) == ("AccessDenied", denied, 403)
    aws.remove_role(ROLE)
    assert refusal(assume, aws=aws) == ("AccessDenied", denied, 403)
    aws.add_role(ROLE, trust=[f"arn:aws:iam::{ACCOUNT}:root"], external_id="abc", allow_tag_session=False)
    assert refusal(assume, aws=aws)[0] == "AccessDenied"
    assert refusal(assume, aws=aws, ExternalId="abd")[0] == "AccessDenied"
    assert assume(aws, ExternalId="abc")["AssumedRoleUser"]["Arn"].endswith("/reader/load")
    tags = [{"Key": "job", "Value": "ü &=/"}]
    assert "sts:TagSession" in refusal(assume, aws=aws, ExternalId="abc", Tags=tags)[1]
    aws.add_role(ROLE)
    aws.deny("sts:AssumeRole", resource=ROLE)
    assert refusal(assume, aws=aws) == ("AccessDenied", denied, 403)
    aws.undeny()
    assert assume(aws, Tags=tags, DurationSeconds=900)["Credentials"]["AccessKeyId"].startswith("ASIA")


def test_how_long_a_session_lives(aws):
    def life(**more):
        end = assume(aws, **more)["Credentials"]["Expiration"]
        return (end - dt.datetime.now(dt.timezone.utc)).total_seconds()

    aws.add_role(ROLE, ttl_s=7200)
    assert 3590 < life() <= 3600 and 7190 < life(DurationSeconds=7200) <= 7200
    assert refusal(assume, aws=aws, DurationSeconds=7201)[0] == "ValidationError"
    assert refusal(assume, aws=aws, DurationSeconds=899)[0] == "ValidationError"
    assert refusal(assume, aws=aws, keys=keys_in(assume(aws)), DurationSeconds=7200)[1].endswith("role chaining")
    aws.role_ttl(30)
    assert life() <= 30


def test_web_identity_is_not_signed(aws):
    aws.add_role(ROLE)
    token = aws.web_identity_token(ROLE)
    client = client_of(aws, "sts")
    arguments = {"RoleArn": ROLE, "RoleSessionName": "web", "WebIdentityToken": token}
    got = client.assume_role_with_web_identity(**arguments)
    assert client_of(aws, "sts", keys_in(got)).get_caller_identity()["Account"] == OTHER
    entry = next(e for e in aws.log() if e["operation"] == "AssumeRoleWithWebIdentity")
    assert entry["signed"] is False and entry["access_key_id"] is None
    aws.skew(3700)
    assert refusal(client.assume_role_with_web_identity, **arguments)[0] == "ExpiredTokenException"
    aws.skew(0)
    env = aws.web_identity_env(ROLE)
    arguments["WebIdentityToken"] = Path(env["AWS_WEB_IDENTITY_TOKEN_FILE"]).read_text()
    assert client.assume_role_with_web_identity(**arguments)["Provider"].startswith("https://")
    arguments["RoleArn"] = ROLE + "s"
    assert refusal(client.assume_role_with_web_identity, **arguments)[::2] == ("AccessDenied", 403)
    arguments["WebIdentityToken"] = "made.up.token"
    assert refusal(client.assume_role_with_web_identity, **arguments)[0] == "InvalidIdentityToken"


# --- RDS ---


def test_clusters_and_instances(aws):
    aws.add_cluster("shop", HOST, 5432, limitless=True, reader="ro." + HOST, resource_id="cluster-SHOP")
    aws.add_cluster("other", "other." + HOST, 5433, iam=False, engine="aurora-mysql")
    aws.add_instance("shop-1", "shop-1." + HOST, 5432, cluster_id="shop", engine="aurora-postgresql")
    rds = client_of(aws, "rds")
    for how in ({"DBClusterIdentifier": "shop"},
                {"DBClusterIdentifier": f"arn:aws:rds:us-east-1:{ACCOUNT}:cluster:shop"},
                {"Filters": [{"Name": "db-cluster-resource-id", "Values": ["x", "cluster-SHOP"]}]}):
        got = rds.describe_db_clusters(**how)["DBClusters"]
        assert [(c["Endpoint"], c["ReaderEndpoint"], c["Port"]) for c in got] == [(HOST, "ro." + HOST, 5432)]
        assert got[0]["IAMDatabaseAuthenticationEnabled"] is True
        assert [m["DBInstanceIdentifier"] for m in got[0]["DBClusterMembers"]] == ["shop-1"]
    got = rds.describe_db_instances(Filters=[{"Name": "db-cluster-id", "Values": ["shop"]}])["DBInstances"]
    assert [(i["Endpoint"]["Address"], i["DbiResourceId"][:3]) for i in got] == [("shop-1." + HOST, "db-")]
    assert refusal(rds.describe_db_clusters, DBClusterIdentifier="none")[::2] == ("DBClusterNotFoundFault", 404)
    assert refusal(rds.describe_db_instances, DBInstanceIdentifier="none")[::2] == ("DBInstanceNotFound", 404)
    assert client_of(aws, "rds", region="eu-west-1").describe_db_clusters()["DBClusters"] == []
    assert refusal(rds.describe_db_clusters, Filters=[{"Name": "colour", "Values": ["x"]}])[0] == (
        "InvalidParameterValue")
    aws.remove_database("shop-1")
    assert rds.describe_db_instances()["DBInstances"] == []


def test_what_debians_model_does_not_know_is_sent(aws):
    aws.add_cluster("limitless", HOST, 5432, limitless=True, master_secret_arn="arn:aws:secretsmanager:x")
    _, text = send(aws, "rds", urlencode({"Action": "DescribeDBClusters", "Version": "2014-10-31"}))
    assert b"<ClusterScalabilityType>limitless<" in text
    assert b"<MasterUserSecret><SecretArn>arn:aws:secretsmanager:x</SecretArn>" in text


def test_pages(aws):
    names = [f"page-{n}" for n in range(5)]
    for name in names:
        aws.add_cluster(name, HOST, 5432, engine="paged", region="eu-north-1")
    aws.rds_page(2)
    rds = client_of(aws, "rds", region="eu-north-1")
    pages = list(rds.get_paginator("describe_db_clusters").paginate())
    assert [len(p["DBClusters"]) for p in pages] == [2, 2, 1]
    assert [c["DBClusterIdentifier"] for p in pages for c in p["DBClusters"]] == names
    assert refusal(rds.describe_db_clusters, Marker="nonsense")[0] == "InvalidParameterValue"
    assert refusal(rds.describe_db_clusters, MaxRecords=19)[0] == "InvalidParameterValue"


# --- requests that no client library would send ---


class Request:
    """A request signed by botocore's signer; `change` may spoil it afterwards."""

    def __init__(self, aws, service, body, keys=None, region="us-east-1", scope=None, headers=None,
                 signer=botocore.auth.SigV4Auth, path="/", **more):
        keys = keys or aws.keys("app")
        json_service = service in ("kms", "secretsmanager")
        given = {"Content-Type": JSON_TYPE if json_service else FORM_TYPE} | (headers or {})
        signed = AWSRequest("GET" if signer is botocore.auth.SigV4QueryAuth else "POST",
                            aws.url + path, data=body, headers=given)
        credentials = Credentials(keys.access_key_id, keys.secret_access_key, keys.session_token)
        signer(credentials, scope or service, region, **more).add_auth(signed)
        ready = signed.prepare()
        self.method, self.body = signed.method, body.encode()
        self.target = ready.url.removeprefix(aws.url)
        self.headers = {k: v.decode() if isinstance(v, bytes) else v for k, v in ready.headers.items()}

    def send(self, aws):
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(aws.url).port, timeout=20)
        try:
            connection.request(self.method, self.target, self.body, self.headers)
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()


def send(aws, service, body, change=None, **how):
    request = Request(aws, service, body, **how)
    if change:
        change(request)
    return request.send(aws)


def send_get_value(aws, change=None, body='{"SecretId": "raw"}', **how):
    headers = {"X-Amz-Target": "secretsmanager.GetSecretValue"}
    return send(aws, "secretsmanager", body, change, headers=headers, **how)


def send_who_am_i(aws, change=None, **how):
    body = "Action=GetCallerIdentity&Version=2011-06-15"
    return send(aws, "sts", body, change, **how)


def with_keys(aws, **changed):
    return types.SimpleNamespace(**(vars(aws.keys("app")) | changed))


def session_keys(aws, **changed):
    aws.add_session("raw-session", "app")
    return types.SimpleNamespace(**(vars(aws.keys("raw-session")) | changed))


def put(name, value):
    return lambda request: request.headers.update({name: value})


def unsign(name):
    """Takes a header out of SignedHeaders; the signature is then wrong as well, so see the text."""
    def change(request):
        words = request.headers["Authorization"]
        request.headers["Authorization"] = words.replace(f";{name}", "")
    return change


def edit_authorization(old, new):
    return lambda r: r.headers.update(Authorization=r.headers["Authorization"].replace(old, new))


def move_date(seconds):
    """Signs anew as of another moment."""
    def sign(credentials, service, region):
        signer = botocore.auth.SigV4Auth(credentials, service, region)

        def add_auth(request):
            when = dt.datetime.now(dt.timezone.utc) + dt.timedelta(seconds=seconds)
            request.context["timestamp"] = when.strftime("%Y%m%dT%H%M%SZ")
            signer._modify_request_before_signing(request)
            text = signer.string_to_sign(request, signer.canonical_request(request))
            signer._inject_signature_to_request(request, signer.signature(text, request))
        return types.SimpleNamespace(add_auth=add_auth)
    return sign


BAD = ("InvalidSignatureException", "SignatureDoesNotMatch")
UNKNOWN = ("UnrecognizedClientException", "InvalidClientTokenId")
INCOMPLETE = ("IncompleteSignatureException", "IncompleteSignature")

# name: (code of the JSON services, of the query services), part of the text, what is done
REFUSED = {
    "wrong key": (UNKNOWN, "invalid", lambda a: {"keys": with_keys(a, access_key_id="AKIAIOSFODNN7NOBODY1")}),
    "wrong secret": (BAD, "does not match", lambda a: {"keys": with_keys(a, secret_access_key="x" * 40)}),
    "a token with long-term keys": (UNKNOWN, "invalid", lambda a: {"keys": with_keys(a, session_token="x")}),
    "a session without its token": (UNKNOWN, "invalid", lambda a: {"keys": session_keys(a, session_token=None)}),
    "a session with another token": (UNKNOWN, "invalid", lambda a: {"keys": session_keys(a, session_token="x")}),
    "an altered body": (BAD, "does not match", lambda a: {"change": lambda r: setattr(r, "body", r.body.replace(b"a", b"b", 1))}),
    "another path": (BAD, "does not match", lambda a: {"change": lambda r: setattr(r, "target", "/x")}),
    "an added query": (BAD, "does not match", lambda a: {"change": lambda r: setattr(r, "target", "/?a=b")}),
    "another method": (BAD, "does not match", lambda a: {"change": lambda r: setattr(r, "method", "PUT")}),
    "an unsigned x-amz header": (BAD, "not a 'SignedHeader'", lambda a: {"change": put("X-Amz-Extra", "1")}),
    "an unsigned date": (BAD, "not a 'SignedHeader'", lambda a: {"change": unsign("x-amz-date")}),
    "a date that was moved": (BAD, "does not match", lambda a: {"change": lambda r: r.headers.update(
        {"X-Amz-Date": r.headers["X-Amz-Date"][:-3] + ("00Z" if r.headers["X-Amz-Date"][-3:-1] != "00" else "01Z")})}),
    "6 minutes ago": (BAD, "Signature expired", lambda a: {"signer": move_date(-360)}),
    "in 6 minutes": (BAD, "not yet current", lambda a: {"signer": move_date(360)}),
    "another service": (BAD, "correct service", lambda a: {"scope": "rds"}),
    "no such region": (BAD, "valid region", lambda a: {"region": "nowhere"}),
    "a scope of another day": (BAD, "Credential scope", lambda a: {"change": lambda r: r.headers.update(
        Authorization=r.headers["Authorization"].replace("/20", "/19", 1))}),
    "a host that was not signed": (BAD, "'Host'", lambda a: {"change": edit_authorization("host;", "")}),
    "half an Authorization": (INCOMPLETE, "", lambda a: {"change": edit_authorization("Signature=", "Sig=")}),
    "no Authorization": (("MissingAuthenticationTokenException", "MissingAuthenticationToken"), "Missing|missing",
                         lambda a: {"change": lambda r: r.headers.pop("Authorization")}),
}


@pytest.mark.parametrize("service", ("json", "query"))
@pytest.mark.parametrize("name", REFUSED)
def test_refused(aws, name, service):
    codes, text, how = REFUSED[name]
    status, body = (send_get_value if service == "json" else send_who_am_i)(aws, **how(aws))
    body = body.decode()
    if service == "json":
        read = json.loads(body)
        assert (status, read["__type"]) == (400, codes[0]), body
    else:
        assert f"<Code>{codes[1]}</Code>" in body and status in (400, 403), body
    assert any(t in body for t in text.split("|")), body
    assert aws.log()[-1]["code"] == codes[service == "query"] and aws.log()[-1]["principal"] is None


def test_not_refused(aws):
    """The same requests as above when nothing is done to them."""
    aws.put_secret("raw", "x")
    assert send_get_value(aws)[0] == 200 and send_who_am_i(aws)[0] == 200
    assert send_get_value(aws, keys=session_keys(aws))[0] == 200
    assert send_who_am_i(aws, signer=move_date(-240))[0] == 200


def test_a_hash_header_that_lies(aws):
    headers = {"X-Amz-Target": "secretsmanager.GetSecretValue", "X-Amz-Content-Sha256": "0" * 64}
    status, body = send(aws, "secretsmanager", '{"SecretId": "raw"}', headers=headers)
    assert status == 400 and b"not the hash of the body" in body
    aws.put_secret("raw", "x")
    right = hashlib.sha256(b'{"SecretId": "raw"}').hexdigest()
    headers["X-Amz-Content-Sha256"] = right
    assert send(aws, "secretsmanager", '{"SecretId": "raw"}', headers=headers)[0] == 200


def presigned(aws, change=None, expires=60):
    path = "/?Action=GetCallerIdentity&Version=2011-06-15"
    return send(aws, "sts", "", change, signer=botocore.auth.SigV4QueryAuth, path=path, expires=expires)


def test_presigned(aws):
    status, body = presigned(aws)
    assert status == 200 and b":user/app<" in body
    status, body = presigned(aws, lambda r: setattr(r, "target", r.target.replace("Expires=60", "Expires=90")))
    assert status == 403 and b"SignatureDoesNotMatch" in body
    aws.skew(70)
    status, body = presigned(aws)
    assert status == 403 and b"Signature expired" in body


def test_an_expired_session(aws):
    keys = aws.add_session("short", "app", ttl_s=100)
    assert client_of(aws, "sts", keys).get_caller_identity()["Account"] == ACCOUNT
    aws.skew(101)
    assert refusal(client_of(aws, "sts", keys).get_caller_identity)[::2] == ("ExpiredToken", 403)
    assert refusal(client_of(aws, "kms", keys).describe_key, KeyId="x")[::2] == ("ExpiredTokenException", 400)
    aws.skew(0)
    aws.expire("short")
    assert refusal(client_of(aws, "sts", keys).get_caller_identity)[0] == "ExpiredToken"
    aws.remove_keys("short")
    assert refusal(client_of(aws, "sts", keys).get_caller_identity)[0] == "InvalidClientTokenId"


def test_the_date_of_a_reply_tells_the_skew(aws):
    aws.skew(3600)
    with pytest.raises(ClientError, match="Signature expired") as caught:
        client_of(aws, "sts").get_caller_identity()
    said = caught.value.response["ResponseMetadata"]["HTTPHeaders"]["date"]
    moment = dt.datetime.strptime(said, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=dt.timezone.utc)
    assert abs((moment - dt.datetime.now(dt.timezone.utc)).total_seconds() - 3600) < 60


def test_regions_that_are_not_there(aws):
    aws.only_regions("eu-west-1")
    assert refusal(client_of(aws, "sts").get_caller_identity)[1].endswith("valid region.")
    assert client_of(aws, "sts", region="eu-west-1").get_caller_identity()["Account"] == ACCOUNT


INVALID = [
    ("secretsmanager", "secretsmanager.GetSecretValue", '{"SecretId": ""}', "ValidationException"),
    ("secretsmanager", "secretsmanager.GetSecretValue", "{}", "ValidationException"),
    ("secretsmanager", "secretsmanager.GetSecretValue", '{"SecretId": "x", "Stage": "y"}', "ValidationException"),
    ("secretsmanager", "secretsmanager.GetSecretValue", '{"SecretId": 5}', "ValidationException"),
    ("secretsmanager", "secretsmanager.GetSecretValue", "not JSON", "SerializationException"),
    ("secretsmanager", "secretsmanager.NoSuchThing", "{}", "UnknownOperationException"),
    ("kms", "TrentService.Decrypt", '{"CiphertextBlob": "***"}', "SerializationException"),
    ("kms", "TrentService.GenerateDataKey", '{"KeyId": "x", "KeySpec": "AES_1"}', "ValidationException"),
    ("sts", None, "Action=AssumeRole&Version=2011-06-15", "ValidationError"),
    ("sts", None, f"Action=AssumeRole&Version=2011-06-15&RoleArn={ROLE}&RoleSessionName=a%20b", "ValidationError"),
    ("sts", None, f"Action=AssumeRole&Version=2011-06-15&RoleArn={ROLE}&RoleSessionName=ab&Tags.member.2.Key=x",
     "MalformedInput"),
    ("sts", None, "Action=Nothing&Version=2011-06-15", "InvalidAction"),
    ("sts", None, "Action=GetCallerIdentity&Version=2011-06-16", "InvalidAction"),
]


@pytest.mark.parametrize("service,target,body,code", INVALID)
def test_input_is_held_against_the_model(aws, service, target, body, code):
    headers = {"X-Amz-Target": target} if target else {}
    status, text = send(aws, service, body, headers=headers)
    assert status == 400 and code in text.decode(), text


# --- the two implementations of the signature ---


def vectors():
    for context in sorted(VECTORS.glob("*/context.json")):
        known = json.loads(context.read_text())
        if known.get("normalize", True) and not known.get("omit_session_token"):
            for kind in ("header", "query"):
                yield pytest.param(context.parent, kind, known, id=f"{context.parent.name}-{kind}")


def read_vector(path):
    head, _, body = path.read_bytes().decode().replace("\r\n", "\n").partition("\n\n")
    first, *lines = head.split("\n")
    method, _, rest = first.partition(" ")
    headers = []
    for line in lines:
        if line[:1] in " \t":
            headers[-1] = (headers[-1][0], headers[-1][1] + " " + line.strip())
        else:
            name, _, value = line.partition(":")
            headers.append((name, value))
    return aws_sigv4.Received(method, rest.rsplit(" ", 1)[0], tuple(headers), body.encode())


@pytest.mark.parametrize("directory,kind,known", vectors())
def test_the_second_opinion_on_published_vectors(directory, kind, known):
    request = read_vector(directory / f"{kind}-signed-request.txt")
    claim = aws_sigv4.claim_of(request)
    secret = known["credentials"]["secret_access_key"]
    assert aws_sigv4.signature(request, claim, secret) == claim.signature
    assert claim.presigned == (kind == "query")


def test_both_must_agree(monkeypatch):
    request = read_vector(VECTORS / "post-vanilla-query" / "header-signed-request.txt")
    claim = aws_sigv4.claim_of(request)
    secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    aws_auth.check_signature(request, claim, secret)
    for module, name in ((aws_auth, "botocore_signature"), (aws_sigv4, "signature")):
        with monkeypatch.context() as patched:
            patched.setattr(module, name, lambda *_: "0" * 64)
            with pytest.raises(aws_errors.AwsError, match="differ"):
                aws_auth.check_signature(request, claim, secret)


def test_replies_are_held_against_the_model(monkeypatch):
    operation = aws_model.service_model("secretsmanager").operation_model("GetSecretValue")
    body, _ = aws_model.write_reply(operation, {"Name": "x", "VersionStages": ["a"]}, "id")
    assert json.loads(body) == {"Name": "x", "VersionStages": ["a"]}
    for wrong in ({"Nmae": "x"}, {"Name": 5}):
        with pytest.raises(Exception, match="Unknown parameter|Invalid type"):
            aws_model.write_reply(operation, wrong, "id")
    monkeypatch.setattr(aws_model.json, "dumps", lambda _: '{"Name": "y"}')
    with pytest.raises(aws_model.ReplyError):
        aws_model.write_reply(operation, {"Name": "x"}, "id")


# --- permissions and faults ---


def test_denied_by_action_resource_and_principal(aws):
    one, two = aws.put_secret("deny/one", "1"), aws.put_secret("deny/two", "2")
    aws.add_user("reader")
    app, reader = (client_of(aws, "secretsmanager", aws.keys(w)) for w in ("app", "reader"))
    aws.deny("secretsmanager:Get*", resource="*:secret:deny/one-??????", principal="*:user/reader")
    assert refusal(reader.get_secret_value, SecretId=one) == (
        "AccessDeniedException", f"User: arn:aws:iam::{ACCOUNT}:user/reader is not authorized to perform:"
        f" secretsmanager:GetSecretValue on resource: {one} because no identity-based policy allows the"
        " secretsmanager:GetSecretValue action", 400)
    assert app.get_secret_value(SecretId=one) and reader.get_secret_value(SecretId=two)
    assert reader.describe_secret(SecretId=one)
    aws.undeny()
    assert reader.get_secret_value(SecretId=one)
    aws.deny("rds:*")
    assert refusal(client_of(aws, "rds").describe_db_clusters)[::2] == ("AccessDenied", 403)


def test_faults_with_a_count(aws):
    client = client_of(aws, "sts")
    aws.fault("GetCallerIdentity", n=2, code="Throttling")
    assert refusal(client.get_caller_identity) == ("Throttling", "Rate exceeded", 400)
    aws.fault("sts:*", n=1, status=503)
    assert refusal(client.get_caller_identity)[0] == "Throttling"
    assert refusal(client.get_caller_identity)[::2] == ("ServiceUnavailable", 503)
    assert client.get_caller_identity()["Account"] == ACCOUNT
    assert aws.calls("sts:GetCallerIdentity") == 4
    aws.fault("Decrypt", status=500)
    assert client.get_caller_identity()["Account"] == ACCOUNT, "another action"
    assert refusal(client_of(aws, "kms").decrypt, CiphertextBlob=b"x")[::2] == ("InternalFailure", 500)


def test_faults_with_a_time(aws):
    client = client_of(aws, "sts")
    aws.fault("*", seconds=0)
    assert client.get_caller_identity()
    aws.fault("*", seconds=3600, code="InternalFailure")
    assert refusal(client.get_caller_identity)[::2] == ("InternalFailure", 500)
    aws.clear_faults()
    assert client.get_caller_identity()


def test_a_body_of_ones_own(aws):
    aws.fault(n=1, status=502, body=b"<html>\xff bad gateway")
    assert send_get_value(aws) == (502, b"<html>\xff bad gateway")


def test_dropped_and_hanging(aws):
    client = client_of(aws, "sts")
    aws.fault(n=1, drop=True)
    with pytest.raises((HTTPClientError, EndpointConnectionError)):
        client.get_caller_identity()
    assert aws.log()[-1]["status"] == 0
    aws.fault(n=1, hang=True)
    outcome = []

    def call():
        with pytest.raises((HTTPClientError, EndpointConnectionError)) as caught:
            client.get_caller_identity()
        outcome.append(caught.value)

    there = threading.Thread(target=call)
    there.start()
    there.join(0.3)
    assert there.is_alive() and client_of(aws, "sts").get_caller_identity(), "others go on meanwhile"
    aws.clear_faults()
    there.join(10)
    assert len(outcome) == 1


# --- database tokens ---


@pytest.fixture
def shop(aws):
    aws.add_cluster("token-shop", HOST, 5432, resource_id="cluster-TOKEN")
    return lambda user, token, **more: aws.check_token(user, token, **({"cluster": "token-shop"} | more))


def db_token(aws, keys=None, host=HOST, port=5432, user="loader", region="us-east-1"):
    return client_of(aws, "rds", keys, region=region).generate_db_auth_token(host, port, user)


def test_a_good_token(aws, shop):
    token = db_token(aws)
    assert shop("loader", token) == (True, "")
    place = {"cluster": None, "host": HOST.upper(), "port": 5432, "region": "us-east-1",
             "resource_id": "cluster-TOKEN"}
    assert shop("loader", token, **place) == (True, "")
    assert shop("loader", db_token(aws, aws.add_session("db", "app"))) == (True, "")
    assert aws.calls("connect") == 3 and len(aws.tokens_seen()) == 2
    entry = aws.log()[0]
    assert entry["token"] == hashlib.sha256(token.encode()).hexdigest() and entry["ok"] is True
    assert entry["principal"].endswith(":user/app")
    assert "X-Amz-Signature" not in json.dumps(aws.log())


TOKENS = {
    "another user": ("for user", lambda a: db_token(a, user="Loader")),
    "another host": ("for host", lambda a: db_token(a, host="x." + HOST)),
    "another port": ("for port", lambda a: db_token(a, port=5433)),
    "another Region": ("for Region", lambda a: db_token(a, region="us-west-2")),
    "an unknown key": ("security token", lambda a: db_token(a, with_keys(a, access_key_id="AKIAIOSFODNN7NOBODY1"))),
    "a wrong secret": ("does not match", lambda a: db_token(a, with_keys(a, secret_access_key="x"))),
    "no session token": ("security token", lambda a: db_token(a, session_keys(a, session_token=None))),
    "an altered signature": ("does not match", lambda a: db_token(a)[:-64] + "0" * 64),
    "a scheme": ("not a token", lambda a: "https://" + db_token(a)),
    "a blank": ("not a token", lambda a: db_token(a) + " "),
    "a part": ("not a token", lambda a: db_token(a)[:40]),
    "a password": ("not a token", lambda a: "secret"),
    "another parameter": ("other parameters", lambda a: db_token(a) + "&x=y"),
    "a parameter twice": ("twice", lambda a: db_token(a).replace("&X-Amz-Date", "&DBUser=x&X-Amz-Date")),
    "a longer life": ("over 900", lambda a: db_token(a).replace("Expires=900", "Expires=9000")),
}


@pytest.mark.parametrize("name", TOKENS)
def test_a_bad_token(aws, shop, name):
    text, make = TOKENS[name]
    ok, why = shop("loader", make(aws))
    assert not ok and text in why, why


def test_a_token_of_the_wrong_age(aws, shop):
    token = db_token(aws)
    aws.skew(890)
    assert shop("loader", token) == (True, "")
    aws.skew(905)
    assert "expired" in shop("loader", token)[1]
    aws.skew(-400)
    assert "not yet current" in shop("loader", token)[1]
    aws.skew(100)
    aws.token_life(60)
    assert "expired" in shop("loader", token)[1]


def test_a_token_that_may_not_connect(aws, shop):
    token = db_token(aws)
    aws.deny("rds-db:connect", resource=f"arn:aws:rds-db:us-east-1:{ACCOUNT}:dbuser:cluster-TOKEN/loader")
    assert "may not rds-db:connect" in shop("loader", token)[1]
    aws.undeny()
    aws.set_database("token-shop", iam=False)
    assert "IAM authentication is off" in shop("loader", token)[1]
    aws.set_database("token-shop", iam=True)
    aws.add_user("stranger", account=OTHER)
    assert "not of account" in shop("loader", db_token(aws, aws.keys("stranger")))[1]
    aws.fault("*")
    assert shop("loader", token) == (True, ""), "a fault of the API is none of the database"
    aws.clear_faults()
    aws.fault("rds-db:connect", n=1)
    assert [shop("loader", token)[0] for _ in range(2)] == [False, True]
    keys = aws.add_session("ending", "app", ttl_s=60)
    token = db_token(aws, keys)
    aws.skew(61)
    assert "expired" in shop("loader", token)[1]


def post(url, body, headers):
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as e:
        return e.code, None


def test_the_check_secret_opens_nothing_else(aws, shop):
    question = {"user": "loader", "token": db_token(aws), "cluster": "token-shop"}
    secret = {"X-Check-Secret": aws.check_secret}
    assert post(aws.check_url, question, secret) == (200, {"answer": {"ok": True, "why": ""}})
    assert post(aws.check_url, question, {"X-Check-Secret": "x"})[0] == 403
    assert post(aws.check_url, question, {})[0] == 403
    other = aws.check_url.replace("check_token", "log")
    assert post(other, {}, secret)[0] == 403
    assert post(other, {}, {"X-Control-Token": aws.check_secret})[0] == 403


# --- metadata endpoints ---


def instance_fetcher(aws):
    return InstanceMetadataFetcher(timeout=10, num_attempts=1, base_url=aws.imds_url + "/", env={})


def test_an_instance_profile(aws):
    aws.add_role(ROLE)
    aws.instance_role(ROLE)
    loaded = InstanceMetadataProvider(instance_fetcher(aws)).load().get_frozen_credentials()
    keys = types.SimpleNamespace(access_key_id=loaded.access_key, secret_access_key=loaded.secret_key,
                                 session_token=loaded.token)
    assert client_of(aws, "sts", keys).get_caller_identity()["Arn"].startswith(
        f"arn:aws:sts::{OTHER}:assumed-role/reader/i-")
    assert [e["operation"] for e in aws.log()][:3] == ["token", "credentials", "credentials"]
    aws.instance_role(None)
    assert InstanceMetadataProvider(instance_fetcher(aws)).load() is None


def imds(aws, method, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(aws.imds_url).port, timeout=20)
    try:
        connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        reply = connection.getresponse()
        return reply.status, reply.read().decode()
    finally:
        connection.close()


def test_the_rules_of_imds(aws):
    aws.add_role(ROLE)
    aws.instance_role(ROLE, region="eu-west-1")
    path, ttl = "/latest/meta-data/iam/security-credentials/", "X_aws_ec2_metadata_token_ttl_seconds"
    for bad in ({}, {ttl: "0"}, {ttl: "21601"}, {ttl: "x"}):
        assert imds(aws, "PUT", "/latest/api/token", **bad)[0] == 400
    assert imds(aws, "PUT", "/latest/api/token", **{ttl: "60", "X_Forwarded_For": "10.0.0.1"})[0] == 403
    status, token = imds(aws, "PUT", "/latest/api/token", **{ttl: "60"})
    assert status == 200
    assert imds(aws, "GET", path)[0] == 401, "version 1 is off"
    assert imds(aws, "GET", path, X_aws_ec2_metadata_token="x")[0] == 401
    good = {"X_aws_ec2_metadata_token": token}
    assert imds(aws, "GET", path, **good) == (200, "reader")
    assert imds(aws, "GET", path + "other", **good)[0] == 404
    assert imds(aws, "GET", "/latest/meta-data/placement/region", **good) == (200, "eu-west-1")
    first = json.loads(imds(aws, "GET", path + "reader", **good)[1])
    assert json.loads(imds(aws, "GET", path + "reader", **good)[1]) == first | {"LastUpdated": mock.ANY}
    aws.instance_role(ROLE)
    assert json.loads(imds(aws, "GET", path + "reader", **good)[1])["AccessKeyId"] != first["AccessKeyId"]
    aws.fault("imds:credentials", n=1, status=500)
    assert [imds(aws, "GET", path, **good)[0] for _ in range(2)] == [500, 200]


@pytest.mark.parametrize("kind", ("eks", "ecs"))
def test_a_container(aws, kind):
    aws.add_role(ROLE)
    aws.container_role(ROLE)
    env = aws.eks_env() if kind == "eks" else aws.ecs_env()
    if kind == "eks":  # Debian's botocore knows no token file yet
        env["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = Path(env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]).read_text()
    loaded = ContainerProvider(env, ContainerMetadataFetcher()).load().get_frozen_credentials()
    keys = types.SimpleNamespace(access_key_id=loaded.access_key, secret_access_key=loaded.secret_key,
                                 session_token=loaded.token)
    assert client_of(aws, "sts", keys).get_caller_identity()["Arn"].endswith("/reader/task-1")


def test_a_container_with_a_wrong_token(aws):
    for url in (aws.container_url, aws.ecs_url + "x"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(urllib.request.Request(url, headers={"Authorization": "x"}), timeout=20)
        assert caught.value.code == (401 if url == aws.container_url else 404)


# --- the process ---


def test_64_clients_at_once(aws):
    aws.put_secret("raw", "x")
    requests = [Request(aws, "secretsmanager", '{"SecretId": "raw"}',
                        headers={"X-Amz-Target": "secretsmanager.GetSecretValue"}) for _ in range(64)]
    start, statuses = threading.Barrier(64), []

    def run(request):
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(aws.url).port, timeout=20)
        start.wait()
        for _ in range(5):
            connection.request(request.method, request.target, request.body, request.headers)
            reply = connection.getresponse()
            reply.read()
            statuses.append(reply.status)
        connection.close()

    threads = [threading.Thread(target=run, args=(r,)) for r in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 320 and aws.calls("GetSecretValue") == 320


def test_controls_that_cannot_be(aws):
    with pytest.raises(StandinError, match="no control"):
        aws._control("_secret")
    with pytest.raises(StandinError, match="KeyError"):
        aws.rotate("arn:nobody", "x")
    with pytest.raises(StandinError, match="AWSPENDING"):
        aws.rotate(aws.put_secret("not-rotating", "x"))


def test_the_environment_of_a_client(aws):
    env = aws.env()
    assert env["AWS_ENDPOINT_URL"] == aws.url and "AWS_SESSION_TOKEN" not in env
    assert Path(env["AWS_CONFIG_FILE"]).read_text() == Path(env["AWS_SHARED_CREDENTIALS_FILE"]).read_text() == ""
    aws.add_session("with-token", "app")
    assert aws.env("with-token")["AWS_SESSION_TOKEN"] == aws.keys("with-token").session_token
    assert "SECRET" not in json.dumps(aws.describe()).upper() and aws.check_secret not in json.dumps(aws.describe())
    assert aws.env()["AWS_SECRET_ACCESS_KEY"] not in repr(aws.keys("app"))


@pytest.mark.skipif(not Path("/usr/bin/aws").exists(), reason="Debian's awscli is not installed")
def test_the_command_line_client(aws):
    env = {"PATH": "/usr/bin:/bin", "HOME": str(aws.directory)} | aws.env()
    done = subprocess.run(["/usr/bin/aws", "sts", "get-caller-identity", "--endpoint-url", aws.url],
                          env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["Account"] == ACCOUNT


def gone(pid):
    """Waits until no such process is left (or only its exit status)."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            if not Path(f"/proc/{pid}/cmdline").read_bytes():
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


def test_another_process_finds_it_again(tmp_path):
    started = AwsStandin(tmp_path).start()
    try:
        started.detach()
        found = AwsStandin.attach(json.loads(json.dumps(started.describe())))
        assert found.keys("app") == started.keys("app") and found.container_token == started.container_token
        found.close()
        assert gone(started._process.pid)
        with pytest.raises(StandinError, match="does not answer"):
            started.log()
    finally:
        started.close()


def test_it_ends_with_its_launcher(tmp_path):
    code = ("import sys, time; from support.aws_standin import AwsStandin\n"
            "print(AwsStandin(sys.argv[1]).start().pid, flush=True); time.sleep(60)")
    launcher = subprocess.Popen([sys.executable, "-B", "-c", code, str(tmp_path)], cwd=TESTS,
                                stdout=subprocess.PIPE, text=True)
    pid = int(launcher.stdout.readline())
    try:
        assert Path(f"/proc/{pid}").exists()
        os.kill(launcher.pid, signal.SIGKILL)
        ended = gone(pid)
        if not ended:
            os.kill(pid, signal.SIGKILL)  # a failing test leaves nothing behind either
        assert ended
    finally:
        launcher.kill()
        launcher.wait()
        launcher.stdout.close()


def test_a_start_that_fails(tmp_path):
    with pytest.raises(StandinError, match="No such file"):
        AwsStandin(tmp_path, tls=("/nowhere.crt", "/nowhere.key")).start()


def test_tls(tmp_path):
    cert, key = tmp_path / "c.pem", tmp_path / "k.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=lab",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
                   check=True, capture_output=True)
    with AwsStandin(tmp_path / "aws", tls=(cert, key)) as aws:
        assert aws.url.startswith("https://") and aws.env()["AWS_CA_BUNDLE"] == str(cert)
        with socket.create_connection(("127.0.0.1", aws.ports["service"])):  # says nothing, holds nobody up
            assert client_of(aws, "sts").get_caller_identity()["Account"] == ACCOUNT
        assert aws.log_tail() == ""
