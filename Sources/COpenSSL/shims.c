#include "COpenSSL.h"

// At exit(3) OpenSSL would take itself apart while other threads still use it: what they call then fails, and what it keeps
// for each of them is never freed when they end after that. The kernel takes the memory back anyway. It has to be said
// before anything else is (OPENSSL_init_crypto(3), OPENSSL_INIT_NO_ATEXIT).
__attribute__((constructor)) static void reroot_leave_openssl_in_place(void) {
  OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
}

void reroot_free(void *memory) { OPENSSL_free(memory); }

const unsigned char *reroot_bio_bytes(BIO *bio, size_t *count) {
  char *bytes = NULL;
  long length = BIO_get_mem_data(bio, &bytes);
  *count = length > 0 && bytes != NULL ? (size_t)length : 0;
  return *count > 0 ? (const unsigned char *)bytes : NULL;
}

int reroot_print_name(BIO *bio, const X509_NAME *name) {
  // RFC 4514 2.4 allows UTF-8 as it is, so bytes over 127 need no escape; control characters keep theirs.
  return X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
}

static int no_passphrase(char *buffer, int size, int writing, void *context) {
  (void)buffer, (void)size, (void)writing, (void)context;
  return -1;
}

OSSL_DECODER_CTX *reroot_key_decoder(EVP_PKEY **slot) {
  OSSL_DECODER_CTX *decoder = OSSL_DECODER_CTX_new_for_pkey(slot, "PEM", NULL, NULL, EVP_PKEY_KEYPAIR, NULL, NULL);
  if (decoder != NULL && !OSSL_DECODER_CTX_set_pem_password_cb(decoder, no_passphrase, NULL)) {
    OSSL_DECODER_CTX_free(decoder);
    return NULL;
  }
  return decoder;
}

EVP_PKEY *reroot_generate_rsa(size_t bits) { return EVP_RSA_gen(bits); }

EVP_PKEY *reroot_generate_ec(const char *curve) { return EVP_EC_gen(curve); }

EVP_PKEY *reroot_generate_plain(const char *type) { return EVP_PKEY_Q_keygen(NULL, NULL, type); }

GENERAL_NAMES *reroot_alternative_names(const X509 *certificate, int *present) {
  // X509_get_ext_d2i: the critical flag is -1 for "not present" and -2 for "present more than once".
  int critical = -1;
  GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, NULL);
  *present = critical != -1;
  return names;
}

int reroot_alternative_name_count(const GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }

void reroot_alternative_names_free(GENERAL_NAMES *names) { GENERAL_NAMES_free(names); }

int reroot_alternative_name(const GENERAL_NAMES *names, int index, const unsigned char **bytes, size_t *count) {
  int type = 0;
  const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, index);
  *bytes = NULL;
  *count = 0;
  if (name == NULL) return -1;
  const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
  if (value == NULL) return type;
  if (type == GEN_DNS || type == GEN_EMAIL || type == GEN_URI || type == GEN_IPADD) {
    *bytes = ASN1_STRING_get0_data(value);
    *count = (size_t)ASN1_STRING_length(value);
  }
  return type;
}

STACK_OF(X509) *reroot_certificates_new(void) { return sk_X509_new_null(); }

int reroot_certificates_push(STACK_OF(X509) *list, X509 *certificate) {
  // X509_add_cert with X509_ADD_FLAG_UP_REF: takes a reference of its own, and none when it fails.
  return X509_add_cert(list, certificate, X509_ADD_FLAG_UP_REF);
}

void reroot_certificates_free(STACK_OF(X509) *list) { sk_X509_pop_free(list, X509_free); }
