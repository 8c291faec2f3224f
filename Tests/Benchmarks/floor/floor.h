// The least that can be done for N components: a key, a certificate, durable files, the activation, a look at the result.
// No journal, no copy of what was there, no way back.
#pragma once
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

// What is to be done, as the command line says it.
struct work {
  const char *folder;     // with root.pem, root.key, bundle.pem and parts/NNNNN
  int count;              // how many components
  bool isNewRoot;         // trust first, with an activation of its own
  bool isRSA;
  bool isFirst;           // makes what is there at first: not flushed, nothing activated
  bool areServers;        // which are reloaded by a signal, and looked at by a handshake
  const char *activate;   // the program to run, NULL for none
  const char *log;        // its first argument
};

// An authority as one thread uses it: its extensions are made once.
struct authority;
struct authority *openAuthority(const char *certificate, const char *key);
EVP_PKEY *makeKey(bool isRSA);
X509 *issue(struct authority *authority, EVP_PKEY *key, const char *name);
// Reads both files again; whether the key is the certificate's and the certificate one of the authority's.
bool isGood(struct authority *authority, const char *certificate, const char *key);

// A whole file, which the caller frees.
char *readFile(const char *path, size_t *length);
char *pemOfKey(EVP_PKEY *key, size_t *length);
char *pemOfCertificate(X509 *certificate, size_t *length);

// Files of several folders that become durable together: all are written, then all are flushed, then all are renamed,
// then all folders are flushed. A flush that follows another one finds nearly everything done.
struct batch;
struct batch *newBatch(bool isDurable);
void addFile(struct batch *batch, const char *folder, const char *name, const char *bytes, size_t length, int mode);
void commit(struct batch *batch);

// Starts a component's activation; the answer is awaited by `expectSuccess`.
int startActivation(const struct work *work, const char *name);
void expectSuccess(int process, const char *name);

// Tells a server by SIGHUP to load its files, which server.pid beside them says the number of.
void reloadServer(const char *folder);
// Makes handshakes with the port in the file `port` until the certificate in server.pem is served.
void awaitServed(const char *folder);

// Ends the program with a sentence about the last error.
_Noreturn void fail(const char *doing, const char *what);
