// Whether this build is one with a sanitizer, which keeps books of memory and handles crashes itself.
#ifndef REROOT_SANITIZERS_H
#define REROOT_SANITIZERS_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define REROOT_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(leak_sanitizer)
#define REROOT_SANITIZED 1
#endif
#endif

#endif
