#ifndef REROOT_COPENSSL_TLS_H
#define REROOT_COPENSSL_TLS_H

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#endif
