"""What DUMP gives: a type, a value, the release's RDB version (2 bytes) and a CRC64 (8 bytes) of all before.

RESTORE refuses a version newer than its own, although most encodings are older than the release. So the version is set to the
oldest one that has the encoding. The checksum is linear in the data: what a change of the two bytes before it does to it depends
only on these, so a footer is rewritten without reading the value.
"""

MODULE = 7
STREAM_3, STREAM_2 = 21, 19
# Encoding -> the first RDB version that has it. What is not here goes by commands.
SINCE = {kind: 9 for kind in (0, 1, 2, 3, 4, 5, 7, 9, 10, 11, 12, 13, 14, 15)}
SINCE |= {16: 10, 17: 10, 18: 10, STREAM_2: 10, 20: 11, STREAM_3: 11, 24: 12, 25: 12}


def _table():
    polynomial = 0x95AC9329AC4BC9B5  # Jones, reflected
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
        yield value


TABLE = list(_table())


def crc64(data):
    """CRC-64/REDIS."""
    crc = 0
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc


def body(payload):
    """Type and value, without the footer."""
    return payload[:-10]


def seal(value, version):
    """A payload from its type and value."""
    value += version.to_bytes(2, "little")
    return value + crc64(value).to_bytes(8, "little")


def with_version(payload, version):
    """The same value under another RDB version."""
    old = int.from_bytes(payload[-10:-8], "little")
    if old == version:
        return payload
    change = crc64((old ^ version).to_bytes(2, "little"))
    crc = int.from_bytes(payload[-8:], "little") ^ change
    return payload[:-10] + version.to_bytes(2, "little") + crc.to_bytes(8, "little")


def for_version(payload, newest, family):
    """The payload for a server that reads RDB versions up to `newest`; None where its encoding is unknown there.

    `family` says that both sides are Redis or both Valkey. These two give other meanings to what is newer than RDB version 11.
    """
    version = int.from_bytes(payload[-10:-8], "little")
    if family and version <= newest:
        return payload
    since = SINCE.get(payload[0])
    if since is None or (since > 11 and not family):
        return None
    if since <= newest:
        return with_version(payload, since)
    if payload[0] == STREAM_3 and newest >= SINCE[STREAM_2]:
        return seal(older_stream(body(payload)), SINCE[STREAM_2])
    return None


class Reader:
    """Walks over what an RDB file holds: lengths, strings and raw bytes."""

    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def raw(self, count):
        if self.at + count > len(self.data):
            raise ValueError("the value ends early")
        self.at += count
        return self.data[self.at - count : self.at]

    def length(self):
        """(number, True where it names a special encoding of a string)."""
        first = self.raw(1)[0]
        if first >> 6 == 0:
            return first, False
        if first >> 6 == 1:
            return (first & 0x3F) << 8 | self.raw(1)[0], False
        if first in (0x80, 0x81):
            return int.from_bytes(self.raw(4 if first == 0x80 else 8), "big"), False
        return first & 0x3F, True

    def number(self):
        return self.length()[0]

    def string(self):
        """A string as stored; numbers and compressed ones stay as they are."""
        number, special = self.length()
        if not special:
            return self.raw(number)
        if number < 3:
            return self.raw(1 << number)
        packed, _ = self.number(), self.number()
        return self.raw(packed)


def older_stream(value):
    """A stream of RDB version 11 in the form of version 10, which has no time at which a consumer was last active."""
    read = Reader(value, 1)
    out, copied = bytearray([STREAM_2]), 1
    for _ in range(read.number()):
        read.string()
        read.string()
    for _ in range(8):  # length, last id, first id, largest deleted id, entries added
        read.number()
    for _ in range(read.number()):
        read.string()
        for _ in range(3):  # last delivered id, entries read
            read.number()
        for _ in range(read.number()):
            read.raw(24)
            read.number()
        for _ in range(read.number()):
            read.string()
            read.raw(8)
            out += value[copied : read.at]
            read.raw(8)
            copied = read.at
            read.raw(16 * read.number())
    return bytes(out) + value[copied:]
