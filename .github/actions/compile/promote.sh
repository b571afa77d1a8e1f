#!/usr/bin/env bash
# Takes rollouts one step on where their sites are ready, or back where too many failed: by a commit,
# or by a pull request. A rollout that has to wait is no failure.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
# shellcheck source=/dev/null
source "$here/git.sh"
environment=()
if [ -n "$ENVIRONMENT" ]; then environment=(--env "$ENVIRONMENT"); fi
said="$RUNNER_TEMP/promoted.txt"
: > "$said"
failed=0
for job in $JOBS; do
  status=0
  edgewright promote "$job" "$SPEC" --if-ready "${environment[@]}" >> "$said" || status=$?
  # 3: it waits, or was taken back. The others are asked all the same.
  if [ "$status" != 0 ] && [ "$status" != 3 ]; then failed=$status; fi
done
{ echo '```'; cat "$said"; echo '```'; } >> "$GITHUB_STEP_SUMMARY"
if [ -z "$(git status --porcelain -- "$SPEC")" ]; then
  echo "nothing moves"
  exit "$failed"
fi
branch="$(git branch --show-current)"
target="$branch"
title="Promote ${JOBS// /, }"
if [ -n "$OUTPUT" ]; then
  edgewright compile "$SPEC" --output "$OUTPUT"
  git add -- "$OUTPUT"
fi
git add -- "$SPEC"
git commit --quiet --message "$title" --message "$(cat "$said")"
if [ "$HOW" = commit ]; then
  git push --quiet origin "HEAD:refs/heads/$target"
else
  target="edgewright/promote-${branch//\//-}"
  # The branch is this workflow's own, made anew from where the rollout is now. What is there already
  # is left alone, so that its checks are not started again each time.
  if ! git diff --quiet "refs/remotes/origin/$target" HEAD 2> "$RUNNER_TEMP/ignored.txt" ||
    [ "$(git merge-base "refs/remotes/origin/$target" HEAD)" != "$(git rev-parse HEAD~1)" ]; then
    git push --quiet --force origin "HEAD:refs/heads/$target"
  fi
  { echo '```'; cat "$said"; echo '```'; } > "$RUNNER_TEMP/proposal.md"
  TOKEN="$GIT_TOKEN" python3 "$here/proposal.py" "$target" "$branch" "$title" "$RUNNER_TEMP/proposal.md"
fi
exit "$failed"
