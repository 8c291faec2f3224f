import GRDB

/// The tables, by the versions that brought them. A migration that has been released is never changed.
enum Migrations {
  static var all: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1.0") { try $0.execute(sql: version1) }
    migrator.registerMigration("1.1 retirement") { try $0.execute(sql: retirement) }
    return migrator
  }

  /// `retires` is the fingerprint of the root that an update takes out of the bundles. The roots that components
  /// presented before the updates that are there already are read from their plans.
  private static let retirement = """
    ALTER TABLE updates ADD COLUMN retires TEXT;
    ALTER TABLE updates ADD COLUMN retires_name TEXT;
    CREATE TABLE former_roots (
      update_id INTEGER NOT NULL, fingerprint TEXT NOT NULL, certificate BLOB, PRIMARY KEY (update_id, fingerprint)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO former_roots (update_id, fingerprint)
    SELECT DISTINCT u.id, json_extract(c.value, '$.findings.presents.fingerprint')
    FROM updates u JOIN plans p ON p.id = u.plan, json_each(p.body, '$.components') c
    WHERE json_extract(c.value, '$.findings.presents.fingerprint') <> json_extract(p.body, '$.root.key.fingerprint');
    """

  /// Moments are milliseconds since 1970. Columns named `sealed…` hold secrets under the master key.
  private static let version1 = """
    CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT, sealed_value BLOB) STRICT, WITHOUT ROWID;

    CREATE TABLE roots (
      id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, fingerprint TEXT NOT NULL, certificate BLOB NOT NULL,
      sealed_key BLOB, warnings TEXT NOT NULL, imported_at INTEGER NOT NULL, imported_by TEXT NOT NULL,
      retired_at INTEGER, removed_at INTEGER
    ) STRICT;
    CREATE UNIQUE INDEX roots_by_fingerprint ON roots (fingerprint) WHERE removed_at IS NULL;

    CREATE TABLE held_imports (
      id INTEGER PRIMARY KEY AUTOINCREMENT, token_hash TEXT NOT NULL UNIQUE, certificate BLOB NOT NULL,
      sealed_key BLOB, details TEXT NOT NULL, expires_at INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE components (
      id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, body TEXT NOT NULL
    ) STRICT;
    CREATE TABLE sightings (
      component INTEGER NOT NULL, endpoint TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (component, endpoint)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE plans (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL, made_at INTEGER NOT NULL) STRICT;
    CREATE TABLE kept_files (
      id INTEGER PRIMARY KEY AUTOINCREMENT, plan INTEGER NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
      component INTEGER NOT NULL, file TEXT NOT NULL, sealed_content BLOB
    ) STRICT;
    CREATE INDEX kept_files_by_component ON kept_files (plan, component);

    CREATE TABLE updates (
      id INTEGER PRIMARY KEY AUTOINCREMENT, plan INTEGER NOT NULL REFERENCES plans (id), root INTEGER NOT NULL,
      course TEXT NOT NULL, started_at INTEGER NOT NULL, started_by TEXT NOT NULL, ended_at INTEGER, outcome TEXT,
      last_sequence INTEGER NOT NULL DEFAULT 0, last_event INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE UNIQUE INDEX one_update_at_a_time ON updates (outcome IS NULL) WHERE outcome IS NULL;
    CREATE TABLE journal (
      update_id INTEGER NOT NULL, sequence INTEGER NOT NULL, at INTEGER NOT NULL, action TEXT, event TEXT, note TEXT,
      PRIMARY KEY (update_id, sequence)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE attempts (
      update_id INTEGER NOT NULL, action TEXT NOT NULL, attempt INTEGER NOT NULL, worker TEXT NOT NULL,
      begun_at INTEGER NOT NULL, ended_at INTEGER, failure TEXT, PRIMARY KEY (update_id, action, attempt)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE issuances (
      id INTEGER PRIMARY KEY AUTOINCREMENT, update_id INTEGER, component INTEGER, root INTEGER NOT NULL,
      serial TEXT NOT NULL, names TEXT NOT NULL, sealed_key BLOB, certificate BLOB, begun_at INTEGER NOT NULL,
      finished_at INTEGER, UNIQUE (root, serial)
    ) STRICT;
    CREATE INDEX issuances_by_component ON issuances (update_id, component);

    CREATE TABLE certificate_sets (
      number INTEGER PRIMARY KEY AUTOINCREMENT, root INTEGER NOT NULL, update_id INTEGER UNIQUE,
      previous INTEGER, made_at INTEGER NOT NULL, is_current INTEGER NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX one_current_set ON certificate_sets (is_current) WHERE is_current = 1;
    CREATE TABLE set_members (
      number INTEGER NOT NULL, component INTEGER NOT NULL, root INTEGER NOT NULL, fingerprint TEXT NOT NULL,
      serial TEXT NOT NULL, not_after INTEGER NOT NULL, PRIMARY KEY (number, component)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE authorities (
      id INTEGER PRIMARY KEY AUTOINCREMENT, fingerprint TEXT NOT NULL UNIQUE, certificate BLOB NOT NULL,
      added_at INTEGER NOT NULL, added_by TEXT NOT NULL
    ) STRICT;
    CREATE TABLE server_certificates (
      id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, chain TEXT NOT NULL, sealed_key BLOB,
      added_at INTEGER NOT NULL, added_by TEXT NOT NULL
    ) STRICT;
    CREATE TABLE https (
      id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, chain TEXT NOT NULL, sealed_key BLOB,
      update_id INTEGER, since INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE users (
      id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE COLLATE NOCASE, password_hash TEXT NOT NULL,
      added_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE sessions (
      id INTEGER PRIMARY KEY AUTOINCREMENT, token_hash TEXT NOT NULL UNIQUE,
      user INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE, began_at INTEGER NOT NULL,
      seen_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE failed_sign_ins (
      name TEXT PRIMARY KEY COLLATE NOCASE, count INTEGER NOT NULL, last_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    """
}
