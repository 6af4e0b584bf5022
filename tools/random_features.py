#!/usr/bin/env python3
"""Writes orthogonal random features for `favor` of attn.linear_attention.

usage: random_features.py M D FILE [--seed N] [--dtype f32|f64] [--length random|fixed]

FILE is a .npy file of M x D: blocks of D orthogonal rows, the last one with fewer,
each row as long as one of D normal numbers is (random), or sqrt(D) (fixed).
"""

import argparse
import array
import math
import random
import sys


def features(rows, size, rng, fixed):
    block, result = [], []
    for r in range(rows):
        if r % size == 0:
            block = []
        x = [rng.gauss(0, 1) for _ in range(size)]
        for _ in range(2):  # once more, for what rounding left of the others
            for y in block:
                share = sum(a * b for a, b in zip(x, y))
                x = [a - share * b for a, b in zip(x, y)]
        norm = math.sqrt(sum(a * a for a in x))
        x = [a / norm for a in x]
        block.append(x)
        length = math.sqrt(size) if fixed else math.sqrt(sum(rng.gauss(0, 1) ** 2 for _ in range(size)))
        result.append([a * length for a in x])
    return result


def write_npy(path, rows, dtype):
    code, kind = {"f32": ("f", "<f4"), "f64": ("d", "<f8")}[dtype]
    data = array.array(code, [a for row in rows for a in row])
    if sys.byteorder == "big":
        data.byteswap()
    header = "{'descr': '%s', 'fortran_order': False, 'shape': (%d, %d), }" % (kind, len(rows), len(rows[0]))
    header += " " * (-(len(header) + 11) % 64) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode())
        data.tofile(file)


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("expected a number of 1 or more, but got " + text)
    return value


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("features", type=positive, metavar="M")
    parser.add_argument("size", type=positive, metavar="D")
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dtype", choices=["f32", "f64"], default="f32")
    parser.add_argument("--length", choices=["random", "fixed"], default="random")
    args = parser.parse_args()
    rng = random.Random(args.seed)
    write_npy(args.file, features(args.features, args.size, rng, args.length == "fixed"), args.dtype)


if __name__ == "__main__":
    main()
