# Shared by the other scripts: finds or installs what they need. Sourced, not run.
# shellcheck shell=bash

# What the build needs: headers of OpenSSL, SQLite, libmicrohttpd, of GnuTLS, which libmicrohttpd's TLS is made of, of PKCS#11,
# and of zlib.
# shellcheck disable=SC2034
build_packages=(libssl-dev libsqlite3-dev libmicrohttpd-dev libgnutls28-dev libp11-kit-dev zlib1g-dev)

# The real servers of the tests, with the clients that connect to them.
# shellcheck disable=SC2034
server_packages=(nginx-light haproxy postgresql mosquitto mosquitto-clients redis-server procps sqlite3)

# Other machines of the tests: an SSH server, a shell and tools of another kind, namespaces; a hardware module in software; what
# shows every program that is started.
# shellcheck disable=SC2034
host_packages=(openssh-client openssh-server busybox sudo iproute2 slowhttptest strace softhsm2 libsofthsm2 opensc)

# What breaks calls and disks: a compiler for the library that is preloaded, and a file system for a disk of its own.
host_packages+=(gcc libc6-dev e2fsprogs)

# What the command line and the examples are tried with: shells that complete it, what reads its manual page, jq.
host_packages+=(zsh fish man-db groff mandoc jq uuid-runtime)
# What checks the measures and the alerts: promtool. The server of the package is not started.
host_packages+=(prometheus)

# Those that the presets are tried with beside them.
# shellcheck disable=SC2034
preset_packages=(
  apache2 mariadb-server rabbitmq-server postfix dovecot-imapd slapd ldap-utils openjdk-17-jdk-headless
)

# What makes the Debian package, and what tries it: a clean Debian in a folder, a checker, the judge of the unit.
# shellcheck disable=SC2034
package_packages=(dpkg-dev binutils patchelf)
host_packages+=("${package_packages[@]}" debootstrap lintian systemd)

# What the benchmark compares with, and what it measures with.
# shellcheck disable=SC2034
bench_packages=(golang-cfssl ansible nginx-light libnginx-mod-nchan wrk openssh-client openssh-server linux-perf)

# Installs those of the named Debian packages that are missing; does nothing when none is. None of their services is
# started: a server of the tests is started by its test.
install_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "Installing ${missing[*]}"
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "Please install as root: apt-get install ${missing[*]}" >&2; exit 1; }
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update -qq
  # What refuses to start services is looked for at one place only, see invoke-rc.d(8); it is not to be left there.
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive sh -eu -c '
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
      trap "rm -f $policy" EXIT
      trap "exit 1" HUP INT TERM
      printf "#!/bin/sh\nexit 101\n" >"$policy"
      chmod 755 "$policy"
    fi
    apt-get install -y -qq "$@" >/dev/null
  ' install "${missing[@]}"
}

# Puts a Swift 6 toolchain on the path, or says where to get one.
find_swift() {
  local folder
  for folder in "" /opt/swift/usr/bin /opt/swift/bin /usr/lib/swift/bin "$HOME/.local/share/swiftly/bin"; do
    [ -z "$folder" ] || [ -x "$folder/swift" ] || continue
    if PATH="${folder:+$folder:}$PATH" swift --version 2>/dev/null | grep -qE 'Swift version ([7-9]|6\.[1-9])'; then
      PATH="${folder:+$folder:}$PATH"
      export PATH
      return 0
    fi
  done
  echo "Reroot needs a Swift toolchain, version 6.1 or newer; get one from https://www.swift.org/install" >&2
  exit 1
}

# Makes a Python environment with the packages of a requirements file, unless it is there and unchanged.
install_python() {
  local requirements=$1 folder=$2
  if [ -x "$folder/bin/python" ] && cmp -s "$requirements" "$folder/requirements.txt"; then return 0; fi
  python3 -m venv "$folder"
  "$folder/bin/pip" install -q --disable-pip-version-check -r "$requirements"
  cp "$requirements" "$folder/requirements.txt"
}
