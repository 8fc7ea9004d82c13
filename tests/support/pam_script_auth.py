#!/usr/bin/python3 -IS
"""Run by PAM's pam_script as `pam_script_auth`: is what this user gave a valid IAM token?

The lab's AWS stand-in knows the keys and decides; this asks it, for the host, port and Region of
the cluster whose PAM service it is, which stand in SERVICE.json beside this file. Exit status 0 lets
the user in. The token comes in the environment and goes out in the body of one request over loopback;
it is neither printed nor put on a command line. No library beyond the standard one, so that a login
stays fast.
"""

import json
import os
import socket
import sys

TIMEOUT_S = 15
REPLY_MAX = 4096


def known_of(service):
    """The settings of this PAM service."""
    if os.path.basename(service) != service:
        raise ValueError("not a service's name")
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, service + ".json"), encoding="utf-8") as file:
        return json.load(file)


def question(known, client):
    """What is asked: in a shard group it depends on the router by which the client came."""
    hosts = known.get("hosts_by_client", {}).get(client)
    return dict(known["question"], host=hosts) if hosts else known["question"]


def ask(known, client, user, token):
    """Posts user and token; gives the whole reply."""
    body = json.dumps(dict(question(known, client), user=user, token=token)).encode()
    head = [f"POST {known['path']} HTTP/1.1", f"Host: 127.0.0.1:{known['port']}", "Connection: close",
            "Content-Type: application/json", f"Content-Length: {len(body)}"]
    head += [f"{name}: {value}" for name, value in known["headers"].items()]
    reply = b""
    with socket.create_connection(("127.0.0.1", known["port"]), TIMEOUT_S) as link:
        link.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        while len(reply) < REPLY_MAX:
            more = link.recv(REPLY_MAX)
            if not more:
                break
            reply += more
    return reply


def is_yes(reply):
    """Nothing but a complete 200 with {"answer": {"ok": true}} lets anybody in."""
    head, end, body = reply.partition(b"\r\n\r\n")
    status = head.split(b"\r\n", 1)[0].split()
    if not end or status[:1] not in ([b"HTTP/1.0"], [b"HTTP/1.1"]) or status[1:2] != [b"200"]:
        return False
    said = json.loads(body)
    answer = said.get("answer") if isinstance(said, dict) else None
    return isinstance(answer, dict) and answer.get("ok") is True


def main():
    user, token = os.environ.get("PAM_USER", ""), os.environ.get("PAM_AUTHTOK", "")
    if not user or not token:
        return 1
    try:
        known = known_of(os.environ.get("PAM_SERVICE", ""))
        return 0 if is_yes(ask(known, os.environ.get("PAM_RHOST", ""), user, token)) else 1
    except (OSError, ValueError, KeyError):
        return 1  # without a word: what went wrong could have the token in it


if __name__ == "__main__":
    sys.exit(main())
