import Delivery
import Foundation
import HTTP
import PKI
import Rotation
import Store

/// Looks at everything that Reroot stands on, and says what to do about each. Changes nothing, and keeps nobody waiting.
public struct Doctor: Sendable {
  let folder: FolderExamination
  let surroundings: DoctorSurroundings

  /// Looks at nothing yet.
  ///
  /// - Parameter masterKey: where the master key comes from.
  public init(
    folder: String, masterKey: MasterKeySource = .file(nil), surroundings: DoctorSurroundings = DoctorSurroundings()
  ) {
    self.folder = FolderExamination(folder: folder, masterKey: masterKey)
    self.surroundings = surroundings
  }

  /// Of a console that serves, beside it.
  init(_ services: Services) {
    folder = FolderExamination(of: services.store)
    var seen = DoctorSurroundings()
    (seen.clock, seen.targets, seen.access) = (services.clock, services.targets, services.targetAccess)
    surroundings = seen
  }

  /// Looks at all of it. A server that starts in the middle is waited for by looking again.
  public func examine() async -> DoctorReport {
    for _ in 0..<2 {
      let (report, isOutdated) = await look()
      if !isOutdated { return report }
    }
    return await look().report
  }

  private func look() async -> (report: DoctorReport, isOutdated: Bool) {
    let threads = WorkThreads(count: 1, name: "doctor")
    let (checks, view) = (try? await threads.run { [self] in lookAtFolder() }) ?? ([], nil)
    guard let view, !checks.contains(where: { ["database", "schema"].contains($0.name) && $0.state == .fail })
    else { return (DoctorReport(checks: checks), false) }
    var further: [DoctorCheck]
    do {
      let store = try await threads.run { [self] in
        try folder.store(clock: surroundings.clock)
      }
      surroundings.targets.keepOut(of: Belongings(of: store))
      further = [try await ClockDoctor(folder: folder, store: store, clock: surroundings.clock).check()]
      further += try await StoreDoctor(store: store, surroundings: surroundings).checks()
      try store.close()
    } catch {
      further = [
        .failed(
          "records", error, "If the schema is older, start the server once, which brings it up to date.")
      ]
    }
    await surroundings.targets.closeIdle()
    return (DoctorReport(checks: checks + further), view.isOutdated)
  }

  // MARK: The folder

  private func lookAtFolder() -> ([DoctorCheck], FolderExamination.View?) {
    var checks = [lookAtModes(), lookAtVersions(), lookAtSpace()]
    if folder.hasUnfinishedRestore {
      checks.append(
        .fail(
          "restore", "A restore into this folder was cut short.", "Start the server: it finishes it first."))
      return (checks, nil)
    }
    let view: FolderExamination.View
    do {
      view = try folder.database()
    } catch {
      return (checks + [.failed("database", error, "Check --data, or restore the newest backup.")], nil)
    }
    checks += [lookAtDatabase(view), lookAtSchema(view), lookAtSize(view)] + lookAtSecrets(view)
    return (checks, view)
  }

  private func lookAtModes() -> DoctorCheck {
    let name = "data folder"
    do {
      let found = try folder.exposures()
      guard found.isEmpty else {
        return .fail(
          name, found.joined(separator: " "),
          "Give the folder the mode 0700, its files 0600, and all of them to the user that runs Reroot.")
      }
      return .ok(
        name, "\(folder.folder), its owner's alone; \(folder.isInUse ? "a server runs on it" : "no server runs on it")."
      )
    } catch {
      return .failed(name, error, "Check --data, and that the user who runs this may read the folder.")
    }
  }

  private func lookAtVersions() -> DoctorCheck {
    let versions = surroundings.versions
    let all =
      "Reroot \(ProgramVersion.text), \(versions.openSSL), SQLite \(versions.sqlite), "
      + "libmicrohttpd \(versions.http)."
    if let refusal = versions.openSSLRefusal { return .fail("versions", all, refusal) }
    // The tables are STRICT, which SQLite knows since 3.37 (https://www.sqlite.org/stricttables.html).
    guard versions.sqlite.compare("3.37", options: .numeric) != .orderedAscending else {
      return .fail("versions", all, "Reroot needs SQLite 3.37 or later. Update the package libsqlite3-0.")
    }
    return .ok("versions", all)
  }

  private func lookAtSpace() -> DoctorCheck {
    let size = folder.databaseBytes
    return SpaceDoctor.check(
      "space of the data folder", folder.folder, surroundings.freeBytes(folder.folder),
      // A backup to the same disk, and the log of a big update.
      wanted: max(256 << 20, 3 * size), needed: max(16 << 20, size / 4))
  }

  // MARK: The database

  private func lookAtDatabase(_ view: FolderExamination.View) -> DoctorCheck {
    do {
      let damage = try view.damage()
      guard let first = damage.first else { return .ok("database", "It is whole (integrity_check).") }
      return .fail(
        "database", "It is damaged: \(first)",
        "Stop the server, keep a copy of the folder, and restore the newest backup. Look for a failing disk.")
    } catch {
      return .failed("database", error, "Restore the newest backup, and keep the damaged folder.")
    }
  }

  private func lookAtSchema(_ view: FolderExamination.View) -> DoctorCheck {
    do {
      let schema = try view.schema()
      if let newer = schema.unknown.first {
        return .fail(
          "schema", "The database was written by a newer version of Reroot (“\(newer)”).",
          "Use that version.")
      }
      if let missing = schema.missing.first {
        return .warn(
          "schema", "The database is that of an older version (“\(missing)” is missing).",
          "Make a backup; the next start of this version brings it up to date.")
      }
      return .ok("schema", "“\(schema.applied.last ?? "none")”, the one of this version.")
    } catch {
      return .failed("schema", error, "Restore the newest backup.")
    }
  }

  private func lookAtSize(_ view: FolderExamination.View) -> DoctorCheck {
    let (database, log) = view.sizes()
    let sentence = "\(ByteText.of(database)), and \(ByteText.of(log)) in its write-ahead log."
    guard log > max(surroundings.largestLog, database) else { return .ok("size", sentence) }
    return .warn(
      "size", sentence,
      "The log is folded into the database when the server is stopped in good order; a program that reads the database "
        + "for hours keeps it from shrinking before.")
  }

  private func lookAtSecrets(_ view: FolderExamination.View) -> [DoctorCheck] {
    let key: MasterKey
    do {
      key = try folder.masterKey(view)
    } catch {
      return [.failed("master key", error, "Without it no private key in the database opens; a backup holds it, too.")]
    }
    let right = DoctorCheck.ok("master key", "It belongs to this database.")
    do {
      let (opened, broken) = try view.openSecrets(key)
      guard broken.isEmpty else {
        let names = broken.prefix(5).joined(separator: ", ") + (broken.count > 5 ? " and \(broken.count - 5) more" : "")
        return [
          right,
          .fail(
            "seals", "\(Display.count(broken.count, "secret does", "secrets do")) not open: \(names).",
            "They were changed or moved by hand, or damaged. Restore a backup in which they open, or make them again: "
              + "import the root, or start an update."),
        ]
      }
      return [right, .ok("seals", opened == 1 ? "1 secret opens." : "All \(opened) secrets open.")]
    } catch {
      return [right, .failed("seals", error, "Restore the newest backup.")]
    }
  }
}

/// What the doctor sees of the world beside the folder; tests set it.
public struct DoctorSurroundings: Sendable {
  /// The present moment.
  public var clock: @Sendable () -> Date = { Date() }
  /// The ways to the targets.
  public var targets = Targets()
  /// How the files of a component are reached.
  public var access: (@Sendable (Component) -> TargetAccess)?
  /// The bytes that are free where a path is; nil where that cannot be told.
  public var freeBytes: @Sendable (_ path: String) -> FreeSpace? = { FreeSpace.of($0) }
  /// The libraries that the program runs with.
  public var versions = Versions.present
  /// A write-ahead log that is larger than this and than its database is too large, in bytes.
  public var largestLog = 64 << 20

  /// The world as it is.
  public init() {}

  func access(to component: Component) -> TargetAccess { access?(component) ?? targets.access(to: component) }

  /// The versions of libraries.
  public struct Versions: Sendable {
    /// Such as `OpenSSL 3.0.19 27 Jan 2026`.
    public var openSSL: String
    /// Why this OpenSSL will not do, and what to do; nil when it will.
    public var openSSLRefusal: String?
    /// Such as `3.40.1`.
    public var sqlite: String
    /// Such as `0.9.75`.
    public var http: String

    /// Those of this process.
    public static var present: Versions {
      let refusal: String?
      do {
        try OpenSSLVersion.require(3, 0, 19)
        refusal = nil
      } catch {
        refusal = Failure(describing: error).sentence
      }
      return Versions(
        openSSL: OpenSSLVersion.text, openSSLRefusal: refusal, sqlite: Store.libraryVersion, http: LibraryVersion.text)
    }
  }
}
