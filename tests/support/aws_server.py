"""The AWS stand-in's server process: three loopback ports, one process, a thread a connection.

Run by aws_standin.AwsStandin as `python3 -m support.aws_server CONFIG`; it answers by writing the
ports it found to the file that CONFIG names. One port has the signed services and the control path,
one is IMDS, one the container endpoint. It ends on SIGTERM, or when the launcher's end of its
standard input closes (unless it was told to stay).
"""

import contextlib
import hmac
import http.server
import json
import os
import random
import signal
import socket
import ssl
import sys
import threading
import time
import traceback
import uuid
from pathlib import Path

from support import aws_auth, aws_model, aws_sigv4
from support.aws_control import Control, ControlError
from support.aws_errors import JSON, QUERY, AwsError
from support.aws_kms import Kms
from support.aws_metadata import Container, Imds
from support.aws_rds import Rds
from support.aws_secrets import Secrets
from support.aws_state import HANG_SECONDS_MAX, Caller, State
from support.aws_sts import Sts

BODY_BYTES_MAX = 16 << 20  # the control path carries large replies to send
PORTS = range(20000, 32768)  # as lab.PORTS: below the range of ephemeral ports
IDLE_SECONDS_MAX = 60
CONTROL = "/__control/"
CHECK = CONTROL + "check_token"


class Site:
    """Everything behind the three ports."""

    def __init__(self, config):
        self.state = State()
        self.kms = Kms(self.state)
        self.secrets = Secrets(self.state, self.kms)
        self.sts = Sts(self.state)
        self.rds = Rds(self.state)
        self.imds = Imds(self.state)
        self.container = Container(self.state, config["container_token"], config["ecs_path"])
        self.services = {"secretsmanager": self.secrets, "kms": self.kms, "sts": self.sts,
                         "rds": self.rds}
        self.control = Control(self)
        self.control_token = config["control_token"]
        self.check_secret = config["check_secret"]
        self.detached = False


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512  # 64 clients at once must not meet a full backlog

    def __init__(self, port, handler, site, endpoint=None, tls=None):
        self.site = site
        self.endpoint = endpoint
        super().__init__(("127.0.0.1", port), handler)
        if tls:
            # Handshakes happen in the connection's thread, or one slow client would stop all.
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def server_bind(self):
        # HTTPServer's own asks the resolver for our name, which may take seconds.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.server_address[:2]

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, ssl.SSLError, TimeoutError)):
            super().handle_error(request, client_address)


class Handler(http.server.BaseHTTPRequestHandler):
    """What the three ports have in common: reading a request, sending a reply in one piece."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE_SECONDS_MAX

    @property
    def site(self):
        return self.server.site

    def log_message(self, *_args):
        """Requests are in State.log; the process's own log is for what goes wrong."""

    def read(self):
        """The request as it came; None when its body cannot be had."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal() \
                or int(length) > BODY_BYTES_MAX:
            self.close_connection = True
            self.send(413, b"", "text/plain")
            return None
        body = self.rfile.read(int(length))
        if len(body) != int(length):
            self.close_connection = True
            return None
        # self.path is not what was sent where that begins with two slashes.
        target = self.requestline.split(" ")[1]
        return aws_sigv4.Received(self.command, target, tuple(self.headers.items()), body)

    def send(self, status, body, kind, headers=None):
        lines = {"Date": self.date_time_string(self.site.state.now_s()), "Content-Type": kind,
                 "Content-Length": str(len(body))} | (headers or {})
        if self.close_connection:
            lines["Connection"] = "close"
        reason = self.responses.get(status, ("Unknown",))[0]
        head = f"HTTP/1.1 {status} {reason}\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items())
        with contextlib.suppress(ConnectionError):
            self.wfile.write(head.encode("latin-1") + b"\r\n" + body)

    def suffer(self, fault):
        """Does what a fault says first; True when the request got no answer at all."""
        if fault.delay_s:
            self.site.state.wait_out(fault.delay_s, fault)
        if fault.hang:
            self.site.state.wait_out(HANG_SECONDS_MAX, fault)
        if fault.drop or fault.hang:
            self.close_connection = True
            return True
        return False

    def do_GET(self):
        self.serve()

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET

    def serve(self):
        request = self.read()
        if request is not None:
            self.answer(request)

    def answer(self, request):
        raise NotImplementedError


class MetadataHandler(Handler):
    """IMDS or the container endpoint: self.server.endpoint says which."""

    def answer(self, request):
        endpoint, state = self.server.endpoint, self.site.state
        operation = endpoint.operation(request.method, request.path)
        note = {"service": endpoint.service, "operation": operation, "path": request.path}
        fault = state.take_fault(endpoint.service, operation)
        if fault and self.suffer(fault):
            return state.note(**note, status=0, code="dropped")
        if fault and (fault.status or fault.code or fault.body is not None):
            reply = (fault.status or 500, fault.body or b"", "text/plain", {})
        else:
            headers = {k.lower(): v for k, v in request.headers}
            reply = endpoint.answer(request.method, request.path, headers)
        state.note(**note, status=reply[0], code=None)
        return self.send(*reply)


class ServiceHandler(Handler):
    """The signed services and the control path."""

    def answer(self, request):
        if request.path.startswith(CONTROL):
            return self.control(request)
        call = Call(self.site, request)
        fault = call.fault()
        if fault and self.suffer(fault):
            return call.note(0, "dropped")
        status, code, body, kind = call.reply(fault)
        call.note(status, code)
        return self.send(status, body, kind, {"x-amzn-RequestId": call.request_id})

    def control(self, request):
        """Only for those who hold the control token; check_token has a secret of its own."""
        given = request.header("x-control-token") or ""
        allowed = hmac.compare_digest(given.encode(), self.site.control_token.encode())
        if request.path == CHECK:
            given = request.header("x-check-secret") or ""
            allowed |= hmac.compare_digest(given.encode(), self.site.check_secret.encode())
        if not allowed or request.method != "POST":
            return self.send(403, b'{"error": "refused"}', "application/json")
        try:
            answer = self.site.control.call(request.path[len(CONTROL):],
                                            json.loads(request.body or b"{}"))
            status, body = 200, json.dumps({"answer": answer})
        except (ControlError, ValueError) as e:
            status, body = 400, json.dumps({"error": str(e)})
        return self.send(status, body.encode(), "application/json")


class Call:
    """One request to a service, from bytes to bytes."""

    def __init__(self, site, request):
        self.site = site
        self.request = request
        self.request_id = str(uuid.uuid4())
        self.protocol = JSON if request.header("x-amz-target") is not None else QUERY
        self.service = self.operation = self.keys = self.claim = None
        self.form = {}
        self.problem = None
        try:
            self._route()
        except AwsError as e:
            self.problem = e

    def _route(self):
        """Which service and operation; the claim is read first, because refusals log it."""
        self.claim = aws_sigv4.claim_of(self.request)
        if self.protocol == JSON:
            target = self.request.header("x-amz-target")
            self.service, self.operation = aws_model.json_operation(target, ("secretsmanager", "kms"))
            return
        get = self.request.method == "GET"
        self.form = aws_model.read_form(self.request.query if get else self.request.body.decode("latin-1"))
        self.service, self.operation = aws_model.query_operation(self.form, ("sts", "rds"))

    def fault(self):
        return self.site.state.take_fault(self.service or "unknown", self.operation or "unknown")

    def reply(self, fault):
        """(status, error code or None, body, content type)."""
        try:
            if fault and fault.body is not None:
                kind = aws_model.JSON_TYPE if self.protocol == JSON else "text/xml"
                return fault.status or 200, fault.code, fault.body, kind
            if fault and (fault.code or fault.status):
                raise _error_of(fault)
            body, kind = self._do()
            return 200, None, body, kind
        except AwsError as e:
            return aws_model.write_error(self.protocol, self.service, e, self.request_id)
        except Exception:
            traceback.print_exc()
            problem = AwsError("Failure", "the stand-in itself failed; see its log")
            return aws_model.write_error(self.protocol, self.service, problem, self.request_id)

    def _do(self):
        if self.problem:
            raise self.problem
        service = self.site.services[self.service]
        caller = self._caller(service)
        self._check_http()
        model = aws_model.service_model(self.service)
        if self.operation not in service.operations:
            raise AwsError("NoOperation", f"the stand-in has no operation {self.operation}")
        operation = model.operation_model(self.operation)
        read = aws_model.json_input if self.protocol == JSON else aws_model.query_input
        given = read(self.request.body if self.protocol == JSON else self.form, operation.input_shape)
        with self.site.state.lock:
            result = service.operations[self.operation](caller, given)
        return aws_model.write_reply(operation, result, self.request_id)

    def _caller(self, service):
        if self.operation in getattr(service, "unsigned", ()) and self.claim is None:
            return None
        if self.claim is None:
            raise AwsError("MissingToken")
        self._check_host()
        self.keys = aws_auth.authenticate(self.request, self.claim, self.service, self.site.state)
        return Caller(self.keys.principal, self.claim.region)

    def _check_host(self):
        """Where the Host header is AWS's own name, it says service and Region as well."""
        words = (self.request.header("host") or "").lower().split(".")
        if words[-2:] == ["amazonaws", "com"] and len(words) == 4:
            if words[0].removesuffix("-fips") != self.service or words[1] != self.claim.region:
                raise AwsError("BadSignature", "Credential should be scoped to a valid region.")

    def _check_http(self):
        kind = (self.request.header("content-type") or "").split(";")[0].strip()
        wanted = aws_model.JSON_TYPE if self.protocol == JSON else aws_model.FORM_TYPE
        if self.request.method == "GET" and self.protocol == QUERY:
            return
        if self.request.method != "POST" or kind != wanted:
            raise AwsError("Unparsable", f"{self.request.method} with content type {kind or 'none'}")
        if self.request.path != "/":
            raise AwsError("NoOperation", f"there is nothing at {self.request.path}")

    def note(self, status, code):
        claim = self.claim
        self.site.state.note(
            service=self.service, operation=self.operation, status=status, code=code,
            access_key_id=claim.access_key_id if claim else None, signed=claim is not None,
            region=claim.region if claim else None, request_id=self.request_id,
            principal=self.keys.principal.arn if self.keys else None)


def _error_of(fault):
    """A status alone is what a load balancer in front of the service would say."""
    code = fault.code
    if code is None:
        code = "ServiceUnavailable" if fault.status == 503 else "InternalFailure"
    return AwsError(code, None if code in ("Throttled", "Expired") else _text(code), fault.status)


def _text(code):
    return "Rate exceeded" if "hrottl" in code else "a fault that a test asked for"


# --- the process ---

def tls_context(files):
    if not files:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    return context


def bind(handler, site, taken, endpoint=None, tls=None):
    """A server on a port that nobody has."""
    for _ in range(1000):
        port = random.choice(PORTS)
        if port in taken:
            continue
        try:
            return Server(port, handler, site, endpoint, tls)
        except OSError:
            continue
    raise SystemExit("no free port between 20000 and 32767")


def end_with_launcher(site):
    """Ends the process when the launcher is gone, however it went."""
    with contextlib.suppress(OSError):
        while os.read(0, 1):
            pass
    if not site.detached:
        os.kill(os.getpid(), signal.SIGTERM)


def write_whole(path, text):
    """The file is there with all of its text, or not at all."""
    part = path.with_suffix(".part")
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as f:
        f.write(text)
    os.replace(part, path)


def main():
    config = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    for service in aws_model.PROTOCOLS:
        aws_model.service_model(service)  # now, rather than in somebody's first request
    site = Site(config)
    servers = [bind(ServiceHandler, site, config["taken"],
                    tls=tls_context(config["tls"])),
               bind(MetadataHandler, site, config["taken"], endpoint=site.imds),
               bind(MetadataHandler, site, config["taken"], endpoint=site.container)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.Thread(target=end_with_launcher, args=(site,), daemon=True).start()
    ports = dict(zip(("service", "imds", "container"), (s.server_port for s in servers)))
    write_whole(Path(config["ready"]), json.dumps({"pid": os.getpid(), "ports": ports}))
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    main()
