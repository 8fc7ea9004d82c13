"""How the AWS stand-in says no: the services' own codes, texts and statuses.

An AwsError carries a code. The codes in BOTH are refusals that every service has, under a name that
depends on its protocol; all others are sent as they are.
"""

JSON = "json"
QUERY = "query"

# What happened: (code and status of the JSON services, code and status of the query services).
BOTH = {
    "MissingToken": (("MissingAuthenticationTokenException", 400), ("MissingAuthenticationToken", 403)),
    "Incomplete": (("IncompleteSignatureException", 400), ("IncompleteSignature", 400)),
    "BadSignature": (("InvalidSignatureException", 400), ("SignatureDoesNotMatch", 403)),
    "UnknownKey": (("UnrecognizedClientException", 400), ("InvalidClientTokenId", 403)),
    "Expired": (("ExpiredTokenException", 400), ("ExpiredToken", 403)),
    "Denied": (("AccessDeniedException", 400), ("AccessDenied", 403)),
    "Throttled": (("ThrottlingException", 400), ("Throttling", 400)),
    "Invalid": (("ValidationException", 400), ("ValidationError", 400)),
    "Unparsable": (("SerializationException", 400), ("MalformedInput", 400)),
    "NoOperation": (("UnknownOperationException", 400), ("InvalidAction", 400)),
    "Failure": (("InternalServiceError", 500), ("InternalFailure", 500)),
}

STATUSES = {
    "InternalFailure": 500, "InternalServiceError": 500, "KMSInternalException": 500,
    "InternalServerError": 500, "ServiceUnavailable": 503, "ServiceUnavailableException": 503,
    "DependencyTimeoutException": 500, "KeyUnavailableException": 500,
    "RequestTimeout": 408, "SlowDown": 503,
}

MESSAGES = {
    "MissingToken": "Request is missing Authentication Token",
    "BadSignature": "The request signature we calculated does not match the signature you provided."
                    " Check your AWS Secret Access Key and signing method."
                    " Consult the service documentation for details.",
    "UnknownKey": "The security token included in the request is invalid.",
    "Expired": "The security token included in the request is expired",
    "Throttled": "Rate exceeded",
}


class AwsError(Exception):
    """A refusal on its way to the client."""

    def __init__(self, code, message=None, status=None):
        self.code = code
        self.message = MESSAGES.get(code, "") if message is None else message
        self.status = status
        super().__init__(f"{code}: {self.message}")

    def on_wire(self, protocol):
        """(code, status) as a service of this protocol sends them."""
        code, status = self.code, STATUSES.get(self.code, 400)
        if code in BOTH:
            code, status = BOTH[code][0 if protocol == JSON else 1]
        return code, self.status or status


def denied(principal, action, resource, why="because no identity-based policy allows the {} action"):
    """The text that IAM's refusals have in every service."""
    return AwsError("Denied", f"User: {principal} is not authorized to perform: {action}"
                              f" on resource: {resource} {why.format(action)}".rstrip())


def denied_across(principal, action, resource):
    return denied(principal, action, resource,
                  "because no resource-based policy allows the {} action")
