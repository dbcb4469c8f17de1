"""Protobuf, as far as a worker needs it: fields of one level, without a library."""

from __future__ import annotations

import hashlib
import struct
from typing import Dict, Iterator, List, NamedTuple, Sequence, Union

Value = Union[int, bytes, memoryview]


class Field(NamedTuple):
    """A field as it lies in a record."""

    number: int
    value: Value
    raw: memoryview


def varint(n: int) -> bytes:
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def number(field: int, n: int) -> bytes:
    """An integer, enumeration or boolean; nothing if it is 0."""
    return varint(field << 3) + varint(n) if n else b""


def chunk(field: int, data: Union[bytes, memoryview], always: bool = False) -> bytes:
    """Bytes, or a message."""
    return varint(field << 3 | 2) + varint(len(data)) + bytes(data) if len(data) or always else b""


def text(field: int, s: str) -> bytes:
    return chunk(field, s.encode())


def fixed64(field: int, n: int) -> bytes:
    return varint(field << 3 | 1) + struct.pack("<Q", n) if n else b""


def double(field: int, x: float) -> bytes:
    packed = struct.pack("<d", x)
    return varint(field << 3 | 1) + packed if packed != bytes(8) else b""


def doubles(field: int, xs: Sequence[float]) -> bytes:
    return chunk(field, struct.pack(f"<{len(xs)}d", *xs))


def fields(record: Union[bytes, memoryview]) -> Iterator[Field]:
    """The fields of a message in the order of its bytes.

    :raises ValueError: if it is no message
    """
    view = memoryview(record)
    at = 0

    def read_varint() -> int:
        nonlocal at
        result = shift = 0
        while True:
            if at >= len(view) or shift > 63:
                raise ValueError("cut short")
            byte = view[at]
            at += 1
            result |= (byte & 0x7F) << shift
            if byte < 0x80:
                return result
            shift += 7

    while at < len(view):
        begin = at
        tag = read_varint()
        wire = tag & 7
        value: Value
        if wire == 0:
            value = read_varint()
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
            value = int.from_bytes(view[at : at + size], "little")
            at += size
        elif wire == 2:
            length = read_varint()
            value = view[at : at + length]
            at += length
        else:
            raise ValueError("a field of unknown kind")
        if at > len(view):
            raise ValueError("cut short")
        yield Field(tag >> 3, value, view[begin:at])


def read(record: Union[bytes, memoryview]) -> Dict[int, List[Value]]:
    """The values of a message by field number."""
    found: Dict[int, List[Value]] = {}
    for field in fields(record):
        found.setdefault(field.number, []).append(field.value)
    return found


def integer(message: Dict[int, List[Value]], field: int) -> int:
    """An integer of a message; 0 if it is absent."""
    value = message.get(field, [0])[-1]
    if not isinstance(value, int):
        raise ValueError(f"field {field} is no number")
    return value


def octets(message: Dict[int, List[Value]], field: int) -> bytes:
    """Bytes of a message; empty if they are absent."""
    value = message.get(field, [b""])[-1]
    if isinstance(value, int):
        raise ValueError(f"field {field} is a number")
    return bytes(value)


def signed(n: int) -> int:
    """A 64-bit integer with its sign."""
    return n - (1 << 64) if n >> 63 else n


def zigzag(n: int) -> int:
    return (n >> 1) ^ -(n & 1)


def header_of(record: Union[bytes, memoryview], without: Sequence[int]) -> bytes:
    """A message in canonical form without some of its fields."""
    kept = [field for field in fields(record) if field.number not in without]
    return b"".join(bytes(field.raw) for field in sorted(kept, key=lambda field: field.number))


def sha256(*parts: Union[bytes, memoryview]) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.digest()


def kind(name: str) -> bytes:
    """What a digest of a kind of record begins with."""
    said = b"gradstream " + name.encode()
    return bytes([len(said)]) + said


def sized(data: Union[bytes, memoryview]) -> bytes:
    return struct.pack(">i", len(data)) + bytes(data)
