"""Starts real servers for the tests: which ones there are, with the module or without, on free loopback ports.

Needs only the standard library. A server's files live in a temporary folder that goes when it is closed.
"""

import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from resp import Connection, Error

ROOT = pathlib.Path(__file__).resolve().parent.parent
UNPACKED = pathlib.Path(os.environ.get("NEARSET_SERVERS", ROOT / ".servers"))
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))

# Name -> does the module go into it? `redis-7.0` is the redis-server on PATH. The `bare-` ones are peers to check the
# tests themselves against.
SERVERS = {
    "redis-7.0": True,
    "redis-7.4": True,
    "valkey-9.1": True,
    "redis-8.2": True,
    "bare-redis-7.4": False,
    "bare-redis-8.2": False,
    "redis-stack": False,
}
# Servers on which V* are the server's own commands.
BUILTIN_VECTOR_SETS = {"redis-8.2", "bare-redis-8.2"}


def library():
    """The module to load: $NEARSET_LIB, or what the profile `fast` built."""
    return pathlib.Path(os.environ.get("NEARSET_LIB", TARGET / "fast" / "libnearset.so")).resolve()


def binary(name):
    """The command that runs the server `name`; scripts/setup fetches what is missing."""
    if name == "redis-7.0":
        return os.environ.get("REDIS_SERVER", "redis-server")
    name = name.removeprefix("bare-")
    path = UNPACKED / name / "server"
    if not path.exists():
        subprocess.run([ROOT / "scripts" / "setup", name], check=True, stdout=sys.stderr)
    return str(path)


def free_port():
    """A port that nobody listens on now; below those that the system gives to outgoing connections, and with room for the
    port of the cluster's bus, 10,000 above."""
    while True:
        port = random.randrange(12_000, 22_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def wait_until(condition, what, timeout=30):
    """Polls `condition` until it is true and returns its value; fails with `what` after `timeout` seconds."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"not within {timeout} s: {what}")
        time.sleep(0.005)


def steady(read, polls=20):
    """What `read` returns once it is the same so many times in a row: for memory that workers still give back."""
    last, same = read(), 0

    def again():
        nonlocal last, same
        value = read()
        last, same = value, same + 1 if value == last else 0
        return same >= polls

    wait_until(again, "it stays the same")
    return last


class Server:
    """A running server. Settings are given as on its command line: Server("redis-7.0", "--appendonly", "yes")."""

    def __init__(self, name, *args, module_args=()):
        self.name, self.args, self.module_args = name, args, module_args
        self.log_read = 0
        self.config = None  # a configuration file, read first
        self.patience = 60  # seconds that it may take to load its data
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="nearset-"))
        self.process = None
        self.connections = []
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    @property
    def log_path(self):
        return self.folder / "log"

    def log(self):
        """All that the server has logged."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def start(self):
        """Starts it (again), in the same folder, and returns when it has loaded its data."""
        for _ in range(5):
            self.port = free_port()
            command = [
                binary(self.name),
                *([self.config] if self.config else []),
                "--port",
                self.port,
                "--bind",
                "127.0.0.1",
                "--dir",
                self.folder,
            ]
            command += ["--logfile", self.log_path, "--save", "", "--enable-debug-command", "yes"]
            command += ["--enable-module-command", "yes", "--daemonize", "no", "--repl-diskless-sync-delay", "0", *self.args]
            if self.name == "redis-stack":
                for module in ("redisearch", "rejson"):
                    command += ["--loadmodule", UNPACKED / self.name / "modules" / f"{module}.so"]
            if SERVERS[self.name]:
                command += ["--loadmodule", library(), *self.module_args]
                # A program that runs servers with the module, such as a checker of memory.
                command[:0] = filter(None, [os.environ.get("NEARSET_UNDER")])
            with open(self.folder / "output", "ab") as output:
                self.process = subprocess.Popen([str(word) for word in command], stdout=output, stderr=output, stdin=subprocess.DEVNULL)
            if self._wait_ready():
                return
        raise RuntimeError("no free port found")

    def _wait_ready(self):
        """True when it answers, False when its port was taken meanwhile."""
        end = time.monotonic() + self.patience
        while time.monotonic() < end:
            if self.process.poll() is not None:
                if "Address already in use" in self.log()[-2000:]:
                    return False
                output = (self.folder / "output").read_text(errors="replace")
                raise RuntimeError(f"{self.name} exited with {self.process.returncode}\n{output[-1000:]}\n{self.log()[-4000:]}")
            try:
                with Connection(self.port) as probe:
                    if not isinstance(probe("DBSIZE"), Error):
                        return True
            except OSError:
                pass
            time.sleep(0.005)
        raise TimeoutError(f"{self.name} did not get ready\n{self.log()[-4000:]}")

    def connect(self, protocol=2, timeout=60):
        """A raw connection; closed with the server."""
        self.connections.append(Connection(self.port, protocol, timeout))
        return self.connections[-1]

    def redis(self, protocol=3, **options):
        """A redis-py client."""
        import redis

        return redis.Redis(port=self.port, protocol=protocol, socket_timeout=60, **options)

    def info(self, section, field):
        """One field of INFO, as text, or None."""
        with Connection(self.port) as c:
            found = re.search(rf"^{re.escape(field)}:(.*?)\r?$", c("INFO", section).decode(), re.M)
        return found and found[1]

    def version(self):
        """(major, minor) of Redis; what Valkey claims to be compatible with, for Valkey."""
        return tuple(int(part) for part in self.info("server", "redis_version").split(".")[:2])

    def main_thread(self):
        """(nanoseconds that its main thread has had of a core, nanoseconds that it waited for one)."""
        stat = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/schedstat").read_text()
        return tuple(map(int, stat.split()[:2]))

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def crash(self):
        """What the log says of a crash, an assertion or a panic since it was last asked; empty when all is well."""
        log = self.log()
        self.log_read, log = len(log), log[self.log_read :]
        found = re.search(r"BUG REPORT START|ASSERTION FAILED|panicked at|Guru Meditation", log)
        return log[max(found.start() - 500, 0) : found.start() + 4000] if found else ""

    def kill(self):
        """SIGKILL, and waits for the end."""
        self.process.kill()
        self.process.wait()

    def shutdown(self):
        """Ends it by SIGTERM, as a service manager does, and waits."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def restart(self):
        """Shuts it down and starts it in the same folder."""
        self.shutdown()
        self.start()

    def follow(self, master):
        """Makes it a replica of `master` and waits until it is in step."""
        with Connection(self.port) as c:
            c("REPLICAOF", "127.0.0.1", master.port)
        wait_until(lambda: self.info("replication", "master_link_status") == "up", "replica linked")
        self.catch_up(master)

    def catch_up(self, master):
        """Waits until this replica has applied all that `master` has sent."""

        def offsets():
            return self.info("replication", "master_repl_offset"), self.info("replication", "slave_repl_offset")

        def same():
            sent = master.info("replication", "master_repl_offset")
            return sent in offsets() and sent == master.info("replication", "master_repl_offset")

        wait_until(same, "replica caught up")

    def close(self):
        """Stops it and removes its folder."""
        for connection in self.connections:
            connection.close()
        self.connections = []
        if self.alive():
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
