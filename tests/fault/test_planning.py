"""Faults while a load is planned: nothing is recorded yet, so nothing can be lost."""

import re

from support.pgproxy import Rule


class KillBefore(Rule):
    """Ends sessions of the server just before a client's SQL that matches a pattern gets there."""

    def __init__(self, pattern, cluster, victim, app=None):
        super().__init__(1, app)
        self._pattern = re.compile(pattern)
        self._cluster = cluster
        self._victim = victim

    async def client_message(self, session, message):
        if self._pattern.search(message.sql()) and self.count():
            for backend in self._cluster.backends(self._victim):
                if backend["application_name"] == session.app:
                    continue
                self._cluster.query("postgres", f"SELECT pg_terminate_backend({backend['pid']}, 5000)")
                self.note_fired()
        return False


def test_the_exporter_dies_before_the_holder_has_its_snapshot(source_proxied):
    """The snapshot was the dead session's own, of a moment ago: the load begins again by itself."""
    rule = source_proxied.proxy.add(
        KillBefore("SET TRANSACTION SNAPSHOT", source_proxied.pair.source, "sluice%", app="/holder"))
    result = source_proxied.run()
    assert rule.fired, "no session was ended: the test proved nothing"
    assert result.status == 0, result
    source_proxied.assert_exact()
