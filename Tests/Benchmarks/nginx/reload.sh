#!/bin/sh
# Reloads a server and waits until it serves the certificate of its file: the activation of those who have none of their own.
#
#   reload.sh FOLDER NAME
set -eu
cd "$1/parts/$2"
kill -HUP "$(cat server.pid)"
wanted=$(openssl x509 -in server.pem -noout -fingerprint)
until [ "$(openssl s_client -connect "127.0.0.1:$(cat port)" </dev/null 2>/dev/null | openssl x509 -noout -fingerprint 2>/dev/null)" = "$wanted" ]; do
  sleep 0.01
done
