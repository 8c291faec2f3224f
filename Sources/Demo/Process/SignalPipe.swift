import Foundation
import Synchronization

// Sound: written once, before the first handler is installed, and only read afterwards.
nonisolated(unsafe) private var signalWriter: Int32 = -1

/// Signals as bytes on a pipe, because a signal's handler may do next to nothing but write (signal-safety(7)).
///
/// Unlike an ignored or blocked signal, a handled one is back at its default in the programs that this process starts.
public enum SignalPipe {
  private static let reader = Mutex<Int32>(-1)

  /// Handles these signals from now on; each arrival is one byte, the signal's number, on the descriptor returned.
  ///
  /// Throws a ``SampleFailure`` when the system gives no pipe.
  public static func open(_ signals: [Int32]) throws -> Int32 {
    try reader.withLock { reader in
      if reader < 0 {
        let (own, other) = try SocketPair.make()
        // A full pipe must not stop the handler: further signals of the same kind would tell nothing new.
        _ = fcntl(other, F_SETFL, O_NONBLOCK)
        (reader, signalWriter) = (own, other)
      }
      for signal in signals {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { number in
          let saved = errno
          var byte = UInt8(truncatingIfNeeded: number)
          _ = write(signalWriter, &byte, 1)
          errno = saved
        }
        action.sa_flags = SA_RESTART
        guard sigaction(signal, &action, nil) == 0 else {
          throw SampleFailure("Signal \(signal) cannot be handled: \(systemError(errno)).")
        }
      }
      return reader
    }
  }

  /// Waits for the next signal and answers its number. Blocking: for a thread of its own.
  public static func next(_ descriptor: Int32) -> Int32 {
    var byte: UInt8 = 0
    while true {
      let count = read(descriptor, &byte, 1)
      if count == 1 { return Int32(byte) }
      if count == 0 || errno != EINTR { return 0 }
    }
  }
}

/// What the system calls an error number.
func systemError(_ number: Int32) -> String { String(cString: strerror(number)) }
