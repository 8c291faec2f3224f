#define _GNU_SOURCE
#include "CProcess.h"

#include <locale.h>
#include <pthread.h>
#include <wchar.h>

static locale_t unicode;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make(void) {
  // Built into the C library since 2.35, and on every Debian before.
  unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

int reroot_columns(uint32_t scalar) {
  pthread_once(&once, make);
  if (!unicode) return 1;
  // uselocale(3) is for the calling thread alone.
  locale_t former = uselocale(unicode);
  int columns = wcwidth((wchar_t)scalar);
  uselocale(former);
  // What the tables do not know is shown as one mark.
  return columns < 0 ? 1 : columns;
}
