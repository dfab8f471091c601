"""Vectors and vector-set commands as the tests need them: seeded data, exact answers, commands as argument lists."""

import numpy

from resp import Error


def fp32(vector):
    """A vector as the blob of FP32."""
    return numpy.asarray(vector, dtype="<f4").tobytes()


def vadd(key, vector, element, *options):
    """The arguments of a VADD by FP32."""
    return ["VADD", key, "FP32", fp32(vector), element, *options]


def clusters(count, dim, seed, centers=50, spread=0.7):
    """`count` unit vectors of `dim` around random centers, as real embeddings lie; the same for the same seed. The centers
    depend on `dim` only, so that vectors of another seed are other ones of the same kind: queries."""
    middle = numpy.random.default_rng(dim).normal(size=(centers, dim))
    random = numpy.random.default_rng(seed)
    rows = middle[random.integers(centers, size=count)] + spread * random.normal(size=(count, dim))
    return (rows / numpy.linalg.norm(rows, axis=1, keepdims=True)).astype(numpy.float32)


def fill(connection, key, rows, *options, name="e{}".format):
    """Adds every row under the name of its number and checks that each was new."""
    replies = connection.pipeline(vadd(key, row, name(number), *options) for number, row in enumerate(rows))
    assert all(not isinstance(reply, Error) and reply for reply in replies), next(r for r in replies if not r or isinstance(r, Error))


def nearest(rows, query, count):
    """The numbers of the `count` rows with the greatest cosine, best first."""
    return numpy.argsort(-(rows @ (query / numpy.linalg.norm(query))), kind="stable")[:count]


def recall(connection, key, rows, queries, count=10, *options):
    """Mean share of the exact nearest `count` that VSIM returns."""
    found = 0
    for query in queries:
        reply = connection("VSIM", key, "FP32", fp32(query), "COUNT", count, *options)
        found += len({f"e{number}".encode() for number in nearest(rows, query, count)} & set(reply))
    return found / (count * len(queries))


def elements(connection, key):
    """The names of all elements, sorted."""
    return sorted(connection("VRANDMEMBER", key, connection("VCARD", key)))


def state(connection, key):
    """All of a set that a client can observe and that must survive a save: parameters, vectors, attributes. RESP2."""
    names = elements(connection, key)
    info = connection("VINFO", key)
    kept = ("quant-type", "hnsw-m", "vector-dim", "projection-input-dim", "size", "attributes-count")
    parameters = {str(name): value for name, value in zip(info[::2], info[1::2]) if str(name) in kept}
    raw = connection.pipeline(["VEMB", key, name, "RAW"] for name in names)
    # as numbers, since Redis 8 does not always print the shortest text of a double
    vectors = [(kind, codes, *map(float, scales)) for kind, codes, *scales in raw]
    attributes = connection.pipeline(["VGETATTR", key, name] for name in names)
    return parameters, {name: (vector, attribute) for name, vector, attribute in zip(names, vectors, attributes)}


def links(connection, key):
    """Element -> its neighbors on each layer, highest first, each layer sorted. RESP2."""
    names = elements(connection, key)
    return {
        name: [sorted(layer) for layer in reply] for name, reply in zip(names, connection.pipeline(["VLINKS", key, name] for name in names))
    }
