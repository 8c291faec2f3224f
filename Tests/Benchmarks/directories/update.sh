#!/bin/sh
# Updates one component as a person would script it.
#
#   update.sh trust|replace FOLDER KEY keep|write ACTIVATE LOG NAME
#
# `write` replaces the trust bundle together with the certificate.
set -eu
phase=$1 folder=$2 key=$3 bundle=$4 activate=$5 log=$6 name=$7
cd "$folder/parts/$name"

replace() {
  sync "$@"
  for file in "$@"; do
    place=${file#.}
    mv "$file" "${place%.new}"
  done
  sync .
}

if [ "$phase" = trust ]; then
  cp "$folder/bundle.pem" .roots.pem.new
  replace .roots.pem.new
  exec "$activate" "$log" "$name"
fi

case $key in
  p256) algorithm="ec -pkeyopt ec_paramgen_curve:P-256" ;;
  *) algorithm="rsa:2048" ;;
esac
# shellcheck disable=SC2086
(umask 077 && openssl req -x509 -CA "$folder/root.pem" -CAkey "$folder/root.key" -newkey $algorithm -nodes -sha256 -days 90 \
  -keyout .server.key.new -out .server.pem.new -subj "/CN=$name" -addext "subjectAltName=DNS:$name" \
  -addext basicConstraints=critical,CA:FALSE -addext keyUsage=critical,digitalSignature \
  -addext extendedKeyUsage=serverAuth,clientAuth 2>/dev/null)
chmod 644 .server.pem.new
files=".server.key.new .server.pem.new"
if [ "$bundle" = write ]; then
  cp "$folder/bundle.pem" .roots.pem.new
  files=".roots.pem.new $files"
fi
# shellcheck disable=SC2086
replace $files
"$activate" "$log" "$name"
openssl verify -CAfile "$folder/root.pem" server.pem >/dev/null
[ "$(openssl x509 -in server.pem -pubkey -noout)" = "$(openssl pkey -in server.key -pubout)" ]
