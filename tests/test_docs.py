"""README and the pages of docs/: what they show is what happens.

A block after `<!-- snippet TOOL -->` is run as it stands, with that tool; the first line of what it prints is compared where SNIPPETS says
what it begins with. A block of the language `redis` is a session: lines after `> ` go to redis-cli, and what it answers must be the lines
below, where `…` stands for anything. Only the port is another than 6379.
"""

import contextlib
import importlib.machinery
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys

import pytest

from resp import Simple
from servers import ROOT, UNPACKED, wait_until

REFERENCE = ROOT / "scripts" / "command-reference"
GUIDES = UNPACKED / "guides"
PAGES = sorted(file.relative_to(ROOT) for file in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
MANIFEST = """[package]
name = "snippet"
version = "0.0.0"
edition = "2024"
[dependencies]
redis = {{ version = "={version}", default-features = false }}
[profile.dev]
debug = false
[workspace]
"""
# Tool -> what the last line begins with.
SNIPPETS = {
    "redis-cli": '2) "chili"',
    "redis-py": "{'apple': 0.99",
    "redisvl": "[{'id': 'shop:",
    "langchain": "An apple is a fruit",
    "node-redis": "[ 'apple' ]",
    "rust": '["apple"',
}


def blocks(page):
    """(tool or language, text) of each block that is to be run."""
    text = (ROOT / page).read_text()
    for tool, language, block in re.findall(r"(?:<!-- snippet (\S+) -->\n)?^```(\w*)[^\n]*\n(.*?)^```", text, re.M | re.S):
        if tool or language == "redis":
            yield tool or "session", block


def redis_cli(port, line):
    done = subprocess.run(["redis-cli", "--no-raw", "-p", str(port)], input=line + "\n", capture_output=True, text=True, timeout=60)
    return [line.rstrip() for line in (done.stdout + done.stderr).splitlines()]


def answered(port, line):
    """What redis-cli prints, without blank lines at the end."""
    lines = redis_cli(port, line)
    while lines and not lines[-1]:
        lines.pop()
    return lines


def final_answer(port, line, expected):
    """What redis-cli prints; of a query, which may come while an index scans in the background, what it prints in the end."""
    if line.startswith("FT.SEARCH"):
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: matches(answered(port, line), expected), "the answer of the page", timeout=10)
    return answered(port, line)


def program(command, port, text, folder, name):
    """What a program of this text prints."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text.replace("6379", str(port)))
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:{os.path.expanduser('~/.cargo/bin')}"}
    done = subprocess.run([*command, file], capture_output=True, text=True, timeout=600, cwd=folder, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


def rust(port, text, folder):
    package = GUIDES / "rust"
    package.mkdir(parents=True, exist_ok=True)
    version = re.search(r"node-redis, crate redis \| [\d.]+, ([\d.]+)", (ROOT / "README.md").read_text())[1]
    (package / "Cargo.toml").write_text(MANIFEST.format(version=version))
    return program(["cargo", "run", "--quiet", "--"], port, text, package, "src/main.rs")


def run(tool, port, text, folder):
    """The lines that a snippet prints."""
    if tool == "redis-cli":
        answers = [redis_cli(port, line) for line in text.splitlines()]
        assert not any("(error)" in line for answer in answers for line in answer), answers
        return answers[-1]
    if tool == "redis-py":
        return program([sys.executable], port, text, folder, "snippet.py")
    subprocess.run([ROOT / "scripts" / "setup", "guides"], check=True)
    if tool == "node-redis":
        return program(["node"], port, text, GUIDES / "node", f"snippet-{port}.mjs")
    return rust(port, text, folder) if tool == "rust" else program([GUIDES / "python" / "bin" / "python"], port, text, folder, "snippet.py")


def matches(answer, expected):
    """Whether lines are those expected, where … stands for any."""
    pattern = "\n".join(re.escape(line.rstrip()) for line in expected).replace("…", "(?s:.*)")
    return re.fullmatch(pattern, "\n".join(answer)) is not None


@pytest.mark.parametrize("tool, text", [pytest.param(*block, id=block[0]) for block in blocks("README.md")])
def test_snippets_of_readme(server, tmp_path, tool, text):
    assert run(tool, server.port, text, tmp_path)[-1].startswith(SNIPPETS[tool])


def test_every_kind_of_snippet_is_run():
    assert {tool for tool, _ in blocks("README.md")} == set(SNIPPETS)
    assert len((ROOT / "README.md").read_text().splitlines()) < 200


def test_everything_is_copied_as_the_page_about_moving_says(start, tmp_path):
    """Each line of it, as it stands but for the ports and the folder of the state; then Ctrl-C, when it says that it is in step.

    Both servers are of its own: one that has had a replica goes on keeping commands for it."""
    old, new = start(), start()
    r2 = old.connect()
    for words in ("JSON.SET j $ {}", "VADD v VALUES 1 1 e", "SET s x EX 1000", "FT.CREATE i SCHEMA t TAG", "FT.ALIASADD a i", "HSET h t x"):
        r2(*words.split())
    page = (ROOT / "docs" / "moving-in.md").read_text()
    lines = re.findall(r"^scripts/move-in .*", page, re.M)
    assert len(lines) == 2
    said = []
    for line in lines:
        line = line.replace("6379", str(old.port)).replace("6380", str(new.port)).replace("move.state", str(tmp_path / "state"))
        running = subprocess.Popen([sys.executable, *line.split()], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for answer in running.stdout:
            said.append(answer.rstrip())
            if answer.startswith("in step"):
                running.send_signal(signal.SIGINT)
        assert running.wait(60) == 0, said
    assert "dry run: nothing was written; everything can come" in said
    assert said[-1] == "complete: nothing differs" and said[-1] in page
    client = new.redis()
    assert sorted(client.keys()) == [b"h", b"j", b"s", b"v"] and client.ttl("s") > 900
    assert new.connect()("FT.SEARCH", "a", "@t:{x}", "NOCONTENT", "DIALECT", 2) == [1, b"h"]


@pytest.mark.skipif(not shutil.which("redis-cli"), reason="sessions are redis-cli's")
@pytest.mark.parametrize("page", [str(page) for page in PAGES if page.name != "README.md"])
def test_sessions_of_pages(server, page):
    for _, text in filter(lambda block: block[0] == "session", blocks(page)):
        for step in re.split(r"^> ", text, flags=re.M)[1:]:
            line, *expected = step.rstrip("\n").split("\n")
            answer = final_answer(server.port, line, expected)
            assert matches(answer, expected), "\n".join([f"{page}: {line}", *answer])


def test_the_reference_is_what_the_server_says(server, r2):
    loader = importlib.machinery.SourceFileLoader("command_reference", str(REFERENCE))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("command_reference", loader))
    loader.exec_module(module)
    assert (ROOT / "docs" / "commands.md").read_text() == module.page(r2), "scripts/command-reference writes it anew"


# Of the page about security: kind of user -> what it may do of these, on app: and on others.
DEEDS = {
    "search": ["FT.SEARCH", "app", "*"],
    "similar": ["VSIM", "app:set", "ELE", "a"],
    "similar elsewhere": ["VSIM", "other", "ELE", "a"],
    "search elsewhere": ["FT.SEARCH", "other", "*"],
    "add": ["VADD", "app:set", "VALUES", 1, 1, "b"],
    "drop": ["FT.DROPINDEX", "spare"],
}
ALLOWED = {
    "searcher": {"search", "similar"},
    "writer": {"search", "similar", "add"},
    "owner": {"search", "similar", "add"},
    "analyst": {"search", "similar"},
}


@pytest.mark.smoke
@pytest.mark.module_only
def test_users_of_the_page_about_security(server, r2):
    """Each may do what the page says, by the lines for this server."""
    text = (ROOT / "docs" / "security.md").read_text()
    heading = "## Redis 7.2" if server.version() >= (7, 2) else "## Redis 7.0"
    block = re.search(rf"^{heading}.*?^```text\n(.*?)^```", text, re.M | re.S)[1]
    for key in ("app:set", "other"):
        r2("VADD", key, "VALUES", 1, 1, "a")
    for index, prefix in (("app", "app:"), ("other", "other"), ("spare", "app:spare:")):
        r2("FT.CREATE", index, "PREFIX", 1, prefix, "SCHEMA", "t", "TAG")
    for line in block.splitlines():
        words = line.split()
        assert r2(*words) == Simple("OK"), line
        client = server.connect()
        assert client("AUTH", words[2], "SECRET") == Simple("OK")
        done = {name for name, deed in DEEDS.items() if not str(client(*deed)).startswith("NOPERM")}
        assert done == ALLOWED[words[2]], line
        assert r2("ACL", "DELUSER", words[2]) == 1


@pytest.mark.smoke
@pytest.mark.module_only
def test_the_page_about_operations_has_each_field_of_info(server, r2, start):
    page = (ROOT / "docs" / "operations.md").read_text()
    reference = page.split("## Each INFO field")[1].split("## Sizing")[0]
    told = r2("INFO", "everything").decode()
    # What a node of a cluster tells besides.
    told += start("--cluster-enabled", "yes").connect()("INFO", "search_cluster").decode()
    fields = set(re.findall(r"^(search_\w+):", told, re.M)) - set(re.findall(r"^(search_fields_\w+):", told, re.M))
    sections = set(re.findall(r"^# (search_\w+)", told, re.M))
    assert set(re.findall(r"^### (\w+)", reference, re.M)) == sections
    named = set(re.findall(r"`(search_\w+)`", re.sub(r"^### search_fields_statistics.*?^###", "###", reference, flags=re.M | re.S)))
    assert named == fields
