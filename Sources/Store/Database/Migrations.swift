import GRDB

/// The tables, by the versions that brought them. A migration that has been released is never changed.
///
/// GRDB knows a migration by its name, and runs those whose names a database has not had yet, in this order. A name is never
/// changed: under a new one it would run a second time, and a database that has had the old one would count as a newer
/// Reroot's. That is why “1.3” is a name and no order.
enum Migrations {
  static var all: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1.0") { try $0.execute(sql: version1) }
    migrator.registerMigration("1.1 retirement") { try $0.execute(sql: retirement) }
    migrator.registerMigration("1.2 audit") { try $0.execute(sql: audit) }
    migrator.registerMigration("1.2 roles") { try $0.execute(sql: roles) }
    migrator.registerMigration("1.2 hardware modules") { try $0.execute(sql: hardwareModules) }
    migrator.registerMigration("1.2 agreements") { try $0.execute(sql: agreements) }
    migrator.registerMigration("1.3 second factor") { try $0.execute(sql: secondFactor) }
    migrator.registerMigration("1.2 restorations") { try $0.execute(sql: restorations) }
    migrator.registerMigration("1.3 folded names") {
      try $0.execute(sql: "ALTER TABLE users ADD COLUMN folded_name TEXT")
      try SignInName.foldAll($0)
      try $0.execute(sql: "CREATE UNIQUE INDEX users_by_folded_name ON users (folded_name)")
    }
    migrator.registerMigration("1.4 tokens") { try $0.execute(sql: tokens) }
    migrator.registerMigration("1.5 notifications") { try $0.execute(sql: notifications) }
    migrator.registerMigration("1.5 renewals") { try $0.execute(sql: renewals) }
    migrator.registerMigration("1.5 watching") { try $0.execute(sql: watching) }
    // A token that another one made ends with it: whoever finds one must not be able to outlive its end.
    migrator.registerMigration("1.6 tokens of tokens") {
      try $0.execute(sql: "ALTER TABLE tokens ADD COLUMN maker INTEGER REFERENCES tokens (id) ON DELETE CASCADE")
    }
    // A number comes again when a backup is restored, and in every database: receivers drop what they have seen already.
    migrator.registerMigration("1.6 marks of notifications") {
      try $0.execute(
        sql: """
          ALTER TABLE notifications ADD COLUMN mark TEXT NOT NULL DEFAULT '';
          UPDATE notifications SET mark = lower(hex(randomblob(16)));
          """)
    }
    migrator.registerMigration("1.7 early keys") { try $0.execute(sql: earlyKeys) }
    migrator.registerMigration("1.7 courses") { try $0.execute(sql: courses) }
    migrator.registerMigration("1.7 observations") {
      try $0.execute(sql: "ALTER TABLE updates ADD COLUMN observations_removed_at INTEGER")
    }
    migrator.registerMigration("1.7 summaries of plans") {
      try $0.execute(sql: "ALTER TABLE plans ADD COLUMN summary TEXT")
    }
    // Those that are there already keep it in their certificates alone.
    migrator.registerMigration("1.7 ends of certificates") {
      try $0.execute(sql: "ALTER TABLE issuances ADD COLUMN not_after INTEGER")
    }
    // With it `body` is `{}`.
    migrator.registerMigration("1.7 packed plans") {
      try $0.execute(sql: "ALTER TABLE plans ADD COLUMN packed BLOB")
    }
    return migrator
  }

  /// What is to be told, once for each key and channel. `due_at` is null once it has ended.
  private static let notifications = """
    CREATE TABLE notifications (
      id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, channel TEXT NOT NULL, kind TEXT NOT NULL,
      subject TEXT NOT NULL, text TEXT NOT NULL, update_id INTEGER, component TEXT, path TEXT,
      made_at INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, due_at INTEGER, problem TEXT, ended_at INTEGER,
      ending TEXT, UNIQUE (key, channel)
    ) STRICT;
    CREATE INDEX notifications_by_due ON notifications (due_at) WHERE due_at IS NOT NULL;
    """

  /// What Reroot has begun by itself, and what came of it: without a code it goes on, or was cut short.
  private static let renewals = """
    CREATE TABLE renewals (
      id INTEGER PRIMARY KEY AUTOINCREMENT, begun_at INTEGER NOT NULL, code TEXT, sentence TEXT, update_id INTEGER
    ) STRICT;
    """

  /// What watching has seen of a component, held against the certificates of a set. `right_at` is when every endpoint was
  /// last seen with the right certificate, by whichever look; a component may have it before watching has looked.
  private static let watching = """
    CREATE TABLE watched (
      component INTEGER PRIMARY KEY, looked_at INTEGER, right_at INTEGER, differs_since INTEGER, set_number INTEGER,
      findings TEXT NOT NULL DEFAULT '[]'
    ) STRICT;
    CREATE INDEX watched_differing ON watched (set_number) WHERE findings <> '[]';
    """

  /// The tokens of the API, and the requests that clients gave a key so that they are not done twice.
  private static let tokens = """
    CREATE TABLE tokens (
      id INTEGER PRIMARY KEY AUTOINCREMENT, token_hash TEXT NOT NULL UNIQUE, name TEXT NOT NULL COLLATE NOCASE,
      user INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE, role TEXT NOT NULL, made_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL, used_at INTEGER, used_from TEXT NOT NULL DEFAULT '', UNIQUE (user, name)
    ) STRICT;
    CREATE TABLE request_keys (
      token INTEGER NOT NULL REFERENCES tokens (id) ON DELETE CASCADE, key TEXT NOT NULL, content TEXT NOT NULL,
      begun_at INTEGER NOT NULL, status INTEGER, headers TEXT, body BLOB, PRIMARY KEY (token, key)
    ) STRICT, WITHOUT ROWID;
    """

  /// That the database was restored from a backup, and what a look at every component showed after it. `last_update` is
  /// the newest update that the backup knew.
  private static let restorations = """
    CREATE TABLE restorations (
      id INTEGER PRIMARY KEY AUTOINCREMENT, restored_at INTEGER NOT NULL, backup_made_at INTEGER NOT NULL,
      last_update INTEGER NOT NULL, looked_at INTEGER, differs INTEGER, seen_at INTEGER, seen_by TEXT
    ) STRICT;
    CREATE TABLE restoration_looks (
      restoration INTEGER NOT NULL, component INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (restoration, component)
    ) STRICT, WITHOUT ROWID;
    """

  /// `module` says where a root's key is that stays in a hardware module; such a root has no `sealed_key`.
  private static let hardwareModules = """
    ALTER TABLE roots ADD COLUMN module TEXT;
    ALTER TABLE roots ADD COLUMN sealed_pin BLOB;
    """

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

  /// Entries are only ever added, each with a number above the last one's: also by whoever mistakes a statement, and
  /// with INSERT OR REPLACE, which asks no trigger for deletions. `audit_head` says where the log ends, so that its last
  /// entries cannot be taken away unseen.
  private static let audit = """
    CREATE TABLE audit (
      number INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, who TEXT NOT NULL, user INTEGER,
      address TEXT, event TEXT NOT NULL, subject TEXT, details TEXT NOT NULL, reason TEXT, previous BLOB NOT NULL,
      hash BLOB NOT NULL, seal BLOB NOT NULL
    ) STRICT;
    CREATE INDEX audit_by_who ON audit (who, number);
    CREATE INDEX audit_by_event ON audit (event, number);
    CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN
      SELECT RAISE(ABORT, 'the audit log is append-only');
    END;
    CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON audit BEGIN
      SELECT RAISE(ABORT, 'the audit log is append-only');
    END;
    CREATE TRIGGER audit_is_appended BEFORE INSERT ON audit
    WHEN NEW.number <= (SELECT max(number) FROM audit) BEGIN
      SELECT RAISE(ABORT, 'the audit log is append-only');
    END;
    CREATE TABLE audit_head (
      only INTEGER PRIMARY KEY CHECK (only = 1), number INTEGER NOT NULL, hash BLOB NOT NULL, seal BLOB NOT NULL
    ) STRICT;
    """

  /// Whoever is there already could do everything. A user who is added without a role may only look.
  ///
  /// `has_password` is 0 until the password link of a user was used; the hash is then of a password that nobody knows.
  private static let roles = """
    ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'viewer'
      CHECK (role IN ('viewer', 'operator', 'administrator'));
    UPDATE users SET role = 'administrator';
    ALTER TABLE users ADD COLUMN has_password INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE users ADD COLUMN signed_in_at INTEGER;
    CREATE TABLE password_links (
      user INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE, token_hash TEXT NOT NULL UNIQUE,
      expires_at INTEGER NOT NULL
    ) STRICT;
    """

  /// Users are no foreign keys: a number is never given again, and what a user who is gone has said stays on record.
  private static let agreements = """
    CREATE TABLE agreements (
      id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT NOT NULL CHECK (what IN ('start', 'abort', 'switchOff')),
      plan INTEGER, update_id INTEGER, question INTEGER, hash TEXT NOT NULL, asker INTEGER NOT NULL,
      asker_name TEXT NOT NULL, asked_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
      accepts_problems INTEGER NOT NULL, accepts_namesake INTEGER NOT NULL, answer TEXT, answerer INTEGER,
      answerer_name TEXT, answered_at INTEGER, reason TEXT, ending TEXT, ended_at INTEGER, CHECK (answerer <> asker)
    ) STRICT;
    CREATE INDEX open_agreements ON agreements (id) WHERE ended_at IS NULL;
    CREATE INDEX agreements_by_plan ON agreements (plan) WHERE plan IS NOT NULL;
    """

  /// `since` is null for a secret that was only offered; `last_step` is the step of the last code, which is not taken again.
  private static let secondFactor = """
    CREATE TABLE second_factors (
      id INTEGER PRIMARY KEY AUTOINCREMENT, user INTEGER NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
      sealed_secret BLOB NOT NULL, offered_at INTEGER NOT NULL, since INTEGER, last_step INTEGER
    ) STRICT;
    CREATE TABLE recovery_codes (
      user INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE, code_hash TEXT NOT NULL,
      PRIMARY KEY (user, code_hash)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE sign_in_steps (
      token_hash TEXT PRIMARY KEY, user INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
      began_at INTEGER NOT NULL, failures INTEGER NOT NULL DEFAULT 0
    ) STRICT, WITHOUT ROWID;
    ALTER TABLE sessions ADD COLUMN address TEXT NOT NULL DEFAULT '';
    ALTER TABLE sessions ADD COLUMN browser TEXT NOT NULL DEFAULT '';
    DROP TABLE failed_sign_ins;
    CREATE TABLE sign_in_failures (
      counted_by TEXT PRIMARY KEY, level REAL NOT NULL, last_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    """

  /// Keys that were made ahead go with their plan.
  private static let earlyKeys = """
    CREATE TABLE early_keys (
      id INTEGER PRIMARY KEY AUTOINCREMENT, plan INTEGER NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
      component INTEGER NOT NULL, kind TEXT NOT NULL, sealed_key BLOB, UNIQUE (plan, component)
    ) STRICT;
    """

  /// The course of an update is as long as its components are many, and never changes. The rest of its row changes with
  /// every entry of its journal, and all of a row is read and written each time.
  private static let courses = """
    CREATE TABLE courses (update_id INTEGER PRIMARY KEY REFERENCES updates (id), course TEXT NOT NULL) STRICT;
    INSERT INTO courses (update_id, course) SELECT id, course FROM updates;
    ALTER TABLE updates DROP COLUMN course;
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
