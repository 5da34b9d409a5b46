# Runs node's tests, and says at the end what was left out and what failed; test/run and test/cluster/run read it.
# shellcheck shell=bash disable=SC2154,SC2120 # its readers set `scratch` and say what options and files they know
# Written for bash 3.2, which is what macOS has.

selected=()
options=()

# The comment at the head of the script.
usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p;}' "$0"; }

# Options go to `node --test` unless own_option takes them; the rest go to select_tests.
read_arguments() {
  local argument
  for argument in "$@"; do
    case "$argument" in
      --help | -h) usage; exit 0 ;;
      -*) own_option "$argument" || options+=("$argument") ;;
      *) select_tests "$argument" ;;
    esac
  done
}

check_node() {
  if [ ! -d node_modules ]; then
    echo "$0: the packages are not installed yet; run: npm ci" >&2
    exit 1
  fi
  local version
  if ! version=$(node --version); then
    echo "$0: Node does not start; if it lacks libatomic.so.1, run: apt-get install libatomic1" >&2
    exit 1
  fi
  case "$version" in
    v24.* | v2[5-9].* | v[3-9][0-9].*) ;;
    *)
      echo "$0: this is Node $version; the tests need 24.21 or later. On Linux npm brings it (npm ci), elsewhere install it from nodejs.org" >&2
      exit 1
      ;;
  esac
}

# Live files and stories wait most of the time: so many run at once, beside the others. Its readers may set another number.
live_at_once=3

# run_tests COMMAND…: the selected tests, by a command that runs another (as `env` does). Results of all parts: $scratch/results.
# The files that need no time but the processor's run as many at once as there are cores. Beside them, and before them when the processor is short, run
# *.live.test.ts, which play dialogues in real time, and the stories of a cluster; first those with a line `// Runs first: WHY`, which take long.
# A file with the line `// Runs alone: WHY` at its head runs alone; these come last, in the order in which they were selected.
run_tests() {
  local file pure=() live=() early=() alone=() failed=0
  for file in ${selected[@]+"${selected[@]}"}; do
    if grep -q '^// Runs alone: ' "$file"; then alone+=("$file"); else
      case "$file" in
        *.live.test.* | *.cluster.test.*) if grep -q '^// Runs first: ' "$file"; then early+=("$file"); else live+=("$file"); fi ;;
        *) pure+=("$file") ;;
      esac
    fi
  done
  live=(${early[@]+"${early[@]}"} ${live[@]+"${live[@]}"})
  ulimit -n "$(ulimit -Hn)" 2>/dev/null || true
  : >"$scratch/results"
  if [ ${#pure[@]} = 0 ] && [ ${#live[@]} = 1 ]; then
    alone=("${live[@]}" ${alone[@]+"${alone[@]}"})
  elif [ ${#live[@]} -gt 0 ]; then
    start_lanes "$@"
    await_lanes || failed=1
  elif [ ${#pure[@]} -gt 0 ]; then
    node_test "$(cores)" "$scratch/results" "${pure[@]}" -- "$@" || failed=1
  fi
  # One call for each: `node --test` would sort them.
  for file in ${alone[@]+"${alone[@]}"}; do node_test 1 "$scratch/results" "$file" -- "$@" || failed=1; done
  [ $failed = 0 ] || run_failed_files_again "$@"
}

# What runs at the same time, each with results of its own. In process groups, so that stop_lanes ends what they have started.
lanes=()
start_lanes() {
  local lane
  set -m
  if [ ${#pure[@]} -gt 0 ]; then
    node_test "$(cores)" "$scratch/results.pure" "${pure[@]}" -- nice -n 5 "$@" </dev/null &
    lanes+=($!)
  fi
  for ((lane = 1; lane <= live_at_once && lane <= ${#live[@]}; lane++)); do
    take_live_files $lane "$@" </dev/null &
    lanes+=($!)
  done
  set +m
}

await_lanes() {
  local lane failed=0
  for lane in ${lanes[@]+"${lanes[@]}"}; do wait "$lane" || failed=1; done
  lanes=()
  cat "$scratch"/results.{pure,live-*} >>"$scratch/results" 2>/dev/null || true
  return $failed
}

stop_lanes() {
  local lane
  for lane in ${lanes[@]+"${lanes[@]}"}; do kill -TERM -- "-$lane" 2>/dev/null || true; done
}

# take_live_files LANE COMMAND…: runs the live files that no other lane has taken, one after another. What a file prints is shown when it ends.
take_live_files() {
  local lane=$1 nth=0 file failed=0
  shift
  for file in "${live[@]}"; do
    nth=$((nth + 1))
    mkdir "$scratch/taken-$nth" 2>/dev/null || continue
    node_test 1 "$scratch/results.live-$lane" "$file" -- "$@" >"$scratch/shown-$lane" 2>&1 || failed=1
    cat "$scratch/shown-$lane"
  done
  return $failed
}

cores() { getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1; }

# node_test AT-ONCE RESULTS FILE… -- COMMAND…: runs test files and adds what test/results.ts says of them to RESULTS.
# Modules are compiled once for all files: half of the time of a small test goes into that.
node_test() {
  local at_once=$1 results=$2 files=() result=0
  shift 2
  while [ "$1" != -- ]; do
    files+=("$1")
    shift
  done
  shift
  NODE_COMPILE_CACHE=$scratch/compiled "$@" node --test --test-concurrency="$at_once" --test-timeout=1200000 \
    --test-reporter=spec --test-reporter-destination=stdout --test-reporter=./test/results.ts --test-reporter-destination="$results.part" \
    ${options[@]+"${options[@]}"} ${files[@]+"${files[@]}"} || result=$?
  cat "$results.part" >>"$results" 2>/dev/null || true
  rm -f "$results.part"
  return $result
}

# So many files do not fail by chance.
again_at_most=10

# With CI=true: the machine may have stood still for seconds, so each failed file runs once more, alone. What then passes is named as flaky;
# a failure that repeats is a failure. FLAKY_TESTS is a file that collects these names over several runs.
run_failed_files_again() {
  [ "${CI:-false}" = true ] || return 1
  local file files=() repeated=()
  while IFS= read -r file; do files+=("$file"); done < <(awk -F'\t' '/^failed-file\t/ && !seen[$2]++ { print $2 }' "$scratch/results" 2>/dev/null)
  if [ ${#files[@]} = 0 ] || [ ${#files[@]} -gt $again_at_most ]; then return 1; fi
  : >"$scratch/flaky"
  for file in "${files[@]}"; do
    printf '\n%s failed. It runs once more, alone.\n' "$file"
    if node_test 1 "$scratch/again" "$file" -- "$@"; then
      awk -F'\t' -v file="$file" '/^failed-file\t/ && $2 == file { print "flaky: " $2 ": " $3 }' "$scratch/results" | tee -a "${FLAKY_TESTS:-/dev/null}" >>"$scratch/flaky"
    else
      repeated+=("$file")
    fi
  done
  [ ${#repeated[@]} = 0 ]
}

# Prints the skipped tests, one group for each reason.
left_out() {
  awk '/^left-out/' "$scratch/results" | sort | awk -F'\t' '{ if ($2 != last) print "  " $2 ":"; last = $2; print "    - " $3 }'
}

# The files that took most of the time: what to look at when a run gets too long.
tell_longest() {
  printf '\nThe longest files, in seconds:\n'
  awk -F'\t' '/^took\t/ { print $2 "\t" $3 }' "$scratch/results" | sort -rn | head -n "$1" | awk -F'\t' '{ printf "%7.1f  %s\n", $1, $2 }'
}

# The closing words; say_missing adds what the machine lacks.
summarise() {
  local missing skipped
  if ! grep -q '^tests.*[1-9]' "$scratch/results" 2>/dev/null; then
    echo 'No test was found.' >&2
    return 1
  fi
  [ "${CI:-false}" != true ] || tell_longest 25
  missing=$(say_missing)
  skipped=$(left_out)
  if [ -z "$missing" ] && [ -z "$skipped" ]; then
    echo 'Nothing was left out.'
    return 0
  fi
  [ -z "$skipped" ] || printf '\nLeft out:\n%s\n' "$skipped"
  [ -z "$missing" ] || printf '%s\n' "$missing"
  if [ "${CI:-false}" = true ]; then
    printf '\nWith CI=true nothing may be left out: failed.\n'
    return 1
  fi
}

# The very last words, since CI keeps the end of its log only: the tests that failed, and those of them that passed in their second run.
# When tests of several parts failed, each part has its first lines here.
tell_failed_tests() {
  awk -F'\t' -v most=30 '
    /^tests\t/ { told = 0 }
    /^failed\t/ { parts += !told }
    /^failed\t/ { sub(/^failed\t/, ""); line[++lines] = $0; part[lines] = parts; place[lines] = ++told }
    END {
      for (i = 1; i <= lines; i++) {
        if (place[i] == 1) print ""
        if (parts == 1 || place[i] <= most) print line[i]
      }
    }' "$scratch/results" 2>/dev/null || true
  cat "$scratch/flaky" 2>/dev/null || true
}
