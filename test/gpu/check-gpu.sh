#!/bin/sh
# Runs all cases of a bundle (tools/bundle-gpu.sh) on the GPU and compares each
# with its reference in f64, computed on the host from the same random inputs.
#
#   check-gpu.sh [--sanitize]
#
# --sanitize runs each under compute-sanitizer's memcheck as well, recurrences and
# one in 20 cases of the sweep under racecheck too. Exit codes: 0 ok, 1 a case
# differs or fails, 4 no GPU.
here=$(cd "$(dirname "$0")" && pwd)
LD_LIBRARY_PATH=$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
run=$here/bin/attn-run-package
# A kernel that hangs is a failure, and must not hold the machine.
watchdog="timeout -k 5 ${ATTN_WATCHDOG:-60}"
SANITIZE=
if [ "${1:-}" = --sanitize ]; then
  SANITIZE=yes
fi

"$run" --ceilings || exit $?
passed=0
failed=0
for sizes in "$here"/cases/*.sizes; do
  name=$(basename "$sizes" .sizes)
  package=$here/cases/$name.attnpkg
  while read -r line; do
    # shellcheck disable=SC2086
    set -- $line
    set -- "$package" --random 1 "$@"
    if text=$($watchdog "$run" "$@" --check-with "$here/cases/$name.ref.attnpkg" 2>&1) &&
       { [ "$SANITIZE" = "" ] || text=$($watchdog compute-sanitizer --error-exitcode 1 \
           "$run" "$@" 2>&1); } &&
       { [ "$SANITIZE" = "" ] || [ "$name" = "${name#rec-}" ] ||
         text=$($watchdog compute-sanitizer --tool racecheck --error-exitcode 1 \
           "$run" "$@" 2>&1); }; then
      passed=$((passed + 1))
    else
      failed=$((failed + 1))
      echo "FAIL $name $line"
      echo "$text" | tail -4 | sed 's/^/  /'
    fi
  done < "$sizes"
done

# The sweep: eight cases a process, so that a lost context costs few. What a
# process that the watchdog ended has not said counts as failed.
log=$(mktemp)
ls "$here"/sweep/*.attnpkg |
  xargs -P 8 -n 8 $watchdog "$here/bin/attn-gpu-sweep" > "$log" 2> "$log.err"
for package in "$here"/sweep/*.attnpkg; do
  if grep -qx "PASS $package" "$log"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    grep -x "FAIL $package" "$log" || echo "FAIL $package (ended)"
  fi
done
head -40 "$log.err"
# One in 10 for the same bits in 200 calls.
for package in $(ls "$here"/sweep/*.attnpkg | awk 'NR % 10 == 1'); do
  if ATTN_SWEEP_REPEAT=200 $watchdog "$here/bin/attn-gpu-sweep" "$package" > "$log" 2>&1; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAIL repeat $package"
    tail -4 "$log"
  fi
done
if [ -n "$SANITIZE" ]; then
  for tool in memcheck racecheck; do
    for package in $(ls "$here"/sweep/*.attnpkg | awk 'NR % 20 == 1'); do
      if $watchdog compute-sanitizer --tool "$tool" --error-exitcode 1 \
           "$here/bin/attn-gpu-sweep" "$package" > "$log" 2>&1; then
        passed=$((passed + 1))
      else
        failed=$((failed + 1))
        echo "FAIL $tool $package"
        tail -4 "$log"
      fi
    done
  done
fi
rm -f "$log" "$log.err"
echo "check-gpu: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
