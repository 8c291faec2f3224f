import COpenSSL
import Foundation

/// What a TLS connection that broke off means.
enum TLSFailure {
  /// Reasons of the library SSL that stand for an alert of the other side begin here (SSL_AD_REASON_OFFSET, ssl.h).
  private static let alerts: Int32 = 1000

  static func error(_ entries: [OpenSSLErrors.Entry], systemError: Int32, peer: String) -> PKIError {
    let detail = entries.map(\.text).joined(separator: "; ")
    guard let last = entries.last(where: { $0.library == ERR_LIB_SSL }) else {
      let reason = systemError == 0 ? "the other side closed it" : String(cString: strerror(systemError))
      return PKIError(
        code: "CONNECTION_LOST", sentence: "The connection with \(peer) broke off: \(reason).", detail: detail)
    }
    if last.reason > alerts {
      return PKIError(
        code: "HANDSHAKE_REFUSED", sentence: "\(peer) ended the connection with the TLS alert “\(words(last.reason))”.",
        detail: detail)
    }
    switch last.reason {
    case SSL_R_WRONG_VERSION_NUMBER, SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST, SSL_R_UNEXPECTED_MESSAGE,
      SSL_R_RECORD_LENGTH_MISMATCH, SSL_R_PACKET_LENGTH_TOO_LONG, SSL_R_ENCRYPTED_LENGTH_TOO_LONG:
      return PKIError(
        code: "NOT_TLS", sentence: "What \(peer) sends is not TLS.", detail: detail)
    case SSL_R_UNEXPECTED_EOF_WHILE_READING:
      return PKIError(
        code: "CONNECTION_LOST", sentence: "The connection with \(peer) broke off: the other side closed it.",
        detail: detail)
    default:
      let reason = ERR_reason_error_string(UInt(last.library) << 23 | UInt(last.reason)).map { String(cString: $0) }
      return PKIError(
        code: "HANDSHAKE_FAILED", sentence: "TLS with \(peer) failed: \(reason ?? "OpenSSL gives no reason").",
        detail: detail)
    }
  }

  /// Those of TLS 1.3, which OpenSSL 3.0 has no words for (RFC 8446, section 6.2).
  private static let newAlerts: [Int32: String] = [109: "missing extension", 116: "certificate required"]

  /// Such as `unknown CA` (RFC 8446, section 6.2).
  private static func words(_ reason: Int32) -> String {
    let number = reason - alerts
    if let words = newAlerts[number] { return words }
    let words = SSL_alert_desc_string_long(number).map { String(cString: $0) }
    return words.flatMap { $0 == "unknown" ? nil : $0 } ?? "number \(number)"
  }
}
