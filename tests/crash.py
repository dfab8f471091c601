#!/usr/bin/env python3
"""crash.py [--rounds N] [--server NAME]: kill -9 during writes with appendfsync always, restart, compare.

Several clients add, update, change attributes of and remove elements of their own. After the kill every acknowledged write
must be there; of each client's last, unacknowledged one either state is right. The same folder goes through all rounds.
"""

import argparse
import pathlib
import random
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from resp import NULL_BULK, Error  # noqa: E402
from servers import SERVERS, Server  # noqa: E402

DIM, CLIENTS = 16, 6
DISCONNECTED = (ConnectionError, OSError)


class Client:
    """Writes elements of its own and remembers what was acknowledged: name -> (components, attributes)."""

    def __init__(self, number):
        self.chance = random.Random(number)
        self.key = f"set{number % 2}"
        self.prefix = f"c{number}-".encode()
        self.held = {}
        self.pending = None
        self.written = 0
        self.failure = None

    def command(self):
        """(command, name, what is held under the name afterwards)"""
        name = self.prefix + b"%d" % self.chance.randrange(200)
        vector, attributes = self.held.get(name, (None, None))
        match self.chance.randrange(5):
            case 0 if vector:
                return ["VREM", self.key, name], name, None
            case 1 if vector:
                attributes = b'{"n":%d}' % self.chance.randrange(1000)
                return ["VSETATTR", self.key, name, attributes], name, (vector, attributes)
        # codes of int8 that decode to themselves: the greatest component is 127
        vector = (127, *(self.chance.randrange(-127, 128) for _ in range(DIM - 1)))
        command = ["VADD", self.key, "VALUES", DIM, *vector, name]
        if self.chance.randrange(2):
            attributes = b'{"n":%d}' % self.chance.randrange(1000)
            command += ["SETATTR", attributes]
        if self.chance.randrange(3) == 0:
            command.append("CAS")
        return command, name, (vector, attributes)

    def run(self, connection):
        """Writes until the server dies."""
        try:
            while True:
                command, name, after = self.command()
                self.pending = (name, after)
                reply = connection(*command)
                if isinstance(reply, Error):
                    self.failure = f"{command}: {reply}"
                    return
                self.apply(name, after)
                self.pending = None
                self.written += 1
        except DISCONNECTED:
            pass

    def apply(self, name, after):
        if after:
            self.held[name] = after
        else:
            self.held.pop(name, None)

    def check(self, connection):
        """Compares with what the restarted server holds; returns what is wrong."""
        wrong = []
        if self.pending:
            name, after = self.pending
            if read(connection, self.key, name) == after:
                self.apply(name, after)
            self.pending = None
        for number in range(200):
            name = self.prefix + b"%d" % number
            found, held = read(connection, self.key, name), self.held.get(name)
            if found != held:
                wrong.append(f"{self.key} {name!r}: found {found}, acknowledged {held}")
        return wrong


def read(connection, key, name):
    """(codes, attributes) of an element, or None."""
    raw = connection("VEMB", key, name, "RAW")
    if raw is NULL_BULK:
        return None
    codes = tuple(code - 256 if code > 127 else code for code in raw[1])
    attributes = connection("VGETATTR", key, name)
    return codes, None if attributes is NULL_BULK else attributes


def run(rounds, name):
    """Returns (writes acknowledged, list of what is wrong)."""
    clients = [Client(number) for number in range(CLIENTS)]
    chance = random.Random(0)
    with Server(name, "--appendonly", "yes", "--appendfsync", "always", "--aof-use-rdb-preamble", "no") as server:
        for number in range(rounds):
            threads = [threading.Thread(target=client.run, args=(server.connect(),)) for client in clients]
            for thread in threads:
                thread.start()
            end, enough = threading.Event(), sum(client.written for client in clients) + chance.randrange(200, 1500)
            while sum(client.written for client in clients) < enough and not any(client.failure for client in clients) and server.alive():
                end.wait(0.002)
            if number % 7 == 3:
                server.connect()("BGREWRITEAOF")
            server.kill()
            for thread in threads:
                thread.join()
            server.start()
            connection = server.connect()
            wrong = [client.failure for client in clients if client.failure] + [
                line for client in clients for line in client.check(connection)
            ]
            if crash := server.crash():
                wrong.append(crash)
            if wrong:
                return sum(client.written for client in clients), [f"round {number}: {line}" for line in wrong]
            for connection in server.connections:
                connection.close()
            server.connections.clear()
    return sum(client.written for client in clients), []


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--server", choices=SERVERS, default="redis-7.0")
    options = parser.parse_args()
    written, wrong = run(options.rounds, options.server)
    print("\n".join(wrong[:20]))
    print(f"crash: {options.rounds} rounds, {written} acknowledged writes, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
