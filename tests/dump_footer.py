#!/usr/bin/env python3
"""dump_footer.py VERSION < payload > payload: makes a DUMP loadable by another release.

A DUMP ends with the RDB version of the server that made it (2 bytes) and a CRC64 (8 bytes) of all before. RESTORE refuses a
version newer than its own, although the value itself may be readable: a vector set of Redis 8 (version 12 and up) loads
into Redis 7.0 (version 10) once the footer says 10.
"""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "scripts"))

from movein.payload import body, crc64, seal  # noqa: E402, F401


def version(payload):
    """The RDB version in the footer."""
    return int.from_bytes(payload[-10:-8], "little")


if __name__ == "__main__":
    sys.stdout.buffer.write(seal(body(sys.stdin.buffer.read()), int(sys.argv[1])))
