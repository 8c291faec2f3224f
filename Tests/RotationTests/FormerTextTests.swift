import Foundation
import Testing

@testable import Rotation

@Suite("What was stored by a former version is read")
struct FormerTextTests {
  @Test("A component without a maintenance note, a rolling group or addresses of its endpoints")
  func component() throws {
    let text = """
      {"id":7,"name":"web","description":"","stage":2,"names":[{"dns":{"_0":"web.example"}}],"usage":"server",
      "key":"ecdsa-p256","target":"local","files":{"combined":"/web/all.pem","mode":{"bits":420},"keyMode":{"bits":384}},
      "activation":{"method":{"none":{}},"timeLimit":30},
      "endpoints":[{"host":"web.example","port":443,"transport":"tls"}],"verificationTimeLimit":30}
      """
    let component = try JSONDecoder().decode(Component.self, from: Data(text.utf8))
    #expect(component.maintenance == nil && component.rollingGroup == nil)
    #expect(component.endpoints == [Endpoint(host: "web.example", port: 443)])
    #expect(component.problems() == [])
  }

  @Test("A member of a course without a rolling group")
  func member() throws {
    let text = """
      {"id":1,"name":"c1","stage":1,"usage":"both","hasTrustBundle":true,"presentsBefore":{"fingerprint":"old"},
      "acceptsBefore":[{"fingerprint":"old"}]}
      """
    #expect(try JSONDecoder().decode(Course.Member.self, from: Data(text.utf8)) == Sample.member(1))
  }
}
