#!/bin/sh
# tools/environment.sh VENV [WHAT]: make the virtual environment VENV if there is none,
# and install WHAT (`.`, or `.[dev]`) into it, editable. $PYTHON chooses the interpreter.
set -eu
venv=$1

say() {
  echo "$@" >&2
}

make_venv() {
  found=
  for python in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if $python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      found=$python
      break
    fi
  done
  if [ -z "$found" ]; then
    say 'namesrv needs Python 3.11 or newer and none was found: install one, or name it with make PYTHON=/path/to/python3.'
    exit 1
  fi
  if ! $found -c 'import ensurepip, venv' 2>/dev/null; then
    say "$found cannot make virtual environments: install the package python3-venv (apt-get install python3-venv), then run make again."
    exit 1
  fi
  echo "making $venv with $($found --version)"
  $found -m venv "$venv"
}

# NAMESRV_NO_EXTENSIONS as setup.py reads it: these words mean no.
pure_is_asked_for() {
  word=$(printf %s "${NAMESRV_NO_EXTENSIONS:-}" | tr '[:upper:]' '[:lower:]')
  case "$word" in '' | 0 | false | no | off) return 1 ;; esac
}

can_compile() {
  headers=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
  command -v "${CC:-cc}" >/dev/null 2>&1 && [ -f "$headers/Python.h" ]
}

# A build that cannot compile is pure Python, and says so. VENV/.fast marks the others.
install() {
  pure_is_asked_for || unset NAMESRV_NO_EXTENSIONS
  if ! pure_is_asked_for && ! can_compile; then
    say '*** No C compiler or no Python.h (packages gcc and python3-dev): this is a PURE PYTHON build, slower and otherwise the same. Install them and run make clean for the compiled one. ***'
    export NAMESRV_NO_EXTENSIONS=1
  fi
  echo "installing namesrv into $venv"
  rm -f "$venv/.fast"
  "$venv/bin/python" -m pip --disable-pip-version-check --quiet install --editable "$1"
  pure_is_asked_for || touch "$venv/.fast"
}

[ -x "$venv/bin/pip" ] || make_venv
[ $# -lt 2 ] || install "$2"
