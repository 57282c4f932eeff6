"""Secrets, certificates and keys: whether each is where the configuration says, and readable by nobody else."""

import os
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel

from config.draft import Draft
from config.faults import Findings
from config.yaml_lines import Steps
from retabli.model.ladder import Fall
from retabli.model.settings import Secret, Tls, handed_over, is_handed_elsewhere
from retabli.net.revocation_lists import load_revocation_lists


@dataclass(frozen=True, slots=True)
class Look:
    """Which of the secrets, certificates and keys that a configuration names are looked at.

    `at`: all of them, or only what is needed below these paths. `lenient`: what systemd hands to the service, and not
    to who types a command, is a warning. What was not looked at is not served: it has no account and no certificate.
    """

    at: tuple[Steps, ...] | None = None
    lenient: bool = False

    def lacks(self, findings: Findings, steps: Steps, path: Path | None, fault: str) -> None:
        """What is named here cannot be read."""
        if path is not None and is_handed_elsewhere(path):
            if self.lenient:
                findings.warn(steps, f"{handed_over(path)}: not looked at here")
                return
            findings.handed.append(path.name)
        findings.fault(steps, fault)


ALL = Look()
AS_TYPED = Look(lenient=True)
NOTHING = Look(at=())


def check_files(draft: Draft, findings: Findings, look: Look = ALL) -> None:
    """Reads every secret, authority, certificate and key once; tells a fault wherever one is named."""
    if look.at is not None:
        _check_needed(draft, findings, look)
        return
    checking = _Checking(findings, draft.named, look)
    for name, proxy in draft.proxies.items():
        if id(proxy) not in draft.stand_ins:
            checking.look(("proxies", name), proxy, described=True)
    for name, mailbox in draft.mailboxes.items():
        if id(mailbox) not in draft.stand_ins:
            checking.look(("mailboxes", name), mailbox, described=True)
    for name, channel in draft.channels.items():
        checking.look(("alerts", "channels", name), channel)
    for flow, sound in draft.probes.items():
        for name, probe in sound.items():
            checking.look(("flows", flow, "probes", name), probe)
    if draft.web is not None:
        checking.look(("web",), draft.web)
        if draft.web.tls is not None:
            checking.check_mode(("web", "tls", "key"), draft.web.tls.key or draft.web.tls.cert)


def _check_needed(draft: Draft, findings: Findings, look: Look) -> None:
    """What the parts below some paths need, that of the proxies and mailboxes that they name too."""
    checking = _Checking(findings, set(draft.stand_ins), look)
    channels = ((("alerts", "channels", name), channel) for name, channel in draft.channels.items())
    probes = (
        (("flows", flow, "probes", name), probe)
        for flow, sound in draft.probes.items()
        for name, probe in sound.items()
    )
    for steps, model in (*channels, *probes):
        if any(steps[: len(each)] == each for each in look.at or ()):
            checking.look(steps, model)


@dataclass(slots=True)
class _Checking:
    findings: Findings
    named: set[int]
    how: Look
    _secrets: dict[Secret, str | None] = field(default_factory=dict)
    _tls: dict[Tls, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    _open: set[Path] = field(default_factory=set)

    def look(self, steps: Steps, model: BaseModel, *, described: bool = False) -> None:
        for at, value in parts(steps, model, self.named if not described else self.named - {id(model)}):
            if isinstance(value, Secret):
                self._secret(at, value)
            elif isinstance(value, Tls):
                self._check_tls(at, value)

    def _secret(self, steps: Steps, secret: Secret) -> None:
        if secret not in self._secrets:
            self._secrets[secret] = secret.fault()
            if secret.path is not None:
                self.check_mode(steps, secret.path)
        fault = self._secrets[secret]
        if fault is not None:
            self.how.lacks(self.findings, steps, secret.path, fault)

    def _check_tls(self, steps: Steps, tls: Tls) -> None:
        if tls not in self._tls:
            self._tls[tls] = tuple(tls_faults(tls))
            if tls.client_key is not None:
                self.check_mode((*steps, "client_key"), tls.client_key)
        for key, sentence in self._tls[tls]:
            self.findings.fault((*steps, key), sentence)

    def check_mode(self, steps: Steps, path: Path) -> None:
        if path in self._open:
            return
        self._open.add(path)
        try:
            status = path.stat()
        except (OSError, ValueError):
            return  # told already, as a fault
        if status.st_mode & 0o004:
            self.findings.warn(steps, f"{path}: everybody on this machine may read this secret (chmod 600)")
        elif status.st_mode & 0o040 and status.st_uid == os.geteuid() != 0:
            # A file of root's that our group may read is how we are let in; our own needs no group.
            self.findings.warn(steps, f"{path}: others than its owner may read this secret (chmod 600)")


def parts(steps: Steps, value: object, named: set[int]) -> Iterator[tuple[Steps, object]]:
    """(path, part) of every secret and TLS setting within; what has a name of its own is left out."""
    if isinstance(value, Secret):
        yield steps, value
    elif isinstance(value, BaseModel):
        if id(value) in named:
            return
        if isinstance(value, Tls):
            yield steps, value
        for key, entry in type(value).model_fields.items():
            yield from parts((*steps, entry.alias or key), getattr(value, key), named)
    elif isinstance(value, tuple | list):
        for number, each in enumerate(value):
            yield from parts((*steps, number), each, named)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from parts((*steps, str(key)), each, named)


def tls_faults(tls: Tls) -> Iterator[tuple[str, str]]:
    """(key, sentence) of each file that is missing or is not what it should be."""
    missing = False
    for key in ("ca", "client_cert", "client_key"):
        path = getattr(tls, key)
        fault = unreadable(path) if path is not None else None
        if fault is not None:
            missing = True
            yield key, fault
    if tls.client_key is not None and tls.client_cert is None:
        yield "client_key", "a key without its certificate: name client_cert too"
    if missing:
        return
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if tls.ca is not None:
        try:
            context.load_verify_locations(cafile=tls.ca)
        except (ssl.SSLError, OSError):
            yield "ca", f"{tls.ca}: holds no certificate (PEM)"
    yield from revocation_faults(tls)
    if tls.client_cert is not None:
        fault = pair_fault(context, tls.client_cert, tls.client_key)
        if fault is not None:
            yield "client_cert", f"{tls.client_cert}: {fault}"


def revocation_faults(tls: Tls) -> Iterator[tuple[str, str]]:
    for path in tls.crl:
        try:
            load_revocation_lists(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), (path,))
        except Fall as fall:
            yield "crl", fall.detail


def pair_fault(
    context: ssl.SSLContext, certificate: Path, key: Path | None, *, called: str = "client_key"
) -> str | None:
    """Why a certificate and its key (the setting that is `called` so) are no pair that could be used unattended."""
    asked: list[bool] = []

    def password() -> bytes:
        asked.append(True)
        return b"?"

    try:
        context.load_cert_chain(certificate, key, password=password)
    except (ssl.SSLError, OSError, ValueError) as error:
        if asked:
            return "its key is encrypted: nobody is there to type the password"
        if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
            return f"the key in {called} is not this certificate's"
        return "holds no certificate, or no key for it (PEM)"
    return None


def unreadable(path: Path) -> str | None:
    """Why a file cannot be read now, as a sentence."""
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        if is_handed_elsewhere(path):
            return f"{handed_over(path)}, which has handed nothing to this process"
        return f"{path}: {error.strerror}"
    return None
