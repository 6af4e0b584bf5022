"""How long attn-run takes to compile a module, and to start from its cache.

usage: compile_time.py ATTN_RUN MODULE [--bars] [attn-run options...]

With --bars it fails where a run that compiles takes 2 s or a cached one 0.3 s of
processor time, the least of several: waiting for other work on the machine is
no part of either.
"""

import os
import re
import resource
import subprocess
import sys
import tempfile
import time


def run(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    result = subprocess.run(command, capture_output=True, text=True,
                            env=dict(os.environ, OMP_NUM_THREADS="1"))
    seconds = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
    if result.returncode != 0:
        sys.exit("compile_time.py: " + (result.stderr or result.stdout).strip())
    return seconds, processor, result.stdout + result.stderr


def main():
    arguments = [a for a in sys.argv[1:] if a != "--bars"]
    if len(arguments) < 2:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as cache:
        command = arguments + ["--random=1", "--cache-dir=" + cache]
        compiled, compiling = [], []
        for _ in range(5):
            _, processor, text = run(command + ["--no-cache"])
            compiling.append(processor)
            compiled.append(float(re.search(r"compiled in ([0-9.]+) s", text).group(1)))
            phases = re.search(r"\((parse .*)\)", text).group(1)
        run(command)
        started, starting = [], []
        for _ in range(9):
            seconds, processor, text = run(command)
            starting.append(processor)
            if "cached" not in text:
                sys.exit("compile_time.py: the second run did not hit the cache")
            started.append(seconds)
    for name, times in ("compile", compiled), ("cached start and run", started):
        times.sort()
        print("%-21s median %.3f s, least %.3f s" % (name, times[len(times) // 2], times[0]))
    print("phases of the last compilation: " + phases)
    print("processor time: %.3f s and %.3f s" % (min(compiling), min(starting)))
    if "--bars" in sys.argv and (min(compiling) >= 2.0 or min(starting) >= 0.3):
        sys.exit("compile_time.py: above the bars of 2 s and 0.3 s")


main()
