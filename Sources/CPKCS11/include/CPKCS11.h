#ifndef REROOT_CPKCS11_H
#define REROOT_CPKCS11_H

#include <stddef.h>

#include <p11-kit-1/p11-kit/pkcs11.h>

// The few calls of PKCS #11 (OASIS, v2.40) by which a key in a hardware module signs. All but the first answer a CK_RV.

/// A module that has been loaded and initialised.
typedef struct reroot_module reroot_module;

/// A token that is there, its texts ended with a NUL and without the blanks that fill them.
struct reroot_token {
  unsigned long slot;
  unsigned long flags;
  char label[33];
  char manufacturer[33];
  char model[17];
  char serial[17];
};

/// Loads a module. NULL when it was loaded; otherwise the reason, which stays valid until the next call.
const char *reroot_module_load(const char *path, reroot_module **module);
unsigned long reroot_module_initialize(reroot_module *module);
void reroot_module_finalize(reroot_module *module);

/// At most `count` tokens; their number is set.
unsigned long reroot_module_tokens(reroot_module *module, struct reroot_token *tokens, unsigned long *count);

/// A session in which the user has logged in.
unsigned long reroot_module_login(
    reroot_module *module, unsigned long slot, const unsigned char *pin, size_t count, unsigned long *session);

/// The private key with this label and id, each of which may be NULL; `found` is 0, 1, or 2 for more than one.
unsigned long reroot_module_find_key(
    reroot_module *module, unsigned long session, const char *label, size_t label_count, const unsigned char *id,
    size_t id_count, unsigned long *key, unsigned long *found);

/// CKR_MECHANISM_INVALID unless the token signs by this mechanism.
unsigned long reroot_module_can_sign(reroot_module *module, unsigned long slot, unsigned long mechanism);

/// Signs; a key that wants the PIN for each signature (CKA_ALWAYS_AUTHENTICATE) gets it. `count` is the room in
/// `signature`, and then its length.
unsigned long reroot_module_sign(
    reroot_module *module, unsigned long session, unsigned long key, unsigned long mechanism, const unsigned char *pin,
    size_t pin_count, const unsigned char *data, size_t data_count, unsigned char *signature, unsigned long *count);

#endif
