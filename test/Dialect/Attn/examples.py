# Every op of a dialect has an example in its description, and its examples.mlir
# has it word for word, so that it is parsed and verified.
#
# RUN: %python %s %attn_source

import glob
import os
import re
import sys

source = sys.argv[1]


def words(text):
    return " ".join(text.split())


tested = " ".join(
    words(open(file).read())
    for file in glob.glob(os.path.join(source, "test/Dialect/*/examples.mlir")))
status = 0
for file in glob.glob(os.path.join(source, "include/attn/Dialect/*/*.td")):
    text = open(file).read()
    ops = re.findall(r"^def \w+ : \w+Op<\"(\w+)\".*?(?=^def |\Z)", text, re.M | re.S)
    examples = re.findall(r"^ *```mlir\n(.*?)^ *```", text, re.M | re.S)
    for example in examples:
        if words(example) not in tested:
            print("%s: not in examples.mlir:\n%s" % (file, example))
            status = 1
    for op in ops:
        if not any("." + op in example for example in examples):
            print("%s: no example of '%s'" % (file, op))
            status = 1
sys.exit(status)
