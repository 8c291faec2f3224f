import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.KeyStoreException;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/** A TLS service as Java services are: its stores are loaded at the start, and again at SIGHUP. */
public class Server {
  private static volatile SSLContext context;

  public static void main(String[] words) throws Exception {
    int port = Integer.parseInt(words[0]);
    Path folder = Path.of(words[1]);
    context = load(folder);
    sun.misc.Signal.handle(new sun.misc.Signal("HUP"), signal -> {
      try {
        context = load(folder);
        System.out.println("loaded again");
      } catch (Exception failure) {
        // Whoever cannot load the new stores goes on with the old ones.
        System.out.println("not loaded: " + failure);
      }
    });
    try (ServerSocket listening = new ServerSocket(port, 50, InetAddress.getByName("127.0.0.1"))) {
      Files.writeString(folder.resolve("server.pid"), ProcessHandle.current().pid() + "\n");
      while (true) {
        Socket connection = listening.accept();
        new Thread(() -> answer(connection)).start();
      }
    }
  }

  private static SSLContext load(Path folder) throws Exception {
    char[] password = Files.readAllLines(folder.resolve("password")).get(0).toCharArray();
    KeyStore keys = store(folder.resolve("keys.p12"), password);
    if (!keys.isKeyEntry("service")) throw new KeyStoreException("there is no key called service");
    KeyManagerFactory own = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    own.init(keys, password);
    TrustManagerFactory others = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    others.init(store(folder.resolve("trust.p12"), password));
    SSLContext made = SSLContext.getInstance("TLS");
    made.init(own.getKeyManagers(), others.getTrustManagers(), null);
    return made;
  }

  private static KeyStore store(Path path, char[] password) throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    try (InputStream input = Files.newInputStream(path)) {
      store.load(input, password);
    }
    return store;
  }

  /** Says whom the client has shown itself as; a client whose certificate is not trusted gets no answer. */
  private static void answer(Socket connection) {
    try (Socket plain = connection;
        SSLSocket secured = (SSLSocket) context.getSocketFactory().createSocket(plain, null, plain.getPort(), true)) {
      plain.setSoTimeout(10_000);
      secured.setUseClientMode(false);
      secured.setWantClientAuth(true);
      secured.startHandshake();
      OutputStream output = secured.getOutputStream();
      output.write((name(secured) + "\n").getBytes("UTF-8"));
      output.flush();
    } catch (Exception failure) {
      System.out.println("refused: " + failure);
    }
  }

  private static String name(SSLSocket secured) {
    try {
      return secured.getSession().getPeerPrincipal().getName();
    } catch (Exception failure) {
      return "nobody";
    }
  }
}
