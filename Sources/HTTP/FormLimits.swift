/// How much a form may hold.
struct FormLimits: Sendable {
  var fieldBytes: Int
  var fileBytes: Int
  var parts: Int
  /// Names are written by the application's own pages, so a long one is not an accident.
  var nameBytes = 256
}
