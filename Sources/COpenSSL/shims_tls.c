#include "COpenSSLTLS.h"
