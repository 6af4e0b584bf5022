"""exits.py CODE COMMAND...: runs it, shows its standard error, and fails unless
it exits with CODE. A failure must have told exactly one line that is an error.
"""

import subprocess
import sys

done = subprocess.run(sys.argv[2:], stderr=subprocess.PIPE,
                      stdout=subprocess.PIPE, text=True, errors="replace")
print(done.stderr, end="")
errors = [l for l in done.stderr.splitlines() if "error:" in l]
if done.returncode != int(sys.argv[1]):
    sys.exit("expected exit code %s, but got %d" % (sys.argv[1], done.returncode))
if done.returncode != 0 and len(errors) != 1:
    sys.exit("expected one line of error, but got %d" % len(errors))
