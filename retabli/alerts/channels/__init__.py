"""The kinds of channels, by the name that the configuration calls them."""

from collections.abc import Mapping
from types import MappingProxyType

from retabli.alerts.channels.alertmanager import Alertmanager
from retabli.alerts.channels.apprise import Apprise
from retabli.alerts.channels.channel import Channel, ChannelSettings
from retabli.alerts.channels.command import Exec
from retabli.alerts.channels.mail import Smtp
from retabli.alerts.channels.webhook import Webhook
from retabli.alerts.channels.xmpp import Xmpp

CHANNELS: Mapping[str, type[ChannelSettings]] = MappingProxyType(
    {"webhook": Webhook, "alertmanager": Alertmanager, "smtp": Smtp, "exec": Exec, "apprise": Apprise, "xmpp": Xmpp}
)


def build(settings: ChannelSettings) -> Channel:
    """The channel of these settings; nothing is read or connected yet."""
    return settings.build()
