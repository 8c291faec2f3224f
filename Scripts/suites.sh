# Shared by Scripts/test and Scripts/long: runs suites, counts what has passed and failed, and tells it. Sourced, not run.
# shellcheck shell=bash

passed=0
failed=0
status=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Adds a suite's counts to the sum. A suite that ended badly, or counted nothing, is a failure whatever it printed.
count() {
  local name=$1 good=$2 bad=$3 code=$4
  if [ "$code" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
  if [ $((good + bad)) -eq 0 ]; then bad=1; fi
  printf '== %s: %d passed, %d failed\n' "$name" "$good" "$bad"
  passed=$((passed + good))
  failed=$((failed + bad))
  [ "$bad" -eq 0 ] || status=1
}

number() { grep -oE "$1" "$log" | tail -n 1 | grep -oE '[0-9]+' | head -n 1 || true; }

# Runs some of the Swift tests under a name, all of them unless a filter is given.
run_swift_tests() {
  local name=$1 code total bad
  shift
  set +e
  # One after another: tests of time limits must not wait for a core.
  # There is no XCTest among them, whose runner leaks.
  swift test "${build_options[@]}" --disable-xctest --no-parallel "$@" 2>&1 | tee "$log" |
    grep -vE '^(◇|✔|\[[0-9]+/[0-9]+\])'
  code=${PIPESTATUS[0]}
  set -e
  total=$(number 'Test run with [0-9]+ tests?')
  bad=$(grep -E '^✘ Test ("|[A-Za-z_]).* failed after' "$log" | grep -vc '^✘ Test run with' || true)
  count "$name" $((${total:-0} - bad)) "$bad" "$code"
}

# A skipped test has shown nothing: it counts as failed, unless REROOT_MAY_SKIP is set (tests that need root, say).
run_pytest() {
  local name=$1 code summary good bad skipped
  shift
  set +e
  Tests/.venv/bin/python -m pytest -q --tb=short -rs "$@" 2>&1 | tee "$log"
  code=${PIPESTATUS[0]}
  set -e
  summary=$(tail -n 1 "$log")
  part() { grep -oE "[0-9]+ ($1)" <<<"$summary" | grep -oE '[0-9]+' | awk '{ sum += $1 } END { if (NR) print sum }' || true; }
  good=$(part passed) bad=$(part 'failed|errors?') skipped=$(part skipped)
  if [ -z "${REROOT_MAY_SKIP:-}" ]; then bad=$((${bad:-0} + ${skipped:-0})); fi
  count "$name" "${good:-0}" "${bad:-0}" "$code"
}

# Feeds hostile bytes to each reader for so many seconds.
run_fuzz() {
  local code summary
  set +e
  Scripts/fuzz "$1" 2>&1 | tee "$log"
  code=${PIPESTATUS[0]}
  set -e
  summary=$(tail -n 1 "$log")
  [[ $summary =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]] || summary=
  count fuzz "${BASH_REMATCH[1]:-0}" "${BASH_REMATCH[2]:-0}" "$code"
}

# The last line, and the end.
tell() {
  printf '%d passed, %d failed\n' "$passed" "$failed"
  exit "$status"
}
