"""A PostgreSQL proxy that breaks connections at chosen messages.

It listens on 127.0.0.1, forwards to one server, and cuts both byte streams into protocol messages,
so that a test can say "the third COMMIT is lost" instead of "after a while". It is deterministic:
rules count messages and bytes, they never look at the clock. TLS is refused (it answers N), so
connections through it are plain; CopyData is passed in pieces and never collected, so it stays fast.

    with PgProxy(port) as proxy:
        rule = proxy.add(CutCommit("after", nth=3, app="/writer-"))
        run_load(..., destination=proxy.uri(destination_uri), ...)
        assert rule.fired

Rules run in the proxy's own thread; a test reads their counters and sets their `release` events.
"""

import asyncio
import re
import socket
import struct
import threading
from urllib.parse import urlsplit, urlunsplit

TO_SERVER = "to_server"
TO_CLIENT = "to_client"

_SSL_REQUEST = 80877103
_GSS_REQUEST = 80877104
_CANCEL_REQUEST = 80877102
_COPY_DATA = ord("d")
_READ_BYTES = 256 * 1024
# A startup packet is a few hundred bytes; the server itself refuses more than this.
_STARTUP_BYTES_MAX = 10000
# Larger messages than this (never a COMMIT) are passed on without being collected.
_MESSAGE_BYTES_MAX = 1024 * 1024
# No held message waits longer than this, so that a failing test cannot hang the suite.
_HOLD_SECONDS_MAX = 120


class Message:
    """One whole message: its type as a letter, its body, and the bytes to forward."""

    def __init__(self, raw):
        self.kind = chr(raw[0])
        self.body = raw[5:]
        self.raw = raw

    def sql(self):
        """The SQL text of a simple query or a Parse message, else an empty string."""
        if self.kind == "Q":
            return self.body.rstrip(b"\0").decode("utf-8", "replace")
        if self.kind == "P":
            return self.body.split(b"\0", 2)[1].decode("utf-8", "replace")
        return ""

    def tag(self):
        """The command tag of a CommandComplete message, else an empty string."""
        return self.body.rstrip(b"\0").decode("ascii", "replace") if self.kind == "C" else ""


class Framer:
    """Cuts a stream into pieces: (Message, raw) for whole ones, (None, raw) for CopyData."""

    def __init__(self):
        self._held = b""
        self._passing = 0  # bytes left of a message that is passed on in pieces
        self._copying = False

    def feed(self, data):
        """Returns a list of (message or None, is CopyData, bytes)."""
        data = self._held + data
        out, pos, start = [], 0, 0  # data[start:pos] is CopyData seen so far
        while pos < len(data):
            if self._passing:
                step = min(self._passing, len(data) - pos)
                self._passing -= step
                pos += step
                continue
            if len(data) - pos < 5:
                break
            size = struct.unpack_from("!I", data, pos + 1)[0] + 1
            is_copy = data[pos] == _COPY_DATA
            if is_copy or size > _MESSAGE_BYTES_MAX:
                if is_copy != self._copying and pos > start:
                    out.append((None, self._copying, data[start:pos]))
                    start = pos
                self._copying = is_copy
                self._passing = size
                continue
            if len(data) - pos < size:
                break
            if pos > start:
                out.append((None, self._copying, data[start:pos]))
            message = Message(data[pos : pos + size])
            out.append((message, False, message.raw))
            pos += size
            start = pos
        if pos > start:
            out.append((None, self._copying, data[start:pos]))
        self._held = data[pos:]
        return out


class Rule:
    """The base of all rules. `app` is a regular expression over the application_name.

    `nth` is a number or a collection of numbers, counted from 1 over all the proxy's connections.
    """

    def __init__(self, nth=1, app=None):
        self._nth = {nth} if isinstance(nth, int) else set(nth)
        self._app = re.compile(app) if app else None
        self.seen = 0
        self.fired = 0
        self.fired_event = threading.Event()

    def concerns(self, session):
        return self._app is None or self._app.search(session.app) is not None

    def count(self):
        """Counts one more of what the rule watches. Is it one to act on?"""
        self.seen += 1
        return self.seen in self._nth

    def note_fired(self):
        self.fired += 1
        self.fired_event.set()

    async def client_message(self, session, message):
        """Called before a client's message is forwarded. True: it was dealt with, drop it."""
        return False

    async def server_message(self, session, message):
        """Called before a server's message is forwarded. True: it was dealt with, drop it."""
        return False

    async def copy_piece(self, session, direction, data):
        """Called before a piece of CopyData is forwarded. Returns what is left to forward."""
        return data


class _Commit(Rule):
    @staticmethod
    def is_commit(message):
        return re.search(r"\bCOMMIT\b", message.sql(), re.IGNORECASE) is not None


class CutCommit(_Commit):
    """Loses a COMMIT or its answer.

    when="before": the connection is cut and the server never sees it.
    when="after":  the server has committed; its answer is lost with the connection.
    when="late":   the client's connection is cut at once; the server gets the COMMIT when `release`
                   is set, so that a retry meets a commit that is still in flight.
    """

    def __init__(self, when, nth=1, app=None, how="rst"):
        super().__init__(nth, app)
        assert when in ("before", "after", "late"), when
        self._when = when
        self._how = how
        self.release = threading.Event()
        self.delivered = threading.Event()

    async def client_message(self, session, message):
        if not self.is_commit(message) or not self.count():
            return False
        if self._when == "after":
            session.marks.add(self)
            return False
        self.note_fired()
        if self._when == "before":
            session.cut(self._how)
            return True
        session.cut_client(self._how)
        await wait_for_event(self.release)
        before = session.tags_seen("COMMIT")
        await session.send(TO_SERVER, message.raw)
        await session.wait_for_tag("COMMIT", before)
        self.delivered.set()
        session.cut("fin")
        return True

    async def server_message(self, session, message):
        if self not in session.marks or message.tag() != "COMMIT":
            return False
        session.marks.discard(self)
        session.cut(self._how)
        self.note_fired()
        return True


class HoldCommit(_Commit):
    """Keeps a COMMIT back, with both connections open, until `release` is set."""

    def __init__(self, nth=1, app=None):
        super().__init__(nth, app)
        self.release = threading.Event()
        self.delivered = threading.Event()

    async def client_message(self, session, message):
        if not self.is_commit(message) or not self.count():
            return False
        self.note_fired()
        await wait_for_event(self.release)
        await session.send(TO_SERVER, message.raw)
        self.delivered.set()
        return True


class CutCopy(Rule):
    """Cuts the connection when `after` bytes of CopyData have passed, summed over connections.

    With every=True it does so again after as many bytes more, at most `times` times.
    """

    def __init__(self, direction, after, app=None, how="rst", times=1):
        super().__init__(1, app)
        self._direction = direction
        self._after = after
        self._left = after
        self._how = how
        self._times = times

    async def copy_piece(self, session, direction, data):
        if direction != self._direction or self.fired >= self._times:
            return data
        if len(data) < self._left:
            self._left -= len(data)
            return data
        head, self._left = data[: self._left], self._after
        await session.send(direction, head)
        session.cut(self._how)
        self.note_fired()
        return b""


class HoldCopy(Rule):
    """Stops CopyData after `after` bytes, on every connection it concerns, until `release` is set."""

    def __init__(self, direction, after, app=None):
        super().__init__(1, app)
        self._direction = direction
        self._left = after
        self.release = threading.Event()

    async def copy_piece(self, session, direction, data):
        if direction != self._direction or self.release.is_set():
            return data
        self._left -= len(data)
        if self._left < 0:
            self.note_fired()
            await wait_for_event(self.release)
        return data


class CutMessage(Rule):
    """Cuts the connection when a client's SQL matches a pattern, before the server sees it."""

    def __init__(self, pattern, nth=1, app=None, how="rst"):
        super().__init__(nth, app)
        self._pattern = re.compile(pattern, re.IGNORECASE)
        self._how = how

    async def client_message(self, session, message):
        if not self._pattern.search(message.sql()) or not self.count():
            return False
        self.note_fired()
        session.cut(self._how)
        return True


async def wait_for_event(event):
    """Waits for a threading.Event without blocking the proxy's other connections."""
    for _ in range(_HOLD_SECONDS_MAX * 100):
        if event.is_set():
            return
        await asyncio.sleep(0.01)


class _Session:
    """One client connection and its server connection."""

    def __init__(self, proxy, client_reader, client_writer):
        self.proxy = proxy
        self.app = ""
        self.marks = set()
        self._readers = {TO_SERVER: client_reader, TO_CLIENT: None}
        self._writers = {TO_CLIENT: client_writer, TO_SERVER: None}
        self._tags = {}
        self._tag_seen = asyncio.Event()

    async def run(self):
        startup = await self._startup()
        if startup is None:
            return
        reader, writer = await asyncio.open_connection(self.proxy.host, self.proxy.server_port)
        self._readers[TO_CLIENT], self._writers[TO_SERVER] = reader, writer
        _quick(writer)
        writer.write(startup)
        await writer.drain()
        # Either side's end is the end of both, but a COMMIT that is held back for the server must
        # outlive its client, so the client's half is left to finish by itself.
        client = asyncio.create_task(self._pump(TO_SERVER))
        server = asyncio.create_task(self._pump(TO_CLIENT))
        await asyncio.gather(client, server)

    async def _startup(self):
        """Reads until the real startup packet and returns it; None when the client has gone."""
        reader, writer = self._readers[TO_SERVER], self._writers[TO_CLIENT]
        while True:
            head = await reader.readexactly(8)
            size, code = struct.unpack("!II", head)
            if not 8 <= size <= _STARTUP_BYTES_MAX:
                return None
            body = await reader.readexactly(size - 8)
            if code in (_SSL_REQUEST, _GSS_REQUEST):
                writer.write(b"N")
                await writer.drain()
                continue
            if code != _CANCEL_REQUEST:
                words = body.split(b"\0")
                params = dict(zip(words[0::2], words[1::2]))
                self.app = params.get(b"application_name", b"").decode("utf-8", "replace")
            return head + body

    async def _pump(self, direction):
        framer = Framer()
        reader = self._readers[direction]
        try:
            while data := await reader.read(_READ_BYTES):
                for message, is_copy, raw in framer.feed(data):
                    await self._pass_on(direction, message, is_copy, raw)
        except (ConnectionError, OSError):
            pass
        finally:
            self._close(direction)

    async def _pass_on(self, direction, message, is_copy, raw):
        for rule in self.proxy.rules_for(self):
            if message is None:
                raw = await rule.copy_piece(self, direction, raw) if is_copy else raw
            elif direction == TO_SERVER and await rule.client_message(self, message):
                return
            elif direction == TO_CLIENT and await rule.server_message(self, message):
                return
        if message is not None and direction == TO_CLIENT:
            self._watch_server(message)
        if raw:
            await self.send(direction, raw)

    def _watch_server(self, message):
        if message.kind == "S" and message.body.startswith(b"application_name\0"):
            self.app = message.body.split(b"\0")[1].decode("utf-8", "replace")
        if message.tag():
            self._tags[message.tag()] = self._tags.get(message.tag(), 0) + 1
            self._tag_seen.set()

    def tags_seen(self, tag):
        return self._tags.get(tag, 0)

    async def wait_for_tag(self, tag, before):
        """Waits until more than `before` of this command tag have come, or the server has gone."""
        while self.tags_seen(tag) == before and not self._readers[TO_CLIENT].at_eof():
            self._tag_seen.clear()
            try:
                await asyncio.wait_for(self._tag_seen.wait(), 0.1)
            except asyncio.TimeoutError:
                pass

    async def send(self, direction, raw):
        """Writes to one side; bytes for a side that has gone are dropped."""
        writer = self._writers[direction]
        if writer is None or writer.is_closing():
            return
        writer.write(raw)
        self.proxy.bytes_passed[direction] += len(raw)
        try:
            await writer.drain()
            if self.proxy.rate:
                await asyncio.sleep(len(raw) / self.proxy.rate)
        except (ConnectionError, OSError):
            pass

    def cut(self, how="rst"):
        self.cut_client(how)
        _cut(self._writers[TO_SERVER], how)

    def cut_client(self, how="rst"):
        _cut(self._writers[TO_CLIENT], how)

    def _close(self, direction):
        writer = self._writers[direction]
        if writer is not None and not writer.is_closing():
            writer.close()


def _quick(writer):
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _cut(writer, how):
    if writer is None:
        return
    if how == "rst":
        linger = struct.pack("ii", 1, 0)  # close at once, with a reset
        try:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        except OSError:
            pass
        writer.transport.abort()
    else:
        writer.close()


class PgProxy:
    """The proxy: a listening port, its rules, and a thread with their event loop."""

    def __init__(self, server_port, host="127.0.0.1"):
        self.host = host
        self.server_port = server_port
        self.port = None
        self.rate = 0  # bytes a second and connection; 0: as fast as it goes
        self.bytes_passed = {TO_SERVER: 0, TO_CLIENT: 0}
        self.errors = []
        self._rules = []
        self._sessions = set()
        self._listener = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="pgproxy", daemon=True)

    def start(self):
        self._thread.start()
        self._call(self._listen())
        return self

    def stop(self):
        for rule in self._rules:
            if hasattr(rule, "release"):
                rule.release.set()
        self._call(self._shut_down())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def add(self, rule):
        self._rules.append(rule)
        return rule

    def clear(self):
        """Forgets all rules; what they hold goes on."""
        for rule in self._rules:
            if hasattr(rule, "release"):
                rule.release.set()
        self._rules = []

    def rules_for(self, session):
        return [rule for rule in self._rules if rule.concerns(session)]

    def uri(self, conninfo):
        """The same connection string, through the proxy."""
        if "://" in conninfo:
            parts = urlsplit(conninfo)
            user = parts.netloc.rpartition("@")
            netloc = user[0] + user[1] + f"127.0.0.1:{self.port}"
            query = re.sub(r"(^|&)(host|hostaddr|port|sslmode)=[^&]*", "", parts.query)
            query = "&".join(filter(None, [query.lstrip("&"), "sslmode=disable"]))
            return urlunsplit((parts.scheme, netloc, parts.path, query, parts.fragment))
        kept = re.sub(r"\b(host|hostaddr|port|sslmode)\s*=\s*\S+", "", conninfo)
        return f"{kept} host=127.0.0.1 port={self.port} sslmode=disable".strip()

    def refuse(self):
        """Closes the port: new connections are refused, the present ones live on."""
        self._call(self._unlisten())

    def accept(self):
        self._call(self._listen())

    def cut_all(self, how="rst", app=None):
        """Cuts every connection whose application_name matches; returns how many."""
        return self._call(self._cut_all(how, app))

    def sessions(self, app=None):
        return [s.app for s in list(self._sessions) if app is None or re.search(app, s.app)]

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    async def _listen(self):
        if self._listener is None:
            self._listener = await asyncio.start_server(
                self._serve, "127.0.0.1", self.port or 0, limit=2 * _READ_BYTES
            )
            self.port = self._listener.sockets[0].getsockname()[1]

    async def _unlisten(self):
        if self._listener is not None:
            self._listener.close()
            await self._listener.wait_closed()
            self._listener = None

    async def _cut_all(self, how, app):
        chosen = [s for s in self._sessions if app is None or re.search(app, s.app)]
        for session in chosen:
            session.cut(how)
        return len(chosen)

    async def _serve(self, reader, writer):
        session = _Session(self, reader, writer)
        self._sessions.add(session)
        _quick(writer)
        try:
            await session.run()
        except (ConnectionError, OSError, asyncio.IncompleteReadError):
            pass  # a server that is down: the client sees its connection closed
        except Exception as error:  # noqa: BLE001 - a bug here must fail the test, not hang it
            self.errors.append(error)
        finally:
            session.cut("fin")
            self._sessions.discard(session)

    async def _shut_down(self):
        await self._unlisten()
        await self._cut_all("rst", None)
        # The sessions' tasks end by themselves once their sockets are gone.
        for _ in range(200):
            if not self._sessions:
                return
            await asyncio.sleep(0.01)
