import Foundation

/// Users and groups of this machine.
enum Ownership {
  /// The number of a user given by name or number.
  static func user(_ text: String) throws -> uid_t {
    if let number = number(text) { return number }
    guard let found = lookUpUser(text) else {
      throw DeliveryFailure(
        code: "OWNER_UNKNOWN", sentence: "There is no user “\(text)” on this machine.",
        advice: "Correct the owner in the component's settings, or create the user.")
    }
    return found
  }

  /// The number of a group given by name or number.
  static func group(_ text: String) throws -> gid_t {
    if let number = number(text) { return number }
    guard let found = lookUpGroup(text) else {
      throw DeliveryFailure(
        code: "GROUP_UNKNOWN", sentence: "There is no group “\(text)” on this machine.",
        advice: "Correct the group in the component's settings, or create the group.")
    }
    return found
  }

  /// The name of a user, or `user 1000` where the number has none.
  static func userName(_ number: uid_t) -> String {
    withBuffer { buffer in
      var entry = passwd()
      var result: UnsafeMutablePointer<passwd>?
      guard getpwuid_r(number, &entry, buffer, bufferBytes, &result) == 0, let result else { return nil }
      return result.pointee.pw_name.map { String(cString: $0) }
    } ?? "user \(number)"
  }

  /// Throws unless both exist and this process may give files to them.
  static func check(owner: String?, group: String?) throws {
    let owner = try owner.map(user)
    let group = try group.map(Self.group)
    // Only a process with CAP_CHOWN may give a file away; everybody may choose among his own groups (chown(2)).
    guard !mayGiveAway else { return }
    if let owner, owner != geteuid() { throw notAllowed("the user \(userName(owner))") }
    if let group, !ownGroups().contains(group) { throw notAllowed("the group \(group)") }
  }

  static func notAllowed(_ receiver: String) -> DeliveryFailure {
    DeliveryFailure(
      code: "OWNER_NOT_ALLOWED",
      sentence: "Reroot runs as \(userName(geteuid())) and may not give files to \(receiver).",
      advice: "Run Reroot as root, or remove owner and group from the component's settings and let the component "
        + "read the files as a member of a group.")
  }

  /// Whether this process may give files to others: the first capability, CAP_CHOWN (capabilities(7)).
  private static var mayGiveAway: Bool {
    // Of this thread, because the first one, for which /proc/self stands, may have ended.
    guard let status = try? String(contentsOfFile: "/proc/thread-self/status", encoding: .utf8),
      let line = status.split(separator: "\n").first(where: { $0.hasPrefix("CapEff:") }),
      let bits = UInt64(line.dropFirst(7).trimmingCharacters(in: .whitespaces), radix: 16)
    else { return geteuid() == 0 }
    return bits & 1 == 1
  }

  private static func ownGroups() -> Set<gid_t> {
    var groups = [gid_t](repeating: 0, count: max(0, Int(getgroups(0, nil))))
    let count = getgroups(Int32(groups.count), &groups)
    return Set(groups.prefix(max(0, Int(count)))).union([getegid()])
  }

  private static func number(_ text: String) -> UInt32? {
    // The largest number means "leave as it is" to chown(2) and names nobody.
    guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt32(text),
      number != .max
    else { return nil }
    return number
  }

  private static func lookUpUser(_ name: String) -> uid_t? {
    withBuffer { buffer in
      var entry = passwd()
      var result: UnsafeMutablePointer<passwd>?
      guard getpwnam_r(name, &entry, buffer, bufferBytes, &result) == 0 else { return nil }
      return result.map { $0.pointee.pw_uid }
    }
  }

  private static func lookUpGroup(_ name: String) -> gid_t? {
    withBuffer { buffer in
      var entry = Glibc.group()
      var result: UnsafeMutablePointer<Glibc.group>?
      guard getgrnam_r(name, &entry, buffer, bufferBytes, &result) == 0 else { return nil }
      return result.map { $0.pointee.gr_gid }
    }
  }

  /// Room for the texts of an entry; a group of many members needs much.
  private static let bufferBytes = 1 << 20

  private static func withBuffer<Value>(_ body: (UnsafeMutablePointer<CChar>) -> Value?) -> Value? {
    let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: bufferBytes)
    defer { buffer.deallocate() }
    return body(buffer)
  }
}
