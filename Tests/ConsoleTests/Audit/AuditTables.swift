@testable import Store

/// What is not walked where every way that changes something is.
enum AuditTables {
  /// Ways that change nothing but what is looked at next; each with the reason.
  static let silent = [
    "POST /account/second-factor": "offers a secret, which counts only once a code of it was given",
    "POST /retiring/:fingerprint/looks": "looks at the components again, as opening the page does after a while",
    "POST /restored/looks": "looks at the components again, as the start after a restore does",
    "POST /components/find/:token/cancel": "ends a search, which is recorded where it begins",
    "POST /settings/notifications/tests": "sends a message that says that it is a test",
  ]

  /// Ways that need a hardware module, and what else happens without a page; each with the test that sees its entry.
  static let elsewhere = [
    "POST /roots/module": "Systems/test_hardware_module.py", "POST /roots/:id/pin": "Systems/test_hardware_module.py",
    "POST /restored/seen": "ConsoleTests/Restoration/RestorationTests.swift",
  ]
  static let eventsElsewhere: [AuditEvent: String] = [
    .rootPINChanged: "Systems/test_hardware_module.py",
    .endpointDiffers: "ConsoleTests/Watching/WatchTests.swift",
    .endpointRight: "ConsoleTests/Watching/WatchTests.swift",
    .renewalHeld: "ConsoleTests/Renewal/RenewalTests.swift",
    .masterKeyRotated: "CommandLineTests/AuditCommandTests.swift", .backupMade: "StoreTests/BackupTests.swift",
    .backupRestored: "Systems/test_backup.py", .auditBroken: "StoreTests/AuditTamperingTests.swift",
    .restorationConfirmed: "ConsoleTests/Restoration/RestorationTests.swift", .demoFault: "Browser/test_people.py",
  ]
}
