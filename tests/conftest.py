"""Fixtures of the integration tests.

    server   the running server of this test, empty; shared between tests
    r2, r3   raw connections to it, RESP2 and RESP3
    start    starts further servers of the same kind: start("--appendonly", "yes"); stopped at the end of the test

A test runs on the first server of --servers; one marked `smoke` runs on all of them. Markers:

    smoke               cheap and telling, so it runs on every server
    differs("10.5")     where we differ on purpose (number of the specification's list), so a server's own vector sets fail it;
                        differs("10.5", crashes=True): there it would crash, so it is not even tried
    newer("VRANGE")     needs what the oldest server with vector sets of its own lacks
    module_only         looks at the module itself, so it is left out where V* are the server's own
"""

import os
import pathlib
import re
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import servers as fleet  # noqa: E402
from resp import Connection  # noqa: E402

SHARED = {}


def pytest_addoption(parser):
    parser.addoption("--servers", default="redis-7.0", help=f"comma-separated, the first runs all tests: {', '.join(fleet.SERVERS)}")


def pytest_configure(config):
    for line in __doc__.split("Markers:")[1].splitlines():
        name, _, meaning = line.strip().partition("  ")
        if re.match(r"    \S+  ", line):
            config.addinivalue_line("markers", f"{name}: {meaning.strip()}")


def pytest_generate_tests(metafunc):
    if "server_name" in metafunc.fixturenames:
        names = metafunc.config.getoption("--servers").split(",")
        smoke = metafunc.definition.get_closest_marker("smoke")
        metafunc.parametrize("server_name", names if smoke else names[:1], scope="session")


def pytest_collection_modifyitems(items):
    for item in items:
        name = getattr(item, "callspec", None) and item.callspec.params.get("server_name")
        if name not in fleet.BUILTIN_VECTOR_SETS:
            continue
        differs = item.get_closest_marker("differs")
        if item.get_closest_marker("module_only"):
            item.add_marker(pytest.mark.skip(reason="looks at the module, which steps aside here"))
        elif newer := item.get_closest_marker("newer"):
            item.add_marker(pytest.mark.skip(reason=f"this server lacks {newer.args[0]}"))
        elif differs:
            crashes = differs.kwargs.get("crashes", False)
            item.add_marker(pytest.mark.xfail(reason=f"differs on purpose: {differs.args[0]}", strict=True, run=not crashes))


def pytest_sessionfinish():
    for server in SHARED.values():
        server.close()
    SHARED.clear()
    if "NEARSET_COUNT" in os.environ:
        with open(os.environ["NEARSET_COUNT"], "a") as file:
            print(Connection.sent, file=file)


def check_health(server):
    """Fails the test that broke the server."""
    if fleet.SERVERS[server.name]:
        crash = server.crash()
        assert not crash, crash


@pytest.fixture
def server(server_name):
    running = SHARED.get(server_name)
    if running is None or not running.alive():
        if running:
            running.close()
        running = SHARED[server_name] = fleet.Server(server_name)
        with fleet.Connection(running.port) as c:
            running.first_config = settings(c)
    with fleet.Connection(running.port) as c:
        c("FLUSHALL", "SYNC")
        c("FUNCTION", "FLUSH")
        # the default dialect goes with the style, unless it was told one
        restore(c, running.first_config, [b"search.reply-style"])
        restore(c, running.first_config, running.first_config)
    yield running
    for connection in running.connections:
        connection.close()
    running.connections.clear()
    check_health(running)
    assert running.alive() or not fleet.SERVERS[server_name], f"the server died\n{running.log()[-3000:]}"


def restore(connection, first, names):
    now = settings(connection)
    for setting in names:
        if now.get(setting) != first.get(setting):
            connection("CONFIG", "SET", setting, first[setting])


def settings(connection):
    """The settings that tests change and that the next test must not see."""
    found = {}
    for pattern in (
        "maxmemory",
        "maxmemory-policy",
        "notify-keyspace-events",
        "search.*",
        "nearset.*",
        "vset-*",
        "proto-max-bulk-len",
        "lua-time-limit",
    ):
        flat = connection("CONFIG", "GET", pattern)
        found.update(zip(flat[::2], flat[1::2]))
    return found


@pytest.fixture
def r2(server):
    return server.connect(2)


@pytest.fixture
def r3(server):
    return server.connect(3)


@pytest.fixture
def redis_style(server, r2):
    """RediSearch's replies on Valkey too, for tests by clients and records that were made for Redis; before r3 asks anything."""
    r2("CONFIG", "SET", "search.reply-style", "redis")
    # It goes with the style only until somebody sets it, as the last test may have.
    r2("CONFIG", "SET", "search.default-dialect", 1)


@pytest.fixture
def start(server_name):
    started = []

    def start(*args, name=server_name, module_args=()):
        started.append(fleet.Server(name, *args, module_args=module_args))
        return started[-1]

    yield start
    try:
        for server in started:
            check_health(server)
    finally:
        for server in started:
            server.close()
