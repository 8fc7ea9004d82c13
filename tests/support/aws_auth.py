"""Who sent this request? Signatures are checked by botocore's code and by our second opinion.

Both must find the signature right; where they differ, the request is refused and the stand-in says
so, because then one of them is wrong. Around that are the rules that AWS has and a signer need not
know: clock, scope, which headers must be signed, session tokens, expiry.
"""

import hmac

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from support import aws_sigv4
from support.aws_errors import AwsError

SKEW_S = 300


class _Signer(botocore.auth.SigV4Auth):
    """botocore's, told which headers were signed instead of choosing them."""

    signed = ()

    def headers_to_sign(self, request):
        chosen = botocore.auth.HTTPHeaders()
        for name, value in request.headers.items():
            if name.lower() in self.signed:
                chosen[name.lower()] = value
        return chosen


def botocore_signature(request, claim, secret):
    """What botocore would have sent for this request at its X-Amz-Date.

    These are the steps of SigV4Auth.add_auth with the moment given instead of asked from the clock,
    so that no other thread's clock is touched. A presigned request differs in nothing but that its
    parameters are in the URL already.
    """
    target = "&".join(w for w in request.target.split("&") if not w.startswith("X-Amz-Signature="))
    host = request.header("host") or ""
    sent = AWSRequest(method=request.method, url=f"http://{host}{target}", data=request.body)
    for name, value in request.headers:
        sent.headers[name] = value
    sent.context["timestamp"] = claim.date
    signer = _Signer(Credentials(claim.access_key_id, secret, claim.session_token),
                     claim.service, claim.region)
    signer.signed = claim.signed
    return signer.signature(signer.string_to_sign(sent, signer.canonical_request(sent)), sent)


def check_signature(request, claim, secret):
    expected = botocore_signature(request, claim, secret)
    second = aws_sigv4.signature(request, claim, secret)
    if not hmac.compare_digest(expected, second):
        raise AwsError("BadSignature", "botocore and the second opinion differ on this request")
    if not hmac.compare_digest(expected, claim.signature):
        raise AwsError("BadSignature")


def check_form(request, claim):
    """The rules on what has to be covered by the signature."""
    if list(claim.signed) != sorted(set(claim.signed)):
        raise AwsError("BadSignature", "SignedHeaders is not sorted, or names a header twice")
    if "host" not in claim.signed:
        raise AwsError("BadSignature", "'Host' must be a 'SignedHeader' in the AWS Authorization.")
    for name, _ in request.headers:
        if name.lower().startswith("x-amz-") and name.lower() not in claim.signed:
            raise AwsError("BadSignature", f"'{name}' is present but not a 'SignedHeader'.")
    claimed = request.header("x-amz-content-sha256")
    if claimed is not None and claimed != aws_sigv4.body_hash(request):
        raise AwsError("BadSignature", "x-amz-content-sha256 is not the hash of the body")


def check_date(claim, now_s):
    """Within five minutes of the server's clock; a presigned request lives as long as it says."""
    moment = claim.moment()
    if claim.date[:8] != claim.scope_date:
        raise AwsError("BadSignature", "Date in Credential scope does not match YYYYMMDD from"
                                       f" ISO-8601 version of date from HTTP: '{claim.scope_date}'"
                                       f" != '{claim.date[:8]}'")
    past = claim.expires_s if claim.presigned else SKEW_S
    if moment < now_s - past:
        raise AwsError("BadSignature", f"Signature expired: {claim.date} is now earlier than"
                                       f" {basic(now_s - past)} ({basic(now_s)} - {past} s.)")
    if moment > now_s + SKEW_S:
        raise AwsError("BadSignature", f"Signature not yet current: {claim.date} is still later than"
                                       f" {basic(now_s + SKEW_S)} ({basic(now_s)} + 5 min.)")


def basic(unix_s):
    stamp = aws_sigv4.dt.datetime.fromtimestamp(int(unix_s), aws_sigv4.dt.timezone.utc)
    return stamp.strftime(aws_sigv4.DATE)


def check_token(claim, keys):
    """A temporary key without its session token is as good as none, and the other way round."""
    wanted, given = keys.session_token, claim.session_token
    if (wanted is None) != (given is None) or (
            wanted is not None and not hmac.compare_digest(wanted.encode(), given.encode())):
        raise AwsError("UnknownKey")


def authenticate(request, claim, service, state):
    """The keys (aws_state.Keys) that signed this request for the service, or AwsError."""
    now_s = state.now_s()
    check_form(request, claim)
    check_date(claim, now_s)
    if claim.service != service:
        raise AwsError("BadSignature", f"Credential should be scoped to correct service: '{service}'.")
    if not state.region_exists(claim.region):
        raise AwsError("BadSignature", "Credential should be scoped to a valid region.")
    keys = state.keys.get(claim.access_key_id)
    if keys is None:
        raise AwsError("UnknownKey")
    check_token(claim, keys)
    check_signature(request, claim, keys.secret_access_key)
    if keys.expired(now_s):
        raise AwsError("Expired")
    return keys
