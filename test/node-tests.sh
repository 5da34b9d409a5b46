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
# Where files run that run alone: one at a time in each place. Its readers may set another number; `place` tells the command of run_tests which one.
places=1
place=1

# run_tests COMMAND…: the selected tests, by a command that runs another (as `env` does). Results of all parts: $scratch/results.
# The files that need no time but the processor's run as many at once as there are cores. Beside them, and before them when the processor is short, run
# *.live.test.ts, which play dialogues in real time, and the stories of a cluster. Many files share a process (may_share). A file with the line `// Runs alone: WHY` at its head runs alone; these
# come last, in the order in which they were selected. Where there are several places, all others run in the first one, and these in any.
# Files with the line `// Runs first: WHY`, which take long, are the first of their kind.
run_tests() {
  local failed=0 pure=() sharing=() live=() alone=()
  sort_selected
  ulimit -n "$(ulimit -Hn)" 2>/dev/null || true
  : >"$scratch/results"
  if [ ${#pure[@]} = 0 ] && [ ${#live[@]} = 1 ] && [ ${#alone[@]} = 0 ]; then
    alone=("${live[@]}")
    live=()
  fi
  for ((place = 2; place <= places; place++)); do in_background take_files alone "$place" "$@"; done
  place=1
  if [ ${#live[@]} = 0 ] && [ ${#sharing[@]} = 0 ]; then
    [ ${#pure[@]} = 0 ] || node_test "$(cores)" "$scratch/results" "${pure[@]}" -- "$@" || failed=1
  else
    run_at_once "$@" || failed=1
  fi
  take_files alone 1 "$@" || failed=1
  await_groups 0 || failed=1
  cat "$scratch"/results.{pure-*,live-*,alone-*} >>"$scratch/results" 2>/dev/null || true
  [ $failed = 0 ] || run_failed_files_again "$@"
}

sort_selected() {
  local file first
  for first in true false; do
    for file in ${selected[@]+"${selected[@]}"}; do
      if grep -q '^// Runs first: ' "$file"; then [ $first = true ] || continue; else [ $first = false ] || continue; fi
      if grep -q '^// Runs alone: ' "$file"; then alone+=("$file"); else
        case "$file" in
          *.live.test.* | *.cluster.test.*) live+=("$file") ;;
          *) if may_share "$file"; then sharing+=("$file"); else pure+=("$file"); fi ;;
        esac
      fi
    done
  done
  # It pays only when there are many.
  if [ ${#sharing[@]} -lt 20 ]; then
    pure+=(${sharing[@]+"${sharing[@]}"})
    sharing=()
  fi
}

# Whether a test file may share a process with others: it neither uses nor changes anything of the process, and starts nothing. To start a process and to
# load its modules takes longer than most of these files.
may_share() { ! grep -qE "process\.(env|chdir|on\(|kill|exit)|spawn|execFile|GatewayProcess|runGateway|globalThis|Worker\(|mock\.|unless\(|isPrimary|createServer|chmod" "$1"; }

# Process groups that run now: each is ended with all that it has started.
groups=()
in_background() {
  set -m
  "$@" </dev/null &
  groups+=($!)
  set +m
}

# await_groups FROM: those that were started last, without the first FROM of them.
await_groups() {
  local from=$1 group failed=0
  for group in ${groups[@]+"${groups[@]:$from}"}; do wait "$group" || failed=1; done
  groups=(${groups[@]+"${groups[@]:0:$from}"})
  return $failed
}

stop_all() {
  local group
  for group in ${groups[@]+"${groups[@]}"}; do kill -TERM -- "-$group" 2>/dev/null || true; done
}

# Live files, and beside them the pure ones.
run_at_once() {
  local lane elsewhere=${#groups[@]}
  for ((lane = 1; lane <= live_at_once && lane <= ${#live[@]}; lane++)); do in_background take_files live "$lane" "$@"; done
  for ((lane = 1; lane <= $(cores); lane++)); do in_background take_pure_files "$lane" "$(cores)" "$@"; done
  await_groups "$elsewhere"
}

# take_pure_files LANE LANES COMMAND…: its part of the pure files, first those that share a process.
take_pure_files() {
  local lane=$1 lanes=$2 mine failed=0
  shift 2
  every_nth "$lane" "$lanes" ${sharing[@]+"${sharing[@]}"}
  [ ${#mine[@]} = 0 ] || show_at_end "pure-$lane" isolated_test none "$scratch/results.pure-$lane" "${mine[@]}" -- "$@" nice -n 5 || failed=1
  every_nth "$lane" "$lanes" ${pure[@]+"${pure[@]}"}
  [ ${#mine[@]} = 0 ] || show_at_end "pure-$lane" node_test 1 "$scratch/results.pure-$lane" "${mine[@]}" -- "$@" nice -n 5 || failed=1
  return $failed
}

# every_nth FIRST N FILE…: sets `mine`.
every_nth() {
  local at=$1 step=$2
  shift 2
  mine=()
  for ((; at <= $#; at += step)); do mine+=("${!at}"); done
}

# What a command prints is shown when it ends.
show_at_end() {
  local shown=$scratch/shown-$1 result=0
  shift
  "$@" >"$shown" 2>&1 || result=$?
  cat "$shown"
  return $result
}

# take_files live|alone LANE COMMAND…: runs the files that no other lane has taken, one after another.
take_files() {
  local kind=$1 lane=$2 files=() nth=0 file failed=0
  shift 2
  case $kind in
    live) files=(${live[@]+"${live[@]}"}) ;;
    alone) files=(${alone[@]+"${alone[@]}"}) ;;
  esac
  for file in ${files[@]+"${files[@]}"}; do
    nth=$((nth + 1))
    mkdir "$scratch/$kind-$nth" 2>/dev/null || continue
    if [ "$kind" = alone ] && [ "$places" = 1 ]; then node_test 1 "$scratch/results.alone-1" "$file" -- "$@" || failed=1; else
      show_at_end "$kind-$lane" node_test 1 "$scratch/results.$kind-$lane" "$file" -- "$@" || failed=1
    fi
  done
  return $failed
}

cores() { getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1; }

# isolated_test process|none RESULTS FILE… -- COMMAND…: the files one after another, in a process each or in one for all.
isolated_test() {
  local options=("--test-isolation=$1" ${options[@]+"${options[@]}"})
  node_test 1 "${@:2}"
}

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
