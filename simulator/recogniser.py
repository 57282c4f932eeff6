"""The simulated speech recogniser: it knows one recording, by its digest, and gives its words; and the tokens it wants.

It hears nothing in any other recording. Over HTTP, and over WebSocket at the same address.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from simulator import http

MOST = 2_097_152  # bytes of a recording
TOKENS = 100  # that are good at once; the oldest goes first

# The recording that this project ships with its kind `speech`, whole or as samples alone.
KNOWN = {
    "8d4d1f79e838b344881d398c62373204a68cc9fb1f42a06139e36ebbf6b40a84": (
        "this is only a test recording of the hospital please throw it away"
    ),
}


class Recogniser:
    """`position`: "listens", "no_licence" (402), "wrong_words", "empty", "refuses_token", "silent" (never answers).

    Tokens are given by POST /token, to the account `user` and `password`; the recording goes to any other path.
    """

    def __init__(self, user: str, password: str, *, known: Mapping[str, str] = KNOWN) -> None:
        self.position = "listens"
        self._known = known
        self.admit(user, password)

    def admit(self, user: str, password: str) -> None:
        """This account alone is given tokens from now on; those that were given are void."""
        self._account = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._tokens: list[str] = []

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await http.read_request(reader)
        if self.position == "silent":
            await asyncio.sleep(3600)
        if request.fields.get("upgrade", "").lower() == "websocket":
            await self._converse(request, reader, writer)
            return
        if request.size > MOST:
            await _say(writer, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"error": "too large"})
            return
        body = await http.read_body(reader, request, MOST)
        if request.target == "/token":
            await _say(writer, *self._token(request.fields))
        elif request.method != "POST":
            await _say(writer, HTTPStatus.METHOD_NOT_ALLOWED, {"error": "post a recording"})
        else:
            refusal = self._refusal(request.fields)
            answer = self._heard(body) if refusal is None else {"error": refusal.phrase}
            await _say(writer, refusal or HTTPStatus.OK, answer)

    def _token(self, fields: Mapping[str, str]) -> tuple[HTTPStatus, dict[str, object]]:
        if not hmac.compare_digest(fields.get("authorization", "").encode(), f"Basic {self._account}".encode()):
            return HTTPStatus.UNAUTHORIZED, {"error": "invalid_client"}
        self._tokens = [*self._tokens[1 - TOKENS :], secrets.token_urlsafe(24)]
        return HTTPStatus.OK, {"access_token": self._tokens[-1], "token_type": "Bearer", "expires_in": 3600}

    def _refusal(self, fields: Mapping[str, str]) -> HTTPStatus | None:
        scheme, _, token = fields.get("authorization", "").partition(" ")
        if self.position == "refuses_token" or scheme != "Bearer" or token not in self._tokens:
            return HTTPStatus.UNAUTHORIZED
        return HTTPStatus.PAYMENT_REQUIRED if self.position == "no_licence" else None

    def _heard(self, recording: bytes) -> dict[str, object]:
        words = "" if self.position == "empty" else self._known.get(hashlib.sha256(recording).hexdigest(), "")
        if self.position == "wrong_words":
            words = " ".join(reversed(words.split()))
        return {"text": words}

    # Over WebSocket -------------------------------------------------------------------------------------------------

    async def _converse(self, asked: http.Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A recording in binary messages, then any text message; the words are answered, and the door is closed."""
        protocol = ServerProtocol(max_size=MOST)
        protocol.receive_data(asked.head)
        request = protocol.events_received()[0]
        if not isinstance(request, Request):
            return
        refusal = self._refusal(asked.fields)
        protocol.send_response(protocol.reject(refusal, "no\n") if refusal is not None else protocol.accept(request))
        await _flush(protocol, writer)
        if refusal is not None:
            return
        recording = bytearray()
        async for frame in _frames(protocol, reader, writer):
            if frame.opcode is Opcode.TEXT:
                protocol.send_text(json.dumps(self._heard(bytes(recording))).encode())
                protocol.send_close(1000)
                await _flush(protocol, writer)
                return
            recording += frame.data
            if len(recording) > MOST:
                protocol.fail(1009, "too large")
                await _flush(protocol, writer)
                return


async def _frames(
    protocol: ServerProtocol, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> AsyncIterator[Frame]:
    while data := await reader.read(65_536):
        protocol.receive_data(data)
        await _flush(protocol, writer)
        for event in protocol.events_received():
            if isinstance(event, Frame) and event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                yield event


async def _flush(protocol: ServerProtocol, writer: asyncio.StreamWriter) -> None:
    writer.write(b"".join(protocol.data_to_send()))
    await writer.drain()


async def _say(writer: asyncio.StreamWriter, status: HTTPStatus, answer: Mapping[str, object]) -> None:
    await http.say(writer, status, json.dumps(answer).encode(), "application/json")
