import Foundation

/// The folders of a replacement, held open and locked against every other replacement, in this process or another.
final class FolderLocks: Sendable {
  /// By real path.
  let folders: [String: Folder]
  /// The replacements of which there was a trace in them when they were locked.
  let traces: Set<TransactionNames>

  /// Opens and locks the folders and, with them, those of replacements that were cut short in one of them.
  ///
  /// Waits for others up to the limit, then throws `FOLDER_BUSY`. Blocking.
  init(paths: Set<String>, limit: Duration = .seconds(20)) throws {
    let deadline = ContinuousClock.now + limit
    var wanted = paths
    while true {
      let held = try Self.lock(wanted, until: deadline)
      let found = try Self.related(to: held.values)
      let needed = wanted.union(found.folders)
      if needed == wanted {
        folders = held
        traces = found.traces
        return
      }
      // Let go of and begun again, so that everybody locks in the same order.
      wanted = needed
    }
  }

  deinit {
    for folder in folders.values { flock(folder.descriptor, LOCK_UN) }
  }

  private static func lock(_ paths: Set<String>, until deadline: ContinuousClock.Instant) throws -> [String: Folder] {
    var held: [String: Folder] = [:]
    for path in paths.sorted() {
      let folder = try Folder(realPath: path)
      while flock(folder.descriptor, LOCK_EX | LOCK_NB) != 0 {
        switch errno {
        case EWOULDBLOCK, EINTR:
          guard ContinuousClock.now < deadline else { throw busy(path) }
          usleep(10_000)
          continue
        default:
          // A file system without locks; then only the store keeps two replacements apart.
          break
        }
        break
      }
      held[path] = folder
    }
    return held
  }

  /// The replacements of which there is a trace in these folders, and the folders that take part in them.
  private static func related(
    to folders: some Collection<Folder>
  ) throws -> (folders: Set<String>, traces: Set<TransactionNames>) {
    var found: Set<String> = []
    var traces: Set<TransactionNames> = []
    for folder in folders {
      let here = Set(try folder.names().compactMap(TransactionNames.init(parsing:)))
      traces.formUnion(here)
      for names in here {
        if let journal = try ReplacementJournal.read(in: folder, names: names) { found.formUnion(journal.folders) }
        guard let pointer = try ReplacementJournal.readPointer(in: folder, names: names) else { continue }
        let other = try pointer.open(foundIn: folder)
        guard let journal = try ReplacementJournal.read(in: other, names: names) else { continue }
        found.formUnion(journal.folders + [other.path])
      }
    }
    return (found, traces)
  }

  private static func busy(_ path: String) -> DeliveryFailure {
    DeliveryFailure(
      code: "FOLDER_BUSY", sentence: "The folder \(path) is locked by another program for too long.",
      advice: "Look whether a second Reroot works on it (`lsof \(path)`), then try again.")
  }
}
