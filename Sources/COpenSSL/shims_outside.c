#include "COpenSSL.h"

// OpenSSL signs with keys that it holds. For a signature that a hardware module makes it lends what has to be set, as
// const: a certificate of this process's own that nobody else has seen yet.

int reroot_set_signature_algorithm(X509 *certificate, int algorithm, int takes_null) {
  const ASN1_BIT_STRING *signature = NULL;
  const X509_ALGOR *outer = NULL;
  const X509_ALGOR *inner = X509_get0_tbs_sigalg(certificate);
  X509_get0_signature(&signature, &outer, certificate);
  int type = takes_null ? V_ASN1_NULL : V_ASN1_UNDEF;
  ASN1_OBJECT *object = OBJ_nid2obj(algorithm);
  return object != NULL && X509_ALGOR_set0((X509_ALGOR *)inner, object, type, NULL)
      && X509_ALGOR_set0((X509_ALGOR *)outer, object, type, NULL);
}

int reroot_to_be_signed(X509 *certificate, unsigned char **bytes) {
  return i2d_re_X509_tbs(certificate, bytes);
}

int reroot_set_signature(X509 *certificate, const unsigned char *bytes, int count) {
  const ASN1_BIT_STRING *lent = NULL;
  const X509_ALGOR *algorithm = NULL;
  X509_get0_signature(&lent, &algorithm, certificate);
  ASN1_BIT_STRING *signature = (ASN1_BIT_STRING *)lent;
  if (!ASN1_BIT_STRING_set(signature, (unsigned char *)bytes, count)) return 0;
  // Without this, trailing zero bits would be taken for unused ones.
  signature->flags &= ~(ASN1_STRING_FLAG_BITS_LEFT | 0x07);
  signature->flags |= ASN1_STRING_FLAG_BITS_LEFT;
  return 1;
}
