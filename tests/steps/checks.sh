# Counts the tests of each target and holds them against tests/steps/minimum; builds that prove something. Sourced by tests/run.

# Runs nextest and fails when a target ran fewer tests than the committed minimum (or is missing there).
counted() {
  local log
  log=$(mktemp)
  "$@" 2>&1 | tee "$log" || { rm -f "$log"; return 1; }
  local ran
  ran=$(sed 's/\x1b\[[0-9;]*m//g' "$log" | sed -n 's/^ *\(PASS\|FAIL\|FLAKY\|SLOW\) \[[^]]*\] \(([^)]*) \)\{0,1\}\([^ ]*\) .*/\1 \3/p' | grep -v '^SLOW' | cut -d' ' -f2 | sort | uniq -c)
  rm -f "$log"
  printf '\ntests run in each target:\n%s\n' "$ran"
  local count target least failed=0
  while read -r least target; do
    [[ -z $target || $least == '#'* ]] && continue
    count=$(awk -v t="$target" '$2 == t { print $1 }' <<< "$ran")
    if ((${count:-0} < least)); then
      echo "tests/run: $target ran ${count:-0} tests, at least $least expected (tests/steps/minimum)" >&2
      failed=1
    fi
  done < tests/steps/minimum
  while read -r count target; do
    grep -q " $target\$" tests/steps/minimum || { echo "tests/run: no minimum for $target in tests/steps/minimum" >&2; failed=1; }
  done <<< "$ran"
  total=$(awk '{ s += $1 } END { print s }' <<< "$ran")
  return $failed
}

summary() {
  printf '%d passed, 0 failed\n' "$total"
}

no_std_links() {
  cargo build --locked --manifest-path tests/no-std/Cargo.toml
  local library=tests/no-std/target/debug/libtidewire_no_std.a
  if nm -C "$library" 2> /dev/null | grep -E ' [TtWw] (<?std::|_?std::)' | grep -v 'core::' | head -n 3 | grep .; then
    echo 'the library holds symbols of std' >&2
    return 1
  fi
}

smol_without_tokio() {
  local package tree
  for package in tidewire-smol 'tidewire-http --features smol'; do
    # Unquoted: the features are words of their own.
    if tree=$(cargo tree --locked -p $package -e normal -i tokio 2>&1) && [[ $tree == tokio* ]]; then
      printf '%s\n' "$tree" >&2
      return 1
    fi
  done
}

# Each HTTP stack builds without the others, so that nobody gets one that he did not ask for.
stacks_alone() {
  local features
  for features in '' reqwest hyper tokio smol server axum; do
    cargo check --locked -p tidewire-http --no-default-features --features "$features"
  done
}

# Builds every fuzz target, replays its seeds and fuzzes it: with `runs N` the same N inputs each time, so that a run repeats; with
# `seconds N` new ones for N seconds, on from the corpus that is there. Stable toolchain: no sanitizer.
fuzz_targets() {
  local target log corpus limit
  log=$(mktemp)
  cargo fuzz build -s none
  for target in $(cargo fuzz list); do
    if [[ $1 == runs ]]; then
      corpus=$(mktemp -d)
      limit="-runs=$2 -seed=1"
    else
      corpus=fuzz/corpus/$target
      mkdir -p "$corpus"
      limit="-max_total_time=$2"
    fi
    # shellcheck disable=SC2086
    if ! cargo fuzz run -s none "$target" "$corpus" "fuzz/seeds/$target" -- $limit -print_final_stats=1 > "$log" 2>&1; then
      grep -a -m 1 -A 4 'panicked at' "$log" >&2 || true
      tail -n 40 "$log" >&2
      return 1
    fi
    printf '%-24s %s inputs\n' "$target" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
    [[ $1 == seconds ]] || rm -r "$corpus"
  done
  rm -f "$log"
}

# No mutant of the codecs and of the backoff survives, but for those that .cargo/mutants.toml names with a reason. One that hangs is
# caught, too.
mutation_tests() {
  local status=0
  cargo mutants -p tidewire-core --test-workspace=true --no-shuffle --jobs 1 --timeout 120 \
    -f 'core/src/sse/**' -f 'core/src/http/**' -f core/src/backoff.rs || status=$?
  ((status == 0 || status == 3))
}
