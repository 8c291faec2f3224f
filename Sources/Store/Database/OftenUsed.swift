import GRDB

// What an update asks of the database for every action is prepared once for each connection: taking the text of a statement
// apart takes longer than carrying it out.

extension GRDB.Database {
  /// Executes a statement that is executed again and again. Its text is the same each time.
  func execute(often sql: String, arguments: StatementArguments) throws {
    try cachedStatement(sql: sql).execute(arguments: arguments)
  }
}

extension Row {
  /// The first row of a query that is asked again and again. Its text is the same each time.
  static func fetchOne(_ database: GRDB.Database, often sql: String, arguments: StatementArguments) throws -> Row? {
    try fetchOne(database.cachedStatement(sql: sql), arguments: arguments)
  }
}

extension DatabaseValueConvertible where Self: StatementColumnConvertible {
  /// The first value of a query that is asked again and again. Its text is the same each time.
  static func fetchOne(_ database: GRDB.Database, often sql: String, arguments: StatementArguments) throws -> Self? {
    try fetchOne(database.cachedStatement(sql: sql), arguments: arguments)
  }
}
