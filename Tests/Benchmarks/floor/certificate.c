#include "floor.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

struct authority {
  X509 *certificate;
  EVP_PKEY *key;
  X509_STORE *store;
  X509_EXTENSION *constant[4];
};

static X509 *certificateIn(const char *path) {
  BIO *file = BIO_new_file(path, "r");
  X509 *certificate = file ? PEM_read_bio_X509(file, NULL, NULL, NULL) : NULL;
  BIO_free(file);
  if (!certificate) fail("reading", path);
  return certificate;
}

static EVP_PKEY *keyIn(const char *path) {
  BIO *file = BIO_new_file(path, "r");
  EVP_PKEY *key = file ? PEM_read_bio_PrivateKey(file, NULL, NULL, NULL) : NULL;
  BIO_free(file);
  if (!key) fail("reading", path);
  return key;
}

struct authority *openAuthority(const char *certificate, const char *key) {
  struct authority *authority = calloc(1, sizeof *authority);
  authority->certificate = certificateIn(certificate);
  authority->key = keyIn(key);
  authority->store = X509_STORE_new();
  X509_STORE_add_cert(authority->store, authority->certificate);
  X509V3_CTX context;
  X509V3_set_ctx(&context, authority->certificate, authority->certificate, NULL, NULL, 0);
  authority->constant[0] = X509V3_EXT_conf_nid(NULL, &context, NID_basic_constraints, "critical,CA:FALSE");
  authority->constant[1] = X509V3_EXT_conf_nid(NULL, &context, NID_key_usage, "critical,digitalSignature");
  authority->constant[2] = X509V3_EXT_conf_nid(NULL, &context, NID_ext_key_usage, "serverAuth,clientAuth");
  authority->constant[3] = X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, "keyid:always");
  for (int index = 0; index < 4; index++)
    if (!authority->constant[index]) fail("making the extensions of", certificate);
  return authority;
}

EVP_PKEY *makeKey(bool isRSA) {
  EVP_PKEY *key = isRSA ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
  if (!key) fail("making", "a key");
  return key;
}

static void setRandomSerial(X509 *certificate) {
  unsigned char bytes[16];
  RAND_bytes(bytes, sizeof bytes);
  bytes[0] = (bytes[0] & 0x7f) | 1;
  BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
  BN_free(number);
}

static void addName(X509 *certificate, const char *name) {
  GENERAL_NAMES *names = GENERAL_NAMES_new();
  GENERAL_NAME *one = GENERAL_NAME_new();
  ASN1_IA5STRING *text = ASN1_IA5STRING_new();
  ASN1_STRING_set(text, name, -1);
  GENERAL_NAME_set0_value(one, GEN_DNS, text);
  sk_GENERAL_NAME_push(names, one);
  X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, 0);
  GENERAL_NAMES_free(names);
}

static void addKeyIdentifier(X509 *certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  X509_pubkey_digest(certificate, EVP_sha1(), digest, &length);
  ASN1_OCTET_STRING *identifier = ASN1_OCTET_STRING_new();
  ASN1_OCTET_STRING_set(identifier, digest, (int)length);
  X509_add1_ext_i2d(certificate, NID_subject_key_identifier, identifier, 0, 0);
  ASN1_OCTET_STRING_free(identifier);
}

X509 *issue(struct authority *authority, EVP_PKEY *key, const char *name) {
  X509 *certificate = X509_new();
  X509_set_version(certificate, 2);
  setRandomSerial(certificate);
  X509_NAME *subject = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
  X509_set_issuer_name(certificate, X509_get_subject_name(authority->certificate));
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 90L * 86400);
  X509_set_pubkey(certificate, key);
  for (int index = 0; index < 4; index++) X509_add_ext(certificate, authority->constant[index], -1);
  addName(certificate, name);
  addKeyIdentifier(certificate);
  if (X509_sign(certificate, authority->key, EVP_sha256()) <= 0) fail("signing", name);
  return certificate;
}

bool isGood(struct authority *authority, const char *certificatePath, const char *keyPath) {
  X509 *certificate = certificateIn(certificatePath);
  EVP_PKEY *key = keyIn(keyPath);
  X509_STORE_CTX *context = X509_STORE_CTX_new();
  bool good = X509_check_private_key(certificate, key) == 1 &&
              X509_STORE_CTX_init(context, authority->store, certificate, NULL) == 1 && X509_verify_cert(context) == 1;
  X509_STORE_CTX_free(context);
  EVP_PKEY_free(key);
  X509_free(certificate);
  return good;
}

static char *bytesOf(BIO *memory, size_t *length) {
  char *bytes;
  *length = (size_t)BIO_get_mem_data(memory, &bytes);
  char *copy = malloc(*length);
  memcpy(copy, bytes, *length);
  BIO_free(memory);
  return copy;
}

char *pemOfKey(EVP_PKEY *key, size_t *length) {
  BIO *memory = BIO_new(BIO_s_mem());
  PEM_write_bio_PKCS8PrivateKey(memory, key, NULL, NULL, 0, NULL, NULL);
  return bytesOf(memory, length);
}

char *pemOfCertificate(X509 *certificate, size_t *length) {
  BIO *memory = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(memory, certificate);
  return bytesOf(memory, length);
}
