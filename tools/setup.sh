# What a build needs, for scripts to source: attn_setup installs missing Debian
# packages, attn_build configures and builds. Environment: ATTN_BUILD_DIR (default
# build), ATTN_JOBS (default: all cores, at 2 GiB of memory each), ATTN_CMAKE_ARGS.

ATTN_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
ATTN_BUILD_DIR=${ATTN_BUILD_DIR:-$ATTN_ROOT/build}

ATTN_PACKAGES=(
  libmlir-22-dev mlir-22-tools llvm-22-dev llvm-22-tools libomp-22-dev
  clang-22 lld-22 liblld-22-dev clang-format-22
  cmake ninja-build ccache
  libzstd-dev libcurl4-openssl-dev zlib1g-dev libedit-dev libxml2-dev
  libgtest-dev libbenchmark-dev nlohmann-json3-dev libzip-dev
  libfftw3-double3 libfftw3-single3
  python3 git ca-certificates
)

attn_say() { printf '== %s\n' "$*"; }

attn_missing_packages() {
  local package
  for package in "${ATTN_PACKAGES[@]}"; do
    if ! dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null |
        grep -qx installed; then
      printf '%s\n' "$package"
    fi
  done
}

attn_setup() {
  if ! command -v dpkg-query >/dev/null; then
    attn_say "setup: this is no Debian system, so nothing is installed; the build" \
      "looks for LLVM, MLIR and LLD 22.1, clang 22, CMake and Ninja"
    return
  fi
  local missing
  mapfile -t missing < <(attn_missing_packages)
  if ((${#missing[@]} == 0)); then
    attn_say "setup: all ${#ATTN_PACKAGES[@]} packages are present"
    return
  fi
  if (($(id -u) != 0)); then
    attn_say "setup: these packages are missing; install them as root and run this again:" >&2
    printf '  apt-get install %s\n' "${missing[*]}" >&2
    exit 2
  fi
  attn_say "setup: installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

attn_jobs() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/^MemTotal:/ { print int($2 / 2097152) }' /proc/meminfo)
  echo $((memory < 1 ? 1 : memory < cores ? memory : cores))
}

# attn_build [target...]
attn_build() {
  local jobs=${ATTN_JOBS:-$(attn_jobs)}
  attn_say "configure: $ATTN_BUILD_DIR"
  # shellcheck disable=SC2086 # several arguments are wanted
  (cd "$ATTN_ROOT" &&
    cmake --preset default -B "$ATTN_BUILD_DIR" ${ATTN_CMAKE_ARGS:-})
  attn_say "build: ${*:-everything} with $jobs jobs"
  ninja -C "$ATTN_BUILD_DIR" -j "$jobs" "$@"
}
