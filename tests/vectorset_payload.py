"""The `vectorset` value as RESTORE reads it: taken apart and put together byte by byte, so that tests can damage any field."""

import dataclasses
import struct

from dump_footer import body, seal

TYPE = 7  # a value of a module, second form
TYPE_ID = 0xBDE72DA2BB1EB400  # "vectorset" and encoding version 0
UNSIGNED, STRING, END = 2, 5, 0
QUANT = {"f32": 0, "int8": 1, "bin": 2}


def length(value):
    """A number in the server's length encoding."""
    if value < 64:
        return bytes([value])
    if value < 1 << 14:
        return bytes([0x40 | value >> 8, value & 0xFF])
    if value < 1 << 32:
        return b"\x80" + value.to_bytes(4, "big")
    return b"\x81" + value.to_bytes(8, "big")


def unsigned(value):
    return bytes([UNSIGNED]) + length(value)


def string(data):
    return bytes([STRING]) + length(len(data)) + data


def f32_bits(value):
    return struct.unpack("<I", struct.pack("<f", value))[0]


@dataclasses.dataclass
class Node:
    """One element as stored. `layers` holds (neighbor ids, max_links, worst index and distance) from 0 up."""

    element: bytes
    vector: bytes
    id: int
    layers: list
    attributes: bytes = b""
    level: int | None = None
    version: int = 1
    l2: float = 1.0
    range: float = 1.0
    extra: tuple = ()
    parameter_count: int | None = None

    def parameters(self):
        level = len(self.layers) - 1 if self.level is None else self.level
        numbers = [self.id, level | self.version << 24]
        for neighbors, most, worst in self.layers:
            numbers += [len(neighbors), most, *neighbors]
            if self.version >= 1:
                numbers.append(worst)
        numbers.append(f32_bits(self.range) << 32 | f32_bits(self.l2))
        return numbers + list(self.extra)

    def encode(self, with_attributes):
        numbers = self.parameters()
        count = len(numbers) if self.parameter_count is None else self.parameter_count
        out = string(self.element) + (string(self.attributes) if with_attributes else b"") + string(self.vector) + unsigned(count)
        return out + b"".join(map(unsigned, numbers))


@dataclasses.dataclass
class VectorSet:
    """A whole value; every field may be set to nonsense."""

    dim: int
    nodes: list
    quant: int = QUANT["f32"]
    m: int = 16
    flags: int = 2
    count: int | None = None
    input_dim: int = 0
    matrix: bytes = b""
    type_id: int = TYPE_ID

    @classmethod
    def of(cls, vectors, quant="f32", matrix=None, names="e{}".format):
        """A valid set of a few unit vectors, each linked to all others on layer 0. Vectors are stored as f32."""
        ids = range(1, len(vectors) + 1)
        nodes = []
        for number, vector in zip(ids, vectors):
            others = [other for other in ids if other != number]
            stored = struct.pack(f"<{len(vector)}f", *vector)
            nodes.append(Node(names(number - 1).encode(), stored, number, [(others, 32, 0)]))
        made = cls(len(vectors[0]), nodes, QUANT[quant])
        if matrix:
            made.flags |= 1
            made.input_dim = len(matrix[0])
            made.matrix = struct.pack(f"<{len(matrix) * len(matrix[0])}f", *(entry for row in matrix for entry in row))
        return made

    def encode(self):
        """Type, type id and value, without the footer."""
        out = bytes([TYPE]) + length(self.type_id)
        out += unsigned(self.dim) + unsigned(len(self.nodes) if self.count is None else self.count)
        out += unsigned(self.quant | self.m << 8) + unsigned(self.flags)
        if self.flags & 1:
            out += unsigned(self.input_dim) + string(self.matrix)
        return out + b"".join(node.encode(self.flags & 2) for node in self.nodes) + bytes([END])

    def payload(self, version):
        """What RESTORE takes."""
        return seal(self.encode(), version)


def reseal(payload, change, version=None):
    """The payload with its body changed and the checksum right again."""
    return seal(change(body(payload)), version or int.from_bytes(payload[-10:-8], "little"))
