# Installs what the tests need and finds missing; sourced by tests/run.

minimum=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
[[ $minimum == *.*.* ]] || minimum=$minimum.0

install_all() {
  debian_packages
  rust_parts
  cargo_tools
}

# Debian's chromium drives the page, curl follows the server, script gives the program a terminal.
debian_packages() {
  local missing=()
  command -v chromium > /dev/null || missing+=(chromium)
  command -v curl > /dev/null || missing+=(curl)
  command -v script > /dev/null || missing+=(bsdutils)
  [[ -x /usr/sbin/nginx ]] || missing+=(nginx-light)
  command -v cc > /dev/null || missing+=(gcc libc6-dev)
  command -v c++ > /dev/null || missing+=(g++)
  if $long; then command -v valgrind > /dev/null || missing+=(valgrind); fi
  ((${#missing[@]} == 0)) && return
  local sudo=()
  if (($(id -u) != 0)); then
    if ! sudo -n true 2> /dev/null; then
      echo "needs Debian packages; run: sudo apt-get update && sudo apt-get install -y ${missing[*]}" >&2
      return 1
    fi
    sudo=(sudo -n)
  fi
  "${sudo[@]}" apt-get update -q
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
}

rust_parts() {
  command -v rustup > /dev/null || { echo 'needs rustup; see https://rustup.rs' >&2; return 1; }
  rustup component list --installed | grep -q '^clippy' || rustup component add clippy
  rustup component list --installed | grep -q '^rustfmt' || rustup component add rustfmt
  rustup target add thumbv7em-none-eabi wasm32-unknown-unknown
  rustup toolchain list | grep -q "^$minimum-" || rustup toolchain install "$minimum" --profile minimal --no-self-update
}

cargo_tools() {
  command -v cargo-nextest > /dev/null || cargo install --locked cargo-nextest
  command -v cargo-fuzz > /dev/null || cargo install --locked cargo-fuzz
  if $long; then
    command -v cargo-mutants > /dev/null || cargo install --locked cargo-mutants
  fi
}
