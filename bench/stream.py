#!/usr/bin/python3 -B
"""One plain TCP or TLS stream of so many bytes: what a link can carry at best.

    stream.py ADDRESS [CERTIFICATE KEY]     receives one stream, prints its port first

`send` is the other end. The time is from before the connection until the receiver says that it has
everything.
"""

import os
import socket
import ssl
import sys
import time

BLOCK = 1 << 18
DONE = b"."


def receive(address, certificate=None, key=None):
    with socket.create_server((address, 0)) as server:
        print(server.getsockname()[1], flush=True)
        server.settimeout(60)
        peer, _ = server.accept()
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        peer = context.wrap_socket(peer, server_side=True)
    with peer:
        wanted, buffer = int.from_bytes(_exactly(peer, 8), "big"), bytearray(BLOCK)
        while wanted:
            got = peer.recv_into(buffer, min(BLOCK, wanted))
            if not got:
                raise ConnectionError("the stream ended early")
            wanted -= got
        peer.sendall(DONE)


def _exactly(peer, count):
    data = b""
    while len(data) < count:
        more = peer.recv(count - len(data))
        if not more:
            raise ConnectionError("the stream ended early")
        data += more
    return data


def send(address, port, count, tls=False):
    """Seconds for `count` bytes."""
    block = os.urandom(BLOCK)
    began = time.monotonic()
    peer = socket.create_connection((address, port), timeout=60)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it measures, it does not trust
        peer = context.wrap_socket(peer)
    with peer:
        peer.settimeout(3600)
        peer.sendall(count.to_bytes(8, "big"))
        left = count
        while left:
            size = min(BLOCK, left)
            peer.sendall(block if size == BLOCK else block[:size])
            left -= size
        if _exactly(peer, 1) != DONE:
            raise ConnectionError("the receiver did not confirm")
    return time.monotonic() - began


if __name__ == "__main__":
    receive(*sys.argv[1:])
