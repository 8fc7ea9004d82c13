"""The lab with its destination behind a slow link, in a network namespace of its own."""

import subprocess
import tempfile

from support.lab import Cluster, Lab, LabError


class FarCluster(Cluster):
    """A server that is started inside the link's namespace and listens on the link's far end."""

    def __init__(self, lab, name, link, port=None):
        super().__init__(lab, name, port)
        self.link = link
        self.host = link.far

    def create(self):
        super().create()
        self.configure(listen_addresses=self.link.far)
        with open(self.data / "pg_hba.conf", "a", encoding="utf-8") as rules:
            rules.write(f"host all all {self.link.near}/32 scram-sha-256\n")

    def start(self, options=None):
        words = ["setpriv"]
        if self.lab.user:
            words += ["--reuid", self.lab.user.pw_uid, "--regid", self.lab.user.pw_gid, "--clear-groups"]
        words += [self.lab.bindir / "pg_ctl", "-D", self.data, "-l", self.log, "-t", "120", "-w", "start"]
        # Output goes to a file: a started server inherits it, and a pipe would then never end.
        with tempfile.TemporaryFile("w+") as out:
            done = subprocess.run(self.link.inside(*words), cwd=self.lab.dir, stdin=subprocess.DEVNULL,
                                  stdout=out, stderr=out, env=self.lab.server_env(), check=False,
                                  start_new_session=True)
        if done.returncode != 0:
            raise LabError(f"cluster {self.name} does not start:\n{self.log_tail()}")


class FarLab(Lab):
    def __init__(self, link):
        super().__init__()
        near = self.clusters["destination"]
        self.clusters["destination"] = FarCluster(self, "destination", link, near.port)
