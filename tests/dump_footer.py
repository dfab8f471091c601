#!/usr/bin/env python3
"""dump_footer.py VERSION < payload > payload: makes a DUMP loadable by another release.

A DUMP ends with the RDB version of the server that made it (2 bytes) and a CRC64 (8 bytes) of all before. RESTORE refuses a
version newer than its own, although the value itself may be readable: a vector set of Redis 8 (version 12 and up) loads
into Redis 7.0 (version 10) once the footer says 10.
"""

import sys


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


def seal(body, version):
    """A payload from its type and value: appends the version and the checksum."""
    body += version.to_bytes(2, "little")
    return body + crc64(body).to_bytes(8, "little")


def body(payload):
    """Type and value, without the footer."""
    return payload[:-10]


def version(payload):
    """The RDB version in the footer."""
    return int.from_bytes(payload[-10:-8], "little")


if __name__ == "__main__":
    sys.stdout.buffer.write(seal(body(sys.stdin.buffer.read()), int(sys.argv[1])))
