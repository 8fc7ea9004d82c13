"""Requests and replies by the services' own models, as botocore ships them.

What comes in is read and validated by the model of the operation; what goes out is written by it,
and read back by botocore's own parser before it is sent. So the shapes are theirs and not ours.
"""

import base64
import datetime as dt
import json
import re
from functools import lru_cache
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

import botocore.loaders
import botocore.parsers
from botocore.exceptions import ParamValidationError
from botocore.model import ServiceModel
from botocore.validate import validate_parameters

from support.aws_errors import JSON, QUERY, AwsError

JSON_TYPE = "application/x-amz-json-1.1"
FORM_TYPE = "application/x-www-form-urlencoded"

# Members of RDS's replies that are younger than Debian's model.
RDS_SHAPES = {
    "MasterUserSecret": {"type": "structure", "members": {
        "SecretArn": {"shape": "String"}, "SecretStatus": {"shape": "String"},
        "KmsKeyId": {"shape": "String"}}},
    "LimitlessDatabase": {"type": "structure", "members": {
        "Status": {"shape": "String"}, "MinRequiredACU": {"shape": "DoubleOptional"}}},
}
RDS_MEMBERS = {
    "DBCluster": {"MasterUserSecret": {"shape": "MasterUserSecret"},
                  "ClusterScalabilityType": {"shape": "String"},
                  "LimitlessDatabase": {"shape": "LimitlessDatabase"}},
    "DBInstance": {"MasterUserSecret": {"shape": "MasterUserSecret"}},
}


class ReplyError(Exception):
    """The stand-in was about to send something that is not of the model's shape."""


@lru_cache(maxsize=None)
def service_model(service):
    known = botocore.loaders.create_loader().load_service_model(service, "service-2")
    if service == "rds":
        for name, shape in RDS_SHAPES.items():
            known["shapes"].setdefault(name, shape)
        for name, members in RDS_MEMBERS.items():
            for member, shape in members.items():
                known["shapes"][name]["members"].setdefault(member, shape)
    return ServiceModel(known, service)


# --- in ---

def json_operation(target, services):
    """(service, operation name) of an X-Amz-Target header."""
    prefix, _, operation = target.partition(".")
    for service in services:
        if service_model(service).metadata.get("targetPrefix") == prefix:
            return service, operation
    raise AwsError("NoOperation", f"no service with the target prefix {prefix}")


def query_operation(form, services):
    """(service, operation name) of a form's Action and Version."""
    version = form.get("Version", "")
    for service in services:
        if service_model(service).api_version == version:
            return service, form.get("Action", "")
    raise AwsError("NoOperation", f"Could not find operation {form.get('Action')} for version {version}")


def read_form(text):
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), errors="strict")
    except (ValueError, UnicodeError):
        raise AwsError("Unparsable", "the form cannot be decoded") from None
    if len(dict(pairs)) != len(pairs):
        raise AwsError("Unparsable", "a parameter stands twice")
    return dict(pairs)


def json_input(body, shape):
    try:
        read = json.loads(body or b"{}")
    except ValueError:
        raise AwsError("Unparsable", "the body is not JSON") from None
    if not isinstance(read, dict):
        raise AwsError("Unparsable", "the body is not an object")
    return _validated(_from_json(read, shape), shape)


def query_input(form, shape):
    """The operation's input out of Filters.Filter.1.Name=... and the like."""
    tree = {}
    for name, value in form.items():
        if name in ("Action", "Version") or name.startswith("X-Amz-"):
            continue
        place = tree
        *parents, last = name.split(".")
        for word in parents:
            place = place.setdefault(word, {})
            if not isinstance(place, dict):
                raise AwsError("Unparsable", f"{name} is at odds with another parameter")
        place[last] = value
    return _validated(_from_query(tree, shape), shape)


def _validated(given, shape):
    if shape is None:
        return {}
    try:
        validate_parameters(given, shape)
        _check_limits(given, shape, shape.name)
    except ParamValidationError as e:
        raise AwsError("Invalid", f"1 validation error detected: {e}") from None
    return given


def _check_limits(value, shape, name):
    """What botocore leaves to the service: upper limits, enumerations, patterns."""
    limits = shape.metadata
    if shape.type_name == "structure":
        for member, inner in value.items():
            _check_limits(inner, shape.members[member], member)
    elif shape.type_name == "list":
        for inner in value:
            _check_limits(inner, shape.member, name)
    size = value if isinstance(value, (int, float)) else len(value)
    if "max" in limits and size > limits["max"]:
        _refuse(name, f"less than or equal to {limits['max']}")
    if limits.get("enum") and value not in limits["enum"]:
        _refuse(name, f"Member must satisfy enum value set: {limits['enum']}")
    if "pattern" in limits and not _pattern(limits["pattern"]).fullmatch(value):
        _refuse(name, f"Member must satisfy regular expression pattern: {limits['pattern']}")


@lru_cache(maxsize=None)
def _pattern(text):
    """A model's pattern; those that Python cannot read (Unicode classes) take everything."""
    try:
        return re.compile(text, re.ASCII)
    except re.error:
        return re.compile(".*", re.DOTALL)


def _refuse(name, constraint):
    raise AwsError("Invalid", f"1 validation error detected: Value at '{name[:1].lower()}{name[1:]}'"
                              f" failed to satisfy constraint: {constraint}")


def _from_json(value, shape):
    """JSON's values with the types that the model wants; unknown ones are left for the validator."""
    if shape is None or value is None:
        return value
    if shape.type_name == "structure" and isinstance(value, dict):
        return {k: _from_json(v, shape.members.get(k)) for k, v in value.items() if v is not None}
    if shape.type_name == "list" and isinstance(value, list):
        return [_from_json(v, shape.member) for v in value]
    if shape.type_name == "blob" and isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        except ValueError:
            raise AwsError("Unparsable", "a blob is not base64") from None
    return value


def _from_query(tree, shape):
    if shape is None or (isinstance(tree, dict) != (shape.type_name in ("structure", "list", "map"))):
        return tree
    if shape.type_name == "structure":
        names = {m.serialization.get("name", n): n for n, m in shape.members.items()}
        return {names.get(k, k): _from_query(v, shape.members.get(names.get(k, k)))
                for k, v in tree.items()}
    if shape.type_name == "list":
        return [_from_query(v, shape.member) for v in _list_items(tree, shape)]
    if shape.type_name in ("integer", "long"):
        return int(tree) if re.fullmatch(r"-?[0-9]{1,18}", tree) else tree
    if shape.type_name == "boolean":
        return {"true": True, "false": False}.get(tree.lower(), tree)
    return tree


def _list_items(tree, shape):
    """Members in their order; the list's own element name and "member" are both taken."""
    for name in (shape.member.serialization.get("name", "member"), "member"):
        if list(tree) == [name] and isinstance(tree[name], dict):
            tree = tree[name]
            break
    numbers = sorted(tree, key=lambda k: int(k) if k.isdecimal() else 0)
    if numbers != [str(n + 1) for n in range(len(numbers))]:
        raise AwsError("Unparsable", f"the members of {shape.name} are not numbered from 1")
    return [tree[n] for n in numbers]


# --- out ---

def write_reply(operation, result, request_id):
    """(body, content type) of a successful reply, checked with botocore's parser."""
    result = _without_none(result)
    if operation.output_shape is not None:
        validate_parameters(result, operation.output_shape)
    if operation.service_model.metadata["protocol"] == JSON:
        body, kind = json.dumps(_to_json(result, operation.output_shape)).encode(), JSON_TYPE
    else:
        body, kind = _xml_reply(operation, result, request_id).encode(), "text/xml"
    _check_reply(operation, result, body)
    return body, kind


def _without_none(value):
    if isinstance(value, dict):
        return {k: _without_none(v) for k, v in value.items() if v is not None}
    return [_without_none(v) for v in value] if isinstance(value, list) else value


def _check_reply(operation, result, body):
    parser = botocore.parsers.create_parser(operation.service_model.metadata["protocol"])
    read = parser.parse({"status_code": 200, "headers": {}, "body": body}, operation.output_shape)
    read.pop("ResponseMetadata", None)
    if _plain(read) != _plain(result):
        raise ReplyError(f"{operation.name}: botocore reads another reply than was meant")


def _plain(value):
    """For comparison: moments as whole seconds, empty members gone."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if v not in ([], {})}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return int(value.timestamp()) if isinstance(value, dt.datetime) else value


def _to_json(value, shape):
    kind = shape.type_name if shape is not None else "structure"
    if kind == "structure":
        return {k: _to_json(v, shape.members[k]) for k, v in value.items()}
    if kind == "list":
        return [_to_json(v, shape.member) for v in value]
    if kind == "map":
        return {k: _to_json(v, shape.value) for k, v in value.items()}
    if kind == "blob":
        return base64.b64encode(value).decode()
    return value.timestamp() if kind == "timestamp" else value


def _xml_reply(operation, result, request_id):
    space = operation.service_model.metadata["xmlNamespace"]
    inner = _xml_members(result, operation.output_shape) if operation.output_shape else ""
    wrapper = operation.output_shape.serialization.get("resultWrapper") if operation.output_shape else None
    if wrapper:
        inner = f"<{wrapper}>{inner}</{wrapper}>"
    return (f'<{operation.name}Response xmlns="{space}">{inner}<ResponseMetadata><RequestId>{request_id}'
            f"</RequestId></ResponseMetadata></{operation.name}Response>\n")


def _xml_members(value, shape):
    return "".join(_xml_element(m.serialization.get("name", n), value[n], m)
                   for n, m in shape.members.items() if n in value)


def _xml_element(name, value, shape):
    if shape.type_name == "structure":
        inner = _xml_members(value, shape)
    elif shape.type_name == "list":
        each = shape.member.serialization.get("name", "member")
        inner = "".join(_xml_element(each, v, shape.member) for v in value)
    else:
        inner = escape(_xml_text(value, shape))
    return f"<{name}>{inner}</{name}>"


def _xml_text(value, shape):
    if shape.type_name == "boolean":
        return "true" if value else "false"
    if shape.type_name == "timestamp":
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value)


# --- errors ---

def write_error(protocol, service, error, request_id):
    """(status, code, body, content type) of a refusal."""
    code, status = error.on_wire(protocol)
    if protocol == JSON:
        body = {"__type": code, _message_member(service, code): error.message}
        return status, code, json.dumps(body).encode(), JSON_TYPE
    who = "Receiver" if status >= 500 else "Sender"
    space = service_model(service or "sts").metadata["xmlNamespace"]
    body = (f'<ErrorResponse xmlns="{space}"><Error><Type>{who}</Type><Code>{escape(code)}</Code>'
            f"<Message>{escape(error.message)}</Message></Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>\n")
    return status, code, body.encode(), "text/xml"


def _message_member(service, code):
    """Modelled errors spell it as the model does; IAM's refusal has a capital in real life."""
    if code == "AccessDeniedException":
        return "Message"
    model = service_model(service) if service else None
    if model is not None and code in model.shape_names:
        return next((m for m in model.shape_for(code).members if m.lower() == "message"), "message")
    return "message"


PROTOCOLS = {"secretsmanager": JSON, "kms": JSON, "sts": QUERY, "rds": QUERY}
