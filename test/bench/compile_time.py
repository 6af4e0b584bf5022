"""How long attn-run takes to compile a module, and to start from its cache.

usage: compile_time.py ATTN_RUN MODULE [--bars] [attn-run options...]

With --bars it fails where the fastest compilation takes 2 s or the fastest
cached start 0.3 s: the fastest, since other work on the machine is no part of
either.
"""

import re
import subprocess
import sys
import tempfile
import time


def run(command):
    start = time.monotonic()
    result = subprocess.run(command, capture_output=True, text=True)
    seconds = time.monotonic() - start
    if result.returncode != 0:
        sys.exit("compile_time.py: " + (result.stderr or result.stdout).strip())
    return seconds, result.stdout + result.stderr


def main():
    arguments = [a for a in sys.argv[1:] if a != "--bars"]
    if len(arguments) < 2:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as cache:
        command = arguments + ["--random=1", "--cache-dir=" + cache]
        compiled = []
        for _ in range(5):
            _, text = run(command + ["--no-cache"])
            compiled.append(float(re.search(r"compiled in ([0-9.]+) s", text).group(1)))
            phases = re.search(r"\((parse .*)\)", text).group(1)
        run(command)
        started = []
        for _ in range(9):
            seconds, text = run(command)
            if "cached" not in text:
                sys.exit("compile_time.py: the second run did not hit the cache")
            started.append(seconds)
    for name, times in ("compile", compiled), ("cached start and run", started):
        times.sort()
        print("%-21s median %.3f s, least %.3f s" % (name, times[len(times) // 2], times[0]))
    print("phases of the last compilation: " + phases)
    if "--bars" in sys.argv and (compiled[0] >= 2.0 or started[0] >= 0.3):
        sys.exit("compile_time.py: above the bars of 2 s and 0.3 s")


main()
