"""Twisted's SMTP server: prints who sent what to whom.

    python -m reactorlite run examples/hosted/smtp_server.py [KEY [PLACE ...]]

It takes mail for example.org. With KEY, a file of a private key and its certificate, it offers
STARTTLS. PLACE is `tcp:2525` unless given.
"""

import sys
from pathlib import Path

from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory
from twisted.internet.ssl import PrivateCertificate
from twisted.internet.task import react
from twisted.mail import smtp
from zope.interface import implementer


@implementer(smtp.IMessage)
class Message:
    def __init__(self, sender, recipient):
        self.sender, self.recipient, self.lines = sender, recipient, []

    def lineReceived(self, line):
        self.lines.append(line)

    def eomReceived(self):
        print(f"{self.sender} to {self.recipient}: {len(self.lines)} lines", flush=True)
        return succeed(None)

    def connectionLost(self):
        print(f"{self.sender} left in the middle", flush=True)


@implementer(smtp.IMessageDelivery)
class Delivery:
    def receivedHeader(self, helo, origin, recipients):
        return b"Received: by smtp_server.py"

    def validateFrom(self, helo, origin):
        self.sender = origin
        return origin

    def validateTo(self, user):
        if user.dest.domain != b"example.org":
            raise smtp.SMTPBadRcpt(user)
        return lambda: Message(self.sender, user.dest)


class Mail(Factory):
    noisy = False

    def __init__(self, tls):
        self.tls = tls

    def buildProtocol(self, addr):
        server = smtp.ESMTP(contextFactory=self.tls)
        server.delivery, server.factory = Delivery(), self
        return server


async def main(reactor, key="", *places):
    tls = PrivateCertificate.loadPEM(Path(key).read_bytes()).options() if key else None
    for place in places or ["tcp:2525"]:
        port = await serverFromString(reactor, place).listen(Mail(tls))
        print("port", port.getHost().port, flush=True)
    await Deferred()  # until Ctrl-C


if __name__ == "__main__":
    react(main, sys.argv[1:])
