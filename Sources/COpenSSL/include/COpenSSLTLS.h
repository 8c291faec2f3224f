#ifndef REROOT_COPENSSL_TLS_H
#define REROOT_COPENSSL_TLS_H

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

// What issuing, chains and TLS need beyond COpenSSL.h, for the same reason: OpenSSL has it as macros only.

/// Appends a name of type GEN_DNS or GEN_IPADD; 0 when it fails.
int reroot_append_alternative_name(GENERAL_NAMES *names, int type, const unsigned char *bytes, size_t count);

/// The subject alternative names that a signing request asks for, or NULL where there are none or they do not parse.
GENERAL_NAMES *reroot_request_names(X509_REQ *request);
/// Lets a request without extensions ask for these names; 0 when it fails.
int reroot_request_set_names(X509_REQ *request, GENERAL_NAMES *names);

/// Appends a purpose by its NID; 0 when it fails.
int reroot_append_purpose(EXTENDED_KEY_USAGE *purposes, int nid);

/// The salt length of an RSA-PSS signature; below 1 when it fails.
int reroot_set_pss_salt_length(EVP_PKEY_CTX *context, int length);

/// Appends and takes one reference of its own; 0 when it fails.
int reroot_certificates_append(STACK_OF(X509) *certificates, X509 *certificate);
int reroot_certificates_count(const STACK_OF(X509) *certificates);
/// Lent by the list; NULL beyond its end.
X509 *reroot_certificates_at(const STACK_OF(X509) *certificates, int index);

/// TLS 1.2 and later, or 0 when it fails.
int reroot_context_require_tls12(SSL_CTX *context);
/// TLS 1.2 and earlier, or 0 when it fails.
int reroot_connection_allow_tls12_only(SSL *connection);
/// No session is kept, and none is offered.
void reroot_context_disable_sessions(SSL_CTX *context);
/// The names that a server sends with its request for a client certificate; takes a reference of its own.
int reroot_context_append_client_authority(SSL_CTX *context, X509 *certificate);
/// The certificates sent after the leaf; takes a reference of its own. 0 when it fails.
int reroot_context_append_chain(SSL_CTX *context, X509 *certificate);
/// The name that a client asks for (SNI); 0 when it fails.
int reroot_connection_set_server_name(SSL *connection, const char *name);
/// How many authorities a server has named in its request for a client certificate.
int reroot_connection_count_authorities(const SSL *connection);
/// One of them, lent by the connection; NULL beyond the end.
const X509_NAME *reroot_connection_authority_at(const SSL *connection, int index);

#endif
