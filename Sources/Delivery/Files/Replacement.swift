import Foundation
import PKI
import Rotation

/// A step of a replacement that has just been made. Between any two of them the process may end.
enum ReplacementStep: Sendable, Hashable {
  /// A temporary file exists, still empty, mode 0600.
  case made(String)
  /// A temporary file has its content, owner and mode.
  case staged(String)
  /// The old content has a second name.
  case kept(String)
  /// The other folders say where the journal is.
  case announced
  /// The temporary files are on the disk, and what the journal will say.
  case flushed
  /// The journal is on the disk.
  case journalled
  /// A file has its new content, or is gone.
  case replaced(String)
  /// All folders are on the disk.
  case synced
  /// The journal is gone: the replacement is done.
  case committed
  /// Nothing is left beside the files.
  case cleaned
}

/// Replaces several files as one.
///
/// 1. The new contents are written beside the files, complete with owner and mode, and the old ones get a second name; all
/// of that is flushed to the disk together.
/// 2. A journal says what is about to happen. 3. Each new content is renamed onto its file. 4. The journal is removed,
/// and with that the replacement is done. A failure on the way puts everything back; after a crash, the journal that is
/// still there makes ``CrashRecovery`` do the same. A trace without a journal is of no use to anybody and removed.
struct Replacement {
  private let changes: [FileChange]
  private let own: Belongings
  private let observe: @Sendable (ReplacementStep) throws -> Void

  /// - Parameter own: what is never replaced, whatever was agreed to.
  init(
    _ changes: [FileChange], own: Belongings = .none,
    observe: @escaping @Sendable (ReplacementStep) throws -> Void = { _ in }
  ) {
    self.changes = changes
    self.own = own
    self.observe = observe
  }

  /// Replaces all the files and returns, or throws and leaves them as they were. Blocking.
  func perform() throws {
    // Before the locks, which are not to be taken in Reroot's own folders, and again under them, when nobody else replaces
    // anything there.
    let targets = try found()
    try own.requireForeign(targets.map(\.place))
    guard let first = targets.first else { return }
    try Self.requireDistinct(targets)
    let locks = try FolderLocks(paths: Set(targets.map(\.place.folder)))
    _ = try CrashRecovery(locks: locks).perform()
    try requireForeign(targets)
    let filled = try targets.map { try $0.filled() }
    let work = ReplacementWork(
      names: .fresh(), folders: locks.folders, journalFolder: first.place.folder, observe: observe)
    do {
      try work.perform(filled)
    } catch {
      throw work.undone(after: DeliveryFailure(error, doing: "Replacing \(first.place.given)"))
    }
  }

  /// The files, where they really lie; without those of which there is nothing to remove.
  private func found() throws -> [Target] {
    var targets: [Target] = []
    do {
      for change in changes { try Target(change).map { targets.append($0) } }
    } catch {
      // What is Reroot's own is to be told, whatever else is wrong with it.
      try own.requireForeign(changes.map(\.path))
      throw error
    }
    if targets.count < changes.count { try own.requireForeign(changes.map(\.path)) }
    return targets
  }

  private func requireForeign(_ targets: [Target]) throws {
    try own.requireForeign(targets.map(\.place))
    let sources = targets.compactMap(\.change.source?.path)
    if !sources.isEmpty { try own.requireForeign(sources) }
  }

  private static func requireDistinct(_ targets: [Target]) throws {
    var seen: [String: String] = [:]
    for target in targets {
      if let other = seen.updateValue(target.place.given, forKey: target.place.path) {
        throw DeliveryFailure(
          code: "SAME_FILE_TWICE",
          sentence: "\(other) and \(target.place.given) are the same file, \(target.place.path).",
          advice: "Give each content a file of its own in the component's settings.")
      }
    }
  }

  /// A change, with the place where the file really lies.
  struct Target {
    private(set) var change: FileChange
    let place: ResolvedPath

    /// Nil for the removal of a file whose folder does not even exist.
    init?(_ change: FileChange) throws {
      self.change = change
      // What could not be read again could not be recognised after a crash either.
      if let size = change.content?.count, size > TargetFile.maximumBytes {
        throw FileReading.tooLarge("The new content of \(change.path)", size)
      }
      do {
        place = try ResolvedPath(change.path)
      } catch let failure as DeliveryFailure where failure.code == "FOLDER_MISSING" && change.isRemoval {
        return nil
      }
    }

    /// With the content of its source, read now that nobody else replaces anything there.
    func filled() throws -> Target {
      guard let source = change.source else { return self }
      guard let file = try FileReading.read(source.path), file.content.sha256Hex == source.sha256 else {
        throw DeliveryFailure(
          code: "SOURCE_CHANGED",
          sentence: "\(source.path) is not what it was a moment ago, so \(change.path) was not "
            + "replaced with it.",
          advice: "Find out which program changed it, then retry.")
      }
      var filled = self
      filled.change.content = file.content
      return filled
    }
  }
}
