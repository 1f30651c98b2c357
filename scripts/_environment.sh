# Sourced by scripts/demo and scripts/test: makes .venv and installs the project into it, once per change of its pins.
# CPU torch on a machine without an NVIDIA GPU, so that no gigabytes of CUDA are fetched for nothing.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv="$root/.venv"
python="$venv/bin/python"
everything=benchmark,cluster,demo,dev,dicom,reproduce,scene,test,train

find_python() {
    local candidate
    for candidate in python3.12 python3.11 python3; do
        if command -v "$candidate" >/dev/null &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    echo "Python 3.11 or 3.12 is needed and was not found: install it (Debian: apt-get install python3 python3-venv)." >&2
    return 1
}

install_torch() {
    local wanted
    wanted=$(grep '^torch==' "$root/constraints.txt")
    "$python" -c "import torch, sys; sys.exit(torch.__version__.split('+')[0] != '${wanted#torch==}')" 2>/dev/null && return
    if command -v nvidia-smi >/dev/null; then
        "$python" -m pip install --quiet "$wanted"
        return
    fi
    # The CPU build, from PyTorch's own index; where that cannot be reached, the wheel that pip finds. If that one is a
    # CUDA build, installing the project brings its libraries too: it does not load without them.
    "$python" -m pip install --quiet --retries 0 --timeout 8 \
        --index-url https://download.pytorch.org/whl/cpu "$wanted" 2>/dev/null ||
        { "$python" -m pip install --quiet filelock typing-extensions sympy networkx jinja2 fsspec 'setuptools<82' &&
            "$python" -m pip install --quiet --no-deps "$wanted"; }
}

# prepare EXTRAS: an environment with the project and its optional dependencies, e.g. prepare demo,test
prepare() {
    local stamp="$venv/.installed-$1"
    local state
    state=$(cat "$root/pyproject.toml" "$root/constraints.txt" "$root/scripts/_environment.sh" | sha256sum)
    if [ -x "$python" ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$state" ]; then
        return
    fi
    local base
    base=$(find_python)
    echo "Installing into $venv (some minutes the first time) ..." >&2
    [ -x "$python" ] || "$base" -m venv "$venv"
    "$python" -m pip install --quiet --upgrade pip
    install_torch
    "$python" -m pip install --quiet --constraint "$root/constraints.txt" --editable "$root[$1]"
    echo "$state" >"$stamp"
}
