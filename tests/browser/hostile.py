"""A real daemon whose configuration, and whose partners, say what must stay inert on every page."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from simulator.serving import Serving
from tests.daemon.living import Life, Post

# Whatever of these runs sets `window.ran`, and whatever is fetched is asked of the daemon itself under /ran.
DANGERS = {
    "script": "<script>window.ran=1;fetch('/ran/script')</script>",
    "image": "<img class=ran src=/ran/image onerror=window.ran=1>",
    "style": "</title></style></textarea></script></noscript><svg class=ran onload=window.ran=1>]]>",
    "quotes": "\"'`><b class=ran onmouseover=window.ran=1 onfocus=window.ran=1 autofocus tabindex=0>",
    "link": "javascript:window.ran=1//https://x.example/",
    "template": "{{7*7}}${7*7}{% raw %}&lt;b class=ran&gt;&#60;b&#62;",
    "markdown": "[x](javascript:window.ran=1) ![x](/ran/markdown) <javascript:window.ran=1> `</code>` | # |",
    "override": "facture\u202egnp.exe",
    "isolates": "a\u2066b\u2067c\u2068d\u2069e\u200ef\u200fg\u061ch",
    "controls": "bell\u0007 escape\u001b[31m next\u0085 csi\u009b31m null\u0000 end",
    "invisible": "ze\u200bro\u200cwi\u200ddth\ufeff \u00adsoft \u2060word",
    "lines": "one\u2028two\u2029three\r\ndata: four\n\nevent: row\ndata: {}",
    "word": "W" * 5000,
    "right-to-left": "\u05e9\u05dc\u05d5\u05dd",
}
ADDRESS = "127.0.0.1"


def banner(text: str) -> Serving:
    """A mail server that refuses everybody with these words."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"554 " + " ".join(text.splitlines()).encode()[:480] + b"\r\n")
        await writer.drain()
        await reader.read(1)

    return Serving(talk)


def certificate(folder: Path) -> tuple[Path, Path]:
    """One that names a holder and an issuer as no authority would."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, DANGERS["image"][:64]),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, DANGERS["override"]),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, DANGERS["script"][:64]),
        ]
    )
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("tls.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, secret = folder / "hostile.crt", folder / "hostile.key"
    chain.write_bytes(built.public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    secret.chmod(0o600)
    return chain, secret


def _flow(text: str, probe: Mapping[str, object], intent: str = "open") -> dict[str, object]:
    return {
        "title": text,
        "intent": intent,
        "group": text,
        "owner": text,
        "runbook": f"https://{text}" if text == DANGERS["word"] else text,
        "notice": text,
        "criticality": "vital",
        "public": True,
        "probes": {"p": probe},
    }


@asynccontextmanager
async def hostile(folder: Path) -> AsyncIterator[Life]:
    """`life.port` is where it answers. Its flows are named after DANGERS, and `tls`, `shut`."""
    async with AsyncExitStack() as stack:
        flows: dict[str, object] = {}
        for name, text in DANGERS.items():
            server = await stack.enter_async_context(banner(text))
            flows[name] = _flow(text, {"kind": "smtp", "host": ADDRESS, "port": server.port, "tls": {"mode": "none"}})
        context, files = _serving_tls(folder)
        answers = await stack.enter_async_context(Serving(_reads, tls=context))
        tls = {"ca": str(files), "server_name": "tls.example"}
        flows["tls"] = _flow("TLS", {"kind": "tls", "host": ADDRESS, "port": answers.port, "tls": tls})
        watched, hook = Post(), Post()
        await hook.start()
        stack.push_async_callback(hook.stop)
        life = Life(folder, watched, hook)
        attempt = {"to": ADDRESS, "port": watched.port, "via": "direct", "protocol": "tcp"}
        control = {"path": {"to": ADDRESS, "port": answers.port}, "alive": {"declared": True}}
        shut = {"kind": "containment", "attempts": [attempt], "denied": ["reset"], "control": control}
        flows["shut"] = _flow(DANGERS["script"], shut, intent="closed")
        life.write(every="500ms", flows="")
        head, _, _ = life.config.read_text().partition("flows:\n")
        life.config.write_text(f"{head}flows: {json.dumps(flows)}\n")  # JSON is YAML, its escapes too
        stack.push_async_callback(life.leave)
        await life.start()
        await _silences(life)
        yield life


def _serving_tls(folder: Path) -> tuple[ssl.SSLContext, Path]:
    chain, key = certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    return context, chain


async def _reads(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)


async def _silences(life: Life) -> None:
    async with httpx.AsyncClient(base_url=f"http://{ADDRESS}:{life.port}", trust_env=False) as client:
        for name, text in DANGERS.items():
            said = {"by": text[:60], "why": text[:280], "until": "2h"}
            answer = await client.post(f"/api/v1/flows/{name}/silence", json=said)
            assert answer.status_code == 200, answer.text
