"""The outlet to browsers and programs: pages, API, health and metrics, served from the picture in memory."""

from retabli.web.app import build
from retabli.web.seams import Asked, Exposition, LogReader, Ready, Reload, Switch, Switches
from retabli.web.server import Web

__all__ = ["Asked", "Exposition", "LogReader", "Ready", "Reload", "Switch", "Switches", "Web", "build"]
