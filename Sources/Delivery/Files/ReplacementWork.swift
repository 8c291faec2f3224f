import Foundation
import PKI
import Rotation

/// The steps of one replacement in folders that are locked and free of traces.
final class ReplacementWork {
  private let names: TransactionNames
  private let folders: [String: Folder]
  private let journalFolder: String
  private let observe: @Sendable (ReplacementStep) throws -> Void
  private var journal = ReplacementJournal(entries: [])
  private var laid: [StagedFile.Laid] = []

  init(
    names: TransactionNames, folders: [String: Folder], journalFolder: String,
    observe: @escaping @Sendable (ReplacementStep) throws -> Void
  ) {
    self.names = names
    self.folders = folders
    self.journalFolder = journalFolder
    self.observe = observe
  }

  func perform(_ targets: [Replacement.Target]) throws {
    for (index, target) in targets.enumerated() { try stage(target, index) }
    let used = journal.folders
    for path in used where path != journalFolder {
      try ReplacementJournal.writePointer(to: try folder(journalFolder), in: try folder(path), names: names)
    }
    try observe(.announced)
    // All are under way before one is waited for, so that the disk and the file system's journal are asked once and not for
    // each. Nothing but the content must be there first: what is renamed is whole.
    let list = try journal.lay(in: try folder(journalFolder), names: names)
    for file in laid { try file.flush() }
    try list.sync()
    try observe(.flushed)
    // Flushing the folder with the journal, as those with the pointers, puts everything in it onto the disk, the traces too. A
    // journal that gets there before the traces beside it does no harm: nothing has been replaced yet, and a file whose old
    // content has no second name is left alone by who puts things back.
    try folder(journalFolder).rename(names.unfinished(names.journal), to: names.journal)
    try folder(journalFolder).sync()
    try observe(.journalled)
    for entry in journal.entries { try replace(entry) }
    for path in used { try folder(path).sync() }
    try observe(.synced)
    try folder(journalFolder).remove(names.journal)
    try folder(journalFolder).sync()
    clean(try used.map(folder))
  }

  /// Removes the traces. The files are all new by now, so a failure here is none of the replacement's: what it leaves has
  /// no journal and is removed by whoever comes next.
  private func clean(_ folders: [Folder]) {
    try? observe(.committed)
    try? removeTraces(folders)
    try? observe(.cleaned)
  }

  /// Removes what is left where all went well: the new contents have their names, and there is nothing else than was listed.
  private func removeTraces(_ folders: [Folder]) throws {
    for folder in folders {
      for entry in journal.entries where entry.folder == folder.path {
        if let old = entry.old { try folder.remove(old) }
      }
      if folder.path != journalFolder { try folder.remove(names.pointer) }
      try folder.sync()
    }
  }

  /// Puts everything back after a failure, and says so where that fails too.
  func undone(after failure: DeliveryFailure) -> DeliveryFailure {
    do {
      let involved = try Set(journal.folders + [journalFolder]).sorted().map(folder)
      _ = try CrashRecovery.undo(journal, folders: folders)
      try folder(journalFolder).remove(names.journal)
      try folder(journalFolder).sync()
      try Traces.remove(names, from: involved)
      return failure
    } catch {
      let second = DeliveryFailure(error, doing: "Putting the files back")
      return DeliveryFailure(
        code: "NOT_PUT_BACK",
        sentence: "\(failure.failure.sentence) The files replaced before could not all be put back either: "
          + second.failure.sentence,
        advice:
          "\(second.failure.advice) Their old contents are kept beside them (.reroot-\(names.id)…) and are put back "
          + "by the next attempt.")
    }
  }

  private func folder(_ path: String) throws -> Folder {
    guard let folder = folders[path] else { throw Folder.failure(ENOENT, opening: path) }
    return folder
  }

  private func stage(_ target: Replacement.Target, _ index: Int) throws {
    let folder = try folder(target.place.folder)
    let name = target.place.name
    let found = try folder.status(name)
    if let found { try FileReading.requireRegular(found, target.place.given) }
    // Removing what is not there is no work.
    if target.change.content == nil, found == nil { return }
    var entry = ReplacementJournal.Entry(folder: folder.path, name: name)
    // Listed before it is made, so that a failure in the middle of it is cleaned up too.
    entry.new = target.change.content == nil ? nil : names.new(index)
    entry.old = found == nil ? nil : names.old(index)
    entry.newDigest = target.change.content?.sha256Hex
    journal.entries.append(entry)
    if let content = target.change.content {
      let owner = try target.change.owner.map(Ownership.user) ?? found?.st_uid
      let group = try target.change.group.map(Ownership.group) ?? found?.st_gid
      let staged = StagedFile(
        folder: folder, name: names.new(index), path: target.place.given, owner: owner, group: group,
        mode: target.change.mode)
      laid.append(try staged.laid(content) { try observe(.made(folder.path(of: names.new(index)))) })
      try observe(.staged(folder.path(of: names.new(index))))
    }
    guard let found else { return }
    try keep(name, as: names.old(index), found: found, in: folder)
    try observe(.kept(folder.path(of: names.old(index))))
  }

  private func keep(_ name: String, as old: String, found: stat, in folder: Folder) throws {
    if try folder.link(name, to: old) { return }
    guard let file = try FileReading.read(name, in: folder) else { return }
    let copy = StagedFile(
      folder: folder, name: old, path: folder.path(of: name), owner: found.st_uid, group: found.st_gid,
      mode: FileMode(bits: found.permissions))
    laid.append(try copy.laid(file.content) {})
  }

  private func replace(_ entry: ReplacementJournal.Entry) throws {
    let folder = try folder(entry.folder)
    if let new = entry.new {
      try folder.rename(new, to: entry.name)
    } else {
      try folder.remove(entry.name)
    }
    try observe(.replaced(entry.path))
  }
}
