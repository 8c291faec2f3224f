#ifndef REROOT_COPENSSL_H
#define REROOT_COPENSSL_H
#include <openssl/ssl.h>
#include <openssl/err.h>
#endif
