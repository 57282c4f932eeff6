"""An SFTP session, climbed to rung by rung: resolve, connect, banner, key exchange, host key, authentication."""

import asyncio
import getpass
import os
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncssh
from asyncssh.packet import PacketDecodeError

from retabli.model import causes, stages
from retabli.model.ladder import Fall, Ladder
from retabli.model.settings import Resolver
from retabli.net.connect import open_connection
from retabli.net.connection import Connection
from retabli.net.ssh import ssh_causes
from retabli.net.ssh.account import PinnedKey, SftpAccount, fingerprint, pinned_key
from retabli.net.ssh.login import Credential, Login, read_credential
from retabli.net.ssh.wire import AFTER_LOGIN, Wire

# What asyncssh stumbles over in a server's packets, where it does not say so itself.
NONSENSE = (IndexError, ValueError, AssertionError, OverflowError)

# Disconnect reasons (RFC 4253, section 11.1) that say more than their text.
HOST_NOT_ALLOWED = 1
TOO_MANY_CONNECTIONS = 12

# What asyncssh says of a server that breaks the protocol.
OURS = (asyncssh.ProtocolError, asyncssh.MACError, asyncssh.CompressionError, asyncssh.ProtocolNotSupported)


class SftpSession:
    """A login. `async with` ends it, and what it had opened, also in the middle of a rung."""

    def __init__(self, connection: Connection, pinned: PinnedKey, credential: Credential) -> None:
        self.wire = Wire(connection)
        self._connection = connection
        self._login = Login(pinned, credential)
        self._pinned = pinned
        self._connecting: asyncio.Task[asyncssh.SSHClientConnection] | None = None

    async def log_in(self, ladder: Ladder, account: SftpAccount) -> None:
        """Climb from the banner to the authentication."""
        login, wire = self._login, self.wire
        self._connecting = asyncio.create_task(self._connect(account))
        with ladder.told_as(wire.unfinished), ladder.rung(ssh_causes.BANNER):
            await self._until(wire.greeted)
        ladder.describe("server", wire.banner)
        with ladder.rung(ssh_causes.KEY_EXCHANGE):
            await self._until(login.key_shown)
        with ladder.rung(ssh_causes.HOST_KEY):
            if self._another_key_shown:
                raise self._changed()
            await self._until(login.begun)
        with ladder.rung(stages.AUTH):
            await self._until(None)
        wire.limit = AFTER_LOGIN
        ladder.describe("authentication", login.tried or "none was asked for")

    async def start_sftp(self) -> asyncssh.SFTPClient:
        """The file service of the account.

        Raises:
            Fall: `sftp_refused`, `sftp_ended`, `sftp_garbage`, or what ended the connection.
        """
        assert self._connecting is not None  # noqa: S101 - log_in came before
        try:
            return await self._connecting.result().start_sftp_client(path_errors="replace")
        except asyncssh.ChannelOpenError as error:
            if self._gone:  # asyncssh calls a connection that ended here a refusal, too
                raise self.lost() from error
            raise Fall(ssh_causes.SFTP_REFUSED, error.reason) from error
        except asyncssh.SFTPConnectionLost as error:
            if self._gone:
                raise self.lost() from error
            raise Fall(ssh_causes.SFTP_ENDED) from error
        except asyncssh.SFTPError as error:
            raise Fall(ssh_causes.SFTP_GARBAGE, error.reason) from error
        except PacketDecodeError as error:
            raise Fall(ssh_causes.SFTP_GARBAGE, "an answer that makes no sense") from error
        except asyncssh.DisconnectError as error:
            raise self._judged(error) from error

    @property
    def _gone(self) -> bool:
        """Whether the connection itself has ended, and not only what ran over it."""
        return self.wire.error is not None or self._login.gone

    @property
    def _another_key_shown(self) -> bool:
        """Whether the last host key that we were shown is another than the pinned one: keys are renewed, too."""
        return self._login.key_shown.is_set() and self._login.shown != self._pinned.blob

    def _changed(self) -> Fall:
        shown, wanted = fingerprint(self._login.shown), fingerprint(self._pinned.blob)
        return Fall(ssh_causes.HOST_KEY_CHANGED, f"{shown} instead of {wanted}")

    def lost(self) -> Exception:
        """What ended the connection under the session: the network, the server, or what it sent."""
        ended = self._login.ended
        if self.wire.error is None and isinstance(ended, asyncssh.DisconnectError):
            return self._judged(ended)
        return self._cut()

    def _cut(self) -> Exception:
        return self.wire.error or Fall(causes.CLOSED_EARLY)

    async def _connect(self, account: SftpAccount) -> asyncssh.SSHClientConnection:
        """asyncssh, kept from everything that is not in these settings."""
        _have_a_name()
        return await asyncssh.connect(
            account.host,
            account.port,
            tunnel=self.wire,
            username=account.user,
            client_factory=lambda: self._login,
            client_version="Retabli",
            config=None,
            known_hosts=lambda *_: ([], [], []),  # nobody: Login is asked about every key
            server_host_key_algs=self._pinned.proofs,
            x509_trusted_certs=None,
            x509_trusted_cert_paths=[],
            client_keys=None,
            agent_path=None,
            gss_host=None,
            preferred_auth=[],  # any, in the server's order: Login decides
            host_based_auth=False,
            compression_algs=["none"],
            connect_timeout=None,
            login_timeout=0,
            keepalive_interval=0,
            env={},
            send_env=[],
        )

    async def _until(self, event: asyncio.Event | None) -> None:
        """Until this has happened, or the whole login has; what goes wrong first is raised, judged."""
        assert self._connecting is not None  # noqa: S101 - log_in came before
        waits: set[asyncio.Task[object]] = {self._connecting}
        if event is not None:
            waits.add(asyncio.create_task(event.wait()))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits - {self._connecting}:
                task.cancel()
        if event is not None and event.is_set():
            return
        try:
            self._connecting.result()
        except asyncssh.DisconnectError as error:
            raise self._judged(error) from error
        except NONSENSE as error:
            if not self.wire.greeted.is_set():
                raise  # nothing of the server's was read yet: it is ours
            raise Fall(causes.GARBAGE, "what it sent makes no sense") from error

    def _judged(self, error: asyncssh.DisconnectError) -> Exception:
        """What a login's end means, by how far it had come."""
        login, offer = self._login, self.wire.offer
        if offer is not None and not set(offer.host_key) & set(self._pinned.proofs):
            return Fall(ssh_causes.HOST_KEY_TYPE, f"{self._pinned.type} is pinned; offered: {_some(offer.host_key)}")
        if self._another_key_shown:
            return self._changed()
        if isinstance(error, asyncssh.ConnectionLost):
            if login.shown_ours and not self.connected:
                return Fall(ssh_causes.SSH_CUT_AT_LOGIN, f"after {login.tried}")
            return self._cut()
        if isinstance(error, asyncssh.KeyExchangeFailed):
            if login.key_shown.is_set():
                return Fall(ssh_causes.HOST_KEY_UNPROVEN, error.reason)
            return Fall(ssh_causes.SSH_NO_COMMON_ALGORITHM, self._offered(error.reason))
        if isinstance(error, asyncssh.PermissionDenied) and login.begun.is_set():
            return login.refusal()
        if error.code == TOO_MANY_CONNECTIONS:
            return Fall(ssh_causes.SSH_TOO_MANY_SESSIONS, error.reason)
        if error.code == HOST_NOT_ALLOWED:
            return Fall(ssh_causes.SSH_ADDRESS_REFUSED, error.reason)
        if login.shown_ours and not self.connected:
            return Fall(ssh_causes.SSH_CUT_AT_LOGIN, error.reason)
        if isinstance(error, OURS):
            return Fall(causes.GARBAGE, error.reason)
        return Fall(ssh_causes.SSH_DISCONNECTED, error.reason)

    @property
    def connected(self) -> bool:
        task = self._connecting
        return task is not None and task.done() and not task.cancelled() and task.exception() is None

    def _offered(self, reason: str) -> str:
        """Which kind of algorithm has no match, and what the server has of it."""
        offer = self.wire.offer
        if offer is None:
            return reason
        kinds = {"key exchange": offer.key_exchange, "encryption": offer.encryption, "MAC": offer.mac}
        for kind, names in kinds.items():
            if f"{kind} algorithm" in reason:
                return f"{kind}; offered: {_some(names)}"
        return reason

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connecting = self._connecting
        try:
            if connecting is not None:
                connecting.cancel()
                await asyncio.gather(connecting, return_exceptions=True)
                if self.connected:
                    connecting.result().close()
                    await connecting.result().wait_closed()
            await self.wire.end()
        finally:  # a second cancellation shortens the farewell, and leaves nothing open
            self.wire.stop()
            self._connection.abort()


async def open_session(ladder: Ladder, account: SftpAccount, *, resolver: Resolver | None = None) -> SftpSession:
    """Climb the stages of ssh_causes.LOGIN.

    Raises:
        Fall: on the rung where it fell; the credential's own faults on AUTH, before anything is sent.
    """
    with ladder.ahead_of(stages.AUTH):
        credential = await read_credential(account)
    connection = await open_connection(ladder, account.host, account.port, resolver=resolver)
    session = SftpSession(connection, pinned_key(account.host_key), credential)
    try:
        await session.log_in(ladder, account)
    except BaseException as error:
        await session.__aexit__(type(error), error, None)
        raise
    return session


def _have_a_name() -> None:
    """asyncssh asks who we are and where we live, though it is told all it needs; a container's user may not know."""
    try:
        getpass.getuser()
    except (KeyError, OSError):  # what it raises by the version of Python
        os.environ["LOGNAME"] = "retabli"
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = "/nonexistent"


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
