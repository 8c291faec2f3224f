import Rotation

extension Preset {
  /// Every preset. The paths of programs, the folders and the users are those of Debian 12's packages; each has its
  /// certificate in a file of its own, since the packages' common one (`ssl-cert-snakeoil`) belongs to all of them.
  public static let all: [Preset] = [
    nginx, apache, haproxy, postgresql, mariadb, redis, mosquitto, rabbitmq, postfix, dovecot, openldap,
    java,
  ]

  static let nginx = Preset(
    "nginx", "nginx",
    files: FileLayout(
      certificateChain: "/etc/nginx/server.pem", key: "/etc/nginx/server.key", owner: "root", group: "root"),
    usualTrustBundle: "/etc/nginx/roots.pem",
    check: ["/usr/sbin/nginx", "-t", "-q"],
    activation: ["/usr/bin/systemctl", "reload", "nginx"],
    ports: [Port(443), Port(8443)],
    configuration: [
      "ssl_certificate /etc/nginx/server.pem;", "ssl_certificate_key /etc/nginx/server.key;",
      "ssl_client_certificate /etc/nginx/roots.pem;",
    ])

  static let apache = Preset(
    "apache", "Apache httpd",
    files: FileLayout(
      certificateChain: "/etc/apache2/server.pem", key: "/etc/apache2/server.key", owner: "root", group: "root"),
    usualTrustBundle: "/etc/apache2/roots.pem",
    check: ["/usr/sbin/apache2ctl", "-t"],
    activation: ["/usr/bin/systemctl", "reload", "apache2"],
    ports: [Port(443), Port(8443)],
    configuration: [
      "SSLCertificateFile /etc/apache2/server.pem", "SSLCertificateKeyFile /etc/apache2/server.key",
      "SSLCACertificateFile /etc/apache2/roots.pem",
    ])

  static let haproxy = Preset(
    "haproxy", "HAProxy",
    files: FileLayout(combined: "/etc/haproxy/server.pem", owner: "root", group: "root"),
    usualTrustBundle: "/etc/haproxy/roots.pem",
    // With -q it would keep its reasons to itself.
    check: ["/usr/sbin/haproxy", "-c", "-f", "/etc/haproxy/haproxy.cfg"],
    activation: ["/usr/bin/systemctl", "reload", "haproxy"],
    ports: [Port(443), Port(8443)],
    configuration: ["bind :443 ssl crt /etc/haproxy/server.pem ca-file /etc/haproxy/roots.pem"])

  static let postgresql = Preset(
    "postgresql", "PostgreSQL",
    files: FileLayout(
      certificateChain: "/etc/postgresql/15/main/server.pem", key: "/etc/postgresql/15/main/server.key",
      owner: "postgres", group: "postgres"),
    usualTrustBundle: "/etc/postgresql/15/main/roots.pem",
    // With -C as its first word PostgreSQL reads its configuration, prints one value, and starts nothing.
    check: ["/usr/lib/postgresql/15/bin/postgres", "-C", "ssl", "-D", "/etc/postgresql/15/main"],
    activation: ["/usr/bin/systemctl", "reload", "postgresql@15-main"],
    ports: [Port(5432, .postgresql)],
    configuration: [
      "ssl = on", "ssl_cert_file = '/etc/postgresql/15/main/server.pem'",
      "ssl_key_file = '/etc/postgresql/15/main/server.key'", "ssl_ca_file = '/etc/postgresql/15/main/roots.pem'",
    ])

  static let mariadb = Preset(
    "mariadb", "MariaDB",
    files: FileLayout(
      certificateChain: "/etc/mysql/server-cert.pem", key: "/etc/mysql/server-key.pem", owner: "mysql", group: "mysql"),
    usualTrustBundle: "/etc/mysql/cacert.pem",
    // FLUSH SSL refuses what it cannot use, says why, and goes on with what it had: it is its own check.
    activation: ["/usr/bin/mariadb", "-e", "FLUSH SSL"],
    ports: [Port(3306, .mariadb)],
    configuration: [
      "ssl-cert = /etc/mysql/server-cert.pem", "ssl-key = /etc/mysql/server-key.pem",
      "ssl-ca = /etc/mysql/cacert.pem",
    ])

  static let redis = Preset(
    "redis", "Redis",
    files: FileLayout(
      certificateChain: "/etc/redis/redis.crt", key: "/etc/redis/redis.key", owner: "redis", group: "redis"),
    usualTrustBundle: "/etc/redis/ca.crt",
    // Redis reads all three files again when one of their names is set, refuses what it cannot use, and goes on with what
    // it had. Without -e redis-cli ends with status 0 all the same.
    activation: [
      "/usr/bin/redis-cli", "-e", "CONFIG", "SET", "tls-cert-file", "{certificate}", "tls-key-file", "{key}",
    ],
    ports: [Port(6379), Port(6380)],
    configuration: [
      "tls-port 6379", "tls-cert-file /etc/redis/redis.crt", "tls-key-file /etc/redis/redis.key",
      "tls-ca-cert-file /etc/redis/ca.crt",
    ])

  static let mosquitto = Preset(
    "mosquitto", "Mosquitto",
    files: FileLayout(
      certificateChain: "/etc/mosquitto/certs/server.pem", key: "/etc/mosquitto/certs/server.key", owner: "mosquitto",
      group: "mosquitto"),
    usualTrustBundle: "/etc/mosquitto/ca_certificates/roots.pem",
    // Mosquitto cannot check a configuration. What it can fail by is a key that its user cannot read.
    check: ["/usr/sbin/runuser", "-u", "mosquitto", "--", "/usr/bin/test", "-r", "{key}"],
    // Mosquitto 2.0 reads its certificate and key again when it is reloaded, but its authorities only when it starts.
    activation: ["/usr/bin/systemctl", "{reload}", "mosquitto"],
    ports: [Port(8883)],
    configuration: [
      "certfile /etc/mosquitto/certs/server.pem", "keyfile /etc/mosquitto/certs/server.key",
      "cafile /etc/mosquitto/ca_certificates/roots.pem",
    ])

  static let rabbitmq = Preset(
    "rabbitmq", "RabbitMQ",
    files: FileLayout(
      certificateChain: "/etc/rabbitmq/server.pem", key: "/etc/rabbitmq/server.key", owner: "rabbitmq",
      group: "rabbitmq"),
    usualTrustBundle: "/etc/rabbitmq/roots.pem",
    // RabbitMQ cannot check a configuration either.
    check: ["/usr/sbin/runuser", "-u", "rabbitmq", "--", "/usr/bin/test", "-r", "{key}"],
    activation: ["/usr/sbin/rabbitmqctl", "eval", "ssl:clear_pem_cache()."],
    ports: [Port(5671), Port(15671)],
    configuration: [
      "ssl_options.certfile = /etc/rabbitmq/server.pem", "ssl_options.keyfile = /etc/rabbitmq/server.key",
      "ssl_options.cacertfile = /etc/rabbitmq/roots.pem",
    ])

  static let postfix = Preset(
    "postfix", "Postfix",
    files: FileLayout(
      certificateChain: "/etc/postfix/server.pem", key: "/etc/postfix/server.key", owner: "root", group: "root"),
    usualTrustBundle: "/etc/postfix/roots.pem",
    // `postfix check` writes to the terminal or the log only; this ends with an error and says it.
    check: ["/usr/sbin/postconf", "-n"],
    activation: ["/usr/sbin/postfix", "reload"],
    ports: [Port(25, .smtp), Port(587, .smtp), Port(465)],
    // Where one of its processes could not start, say with a configuration that is mended since, `master` starts the next
    // one after a minute only, whether it is reloaded or not (`service_throttle_time` in postconf(5)).
    verificationTimeLimit: 90,
    configuration: [
      "smtpd_tls_cert_file = /etc/postfix/server.pem", "smtpd_tls_key_file = /etc/postfix/server.key",
      "smtpd_tls_CAfile = /etc/postfix/roots.pem",
    ])

  static let dovecot = Preset(
    "dovecot", "Dovecot",
    files: FileLayout(
      certificateChain: "/etc/dovecot/private/server.pem", key: "/etc/dovecot/private/server.key", owner: "root",
      group: "root"),
    usualTrustBundle: "/etc/dovecot/private/roots.pem",
    check: ["/usr/bin/doveconf", "-n"],
    activation: ["/usr/bin/doveadm", "reload"],
    ports: [Port(143, .imap), Port(993), Port(995)],
    configuration: [
      "ssl_cert = </etc/dovecot/private/server.pem", "ssl_key = </etc/dovecot/private/server.key",
      "ssl_ca = </etc/dovecot/private/roots.pem",
    ])

  static let openldap = Preset(
    "openldap", "OpenLDAP",
    files: FileLayout(
      certificateChain: "/etc/ldap/server.pem", key: "/etc/ldap/server.key", owner: "openldap", group: "openldap"),
    usualTrustBundle: "/etc/ldap/roots.pem",
    check: ["/usr/sbin/slaptest", "-u"],
    activation: ["/bin/sh", "-c", reloadOfOpenLDAP, "reload", "{certificate}", "{key}"],
    ports: [Port(389, .ldap), Port(636)],
    configuration: [
      "olcTLSCertificateFile: /etc/ldap/server.pem", "olcTLSCertificateKeyFile: /etc/ldap/server.key",
      "olcTLSCACertificateFile: /etc/ldap/roots.pem",
    ])

  /// Java services have no common package; the folder and the unit are only an example of theirs. The check is Java's own
  /// look at the new key store.
  static let java = Preset(
    "java", "Java service",
    files: FileLayout(
      keyStore: "/etc/java-service/keys.p12", storePasswordFile: "/etc/java-service/store-password"),
    usualTrustBundle: "/etc/java-service/trust.p12",
    check: [
      "/usr/bin/keytool", "-list", "-keystore", "{key_store}", "-storetype", "PKCS12", "-storepass:file",
      "{store_password_file}",
    ],
    activation: ["/usr/bin/systemctl", "restart", "java-service"],
    ports: [Port(8443), Port(443)],
    configuration: [
      "server.ssl.key-store=/etc/java-service/keys.p12", "server.ssl.key-store-type=PKCS12",
      "server.ssl.trust-store=/etc/java-service/trust.p12", "server.ssl.trust-store-type=PKCS12",
    ])

  /// Setting the names of the files in cn=config, to what they are, makes slapd read the files again without a restart. Both
  /// must be in one change: a certificate without its key is refused.
  private static let reloadOfOpenLDAP =
    "printf '%s\\n' 'dn: cn=config' 'changetype: modify' "
    + "'replace: olcTLSCertificateFile' \"olcTLSCertificateFile: $1\" - "
    + "'replace: olcTLSCertificateKeyFile' \"olcTLSCertificateKeyFile: $2\" "
    + "| /usr/bin/ldapmodify -Q -Y EXTERNAL -H ldapi:///"
}
