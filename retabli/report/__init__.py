"""The point of situation: what works again and since when, what does not, what stays shut, what people must do."""

from retabli.report.facts import Line, Situation, from_view, shown
from retabli.report.forms import FORMS, body, written
from retabli.report.replay import replay
from retabli.report.text import Report, compose

__all__ = ["FORMS", "Line", "Report", "Situation", "body", "compose", "from_view", "replay", "shown", "written"]
