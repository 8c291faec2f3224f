import COpenSSL
import Foundation
import Testing

@Suite struct ExitTests {
  // The handler would be called while threads still use OpenSSL; in this test it ends the process with another status.
  @Test func `OpenSSL is left in place when the process exits`() async {
    await #expect(processExitsWith: .success) {
      OPENSSL_init_crypto(0, nil)
      #expect(OPENSSL_atexit { _exit(3) } == 1)
      exit(0)
    }
  }
}
