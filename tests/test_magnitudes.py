"""Vectors of any magnitude: distances and similarities are what they are for numbers that don't overflow."""

import struct

import pytest

SIZES = [1e-25, 1e-3, 1, 1e19, 1e20, 1e38]


def blob(kind, components):
    return struct.pack(f"<{len(components)}{'d' if kind == 'FLOAT64' else 'f'}", *components)


@pytest.mark.smoke
@pytest.mark.parametrize("kind", ["FLOAT32", "FLOAT64"])
@pytest.mark.parametrize("algorithm", ["FLAT", "HNSW"])
def test_cosine_knows_directions_only(r2, kind, algorithm):
    r2("FT.CREATE", "i", "SCHEMA", "v", "VECTOR", algorithm, 6, "TYPE", kind, "DIM", 3, "DISTANCE_METRIC", "COSINE")
    sizes = SIZES + ([1e-200, 1e200, 1e308 / 4] if kind == "FLOAT64" else [])
    for size in sizes:
        r2("HSET", f"d{size}", "v", blob(kind, [size, 2 * size, 3 * size]))
    r2("HSET", "zero", "v", blob(kind, [0, 0, 0]))
    for size in sizes:
        asked = blob(kind, [size, 2 * size, 3 * size])
        found = r2(
            "FT.SEARCH",
            "i",
            "*=>[KNN 20 @v $v AS s]",
            "PARAMS",
            2,
            "v",
            asked,
            "RETURN",
            1,
            "s",
            "SORTBY",
            "s",
            "LIMIT",
            0,
            20,
            "DIALECT",
            2,
        )
        distances = dict(zip((key.decode() for key in found[1::2]), (float(fields[1]) for fields in found[2::2])))
        assert distances.pop("zero") == 1
        assert len(distances) == len(sizes) and all(0 <= distance < 1e-6 for distance in distances.values()), distances
        within = r2("FT.SEARCH", "i", "@v:[VECTOR_RANGE 0.001 $v]", "PARAMS", 2, "v", asked, "NOCONTENT", "DIALECT", 2)
        assert within[0] == len(sizes)


@pytest.mark.parametrize("metric", ["L2", "IP"])
def test_no_distance_is_no_number(r2, metric):
    r2("FT.CREATE", "i", "SCHEMA", "v", "VECTOR", "FLAT", 6, "TYPE", "FLOAT32", "DIM", 3, "DISTANCE_METRIC", metric)
    vectors = {"one": (1, 2, 3), "large": (1e20, 2e20, 3e20), "mixed": (-1e20, 2e20, -3e20), "even": (1e20, -2e20, 1e20), "zero": (0, 0, 0)}
    for name, vector in vectors.items():
        r2("HSET", name, "v", blob("FLOAT32", vector))
    for vector in vectors.values():
        found = r2(
            "FT.SEARCH",
            "i",
            "*=>[KNN 9 @v $v AS s]",
            "PARAMS",
            2,
            "v",
            blob("FLOAT32", vector),
            "RETURN",
            1,
            "s",
            "SORTBY",
            "s",
            "DIALECT",
            2,
        )
        distances = [float(fields[1]) for fields in found[2::2]]
        assert len(distances) == len(vectors) and distances == sorted(distances)
    # 1e20 · 1e20 is no float, but its sum with its opposite is one.
    found = r2(
        "FT.SEARCH", "i", "*=>[KNN 9 @v $v AS s]", "PARAMS", 2, "v", blob("FLOAT32", (1e20, 1e20, 1e20)), "RETURN", 1, "s", "DIALECT", 2
    )
    if metric == "IP":
        even = float(found[found.index(b"even") + 1][1])
        assert abs(even) < 1e35


@pytest.mark.smoke
@pytest.mark.module_only
@pytest.mark.parametrize("quantization", ["NOQUANT", "Q8", "BIN"])
def test_sets_know_directions_only(r2, quantization):
    for size in SIZES:
        assert r2("VADD", "k", "VALUES", 3, size, 2 * size, 3 * size, f"{size}", quantization) == 1
    for asked in [("ELE", f"{size}") for size in SIZES] + [("VALUES", 3, size, 2 * size, 3 * size) for size in SIZES]:
        scores = [float(score) for score in r2("VSIM", "k", *asked, "WITHSCORES")[1::2]]
        assert len(scores) == len(SIZES) and min(scores) > 0.99999
    for size in SIZES if quantization != "BIN" else []:
        close = {"NOQUANT": 1e-6, "Q8": 0.02}[quantization] if size < 1e38 else 0.2
        assert [float(x) / size for x in r2("VEMB", "k", f"{size}")] == pytest.approx([1, 2, 3], rel=close)
