"""What is no key: indexes, their aliases and synonyms, dictionaries, functions, users."""

import re

from .wire import failed, mapping, text

# Words of FT.INFO's options that are words of FT.CREATE.
OPTIONS = ("NOFREQS", "NOFIELDS", "NOOFFSETS", "NOHL", "MAXTEXTFIELDS")
# Flags of an attribute that belong to its type, and those that any may have after them.
OF_TYPE = ("NOSTEM", "CASESENSITIVE", "WITHSUFFIXTRIE", "INDEXEMPTY", "INDEXMISSING")
FLAGS = (*OF_TYPE, "SORTABLE", "UNF", "NOINDEX")
LANGUAGE_OF_SOUNDS = "dm:en"


class Index:
    """An index as the source tells of it."""

    def __init__(self, side, db, name):
        self.side, self.db, self.name = side, db, name
        for node in side.nodes:
            if not failed(reply := node.one("FT.INFO", name, db=db)):
                break
        else:
            raise LookupError(str(reply))
        self.about = mapping(reply)
        self.doubts, self.seek = [], True

    @property
    def kind(self):
        return text(mapping(self.about.get("index_definition")).get("key_type", b"HASH")).upper()

    def attributes(self):
        """(name, what FT.INFO says, flags) of each attribute."""
        for reply in self.about.get("attributes", []):
            entry, flags = attribute(reply)
            yield text(entry.get("attribute", entry["identifier"])), entry, flags

    def create(self, hidden=True):
        """The words of FT.CREATE that make it again; without what FT.INFO hides, or with what is found of that."""
        self.seek = hidden
        rule = mapping(self.about.get("index_definition"))
        words = ["FT.CREATE", self.name, "ON", self.kind]
        prefixes = rule.get("prefixes") or [b""]
        if prefixes != [b""]:
            words += ["PREFIX", len(prefixes), *prefixes]
        for name, option in (
            ("filter", "FILTER"),
            ("default_language", "LANGUAGE"),
            ("language_field", "LANGUAGE_FIELD"),
            ("score_field", "SCORE_FIELD"),
            ("payload_field", "PAYLOAD_FIELD"),
        ):
            # Some releases tell the names that hold unless others are given.
            if rule.get(name) and text(rule[name]) not in ("__language", "__score", "__payload"):
                words += [option, rule[name]]
        if float(rule.get("default_score") or 1) != 1:
            words += ["SCORE", rule["default_score"]]
        if text(rule.get("indexes_all", b"false")) == "true":
            words += ["INDEXALL", "ENABLE"]
        given = self.about.get("index_options") or []
        given = {text(option) for option in given} if isinstance(given, list) else set()
        words += [option for option in OPTIONS if option in given]
        if seconds := self.temporary():
            words += ["TEMPORARY", seconds]
        if (stop := self.about.get("stopwords_list", self.about.get("stop_words"))) is not None:
            words += ["STOPWORDS", len(stop), *sorted(stop)]
        words.append("SCHEMA")
        for name, entry, flags in self.attributes():
            words += self.field(name, entry, flags)
        return [text(word).encode() if not isinstance(word, bytes) else word for word in words]

    def field(self, name, entry, flags):
        kind = text(entry["type"]).upper()
        words = [entry["identifier"]]
        if text(entry["identifier"]) != name:
            words += ["AS", name]
        words.append(kind)
        if kind == "TEXT":
            if float(entry.get("weight") or 1) != 1:
                words += ["WEIGHT", entry["weight"]]
            if self.sounds(name):
                words += ["PHONETIC", LANGUAGE_OF_SOUNDS]
        elif kind == "TAG":
            separator = text(entry.get("separator") or b"")
            if separator and (separator != "," or self.kind == "JSON"):
                words += ["SEPARATOR", separator]
        elif kind == "GEOSHAPE":
            words += [entry.get("coord_system") or "SPHERICAL"]
        elif kind == "VECTOR":
            return words + self.vector(name, entry) + [flag for flag in ("INDEXMISSING",) if flag in flags]
        words += [flag for flag in OF_TYPE if flag in flags]
        if "SORTABLE" in flags:
            words.append("SORTABLE")
            if "UNF" in flags and kind in ("TEXT", "TAG") and self.kind == "HASH":
                words.append("UNF")
        return words + (["NOINDEX"] if "NOINDEX" in flags else [])

    def vector(self, name, entry):
        entry = {**flat(entry.get("index")), **entry} if "index" in entry else entry
        algorithm = text(entry.get("algorithm", entry.get("name", b"HNSW"))).upper()
        hidden = self.hidden_of_vector(name) if algorithm == "HNSW" and "ef_runtime" not in entry else {}
        options = {
            "TYPE": entry.get("data_type"),
            "DIM": entry.get("dim", entry.get("dimensions")),
            "DISTANCE_METRIC": entry.get("distance_metric"),
        }
        if algorithm == "HNSW":
            options["M"] = entry.get("m", entry.get("maximum_edges"))
            options["EF_CONSTRUCTION"] = entry.get("ef_construction")
            for option, usual in (("EF_RUNTIME", 10), ("EPSILON", 0.01)):
                given = entry.get(option.lower(), hidden.get(option.lower()))
                options[option] = None if given is None or float(given) == usual or not self.seek else given
        elif algorithm.startswith("SVS"):
            compression = text(entry.get("compression", b"NO_COMPRESSION"))
            options["COMPRESSION"] = None if compression == "NO_COMPRESSION" else compression
            for option in ("CONSTRUCTION_WINDOW_SIZE", "GRAPH_MAX_DEGREE"):
                options[option] = entry.get(option.lower())
        words = [word for pair in options.items() if pair[1] is not None for word in pair]
        return [algorithm, len(words), *words]

    def debug(self, *words):
        """What FT.DEBUG tells, where one may ask."""
        for command in ("FT.DEBUG", "_FT.DEBUG"):
            reply = self.side.one(self.db, None, command, *words)
            if not failed(reply):
                return reply
        return None

    def hidden_of_vector(self, name):
        """What FT.INFO leaves out: how wide a search is unless told otherwise."""
        if not self.seek:
            return {}
        about = flat(self.debug("VECSIM_INFO", self.name, name))
        if not about:
            self.doubts.append(f"EF_RUNTIME and EPSILON of {name} can't be read; give them again if they were given")
        return about

    def temporary(self):
        """Seconds for which it lives when nobody asks; FT.INFO, just asked, has started its clock."""
        if not self.seek:
            return None
        left = self.debug("TTL", self.name)
        return left + 1 if isinstance(left, int) and left > 0 else None

    def sounds(self, name):
        """Whether the field is searched by sound, which only an explained query shows."""
        if not self.seek:
            return False
        explained = self.side.one(self.db, None, "FT.EXPLAIN", self.name, f"@{escape(name)}:robert", "DIALECT", 2)
        # A field that can't be searched is @NULL there, and stands for all fields.
        return isinstance(explained, bytes) and not explained.startswith(b"@NULL:") and b"<RPRT(expanded)" in explained

    def synonyms(self):
        """Group -> terms."""
        reply = self.side.one(self.db, None, "FT.SYNDUMP", self.name)
        groups = {}
        if not failed(reply):
            pairs = reply.items() if isinstance(reply, dict) else zip(reply[::2], reply[1::2])
            for term, names in pairs:
                for group in names:
                    groups.setdefault(group, []).append(term)
        return {group: sorted(terms) for group, terms in groups.items()}


def attribute(reply):
    """(names and values, flags) of an attribute: flags stand bare at the end, or in a list of their own."""
    if isinstance(reply, dict):
        entry = mapping(reply)
        return entry, {text(flag) for flag in entry.get("flags", [])}
    entry, flags, at = {}, set(), 0
    while at < len(reply):
        word = text(reply[at])
        flag = word.upper().replace("_", "")
        if flag in FLAGS:
            # valkey-search says of each whether it is set.
            told = at + 1 < len(reply) and text(reply[at + 1]) in ("0", "1")
            if not told or text(reply[at + 1]) == "1":
                flags.add(flag)
            at += 1 + told
        elif at + 1 < len(reply):
            entry[word.lower()] = reply[at + 1]
            at += 2
        else:
            break
    return entry, flags | {text(flag) for flag in entry.get("flags", [])}


def flat(reply):
    """All names and values of nested maps."""
    found = {}
    for name, value in mapping(reply).items():
        if isinstance(value, (list, dict)):
            found.update(flat(value))
        else:
            found[name] = value
    return found


def escape(word):
    return re.sub(r"([^\w])", r"\\\1", word)


def listed(side, db):
    """Names of the indexes of a database."""
    replies = [node.one("FT._LIST", db=db) for node in side.nodes]
    return sorted({name for reply in replies if not failed(reply) for name in reply})


def indexes(side):
    """Every index of a side. Only nearset has indexes in databases other than 0."""
    databases = {0, *side.databases()} if side.nearset and not side.cluster else {0}
    if len(databases) > 1 or side.nearset:
        settings = side.one(0, None, "CONFIG", "GET", "databases")
        if side.nearset and not side.cluster and not failed(settings) and settings:
            databases |= set(range(min(int(settings[1]), 64)))
    for db in sorted(databases):
        for name in listed(side, db):
            try:
                yield Index(side, db, name)
            except LookupError:
                continue  # it went meanwhile


def aliases(side, found, candidates):
    """((database, alias) -> index, True where they are all): listed by a command, else those of the candidates that lead to one."""
    known = {}
    for index in found:
        reply = side.one(index.db, None, "FT.ALIASLIST", index.name)
        if failed(reply):
            break
        known |= {(index.db, alias): index.name for alias in reply}
    else:
        return known, True
    names = {index.name for index in found}
    candidates = [name for name in candidates if name not in names]
    for name, reply in asked(side, "FT.INFO", candidates):
        known[0, name] = mapping(reply).get("index_name")
    return known, False


def dictionaries(side, candidates):
    """Name -> words, of those of the candidates that are dictionaries."""
    return {name: sorted(reply) for name, reply in asked(side, "FT.DICTDUMP", candidates) if reply}


def asked(side, command, names, size=500):
    """(name, reply) of the names that the command knows."""
    for start in range(0, len(names), size):
        piece = names[start : start + size]
        replies = side.many(0, [(None, command, name) for name in piece])
        yield from ((name, reply) for name, reply in zip(piece, replies) if not failed(reply))


def functions(side):
    """Name -> code of each library."""
    reply = side.one(0, None, "FUNCTION", "LIST", "WITHCODE")
    return {} if failed(reply) else {entry["library_name"]: entry["library_code"] for entry in map(mapping, reply)}


def users(side):
    """Name -> rules of each user but `default`."""
    reply = side.one(0, None, "ACL", "LIST")
    found = {}
    for line in [] if failed(reply) else reply:
        # A selector in brackets is one word.
        _, name, *rules = re.findall(rb"\([^)]*\)|\S+", line)
        if name != b"default":
            found[name] = rules
    return found
