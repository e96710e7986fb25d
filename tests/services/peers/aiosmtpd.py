"""A mail server for the tests: keeps each mail as a small text file. Arguments: folder, port, plain|starttls|implicit."""

import email.policy
import pathlib
import ssl
import sys
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

folder, port, mode = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]


class Keeper:
    count = 0

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.count += 1
        body = mail.get_content().rstrip("\r\n").replace("\r\n", "\n").replace("\n", "|")
        lines = ["rcpt: " + " ".join(envelope.rcpt_tos), f"subject: {mail['subject']}", f"from: {mail['from']}", f"body: {body}"]
        (folder / f"{self.count}.eml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return "250 queued as test"


def authenticate(server, session, envelope, mechanism, data):
    good = (data.login, data.password) == (b"ann", b"s3cret")
    return AuthResult(success=good, handled=good)


options = {}
if mode != "plain":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    options = {"authenticator": authenticate, "auth_required": True}
    if mode == "implicit":
        options |= {"ssl_context": context, "auth_require_tls": False}
    else:
        options |= {"tls_context": context, "require_starttls": True}
Controller(Keeper(), hostname="127.0.0.1", port=port, **options).start()
threading.Event().wait()
