"""pytest plugin for redis-py's suite: opens its gates on server version, modules and names of settings, and writes down how each
test ended.

The suite skips tests by the version that the server reports; ours reports an old one and can do more. The gates are
decorators in its conftest.py; they are replaced before the test files are imported. No test body is touched. A setting of search has
the name search-NAME in Redis 8, where it is the server's own; a module's is search.NAME, so that is what the client asks for.
"""

import os
import pathlib
import sys

import pytest

GATES = ("skip_if_server_version_lt", "skip_if_server_version_gte", "skip_ifmodversion_lt")
ENDS = {}


def ask_for_settings_of_modules():
    from redis.commands.core import ManagementCommands

    get, set_ = ManagementCommands.config_get, ManagementCommands.config_set

    def name_of_module(name):
        return f"search.{name.removeprefix('search-')}" if isinstance(name, str) else name

    def renamed(reply):
        return {f"search-{name.removeprefix('search.')}": value for name, value in reply.items()}

    async def renamed_later(reply):
        return renamed(await reply)

    def config_get(self, pattern="*", *args, **options):
        if not isinstance(pattern, str) or not pattern.startswith("search-"):
            return get(self, pattern, *args, **options)
        reply = get(self, name_of_module(pattern), *args, **options)
        return renamed(reply) if isinstance(reply, dict) else renamed_later(reply)

    def config_set(self, name, value, *args, **options):
        return set_(self, name_of_module(name) if str(name).startswith("search-") else name, value, *args, **options)

    ManagementCommands.config_get, ManagementCommands.config_set = config_get, config_set


def pytest_configure():
    ask_for_settings_of_modules()


@pytest.hookimpl(tryfirst=True)
def pytest_collectstart(collector):
    for module in list(sys.modules.values()):
        if pathlib.Path(getattr(module, "__file__", None) or "").name == "conftest.py":
            for gate in GATES:
                if hasattr(module, gate):
                    setattr(module, gate, lambda *args, **options: lambda test: test)


def pytest_runtest_logreport(report):
    worst = {"passed": 0, "skipped": 1, "failed": 2}
    name = report.nodeid.replace("\n", "\\n").replace(" ", "_")
    ENDS[name] = max(ENDS.get(name, "passed"), report.outcome, key=worst.get)


def pytest_sessionfinish():
    with open(os.environ["CLIENT_SUITE_RESULTS"], "w") as results:
        results.writelines(f"{end} {name}\n" for name, end in ENDS.items())
