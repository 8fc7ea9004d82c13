"""IAM tokens and signatures compared with botocore's, for random input. No server is needed.

The seed is printed when a test fails; SLUICE_SEED repeats it.
"""

import datetime
import json
import os
import random
import string
import subprocess
import types
from pathlib import Path
from unittest import mock
from urllib.parse import quote

import pytest

auth = pytest.importorskip("botocore.auth", reason="needs python3-botocore")
signers = pytest.importorskip("botocore.signers")
from botocore.awsrequest import AWSRequest  # noqa: E402
from botocore.credentials import Credentials  # noqa: E402
from botocore.hooks import HierarchicalEmitter  # noqa: E402
from botocore.model import ServiceId  # noqa: E402

TOOLS = Path(os.environ.get("SLUICE_TOOLS", Path(__file__).parents[2] / "build" / "default" / "tools"))
TOKENS = 1000
REQUESTS = 600
REGIONS = ("us-east-1", "us-west-2", "eu-central-1", "ap-southeast-3", "il-central-1", "cn-north-1",
           "cn-northwest-1", "us-gov-west-1", "us-gov-east-1", "us-iso-east-1", "us-isob-east-1")
SIGNS = " /+%&=?#~*-._'\"!()@:;,[]\\|<>{}^`$"
EVENTS = HierarchicalEmitter()  # a signer does not keep it alive
LETTERS = "äßñéЖлλ中文한日🦀😀\u00a0\u2028\ufeff\U0010ffff"


@pytest.fixture
def rng():
    seed = int(os.environ.get("SLUICE_SEED") or random.SystemRandom().randrange(2**32))
    print(f"SLUICE_SEED={seed}")
    return random.Random(seed)


def run_tool(name, jobs):
    """One process for all jobs; one line of answer for each."""
    lines = "".join(json.dumps(job) + "\n" for job in jobs)
    done = subprocess.run([TOOLS / name], input=lines, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-500:] + done.stderr
    answers = done.stdout.split("\n")[:-1]  # U+2028 ends no line
    assert len(answers) == len(jobs)
    return answers


def text_of(rng, letters, low, high):
    return "".join(rng.choice(letters) for _ in range(rng.randint(low, high)))


def random_keys(rng):
    base64 = string.ascii_letters + string.digits + "+/"
    session = rng.choice((None, text_of(rng, base64, 1, 1500) + rng.choice(("", "=", "=="))))
    return {"access_key_id": text_of(rng, string.ascii_uppercase + string.digits, 16, 128),
            "secret_access_key": text_of(rng, base64, 1, 60), "session_token": session,
            "now": rng.randrange(946684800, 4102444800)}


# --- what botocore makes of it ---


def credentials(job):
    return Credentials(job["access_key_id"], job["secret_access_key"], job["session_token"])


def date_of(job):
    return datetime.datetime.fromtimestamp(job["now"], datetime.timezone.utc).replace(tzinfo=None)


def botocore_token(job):
    """By botocore's own function; its clock is ours, and its signer the one in Python."""
    clock = types.SimpleNamespace(datetime=types.SimpleNamespace(utcnow=lambda: date_of(job)))
    signer = signers.RequestSigner(ServiceId("RDS"), "eu-west-3", "rds", "v4", credentials(job),
                                   EVENTS)
    client = types.SimpleNamespace(meta=None, _request_signer=signer)
    with mock.patch.object(auth, "datetime", clock), \
         mock.patch.dict(auth.AUTH_TYPE_MAPS, {"v4-query": auth.SigV4QueryAuth}):
        return signers.generate_db_auth_token(client, job["host"], job["port"], job["user"],
                                              job["region"])


def botocore_signer(job):
    names = (credentials(job), job["service"], job["region"])
    if job["how"] == "header":
        return auth.SigV4Auth(*names)
    return auth.SigV4QueryAuth(*names, expires=job["expires"])


def botocore_stages(job):
    """Canonical request, string to sign, signature, and the signed request."""
    query = f"?{job['query']}" if job["query"] else ""
    request = AWSRequest(job["method"], f"https://unused.example{job['path']}{query}",
                         data=job["body"].encode())
    for name, value in job["headers"]:
        request.headers[name] = value
    if job["body_header"] and job["how"] == "header":
        request.headers["X-Amz-Content-SHA256"] = auth.sha256(job["body"].encode()).hexdigest()
    request.context["timestamp"] = date_of(job).strftime(auth.SIGV4_TIMESTAMP)
    signer = botocore_signer(job)
    if job["path_how"] != "normalised":
        kept = (lambda path: path) if job["path_how"] == "raw" else (lambda path: quote(path, safe="/~"))
        signer._normalize_url_path = kept
    signer._modify_request_before_signing(request)
    canonical = signer.canonical_request(request)
    to_sign = signer.string_to_sign(request, canonical)
    signature = signer.signature(to_sign, request)
    signer._inject_signature_to_request(request, signature)
    return canonical, to_sign, signature, request


# --- tokens ---


def random_host(rng, region):
    letters = string.ascii_letters + string.digits
    name = text_of(rng, letters, 1, 1) + text_of(rng, letters + "-_", 0, 40)
    return rng.choice((
        f"{name}.cluster-{text_of(rng, letters, 12, 12)}.{region}.rds.amazonaws.com",
        f"{name}.limitless-{text_of(rng, letters, 12, 12)}.{region}.rds.amazonaws.com".lower(),
        f"{name}.{region}.RDS.amazonaws.com.cn",
        name, name + ".example.", "localhost",
        ".".join(str(rng.randrange(256)) for _ in range(4)),
        f"[{rng.randrange(65536):x}::{rng.randrange(65536):X}]"))


def random_user(rng):
    letters = rng.choice((string.ascii_lowercase + "_", string.ascii_letters + SIGNS, SIGNS + LETTERS))
    return text_of(rng, letters, 1, 60)


def random_login(rng):
    region = rng.choice(REGIONS)
    port = rng.choice((5432, 3306, 443, 80, 1, 65535, rng.randint(1, 65535)))
    return {"host": random_host(rng, region), "port": port, "region": region,
            "user": random_user(rng), **random_keys(rng)}


def test_tokens_equal_botocores(rng):
    jobs = [random_login(rng) for _ in range(TOKENS)]
    for job, ours in zip(jobs, run_tool("token_lines", jobs)):
        where, _, query = ours.partition("/?")
        want_where, _, want_query = botocore_token(job).partition("/?")
        assert where == want_where, job
        assert sorted(query.split("&")) == sorted(want_query.split("&")), job


def test_the_random_logins_reach_the_corners(rng):
    """Otherwise the comparison would say less than it seems to."""
    jobs = [random_login(rng) for _ in range(TOKENS)]
    assert {job["region"] for job in jobs} == set(REGIONS)
    assert any(job["port"] == 443 for job in jobs)
    assert any(job["session_token"] for job in jobs) and any(not job["session_token"] for job in jobs)
    assert any(not job["user"].isascii() for job in jobs)
    assert any(job["host"] != job["host"].lower() for job in jobs)


@pytest.mark.parametrize("change, why", [
    ({"host": ""}, "host"), ({"host": "db.example:5432"}, "host"), ({"host": "db example"}, "host"),
    ({"host": "db/x"}, "host"), ({"host": "höst"}, "host"), ({"port": 0}, "port"),
    ({"port": 65536}, "port"), ({"user": ""}, "user"), ({"user": "u\n"}, "user"),
    ({"region": ""}, "Region"), ({"region": "us-east-1\n"}, "Region"),
    ({"session_token": "a b"}, "session token")])
def test_what_cannot_be_a_login_gets_no_token(rng, change, why):
    answer = run_tool("token_lines", [{**random_login(rng), **change}])[0]
    assert answer.startswith("error: ") and why in answer


# --- requests ---


def random_path(rng):
    part = string.ascii_letters + SIGNS.replace("?", "").replace("#", "") + LETTERS
    parts = [rng.choice(("", ".", "..", "...", "%20", "a", text_of(rng, part, 1, 8)))
             for _ in range(rng.randint(0, 6))]
    return "/" + "/".join(parts)


def encoded(text):
    return quote(text, safe="-_.~")


def random_query(rng, repeat):
    """Encoded, as botocore wants it; with names that begin others."""
    letters = "abAB-_.~" + SIGNS + LETTERS
    names = [text_of(rng, rng.choice(("ab-", letters)), 1, 4) for _ in range(rng.randint(0, 8))]
    if not repeat:
        names = list(dict.fromkeys(names))
    return "&".join(f"{encoded(name)}={encoded(text_of(rng, letters, 0, 5))}" for name in names)


def random_headers(rng):
    value = string.ascii_letters + string.digits + "  \t,;:=\"/" + "é中"
    names = ("My-Header1", "my-header1", "My-Header", "X-Amz-Meta-B", "x-amz-meta", "X-Amz-Target",
             "Content-Type", "User-Agent", "a_b", "Zz")
    headers = [(rng.choice(names), text_of(rng, value, 0, 20)) for _ in range(rng.randint(0, 6))]
    if rng.random() < 0.2:
        headers.append(("My-Header1", "first\n  second\n\tthird"))
    headers.append((rng.choice(("Host", "host", "HOST")), rng.choice(("example.com", "Example.com:8443"))))
    rng.shuffle(headers)
    return headers


def random_request(rng):
    how = rng.choice(("header", "query"))
    body = rng.choice(("", '{"SecretId": "é"}', text_of(rng, string.printable, 1, 300)))
    return {"how": how, "method": rng.choice(("GET", "POST", "PUT")), "path": random_path(rng),
            "query": random_query(rng, repeat=how == "header"), "headers": random_headers(rng),
            "body": body if how == "header" else "", "path_how": rng.choice(("normalised", "kept", "raw")),
            "body_header": how == "header" and rng.random() < 0.5, "region": rng.choice(REGIONS),
            "service": rng.choice(("kms", "sts", "rds-db", "secretsmanager")),
            "expires": rng.randint(1, 604800), **random_keys(rng)}


def test_signatures_equal_botocores(rng):
    jobs = [random_request(rng) for _ in range(REQUESTS)]
    for job, line in zip(jobs, run_tool("sign_lines", jobs)):
        ours = json.loads(line)
        canonical, to_sign, signature, request = botocore_stages(job)
        assert ours["canonical"] == canonical, job
        assert ours["to_sign"] == to_sign, job
        assert ours["signature"] == signature, job
        if job["how"] == "header":
            assert ours["authorization"] == request.headers["Authorization"], job
        else:
            want = request.url.partition("?")[2]
            assert sorted(ours["query"].split("&")) == sorted(want.split("&")), job
