"""What the AWS stand-in knows: its clock, who has which keys, what is forbidden, what goes wrong.

One State, changed by the control path and by operations; `lock` guards all of it.
"""

import base64
import collections
import hashlib
import re
import secrets
import threading
import time
from dataclasses import dataclass, field

from support.aws_errors import denied, denied_across

LOG_MAX = 200_000
HANG_SECONDS_MAX = 120
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def new_id(prefix, length=16):
    return prefix + "".join(secrets.choice(ALPHABET) for _ in range(length))


def new_session_token():
    """As long as the real ones are, and with the characters that want encoding."""
    return "IQoJb3JpZ2luX2VjE+/" + base64.b64encode(secrets.token_bytes(540)).decode() + "=="


def account_of(arn):
    words = arn.split(":")
    return words[4] if len(words) > 5 else ""


def matches(pattern, text):
    """IAM's wildcards: * and ?; nothing else is special."""
    words = re.split(r"([*?])", pattern)
    regex = "".join({"*": ".*", "?": "."}.get(w, re.escape(w)) for w in words)
    return re.fullmatch(regex, text, re.DOTALL) is not None


@dataclass(frozen=True)
class Principal:
    arn: str
    account: str
    user_id: str
    role_arn: str = ""  # of an assumed role

    def names(self):
        """All that a trust policy or a denial may call it."""
        return [n for n in (self.arn, self.role_arn, self.account,
                            f"arn:aws:iam::{self.account}:root") if n]


@dataclass(frozen=True)
class Keys:
    access_key_id: str
    secret_access_key: str = field(repr=False)
    principal: Principal
    session_token: str | None = field(default=None, repr=False)
    expires_s: float | None = None

    def expired(self, now_s):
        return self.expires_s is not None and now_s >= self.expires_s

    def public(self):
        """For the launcher, which hands them to a client."""
        return {"access_key_id": self.access_key_id, "secret_access_key": self.secret_access_key,
                "session_token": self.session_token, "expires_s": self.expires_s}


@dataclass(frozen=True)
class Caller:
    """Who asks, and in which Region."""

    principal: Principal
    region: str


@dataclass
class Role:
    arn: str
    trust: list
    external_id: str | None
    ttl_s: float
    allow_tag_session: bool
    unique_id: str = field(default_factory=lambda: new_id("AROA"))

    @property
    def name(self):
        return self.arn.rsplit("/", 1)[1]


@dataclass(eq=False)
class Fault:
    """The next n matching requests, or all of them for some seconds, go wrong in this way."""

    action: str = "*"
    n: int | None = None
    seconds: float | None = None
    status: int | None = None
    code: str | None = None
    delay_s: float = 0
    body: bytes | None = None
    drop: bool = False
    hang: bool = False
    since: float = field(default_factory=time.monotonic)
    cleared: bool = False

    def over(self):
        late = self.seconds is not None and time.monotonic() - self.since >= self.seconds
        return late or (self.n is not None and self.n <= 0)


class State:
    def __init__(self):
        self.lock = threading.RLock()
        self.skew_s = 0.0
        self.role_ttl_s = None
        self.token_life_s = 900.0
        self.regions = None  # None: every well-formed one
        self.keys = {}  # by access key id
        self.names = {}  # what env() calls them: access key id
        self.roles = {}
        self.web_tokens = {}  # token: (role arn, subject, expires_s)
        self.denials = []
        self.faults = []
        self.taken = []  # those that make somebody wait, also when their count is used up
        self.faults_changed = threading.Condition(self.lock)
        self.log = collections.deque(maxlen=LOG_MAX)

    # --- clock and places ---

    def now_s(self):
        return time.time() + self.skew_s

    def region_exists(self, region):
        if self.regions is not None:
            return region in self.regions
        return re.fullmatch(r"[a-z]{2}(-[a-z]+)+-[0-9]{1,2}", region) is not None

    # --- principals ---

    def add_user(self, name, account):
        user = Principal(f"arn:aws:iam::{account}:user/{name}", account, new_id("AIDA"))
        return self._remember(name, Keys(new_id("AKIA"), secrets.token_urlsafe(26) + "/+/+", user))

    def add_session(self, name, of, ttl_s):
        """Temporary keys of a user, or of a role as if it had been assumed."""
        if of in self.roles:
            keys = self.assume(self.roles[of], name, ttl_s)
        else:
            keys = self._temporary(self.keys[self.names[of]].principal, ttl_s)
        return self._remember(name, keys)

    def _remember(self, name, keys):
        with self.lock:
            self.keys[keys.access_key_id] = keys
            self.names[name] = keys.access_key_id
        return keys

    def _temporary(self, principal, ttl_s):
        keys = Keys(new_id("ASIA"), secrets.token_urlsafe(26) + "/+/+", principal,
                    new_session_token(), self.now_s() + ttl_s)
        with self.lock:
            self.keys[keys.access_key_id] = keys
        return keys

    def assume(self, role, session_name, ttl_s):
        account = account_of(role.arn)
        arn = f"arn:aws:sts::{account}:assumed-role/{role.name}/{session_name}"
        principal = Principal(arn, account, f"{role.unique_id}:{session_name}", role.arn)
        return self._temporary(principal, self.life_s(role, ttl_s))

    def life_s(self, role, wanted_s):
        limits = [wanted_s, role.ttl_s, self.role_ttl_s]
        return min(x for x in limits if x is not None)

    def remove_keys(self, access_key_id):
        with self.lock:
            self.keys.pop(access_key_id, None)

    # --- permissions ---

    def denies(self, principal, action, resource):
        with self.lock:
            return any(matches(d["action"].lower(), action.lower()) and matches(d["resource"], resource)
                       and any(matches(d["principal"], n) for n in principal.names())
                       for d in self.denials)

    def authorize(self, caller, action, resource):
        """Everything is allowed in one's own account but what a test took away."""
        owner = account_of(resource)
        if owner and owner != caller.principal.account:
            raise denied_across(caller.principal.arn, action, resource)
        if self.denies(caller.principal, action, resource):
            raise denied(caller.principal.arn, action, resource)

    # --- faults ---

    def take_fault(self, service, operation):
        """The first fault in force for this action, counted down; None when all is well."""
        with self.lock:
            self.faults = [f for f in self.faults if not f.over()]
            for fault in self.faults:
                if fault.action == "*" and service == "rds-db":
                    continue  # "all of AWS" is not the databases: those must be named
                if any(matches(fault.action, name) for name in (operation, f"{service}:{operation}")):
                    if fault.n is not None:
                        fault.n -= 1
                    if (fault.hang or fault.delay_s) and fault not in self.taken:
                        self.taken.append(fault)
                    return fault
        return None

    def wait_out(self, seconds, fault):
        """Waits; ends early when the fault is cleared."""
        with self.faults_changed:
            self.faults_changed.wait_for(lambda: fault.cleared, seconds)

    def clear_faults(self):
        with self.faults_changed:
            for fault in self.faults + self.taken:
                fault.cleared = True
            self.faults, self.taken = [], []
            self.faults_changed.notify_all()

    # --- the log ---

    def note(self, **entry):
        with self.lock:
            self.log.append(dict(entry, at=time.time()))


def token_hash(token):
    return hashlib.sha256(token.encode()).hexdigest()
