"""Why a Prometheus-compatible engine gave no value to judge by: none of it says anything of what is watched."""

from retabli.model.causes import Cause, Side, Verdict, cause
from retabli.model.words import Words

_QUERY = Words(
    "Corriger la requête de cette sonde ; l'essayer dans l'interface du moteur.",
    "Correct this probe's query; try it in the engine's own page.",
)
_ENGINE = Words(
    "Regarder le moteur de métriques lui-même ; cela ne dit rien de ce qui est surveillé.",
    "Look at the metrics engine itself; this says nothing of what is watched.",
)
_ACCOUNT = Words(
    "Vérifier le compte de la sonde sur le moteur de métriques.", "Check the probe's account on the metrics engine."
)
_SOURCE = Words(
    "Voir si ce qui est surveillé est encore collecté : cible, agent, règle d'enregistrement.",
    "See whether what is watched is still collected: target, agent, recording rule.",
)

ENGINE_UNREACHABLE = cause(
    "engine_unreachable",
    Side.PROBE,
    fr="le moteur de métriques ne peut être interrogé : rien n'est jugé",
    en="the metrics engine cannot be asked: nothing is judged",
    verdict=Verdict.UNKNOWN,
    look=_ENGINE,
)
ENGINE_AUTH_REFUSED = cause(
    "engine_auth_refused",
    Side.PROBE,
    fr="le moteur de métriques refuse nos identifiants : rien n'est jugé",
    en="the metrics engine refuses our credentials: nothing is judged",
    verdict=Verdict.UNKNOWN,
    credential=True,
    look=_ACCOUNT,
)
ENGINE_AUTH_REQUIRED = cause(
    "engine_auth_required",
    Side.PROBE,
    fr="le moteur de métriques exige des identifiants, et nous n'en avons pas",
    en="the metrics engine demands credentials, and we have none",
    verdict=Verdict.UNKNOWN,
    look=_ACCOUNT,
)
ENGINE_BUSY = cause(
    "engine_busy",
    Side.PROBE,
    fr="le moteur de métriques n'a pas le temps de répondre",
    en="the metrics engine has no time to answer",
    verdict=Verdict.UNKNOWN,
    look=_ENGINE,
)
ENGINE_FAILED = cause(
    "engine_failed",
    Side.PROBE,
    fr="le moteur de métriques est en erreur",
    en="the metrics engine fails",
    verdict=Verdict.UNKNOWN,
    look=_ENGINE,
)
NOT_AN_ENGINE = cause(
    "not_an_engine",
    Side.PROBE,
    fr="ce qui répond n'est pas un moteur compatible avec Prometheus",
    en="what answers is no Prometheus-compatible engine",
    verdict=Verdict.UNKNOWN,
    look=Words("Vérifier l'adresse (`url`) du moteur.", "Check the engine's address (`url`)."),
)
QUERY_REFUSED = cause(
    "query_refused",
    Side.PROBE,
    fr="le moteur ne comprend pas notre requête",
    en="the engine does not understand our query",
    verdict=Verdict.UNKNOWN,
    look=_QUERY,
)
QUERY_FAILED = cause(
    "query_failed",
    Side.PROBE,
    fr="le moteur ne peut exécuter notre requête",
    en="the engine cannot execute our query",
    verdict=Verdict.UNKNOWN,
    look=_QUERY,
)
QUERY_TOO_BROAD = cause(
    "query_too_broad",
    Side.PROBE,
    fr="notre requête rend trop de séries",
    en="our query gives too many series",
    verdict=Verdict.UNKNOWN,
    look=_QUERY,
)
QUERY_GIVES_NO_NUMBERS = cause(
    "query_gives_no_numbers",
    Side.PROBE,
    fr="notre requête ne rend pas une valeur par série",
    en="our query does not give one number a series",
    verdict=Verdict.UNKNOWN,
    look=_QUERY,
)
ANSWER_PARTIAL = cause(
    "answer_partial",
    Side.PROBE,
    fr="le moteur n'a interrogé qu'une partie de ses données",
    en="the engine has asked only a part of its data",
    verdict=Verdict.UNKNOWN,
    look=_ENGINE,
)
SERIES_MISSING = cause(
    "series_missing",
    Side.PROBE,
    fr="le moteur ne connaît pas de valeur actuelle",
    en="the engine knows no present value",
    verdict=Verdict.UNKNOWN,
    look=_SOURCE,
)
SAMPLE_STALE = cause(
    "sample_stale",
    Side.PROBE,
    fr="la dernière valeur est trop ancienne",
    en="the latest value is too old",
    verdict=Verdict.UNKNOWN,
    look=_SOURCE,
)
SAMPLE_NOT_A_NUMBER = cause(
    "sample_not_a_number",
    Side.PROBE,
    fr="la valeur n'est pas un nombre (NaN)",
    en="the value is not a number (NaN)",
    verdict=Verdict.UNKNOWN,
    look=_SOURCE,
)
SAMPLE_NEITHER_TRUE_NOR_FALSE = cause(
    "sample_neither_true_nor_false",
    Side.PROBE,
    fr="la valeur n'est ni 1 ni 0, et rien ne dit ce qui est attendu",
    en="the value is neither 1 nor 0, and nothing says what is expected",
    verdict=Verdict.UNKNOWN,
    look=Words("Dire dans `expect` quelles valeurs sont bonnes.", "Say in `expect` which values are good."),
)
CLOCKS_APART = cause(
    "clocks_apart",
    Side.PROBE,
    fr="l'horloge du moteur et la nôtre ne s'accordent pas : l'âge des valeurs n'est pas connu",
    en="the engine's clock and ours do not agree: the age of values is not known",
    verdict=Verdict.UNKNOWN,
    look=Words(
        "Comparer les deux horloges (NTP) ; un cache intermédiaire peut aussi servir d'anciennes réponses.",
        "Compare the two clocks (NTP); a cache in between may also serve old answers.",
    ),
)
UNEXPECTED_VALUE = cause(
    "unexpected_value",
    Side.CONTENT,
    fr="la valeur n'est pas celle attendue",
    en="the value is not the expected one",
    look=Words(
        "Regarder ce que mesure cette série : le moteur répond, et sa valeur est récente.",
        "Look at what this series measures: the engine answers, and its value is recent.",
    ),
)

CAUSES: tuple[Cause, ...] = tuple(value for value in tuple(globals().values()) if isinstance(value, Cause))
