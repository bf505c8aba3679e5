#!/usr/bin/env bash
# Install the SoliDB server from its crate, unless there is one already. Building takes up to an hour.
set -euo pipefail

version=2.6.0

found=${SOLIDB_BIN:-$(command -v solidb || true)}
found=${found:-${CARGO_HOME:-$HOME/.cargo}/bin/solidb}
if [[ -x $found ]]; then
    echo "SoliDB server: $found"
    exit 0
fi
if [[ -n ${SOLIDB_BIN:-} ]]; then
    echo "SOLIDB_BIN names $SOLIDB_BIN, which can't be run. Correct it or unset it." >&2
    exit 1
fi

PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
if ! command -v cargo >/dev/null; then
    echo "The SoliDB server is built with cargo: install Rust first, see https://rustup.rs" >&2
    exit 1
fi

missing=()
for package in clang libclang-dev cmake pkg-config; do
    state=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
    [[ $state == *"ok installed" ]] || missing+=("$package")
done
if command -v apt-get >/dev/null && ((${#missing[@]})); then
    if ((EUID != 0)); then
        echo "The build needs Debian packages: sudo apt-get install ${missing[*]}" >&2
        exit 1
    fi
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}"
fi

# Without link-time optimisation the build takes half the time and far less memory.
CARGO_PROFILE_RELEASE_LTO=off cargo install solidb --version "$version" --locked
