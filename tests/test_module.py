"""The module as a whole: it loads everywhere, steps aside where a family is taken, and its settings are documented."""

import os
import re
import subprocess

import pytest

from resp import Error, Map, Simple
from servers import BUILTIN_VECTOR_SETS, ROOT, Server, library


def loaded_modules(connection):
    found = []
    for module in connection("MODULE", "LIST"):
        fields = {(key.decode() if isinstance(key, bytes) else key): value for key, value in zip(module[::2], module[1::2])}
        found.append(fields["name"].decode())
    return found


@pytest.mark.smoke
def test_it_loads_and_says_so(server, r2):
    assert "search" in loaded_modules(r2)
    assert r2("VCARD", "none") == 0


@pytest.mark.smoke
def test_log_and_info_say_which_library_it_is(server, r2):
    version = re.search(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.M)[1]
    said = {name: server.info("modules", f"search_nearset_{name}") for name in ("version", "commit", "kernels", "server", "serves")}
    assert said["version"] == version and re.fullmatch(r"[0-9a-f]{7,40}|unknown", said["commit"])
    assert said["kernels"] in ("portable", "avx2", "avx512", "avx512-vnni")
    name = "valkey" if server.name.startswith("valkey") else "redis"
    assert said["server"] == f"{name.title()} {server.info('server', f'{name}_version')}"
    taken = "vector sets" if server.name in BUILTIN_VECTOR_SETS else "nothing"
    assert server.info("modules", "search_nearset_steps_aside_for") == taken
    assert said["serves"] == ", ".join(family for family in ("vector sets", "JSON", "search") if family != taken)
    aside = f"; not {taken}, which others serve" if taken != "nothing" else ""
    line = f"nearset {version} (commit {said['commit']}) on {said['server']} serves {said['serves']}{aside}; kernels {said['kernels']}, "
    assert re.findall(rf"{re.escape(line)}\d+ workers", server.log()), server.log()[-2000:]


def test_the_commit_is_known_without_git_or_not_at_all(tmp_path):
    """A tarball has no git, and may lie inside the checkout of something else."""
    program = tmp_path / "build"
    subprocess.run(["rustc", "--edition", "2024", "-o", program, ROOT / "build.rs"], check=True)

    def commit(folder, **given):
        environment = {"PATH": os.environ["PATH"], "CARGO_MANIFEST_DIR": str(folder), **given}
        said = subprocess.run([program], cwd=folder, env=environment, check=True, capture_output=True, text=True).stdout
        return re.search(r"^cargo:rustc-env=NEARSET_COMMIT=(.*)$", said, re.M)[1]

    alone = tmp_path / "alone"
    alone.mkdir()
    assert commit(alone) == "unknown"
    assert commit(alone, NEARSET_COMMIT="1.2-3") == "1.2-3"
    assert commit(alone, NEARSET_COMMIT="") == "unknown"
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    author = ["-c", "user.name=n", "-c", "user.email=n@n"]
    subprocess.run(["git", "-C", tmp_path, *author, "commit", "-q", "--allow-empty", "-m", "m"], check=True)
    assert commit(alone) == "unknown"
    assert re.fullmatch("[0-9a-f]{12}", commit(tmp_path))


@pytest.mark.smoke
def test_it_steps_aside_where_vector_sets_are_built_in(server, r2):
    log = server.log()
    assert bool(re.search(r"vector sets?: served by the server", log, re.I)) == (server.name in BUILTIN_VECTOR_SETS), log[-2000:]


def settings(connection):
    flat = connection("CONFIG", "GET", "search.*")
    return {flat[n].decode().removeprefix("search."): flat[n + 1].decode() for n in range(0, len(flat), 2)}


def documented():
    """Setting -> default in redis.conf.example; commented out, so that the file shows what holds anyway."""
    lines = (ROOT / "redis.conf.example").read_text().splitlines()
    return dict(found.groups() for line in lines if (found := re.match(r"#?\s*search\.(\S+) (\S+)$", line)))


@pytest.mark.smoke
def test_every_setting_is_documented_with_its_default(r2):
    assert documented() == settings(r2)


def test_the_example_is_a_valid_configuration(start):
    text = (ROOT / "redis.conf.example").read_text()
    server = start()
    (server.folder / "example.conf").write_text(re.sub(r"^#\s*(search\.\S+ \S+)$", r"\1", text, flags=re.M))
    server.shutdown()
    server.config = server.folder / "example.conf"
    server.start()
    assert settings(server.connect()) == documented()


@pytest.mark.smoke
def test_settings_change_at_run_time_and_keep_their_range(r2):
    assert r2("CONFIG", "SET", "search.workers", "2") == Simple("OK")
    assert settings(r2)["workers"] == "2"
    assert isinstance(r2("CONFIG", "SET", "search.workers", "many"), Error)
    assert isinstance(r2("CONFIG", "SET", "search.workers", "-1"), Error)
    assert settings(r2)["workers"] == "2"


@pytest.mark.parametrize("workers", ["1", "3"])
def test_settings_as_arguments_of_loadmodule(start, workers):
    server = start(module_args=("workers", workers))
    assert settings(server.connect())["workers"] == workers


@pytest.mark.parametrize("arguments", [("bogus", "1"), ("workers", "many"), ("workers",)])
def test_wrong_arguments_of_loadmodule_are_named(server_name, arguments):
    with pytest.raises(RuntimeError, match=arguments[0]):
        Server(server_name, module_args=arguments).close()


@pytest.mark.smoke
def test_settings_are_rewritten_into_the_config_file(start):
    server = start()
    config = server.folder / "redis.conf"
    config.write_text("")
    server.shutdown()
    server.config = config
    server.start()
    r2 = server.connect()
    r2("CONFIG", "SET", "search.workers", "3")
    assert r2("CONFIG", "REWRITE") == Simple("OK")
    assert "search.workers 3" in config.read_text()


@pytest.mark.smoke
def test_info_has_sections_of_its_own(server, r2, r3):
    text = r2("INFO", "everything").decode()
    assert re.search(r"^search_worker_threads:[1-9]", text, re.M), text[-1500:]
    assert isinstance(r3("INFO", "everything"), bytes)


def test_a_second_copy_is_refused_without_harm(start):
    r2 = start().connect()
    before = loaded_modules(r2)
    assert isinstance(r2("MODULE", "LOAD", str(library())), Error)
    assert loaded_modules(r2) == before and settings(r2)
    assert r2("VADD", "k", "VALUES", 1, 1, "e") == 1


def test_unloading_is_refused_without_harm(start):
    r2 = start().connect()
    r2("VADD", "k", "VALUES", 1, 1, "e")
    assert isinstance(r2("MODULE", "UNLOAD", "search"), Error)
    assert r2("VCARD", "k") == 1


def test_module_list_in_resp3(r3):
    assert all(isinstance(module, Map) for module in r3("MODULE", "LIST"))
