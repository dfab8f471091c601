"""A server or a cluster: connections, pipelines, the slots of keys, and what it is.

Replies are RESP2's, as bytes; an error is a reply like others. What is sent may be sent twice when a connection breaks, so callers
send only what can be repeated.
"""

import re
import time

import redis
from redis.crc import key_slot
from redis.exceptions import AuthenticationError, ConnectionError, ResponseError, TimeoutError

ATTEMPTS = 6


class Refused(Exception):
    """It can't be done; the text says why."""


def failed(reply):
    return isinstance(reply, Exception)


def text(value):
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def mapping(reply):
    """A reply of names and values, whichever shape it has: a map, or a flat list."""
    if isinstance(reply, dict):
        return {text(name).lower(): value for name, value in reply.items()}
    if not isinstance(reply, list):
        return {}
    return {text(name).lower(): value for name, value in zip(reply[::2], reply[1::2])}


class Node:
    """One server. Each database has its own connection."""

    def __init__(self, pool, host=None, port=None):
        self.make, self.options = pool.connection_class, dict(pool.connection_kwargs)
        if host:
            self.options.update(host=host, port=port)
        self.name = str(self.options.get("path") or f"{self.options.get('host', 'localhost')}:{self.options.get('port', 6379)}")
        self.open = {}

    def connection(self, db=0):
        """A new connection, for this caller alone."""
        made = self.make(**{**self.options, "db": db})
        made.connect()
        return made

    def many(self, commands, db=0):
        """Sends all commands at once and returns their replies."""
        if not commands:
            return []
        for attempt in range(ATTEMPTS):
            try:
                if db not in self.open:
                    self.open[db] = self.connection(db)
                connection = self.open[db]
                connection.send_packed_command(connection.pack_commands(commands))
                return [self._reply(connection) for _ in commands]
            except AuthenticationError:
                raise
            except (ConnectionError, TimeoutError, OSError):
                self.close(db)
                if attempt == ATTEMPTS - 1:
                    raise
                time.sleep(0.1 * 2**attempt)

    @staticmethod
    def _reply(connection):
        try:
            return connection.read_response(disable_decoding=True)
        except ResponseError as error:
            return error

    def one(self, *words, db=0):
        return self.many([words], db)[0]

    def close(self, db):
        if connection := self.open.pop(db, None):
            connection.disconnect()


class Side:
    """What is copied from or to."""

    def __init__(self, url, password=None):
        if "://" not in url:
            url = "redis://" + url
        self.pool = redis.ConnectionPool.from_url(url, protocol=2, **({"password": password} if password else {}))
        self.pool.connection_kwargs.setdefault("socket_timeout", 300)
        self.pool.connection_kwargs.pop("db", None)
        self.seed = Node(self.pool)
        self.known = {}
        try:
            self._identify()
        except (redis.RedisError, OSError) as error:
            raise Refused(f"{self.seed.name}: {error}") from error
        self.nodes, self.slots = [self.seed], None
        if self.cluster:
            self.find_slots()

    def _identify(self):
        info = self.seed.one("INFO")
        if failed(info):
            raise info
        self.info = dict(line.split(":", 1) for line in text(info).splitlines() if ":" in line)
        self.valkey = "valkey_version" in self.info
        numbers = re.findall(r"\d+", self.info["valkey_version" if self.valkey else "redis_version"])
        self.version = tuple(map(int, numbers[:2]))
        self.cluster = self.info.get("cluster_enabled") == "1"
        self.run = self.info.get("run_id", "")
        listed = self.seed.one("MODULE", "LIST")
        listed = [] if failed(listed) else [mapping(entry) for entry in listed]
        self.modules = {text(module.get("name", b"")): module.get("ver") for module in listed}
        own = self.seed.one("INFO", "search_nearset", "nearset_nearset")
        self.nearset = not failed(own) and b"nearset_version" in own

    def __str__(self):
        kind = "Valkey" if self.valkey else "Redis"
        with_modules = ", ".join(f"{name} {version}" for name, version in self.modules.items())
        return f"{self.seed.name} ({kind} {'.'.join(map(str, self.version))}{f', cluster of {len(self.nodes)}' * self.cluster}" + (
            f"; {with_modules})" if with_modules else ")"
        )

    @property
    def rdb_version(self):
        """The newest RDB version that it reads."""
        if self.valkey:
            return 80 if self.version >= (9, 0) else 11
        table = [((8, 4), 13), ((7, 4), 12), ((7, 2), 11), ((7, 0), 10)]
        return next((version for since, version in table if self.version >= since), 9)

    def find_slots(self):
        """Asks who has which slots."""
        self.slots = [None] * 16384
        for first, last, master, *_ in self.seed.one("CLUSTER", "SLOTS"):
            host, port = text(master[0] or b"") or self.seed.options.get("host"), master[1]
            if (host, port) not in self.known:
                self.known[host, port] = Node(self.pool, host, port)
            for slot in range(first, last + 1):
                self.slots[slot] = self.known[host, port]
        self.nodes = list(dict.fromkeys(node for node in self.slots if node))
        if not self.nodes:
            raise Refused(f"{self.seed.name}: the cluster has no slots")

    def node(self, key):
        if self.slots is None or key is None:
            return self.nodes[0]
        return self.slots[key_slot(key)] or self.nodes[0]

    def many(self, db, commands):
        """Sends (key, *words) each to the node of its key, and returns the replies in order. Follows slots that move."""
        replies = [None] * len(commands)
        waiting = range(len(commands))
        for attempt in range(ATTEMPTS * 4):
            by_node = {}
            for place in waiting:
                by_node.setdefault(self.node(commands[place][0]), []).append(place)
            for node, places in by_node.items():
                for place, reply in zip(places, node.many([commands[place][1:] for place in places], db)):
                    replies[place] = reply
            if not self.cluster:
                break
            waiting = [place for place in waiting if failed(replies[place]) and moving(replies[place])]
            if not waiting:
                break
            time.sleep(0.05 * attempt)
            self.find_slots()
        return replies

    def one(self, db, key, *words):
        return self.many(db, [(key, *words)])[0]

    def has(self, *commands):
        """Which of the commands it knows."""
        replies = self.seed.one("COMMAND", "INFO", *commands)
        if failed(replies):  # not allowed to ask: hope
            return dict.fromkeys(commands, True)
        return {command: bool(reply) for command, reply in zip(commands, replies)}

    def databases(self):
        """Database -> number of its keys, over all nodes."""
        found = {}
        for node in self.nodes:
            info = node.one("INFO", "keyspace")
            for db, keys in re.findall(r"db(\d+):keys=(\d+)", "" if failed(info) else text(info)):
                found[int(db)] = found.get(int(db), 0) + int(keys)
        return found

    def scan(self, db, count):
        """Batches of keys of a database; a key may come twice."""
        for node in self.nodes:
            cursor = b"0"
            while True:
                reply = node.one("SCAN", cursor, "COUNT", count, db=db)
                if failed(reply):
                    raise reply
                cursor, keys = reply
                if keys:
                    yield keys
                if cursor == b"0":
                    break


def moving(error):
    return str(error).startswith(("MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN")) or type(error).__name__ in (
        "MovedError",
        "AskError",
        "TryAgainError",
        "ClusterDownError",
        "SlotNotCoveredError",
    )
