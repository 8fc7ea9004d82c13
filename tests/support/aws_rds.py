"""RDS: where databases are, and whether an IAM token would let somebody in.

Tokens are judged as the database's host does it: signature (by botocore and by the second opinion),
host, port, user, Region, age, life of the credentials, and the permission rds-db:connect.
"""

import base64
import datetime as dt
import re
from dataclasses import dataclass, field

from support import aws_auth, aws_sigv4
from support.aws_errors import AwsError
from support.aws_state import account_of, new_id, token_hash

EXPIRES_S_MAX = 900
TOKEN_PARAMETERS = {
    "Action", "DBUser", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires",
    "X-Amz-SignedHeaders", "X-Amz-Security-Token", "X-Amz-Signature",
}


@dataclass
class Database:
    """A cluster, or an instance (of a cluster or single)."""

    id: str
    arn: str
    endpoint: str
    port: int
    resource_id: str
    engine: str
    iam: bool = True
    status: str = "available"
    reader: str = ""
    limitless: bool = False
    master_secret_arn: str = ""
    cluster_id: str = ""  # of an instance
    created: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.timezone.utc))

    @property
    def region(self):
        return self.arn.split(":")[3]

    def hosts(self):
        return [h.lower() for h in (self.endpoint, self.reader) if h]


class Rds:
    def __init__(self, state):
        self.state = state
        self.page = None  # a test's limit of the page size
        self.clusters = {}  # by ARN
        self.instances = {}
        self.operations = {
            "DescribeDBClusters": self.describe_clusters, "DescribeDBInstances": self.describe_instances,
        }

    def add(self, kind, id, region, account, **facts):
        """kind: "cluster" or "db", as ARNs and resource ids spell it."""
        arn = f"arn:aws:rds:{region}:{account}:{kind}:{id}"
        facts.setdefault("resource_id", None)
        facts["resource_id"] = facts["resource_id"] or new_id(f"{kind}-", 26)
        made = Database(id, arn, **facts)
        (self.clusters if kind == "cluster" else self.instances)[arn] = made
        return made

    def find(self, name):
        """By id, ARN or resource id, in any Region; for the control path."""
        for each in [*self.clusters.values(), *self.instances.values()]:
            if name in (each.id, each.arn, each.resource_id):
                return each
        return None

    # --- describe ---

    def describe_clusters(self, caller, given):
        filters = {"db-cluster-id": ("id", "arn"), "db-cluster-resource-id": ("resource_id",),
                   "engine": ("engine",)}
        found = self._matching(caller, given, self.clusters, "DBCluster", filters)
        page, marker = self._paged(found, given)
        return {"Marker": marker, "DBClusters": [self._cluster(c) for c in page]}

    def describe_instances(self, caller, given):
        filters = {"db-instance-id": ("id", "arn"), "dbi-resource-id": ("resource_id",),
                   "db-cluster-id": ("cluster_id",), "engine": ("engine",)}
        found = self._matching(caller, given, self.instances, "DBInstance", filters)
        page, marker = self._paged(found, given)
        return {"Marker": marker, "DBInstances": [_instance(i) for i in page]}

    def _matching(self, caller, given, all_of_kind, kind, filters):
        name = given.get(f"{kind}Identifier")
        region, account = caller.region, caller.principal.account
        noun = "cluster" if kind == "DBCluster" else "db"
        resource = name if name and name.startswith("arn:") else (
            f"arn:aws:rds:{region}:{account}:{noun}:{name or '*'}")
        self.state.authorize(caller, f"rds:Describe{kind}s", resource)
        found = [d for a, d in sorted(all_of_kind.items())
                 if d.region == region and account_of(a) == account and _passes(d, given, filters)]
        if name is None:
            return found
        found = [d for d in found if name.lower() in (d.id, d.arn)]
        if not found:
            code = {"DBCluster": "DBClusterNotFoundFault", "DBInstance": "DBInstanceNotFound"}[kind]
            raise AwsError(code, f"{kind} {name} not found.", 404)
        return found

    def _paged(self, found, given):
        size = given.get("MaxRecords", 100)
        if not 20 <= size <= 100:
            raise AwsError("InvalidParameterValue", f"Invalid value {size} for MaxRecords. Must be"
                                                    " between 20 and 100")
        size = min(size, self.page or size)
        start = _read_marker(given["Marker"]) if given.get("Marker") else 0
        marker = _marker(start + size) if start + size < len(found) else None
        return found[start:start + size], marker

    def _cluster(self, c):
        members = [{"DBInstanceIdentifier": i.id, "IsClusterWriter": n == 0,
                    "DBClusterParameterGroupStatus": "in-sync", "PromotionTier": 1}
                   for n, i in enumerate(i for i in self.instances.values() if i.cluster_id == c.id)]
        return {
            "DBClusterIdentifier": c.id, "DBClusterArn": c.arn, "DbClusterResourceId": c.resource_id,
            "Status": c.status, "Endpoint": c.endpoint or None, "ReaderEndpoint": c.reader or None,
            "Port": c.port, "Engine": c.engine, "EngineVersion": "16.9", "MultiAZ": False,
            "EngineMode": "provisioned", "MasterUsername": "postgres", "DBClusterMembers": members,
            "AvailabilityZones": [c.region + z for z in "abc"], "ClusterCreateTime": c.created,
            "IAMDatabaseAuthenticationEnabled": c.iam, "StorageEncrypted": True,
            "ClusterScalabilityType": "limitless" if c.limitless else "standard",
            "LimitlessDatabase": {"Status": "enabled"} if c.limitless else None,
            "MasterUserSecret": _master_secret(c)}

    # --- tokens ---

    def check_token(self, given):
        """(ok, why) for a login; logged with a hash of the token. given: see aws_standin.py."""
        token = given["token"]
        try:
            keys = self._judge(given)
            ok, why, status = True, "", 200
        except AwsError as e:
            ok, why, status, keys = False, e.message or e.code, 403, None
        entry = {k: given.get(k) for k in ("user", "host", "port", "region", "cluster", "resource_id")}
        self.state.note(service="rds-db", operation="connect", status=status, ok=ok, why=why,
                        code=None if ok else "PAM", token=token_hash(token),
                        access_key_id=_key_in(token), principal=keys and keys.principal.arn, **entry)
        return ok, why

    def _judge(self, given):
        place = self._place(given)
        if self.state.take_fault("rds-db", "connect"):
            raise AwsError("PAM", "a fault was asked for")
        received, claim = _read_token(given["token"], given["user"])
        self._check_place(received, claim, place)
        self._check_age(claim)
        # Its age is judged by now; the rest of the rules are those of every presigned request.
        keys = aws_auth.authenticate(received, claim, "rds-db", self.state)
        self._check_permission(keys, place, given["user"])
        return keys

    def _place(self, given):
        """What the database knows of itself: hosts, port, Region, resource id, account."""
        database = self.find(given["cluster"]) if given.get("cluster") else None
        if given.get("cluster") and database is None:
            raise AwsError("PAM", f"no cluster or instance {given['cluster']}")
        if database is None and given.get("resource_id"):
            database = self.find(given["resource_id"])
        if database and not database.iam:
            raise AwsError("PAM", f"IAM authentication is off for {database.id}")
        hosts = given.get("host") or (database.hosts() if database else [])
        hosts = [hosts] if isinstance(hosts, str) else hosts
        return {
            "hosts": [h.lower() for h in hosts],
            "port": given.get("port") or (database.port if database else None),
            "region": given.get("region") or (database.region if database else None),
            "resource_id": given.get("resource_id") or (database.resource_id if database else None),
            "account": account_of(database.arn) if database else given.get("account")}

    def _check_place(self, received, claim, place):
        host, _, port = received.header("host").lower().rpartition(":")
        if host not in place["hosts"]:
            raise AwsError("PAM", f"the token is for host {host}, not {' or '.join(place['hosts'])}")
        if not port.isdecimal() or int(port) != place["port"]:
            raise AwsError("PAM", f"the token is for port {port}, not {place['port']}")
        if claim.region != place["region"]:
            raise AwsError("PAM", f"the token is for Region {claim.region}, not {place['region']}")

    def _check_age(self, claim):
        if claim.expires_s > EXPIRES_S_MAX:
            raise AwsError("PAM", f"X-Amz-Expires is {claim.expires_s}, over {EXPIRES_S_MAX}")
        age = self.state.now_s() - claim.moment()
        if age > min(claim.expires_s, self.state.token_life_s):
            raise AwsError("PAM", f"the token has expired: it is {age:.0f} s old")

    def _check_permission(self, keys, place, user):
        account = place["account"] or keys.principal.account
        if keys.principal.account != account:
            raise AwsError("PAM", f"{keys.principal.arn} is not of account {account}")
        resource = f"arn:aws:rds-db:{place['region']}:{account}:dbuser:{place['resource_id']}/{user}"
        if self.state.denies(keys.principal, "rds-db:connect", resource):
            raise AwsError("PAM", f"{keys.principal.arn} may not rds-db:connect to {resource}")


def _read_token(token, user):
    """The token as the request that it is, once its form is right; no part of it is quoted."""
    match = re.fullmatch(r"([^/?#@\s]+)(/\?[!-~]+)", token)
    if not match:
        raise AwsError("PAM", f"not a token of the form HOST:PORT/?... ({len(token)} characters)")
    received = aws_sigv4.Received("GET", match[2], (("Host", match[1]),))
    parameters = aws_sigv4.query_parameters(received.query)
    if set(parameters) - TOKEN_PARAMETERS or "X-Amz-Signature" not in parameters:
        raise AwsError("PAM", "the token has other parameters than it should have")
    if parameters.get("Action") != "connect":
        raise AwsError("PAM", "the token's Action is not connect")
    if parameters.get("DBUser") != user:
        raise AwsError("PAM", f"the token is for user {parameters.get('DBUser')}, not {user}")
    claim = aws_sigv4.claim_of_query(parameters)
    if claim.signed != ("host",):
        raise AwsError("PAM", "the token signs other headers than host")
    return received, claim


def _key_in(token):
    found = re.search(r"X-Amz-Credential=([A-Z0-9]{16,128})%2F", token)
    return found[1] if found else None


def _passes(database, given, filters):
    for one in given.get("Filters", []):
        if one["Name"] not in filters:
            raise AwsError("InvalidParameterValue", f"Unrecognized filter name: {one['Name']}")
        if not any(getattr(database, f) in one["Values"] for f in filters[one["Name"]]):
            return False
    return True


def _marker(start):
    return base64.b64encode(f"page/{start}".encode()).decode()


def _read_marker(text):
    try:
        word = base64.b64decode(text, validate=True).decode()
        return int(re.fullmatch(r"page/([0-9]{1,9})", word)[1])
    except (ValueError, TypeError):
        raise AwsError("InvalidParameterValue", "Invalid Marker") from None


def _master_secret(database):
    if not database.master_secret_arn:
        return None
    return {"SecretArn": database.master_secret_arn, "SecretStatus": "active"}


def _instance(i):
    endpoint = {"Address": i.endpoint, "Port": i.port, "HostedZoneId": "Z2R2ITUGPM61AM"}
    return {
        "DBInstanceIdentifier": i.id, "DBInstanceArn": i.arn, "DbiResourceId": i.resource_id,
        "DBInstanceClass": "db.r6g.large", "Engine": i.engine, "EngineVersion": "16.9",
        "DBInstanceStatus": i.status, "MasterUsername": "postgres",
        "Endpoint": endpoint if i.endpoint else None, "InstanceCreateTime": i.created,
        "DBClusterIdentifier": i.cluster_id or None, "DbInstancePort": 0, "MultiAZ": False,
        "IAMDatabaseAuthenticationEnabled": i.iam, "StorageEncrypted": True,
        "MasterUserSecret": _master_secret(i)}
