import CMicroHTTPD

/// The version of the library that serves HTTP.
public enum LibraryVersion {
  /// Such as `0.9.75`.
  public static var text: String { MHD_get_version().map { String(cString: $0) } ?? "?" }
}
