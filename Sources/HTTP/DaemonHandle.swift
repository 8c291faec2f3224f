import CMicroHTTPD
import Glibc

/// The C side of a daemon: it hands libmicrohttpd's callbacks on to ``Daemon``.
// The pointers are set once, by the one who starts the daemon, and freed by the one who stops it.
final class DaemonHandle: @unchecked Sendable {
  private let pointer: OpaquePointer
  private let settings: UnsafeMutablePointer<reroot_daemon_settings>
  private let priorities: UnsafeMutablePointer<CChar>?
  private let daemon: Unmanaged<Daemon>
  private let listener: Int32

  /// TLS 1.2 and 1.3 with forward secrecy only, and with ciphers that authenticate what they encrypt: none in CBC mode.
  private static let tlsPriorities =
    "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-CIPHER-ALL:+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-GCM"
    + ":-MAC-ALL:+AEAD:%SERVER_PRECEDENCE"

  /// Takes the listening socket over, also when it throws.
  init(_ daemon: Daemon, listener: Int32) throws(ServerError) {
    let configuration = daemon.configuration
    let connections = OpenFiles.makeRoom(for: configuration.connectionLimit)
    if connections < configuration.connectionLimit {
      daemon.logger.warning(
        "The limit of open files leaves room for \(connections) of \(configuration.connectionLimit) connections.")
    }
    self.daemon = Unmanaged.passRetained(daemon)
    self.listener = listener
    priorities = strdup(DaemonHandle.tlsPriorities)
    settings = .allocate(capacity: 1)
    settings.initialize(
      to: reroot_daemon_settings(
        closure: self.daemon.toOpaque(), listening_socket: listener,
        connection_limit: UInt32(clamping: connections),
        connections_per_address: UInt32(clamping: configuration.perAddressLimit ?? 0),
        // The watcher is more exact; this one only stands behind it.
        idle_seconds: UInt32(clamping: configuration.idleTimeout.components.seconds + 1),
        threads: UInt32(clamping: configuration.threads), connection_memory: configuration.connectionMemory,
        on_access: DaemonHandle.access, on_completed: DaemonHandle.completed,
        on_connection: DaemonHandle.connectionChanged, on_target: DaemonHandle.target, on_log: DaemonHandle.log,
        on_certificate: daemon.isSecure ? DaemonHandle.certificate : nil, tls_priorities: priorities))
    guard let pointer = reroot_daemon_start(settings) else {
      close(listener)
      settings.deallocate()
      free(priorities)
      self.daemon.release()
      throw ServerError(
        .libraryRefused, "libmicrohttpd could not start. Check the limits of open files and of threads.")
    }
    self.pointer = pointer
  }

  /// Takes no connection any more: the port is closed, and the descriptor becomes that of a socket which nobody knows.
  ///
  /// MHD_quiesce_daemon is not used: it takes the socket out of the epoll sets while their own threads may do the same,
  /// and the one that comes second ends the process (“Failed to remove listen FD from epoll set”).
  func quiesce() {
    guard let unknown = ListeningSocket.unknown() else {
      shutdown(listener, Int32(SHUT_RDWR))
      return
    }
    dup2(unknown, listener)
    _ = fcntl(listener, F_SETFD, FD_CLOEXEC)
    close(unknown)
  }

  /// Ends the threads and closes every connection. No connection may be suspended any more. Blocks, and is called once.
  func stop() {
    // It closes the listening descriptor too, because it was not quiesced.
    MHD_stop_daemon(pointer)
    settings.deallocate()
    free(priorities)
    daemon.release()
  }

  // MARK: - Callbacks

  private static func daemon(_ closure: UnsafeMutableRawPointer) -> Daemon {
    Unmanaged<Daemon>.fromOpaque(closure).takeUnretainedValue()
  }

  private static let access: MHD_AccessHandlerCallback = {
    _, connection, _, method, version, upload, uploadSize, slot in
    guard let connection, let uploadSize, let slot, let exchange = slot.pointee else { return .NO }
    let call = Exchange.Call(
      connection: ServedConnection(pointer: connection), methodStart: method, versionStart: version,
      upload: UnsafeRawBufferPointer(start: upload, count: upload == nil ? 0 : uploadSize.pointee))
    uploadSize.pointee = 0
    return Unmanaged<Exchange>.fromOpaque(exchange).takeUnretainedValue().advance(call) ? .YES : .NO
  }

  private static let target: reroot_target_callback = { closure, target, connection in
    guard let closure, let connection, let socket = reroot_connection_closure(connection) else { return nil }
    let bytes = target.map { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) } ?? []
    // libmicrohttpd is about to copy each field of the query into the connection's memory, and to forget the request
    // when they do not fit. The query is read from `bytes`, so it is ended here: the target stands in the connection's
    // own read buffer, which libmicrohttpd itself cuts at the question mark next.
    if let target, let mark = bytes.firstIndex(of: UInt8(ascii: "?")) {
      UnsafeMutablePointer(mutating: target)[mark + 1] = 0
    }
    let known = Unmanaged<Connection>.fromOpaque(socket).takeUnretainedValue()
    return Unmanaged.passRetained(daemon(closure).began(bytes, on: known)).toOpaque()
  }

  private static let completed: MHD_RequestCompletedCallback = { _, _, slot, _ in
    guard let slot, let exchange = slot.pointee else { return }
    slot.pointee = nil
    Unmanaged<Exchange>.fromOpaque(exchange).takeRetainedValue().finish()
  }

  private static let connectionChanged: MHD_NotifyConnectionCallback = { closure, connection, slot, change in
    guard let closure, let connection, let slot else { return }
    if change == .CONNECTION_NOTIFY_STARTED {
      slot.pointee = Unmanaged.passRetained(daemon(closure).opened(connection)).toOpaque()
    } else if let socket = slot.pointee {
      slot.pointee = nil
      daemon(closure).closed(Unmanaged<Connection>.fromOpaque(socket).takeRetainedValue())
    }
  }

  private static let log: reroot_log_callback = { closure, line in
    guard let closure, let line else { return }
    let text = String(cString: line)
    daemon(closure).logger.debug("libmicrohttpd: \(text.split(separator: "\n").joined(separator: " "))")
  }

  /// Chooses the identity of a handshake. There is no closure argument; libmicrohttpd sets the session's pointer to
  /// its connection.
  private static let certificate:
    @convention(c) (
      gnutls_session_t?, UnsafePointer<gnutls_cert_retr_st>?,
      UnsafeMutablePointer<UnsafeMutablePointer<gnutls_pcert_st>?>?, UnsafeMutablePointer<UInt32>?,
      UnsafeMutablePointer<UnsafeMutablePointer<gnutls_ocsp_data_st>?>?, UnsafeMutablePointer<UInt32>?,
      UnsafeMutablePointer<gnutls_privkey_t?>?, UnsafeMutablePointer<UInt32>?
    ) -> Int32 = { session, _, certificates, count, _, responses, key, flags in
      guard let session, let served = gnutls_session_get_ptr(session),
        let socket = reroot_connection_closure(OpaquePointer(served)),
        let identity = Unmanaged<Connection>.fromOpaque(socket).takeUnretainedValue().identity
      else { return -1 }
      certificates?.pointee = identity.certificates
      count?.pointee = identity.count
      responses?.pointee = 0
      key?.pointee = identity.key
      // Without GNUTLS_CERT_RETR_DEINIT_ALL: the connection keeps the identity.
      flags?.pointee = 0
      return 0
    }
}
