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
    found = dict(found.groups() for line in lines if (found := re.match(r"#?\s*search\.(\S+) (\S+)$", line)))
    return {name: "" if value == '""' else value for name, value in found.items()}


@pytest.mark.smoke
def test_every_setting_is_documented_with_its_default(server, r2):
    by_server = {"reply-style": "valkey", "default-dialect": "2"} if server.name.startswith("valkey") else {}
    assert {**documented(), **by_server} == settings(r2)


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


@pytest.mark.parametrize(
    "arguments, said",
    [
        ("bogus 1", "unknown load argument 'bogus'; known are workers, .*timeout, .*friso-ini"),
        ("TIMEOUT 5 junk", "unknown load argument 'junk'; known are"),
        ("workers many", "load argument 'workers' can't be 'many': it is an integer between 0 and 8192"),
        ("WORKERS 9000", "load argument 'WORKERS' can't be '9000': it is an integer between 0 and 8192"),
        ("workers", "load argument 'workers' lacks its value: it is an integer"),
        ("MAXSEARCHRESULTS -2", "it is an integer between 0 and 9223372036854775807, or -1 for no limit"),
        ("MINSTEMLEN 1", "it is an integer between 2 and"),
        ("ON_TIMEOUT bar", "it is one of return, fail, return_strict"),
        ("default-scorer BM26", "it is one of BM25STD, BM25STD.TANH, BM25STD.NORM, TFIDF, TFIDF.DOCNORM, BM25, DISMAX, DOCSCORE, HAMMING"),
        ("UPGRADE_INDEX", "load argument 'UPGRADE_INDEX' lacks its value"),
    ],
)
def test_wrong_arguments_of_loadmodule_are_told_with_what_is_known(server_name, arguments, said):
    with pytest.raises(RuntimeError, match=said):
        Server(server_name, module_args=arguments.split()).close()


# Load arguments of RediSearch and RedisJSON -> what they set here. The second of three: as CONFIG GET shows it.
LOAD_ARGUMENTS = [
    ("MAXSEARCHRESULTS 100", {"max-search-results": "100"}),
    ("maxsearchresults -1 MAXAGGREGATERESULTS 7", {"max-search-results": "-1", "max-aggregate-results": "7"}),
    ("TIMEOUT 5 ON_TIMEOUT FAIL", {"timeout": "5", "on-timeout": "fail"}),
    ("MINPREFIX 1 MAXEXPANSIONS 9 MINSTEMLEN 3", {"min-prefix": "1", "max-prefix-expansions": "9", "min-stem-len": "3"}),
    ("MAX_PREFIX_EXPANSIONS 8 default-dialect 3", {"max-prefix-expansions": "8", "default-dialect": "3"}),
    ("DEFAULT_SCORER TFIDF BM25STD_TANH_FACTOR 12", {"default-scorer": "TFIDF", "bm25std-tanh-factor": "12"}),
    ("CURSOR_MAX_IDLE 77 INDEX_CURSOR_LIMIT 3 WORKERS 2", {"cursor-max-idle": "77", "index-cursor-limit": "3", "workers": "2"}),
    ("MULTI_TEXT_SLOP 5", {"multi-text-slop": "5"}),
]
# Those that mean nothing here: kept and shown, with a warning.
IDLE_ARGUMENTS = [
    ("NOGC TIMEOUT 6", "NOGC", {"no-gc": "yes", "timeout": "6"}),
    (
        "NOGC NO_MEM_POOLS true PARTIAL_INDEXED_DOCS 0",
        "NO_MEM_POOLS",
        {"no-gc": "yes", "no-mem-pools": "yes", "partial-indexed-docs": "no"},
    ),
    ("GC_POLICY FORK FORK_GC_RUN_INTERVAL 60", "GC_POLICY", {"gc-policy": "fork", "fork-gc-run-interval": "60"}),
    ("EXTLOAD /tmp/x.so FRISOINI /tmp/f.ini", "EXTLOAD", {"ext-load": "/tmp/x.so", "friso-ini": "/tmp/f.ini"}),
    ("_NUMERIC_COMPRESS true UNION_ITERATOR_HEAP 3", "_NUMERIC_COMPRESS", {"_numeric-compress": "yes", "union-iterator-heap": "3"}),
    (
        "MAXDOCTABLESIZE 5 GCSCANSIZE 6 VSS_MAX_RESIZE 7",
        "GCSCANSIZE",
        {"max-doctablesize": "5", "gc-scan-size": "6", "vss-max-resize": "7"},
    ),
]
FOREIGN_ARGUMENTS = ["UPGRADE_INDEX idx TIMEOUT 6", "JSON_BACKEND SERDE_JSON TIMEOUT 6"]


def test_load_arguments_of_redisearch_set_what_they_name(start):
    for arguments, expected in LOAD_ARGUMENTS:
        server = start(module_args=arguments.split())
        now = settings(server.connect())
        assert {name: now[name] for name in expected} == expected, arguments
        assert "does nothing here" not in server.log()
        server.close()


def test_load_arguments_without_a_meaning_here_are_kept_and_warned_of(start):
    for arguments, warned, expected in IDLE_ARGUMENTS:
        server = start(module_args=arguments.split())
        now = settings(server.connect())
        assert {name: now[name] for name in expected} == expected, arguments
        assert f"load argument '{warned}' is kept and shown, but does nothing here" in server.log()
        server.close()
    for arguments in FOREIGN_ARGUMENTS:
        server = start(module_args=arguments.split())
        assert settings(server.connect())["timeout"] == "6"
        assert f"load argument '{arguments.split()[0]}' does nothing here" in server.log()
        server.close()


def test_settings_of_the_config_file_win_over_load_arguments(start):
    server = start("--search.timeout", "8", module_args=("TIMEOUT", "9", "MINPREFIX", "3"))
    now = settings(server.connect())
    assert (now["timeout"], now["min-prefix"]) == ("8", "3")


@pytest.mark.smoke
def test_names_of_redis_8_are_another_way_to_the_same_settings(start):
    server = start("--search.timeout", "8")
    r2 = server.connect()
    plain = dict(zip(*[iter(r2("CONFIG", "GET", "search-*"))] * 2))
    if server.version() < (8, 0) or server.name.startswith("valkey"):
        assert plain == {}
        return
    assert plain[b"search-timeout"] == b"8" and plain[b"search-gc-policy"] == b"none"
    assert r2("CONFIG", "SET", "search-timeout", "9") == Simple("OK")
    assert settings(r2)["timeout"] == "9"


@pytest.mark.smoke
def test_every_setting_of_ft_config_is_one_of_config(r2, r3):
    """One table: what FT.CONFIG shows, CONFIG GET shows; what it says cannot change, CONFIG SET does not change; HELP knows all."""
    now = settings(r2)
    shown = r2("FT.CONFIG", "GET", "*")
    assert repr(r3("FT.CONFIG", "GET", "*")).replace("NULL)", "NULL_BULK)") == repr(Map([tuple(pair) for pair in shown]))
    helped = r2("FT.CONFIG", "HELP", "*")
    assert [[name, value] for name, _, _, _, value in helped] == shown
    in_resp3 = [(name, Map([(description, text), (word, value)])) for name, description, text, word, value in helped]
    assert repr(r3("FT.CONFIG", "HELP", "*")).replace("NULL)", "NULL_BULK)") == repr(Map(in_resp3))
    plain = {b"true": "yes", b"false": "no", b"unlimited": "-1"}
    values = [plain.get(value) or (value.decode() if isinstance(value, bytes) else "") for _, value in shown]
    assert len(values) > 40 and all(value in now.values() for value in values)
    for name, value in shown:
        answer = r2("FT.CONFIG", "SET", name, value if isinstance(value, bytes) and value != b"unlimited" else "-1")
        assert answer in (Simple("OK"), Error("Not modifiable at runtime")), name
    assert settings(r2) == now


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
