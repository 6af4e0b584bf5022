"""Writes small tensor files for the tests, without NumPy.

  tensors.py x.npy <f4 2x3 1 2 3 4 5 6
  tensors.py x.safetensors a F32 2x3 1 2 3 4 5 6 -- b I32 2 7 8
  tensors.py --show x.safetensors | x.npy
"""

import json
import struct
import sys

CODES = {
    "<f8": "d", "<f4": "f", "<i8": "q", "<i4": "i",
    "F64": "d", "F32": "f", "I64": "q", "I32": "i",
}


def shape_of(text):
    return [] if text == "scalar" else [int(n) for n in text.split("x")]


def pack(dtype, values):
    code = CODES[dtype]
    number = float if code in "df" else int
    return struct.pack("<%d%s" % (len(values), code), *map(number, values))


def write_npy(path, dtype, shape, values):
    dims = ", ".join(str(n) for n in shape_of(shape))
    header = "{'descr': '%s', 'fortran_order': False, 'shape': (%s,), }" % (
        dtype, dims)
    header = header.replace("(,)", "()")
    header += " " * (-(len(header) + 11) % 64) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)))
        file.write(header.encode() + pack(dtype, values))


def write_safetensors(path, words):
    header, data = {}, b""
    while words:
        end = words.index("--") if "--" in words else len(words)
        name, dtype, shape, *values = words[:end]
        words = words[end + 1:]
        raw = pack(dtype, values)
        header[name] = {"dtype": dtype, "shape": shape_of(shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def show(path):
    with open(path, "rb") as file:
        data = file.read()
    if path.endswith(".npy"):
        end = 10 + struct.unpack_from("<H", data, 8)[0]
        header = eval(data[10:end].decode())  # the header is a Python literal
        code = CODES[header["descr"]]
        values = struct.iter_unpack("<" + code, data[end:])
        print(header["descr"], header["shape"], *(v[0] for v in values))
        return
    size = struct.unpack_from("<Q", data)[0]
    for name, info in sorted(json.loads(data[8:8 + size]).items()):
        if name == "__metadata__":
            continue
        start, end = info["data_offsets"]
        values = struct.iter_unpack("<" + CODES[info["dtype"]],
                                    data[8 + size + start:8 + size + end])
        print(name, info["dtype"], info["shape"], *(v[0] for v in values))


if sys.argv[1] == "--show":
    show(sys.argv[2])
elif sys.argv[1].endswith(".npy"):
    write_npy(sys.argv[1], *sys.argv[2:4], sys.argv[4:])
else:
    write_safetensors(sys.argv[1], sys.argv[2:])
