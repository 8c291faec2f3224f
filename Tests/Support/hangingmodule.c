/* A PKCS #11 module that hands everything to the one that HANGING_BEHIND names. It hangs in a signature for as long as the
   file of HANGING_HOLD is there, and makes the file of HANGING_BEGUN when it begins to. */
#include <dlfcn.h>
#include <fcntl.h>
#include <p11-kit-1/p11-kit/pkcs11.h>
#include <stdlib.h>
#include <unistd.h>

static CK_FUNCTION_LIST *behind, list;

static CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG count, CK_BYTE *signature, CK_ULONG *room) {
  while (access(getenv("HANGING_HOLD"), F_OK) == 0) {
    close(open(getenv("HANGING_BEGUN"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    usleep(20000);
  }
  return behind->C_Sign(session, data, count, signature, room);
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **found) {
  void *library = dlopen(getenv("HANGING_BEHIND"), RTLD_NOW | RTLD_LOCAL);
  CK_C_GetFunctionList get = library ? (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList") : NULL;
  if (!get) return CKR_GENERAL_ERROR;
  CK_RV result = get(&behind);
  if (result != CKR_OK) return result;
  list = *behind;
  list.C_Sign = sign;
  *found = &list;
  return CKR_OK;
}
