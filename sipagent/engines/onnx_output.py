# SPDX-License-Identifier: GPL-3.0-or-later
"""An ONNX model that also gives what one of its nodes makes, without the onnx package: a second GraphProto with nothing but the
output is appended to the file's bytes, and a protobuf reader merges the two (protobuf encoding, "Last One Wins")."""

from __future__ import annotations

from collections.abc import Iterator

# Field numbers of onnx.proto.
_GRAPH, _NODE, _OUTPUT = 7, 1, 12
_NODE_OUTPUT, _NODE_TYPE = 2, 4
_VALUE_NAME = 1

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types


def with_output_of(model: bytes, op_type: str) -> bytes | None:
    """`model` with the output of its only node of `op_type` behind its own; None when there is no such node, or several."""
    names = {
        model[first:last]
        for graph, end in _fields(model, 0, len(model), _GRAPH)
        for node, node_end in _fields(model, graph, end, _NODE)
        if any(model[a:b] == op_type.encode() for a, b in _fields(model, node, node_end, _NODE_TYPE))
        for first, last in _fields(model, node, node_end, _NODE_OUTPUT)
    }
    if len(names) != 1:
        return None
    return model + _field(_GRAPH, _field(_OUTPUT, _field(_VALUE_NAME, names.pop())))


def _fields(data: bytes, at: int, end: int, wanted: int) -> Iterator[tuple[int, int]]:
    """(first byte, one past the last) of each field `wanted` of a message that holds bytes. ValueError: no message."""
    while at < end:
        key, at = _varint(data, at, end)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            _, at = _varint(data, at, end)
        elif wire in (_FIXED64, _FIXED32):
            at += 8 if wire == _FIXED64 else 4
        elif wire == _BYTES:
            length, at = _varint(data, at, end)
            if at + length > end:
                raise ValueError("not an ONNX model: a field is longer than the file")
            if number == wanted:
                yield at, at + length
            at += length
        else:
            raise ValueError(f"not an ONNX model: wire type {wire}")


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 64:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ValueError("not an ONNX model: a number has no end")


def _field(number: int, body: bytes) -> bytes:
    """A short one."""
    assert len(body) < 0x80, "a length of one byte"
    return bytes([number << 3 | _BYTES, len(body)]) + body
