"""A program that uses the API with a token."""
import json
import uuid

from api_token import make_token


class Program:
    def __init__(self, client, role="administrator"):
        self.client = client
        self.token = make_token(client, role)

    def request(self, method, path, body, type):
        fields = {"Authorization": f"Bearer {self.token}"} | ({"Content-Type": type} if type else {})
        answer = self.client.request(method, "/api/v1" + path, body, fields)
        return answer.status, json.loads(answer.text) if answer.text else None

    def send(self, method, path, body=None):
        """Sends JSON; returns the status and what was answered."""
        given = body is not None
        return self.request(method, path, json.dumps(body) if given else None, "application/json" if given else None)

    def upload(self, path, fields, files):
        """Sends a form with files {field: bytes}; returns the status and what was answered."""
        cut = uuid.uuid4().hex
        parts = [
            f'--{cut}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in fields.items()
        ]
        for name, content in files.items():
            head = f'--{cut}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n\r\n'
            parts.append(head.encode() + content + b"\r\n")
        body = b"".join(parts) + f"--{cut}--\r\n".encode()
        return self.request("POST", path, body, f"multipart/form-data; boundary={cut}")

    def trust(self, authority):
        """Puts an authority into the trust store."""
        status, answer = self.upload("/trust-store/authorities", {}, {"file": authority.pem})
        assert status == 201, answer
