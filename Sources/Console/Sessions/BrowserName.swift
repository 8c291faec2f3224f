/// What browser a `User-Agent` header names, in plain words. They are ours: nothing of the header itself is kept or shown.
enum BrowserName {
  /// `Firefox on Linux`; `Unknown browser` where nothing is recognised.
  static func words(_ userAgent: String?) -> String {
    let text = String((userAgent ?? "").prefix(500))
    let browser = name(text, browsers) ?? "Unknown browser"
    return name(text, systems).map { "\(browser) on \($0)" } ?? browser
  }

  /// The first that fits: most browsers name their ancestors, too.
  private static let browsers = [
    ("Edg/", "Edge"), ("EdgA/", "Edge"), ("EdgiOS/", "Edge"), ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"), ("Vivaldi/", "Vivaldi"), ("FxiOS/", "Firefox"), ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"), ("Chromium/", "Chromium"), ("Chrome/", "Chrome"), ("Safari/", "Safari"),
    ("curl/", "curl"), ("Wget/", "Wget"), ("python", "Python"),
  ]

  private static let systems = [
    ("Windows", "Windows"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"), ("Linux", "Linux"),
  ]

  private static func name(_ text: String, _ names: [(mark: String, name: String)]) -> String? {
    names.first { text.contains($0.mark) }?.name
  }
}
