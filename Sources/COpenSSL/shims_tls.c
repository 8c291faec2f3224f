#include "COpenSSL.h"

int reroot_append_alternative_name(GENERAL_NAMES *names, int type, const unsigned char *bytes, size_t count) {
  GENERAL_NAME *name = NULL;
  ASN1_STRING *value = NULL;
  int string = type == GEN_IPADD ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING;
  if ((type != GEN_DNS && type != GEN_IPADD) || count > 255) return 0;
  value = ASN1_STRING_type_new(string);
  name = GENERAL_NAME_new();
  if (value == NULL || name == NULL || !ASN1_STRING_set(value, bytes, (int)count)) {
    ASN1_STRING_free(value);
    GENERAL_NAME_free(name);
    return 0;
  }
  GENERAL_NAME_set0_value(name, type, value);
  if (sk_GENERAL_NAME_push(names, name) > 0) return 1;
  GENERAL_NAME_free(name);
  return 0;
}

int reroot_append_purpose(EXTENDED_KEY_USAGE *purposes, int nid) {
  // Objects from the built-in table are static: freeing the list does not free them (OBJ_nid2obj(3)).
  ASN1_OBJECT *purpose = OBJ_nid2obj(nid);
  return purpose != NULL && sk_ASN1_OBJECT_push(purposes, purpose) > 0;
}

int reroot_set_pss_salt_length(EVP_PKEY_CTX *context, int length) {
  return EVP_PKEY_CTX_set_rsa_pss_saltlen(context, length);
}


int reroot_certificates_append(STACK_OF(X509) *certificates, X509 *certificate) {
  if (!X509_up_ref(certificate)) return 0;
  if (sk_X509_push(certificates, certificate) > 0) return 1;
  X509_free(certificate);
  return 0;
}


int reroot_certificates_count(const STACK_OF(X509) *certificates) {
  int count = certificates == NULL ? 0 : sk_X509_num(certificates);
  return count < 0 ? 0 : count;
}

X509 *reroot_certificates_at(const STACK_OF(X509) *certificates, int index) {
  return sk_X509_value(certificates, index);
}

int reroot_context_require_tls12(SSL_CTX *context) { return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION); }

int reroot_connection_allow_tls12_only(SSL *connection) {
  return (int)SSL_set_max_proto_version(connection, TLS1_2_VERSION);
}

void reroot_context_disable_sessions(SSL_CTX *context) {
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_num_tickets(context, 0);
}

int reroot_context_append_client_authority(SSL_CTX *context, X509 *certificate) {
  return SSL_CTX_add_client_CA(context, certificate);
}

int reroot_context_append_chain(SSL_CTX *context, X509 *certificate) {
  return (int)SSL_CTX_add1_chain_cert(context, certificate);
}

int reroot_connection_set_server_name(SSL *connection, const char *name) {
  return (int)SSL_set_tlsext_host_name(connection, name);
}

int reroot_connection_count_authorities(const SSL *connection) {
  // Null where none was sent (SSL_get0_peer_CA_list(3)), for which sk_X509_NAME_num gives -1.
  int count = sk_X509_NAME_num(SSL_get0_peer_CA_list(connection));
  return count < 0 ? 0 : count;
}

const X509_NAME *reroot_connection_authority_at(const SSL *connection, int index) {
  return sk_X509_NAME_value(SSL_get0_peer_CA_list(connection), index);
}

GENERAL_NAMES *reroot_request_names(X509_REQ *request) {
  STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(request);
  // X509V3_get_d2i: NULL, too, where the extension is there more than once.
  GENERAL_NAMES *names = X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL);
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  return names;
}

int reroot_request_set_names(X509_REQ *request, GENERAL_NAMES *names) {
  STACK_OF(X509_EXTENSION) *extensions = NULL;
  int done = X509V3_add1_i2d(&extensions, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1 &&
             X509_REQ_add_extensions(request, extensions) == 1;
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  return done;
}
