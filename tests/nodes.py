"""A cluster of servers with the module, on this machine."""

from servers import wait_until

SLOTS = 16_384


class Cluster:
    """Masters that share the slots evenly. `start` starts a server, as the fixture of that name does."""

    def __init__(self, start, masters):
        options = "--cluster-enabled", "yes", "--cluster-node-timeout", 2000
        self.nodes = [start(*options) for _ in range(masters)]
        self.connections = [node.connect() for node in self.nodes]
        for at, c in enumerate(self.connections):
            c("CLUSTER", "SET-CONFIG-EPOCH", at + 1)
            c("CLUSTER", "ADDSLOTSRANGE", SLOTS * at // masters, SLOTS * (at + 1) // masters - 1)
            if at > 0:
                c("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port)
        wait_until(lambda: all(self.serves(c) and self.known(c) == masters for c in self.connections), "the cluster serves")
        self.ids = [c("CLUSTER", "MYID") for c in self.connections]

    @staticmethod
    def info(c):
        return dict(line.split(b":") for line in c("CLUSTER", "INFO").split())

    def serves(self, c):
        return self.info(c)[b"cluster_state"] == b"ok"

    def known(self, c):
        return int(self.info(c)[b"cluster_known_nodes"])

    def __call__(self, *words, key):
        """Asks the node that the key is at."""
        slot = self.connections[0]("CLUSTER", "KEYSLOT", key)
        for first, last, (_, port, *_), *_ in self.connections[0]("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                at = next(at for at, node in enumerate(self.nodes) if node.port == port)
                return self.connections[at](*words)
        raise LookupError(f"slot {slot} is at no node")
