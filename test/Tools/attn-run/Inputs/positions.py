# Arrays of positions.mlir next to f64 sines and the slopes of twelve heads.
import math
import struct
import sys


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    start = 10 + struct.unpack_from("<H", data, 8)[0]
    return [x for x, in struct.iter_unpack("<f", data[start:])]


def close(name, got, expected):
    error = max(abs(x - y) for x, y in zip(got, expected))
    if len(got) != len(expected) or not error < 1e-6:
        sys.exit("%s: %d elements, error %g" % (name, len(got), error))


rope, table, slopes = [read(path) for path in sys.argv[1:]]
angle = [[(1000000 + s) * 10000.0 ** (-2 * i / 64) for i in range(32)] for s in range(9)]
close("rope", rope, [y for row in angle for y in
                     [math.cos(a) - math.sin(a) for a in row] + [math.cos(a) + math.sin(a) for a in row]])
close("sinusoidal", table, [y for row in angle for a in row for y in (math.sin(a), math.cos(a))])
close("slopes", slopes, [2.0 ** -(h + 1) for h in range(8)] + [2.0 ** -(0.5 * (2 * h + 1)) for h in range(4)])
print("positions: ok")
