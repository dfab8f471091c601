"""The checker of layers sees what it is there to see."""

import importlib.machinery
import importlib.util

import pytest

from servers import ROOT


@pytest.fixture(scope="module")
def checker():
    loader = importlib.machinery.SourceFileLoader("check_layers", str(ROOT / "scripts" / "check-layers"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("check_layers", loader))
    loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "source, layers",
    [
        ("use crate::vset;", ["vset"]),
        ("use crate::{codec::Source, vset::{self, names::Names}, error};", ["codec", "vset", "error"]),
        ("let x = crate::redis::reply::Reply::new();", ["redis"]),
        ("use super::super::json;", ["json"]),
        ("use super::names;", []),
        ('// use crate::vset;\n/* crate::redis */ let s = "crate::json"; let r = r#"crate::json"#;', []),
        ("/// See [`crate::redis`].\nfn f() {}", []),
    ],
)
def test_layers_that_a_source_names(checker, source, layers):
    assert [layer for _, layer in checker.used_layers(checker.code_of(source), ("vector", "graph"))] == layers


def test_lines_are_counted(checker):
    source = '/* two\nlines */ "and\nmore"\nuse crate::vset;'
    assert list(checker.used_layers(checker.code_of(source), ("json",))) == [(4, "vset")]


def modules_of(checker, sources):
    """As the checker reads them, from {path below src: source}."""
    path = lambda name: checker.ROOT / "src" / name
    return {checker.module_of(path(name)): (path(name), checker.code_of(source)) for name, source in sources.items()}


@pytest.mark.parametrize(
    "sources, ring",
    [
        ({"a.rs": "use crate::b::B;", "b.rs": "use super::a::A;"}, ["a", "b"]),
        ({"a.rs": "use crate::{b::{self, B}};", "b.rs": "use crate::c::C;", "c.rs": "use crate::a;"}, ["a", "b", "c"]),
        ({"a.rs": "use crate::b::B;", "b.rs": "// use crate::a::A;"}, None),
        ({"a.rs": "use crate::b::B;", "b.rs": "#[cfg(test)]\nmod tests {\nuse crate::a::A;\n}"}, None),
        # A folder's face hands on names; who takes one from it uses the file in which it stands.
        ({"a/mod.rs": "pub use b::B;", "a/b.rs": "use super::c::C;", "a/c.rs": "use super::B;"}, ["a::b", "a::c"]),
        ({"a/mod.rs": "pub use b::B;\npub use c::C;", "a/b.rs": "use super::C;", "a/c.rs": ""}, None),
        ({"a/mod.rs": "use b::B;", "a/b.rs": "use super::A;"}, ["a", "a::b"]),
    ],
)
def test_files_that_use_each_other_are_a_ring(checker, sources, ring):
    found = checker.rings(modules_of(checker, {"lib.rs": "", **sources}))
    assert [["::".join(member) for member, _ in one] for one in found] == ([ring] if ring else [])
