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
