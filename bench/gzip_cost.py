#!/usr/bin/python3
"""Prints what gzip costs (docs/adr/0057): cpu per MB of text, and how much smaller it gets.

    bench/gzip_cost.py [MEGABYTES]

The same zlib as the server's, with events of one robot in pieces of 64 KiB that are flushed each.
"""

import random
import sys
import time
import zlib

PIECE = 64 << 10
MODES = [(1, 13, 6), (1, 15, 8), (4, 13, 6), (6, 15, 8)]  # level, window bits, memory level


def texts(size, seed=1):
    """Events of a robot on its way, as the server writes them. @returns JSON and CSV of `size` bytes."""
    rng = random.Random(seed)
    json, csv, x, y, at = [], [], 0.0, 0.0, 1_700_000_000_000
    bytes_left = size
    while bytes_left > 0:
        x, y, at = x + rng.uniform(-1, 1), y + rng.uniform(-1, 1), at + rng.randrange(90, 110)
        x, y = round(x, 3), round(y, 3)  # millimetres
        json.append(f'{{"robot":"robot-17","timestamp":{at},"x":{x!r},"y":{y!r}}}')
        csv.append(f"{x!r},{y!r},{at},robot-17")
        bytes_left -= len(json[-1]) + 1
    return ",".join(json).encode(), "\n".join(csv).encode()


def deflate(text, level, window, memory):
    """@returns the gzip of `text`, and the cpu seconds it took."""
    one = zlib.compressobj(level, zlib.DEFLATED, window + 16, memory)
    start, out = time.process_time(), []
    for at in range(0, len(text), PIECE):
        out.append(one.compress(text[at : at + PIECE]))
        out.append(one.flush(zlib.Z_SYNC_FLUSH))
    out.append(one.flush())
    return b"".join(out), time.process_time() - start


def main():
    size = int(float(sys.argv[1] if len(sys.argv) > 1 else 20) * 1e6)
    print(f"zlib {zlib.ZLIB_RUNTIME_VERSION}, {size / 1e6:.0f} MB")
    json, csv = texts(size)
    for text, name in ((json, "JSON"), (csv, "CSV")):
        for level, window, memory in MODES if name == "JSON" else MODES[:1]:
            packed, seconds = deflate(text, level, window, memory)
            kib = (4 << window) + (512 << memory) >> 10
            print(
                f"{name:5} level {level}, {1 << window - 10:2} KiB, {memory}: {kib + 8:3} KiB,"
                f" {seconds * 1e9 / len(text):5.1f} ms per MB, {len(text) / len(packed):.1f} times smaller"
            )
    packed, _ = deflate(json, *MODES[0])
    start = time.process_time()
    zlib.decompress(packed, 31)
    print(f"inflate: {(time.process_time() - start) * 1e9 / len(json):.1f} ms per MB of text")


if __name__ == "__main__":
    main()
