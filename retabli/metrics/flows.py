"""The series of a flow: its state, its page, its counts. Kept as current lines, rebuilt when they change."""

from retabli.metrics.exposition import Family, counter, gauge, info, labels
from retabli.model.flow import Flow
from retabli.model.record import Closure, FlowPicture, Standing
from retabli.model.states import State

FAMILIES: tuple[Family, ...] = (
    info("retabli_flow_info", "A flow, as the configuration describes it."),
    gauge("retabli_flow_state", "1 for the state that the flow is in, 0 for the seven others."),
    gauge("retabli_flow_restored", "1 while the flow is restored or degraded."),
    gauge("retabli_flow_page_open", "1 from the page for this reason to its resolve, whatever the state does."),
    gauge("retabli_flow_restored_timestamp_seconds", "When the flow was last restored."),
    gauge("retabli_flow_first_restored_timestamp_seconds", "When the flow was restored for the first time."),
    gauge("retabli_flow_state_changed_timestamp_seconds", "When the flow entered the state that it is in."),
    counter("retabli_flow_drops_total", "Times that the flow, restored, dropped again."),
    counter("retabli_flow_breaches_total", "Times that the flow, which must stay closed, answered."),
    gauge("retabli_flow_whole_ratio", "Share of the last 20 rounds in which every unit was ok and none slow."),
    gauge("retabli_flow_units", "Counted units of the flow by their latest fresh outcome."),
    gauge("retabli_closure_proven", "1 while the latest round proved the flow closed."),
    gauge("retabli_closure_control_success", "Whether a control that gives a denial its meaning passes."),
)
REASONS = ("dropped", "breached", "unknown")
RESTORED = (State.RESTORED, State.DEGRADED)


class FlowLines:
    """The lines of one flow. `blocks` has one text a family, in their order, and is replaced, never changed:
    whoever took it keeps one consistent picture."""

    __slots__ = ("_base", "_seen", "blocks")

    def __init__(self, flow: Flow, language: str) -> None:
        self._base = labels(flow=flow.id)
        self._seen: tuple[object, ...] = ()
        described = labels(
            flow=flow.id,
            title=flow.title[language],
            group=flow.group,
            intent=flow.intent.value,
            criticality=flow.criticality.value,
            owner=flow.owner,
        )
        self.blocks: tuple[str, ...] = (f"retabli_flow_info{{{described}}} 1\n", *[""] * (len(FAMILIES) - 1))

    def update(self, picture: FlowPicture) -> None:
        standing, whole, counts = picture.standing, picture.whole_ratio, picture.counts()
        seen = (
            standing.shown,
            standing.shown_since,
            standing.incident and standing.incident.reason,
            standing.restored_at,
            standing.first_restored_at,
            standing.drops,
            standing.breaches,
            whole,
            picture.closure,
            *counts.values(),
        )
        if seen == self._seen:
            return
        base = self._base
        self.blocks = (
            self.blocks[0],
            *_standing(base, standing),
            "" if whole is None else f"retabli_flow_whole_ratio{{{base}}} {whole!r}\n",
            "".join(
                f'retabli_flow_units{{{base},outcome="{outcome}"}} {counts[outcome]}\n'
                for outcome in ("ok", "failed", "unknown")
            ),
            *_closed(base, picture.closure),
        )
        self._seen = seen  # last: what could not be written is written the next time


def _standing(base: str, standing: Standing) -> tuple[str, ...]:
    shown = standing.shown
    reason = standing.incident.reason if standing.incident is not None else None
    return (
        "".join(f'retabli_flow_state{{{base},state="{state.value}"}} {int(state is shown)}\n' for state in State),
        f"retabli_flow_restored{{{base}}} {int(shown in RESTORED)}\n",
        "".join(f'retabli_flow_page_open{{{base},reason="{each}"}} {int(each == reason)}\n' for each in REASONS),
        _when("retabli_flow_restored_timestamp_seconds", base, standing.restored_at),
        _when("retabli_flow_first_restored_timestamp_seconds", base, standing.first_restored_at),
        _when("retabli_flow_state_changed_timestamp_seconds", base, standing.shown_since or None),
        f"retabli_flow_drops_total{{{base}}} {standing.drops}\n",
        f"retabli_flow_breaches_total{{{base}}} {standing.breaches}\n",
    )


def _when(name: str, base: str, instant: float | None) -> str:
    return "" if instant is None else f"{name}{{{base}}} {instant!r}\n"


def _closed(base: str, closure: Closure | None) -> tuple[str, str]:
    if closure is None:
        return "", ""
    controls = "".join(
        f'retabli_closure_control_success{{{base},control="{control}"}} {int(passes)}\n'
        for control, passes in (("path", closure.path), ("alive", closure.alive))
        if passes is not None
    )
    return f"retabli_closure_proven{{{base}}} {int(closure.proven)}\n", controls
