#ifndef REROOT_CFUZZER_H
#define REROOT_CFUZZER_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer as a library (https://llvm.org/docs/LibFuzzer.html#using-libfuzzer-as-a-library); it has no header. */
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*read_one)(const uint8_t *bytes, size_t count));

/* Between the two nothing that is allocated counts as a leak (sanitizer/lsan_interface.h). */
void __lsan_disable(void);
void __lsan_enable(void);

#endif
