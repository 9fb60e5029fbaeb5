"""The bytes of a tape: frames in blocks, each block one zstd frame, so `zstdcat` reads it too."""

import os
import struct
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

import msgspec
import zstandard

# Kinds 1 to 254 are the writer's own.
BATCH_END = 0
GAP = 255

HEADER = struct.Struct("<IBqq")
COUNT = struct.Struct("<Q")
_CHUNK_BYTES = 1 << 18


class TapeFrame(msgspec.Struct, frozen=True):
    """One input as it was consumed.

    `kind` is BATCH_END after the last frame of a batch, GAP where frames were dropped (`data` is
    their number, u64), else the writer's. `mono_ns` is monotonic time, `market_ns` market time.
    """

    kind: int
    mono_ns: int
    market_ns: int
    data: bytes = b""

    def encode(self) -> bytes:
        """Return the frame's bytes: length of the data, kind, both times, data."""
        return HEADER.pack(len(self.data), self.kind, self.mono_ns, self.market_ns) + self.data


class TapeReader:
    """Iterates over the frames of one tape file.

    `problem` says after the iteration why it ended early, "" when the file was read to its end. A
    killed writer leaves an unfinished last block; all before it are read. `size_bytes` is how much
    of the file counts: what its writer adds meanwhile is left out.
    """

    def __init__(self, path: Path, size_bytes: int | None = None) -> None:
        self._path = path
        self._size_bytes = size_bytes
        self.problem = ""

    def __iter__(self) -> Iterator[TapeFrame]:
        for block in self._blocks():
            yield from decode_block(block)

    def _blocks(self) -> Iterator[bytes]:
        offset = 0
        with self._path.open("rb") as file:
            while file.peek(1):
                try:
                    block, complete = _read_block(file)
                except zstandard.ZstdError as error:
                    self.problem = f"{self._path} is damaged after offset {offset}: {error}"
                    return
                if not complete:
                    self.problem = f"{self._path} ends inside the block at offset {offset}"
                    return
                offset = file.tell()
                if self._size_bytes is not None and offset > self._size_bytes:
                    return
                yield block


def _read_block(file: BufferedReader) -> tuple[bytes, bool]:
    """Return one decompressed block and whether it is complete; leaves the file just after it."""
    decompressor = zstandard.ZstdDecompressor().decompressobj()
    parts: list[bytes] = []
    while not decompressor.eof:
        chunk = file.read(_CHUNK_BYTES)
        if not chunk:
            return b"".join(parts), False
        parts.append(decompressor.decompress(chunk))
    file.seek(-len(decompressor.unused_data), os.SEEK_CUR)
    return b"".join(parts), True


def decode_block(block: bytes) -> Iterator[TapeFrame]:
    """Return the frames of one decompressed block."""
    offset = 0
    while offset < len(block):
        length, kind, mono_ns, market_ns = HEADER.unpack_from(block, offset)
        offset += HEADER.size
        yield TapeFrame(kind, mono_ns, market_ns, block[offset : offset + length])
        offset += length
