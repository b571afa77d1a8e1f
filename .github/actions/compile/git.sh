# shellcheck shell=bash
# Lets Git write to this server, and to no other, as whoever GIT_TOKEN is; the token is in no file.
# shellcheck disable=SC2016 # Git's helper expands it, when it asks
git config --global "credential.$GITHUB_SERVER_URL.helper" \
  '!f() { echo username=x-access-token; echo "password=$GIT_TOKEN"; }; f'
git config --global user.name "${GIT_NAME:-github-actions[bot]}"
git config --global user.email "${GIT_EMAIL:-41898282+github-actions[bot]@users.noreply.github.com}"
