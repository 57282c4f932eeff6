"""A recogniser that really listens (pocketsphinx): `python -m tests.real.recogniser HTTP-PORT WEBSOCKET-PORT`.

POST a WAV file, as it is or as the file of a form, and it answers `{"text": …}`. Over WebSocket: `{"config": …}`, its
samples in any number of messages, `{"eof": 1}`; it answers `{"partial": …}`, `{"text": …}`, and closes.
What is asked for below /guarded wants the token `s3cret`.
"""

import io
import json
import sys
import threading
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from email.parser import BytesParser
from email.policy import HTTP
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pocketsphinx import Decoder
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from retabli.net.speech.recording import SHIPPED

TOKEN = "Bearer s3cret"


class Recogniser:
    """One decoder; it listens to one speaker at a time."""

    def __init__(self) -> None:
        self._decoder = Decoder(samprate=16000, loglevel="FATAL")
        self._turn = threading.Lock()
        self.whole(
            SHIPPED.read_bytes()
        )  # what it hears first, chunk by chunk, it mishears: it must know a voice's mean

    def whole(self, audio: bytes) -> str:
        with wave.open(io.BytesIO(audio)) as reader:
            samples = reader.readframes(reader.getnframes())
        with self._listening():
            self._decoder.process_raw(samples, full_utt=True)
        return self._text()

    def converse(self, connection: ServerConnection) -> None:
        last = ""
        with self._listening():
            for message in connection:
                if isinstance(message, bytes):
                    self._decoder.process_raw(message)
                    if (text := self._text()) != last:
                        last = text
                        connection.send(json.dumps({"partial": text}))
                elif "eof" in json.loads(message):
                    break
        connection.send(json.dumps({"text": self._text()}))

    @contextmanager
    def _listening(self) -> Iterator[None]:
        with self._turn:
            self._decoder.start_utt()
            try:
                yield
            finally:
                self._decoder.end_utt()

    def _text(self) -> str:
        found = self._decoder.hyp()
        return str(found.hypstr) if found is not None else ""


def handler_of(recogniser: Recogniser) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(HTTPStatus.OK, {"licences": 3 if self.path == "/licences" else 0})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            if self.path == "/token":
                known = self.headers.get("Authorization") == "Basic cHJvYmU6c2VjcmV0"
                if known:
                    self._say(HTTPStatus.OK, {"access_token": "s3cret"})
                else:
                    self._say(HTTPStatus.BAD_REQUEST, {"error": "invalid_client"})
                return
            if self.path.startswith("/guarded") and self.headers.get("Authorization") != TOKEN:
                self._say(HTTPStatus.UNAUTHORIZED, {"error": "who are you?"})
                return
            try:
                self._say(HTTPStatus.OK, {"text": recogniser.whole(self._audio(body))})
            except (wave.Error, EOFError):
                self._say(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, {"error": "no WAV file"})

        def _audio(self, body: bytes) -> bytes:
            kind = self.headers["Content-Type"]
            if not kind.startswith("multipart/form-data"):
                return body
            form = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
            for part in form.iter_parts():
                if part.get_param("name", header="content-disposition") == "audio":
                    return bytes(part.get_payload(decode=True))
            return b""

        def _say(self, status: HTTPStatus, answer: dict[str, object]) -> None:
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def guard(connection: ServerConnection, request: Request) -> Response | None:
    if request.path.startswith("/guarded") and request.headers.get("Authorization") != TOKEN:
        return connection.respond(HTTPStatus.UNAUTHORIZED, "who are you?\n")
    return None


def main(posted: int, streamed: int) -> None:
    recogniser = Recogniser()
    server = ThreadingHTTPServer(("127.0.0.1", posted), handler_of(recogniser))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with serve(recogniser.converse, "127.0.0.1", streamed, process_request=guard) as listening:
        listening.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
