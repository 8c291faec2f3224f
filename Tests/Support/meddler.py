"""A server between the command line and the console, so that something can happen in the middle of a command."""
import hashlib
import http.client
import http.server
import ssl
import threading

from authority import Authority


class Meddler:
    """Hands every request on, after `before` was told of it."""

    def __init__(self, port, folder, before):
        Authority("Meddler").issue(["127.0.0.1"], folder)

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                before(self.command, self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                known = ssl.create_default_context()
                known.check_hostname, known.verify_mode = False, ssl.CERT_NONE
                console = http.client.HTTPSConnection("127.0.0.1", port, context=known, timeout=60)
                console.request(self.command, self.path, body or None, dict(self.headers))
                answer = console.getresponse()
                content = answer.read()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                self.close_connection = True

            do_GET = do_POST = do_PUT = do_DELETE = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem", folder / "server.key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.address = f"https://127.0.0.1:{self.server.server_port}"
        der = ssl.PEM_cert_to_DER_cert((folder / "server.pem").read_text())
        self.fingerprint = hashlib.sha256(der).hexdigest()

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
