"""The outlet to browsers and programs: pages, API, health and metrics, served from the picture in memory."""

from retabli.web.app import build
from retabli.web.logbook import LogBook
from retabli.web.seams import Exposition, Ready, Reload, Switch, Switches
from retabli.web.server import Web

__all__ = ["Exposition", "LogBook", "Ready", "Reload", "Switch", "Switches", "Web", "build"]
