"""A source database and a database of the simulated shard group."""

from .pair import Pair


class GroupPair(Pair):
    """As Pair, the destination being lab.group. dst() runs as the group's admin, past the routers;
    the loader comes as the admin by the cluster endpoint. lab.group.reset() is the caller's."""

    def __init__(self, lab, source_db=None, destination_db=None, **created):
        super().__init__(GroupIsDestination(lab), source_db, destination_db, **created)
        self.group = lab.group

    def dst(self, sql):
        return self.destination.psql(self.destination_db, sql, user=self.destination.admin)


class GroupIsDestination:
    """A lab whose destination is its shard group."""

    def __init__(self, lab):
        self._lab = lab
        self.destination = lab.group

    def __getattr__(self, name):
        return getattr(self._lab, name)
