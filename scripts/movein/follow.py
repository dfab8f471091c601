"""Keys that change while the rest is copied, told by the source's keyspace notifications."""

import re
import threading

import redis

from .wire import failed, text

# By key, of all kinds, and of new keys: Redis 8 tells nothing else of a vector set that is made.
WANTED = "KAn"


class Follower:
    """Listens to each node of the source in a thread of its own. What it hears is taken by `take`."""

    def __init__(self, side):
        self.side, self.lock = side, threading.Lock()
        self.changed = {}
        self.heard = 0
        self.broken = None
        self.before = {}
        self.connections = []
        self.ended = False

    def start(self, before=None):
        """Turns notifications on and listens; False, with the reason in `broken`, where that can't be.

        `before` is what the nodes had set, from a run that could not set it back.
        """
        for node in self.side.nodes:
            reply = node.one("CONFIG", "GET", "notify-keyspace-events")
            if failed(reply) or not reply:
                self.broken = f"{node.name} does not tell of its notifications: {reply}"
                return False
            now = text(reply[1])
            self.before[node.name] = (before or {}).get(node.name, now)
            if not set(WANTED) <= set(now):
                reply = node.one("CONFIG", "SET", "notify-keyspace-events", "".join(dict.fromkeys(now + WANTED)))
                if failed(reply):
                    self.broken = f"{node.name} does not let notifications be turned on: {reply}"
                    return False
        for node in self.side.nodes:
            connection = node.connection()
            connection.send_command("PSUBSCRIBE", "__keyspace@*__:*")
            try:
                connection.read_response()
            except redis.ResponseError as error:
                self.broken = f"{node.name} does not let notifications be heard: {error}"
                self.stop()
                return False
            self.connections.append(connection)
            threading.Thread(target=self._listen, args=(node, connection), daemon=True).start()
        return True

    def _listen(self, node, connection):
        try:
            while not self.ended:
                try:
                    message = connection.read_response(timeout=None, disable_decoding=True)
                except redis.TimeoutError:
                    continue
                if message and message[0] == b"pmessage":
                    db, key = re.match(rb"__keyspace@(\d+)__:(.*)", message[2], re.S).groups()
                    with self.lock:
                        self.changed[int(db), key] = True
                        self.heard += 1
        except (redis.RedisError, OSError, ValueError, AttributeError) as error:
            if not self.ended:
                self.broken = f"{node.name} ended its notifications: {error}"

    def take(self, most=None):
        """Some of the changed keys as {database: keys}; what is taken is forgotten here."""
        with self.lock:
            taken = list(self.changed)[:most]
            for place in taken:
                del self.changed[place]
        by_database = {}
        for db, key in taken:
            by_database.setdefault(db, []).append(key)
        return by_database

    def waiting(self):
        with self.lock:
            return len(self.changed)

    def holds(self, db, key):
        with self.lock:
            return (db, key) in self.changed

    def stop(self):
        """Ends listening and sets back what was set."""
        self.ended = True
        for connection in self.connections:
            connection.disconnect()
        for node in self.side.nodes:
            if node.name in self.before:
                node.one("CONFIG", "SET", "notify-keyspace-events", self.before[node.name])
