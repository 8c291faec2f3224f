import Testing
@testable import Rotation
