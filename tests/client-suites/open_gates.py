"""pytest plugin for redis-py's suite: opens its gates on server version and modules, and writes down how each test ended.

The suite skips tests by the version that the server reports; ours reports an old one and can do more. The gates are
decorators in its conftest.py; they are replaced before the test files are imported. No test body is touched.
"""

import os
import pathlib
import sys

import pytest

GATES = ("skip_if_server_version_lt", "skip_if_server_version_gte", "skip_ifmodversion_lt")
ENDS = {}


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
