#!/bin/sh
# Runs a script on the host of a component, whose name is the last word.
#
#   far.sh CONFIGURATION SCRIPT… NAME
set -eu
configuration=$1
shift
for name in "$@"; do :; done
exec ssh -F "$configuration" "$name" sh "$@"
