#include "COpenSSL.h"

STACK_OF(PKCS12_SAFEBAG) *reroot_bags_new(void) { return sk_PKCS12_SAFEBAG_new_null(); }

void reroot_bags_free(STACK_OF(PKCS12_SAFEBAG) *bags) { sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free); }

// What Java takes for the mark of a trusted entry: Oracle's attribute trustedKeyUsage with anyExtendedKeyUsage
// (RFC 5280, 4.2.1.12) as its value.
static int add_trusted_usage(PKCS12_SAFEBAG *bag) {
  ASN1_OBJECT *usage = OBJ_txt2obj("2.5.29.37.0", 1);
  // X509_ATTRIBUTE_set1_data(3): with a length of -1 the data is the ASN.1 value itself.
  int added = usage != NULL && PKCS12_add1_attr_by_txt(bag, "2.16.840.1.113894.746875.1.1", V_ASN1_OBJECT,
                                                       (const unsigned char *)usage, -1);
  ASN1_OBJECT_free(usage);
  return added;
}

int reroot_bags_append_trusted(STACK_OF(PKCS12_SAFEBAG) *bags, X509 *certificate, const char *name, int length) {
  PKCS12_SAFEBAG *bag = PKCS12_SAFEBAG_create_cert(certificate);
  if (bag == NULL) return 0;
  if (PKCS12_add_friendlyname_utf8(bag, name, length) && add_trusted_usage(bag) && sk_PKCS12_SAFEBAG_push(bags, bag))
    return 1;
  PKCS12_SAFEBAG_free(bag);
  return 0;
}

PKCS12 *reroot_bags_encrypted(STACK_OF(PKCS12_SAFEBAG) *bags, const char *password, int iterations) {
  STACK_OF(PKCS7) *safes = NULL;
  PKCS12 *made = NULL;
  if (PKCS12_add_safe(&safes, bags, NID_aes_256_cbc, iterations, password)) made = PKCS12_add_safes(safes, 0);
  sk_PKCS7_pop_free(safes, PKCS7_free);
  return made;
}
