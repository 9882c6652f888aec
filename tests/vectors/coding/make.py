"""Makes the vectors of this folder with Python's zlib, which is another implementation than the one that is tested."""

import gzip
import pathlib
import struct
import zlib

FOLDER = pathlib.Path(__file__).parent


def events():
    chance = 1
    for number in range(1, 421):
        chance = chance * 48271 % 0x7FFFFFFF
        data = f'{{"n":{number},"price":{chance % 100000},"name":"ticker-{chance % 97}"}}'
        comment = f"{chance:x}{chance * 7:x}{chance * 31:x}"
        yield f"id: {number}\nevent: price\ndata: {data}\n\n: {comment}\n\n".encode()


def compress(parts, level, window, strategy=zlib.Z_DEFAULT_STRATEGY, flush=zlib.Z_NO_FLUSH):
    machine = zlib.compressobj(level, zlib.DEFLATED, window, 8, strategy)
    return b"".join(machine.compress(part) + machine.flush(flush) for part in parts) + machine.flush()


def all_fields(stream):
    head = bytes([0x1F, 0x8B, 8, 2 | 4 | 8 | 16]) + struct.pack("<IBB", 1700000000, 2, 3)
    head += struct.pack("<H", 9) + b"AB" + struct.pack("<H", 5) + b"extra" + b"stream.txt\0" + b"a comment, \xe9\0"
    head += struct.pack("<H", zlib.crc32(head) & 0xFFFF)
    return head + compress([stream], 6, -15) + struct.pack("<II", zlib.crc32(stream), len(stream))


parts = list(events())
stream = b"".join(parts)
half = len(stream) // 2
members = [stream[:half], b"", stream[half:]]
vectors = {
    "stream.txt": stream,
    "gzip.gz": gzip.compress(stream, 9, mtime=0),
    "gzip-all-fields.gz": all_fields(stream),
    "gzip-flushed.gz": compress(parts, 6, 31, flush=zlib.Z_SYNC_FLUSH),
    "gzip-members.gz": b"".join(gzip.compress(member, 6, mtime=0) for member in members),
    "zlib.zz": compress([stream], 6, 15),
    "zlib-full-flush.zz": compress(parts, 6, 15, flush=zlib.Z_FULL_FLUSH),
    "zlib-stored.zz": compress([stream], 0, 15),
    "zlib-window-512.zz": compress([stream], 9, 9),
    "raw.deflate": compress([stream], 9, -15),
    "raw-fixed.deflate": compress([stream], 6, -15, zlib.Z_FIXED),
    "raw-huffman.deflate": compress([stream], 6, -15, zlib.Z_HUFFMAN_ONLY),
}
for name, content in vectors.items():
    (FOLDER / name).write_bytes(content)
