#ifndef REROOT_CMICROHTTPD_H
#define REROOT_CMICROHTTPD_H
#include <microhttpd.h>
#endif
