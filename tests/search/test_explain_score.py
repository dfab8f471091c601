"""EXPLAINSCORE: sentences and shapes as RediSearch 2.10.5 answers."""

import pytest

from resp import Double, Error, Simple

STD = "(k1 1.2 + 1)) / (F {0} + k1 1.2 * (1 - b 0.5 + b 0.5 * Doc Len 4 / Average Doc Len 4.00)))"
OLD = "(1 - b 0.5 + b 0.5 * Average Len 4.00)))"
# Query, scorer, and what is answered for a document "hello world hello runs" with the tag x and the number 1.
EXPLANATIONS = [
    ("hello", "TFIDF", b"1", ["Final TFIDF : words TFIDF 2.00 * document score 1.00 / norm 2 / slop 1",
        ["(TFIDF 2.00 = Weight 1.00 * TF 2 * IDF 1.00)"]]),
    ("hello=>{$weight: 2}", "TFIDF", b"2", ["Final TFIDF : words TFIDF 4.00 * document score 1.00 / norm 2 / slop 1",
        ["(TFIDF 4.00 = Weight 2.00 * TF 2 * IDF 1.00)"]]),
    ("hello", "TFIDF.DOCNORM", b"0.5", ["Final TFIDF : words TFIDF 2.00 * document score 1.00 / norm 4 / slop 1",
        ["(TFIDF 2.00 = Weight 1.00 * TF 2 * IDF 1.00)"]]),
    ("(hello world)=>{$weight: 2}", "BM25STD", b"1.366489991065485", ["Final BM25 : words BM25 1.37 * document score 1.00",
        [["(Weight 2.00 * children BM25 0.68)", [
            "hello: (0.40 = IDF 0.29 * (F 2.00 * " + STD.format("2.00"),
            "world: (0.29 = IDF 0.29 * (F 1.00 * " + STD.format("1.00")]]]]),
    ("@g:{x}", "BM25STD", b"0.28768210225410284", ["Final BM25 : words BM25 0.29 * document score 1.00",
        ["x: (0.29 = IDF 0.29 * (F 1.00 * " + STD.format("1.00")]]),
    ("@n:[0 4]", "BM25STD", b"0", ["Final BM25 : words BM25 0.00 * document score 1.00", ["Irrelevant token -> score is 0"]]),
    ("@n:[0 4]", "BM25", b"0.24999999254941963", ["Final BM25 : words BM25 0.25 * document score 1.00 / slop 1",
        ["(0.25 = Weight 1.00 * F 1 / (F 1 + k1 1.2 * " + OLD]]),
    ("hello -zzz", "BM25", b"0.39999999046325707", ["Final BM25 : words BM25 0.40 * document score 1.00 / slop 1",
        [["(Weight 1.00 * children BM25 0.40)", ["(0.40 = IDF 1.00 * F 2 / (F 2 + k1 1.2 * " + OLD, "Frequency 0 -> value 0"]]]]),
    ("-zzz", "TFIDF", b"0", ["Final TFIDF : words TFIDF 0.00 * document score 1.00 / norm 2 / slop 1",
        ["(TFIDF 0.00 = Weight 1.00 * Frequency 0)"]]),
    ("hel*", "DISMAX", b"2", ["2.00 = Weight 1.00 * children DISMAX 2.00", ["DISMAX 2.00 = Weight 1.00 * Frequency 2"]]),
    ("hello", "DOCSCORE", b"1", "Document's score is 1.00"),
]  # fmt: skip


def plain(reply):
    return [plain(item) for item in reply] if isinstance(reply, list) else str(reply)


@pytest.fixture
def c(r2):
    r2("FT.CREATE", "i", "SCHEMA", "t", "TEXT", "g", "TAG", "n", "NUMERIC")
    r2("HSET", "a", "t", "hello world hello runs", "g", "x", "n", 1)
    return r2


@pytest.mark.parametrize("query, scorer, score, explanation", EXPLANATIONS)
def test_a_score_is_explained(c, r3, query, scorer, score, explanation):
    words = ["FT.SEARCH", "i", query, "WITHSCORES", "EXPLAINSCORE", "NOCONTENT", "SCORER", scorer, "DIALECT", 2]
    assert [c(*words)[2][0], plain(c(*words)[2][1])] == [score, explanation]
    number, explained = r3(*words).get("results")[0].get("score")
    assert number == Double(score.decode()) and plain(explained) == explanation
    root = explained[0] if isinstance(explained, list) else explained
    assert isinstance(root, Simple)


def test_payloads(r2, r3):
    """PAYLOAD_FIELD, WITHPAYLOADS, and HAMMING, which compares payloads."""
    r2("FT.CREATE", "i", "PAYLOAD_FIELD", "p", "SCHEMA", "t", "TEXT")
    for key, payload in [("a", "abce"), ("b", "abcd"), ("c", None), ("d", "abc")]:
        r2("HSET", key, "t", "x", *(["p", payload] if payload else []))
    words = ["FT.SEARCH", "i", "x", "PAYLOAD", "abcd", "SCORER", "HAMMING", "NOCONTENT"]
    assert r2(*words) == [4, b"b", b"a", b"c", b"d"]
    reply = r2(*words, "WITHSCORES", "WITHPAYLOADS")
    assert reply[1:8] == [b"b", b"1", b"abcd", b"a", b"0.5", b"abce", b"c"] and reply[8] == b"0" and not reply[9]
    explained = r2(*words, "WITHSCORES", "EXPLAINSCORE")
    assert plain(explained[4]) == ["b'0.5'", "String length is 4. Bit count is 1. Result is (1 / count + 1) = 0.50"]
    assert plain(explained[6]) == ["b'0'", "Payloads provided to scorer vary in length"]
    rows = r3(*words[:-1], "WITHPAYLOADS").get("results")
    assert [str(name) for name, _ in rows[0]] == ["id", "payload", "extra_attributes", "values"]
    assert rows[0].get("payload") == b"abcd" and [(str(k), v) for k, v in rows[0].get("extra_attributes")] == [("b't'", b"x")]
    r2("HSET", "c", "p", "abcd")
    assert r2(*words)[:3] == [4, b"b", b"c"]
    assert r2("FT.SEARCH", "i", "x", "PAYLOAD") == Error("Bad arguments for PAYLOAD: Expected an argument, but none provided")
