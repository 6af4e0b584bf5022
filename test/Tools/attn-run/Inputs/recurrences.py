"""Runs entries of recurrences.mlir at some lengths, against the reference.

usage: recurrences.py attn-run module.mlir lengths entry...   without entries: all of them

Random features are exponentials: an exponent of 16 is exact to 16 units of its last
place, and so are they; norms of random sign add to that. Modes of random rates keep
the rounding of their decays as long as they keep anything.
"""

import re
import subprocess
import sys

tool, module, lengths, *entries = sys.argv[1:]
text = open(module).read()
functions = dict(re.findall(r"^func.func @(\w+)(.*)$", text, re.M))
status = 0
for name in entries or functions:
    # Without a dynamic size there is one length.
    sizes = lengths.split(",") if '"s"' in functions[name] else [None]
    for size in sizes:
        command = [tool, module, "--entry", name, "--random", "3", "--check"]
        command += ["--set", "s=" + size] if size else []
        for start, tolerance in ("favor", "16"), ("s4d", "8"), ("zoh", "8"), ("fixed", "8"), ("linformer", "2"):
            command += ["--tolerance", tolerance] if name.startswith(start) else []
        run = subprocess.run(command, capture_output=True, text=True)
        print(" ".join(command[2:]), run.returncode)
        if run.returncode != 0:
            print(run.stdout + run.stderr)
            status = 1
sys.exit(status)
