#include "CPKCS11.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

struct reroot_module {
  CK_FUNCTION_LIST *functions;
};

const char *reroot_module_load(const char *path, reroot_module **module) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) return dlerror();
  CK_C_GetFunctionList list = (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList");
  if (!list) return "it has no function C_GetFunctionList";
  CK_FUNCTION_LIST *functions = NULL;
  if (list(&functions) != CKR_OK || !functions) return "C_GetFunctionList failed";
  *module = malloc(sizeof **module);
  if (!*module) return "there is no memory left";
  (*module)->functions = functions;
  return NULL;
}

unsigned long reroot_module_initialize(reroot_module *module) {
  CK_C_INITIALIZE_ARGS arguments;
  memset(&arguments, 0, sizeof arguments);
  arguments.flags = CKF_OS_LOCKING_OK;
  CK_RV result = module->functions->C_Initialize(&arguments);
  return result == CKR_CRYPTOKI_ALREADY_INITIALIZED ? CKR_OK : result;
}

void reroot_module_finalize(reroot_module *module) {
  module->functions->C_Finalize(NULL);
  free(module);
}

// PKCS #11 5.2: such texts are filled up with blanks and have no NUL at their end.
static void trim(char *text, const unsigned char *padded, size_t count) {
  memcpy(text, padded, count);
  while (count > 0 && (text[count - 1] == ' ' || text[count - 1] == '\0')) count--;
  text[count] = '\0';
}

unsigned long reroot_module_tokens(reroot_module *module, struct reroot_token *tokens, unsigned long *count) {
  unsigned long room = *count, held = 0;
  *count = 0;
  CK_RV result = module->functions->C_GetSlotList(CK_TRUE, NULL, &held);
  if (result != CKR_OK || held == 0) return result;
  CK_SLOT_ID *slots = calloc(held, sizeof *slots);
  if (!slots) return CKR_HOST_MEMORY;
  result = module->functions->C_GetSlotList(CK_TRUE, slots, &held);
  for (unsigned long index = 0; result == CKR_OK && index < held && *count < room; index++) {
    CK_TOKEN_INFO info;
    memset(&info, 0, sizeof info);
    // A token that was just taken out is not there.
    if (module->functions->C_GetTokenInfo(slots[index], &info) != CKR_OK) continue;
    struct reroot_token *token = &tokens[(*count)++];
    token->slot = slots[index];
    token->flags = info.flags;
    trim(token->label, info.label, sizeof info.label);
    trim(token->manufacturer, info.manufacturerID, sizeof info.manufacturerID);
    trim(token->model, info.model, sizeof info.model);
    trim(token->serial, info.serialNumber, sizeof info.serialNumber);
  }
  free(slots);
  return result;
}

unsigned long reroot_module_login(
    reroot_module *module, unsigned long slot, const unsigned char *pin, size_t count, unsigned long *session) {
  CK_RV result = module->functions->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, session);
  if (result != CKR_OK) return result;
  result = module->functions->C_Login(*session, CKU_USER, (unsigned char *)pin, count);
  return result == CKR_USER_ALREADY_LOGGED_IN ? CKR_OK : result;
}

unsigned long reroot_module_find_key(
    reroot_module *module, unsigned long session, const char *label, size_t label_count, const unsigned char *id,
    size_t id_count, unsigned long *key, unsigned long *found) {
  CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
  CK_ATTRIBUTE template[3] = {{CKA_CLASS, &class, sizeof class}};
  unsigned long count = 1;
  if (label) template[count++] = (CK_ATTRIBUTE){CKA_LABEL, (void *)label, label_count};
  if (id) template[count++] = (CK_ATTRIBUTE){CKA_ID, (void *)id, id_count};
  *found = 0;
  CK_RV result = module->functions->C_FindObjectsInit(session, template, count);
  if (result != CKR_OK) return result;
  CK_OBJECT_HANDLE keys[2];
  result = module->functions->C_FindObjects(session, keys, 2, found);
  if (result == CKR_OK && *found > 0) *key = keys[0];
  module->functions->C_FindObjectsFinal(session);
  return result;
}

// A mechanism that an administrator has switched off is left out of the list only, by some modules.
static CK_RV is_listed(reroot_module *module, unsigned long slot, unsigned long mechanism) {
  unsigned long count = 0;
  CK_RV result = module->functions->C_GetMechanismList(slot, NULL, &count);
  if (result != CKR_OK) return result;
  CK_MECHANISM_TYPE *list = calloc(count + 1, sizeof *list);
  if (!list) return CKR_HOST_MEMORY;
  result = module->functions->C_GetMechanismList(slot, list, &count);
  CK_RV found = CKR_MECHANISM_INVALID;
  for (unsigned long index = 0; result == CKR_OK && index < count; index++) {
    if (list[index] == mechanism) found = CKR_OK;
  }
  free(list);
  return result == CKR_OK ? found : result;
}

unsigned long reroot_module_can_sign(reroot_module *module, unsigned long slot, unsigned long mechanism) {
  CK_RV result = is_listed(module, slot, mechanism);
  if (result != CKR_OK) return result;
  CK_MECHANISM_INFO info;
  memset(&info, 0, sizeof info);
  result = module->functions->C_GetMechanismInfo(slot, mechanism, &info);
  if (result == CKR_OK && !(info.flags & CKF_SIGN)) return CKR_MECHANISM_INVALID;
  return result;
}

static int wants_login(reroot_module *module, unsigned long session, unsigned long key) {
  CK_BBOOL wants = CK_FALSE;
  CK_ATTRIBUTE attribute = {CKA_ALWAYS_AUTHENTICATE, &wants, sizeof wants};
  return module->functions->C_GetAttributeValue(session, key, &attribute, 1) == CKR_OK && wants == CK_TRUE;
}

unsigned long reroot_module_sign(
    reroot_module *module, unsigned long session, unsigned long key, unsigned long mechanism, const unsigned char *pin,
    size_t pin_count, const unsigned char *data, size_t data_count, unsigned char *signature, unsigned long *count) {
  CK_MECHANISM method = {mechanism, NULL, 0};
  CK_RV result = module->functions->C_SignInit(session, &method, key);
  if (result != CKR_OK) return result;
  if (wants_login(module, session, key)) {
    result = module->functions->C_Login(session, CKU_CONTEXT_SPECIFIC, (unsigned char *)pin, pin_count);
    if (result != CKR_OK) return result;
  }
  return module->functions->C_Sign(session, (unsigned char *)data, data_count, signature, count);
}
