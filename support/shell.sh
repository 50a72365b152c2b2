# Helpers of ./run and ./test. Sourced; sets root, the absolute path of the source tree.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
me=$(basename "$0")

say() { echo "$me: $*" >&2; }
die() {
  say "$*"
  exit 1
}

# Names of the packages of the given sets (build, test) that are not installed.
packages_missing() {
  local wanted
  wanted=$(awk -v sets=" $* " '!/^#/ && index(sets, " " $1 " ") { print $2 }' "$root/support/packages")
  # shellcheck disable=SC2086
  { dpkg-query -W -f '${Package} ${db:Status-Status}\n' $wanted 2>/dev/null || true; } |
    awk '$2 == "installed" { print $1 }' | sort -u | comm -13 - <(sort -u <<<"$wanted")
}

# Installs what is missing of the given sets of packages; needs root only if something is.
ensure_packages() {
  command -v dpkg-query >/dev/null || die "needs Debian's packages: see support/packages"
  local missing
  missing=$(packages_missing "$@" | xargs)
  [ -n "$missing" ] || return 0
  if dpkg-query -W -f '${db:Status-Status}' libboost1.81-dev 2>/dev/null | grep -qx installed; then
    die "libboost1.81-dev is installed and conflicts with libboost-dev; remove it first:" \
      "apt-get remove libboost1.81-dev"
  fi
  [ "$(id -u)" = 0 ] || die "missing packages; as root: apt-get install $missing"
  say "installing: $missing"
  apt-get update -q >&2 || die "apt-get update failed"
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing >&2 ||
    die "apt-get install failed"
}

# build PRESET [TARGET...]: configures if that was not done yet, then builds.
build() {
  local preset=$1
  shift
  local directory=$root/build/$preset
  if [ ! -e "$directory/build.ninja" ] || [ "$root/CMakePresets.json" -nt "$directory/build.ninja" ]; then
    say "configuring $preset in build/$preset"
    (cd "$root" && cmake --preset "$preset") >&2 || return 1
    touch "$directory/build.ninja"
  fi
  say "building $preset${*:+ ($*)}"
  flock "$directory" ninja -C "$directory" "$@" >&2 # two builds at once would damage each other
}
