"""What the field's guides show, done as they show it, through redis-py: each step as (what was asked, answer, expected answer).

happy_person   "Index and query vectors": three sentences in hashes or JSON documents, the nearest to a fourth, without SORTBY
hex_document   an embedding stored in a JSON document as a string of hex digits
catalogue      "Redis as a vector database": JSON documents with embeddings; FT.INFO, KNN, with filters, ranges, JSON.MGET
"""

import base64
import json
import pathlib

import numpy
from redis.commands.search.field import NumericField, TagField, TextField, VectorField
from redis.commands.search.index_definition import IndexDefinition, IndexType
from redis.commands.search.query import Query

DATA = pathlib.Path(__file__).parent / "data"
HAPPY = json.loads((DATA / "reference_examples.json").read_text())["happy"]
CATALOGUE = json.loads((DATA / "catalogue.json").read_text())

# Documents of the first guide, with what it says of the tag of each.
GENRES = ("persons", "pets", "weather")


def blob(vector):
    return numpy.asarray(vector, dtype=numpy.float32).tobytes()


def decoded(vector):
    """A vector of the catalogue, as floats."""
    return numpy.frombuffer(base64.b64decode(vector), dtype="<f2").astype(numpy.float32)


def near(text, expected):
    """The distance as the guide prints it, if it is that up to the arithmetic of single precision."""
    return expected if abs(float(text) - float(expected)) < 2e-6 else text


def found(client, index, query, params):
    """The documents that a query finds, by the client's own parsing."""
    return client.ft(index).search(query, params).docs


def drop(client, index):
    """Drops an index with its documents, if it is there."""
    if index in [name if isinstance(name, str) else name.decode() for name in client.execute_command("FT._LIST")]:
        client.ft(index).dropindex(True)


def happy_person(client, kind):
    drop(client, "vector_idx")
    name = (lambda field: {"name": f"$.{field}", "as_name": field}) if kind is IndexType.JSON else (lambda field: {"name": field})
    shape = {"TYPE": "FLOAT32", "DIM": 384, "DISTANCE_METRIC": "L2"}
    vector = name("embedding")
    schema = (
        TextField(**name("content")),
        TagField(**name("genre")),
        VectorField(vector.pop("name"), "HNSW", shape, **vector),
    )
    client.ft("vector_idx").create_index(schema, definition=IndexDefinition(prefix=["doc:"], index_type=kind))
    for number, (text, embedding) in enumerate(zip(HAPPY["texts"], HAPPY["embeddings"])):
        if kind is IndexType.JSON:
            client.json().set(f"doc:{number}", "$", {"content": text, "genre": GENRES[number], "embedding": embedding})
        else:
            client.hset(f"doc:{number}", mapping={"content": text, "genre": GENRES[number], "embedding": blob(embedding)})
    query = Query("*=>[KNN 3 @embedding $vec AS vector_distance]").return_fields("vector_distance", "content").dialect(2)
    docs = found(client, "vector_idx", query, {"vec": blob(HAPPY["query_embedding"])})
    expected = HAPPY["expected_l2_squared_go_seed"]
    answer = [f"{near(doc.vector_distance, distance)} {doc.content}" for doc, distance in zip(docs, expected)]
    yield f'{kind.name}: KNN 3 of "{HAPPY["query"]}"', answer, [" ".join(pair) for pair in zip(expected, HAPPY["texts"])]
    query = Query("@genre:{pets}=>[KNN 3 @embedding $vec AS vector_distance]").return_fields("content").dialect(2)
    docs = found(client, "vector_idx", query, {"vec": blob(HAPPY["query_embedding"])})
    yield f"{kind.name}: the same among pets", [doc.content for doc in docs], [HAPPY["texts"][1]]
    drop(client, "vector_idx")


def hex_document(client):
    drop(client, "hex_idx")
    shape = {"TYPE": "FLOAT32", "DIM": 384, "DISTANCE_METRIC": "COSINE"}
    schema = (TextField("$.content", as_name="content"), VectorField("$.embedding", "FLAT", shape, as_name="embedding"))
    client.ft("hex_idx").create_index(schema, definition=IndexDefinition(prefix=["hex:"], index_type=IndexType.JSON))
    for number, (text, embedding) in enumerate(zip(HAPPY["texts"], HAPPY["embeddings"])):
        client.json().set(f"hex:{number}", "$", {"content": text, "embedding": blob(embedding).hex()})
    query = Query("*=>[KNN 2 @embedding $vec AS score]").sort_by("score").return_fields("content").dialect(2)
    docs = found(client, "hex_idx", query, {"vec": blob(HAPPY["query_embedding"])})
    yield "hex strings: KNN 2", [doc.content for doc in docs], HAPPY["texts"][:2]
    drop(client, "hex_idx")


def lines(docs):
    """Names with their distances, cut to three digits: as many as half precision keeps."""
    return [f"{float(doc.distance):.3f} {doc.name}" for doc in docs]


def catalogue(client):
    drop(client, "idx:catalogue")
    shape = {"TYPE": "FLOAT32", "DIM": CATALOGUE["dim"], "DISTANCE_METRIC": "COSINE"}
    schema = (
        TextField("$.name", no_stem=True, as_name="name"),
        TagField("$.kind", as_name="kind"),
        NumericField("$.price", as_name="price"),
        TextField("$.description", as_name="description"),
        VectorField("$.embedding", "FLAT", shape, as_name="vector"),
    )
    client.ft("idx:catalogue").create_index(schema, definition=IndexDefinition(prefix=["item:"], index_type=IndexType.JSON))
    items = CATALOGUE["catalogue"]
    pipe = client.pipeline()
    for number, item in enumerate(items):
        pipe.json().set(f"item:{number:02}", "$", {**item, "embedding": decoded(item["embedding"]).tolist()})
    pipe.execute()
    info = client.ft("idx:catalogue").info()
    yield (
        "FT.INFO",
        [f"{name}: {info[name]}" for name in ("num_docs", "hash_indexing_failures")],
        ["num_docs: 12", "hash_indexing_failures: 0"],
    )

    by_name = {item["name"]: item for item in items}
    for text, query in CATALOGUE["queries"].items():
        params = {"vec": blob(decoded(query["embedding"])), "range": 0.8}
        ranked = [(name, by_name[name], f"{distance:.3f} {name}") for name, distance in query["expected"]]
        asked = [
            ("(*)=>[KNN 3 @vector $vec AS distance]", [line for _, _, line in ranked][:3]),
            ("(@kind:{animal})=>[KNN 3 @vector $vec AS distance]", [line for _, item, line in ranked if item["kind"] == "animal"][:3]),
            ("(@price:[0 100])=>[KNN 2 @vector $vec AS distance]", [line for _, item, line in ranked if item["price"] <= 100][:2]),
            (
                "@vector:[VECTOR_RANGE $range $vec]=>{$YIELD_DISTANCE_AS: distance}",
                [line for line, (_, distance) in zip((line for _, _, line in ranked), query["expected"]) if distance <= 0.8][:4],
            ),
        ]
        for words, expected in asked:
            search = Query(words).sort_by("distance").return_fields("distance", "name", "kind").paging(0, 4).dialect(2)
            yield f'{words}, "{text}"', lines(found(client, "idx:catalogue", search, params)), expected
    words = "@kind:{animal} @price:[0 10]"
    cheap = [item["name"] for item in items if item["kind"] == "animal" and item["price"] <= 10]
    docs = found(client, "idx:catalogue", Query(words).sort_by("price", asc=False).return_fields("name", "price").dialect(2), {})
    yield words, [doc.name for doc in docs], sorted(cheap, key=lambda name: -by_name[name]["price"])
    texts = client.json().mget(["item:00", "item:11"], "$.description")
    yield "JSON.MGET", [text for [text] in texts], [items[0]["description"], items[11]["description"]]
    drop(client, "idx:catalogue")


def all_of(client):
    """Every step of every guide."""
    yield from happy_person(client, IndexType.HASH)
    yield from happy_person(client, IndexType.JSON)
    yield from hex_document(client)
    yield from catalogue(client)
