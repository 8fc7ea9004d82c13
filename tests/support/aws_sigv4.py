"""Signature Version 4 from the server's side, with the standard library only.

It is the second opinion beside botocore (aws_auth.py asks both): written from the public rules and
independent of the client under test. It also reads what a request claims about its signature.
Source: AWS IAM user guide, "Create a signed AWS API request".
"""

import datetime as dt
import hashlib
import hmac
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from support.aws_errors import AwsError

ALGORITHM = "AWS4-HMAC-SHA256"
DATE = "%Y%m%dT%H%M%SZ"
UNRESERVED = "-_.~"
EMPTY_HASH = hashlib.sha256(b"").hexdigest()

AUTHORIZATION = re.compile(
    ALGORITHM + r" +Credential=([^ ,]+), *SignedHeaders=([^ ,]+), *Signature=([0-9a-f]{64})")


@dataclass(frozen=True)
class Received:
    """A request as it came over the wire: nothing decoded, nothing normalised."""

    method: str
    target: str
    headers: tuple  # of (name, value), in their order
    body: bytes = b""

    @property
    def path(self):
        return self.target.partition("?")[0]

    @property
    def query(self):
        return self.target.partition("?")[2]

    def values(self, name):
        return [v for n, v in self.headers if n.lower() == name]

    def header(self, name):
        """The value of a header that may stand once; name in lower case."""
        found = self.values(name)
        if len(found) > 1 and name != "accept":
            raise AwsError("Incomplete", f"header {name} stands {len(found)} times")
        return found[0].strip() if found else None


@dataclass(frozen=True)
class Claim:
    """What a request says about its own signature. Signature and token stay out of any text."""

    access_key_id: str
    date: str  # X-Amz-Date as sent
    scope_date: str
    region: str
    service: str
    signed: tuple
    signature: str
    session_token: str | None
    expires_s: int | None  # of a presigned request; None: signed by headers

    @property
    def presigned(self):
        return self.expires_s is not None

    def moment(self):
        """Seconds since 1970 of X-Amz-Date."""
        try:
            read = dt.datetime.strptime(self.date, DATE)
        except ValueError:
            raise AwsError("Incomplete", "Date must be in ISO-8601 'basic format'. Got "
                                         f"'{self.date}'.") from None
        return read.replace(tzinfo=dt.timezone.utc).timestamp()

    def __repr__(self):
        return f"Claim({self.access_key_id}, {self.date}, {self.region}, {self.service})"


def claim_of(request):
    """The Claim in the headers or the query; None when the request is not signed at all."""
    authorization = request.header("authorization")
    parameters = query_parameters(request.query)
    if authorization is not None and "X-Amz-Signature" in parameters:
        raise AwsError("Incomplete", "Only one auth mechanism allowed")
    if authorization is not None:
        return _claim_of_headers(request, authorization)
    if "X-Amz-Signature" in parameters:
        return claim_of_query(parameters)
    return None


def _claim_of_headers(request, authorization):
    match = AUTHORIZATION.fullmatch(authorization)
    if not match:
        raise AwsError("Incomplete", "Authorization header is malformed or lacks Credential,"
                                     " SignedHeaders or Signature")
    date = request.header("x-amz-date")
    if date is None:
        raise AwsError("Incomplete", "Authorization header requires existence of either a"
                                     " 'X-Amz-Date' or a 'Date' header.")
    return Claim(**_scope(match[1]), date=date, signed=tuple(match[2].split(";")), signature=match[3],
                 session_token=request.header("x-amz-security-token"), expires_s=None)


def claim_of_query(parameters):
    """The Claim of a presigned request, from its decoded parameters."""
    if parameters.get("X-Amz-Algorithm") != ALGORITHM:
        raise AwsError("Incomplete", "X-Amz-Algorithm is missing or not " + ALGORITHM)
    expires = parameters.get("X-Amz-Expires", "")
    if not re.fullmatch(r"[0-9]{1,6}", expires) or not 1 <= int(expires) <= 604800:
        raise AwsError("Incomplete", "X-Amz-Expires must be between 1 and 604800")
    return Claim(**_scope(parameters.get("X-Amz-Credential", "")),
                 date=parameters.get("X-Amz-Date", ""),
                 signed=tuple(parameters.get("X-Amz-SignedHeaders", "").split(";")),
                 signature=parameters["X-Amz-Signature"],
                 session_token=parameters.get("X-Amz-Security-Token"), expires_s=int(expires))


def _scope(credential):
    words = credential.split("/")
    if len(words) != 5 or words[4] != "aws4_request" or not all(words):
        raise AwsError("Incomplete", "Credential must have exactly 5 slash-delimited elements, e.g."
                                     " keyid/date/region/service/term")
    return dict(zip(("access_key_id", "scope_date", "region", "service"), words))


def query_parameters(query):
    """Decoded parameters; a name that stands twice is refused, so that no check can be fooled."""
    found = {}
    for word in filter(None, query.split("&")):
        name, _, value = word.partition("=")
        name = unquote_to_bytes(name).decode("utf-8", "replace")
        if name in found:
            raise AwsError("Incomplete", f"query parameter {name} stands twice")
        found[name] = unquote_to_bytes(value).decode("utf-8", "replace")
    return found


# --- the signature, in its three stages ---

def canonical_path(path):
    """Dot segments and empty segments go, and what is on the wire is encoded once more."""
    kept = []
    for word in path.split("/"):
        if word == "..":
            kept[-1:] = []
        elif word not in ("", "."):
            kept.append(word)
    tail = "/" if kept and path.endswith(("/", "/.", "/..")) else ""
    return quote("/" + "/".join(kept) + tail, safe="/" + UNRESERVED)


def canonical_query(query):
    """Parameters decoded and encoded again, in the order of their encoded names, then values."""
    pairs = []
    for word in filter(None, query.split("&")):
        name, _, value = word.partition("=")
        if name != "X-Amz-Signature":
            pairs.append(tuple(quote(unquote_to_bytes(x), safe=UNRESERVED) for x in (name, value)))
    return "&".join(f"{n}={v}" for n, v in sorted(pairs))


def canonical_headers(request, signed):
    lines = []
    for name in signed:
        values = request.values(name)
        if not values:
            raise AwsError("BadSignature", f"'{name}' is in SignedHeaders but not in the request.")
        lines.append(name + ":" + ",".join(re.sub(r"\s+", " ", v.strip()) for v in values) + "\n")
    return "".join(lines)


def canonical_request(request, claim):
    return "\n".join([
        request.method, canonical_path(request.path), canonical_query(request.query),
        canonical_headers(request, claim.signed), ";".join(claim.signed), body_hash(request)])


def body_hash(request):
    return hashlib.sha256(request.body).hexdigest()


def signature(request, claim, secret):
    """The signature that the request should have had."""
    canonical = hashlib.sha256(canonical_request(request, claim).encode()).hexdigest()
    scope = "/".join([claim.scope_date, claim.region, claim.service, "aws4_request"])
    key = ("AWS4" + secret).encode()
    for word in scope.split("/"):
        key = hmac.new(key, word.encode(), hashlib.sha256).digest()
    text = "\n".join([ALGORITHM, claim.date, scope, canonical])
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
