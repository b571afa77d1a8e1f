#!/usr/bin/env bash
# Brings what the commit compiles to onto the branches that the engines read.
set -euo pipefail
# shellcheck source=/dev/null
source "$(dirname "$0")/git.sh"
arguments=("$SPEC")
for name in $ENVIRONMENTS; do arguments+=(--env "$name"); done
if [ "$PROPOSED" = true ]; then arguments+=(--proposed); fi
edgewright publish "${arguments[@]}" | tee -a "$GITHUB_STEP_SUMMARY"
