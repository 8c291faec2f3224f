import Glibc

/// The process's limit of open files. Every connection takes one, and the application needs some for itself: without
/// this, clients could use up the files that a database or a child process is opened with.
enum OpenFiles {
  /// Left to everything else in the process: the files of the components that are worked on, and looks at their endpoints.
  private static let reserve = 384

  /// Raises the soft limit as far as `wanted` connections need and the hard limit allows.
  /// - Returns: how many connections fit.
  static func makeRoom(for wanted: Int) -> Int {
    var limit = rlimit()
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    guard getrlimit(resource, &limit) == 0 else { return wanted }
    let needed = rlim_t(wanted + reserve)
    if limit.rlim_cur < needed {
      limit.rlim_cur = min(needed, limit.rlim_max)
      _ = setrlimit(resource, &limit)
      getrlimit(resource, &limit)
    }
    return limit.rlim_cur >= needed ? wanted : fitting(Int(limit.rlim_cur))
  }

  /// With few files in all, half of them are kept back instead.
  static func fitting(_ files: Int) -> Int { max(1, files - min(reserve, files / 2)) }
}
