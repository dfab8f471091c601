"""Shapes and values of replies, in RESP2 and RESP3."""

import json
import struct

import numpy
import pytest

from resp import FALSE, NULL, NULL_BULK, TRUE, Double, Map, Simple
from vectors import clusters, fill, fp32


@pytest.fixture
def square(r2):
    """Four elements in the plane, one with attributes."""
    for element, x, y in (("east", 1, 0), ("north", 0, 1), ("west", -1, 0), ("between", 1, 1)):
        r2("VADD", "k", "VALUES", 2, x, y, element)
    r2("VSETATTR", "k", "east", '{"n":1}')
    return r2


ATTRIBUTES = {b"east": b'{"n":1}'}
SCORES = [(b"east", "1"), (b"between", "0.8535533845424652"), (b"north", "0.5"), (b"west", "0")]


@pytest.mark.smoke
def test_booleans(r2, r3):
    assert r3("VADD", "k", "VALUES", 1, 1, "e") is TRUE
    assert r3("VADD", "k", "VALUES", 1, 1, "e") is FALSE
    assert r3("VSETATTR", "k", "e", "{}") is TRUE
    assert r3("VISMEMBER", "k", "e") is TRUE
    assert r3("VISMEMBER", "k", "x") is FALSE
    assert r2("VISMEMBER", "k", "e") == 1
    assert r3("VREM", "k", "x") is FALSE
    assert r3("VREM", "k", "e") is TRUE
    assert r2("VADD", "k", "VALUES", 1, 1, "e") == 1
    assert r2("VADD", "k", "VALUES", 1, 1, "e") == 0
    assert r2("VREM", "k", "e") == 1


@pytest.mark.smoke
def test_vsim(square, r3):
    query = ["VSIM", "k", "VALUES", 2, 1, 0]
    assert square(*query) == r3(*query) == [name for name, _ in SCORES]
    assert square(*query, "WITHSCORES") == [part.encode() if isinstance(part, str) else part for pair in SCORES for part in pair]
    assert r3(*query, "WITHSCORES") == Map((name, Double(score)) for name, score in SCORES)
    assert square(*query, "WITHATTRIBS") == [part for name, _ in SCORES for part in (name, ATTRIBUTES.get(name, NULL_BULK))]
    assert r3(*query, "WITHATTRIBS") == Map((name, ATTRIBUTES.get(name, NULL)) for name, _ in SCORES)
    for both in (["WITHSCORES", "WITHATTRIBS"], ["WITHATTRIBS", "WITHSCORES"]):
        assert square(*query, *both) == [part for name, score in SCORES for part in (name, score.encode(), ATTRIBUTES.get(name, NULL_BULK))]
        assert r3(*query, *both) == Map((name, [Double(score), ATTRIBUTES.get(name, NULL)]) for name, score in SCORES)


def test_vsim_without_hits(square, r3):
    query = ["VSIM", "k", "VALUES", 2, 1, 0, "FILTER", ".n == 2"]
    for options in ([], ["WITHSCORES"], ["WITHATTRIBS"], ["WITHSCORES", "WITHATTRIBS"]):
        assert square(*query, *options) == []
        assert r3(*query, *options) == (Map() if options else [])


def test_vsim_count_and_epsilon(square):
    query = ["VSIM", "k", "VALUES", 2, 1, 0]
    assert square(*query, "COUNT", 2) == [b"east", b"between"]
    assert square(*query, "EPSILON", "0.5") == [b"east", b"between", b"north"]
    assert square(*query, "EPSILON", "0.49") == [b"east", b"between"]
    assert square(*query, "EPSILON", "0.5", "COUNT", 1) == [b"east"]


def test_vinfo(square, r3):
    names = "quant-type hnsw-m vector-dim projection-input-dim size max-level attributes-count vset-uid hnsw-max-node-uid".split()
    flat, info = square("VINFO", "k"), r3("VINFO", "k")
    assert [key for key, _ in info] == [Simple(name) for name in names] == flat[::2]
    assert info.get("quant-type") == Simple("int8")
    assert [info.get(name) for name in ("hnsw-m", "vector-dim", "projection-input-dim", "size", "attributes-count")] == [16, 2, 0, 4, 1]
    assert all(isinstance(info.get(name), int) for name in ("max-level", "vset-uid", "hnsw-max-node-uid"))
    assert info.get("hnsw-max-node-uid") >= 4


@pytest.mark.parametrize(
    "options, quant, m", [([], "int8", 16), (["Q8", "M", "4"], "int8", 4), (["NOQUANT"], "f32", 16), (["BIN", "M", "4096"], "bin", 4096)]
)
def test_vinfo_tells_the_parameters(r3, options, quant, m):
    r3("VADD", "k", "VALUES", 3, 1, 2, 3, "e", *options)
    info = r3("VINFO", "k")
    assert (info.get("quant-type"), info.get("hnsw-m"), info.get("vector-dim")) == (Simple(quant), m, 3)


def test_vset_uid_tells_sets_apart_and_node_uid_grows(r3):
    r3("VADD", "a", "VALUES", 1, 1, "e")
    r3("VADD", "b", "VALUES", 1, 1, "e")
    assert r3("VINFO", "b").get("vset-uid") > r3("VINFO", "a").get("vset-uid")
    first = r3("VINFO", "a").get("hnsw-max-node-uid")
    r3("VADD", "a", "VALUES", 1, -1, "e")
    assert r3("VINFO", "a").get("hnsw-max-node-uid") > first


def test_projection_in_vinfo(r3):
    r3("VADD", "k", "REDUCE", 2, "VALUES", 4, 1, 2, 3, 4, "e")
    info = r3("VINFO", "k")
    assert (info.get("vector-dim"), info.get("projection-input-dim")) == (2, 4)
    assert r3("VDIM", "k") == 2


@pytest.mark.parametrize(
    "options, raw, length, spread, embedding",
    [
        ([], ("int8", "19cd4c9a7f"), "0.741619884967804", "0.6741998195648193", None),
        (["BIN"], ("bin", "1500000000000000"), "0.741619884967804", None, [1, -1, 1, -1, 1]),
        (["NOQUANT"], ("f32", None), "0.741619884967804", None, None),
    ],
)
@pytest.mark.smoke
def test_vemb(r2, r3, options, raw, length, spread, embedding):
    vector = [0.1, -0.2, 0.3, -0.4, 0.5]
    r2("VADD", "k", "VALUES", 5, *vector, "e", *options)
    kind, blob, l2, *rest = r3("VEMB", "k", "e", "RAW")
    assert kind == Simple(raw[0])
    if raw[1]:
        assert blob.hex() == raw[1]
    else:
        stored = numpy.frombuffer(blob, "<f4")
        assert stored == pytest.approx(numpy.float32(vector) / numpy.float32(length), abs=1e-7)
    assert l2 == Double(length) and rest == ([Double(spread)] if spread else [])
    assert r2("VEMB", "k", "e", "RAW") == [kind, blob, length.encode(), *([spread.encode()] if spread else [])]
    decoded = [float(part) for part in r3("VEMB", "k", "e")]
    assert decoded == (embedding or pytest.approx(vector, abs=0.003 if spread else 1e-7))
    assert [float(part) for part in r2("VEMB", "k", "e")] == decoded


@pytest.mark.parametrize(
    "options, score", [([], "0.589028924703598"), (["NOQUANT"], "0.5904533863067627"), (["BIN"], "0.5999999940395355")]
)
def test_scores_of_each_quantization(r2, options, score):
    r2("VADD", "k", "VALUES", 5, 0.1, -0.2, 0.3, -0.4, 0.5, "e", *options)
    assert r2("VSIM", "k", "VALUES", 5, 1, 1, 1, 1, 1, "WITHSCORES") == [b"e", score.encode()]


def test_codes_and_norm_of_the_default_quantization(r2):
    r2("VADD", "k", "VALUES", 2, 1.262185, 1.958231, "e")
    assert r2("VEMB", "k", "e") == [b"1.2643694877624512", b"1.958230972290039"]
    assert r2("VEMB", "k", "e", "RAW") == [Simple("int8"), bytes.fromhex("527f"), b"2.3297595977783203", b"0.840529203414917"]
    assert r2("VSIM", "k", "VALUES", 2, 1, 0, "WITHSCORES") == [b"e", b"0.7713519632816315"]


@pytest.mark.parametrize("options", [[], ["NOQUANT"]])
def test_the_zero_vector_is_half_similar_to_everything(r2, options):
    r2("VADD", "k", "VALUES", 2, 0, 0, "zero", *options)
    r2("VADD", "k", "VALUES", 2, 3, 4, "e", *options)
    assert r2("VSIM", "k", "VALUES", 2, 0, 0, "WITHSCORES")[1::2] == [b"0.5", b"0.5"]
    assert r2("VEMB", "k", "zero") == [b"0", b"0"]


@pytest.mark.parametrize("vector", [[1e-30, 1e-30], [1e-38, 0]])
@pytest.mark.module_only
def test_a_small_vector_has_a_direction(r2, vector):
    """The field's server, whose squares underflow, keeps such a vector as it is, and finds it half similar to everything."""
    assert r2("VADD", "k", "FP32", fp32(vector), "e", "NOQUANT") == 1
    assert [float(x) for x in r2("VEMB", "k", "e")] == pytest.approx(vector, rel=1e-6)
    [_, score] = r2("VSIM", "k", "FP32", fp32([x * 1e25 for x in vector]), "WITHSCORES")
    assert float(score) == pytest.approx(1)


def test_fp32_and_values_mean_the_same(r2):
    vector = [0.25, -3.5, 1e-3]
    r2("VADD", "a", "VALUES", 3, *vector, "e")
    r2("VADD", "b", "FP32", fp32(vector), "e")
    assert r2("VEMB", "a", "e", "RAW") == r2("VEMB", "b", "e", "RAW")
    assert r2("VSIM", "a", "VALUES", 3, 1, 2, 3, "WITHSCORES") == r2("VSIM", "a", "FP32", fp32([1, 2, 3]), "WITHSCORES")


@pytest.mark.smoke
def test_vlinks(square, r3):
    names, layers = [b"between", b"north", b"west"], square("VLINKS", "k", "east")
    assert sorted(layers[-1]) == names
    with_scores = r3("VLINKS", "k", "east", "WITHSCORES")
    assert len(with_scores) == len(layers) and all(isinstance(layer, Map) for layer in with_scores)
    # VLINKS rounds to float32 where VSIM does not
    assert dict(with_scores[-1]) == {b"between": Double("0.8535534143447876"), b"north": Double("0.5"), b"west": Double("0")}
    flat = square("VLINKS", "k", "east", "WITHSCORES")[-1]
    assert dict(zip(flat[::2], flat[1::2])) == {b"between": b"0.8535534143447876", b"north": b"0.5", b"west": b"0"}


def test_vlinks_are_mutual_and_bounded(r2):
    fill(r2, "k", clusters(500, 8, seed=3), "M", "4")
    neighbors = {f"e{n}".encode(): r2("VLINKS", "k", f"e{n}") for n in range(500)}
    for name, layers in neighbors.items():
        for depth, layer in enumerate(reversed(layers)):
            assert len(set(layer)) == len(layer) and name not in layer
            assert len(layer) <= (3 * 4 if depth == 0 else 2 * 4)
            assert all(name in neighbors[other][len(neighbors[other]) - 1 - depth] for other in layer)
    assert max(len(layers) for layers in neighbors.values()) == int(r2("VINFO", "k")[11]) + 1


def test_attributes_are_kept_verbatim(r2):
    r2("VADD", "k", "VALUES", 1, 1, "e")
    for attributes in (b"not json", b'{"a": 1 }\r\n', bytes(range(256)), b"{" * 100):
        assert r2("VSETATTR", "k", "e", attributes) == 1
        assert r2("VGETATTR", "k", "e") == attributes
    assert r2("VSETATTR", "k", "e", "") == 1
    assert r2("VGETATTR", "k", "e") is NULL_BULK


def test_an_empty_attribute_given_at_insertion_is_one(r2):
    r2("VADD", "k", "VALUES", 1, 1, "e", "SETATTR", "")
    assert r2("VGETATTR", "k", "e") == b""
    assert r2("VINFO", "k")[13] == 1
    assert r2("VSIM", "k", "ELE", "e", "FILTER", "1") == [b"e"]


def test_attributes_count(r2):
    for n in range(10):
        r2("VADD", "k", "VALUES", 1, 1, f"e{n}", *(["SETATTR", "{}"] if n < 5 else []))
    assert r2("VINFO", "k")[13] == 5
    r2("VSETATTR", "k", "e9", "{}")
    r2("VSETATTR", "k", "e0", "")
    r2("VREM", "k", "e1")
    r2("VADD", "k", "VALUES", 1, 1, "e2", "SETATTR", "")
    assert r2("VINFO", "k")[13] == 3


@pytest.mark.differs("9.4 (10.1)")
def test_attributes_set_by_cas_are_counted(r2):
    r2("VADD", "k", "VALUES", 1, 1, "e0")
    r2("VADD", "k", "VALUES", 1, 1, "e1", "CAS", "SETATTR", '{"n":1}')
    assert r2("VINFO", "k")[13] == 1


def test_an_update_keeps_attributes_and_replaces_the_vector(r2):
    r2("VADD", "k", "VALUES", 2, 1, 0, "e", "SETATTR", '{"n":1}')
    assert r2("VADD", "k", "VALUES", 2, 0, 1, "e") == 0
    assert r2("VEMB", "k", "e") == [b"0", b"1"] and r2("VGETATTR", "k", "e") == b'{"n":1}'
    assert r2("VADD", "k", "VALUES", 2, 0, 1, "e", "SETATTR", '{"n":2}') == 0
    assert r2("VGETATTR", "k", "e") == b'{"n":2}' and r2("VCARD", "k") == 1


@pytest.mark.smoke
def test_elements_are_bytes(r2):
    names = [b"", b"\0", b"a\r\nb", bytes(range(256)), "é".encode(), b"CAS", b"x" * 70000]
    for n, name in enumerate(names):
        assert r2("VADD", "k", "VALUES", 2, 1, n, name) == 1
    assert sorted(r2("VRANDMEMBER", "k", 100)) == sorted(names)
    for name in names:
        assert r2("VISMEMBER", "k", name) == 1 and r2("VSIM", "k", "ELE", name, "COUNT", 1)
        assert r2("VREM", "k", name) == 1
    assert r2("EXISTS", "k") == 0


def test_options_may_be_named_like_elements(r2):
    assert r2("VADD", "k", "VALUES", 2, 1, 1, "CAS", "CAS", "NOQUANT", "SETATTR", "EF", "EF", "1") == 1
    assert r2("VRANDMEMBER", "k", 5) == [b"CAS"] and r2("VGETATTR", "k", "CAS") == b"EF"


def test_vrandmember(r2):
    fill(r2, "k", clusters(50, 4, seed=5))
    everything = {f"e{n}".encode() for n in range(50)}
    assert r2("VRANDMEMBER", "k") in everything
    assert r2("VRANDMEMBER", "k", 0) == []
    for count in (1, 5, 20, 49):
        picked = r2("VRANDMEMBER", "k", count)
        assert len(picked) == len(set(picked)) == count and set(picked) <= everything
    assert set(r2("VRANDMEMBER", "k", 50)) == set(r2("VRANDMEMBER", "k", 5000)) == everything
    assert len(r2("VRANDMEMBER", "k", 5000)) == 50
    repeated = r2("VRANDMEMBER", "k", -1000)
    assert len(repeated) == 1000 and set(repeated) <= everything


@pytest.mark.differs("10.8")
def test_vrandmember_is_uniform(r2):
    count, draws = 200, 40000
    fill(r2, "k", clusters(count, 8, seed=7, centers=3, spread=0.05), "M", "4")

    def chi_square(picked):
        seen = {}
        for name in picked:
            seen[name] = seen.get(name, 0) + 1
        expected = len(picked) / count
        return sum((seen.get(f"e{n}".encode(), 0) - expected) ** 2 / expected for n in range(count))

    # 199 degrees of freedom: 304 is exceeded once in 500,000 times
    assert chi_square(r2("VRANDMEMBER", "k", -draws)) < 304
    assert chi_square(r2.pipeline([["VRANDMEMBER", "k"]] * draws)) < 304
    halves = [name for reply in r2.pipeline([["VRANDMEMBER", "k", count // 2]] * (2 * draws // count)) for name in reply]
    assert chi_square(halves) < 304


@pytest.mark.newer("VRANGE")
@pytest.mark.smoke
def test_vrange(r2, r3):
    names = sorted([b"", b"a", b"a\0", b"aa", b"b", b"B", b"\xff", "é".encode(), b"10", b"9"])
    for n, name in enumerate(names):
        r2("VADD", "k", "VALUES", 2, 1, n, name)
    assert r2("VRANGE", "k", "-", "+") == r3("VRANGE", "k", "-", "+") == names
    for start in names[1:]:
        for end in names[1:]:
            assert r2("VRANGE", "k", b"[" + start, b"[" + end) == [name for name in names if start <= name <= end]
            assert r2("VRANGE", "k", b"(" + start, b"(" + end) == [name for name in names if start < name < end]
    assert r2("VRANGE", "k", "-", "+", 3) == names[:3]
    assert r2("VRANGE", "k", "(a", "+", 2) == [name for name in names if name > b"a"][:2]
    assert r2("VRANGE", "k", "-", "+", 0) == []
    assert r2("VRANGE", "k", "-", "+", -1) == r2("VRANGE", "k", "-", "+", 10**15) == names
    assert r2("VRANGE", "k", "-", "(a") == [name for name in names if name < b"a"]


@pytest.mark.newer("VRANGE")
def test_vrange_iterates_a_changing_set(r2):
    fill(r2, "k", clusters(1000, 4, seed=9))
    seen, start = [], "-"
    while part := r2("VRANGE", "k", start, "+", 7):
        seen += part
        r2("VREM", "k", part[0])
        start = b"(" + part[-1]
    assert seen == sorted(f"e{n}".encode() for n in range(1000))


@pytest.mark.smoke
def test_projection(r2):
    """y = matrix · x with entry(i, j) = ±1/√n, + where popcount(i & j) is even; then as any vector."""
    vector = numpy.array([1, 2, 3, 4, 5], dtype=numpy.float32)
    signs = numpy.array([[1 if (i & j).bit_count() % 2 == 0 else -1 for j in range(5)] for i in range(3)])
    r2("VADD", "k", "REDUCE", 3, "FP32", fp32(vector), "e", "NOQUANT")
    assert [float(part) for part in r2("VEMB", "k", "e")] == pytest.approx(signs @ vector / 5**0.5, rel=1e-6)
    full = r2("VSIM", "k", "FP32", fp32(vector), "WITHSCORES")
    reduced = r2("VSIM", "k", "FP32", fp32(signs @ vector), "WITHSCORES")
    assert float(full[1]) == pytest.approx(1, abs=1e-6) == float(reduced[1])


def test_projection_to_the_same_dimension(r2):
    r2("VADD", "k", "REDUCE", 2, "VALUES", 2, 3, 1, "e", "NOQUANT")
    assert [float(part) for part in r2("VEMB", "k", "e")] == pytest.approx([4 / 2**0.5, 2 / 2**0.5], rel=1e-6)
    assert r2("VINFO", "k")[7] == 2


def test_l2_is_that_of_the_float32_vector(r2):
    vector = numpy.random.default_rng(1).normal(size=300).astype(numpy.float32)
    r2("VADD", "k", "FP32", fp32(vector), "e", "NOQUANT")
    _, blob, l2 = r2("VEMB", "k", "e", "RAW")
    assert float(l2) == pytest.approx(float(numpy.linalg.norm(vector)), rel=1e-6)
    assert numpy.frombuffer(blob, "<f4") == pytest.approx(vector / numpy.linalg.norm(vector), rel=2e-6)
    assert float(l2) == struct.unpack("<f", struct.pack("<f", float(l2)))[0]


def test_vadd_cas(r2, r3):
    assert r2("VADD", "k", "VALUES", 2, 1, 0, "e0", "CAS") == 1
    assert r2("VADD", "k", "VALUES", 2, 0, 1, "e1", "CAS", "SETATTR", json.dumps({"n": 1})) == 1
    assert r3("VADD", "k", "VALUES", 2, 1, 1, "e2", "CAS") is TRUE
    assert r2("VADD", "k", "VALUES", 2, 0, -1, "e1", "CAS") == 0
    assert r2("VCARD", "k") == 3 and r2("VEMB", "k", "e1") == [b"0", b"-1"]
    assert r2("VGETATTR", "k", "e1") == b'{"n": 1}'
