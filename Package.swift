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
    .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    .target(name: "CMicroHTTPD", linkerSettings: [.linkedLibrary("microhttpd"), .linkedLibrary("gnutls")]),
    .target(name: "COpenSSL", linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
    .target(name: "CSpawn"),
    .target(name: "CPKCS11", linkerSettings: [.linkedLibrary("dl")]),
    .target(name: "CProcess"),
    .target(name: "CZlib", linkerSettings: [.linkedLibrary("z")]),
    .target(name: "HTTP", dependencies: ["CMicroHTTPD", "CZlib", .product(name: "Logging", package: "swift-log")]),
    .target(name: "PKI", dependencies: ["COpenSSL", "CPKCS11"]),
    .target(name: "Rotation"),
    .target(
      name: "Delivery",
      dependencies: ["CSpawn", "Rotation", "PKI", .product(name: "Subprocess", package: "swift-subprocess")]),
    .target(name: "Store", dependencies: ["CZlib", "Rotation", "PKI", .product(name: "GRDB", package: "GRDB.swift")]),
    .target(
      name: "Console",
      dependencies: [
        "HTTP", "PKI", "Rotation", "Delivery", "Store", .product(name: "Mustache", package: "swift-mustache"),
        .product(name: "Yams", package: "Yams"), .product(name: "Logging", package: "swift-log"),
      ]),
    .target(name: "Demo", dependencies: ["Console", "HTTP", "PKI", "Rotation", "Delivery", "Store"]),
    .executableTarget(
      name: "reroot",
      dependencies: [
        "CProcess", "Console", "Delivery", "Demo", "HTTP", "PKI", "Store",
        .product(name: "Logging", package: "swift-log"), .product(name: "Yams", package: "Yams"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .testTarget(name: "HTTPTests", dependencies: ["HTTP"]),
    .testTarget(name: "PKITests", dependencies: ["PKI"]),
    .testTarget(name: "RotationTests", dependencies: ["Rotation"]),
    .testTarget(name: "StoreTests", dependencies: ["Store"]),
    .testTarget(
      name: "ConsoleTests", dependencies: ["Console", "HTTP", "PKI", "Rotation", "Delivery", "Store"],
      exclude: ["Golden"]),
    .testTarget(name: "CommandLineTests", dependencies: ["reroot", "Console", "PKI", "Rotation", "Store"]),
    .testTarget(name: "DemoTests", dependencies: ["reroot", "Demo", "Delivery", "PKI", "Rotation"]),
    .testTarget(name: "DeliveryTests", dependencies: ["Delivery"]),
  ],
  swiftLanguageModes: [.v6]
)

// The programs of libFuzzer are built by Scripts/fuzz alone: they link with its instrumentation only.
if Context.environment["REROOT_FUZZ"] != nil {
  package.targets += [
    .systemLibrary(name: "CFuzzer", path: "Tests/Fuzz/CFuzzer"),
    .executableTarget(
      name: "fuzz", dependencies: ["CFuzzer", "Console", "COpenSSL", "Delivery", "HTTP", "PKI", "Rotation"],
      path: "Tests/Fuzz", exclude: ["Seeds", "CFuzzer"]),
  ]
}
