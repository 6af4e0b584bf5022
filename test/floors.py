# A file includes only from its own floor and those below (docs/Architecture.md).
#
# RUN: %python %s %attn_source

import pathlib
import re
import sys

FLOORS = {
    "Runtime": 0, "Reference": 0,
    "Mask": 1, "Dialect": 1,
    "Target": 2,
    "Passes": 3,
    "Emit": 4, "Pipelines": 4,
}
FOLDERS = {
    "runtime": 0, "lib/Reference": 0,
    "lib/Mask": 1, "dialects": 1,
    "lib/Target": 2,
    "passes": 3,
    "lib/Emit": 4, "lib/Pipelines": 4,
    "tools": 5,
}
FOLDERS.update({f"include/attn/{name}": floor for name, floor in FLOORS.items()})
# What floor 0 may not see: compiled code runs without LLVM in the process.
NO_LLVM = ("runtime", "lib/Reference", "include/attn/Runtime",
           "include/attn/Reference")


def main(root):
    wrong = []
    checked = 0
    for folder, floor in FOLDERS.items():
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in (".cpp", ".h"):
                continue
            checked += 1
            for number, line in enumerate(path.read_text().splitlines(), 1):
                include = re.match(r'#include [<"]([^">]+)[">]', line)
                if not include:
                    continue
                parts = include.group(1).split("/")
                if parts[0] == "attn" and FLOORS[parts[1]] > floor:
                    wrong.append(f"{path}:{number}: floor {floor} includes "
                                 f"{include.group(1)} of floor {FLOORS[parts[1]]}")
                if parts[0] in ("mlir", "llvm", "lld") and folder in NO_LLVM:
                    wrong.append(f"{path}:{number}: {folder} includes "
                                 f"{include.group(1)}")
    for line in wrong:
        print(line)
    if checked == 0:
        print(f"{root}: no sources found")
    return 1 if wrong or checked == 0 else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
