import GRDB

/// A number that is another one after every commit, whoever makes it: this program, or another one beside it.
///
/// SQLite's `PRAGMA data_version` gives a connection another number once any other connection has committed something, and
/// says nothing of the connection's own commits (https://www.sqlite.org/pragma.html#pragma_data_version). So it is asked on a
/// connection of its own, which never writes. It takes microseconds: SQLite looks into the memory that all who have the
/// database open share.
final class DataVersion: Sendable {
  private let connection: DatabaseQueue

  /// - Parameter path: a database that is there, and has a write-ahead log.
  init(_ path: String) throws {
    var configuration = Configuration()
    configuration.readonly = true
    // Whoever asks must not wait, not even for a program that folds the log.
    configuration.busyMode = .immediateError
    connection = try DatabaseQueue(path: path, configuration: configuration)
  }

  /// Nil where it cannot be told at once.
  var current: Int? {
    // Without a transaction around it: the statement's own is what looks for commits.
    connection.unsafeRead { database in
      // SQLite does not look whether a connection is still one.
      guard database.sqliteConnection != nil else { return nil }
      return try? Int.fetchOne(database.cachedStatement(sql: "PRAGMA data_version"))
    }
  }

  func close() throws { try connection.close() }
}
