# Every labelled constraint stands in three places: the description of its op,
# the verifier's message and a test in invalid.mlir.
#
# RUN: %python %s %attn_source

import glob
import os
import re
import sys

source = sys.argv[1]


def labels(pattern, *paths):
    found = set()
    for path in paths:
        for file in glob.glob(os.path.join(source, path)):
            found |= set(re.findall(pattern, open(file).read()))
    return found


ods = labels(r"\* `(\w+_c\d+)`:", "include/attn/Dialect/*/*.td")
verifier = labels(r"[\[\"](\w+_c\d+)[\]\"]", "dialects/*/*.cpp")
tests = labels(r"expected-error.*\[(\w+_c\d+)\]", "test/Dialect/*/invalid.mlir")
assert ods, "no labels in ODS"
for name, found in ("the verifiers", verifier), ("invalid.mlir", tests):
    if ods - found:
        print("in ODS but not in %s: %s" % (name, sorted(ods - found)))
    if found - ods:
        print("in %s but not in ODS: %s" % (name, sorted(found - ods)))
sys.exit(ods != verifier or ods != tests)
