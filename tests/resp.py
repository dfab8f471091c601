"""A RESP2 and RESP3 client that hides nothing: what the server sent, each kind of reply as its own Python type.

    bulk string   bytes          integer  int           array  list
    simple string Simple         error    Error         double Double (keeps its text)
    boolean       TRUE, FALSE    map      Map           set    Set
    null          NULL (RESP3 `_`), NULL_BULK (`$-1`), NULL_ARRAY (`*-1`)

Errors are returned, not raised. Needs only the standard library.
"""

import math
import socket
import struct


class Simple(str):
    """A simple string, `+text`."""

    def __eq__(self, other):
        return isinstance(other, Simple) and str.__eq__(self, other)

    __hash__ = str.__hash__

    def __repr__(self):
        return f"Simple({str(self)!r})"


class Error(Simple):
    """An error reply, `-text`."""

    def __eq__(self, other):
        return isinstance(other, Error) and str.__eq__(self, other)

    __hash__ = str.__hash__

    def __repr__(self):
        return f"Error({str(self)!r})"


class Double:
    """A RESP3 double. Equal when the numbers are equal; `text` is what stood on the wire."""

    def __init__(self, text):
        self.text = text if isinstance(text, str) else repr(text)
        self.value = float(self.text)

    def __eq__(self, other):
        if not isinstance(other, Double):
            return False
        return self.value == other.value or (math.isnan(self.value) and math.isnan(other.value))

    __hash__ = None

    def __float__(self):
        return self.value

    def __repr__(self):
        return f"Double({self.text!r})"


class Constant:
    """A reply without content: the nulls and the booleans. Compared by identity."""

    def __init__(self, name, truth=False):
        self.name, self.truth = name, truth

    def __bool__(self):
        return self.truth

    def __repr__(self):
        return self.name


NULL, NULL_BULK, NULL_ARRAY = Constant("NULL"), Constant("NULL_BULK"), Constant("NULL_ARRAY")
FALSE, TRUE = Constant("FALSE"), Constant("TRUE", True)


class Map(list):
    """A RESP3 map as a list of (key, value) pairs in the order they were sent."""

    def __eq__(self, other):
        return isinstance(other, Map) and list.__eq__(self, other)

    def __repr__(self):
        return f"Map({list.__repr__(self)})"

    def get(self, name):
        """The value whose key reads `name`, be it a simple or a bulk string."""
        for key, value in self:
            if (key.decode() if isinstance(key, bytes) else str(key)) == name:
                return value
        raise KeyError(name)


class Set(list):
    """A RESP3 set."""

    def __eq__(self, other):
        return isinstance(other, Set) and list.__eq__(self, other)

    def __repr__(self):
        return f"Set({list.__repr__(self)})"


class Push(list):
    """A RESP3 push message, out of band."""


class Disconnected(ConnectionError):
    """The server closed the connection."""


def encode(args):
    """A command as the bytes a client sends."""
    out = [b"*%d\r\n" % len(args)]
    for arg in args:
        data = arg if isinstance(arg, bytes) else str(arg).encode()
        out.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(out)


class Connection:
    """One connection. `c("GET", "k")` sends a command and returns its reply."""

    sent = 0  # commands, over all connections of this process

    def __init__(self, port, protocol=2, timeout=60):
        self.port, self.protocol = port, protocol
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = self.socket.makefile("rb")
        self.pushes = []
        if protocol == 3:
            self("HELLO", "3")

    def __call__(self, *args):
        self.send(*args)
        return self.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, *args):
        """Sends a command without waiting for its reply."""
        Connection.sent += 1
        self.socket.sendall(encode(args))

    def pipeline(self, commands):
        """The replies to many commands, sent without waiting in between."""
        replies, commands = [], list(commands)
        for start in range(0, len(commands), 500):
            part = commands[start : start + 500]
            Connection.sent += len(part)
            self.socket.sendall(b"".join(map(encode, part)))
            replies += [self.read() for _ in part]
        return replies

    def read(self):
        """The next reply; push messages go to `pushes`."""
        while True:
            reply = self._parse()
            if not isinstance(reply, Push):
                return reply
            self.pushes.append(list(reply))

    def close(self):
        self.stream.close()
        self.socket.close()

    def reset(self):
        """Drops the connection with a TCP reset, as a client that dies."""
        self.stream.close()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _parse(self):
        line = self.stream.readline()
        if not line.endswith(b"\r\n"):
            raise Disconnected(f"connection to port {self.port} closed")
        kind, text = line[:1], line[1:-2].decode("utf-8", "surrogateescape")
        match kind:
            case b"+":
                return Simple(text)
            case b"-":
                return Error(text)
            case b":":
                return int(text)
            case b"$":
                return NULL_BULK if text == "-1" else self._bytes(int(text))
            case b"*":
                return NULL_ARRAY if text == "-1" else [self._parse() for _ in range(int(text))]
            case b"_":
                return NULL
            case b"#":
                return TRUE if text == "t" else FALSE
            case b",":
                return Double(text)
            case b"(":
                return int(text)
            case b"%":
                return Map((self._parse(), self._parse()) for _ in range(int(text)))
            case b"~":
                return Set(self._parse() for _ in range(int(text)))
            case b">":
                return Push(self._parse() for _ in range(int(text)))
            case b"=":
                return self._bytes(int(text))[4:]
            case b"!":
                return Error(self._bytes(int(text)).decode())
        raise ValueError(f"not RESP: {line!r}")

    def _bytes(self, length):
        data = self.stream.read(length + 2)
        if len(data) != length + 2:
            raise Disconnected(f"connection to port {self.port} closed")
        return data[:-2]


def from_notation(value):
    """A reply from the notation of the files in tests/data: {"bulk": …}, {"simple": …}, {"map": [[k, v], …]}, …"""
    if isinstance(value, list):
        return [from_notation(item) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, inner),) = value.items()
    match kind:
        case "simple":
            return Simple(inner)
        case "error":
            return Error(inner)
        case "bulk":
            return inner.encode()
        case "bulkhex":
            return bytes.fromhex(inner)
        case "double":
            return Double(inner)
        case "bool":
            return TRUE if inner else FALSE
        case "null":
            return NULL
        case "nullbulk":
            return NULL_BULK
        case "nullarray":
            return NULL_ARRAY
        case "map":
            return Map((from_notation(k), from_notation(v)) for k, v in inner)
    raise ValueError(f"unknown kind of reply {kind}")
