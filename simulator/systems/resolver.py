"""The hospital's name server, which knows all names of the simulated world."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager

from retabli.model.words import Words
from simulator.names import Names, Zone
from simulator.serving import Serving
from simulator.switches import Switch
from simulator.systems.ground import OUTSIDE, Part, switch


class NameService:
    """`names` is to be given the zones of all systems before it runs."""

    def __init__(self) -> None:
        self.names = Names({})
        self.servings: Mapping[str, Serving] = {}
        self.zone: Zone = {}
        self._switch = switch(
            "resolver", answers=("répond", "answers"), servfail=("SERVFAIL", "SERVFAIL"), silent=("muet", "silent")
        )

    @property
    def switches(self) -> Sequence[Switch]:
        return (self._switch,)

    def apply(self) -> None:
        self.names.position = self._switch.position

    def running(self) -> AbstractAsyncContextManager[object]:
        return self.names.serving

    def sections(self) -> Mapping[str, Part]:
        return {
            "flows": {
                "resolver": {
                    "title": {"fr": "Résolution de noms", "en": "Name resolution"},
                    "intent": "open",
                    "group": Words("Services partagés", "Shared services"),
                    "criticality": "high",
                    "owner": Words("Équipe réseau", "Network team"),
                    "probes": {"mx": {"kind": "dns", "name": OUTSIDE, "type": "MX", "expect": [f"10 mx.{OUTSIDE}."]}},
                }
            }
        }
