"""Gives one message to addresses of XMPP (RFC 6120, RFC 6121) by slixmpp. A program of its own, which `xmpp.py` starts.

It reads an order from standard input, as JSON: `jid`, `password`, `to`, `host`, `port`, `direct`, `ca`, `body`, `key`,
and the daemon's own `path`. It writes `{"failed": why or null, "refused": {address: why}}`.

A message in XMPP is answered only when it fails. So a ping (XEP-0199) is sent to our own server behind the messages:
stanzas are handled in order (RFC 6120, section 10.1), hence once it is answered the server has taken each of them, and
what it refuses outright, an account that does not exist, has come back.
"""

import asyncio
import json
import resource
import ssl
import sys
from typing import Any

MOST_MEMORY = 256 * 2**20  # bytes: an endless answer ends this process, and nothing else


async def hand_over(order: dict[str, Any]) -> dict[str, Any]:
    """Who refused it, or why nobody was given it."""
    import slixmpp
    from slixmpp.exceptions import IqError

    client = slixmpp.ClientXMPP(order["jid"], order["password"], ssl_context=_context(order["ca"]))
    client.enable_direct_tls, client.enable_starttls = order["direct"], not order["direct"]
    client.enable_plaintext = False
    client.register_plugin("xep_0199")
    ended: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
    refused: dict[str, str] = {}

    def end(why: str | None) -> None:
        if not ended.done():
            ended.set_result(why)

    def refuse(message: Any) -> None:
        refused[str(message["from"].bare)] = message["error"]["text"] or message["error"]["condition"]

    async def give(_: object) -> None:
        for number, address in enumerate(order["to"]):
            message = client.make_message(mto=address, mbody=order["body"], mtype="chat")
            message["id"] = f"{order['key']}-{number}"
            message.send()
        try:
            await client.plugin["xep_0199"].send_ping(slixmpp.JID(client.boundjid.domain), timeout=None)
        except IqError:
            pass  # it does not know pings, and has answered all the same
        end(None)

    client.add_event_handler("session_start", give)
    client.add_event_handler("message_error", refuse)
    for event, why in (
        ("failed_all_auth", "the account or its password is refused"),
        ("no_auth", "it offers no way to log in that keeps the password secret"),
        ("ssl_invalid_chain", "its certificate is not trusted"),
        ("disconnected", "it ended the connection before it had taken the message"),
    ):
        client.add_event_handler(event, lambda said, why=why: end(_with(why, said)))
    client.add_event_handler("connection_failed", lambda said: end(_with("it cannot be reached", said)))
    connecting = client.connect(order["host"], order["port"])
    try:
        return {"failed": await ended, "refused": refused}
    finally:
        connecting.cancel()
        client.abort()


def _with(why: str, said: object) -> str:
    if isinstance(said, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {said.verify_message}"
    text = str(said) if isinstance(said, Exception | str) else ""
    return f"{why}: {text}" if text else why


def _context(ca: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca)


def main() -> int:
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, most))
    order = json.load(sys.stdin)
    sys.path += [each for each in order["path"] if each not in sys.path]  # what the daemon can import, this can
    json.dump(asyncio.run(hand_over(order)), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
