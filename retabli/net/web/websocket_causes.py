"""Why a conversation over WebSocket does not begin, or ends: the causes."""

from retabli.model.causes import Side, Verdict, cause
from retabli.model.words import Words

UPGRADE_BLOCKED = cause(
    "upgrade_blocked",
    Side.OURS,
    fr="le passage à WebSocket (Upgrade) n'aboutit pas",
    en="the upgrade to WebSocket does not get through",
    look=Words(
        "Regarder ce qui se trouve entre nous et le service (proxy, relais inverse) : laisse-t-il passer Upgrade ?",
        "Look at what stands between us and the service (proxy, reverse proxy): does it let Upgrade through?",
    ),
)
WEBSOCKET_REFUSED = cause(
    "websocket_refused",
    Side.PARTNER_REFUSES,
    fr="le service met fin à la conversation : il nous refuse",
    en="the service ends the conversation: it refuses us",
)
WEBSOCKET_FAILED = cause(
    "websocket_failed",
    Side.PARTNER_DOWN,
    fr="le service met fin à la conversation : il est en erreur",
    en="the service ends the conversation: it fails",
)
WEBSOCKET_UNAVAILABLE = cause(
    "websocket_unavailable",
    Side.PARTNER_DOWN,
    fr="le service met fin à la conversation : momentanément indisponible",
    en="the service ends the conversation: unavailable for now",
    verdict=Verdict.TEMPORARY,
)

CAUSES = (UPGRADE_BLOCKED, WEBSOCKET_REFUSED, WEBSOCKET_FAILED, WEBSOCKET_UNAVAILABLE)
