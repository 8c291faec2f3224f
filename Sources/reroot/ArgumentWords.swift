import ArgumentParser
import Console
import Rotation
import Store

// Words that the command line itself knows are checked before anything is asked: a wrong one is wrong usage, whichever command
// it is given to, and whether a server answers or not.

extension Role: ExpressibleByArgument {}

extension Decision.Kind: ExpressibleByArgument {}

extension AuditTopic: ExpressibleByArgument {}

extension NotificationChannel: ExpressibleByArgument {}

/// How a component stands, as the column STATE says it.
struct ComponentStateWord: ExpressibleByArgument {
  let text: String

  init?(argument: String) {
    guard ComponentStateWords.all.contains(argument) else { return nil }
    text = argument
  }

  static var allValueStrings: [String] { ComponentStateWords.all }
}

/// A day in UTC.
struct DayArgument: ExpressibleByArgument {
  let text: String

  init?(argument: String) {
    guard AuditDay.date(argument) != nil else { return nil }
    text = argument
  }
}
