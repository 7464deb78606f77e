# Sourced by every script: one line for each effect, which tests count; then a pause or a failure that the test asked for by env.
# SLEEP_<name>=SECONDS pauses once on each host, between two lines of output; FAIL_<name>=HOST fails there until /run/mended exists.
effects=/var/log/seal-scenario
effect() {
  name=$1
  echo "$name on $(hostname) role ${NodeRole:-none}"
  eval "pause=\${SLEEP_$name:-}; failing=\${FAIL_$name:-}"
  if [ -n "$pause" ]; then
    echo "pausing $pause s"
    sleep "$pause"
  fi
  if [ "$failing" = "$(hostname)" ] && [ ! -e /run/mended ]; then
    echo "$name was told to fail on $(hostname)" >&2
    exit 7
  fi
  mkdir -p "$effects"
  echo "$name" >>"$effects/effects"
  echo "$name done"
}
