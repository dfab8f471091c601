"""The copying: keys in batches, what changed meanwhile, definitions, functions and users.

A batch is read by TYPE, PEXPIRETIME and DUMP, and written by RESTORE; what RESTORE refuses goes by commands. Where a run goes on that
was stopped, each key is dumped on both sides and written only where these differ.
"""

import hashlib
import time

from . import definitions, names, payload
from .values import BYTES, CARDINALITY, JSON, KINDS, NEEDS, SUGGESTIONS, VECTORS, Source, Unreadable, digest, knows_field_times, write
from .wire import failed, text

AT_ONCE = 64 << 20  # bytes of values read at once
LONGEST = 500 << 20  # bytes of a payload; servers take no argument of more than 512 MB
WHOLE = 1 << 30  # bytes of memory of a source up to which its whole data is read for the names of dictionaries


class Stopped(Exception):
    """Asked to stop: the state is saved."""


class Stop:
    """Whether it was asked to stop, by a signal."""

    asked = False

    def __call__(self, *_):
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


class Mover:
    """Copies from `source` to `target`."""

    def __init__(self, source, target, options, state, report, stop):
        self.source, self.target, self.options, self.state, self.report = source, target, options, state, report
        self.stop = stop
        self.follower = None
        self.family = source.valkey == target.valkey
        # Both call their type ReJSON-RL, and mean other bytes by it.
        self.json_by_commands = "json" in source.modules or "json" in target.modules
        self.expires = source.has("PEXPIRETIME")["PEXPIRETIME"]
        there = target.has(*NEEDS.values())
        self.size = AT_ONCE // 32  # bytes of the largest value dumped last
        self.lacking = {kind: command for kind, command in NEEDS.items() if not there[command]}
        self.silent = {}  # keys whose changes the source does not tell -> digest of what was copied

    # Keys

    def everything(self):
        """Copies all keys; where the state is that of an earlier run, only what differs."""
        resumed = self.state.get("begun", False)
        self.state.set(begun=True)
        self.report.begin(self.source.databases())
        for db in sorted(self.source.databases()):
            for keys in self.source.scan(db, self.options.batch):
                self.copy(db, list(dict.fromkeys(keys)), only_differing=resumed)
                self.pace()

    def pace(self):
        """Leaves when asked to, and waits where a rate was given."""
        if self.stop.asked:
            raise Stopped
        if self.options.rate and (ahead := self.report.keys / self.options.rate - self.report.elapsed()) > 0:
            time.sleep(ahead)

    def copy(self, db, keys, only_differing=False):
        """Brings these keys to what they are at the source, gone ones included."""
        ask = "PEXPIRETIME" if self.expires else "PTTL"
        found = self.source.many(db, [(key, command, key) for key in keys for command in ("TYPE", ask)])
        kinds, times = map(text, found[::2]), found[1::2]
        now = 0 if self.expires else round(time.time() * 1000)
        plain, pieces, gone = [], [], []
        for key, kind, expires in zip(keys, kinds, times):
            expires = max(expires, 0) and now + expires if isinstance(expires, int) else 0
            if kind == "none":
                gone.append(key)
            elif self.options.by_commands or (kind == JSON and self.json_by_commands):
                pieces.append((key, kind, expires))
            else:
                plain.append((key, kind, expires))
        plain, large = self.by_size(db, plain)
        while plain:
            # As many at once as are about AT_ONCE bytes, by the size of those before.
            some = max(AT_ONCE // max(self.size, 1), 1)
            dumped, unsuited = self.dump(db, plain[:some])
            plain = plain[some:]
            if only_differing:
                dumped = self.differing(db, dumped)
            pieces += self.restore(db, dumped) + unsuited
        for key, kind, expires in pieces:
            self.by_commands(db, key, kind, expires)
        for key, kind, expires in large:
            self.by_commands(db, key, kind, expires, large=True)
        if gone:
            self.target.many(db, [(key, "DEL", key) for key in gone])

    def by_size(self, db, keys):
        """(those to be dumped, those to be copied in pieces since a DUMP would hold the source for long)."""
        sized = [entry for entry in keys if entry[1] in CARDINALITY]
        counts = self.source.many(db, [(key, CARDINALITY[kind], key) for key, kind, _ in sized])
        most = {"string": BYTES}
        large = [entry for entry, count in zip(sized, counts) if not failed(count) and count > most.get(entry[1], self.options.large)]
        return [entry for entry in keys if entry not in large] if large else keys, large

    def dump(self, db, keys):
        """((key, kind, expires, payload, encoding suits the target), those that go by commands)."""
        dumped, unsuited, largest = [], [], 1
        for entry, reply in zip(keys, self.source.many(db, [(key, "DUMP", key) for key, *_ in keys])):
            key, kind, expires = entry
            if reply is None:
                self.target.one(db, key, "DEL", key)  # it went since its type was asked
            elif failed(reply) or len(reply) > LONGEST:
                unsuited.append(entry)
            else:
                largest = max(largest, len(reply))
                self.notice(db, key, kind, reply)
                suited = payload.for_version(reply, self.target.rdb_version, self.family)
                if suited is None:
                    unsuited.append(entry)
                else:
                    dumped.append((key, kind, expires, suited))
        self.size = largest
        return dumped, unsuited

    def notice(self, db, key, kind, reply):
        """Keeps what a key was whose changes nobody tells. What is no longer so was changed."""
        if kind in (VECTORS, SUGGESTIONS) and not self.source.nearset or (kind == VECTORS and "vectorset" in self.source.modules):
            self.silent[db, key] = hashlib.blake2b(reply, digest_size=16).digest()

    def differing(self, db, dumped):
        """Those that the target has otherwise."""
        ask = [(key, command, key) for key, *_ in dumped for command in ("DUMP", "PEXPIRETIME")]
        there = self.target.many(db, ask)
        chosen = []
        for entry, other, expires in zip(dumped, there[::2], there[1::2]):
            same = isinstance(other, bytes) and payload.body(other) == payload.body(entry[3])
            if same and max(expires, 0) == entry[2]:
                self.report.copied(entry[1], 0)
            else:
                chosen.append(entry)
        return chosen

    def restore(self, db, dumped):
        """Writes payloads; returns those that the target refused."""
        commands = [(key, "RESTORE", key, expires, value, "REPLACE", "ABSTTL") for key, _, expires, value in dumped]
        refused = []
        for (key, kind, expires, value), reply in zip(dumped, self.target.many(db, commands)):
            if failed(reply):
                self.report.refused(kind, str(reply))
                refused.append((key, kind, expires))
            else:
                self.report.copied(kind, len(value))
                self.report.mended(db, key)
        return refused

    def by_commands(self, db, key, kind, expires, large=False):
        source = Source(self.source, db, key, self.options.large)
        try:
            if kind not in KINDS:
                raise Unreadable("the target does not know the type")
            if kind in self.lacking:
                raise Unreadable(f"the target has no {self.lacking[kind]}")
            if kind in (VECTORS, SUGGESTIONS):
                self.silent[db, key] = digest(source, kind)
            write(self.target, db, key, kind, source.items(kind), expires, large)
            self.report.copied(kind, 0)
            self.report.mended(db, key)
            if kind == "hash" and knows_field_times(self.source) and not knows_field_times(self.target):
                self.warn_of_times(source, db, key)
        except Unreadable as error:
            if self.source.one(db, key, "EXISTS", key) == 0:
                self.target.one(db, key, "DEL", key)
            else:
                self.report.failed(db, key, kind, str(error))

    def warn_of_times(self, source, db, key):
        if any(expires > 0 for piece in source.items("hash") for _, _, expires in piece):
            self.report.lost(f"times of fields: db {db}, {text(key)}: the target knows none")

    # What changed meanwhile

    def catch_up(self):
        """Copies what has changed until now; returns how many keys. What changes while it does so is left to the next call."""
        left = self.follower.waiting()
        done = 0
        while left > done and (changed := self.follower.take(min(self.options.batch, left - done))):
            for db, keys in changed.items():
                self.copy(db, keys)
                done += len(keys)
        return done

    def until_in_step(self):
        """Copies changes until few come while the last are copied, or until that does not get less."""
        before, rounds = None, 0
        while True:
            if self.stop.asked:
                raise Stopped
            changed = self.catch_up()
            if changed <= self.options.batch:
                return
            rounds = 0 if before is None or changed < before else rounds + 1
            if rounds == 5:
                self.report.note(f"changes come as fast as they are copied: {changed:,} keys while as many were copied")
                return
            before = changed

    def silent_keys(self):
        """Copies again those keys whose changes the source does not tell, where they differ."""
        for (db, key), before in list(self.silent.items()):
            kind = text(self.source.one(db, key, "TYPE", key))
            if kind in KINDS and isinstance(before, tuple):
                try:
                    now = digest(Source(self.source, db, key, self.options.large), kind)
                except Unreadable:
                    now = None
            else:
                reply = self.source.one(db, key, "DUMP", key)
                now = hashlib.blake2b(reply, digest_size=16).digest() if isinstance(reply, bytes) else None
            if now != before:
                del self.silent[db, key]
                self.copy(db, [key])

    def sweep(self):
        """Deletes at the target what the source no longer has, and copies what the target has not: what nobody told of."""
        for db in sorted(self.source.databases()):
            for keys in self.source.scan(db, self.options.batch):
                there = self.target.many(db, [(key, "EXISTS", key) for key in keys])
                if absent := [key for key, exists in zip(keys, there) if exists == 0]:
                    self.copy(db, absent)
        if self.options.merge:
            return
        for db in sorted(self.target.databases()):
            for keys in self.target.scan(db, self.options.batch):
                there = self.source.many(db, [(key, "EXISTS", key) for key in keys])
                gone = [key for key, exists in zip(keys, there) if exists == 0]
                self.target.many(db, [(key, "DEL", key) for key in gone])

    # What is no key

    def hidden_names(self, found):
        """Strings among which are the names of aliases and dictionaries, where no command lists them."""
        given = [name.encode() for name in self.options.name]
        how = self.options.find_names
        if how == "never" or not (found or how == "whole"):
            return given
        whole = how == "whole" or (how == "auto" and int(self.source.info.get("used_memory", 0)) < WHOLE)
        try:
            strings = list(dict.fromkeys(name for node in self.source.nodes for name in names.candidates(node, whole)))
        except ValueError as error:
            self.report.note(f"names of aliases and dictionaries could not be read as a replica: {error}; give them by --name")
            return given
        if not whole:
            self.report.note("the source is large, so names of dictionaries were not looked for; --find-names whole, or --name NAME")
        return given + strings

    def definitions(self):
        """Makes indexes, aliases, synonyms and dictionaries equal to the source's."""
        if failed(self.source.one(0, None, "FT._LIST")):
            return
        found = list(definitions.indexes(self.source))
        if not hasattr(self, "candidates"):
            self.candidates = self.hidden_names(found)
        self.indexes(found)
        for (db, alias), index in definitions.aliases(self.source, found, self.candidates)[0].items():
            self.tell(f"alias {text(alias)}", db, "FT.ALIASUPDATE", alias, index)
        for index in found:
            for group, terms in index.synonyms().items():
                self.tell(f"synonyms of {text(index.name)}", index.db, "FT.SYNUPDATE", index.name, group, *terms)
        for name, words in definitions.dictionaries(self.source, self.dictionary_names()).items():
            self.tell(f"dictionary {text(name)}", 0, "FT.DICTADD", name, *words)

    def dictionary_names(self):
        """Candidates, and all names where the source is nearset and lists them."""
        reply = self.source.one(0, None, "FT._DICTLIST")
        return self.candidates + ([] if failed(reply) else list(reply))

    def indexes(self, found):
        made = self.state.get("indexes", {})
        for index in found:
            words = index.create()
            for doubt in index.doubts:
                self.report.note(f"index {text(index.name)}: {doubt}")
            name = f"{index.db} {text(index.name)}"
            now = [text(word) for word in words]
            if made.get(name) == now:
                continue
            if name in made:
                self.everywhere(index.db, "FT.DROPINDEX", index.name)
            if self.tell(f"index {text(index.name)}", index.db, *words):
                made[name] = now
        for name in set(made) - {f"{index.db} {text(index.name)}" for index in found}:
            db, _, index = name.partition(" ")
            self.everywhere(int(db), "FT.DROPINDEX", index)
            del made[name]
        self.state.set(indexes=made)

    def everywhere(self, db, *words):
        """Sends it to every node of the target: an index of a cluster is told to each, or is there already."""
        return [node.one(*words, db=db) for node in self.target.nodes]

    def tell(self, what, db, *words):
        """Sends a definition; False where it was refused, which is said."""
        replies = self.everywhere(db, *words)
        refused = [reply for reply in replies if failed(reply)]
        if refused and not (len(replies) > len(refused) or self.agreed(db, words, refused[0])):
            self.report.lost(f"{what}: {str(refused[0]).partition(', with args')[0]}")
            return False
        self.report.defined(what)
        return True

    def agreed(self, db, words, error):
        """True where an index that is there already is the one that was to be made."""
        if words[0] != b"FT.CREATE" or "already exists" not in str(error):
            return False
        there = definitions.Index(self.target, db, words[1])
        return there.create(hidden=False) == definitions.Index(self.source, db, words[1]).create(hidden=False)

    def functions(self):
        for name, code in definitions.functions(self.source).items():
            self.tell(f"functions {text(name)}", 0, "FUNCTION", "LOAD", "REPLACE", code)

    def users(self):
        for name, rules in definitions.users(self.source).items():
            self.tell(f"user {text(name)}", 0, "ACL", "SETUSER", name, "reset", *rules)
