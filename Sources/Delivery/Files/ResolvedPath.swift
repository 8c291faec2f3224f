import Foundation

/// Where the file that a configured path means really lies: its folder without symbolic links, and its name there.
struct ResolvedPath: Sendable, Hashable {
  /// As it was configured.
  let given: String
  /// The real path of the folder.
  let folder: String
  /// The name in that folder; nothing, or something that is no link, stands under it.
  let name: String

  /// The real path of the file.
  var path: String { folder == "/" ? "/" + name : folder + "/" + name }

  /// Follows the links at the end of the path, so that the file behind them is meant; it need not exist. Throws
  /// `FOLDER_MISSING` where its folder does not.
  init(_ given: String) throws {
    guard Self.isAbsolute(given), !given.utf8.contains(0), let last = Self.names(given).last,
      last != ".", last != "..", given.utf8.last != Self.slash
    else {
      throw DeliveryFailure(
        code: "PATH_INVALID", sentence: "“\(given)” is not the absolute path of a file.",
        advice: "Correct the path in the component's settings; it begins with a slash and ends with a file's name.")
    }
    var path = given
    // Linux itself follows 40 links at most (path_resolution(7)).
    for _ in 0..<40 {
      let (folder, name) = Self.split(path)
      let real = try Self.realPath(folder)
      let whole = real == "/" ? "/" + name : real + "/" + name
      var status = stat()
      guard lstat(whole, &status) == 0, status.isLink else {
        self.given = given
        self.folder = real
        self.name = name
        return
      }
      let target = try Self.target(of: whole)
      try Self.checkTrust(link: whole, owner: status.st_uid)
      path = Self.isAbsolute(target) ? target : real + "/" + target
      // A link may point to a folder with a slash at its end; the folder is then what stands in the way.
      while path.utf8.count > 1, path.utf8.last == Self.slash { path.removeLast() }
    }
    throw DeliveryFailure.system(ELOOP, "Following \(given)")
  }

  /// The real path of a file whose folder may be missing too: symbolic links are followed as far as there is something. For
  /// telling where a path leads, not for opening it.
  static func asFarAsItGoes(_ path: String) -> String {
    if let place = try? ResolvedPath(path) { return place.path }
    var (folder, rest) = (path, "")
    while !folder.isEmpty, folder != "/" {
      if let real = Glibc.realpath(folder, nil) {
        defer { free(real) }
        return String(cString: real) + rest
      }
      let (above, name) = split(folder)
      (folder, rest) = (above, "/" + name + rest)
      if above == "." { break }
    }
    return path
  }

  private static func split(_ path: String) -> (folder: String, name: String) {
    guard let slash = path.utf8.lastIndex(of: slash) else { return (".", path) }
    let folder = String(path[..<slash])
    return (folder.isEmpty ? "/" : folder, String(path[path.utf8.index(after: slash)...]))
  }

  // Byte by byte, as Linux reads a path: a slash and the accent behind it are one `Character`, which equals none.
  private static let slash = UInt8(ascii: "/")

  private static func isAbsolute(_ path: String) -> Bool { path.utf8.first == slash }

  private static func names(_ path: String) -> [String] {
    path.utf8.split(separator: slash).map { String(Substring($0)) }
  }

  /// The path of a folder without symbolic links, each of which must be trusted: one that a component's own account has
  /// made must not lead to another's files.
  private static func realPath(_ folder: String) throws -> String {
    var rest = names(folder)[...]
    var real: [String] = []
    var links = 0
    while let name = rest.popFirst() {
      if name == "." { continue }
      if name == ".." {
        _ = real.popLast()
        continue
      }
      let whole = "/" + (real + [name]).joined(separator: "/")
      var status = stat()
      guard lstat(whole, &status) == 0 else { throw Folder.failure(errno, opening: folder) }
      guard status.isLink else {
        real.append(name)
        continue
      }
      links += 1
      // Linux itself follows 40 links at most (path_resolution(7)).
      guard links <= 40 else { throw DeliveryFailure.system(ELOOP, "Following \(folder)") }
      let target = try target(of: whole)
      try checkTrust(link: whole, owner: status.st_uid)
      if isAbsolute(target) { real = [] }
      rest = names(target)[...] + rest
    }
    return "/" + real.joined(separator: "/")
  }

  private static func target(of link: String) throws -> String {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink(link, &buffer, buffer.count)
    guard count > 0 else { throw DeliveryFailure.system(errno, "Following the link \(link)") }
    return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// A link that belongs to another user than the file behind it could make a privileged Reroot overwrite any file.
  private static func checkTrust(link: String, owner: uid_t) throws {
    if owner == 0 || owner == geteuid() { return }
    var behind = stat()
    if fstatat(AT_FDCWD, link, &behind, 0) != 0 || behind.st_uid == owner { return }
    throw DeliveryFailure(
      code: "LINK_NOT_TRUSTED",
      sentence: "The symbolic link \(link) belongs to \(Ownership.userName(owner)), "
        + "but what is behind it to \(Ownership.userName(behind.st_uid)).",
      advice: "Name the file itself in the component's settings, or let the link belong to root.")
  }
}
