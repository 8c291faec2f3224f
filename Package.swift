// swift-tools-version: 6.1

import PackageDescription

/// One room per target; the arrows are the ones that README.md draws.
let package = Package(
  name: "reroot",
  platforms: [.macOS(.v15)],
  products: [.executable(name: "reroot", targets: ["reroot"])],
  dependencies: [
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
  ],
  targets: [
    .target(name: "CMicroHTTPD", linkerSettings: [.linkedLibrary("microhttpd"), .linkedLibrary("gnutls")]),
    .target(name: "COpenSSL", linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
    .target(name: "HTTP", dependencies: ["CMicroHTTPD", .product(name: "Logging", package: "swift-log")]),
    .target(name: "PKI", dependencies: ["COpenSSL"]),
    .target(name: "Rotation"),
    .target(
      name: "Delivery",
      dependencies: ["Rotation", "PKI", .product(name: "Subprocess", package: "swift-subprocess")]),
    .target(name: "Store", dependencies: ["Rotation", "PKI", .product(name: "GRDB", package: "GRDB.swift")]),
    .executableTarget(
      name: "reroot",
      dependencies: [
        "PKI", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      // Built with the rooms Console and Demo, once these are whole.
      exclude: [
        "Complaint.swift", "ComponentsCommand.swift", "SampleComponent.swift", "Serve.swift", "StopSignals.swift",
      ]),
    .testTarget(name: "HTTPTests", dependencies: ["HTTP"]),
    .testTarget(name: "PKITests", dependencies: ["PKI"]),
    .testTarget(name: "RotationTests", dependencies: ["Rotation"]),
    .testTarget(name: "StoreTests", dependencies: ["Store"]),
    .testTarget(name: "DeliveryTests", dependencies: ["Delivery"]),
  ],
  swiftLanguageModes: [.v6]
)
