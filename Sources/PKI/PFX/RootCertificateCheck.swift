import Foundation

/// Whether a certificate may serve as a root, where its key comes from elsewhere than a PFX file.
public enum RootCertificateCheck {
  /// Throws ``PFXRefusal`` with the first reason against it, the same as for a PFX file.
  public static func check(_ certificate: Certificate, now: Date) throws {
    try RootPolicy(certificate: certificate, now: now).check()
  }

  /// What is worth knowing of it.
  public static func warnings(_ certificate: Certificate, now: Date) -> [PFXWarning] {
    RootWarnings.about(certificate, now: now)
  }
}
