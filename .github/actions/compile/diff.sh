#!/usr/bin/env bash
# Says what the pull request does to the fleet: annotations here, and a file for each further reader.
set -euo pipefail
here="$RUNNER_TEMP/edgewright"
base="${BASE:-origin/$GITHUB_BASE_REF}"
arguments=("$base" "$SPEC" --output "$OUTPUT" --format github)
for name in $ENVIRONMENTS; do arguments+=(--env "$name"); done
for ending in md html sarif; do arguments+=(--report "$here/diff.$ending"); done
if [ -n "$FAIL_ON" ]; then arguments+=(--fail-on "$FAIL_ON"); fi
rm -f "$here"/diff.*
status=0
"$here/bin/edgewright" diff "${arguments[@]}" || status=$?
compared=false
if [ -s "$here/diff.md" ]; then compared=true; fi
printf 'status=%s\ncompared=%s\n' "$status" "$compared" >> "$GITHUB_OUTPUT"
