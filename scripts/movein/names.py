"""Names that no command of RediSearch lists: aliases before 8.10, and dictionaries.

They stand in what a replica is sent, among the data of modules: aliases before all keys, dictionaries after them. Nothing needs to be
known of the layout: each part there says what it is, so its strings can be taken out, and each is asked for as an alias and as a
dictionary.
"""

import redis

from .payload import Reader

MODULE_AUX, AUX, SELECT, EOF = 0xF7, 0xFA, 0xFE, 0xFF
END, SIGNED, UNSIGNED, FLOAT, DOUBLE, STRING = range(6)
TAIL = 64 << 20
MOST = 100_000


def module_data(data, at):
    """(strings of the module's part that starts at `at`, where it ends)."""
    read = Reader(data, at)
    read.number()  # the module's type
    strings = []
    while (code := read.number()) != END:
        if code in (SIGNED, UNSIGNED):
            read.number()
        elif code == FLOAT:
            read.raw(4)
        elif code == DOUBLE:
            read.raw(8)
        elif code == STRING:
            strings.append(read.string().rstrip(b"\0"))
        else:
            raise ValueError(f"code {code} in a module's data")
    return strings, read.at


def head(data):
    """Strings of all modules' data before the first key, and the first bytes by which each module's data is found again."""
    read = Reader(data, 9)
    strings, marks = [], []
    while True:
        code = read.raw(1)[0]
        if code == AUX:
            read.string()
            read.string()
        elif code == MODULE_AUX:
            marks.append(data[read.at - 1 : read.at + 9])
            found, read.at = module_data(data, read.at)
            strings += found
        else:
            return strings, marks


def tail(data, marks):
    """Strings of the modules' data at the end of the file."""
    strings = []
    for mark in marks:
        at = data.rfind(mark)
        while at >= 0:
            try:
                strings += module_data(data, at + 1)[0]
                break
            except ValueError:
                at = data.rfind(mark, 0, at)
    return strings


def candidates(node, whole, patience=90):
    """Strings among which are the names, read as a replica reads; of the head only, or also of the end.

    The server forks for it, as for every replica that joins.
    """
    try:
        connection = node.connection()
    except redis.RedisError as error:
        raise ValueError(str(error)) from error
    try:
        connection.send_command("REPLCONF", "capa", "eof")
        connection.read_response()
        plain = connection._sock  # (the parser would take what follows for replies)
        plain.sendall(b"*1\r\n$4\r\nSYNC\r\n")
        plain.settimeout(patience)
        return read_stream(plain, whole)
    except (redis.RedisError, OSError) as error:
        raise ValueError(str(error)) from error
    finally:
        connection.disconnect()


def read_stream(plain, whole):
    """Takes a synchronization in as far as needed."""
    data = bytearray()
    while b"\n" not in data.lstrip(b"\n"):
        data += received(plain)
    data = data.lstrip(b"\n")
    line, _, rest = bytes(data).partition(b"\r\n")
    if not line.startswith(b"$"):
        raise ValueError(line.decode(errors="replace"))
    mark = line[5:45] if line.startswith(b"$EOF:") else None
    left = None if mark else int(line[1:]) - len(rest)
    data, strings, marks = bytearray(rest), None, []
    while True:
        if strings is None:
            try:
                strings, marks = head(bytes(data))
            except ValueError:
                strings = None  # more of it comes
            if strings is not None and not whole:
                break
        if (mark and data.endswith(mark)) or left == 0:
            strings = (strings or []) + tail(bytes(data), marks)
            break
        piece = received(plain)
        left = left and left - len(piece)
        data += piece
        if strings is not None and len(data) > 2 * TAIL:
            del data[:-TAIL]
    return list(dict.fromkeys(filter(None, strings)))[:MOST]


def received(plain):
    try:
        piece = plain.recv(1 << 20)
    except TimeoutError as error:
        raise ValueError("nothing came in time") from error
    if not piece:
        raise ValueError("the server closed the connection")
    return piece
