import Delivery
import Foundation
import HTTP
import Rotation

/// Where a console listens, where its pages are, and how it reaches the components.
public struct ConsoleConfiguration: Sendable {
  /// The address to listen on.
  public var host: String
  /// The port; 0 lets the system choose.
  public var port: UInt16
  /// The folder of the stylesheet, scripts and icons.
  public var publicFolder: String
  /// The folder of the templates.
  public var templatesFolder: String
  /// The ways to the targets; their connections are closed when the console stops.
  public var targets: Targets
  /// How the files of a component are reached.
  public var targetAccess: @Sendable (Component) -> TargetAccess
  /// The hardware modules that roots' keys may stay in.
  public var modules = HardwareModules.none
  /// What a demonstration adds.
  public var `extension`: ConsoleExtension?
  /// The present moment.
  public var clock: @Sendable () -> Date
  /// How long an action of an update may take beyond what its component's settings allow to its commands and its
  /// verification: for its files and for connections, each of which has a limit of its own.
  public var actionReserve = Duration.seconds(180)
  /// Reverse proxies that are trusted besides those of the settings.
  public var trustedProxies: [AddressRange] = []
  /// The header of the proxies in place of the one of the settings.
  public var forwardedHeader: ForwardedHeader?
  /// How many requests a minute each token of the API may send.
  public var requestsPerMinute = 600
  /// By what notifications are sent.
  public var sending = SendingPrograms()
  /// By what clock, and after which pauses, the endpoints are looked at between updates.
  public var watching = WatchTiming.real
  /// The sockets of this machine that listen, for finding components; blocking.
  public var listeningSockets: @Sendable () -> [ListeningSocket] = { ListeningSockets.all() }

  /// Makes a configuration.
  ///
  /// Folders that are not given are looked for in the working folder and beside the executable; throws ``ConsoleError``
  /// when they are in neither.
  public init(
    host: String = "127.0.0.1", port: UInt16 = 8443, publicFolder: String? = nil, templatesFolder: String? = nil,
    targets: Targets = Targets(), targetAccess: (@Sendable (Component) -> TargetAccess)? = nil,
    extension: ConsoleExtension? = nil, clock: @escaping @Sendable () -> Date = { Date() }
  ) throws {
    self.host = host
    self.port = port
    self.publicFolder = try publicFolder ?? Self.find("Public")
    self.templatesFolder = try templatesFolder ?? Self.find("Templates")
    self.targets = targets
    self.targetAccess = targetAccess ?? { targets.access(to: $0) }
    self.extension = `extension`
    self.clock = clock
  }

  /// Looks for one of the program's folders: in the working folder, then in the executable's folder and in those above.
  static func find(_ name: String) throws -> String {
    let manager = FileManager.default
    let executable = URL(fileURLWithPath: CommandLine.arguments.first ?? "").resolvingSymlinksInPath()
    let linked = (try? manager.destinationOfSymbolicLink(atPath: "/proc/self/exe")).map { URL(fileURLWithPath: $0) }
    var candidates = [manager.currentDirectoryPath]
    var folder = (linked ?? executable).deletingLastPathComponent()
    for _ in 0..<5 where folder.path != "/" {
      candidates.append(folder.path)
      candidates.append(folder.appendingPathComponent("share/reroot").path)
      folder = folder.deletingLastPathComponent()
    }
    for candidate in candidates {
      let path = candidate + "/" + name
      var isFolder: ObjCBool = false
      // The layout and the stylesheet tell this program's folders from others of the same names.
      let mark = name == "Templates" ? "/layout.mustache" : ""
      if manager.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue,
        manager.fileExists(atPath: path + mark)
      {
        return path
      }
    }
    throw ConsoleError(
      code: "FOLDER_MISSING",
      sentence: "The folder \(name) of the program was found neither in the working folder nor beside the executable. "
        + "Start reroot from the folder that holds it.")
  }
}

/// What a demonstration adds to the console.
public struct ConsoleExtension: Sendable {
  /// The title of its entry in the navigation.
  public var title: String
  /// The path of its page.
  public var path: String
  /// The path of an event stream with its live numbers, for pages that have none of their own.
  public var eventsPath: String
  /// Adds its routes.
  public var addRoutes: @Sendable (_ router: inout ConsoleRouter) -> Void
  /// The model of the strip that every page shows.
  public var strip: @Sendable () -> PageModel
  /// Sends its live numbers over a stream that a page has opened for something else, too.
  public var join: @Sendable (_ stream: EventStream, _ visit: Visit) -> Void

  /// Describes what is added.
  public init(
    title: String, path: String, eventsPath: String,
    addRoutes: @escaping @Sendable (_ router: inout ConsoleRouter) -> Void, strip: @escaping @Sendable () -> PageModel,
    join: @escaping @Sendable (_ stream: EventStream, _ visit: Visit) -> Void
  ) {
    self.title = title
    self.path = path
    self.eventsPath = eventsPath
    self.addRoutes = addRoutes
    self.strip = strip
    self.join = join
  }
}
