#ifndef REROOT_COPENSSL_H
#define REROOT_COPENSSL_H

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/decoder.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "COpenSSLTLS.h"

// What OpenSSL offers as macros only, or with variable arguments, neither of which Swift can call.

/// Frees memory that OpenSSL allocated for the caller (OPENSSL_free).
void reroot_free(void *memory);

/// The bytes that a memory BIO holds; valid until the BIO is written to or freed. NULL when there are none.
const unsigned char *reroot_bio_bytes(BIO *bio, size_t *count);

/// Writes a name as RFC 4514 has it, in UTF-8; below 0 when it fails.
int reroot_print_name(BIO *bio, const X509_NAME *name);

/// A decoder of private keys in PEM, which leaves each one in the slot and asks nobody for a pass phrase; NULL without
/// memory.
OSSL_DECODER_CTX *reroot_key_decoder(EVP_PKEY **slot);

/// A new RSA key of that many bits, or NULL (EVP_RSA_gen).
EVP_PKEY *reroot_generate_rsa(size_t bits);

/// A new elliptic-curve key on the named curve, or NULL (EVP_EC_gen).
EVP_PKEY *reroot_generate_ec(const char *curve);

/// A new key of a type without parameters, such as "ED25519", or NULL (EVP_PKEY_Q_keygen).
EVP_PKEY *reroot_generate_plain(const char *type);

/// The certificate's subject alternative names, or NULL; `present` is 0 when there is no such extension, so that
/// NULL with `present` 1 means an extension that does not parse.
GENERAL_NAMES *reroot_alternative_names(const X509 *certificate, int *present);
int reroot_alternative_name_count(const GENERAL_NAMES *names);
void reroot_alternative_names_free(GENERAL_NAMES *names);

/// One name: its GEN_… type, and its bytes where the type is a string or an address (otherwise NULL).
int reroot_alternative_name(const GENERAL_NAMES *names, int index, const unsigned char **bytes, size_t *count);

/// Sets the signature algorithm of a certificate that something else than OpenSSL signs, with NULL as its parameters or none
/// (RFC 3279 2.2.1, RFC 5758 3.2); 0 when it fails.
int reroot_set_signature_algorithm(X509 *certificate, int algorithm, int takes_null);
/// What is to be signed of it; the caller frees it. Below 1 when it fails.
int reroot_to_be_signed(X509 *certificate, unsigned char **bytes);
/// Sets the signature; 0 when it fails.
int reroot_set_signature(X509 *certificate, const unsigned char *bytes, int count);

/// A list of certificates, each of which it holds a reference to.
STACK_OF(X509) *reroot_certificates_new(void);
/// 1, or 0 when it fails.
int reroot_certificates_push(STACK_OF(X509) *list, X509 *certificate);
void reroot_certificates_free(STACK_OF(X509) *list);

/// A list of PKCS#12 bags, which it owns.
STACK_OF(PKCS12_SAFEBAG) *reroot_bags_new(void);
void reroot_bags_free(STACK_OF(PKCS12_SAFEBAG) *bags);

/// Appends a bag with a certificate that Java trusts under this name (UTF-8); 0 when it fails.
int reroot_bags_append_trusted(STACK_OF(PKCS12_SAFEBAG) *bags, X509 *certificate, const char *name, int length);

/// A PKCS#12 structure of these bags, encrypted with AES-256-CBC, without a MAC, or NULL. The password ends with a NUL.
PKCS12 *reroot_bags_encrypted(STACK_OF(PKCS12_SAFEBAG) *bags, const char *password, int iterations);

#endif
