"""The expressions that several panels share. None shows as present what was only last known.

Prometheus marks the series of a target that stops answering as stale, so that a plain query gives nothing. It cannot
do so for what died while it was itself away: for five minutes it would show the last green. So whatever tells a state
is joined with `up`, whose samples are the scrapes' own.
"""

from deploy.grafana.looks import NUMBERS, SILENT

# `job="retabli"` is the one job name that dashboards and rules know. `instance` is a variable of every dashboard.
HERE = 'job="retabli",instance=~"$instance"'
FLOW = f'{HERE},flow="$flow"'
# The relabelling for blackbox_exporter's dashboards writes over their `instance`: probe_* are chosen by flow alone.
BLACKBOX = 'job="retabli",flow="$flow"'
EACH = "job, instance, flow"
KNOWN = "1h"  # for how long after its death the flows of a daemon are still listed, as not known

# A range, so that a sample from before a stop of Prometheus itself counts for two minutes and not for five.
ALIVE = f"last_over_time(up{{{HERE}}}[2m]) == 1"
# 1 answers, 0 does not; a target that left Prometheus's configuration does not for a day, and is then nothing at all.
ANSWERS = f"""max by (instance) (
  (last_over_time(up{{{HERE}}}[2m]) == bool 1)
  or on (job, instance) 0 * last_over_time(up{{{HERE}}}[1d])
)"""
ANSWERED = f"max by (instance) (max_over_time((timestamp(up{{{HERE}}}) and up{{{HERE}}} == 1)[1d:30s]))"
SINCE_ANSWER = f"time() - {ANSWERED}"


def alive(expression: str) -> str:
    """The expression while the daemon answers, and otherwise nothing."""
    return f"{expression}\nand on (job, instance) ({ALIVE})"


def state(choice: str = HERE) -> str:
    """The number of each flow's state; 0 while the daemon does not answer."""
    states = "\n  or on (job, instance, flow) ".join(
        f'{number} * (retabli_flow_state{{{choice},state="{each.value}"}} == 1)' for each, number in NUMBERS.items()
    )
    silent = f"last_over_time(retabli_flow_restored{{{choice}}}[{KNOWN}]) unless on (job, instance) ({ALIVE})"
    return f"""max by ({EACH}) (
  ({states})
  and on (job, instance) ({ALIVE})
)
or {SILENT} * max by ({EACH}) ({silent})"""


def described(expression: str, *labels: str, choice: str = HERE) -> str:
    """With labels from the flow's description. A title that was corrected is there twice for a while, and a join on
    both would be an error; topk takes one. (timestamp() would find the newer, at ten times the cost over a range.)
    """
    return f"""({expression})
* on ({EACH}) group_left ({", ".join(labels)}) (
  topk by ({EACH}) (1, last_over_time(retabli_flow_info{{{choice}}}[2m]))
  or on ({EACH}) topk by ({EACH}) (1, last_over_time(retabli_flow_info{{{choice}}}[{KNOWN}]))
)"""


def counted(state_: str) -> str:
    """How many flows are in that state; 0 if none is, nothing if nobody knows."""
    return f'sum({alive(f"""retabli_flow_state{{{HERE},state="{state_}"}}""")})'


def unknown(choice: str = HERE, also: str = "") -> str:
    """How many flows nothing is known of: those in that state, and all of a daemon that does not answer.

    `also` keeps some of both.
    """
    silent = f"last_over_time(retabli_flow_restored{{{choice}}}[{KNOWN}]) unless on (job, instance) ({ALIVE})"
    unjudged = alive(f'retabli_flow_state{{{choice},state="unknown"}}')
    return f"""sum(
  (max by ({EACH}) ({unjudged}) or 1 + 0 * max by ({EACH}) ({silent})){also}
)"""


_CLOSED = f'retabli_flow_info{{{HERE},intent="closed"}}'
# Keeps the flows that must stay closed. A dead daemon's are known by what they last were.
OF_CLOSED = f"""
and on ({EACH}) (
  {_CLOSED} or (last_over_time({_CLOSED}[{KNOWN}]) unless on (job, instance) ({ALIVE}))
)"""


def closed(expression: str) -> str:
    return f"({expression}){OF_CLOSED}"


def or_silent(series: str, by: str = EACH) -> str:
    """The value of a series that is 0 or 1, or -1 while the daemon does not answer."""
    silent = f"last_over_time({series}[{KNOWN}]) unless on (job, instance) ({ALIVE})"
    return f"max by ({by}) ({alive(series)})\nor 0 * max by ({by}) ({silent}) - 1"


def quantile(share: float, histogram: str, by: str = "", choice: str = HERE, over: str = "$__rate_interval") -> str:
    levels = ", ".join(filter(None, (by, "le")))
    return f"histogram_quantile({share:g}, sum by ({levels}) (rate({histogram}_bucket{{{choice}}}[{over}])))"
