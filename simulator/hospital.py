"""The hospital and its partners, wired: its systems, the names they are found by, and a switch for each flow."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType

from simulator.authority import Authority
from simulator.duty import Duty
from simulator.serving import Serving
from simulator.switches import Switch
from simulator.systems.blood import Blood
from simulator.systems.border import Border
from simulator.systems.dictation import Dictation
from simulator.systems.ground import Ground, System
from simulator.systems.images import Images
from simulator.systems.mail import Mail
from simulator.systems.resolver import NameService
from simulator.systems.secure_mail import SecureMail
from simulator.systems.web import Web


class Hospital:
    """`async with Hospital(folder) as hospital`: everything listens on loopback, healthy."""

    def __init__(self, folder: Path) -> None:
        self.ground = Ground(folder, Authority(folder))
        self.mail = Mail(self.ground)
        self.blood = Blood(self.ground)
        self.web = Web(self.ground)
        self.resolver = NameService()
        self.duty = Duty()
        self.systems: tuple[System, ...] = (
            self.mail,
            Images(self.ground),
            self.blood,
            SecureMail(self.ground),
            Dictation(self.ground),
            self.web,
            Border(self.ground),
            self.resolver,
        )
        self.resolver.names.zone = {name: data for system in self.systems for name, data in system.zone.items()}
        self.serving: Mapping[str, Serving] = {
            "duty": Serving(self.duty.talk),
            **{name: serving for system in self.systems for name, serving in system.servings.items()},
        }
        self.switches: Mapping[str, Switch] = {each.flow: each for system in self.systems for each in system.switches}
        for system in self.systems:
            for each in system.switches:
                each.on_change(lambda _position, system=system: system.apply())  # type: ignore[misc]
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "Hospital":
        for serving in self.serving.values():
            await self._stack.enter_async_context(serving)
        for system in self.systems:
            await self._stack.enter_async_context(system.running())
            system.apply()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    def port(self, name: str) -> int:
        return self.resolver.names.serving.port if name == "names" else self.serving[name].port
