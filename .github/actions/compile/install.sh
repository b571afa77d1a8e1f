#!/usr/bin/env bash
# Installs edgewright into a place of its own: the release that is named, or the one that this
# action lies in, so that action and compiler are always of one commit.
set -euo pipefail
place="$RUNNER_TEMP/edgewright"
python3 -m venv "$place"
if [ -n "${VERSION:-}" ]; then
  what="edgewright$VERSION"
else
  what="$(cd "$(dirname "$0")/../../.." && pwd)"
fi
"$place/bin/pip" install --quiet --disable-pip-version-check "$what"
echo "$place/bin" >> "$GITHUB_PATH"
