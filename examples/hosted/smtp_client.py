"""Twisted's SMTP client: sends a message to two people.

    python -m reactorlite run examples/hosted/smtp_client.py HOST PORT

The people are `ann` and `bob` at example.org.
"""

import sys

from twisted.internet.task import react
from twisted.mail.smtp import sendmail

MESSAGE = b"Subject: Rain\n\nTake an umbrella.\n.\n"


async def main(reactor, host, port):
    people = ["ann@example.org", "bob@example.org"]
    number, _ = await sendmail(
        host, "carl@example.org", people, MESSAGE, port=int(port), reactor=reactor
    )
    print("taken for", number, flush=True)


if __name__ == "__main__":
    react(main, sys.argv[1:])
