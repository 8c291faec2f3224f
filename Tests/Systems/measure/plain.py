"""What is done where there is no Reroot: for one component after the other a new certificate, key and root, a reload,
and a look whether it is served."""
import subprocess

from servers import wait_until

BEGIN, END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


def served(server):
    words = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-servername", "localhost"]
    if server.transport == "postgresql":
        words += ["-starttls", "postgres"]
    text = subprocess.run(words, input=b"", capture_output=True, timeout=20).stdout.decode("ascii", "replace")
    return text[text.index(BEGIN) : text.index(END)] if BEGIN in text and END in text else ""


def replace_and_reload(system):
    """Takes the whole system to the next root, as fast as it goes; returns the authority."""
    authority = system.next_authority()
    for member in system.members:
        member.receive(authority)
        if member in system.servers:
            member.reload()
            text = member.certificate.read_text()
            expected = text[text.index(BEGIN) : text.index(END)]
            wait_until(lambda: served(member) == expected, f"{member.name} serving its new certificate")
    return authority
