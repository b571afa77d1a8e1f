#!/usr/bin/env bash
# Compiles, or checks that the output is fresh, with findings on the lines of the pull request.
set -euo pipefail
here="$RUNNER_TEMP/edgewright"
arguments=("$SPEC" --output "$OUTPUT" --format github)
for name in $ENVIRONMENTS; do arguments+=(--env "$name"); done
if [ "$CHECK" = true ]; then arguments+=(--check); fi
status=0
"$here/bin/edgewright" compile "${arguments[@]}" > "$here/findings.txt" || status=$?
if [ "$DIFF" = true ] && [ "$GITHUB_EVENT_NAME" = pull_request ] && [[ "$status" == [04] ]]; then
  # What is compared is annotated with the same warnings: each is shown once.
  grep '^::error' "$here/findings.txt" || true
else
  cat "$here/findings.txt"
fi
{
  echo "status=$status"
  # What names of artifacts and categories may not hold is left out.
  echo "name=$(printf '%s' "$SPEC" | tr -c 'A-Za-z0-9._-' '-')"
} >> "$GITHUB_OUTPUT"
