"""General internet, which stays shut: a canary outside, the gateway inside, and whoever knows that the canary lives."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext

from retabli.model.words import Words
from simulator.border import UNLISTED
from simulator.border import Border as Doors
from simulator.metrics import MetricsEngine
from simulator.names import Zone
from simulator.serving import Serving
from simulator.switches import Switch
from simulator.systems.ground import INSIDE, OUTSIDE, Ground, Part, at_home, switch

CANARY, GATEWAY, METRICS = f"canary.{OUTSIDE}", f"gw.{INSIDE}", f"prometheus.{INSIDE}"
ALIVE = 'canary_up{port="443"}'


class Border:
    """The way to the canary refuses, as a firewall that rejects does; the proxy denies a site that is on no list."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.doors = Doors()
        self.metrics = MetricsEngine({ALIVE: 1.0})
        self.servings: Mapping[str, Serving] = {
            "canary": self.doors.canary,
            "gateway": self.doors.gateway,
            "metrics": Serving(self.metrics.talk),
        }
        self._switch = switch(
            "internet",
            shut=("fermé", "shut"),
            open=("quelqu'un a ouvert le pare-feu", "somebody opened the firewall"),
            canary_dead=("la cible témoin est morte : plus rien n'est prouvé", "the canary is dead: nothing is proven"),
        )

    @property
    def zone(self) -> Zone:
        return at_home(CANARY, GATEWAY, METRICS)

    @property
    def switches(self) -> Sequence[Switch]:
        return (self._switch,)

    def apply(self) -> None:
        self.doors.position = self._switch.position
        self.metrics.series[ALIVE] = float(self.doors.alive)
        self.doors.canary.wish(self.doors.lets_through)

    def running(self) -> AbstractAsyncContextManager[object]:
        return nullcontext()

    def sections(self) -> Mapping[str, Part]:
        metrics = f"http://{METRICS}:{self.servings['metrics'].port}"
        return {
            "flows": {
                "internet": {
                    "title": {"fr": "Accès général à internet", "en": "General internet"},
                    "intent": "closed",
                    "group": "Web",
                    "criticality": "high",
                    "owner": Words("Équipe réseau", "Network team"),
                    "notice": {
                        "fr": "Pas de navigation libre : seuls les sites de la liste sont ouverts.",
                        "en": "No free browsing: only the sites on the list are open.",
                    },
                    "depends_on": ["resolver"],
                    "public": True,
                    "probes": {
                        "ways-out": {
                            "kind": "containment",
                            "attempts": [
                                {"to": CANARY, "port": self.servings["canary"].port, "family": 4},
                                {"to": UNLISTED, "port": 443, "via": "main"},
                            ],
                            "denied": ["reset", "deny_page"],
                            "control": {
                                "path": {"to": GATEWAY, "port": self.servings["gateway"].port},
                                "alive": {"promql": {"url": metrics, "query": ALIVE}},
                            },
                            "every": "2s",
                            "timeout": "2s",
                        }
                    },
                }
            }
        }
