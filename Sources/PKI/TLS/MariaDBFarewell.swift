/// Ends a look at a MariaDB or MySQL server so that it is not counted as a broken one.
///
/// A client that leaves without signing in counts as an error of its host, and after `max_connect_errors` of them (100 by
/// default) the server lets nobody from there in any more; one who is turned away does not count. So a name is given that
/// is nobody's, and the refusal is waited for.
enum MariaDBFarewell {
  /// The name that is given.
  static let user = "reroot-look"

  /// Signs in to no avail. What goes wrong is of no matter: the certificate has been seen.
  static func say(over connection: TLSConnection) {
    do {
      // The abilities of the request before, the longest packet, the character set, 23 zero bytes, the name, no password;
      // it is the packet with the number 2.
      let abilities = TLSRequest.mariaDBAbilities
      let login =
        abilities + [0, 0, 0, 0, 0, 1, 33] + [UInt8](repeating: 0, count: 23) + Array(user.utf8) + [0, 0]
      try send(login, number: 2, connection)
      // It may ask for another way to sign in (0xFE) or for more (0x01), and gets nothing.
      for _ in 0..<4 {
        let answer = try connection.read(maximum: 4_096)
        guard answer.count > 4, answer[4] == 0xFE || answer[4] == 0x01 else { return }
        try send([], number: answer[3] &+ 1, connection)
      }
    } catch {
      return
    }
  }

  private static func send(_ body: [UInt8], number: UInt8, _ connection: TLSConnection) throws {
    try connection.write([UInt8(body.count), 0, 0, number] + body)
  }
}
