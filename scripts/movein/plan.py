"""--dry-run: what would come, what can't, and why. Reads the source and writes nothing."""

import collections
import shlex

from . import definitions, payload
from .values import KINDS, NEEDS, knows_field_times
from .wire import failed, mapping, text

FOREIGN = {
    "MBbloom--": "bloom filters",
    "MBbloomCF": "cuckoo filters",
    "CMSk-TYPE": "count-min sketches",
    "TopK-TYPE": "top-k",
    "TDIS-TYPE": "t-digests",
    "TSDB-TYPE": "time series",
    "graphdata": "graphs",
}


def plan(source, target, options):
    """Prints the plan; 0 where everything can come, else 1."""
    missing = keys(source, target)
    missing += definitions_plan(source, target)
    libraries = definitions.functions(source)
    if libraries:
        print(f"functions: {', '.join(sorted(map(text, libraries)))}")
    users = definitions.users(source)
    if users:
        print(f"users: {', '.join(sorted(map(text, users)))}{'' if options.acl else ' (not asked for: --acl)'}")
    for line in missing:
        print(f"CAN'T COME: {line}")
    print("dry run: nothing was written; " + ("everything can come" if not missing else f"{len(missing)} kinds of things can't come"))
    return 1 if missing else 0


def keys(source, target):
    """Prints keys by database and type; returns what can't come."""
    there = target.has(*NEEDS.values())
    missing = []
    for db in sorted(source.databases()):
        counted, ways = count(source, target, db)
        print(f"db {db}: " + ", ".join(f"{kind} {number:,}" for kind, number in sorted(counted.items())))
        for kind, number in sorted(counted.items()):
            if kind not in KINDS:
                missing.append(
                    f"db {db}: {number:,} keys of type {kind} ({FOREIGN.get(kind, 'of a module that nearset does not replace')})"
                )
            elif not there.get(NEEDS.get(kind), True):
                missing.append(f"db {db}: {number:,} keys of type {kind}: the target has no {NEEDS[kind]}")
            elif ways[kind]:
                print(f"db {db}: of {kind}, some in an encoding that the target does not read go by commands")
        if db and target.cluster and not target.valkey:
            missing.append(f"db {db}: a cluster has database 0 only")
    if knows_field_times(source) and not knows_field_times(target):
        print("note: times to live of single fields of hashes, if there are any, can't come: the target knows none")
    return missing


def count(source, target, db):
    """(type -> keys, type -> how many of the first keys go by commands)."""
    counted, ways, looked = collections.Counter(), collections.Counter(), collections.Counter()
    family = source.valkey == target.valkey
    for batch in source.scan(db, 1000):
        kinds = list(map(text, source.many(db, [(key, "TYPE", key) for key in batch])))
        counted.update(kind for kind in kinds if kind != "none")
        for key, kind in zip(batch, kinds):
            if kind in KINDS and looked[kind] < 20:
                looked[kind] += 1
                reply = source.one(db, key, "DUMP", key)
                ways[kind] += isinstance(reply, bytes) and payload.for_version(reply, target.rdb_version, family) is None
    return counted, ways


def definitions_plan(source, target):
    """Prints indexes; returns what can't come."""
    found = list(definitions.indexes(source)) if not failed(source.one(0, None, "FT._LIST")) else []
    if found and not target.has("FT.CREATE")["FT.CREATE"]:
        return [f"{len(found)} indexes: the target has no FT.CREATE"]
    missing = []
    for index in found:
        words = index.create()
        print(f"index {text(index.name)}: {mapping(index.about).get('num_docs')} documents: {shlex.join(map(text, words))}")
        for doubt in index.doubts:
            print(f"note: index {text(index.name)}: {doubt}")
        if index.db and not target.nearset:
            missing.append(f"index {text(index.name)}: it is in database {index.db}, and the target has indexes in 0 only")
    if found and not source.nearset:
        print("note: aliases and dictionaries, which RediSearch does not list, are looked for when it is carried out; or name them: --name")
    return missing
