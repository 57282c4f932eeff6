"""HL7 engines that are not ours, one process each: `python -m tests.real.hl7_engine '{"port": …, "answers": …}'`.

`library`: `hl7` (its asyncio MLLP server, the default) or `hl7apy` (its threading one).
`answers`: `AA`, `AE`, `AR`, `CA`, `CA AA`, `CR`, `wrong` (another control id), `none`.
`tls`: certificate, key, and the authority of the clients if their certificates are demanded.
`mail`: port of a relay to which each report is handed, in an IHE_XDM.zip (`broken`: half of one); `never`: it is stuck.
"""

import asyncio
import contextlib
import importlib
import json
import signal
import smtplib
import ssl
import sys
from email.message import EmailMessage
from typing import Any

HOST = "127.0.0.1"


def main(settings: dict[str, Any]) -> None:
    if settings.get("library", "hl7") == "hl7apy":
        serve_hl7apy(settings)
        return
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(serve_hl7(settings))


async def serve_hl7(settings: dict[str, Any]) -> None:
    import hl7.mllp

    async def talk(reader: Any, writer: Any) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ValueError):
            while True:
                message = await reader.readmessage()
                if "mail" in settings:
                    await asyncio.to_thread(send_report, settings, message)
                for answer in answers(message, settings["answers"]):
                    writer.writemessage(answer)
                    await writer.drain()
        writer.close()

    server = await hl7.mllp.start_hl7_server(talk, HOST, settings["port"], encoding="latin-1", ssl=context(settings))
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with server:
        await server.serve_forever()


def answers(message: Any, what: str) -> Any:
    import hl7

    if what == "none":
        return
    for code in ["AA"] if what == "wrong" else what.split():
        answer = message.create_ack(code, message_id="E1")
        if what == "wrong":
            answer = hl7.parse(str(answer).replace(str(message["MSH"][0][10]), "another"))
        if code in ("AE", "AR", "CR"):
            answer.append(hl7.parse(f"{message[0]!s}\rERR||PID^1^3|204^{message['PID'][0][5]}^HL70357|E")[1])
        yield answer


def send_report(settings: dict[str, Any], message: Any) -> None:
    """As a hospital's engine does it: the filler order number (OBR-3) in the subject and in the document."""
    from simulator.engine import xdm_archive

    if settings["mail"] == "never":
        return
    identifier = str(message["OBR"][0][3])
    archive = xdm_archive(identifier)
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = settings["from"], settings["to"], "Compte rendu (test)"
    mail.set_content("Document de test, sans patient.")
    archive = archive[:400] if settings.get("broken") else archive
    mail.add_attachment(archive, maintype="application", subtype="zip", filename="IHE_XDM.zip")
    if settings.get("broken"):
        mail.replace_header("Subject", f"Compte rendu {identifier}")
    with smtplib.SMTP(HOST, settings["mail"]) as relay:
        relay.send_message(mail)


def context(settings: dict[str, Any]) -> ssl.SSLContext | None:
    if "tls" not in settings:
        return None
    certificate, key, *authority = settings["tls"]
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate, key)
    if authority:
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(authority[0])
    return made


def serve_hl7apy(settings: dict[str, Any]) -> None:
    core, mllp, parser = (importlib.import_module(f"hl7apy.{name}") for name in ("core", "mllp", "parser"))

    def reply(received: str, code: str, error: str = "") -> str:
        header = received.split("\r")[0].split("|")
        answer = core.Message("ACK", version="2.5")
        answer.msh.msh_9, answer.msh.msh_10, answer.msh.msh_11 = "ACK", "E1", "T"
        answer.msa.msa_1, answer.msa.msa_2 = code, header[9]
        if error:
            answer.add_segment("ERR")
            answer.err.err_3, answer.err.err_4 = error, "E"
        return str(answer.to_mllp())

    class Accepts(mllp.AbstractHandler):  # type: ignore[name-defined,misc]
        def reply(self) -> str:
            parser.parse_message(self.incoming_message, find_groups=False)
            return reply(self.incoming_message, settings["answers"])

    class Refuses(mllp.AbstractErrorHandler):  # type: ignore[name-defined,misc]
        def reply(self) -> str:
            return reply(self.incoming_message, "AR", "200")

    handlers = {"ORU^R01^ORU_R01": (Accepts,), "ERR": (Refuses,)}
    mllp.MLLPServer(HOST, settings["port"], handlers).serve_forever()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
