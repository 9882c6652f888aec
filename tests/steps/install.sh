# Installs what the tests need and finds missing; sourced by tests/run.

minimum=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
[[ $minimum == *.*.* ]] || minimum=$minimum.0

install_all() {
  debian_packages
  rust_parts
  cargo_tools
  foreign_clients
}

# Debian's chromium drives the page, curl follows the server, script gives the program a terminal; node and python run other clients.
debian_packages() {
  local missing=()
  command -v chromium > /dev/null || missing+=(chromium)
  command -v curl > /dev/null || missing+=(curl)
  command -v script > /dev/null || missing+=(bsdutils)
  command -v node > /dev/null || missing+=(nodejs)
  command -v npm > /dev/null || missing+=(npm)
  command -v python3 > /dev/null || missing+=(python3)
  python3 -c 'import ensurepip, venv' 2> /dev/null || missing+=(python3-venv)
  [[ -x /usr/sbin/nginx ]] || missing+=(nginx-light)
  command -v cc > /dev/null || missing+=(gcc libc6-dev)
  command -v c++ > /dev/null || missing+=(g++)
  if $long; then command -v valgrind > /dev/null || missing+=(valgrind); fi
  if $long; then command -v slowhttptest > /dev/null || missing+=(slowhttptest); fi
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

# SSE clients of others, from npm and PyPI, in the versions that the lists beside them name; once they are there, nothing is asked for.
foreign_clients() {
  local from=tests/support/clients to=target/clients
  mkdir -p "$to"
  if ! cmp -s "$from/package-lock.json" "$to/npm-done"; then
    cp "$from/package.json" "$from/package-lock.json" "$to"
    npm ci --prefix "$to" --ignore-scripts --no-audit --no-fund \
      || { echo "needs the packages of $from/package.json; run: npm ci --prefix $to" >&2; return 1; }
    cp "$from/package-lock.json" "$to/npm-done"
  fi
  if ! cmp -s "$from/requirements.txt" "$to/pip-done"; then
    python3 -m venv --clear "$to/venv"
    "$to/venv/bin/pip" install -q --no-deps -r "$from/requirements.txt" \
      || { echo "needs the packages of $from/requirements.txt; run: $to/venv/bin/pip install -r $from/requirements.txt" >&2; return 1; }
    cp "$from/requirements.txt" "$to/pip-done"
  fi
}
