"""What can be wrong with a folder into which files are dropped, here or on a server."""

from retabli.model.causes import Side, Verdict, cause
from retabli.model.stages import stage
from retabli.model.words import Words

REACHED = stage("reached", fr="dossier atteint", en="folder reached")
LIST = stage("list", fr="lecture du dossier", en="folder listed")
FRESH = stage("fresh", fr="arrivées récentes", en="fresh arrivals")
CONSUMED = stage("consumed", fr="fichiers consommés", en="files consumed")
ERRORS = stage("errors", fr="dossier d'erreurs", en="error folder")
PARTIAL = stage("partial", fr="transferts achevés", en="transfers finished")

_PATH = Words(
    "Vérifier le chemin (`directory`), et que le partage est bien monté là.",
    "Check the path (`directory`), and that the share is really mounted there.",
)
_RIGHTS = Words(
    "Le compte peut se connecter mais pas faire cela : demander ses droits sur ce dossier.",
    "The account may log in but not do this: ask for its rights in this folder.",
)
_ARRIVALS = Words(
    "Regarder l'expéditeur et le transport : rien n'arrive, alors que l'on attend quelque chose (`profile`).",
    "Look at the sender and the transport: nothing arrives, while something is expected (`profile`).",
)
_CONSUMER = Words(
    "Regarder le logiciel qui consomme ce dossier : les fichiers arrivent et y restent.",
    "Look at the program that consumes this folder: files arrive and stay there.",
)
_UNSEEN = Words(
    "Les fichiers partent plus vite que la sonde ne regarde : viser un dossier d'archive, ou sonder plus souvent.",
    "Files leave faster than the probe looks: point it at an archive folder, or probe more often (`every`).",
)
_CLOCKS = Words(
    "Comparer l'horloge du serveur ou de l'expéditeur des fichiers avec la nôtre.",
    "Compare the clock of the files' server or sender with ours.",
)
_SERVER = Words(
    "Le dossier est un montage dont le serveur de fichiers ne répond plus : regarder ce serveur et le réseau.",
    "The folder is a mount whose file server no longer answers: look at that server and the network.",
)
_ERRORS = Words(
    "Regarder dans le dossier d'erreurs ce qui est refusé, et pourquoi, dans le journal du logiciel qui consomme.",
    "Look in the error folder at what is refused, and at why in the log of the program that consumes.",
)
_BROKEN_OFF = Words(
    "Regarder l'expéditeur, le transport et la place sur le disque : des transferts s'arrêtent en chemin.",
    "Look at the sender, the transport and the space on the disk: transfers stop half-way.",
)
_NO_TIMES = Words(
    "Juger sur autre chose que l'âge (`error_directory`), ou regarder le dossier depuis une machine qui le voit.",
    "Judge by something else than age (`error_directory`), or look at the folder from a machine that sees it.",
)
_FILE_SYSTEM = Words(
    "Regarder le disque ou le montage sur cette machine (journal du noyau), puis le serveur de fichiers.",
    "Look at the disk or mount on this machine (the kernel's log), then at the file server.",
)

DIRECTORY_MISSING = cause(
    "directory_missing", Side.CONTENT, fr="le dossier n'existe pas", en="the folder does not exist", look=_PATH
)
NOT_A_DIRECTORY = cause(
    "not_a_directory", Side.CONTENT, fr="ce n'est pas un dossier", en="this is no folder", look=_PATH
)
LIST_DENIED = cause(
    "list_denied",
    Side.PARTNER_REFUSES,
    fr="le serveur nous refuse la lecture du dossier",
    en="the server does not let us list the folder",
    look=_RIGHTS,
)
FOLDER_FORBIDDEN = cause(
    "folder_forbidden",
    Side.PROBE,
    fr="la sonde n'a pas le droit de lire ce dossier",
    en="the probe may not read this folder",
    verdict=Verdict.UNKNOWN,
    look=Words(
        "Donner au compte de Retabli le droit de lire et de traverser ce dossier (r-x).",
        "Give Retabli's account the right to read and enter this folder (r-x).",
    ),
)
FOLDER_HANGS = cause(
    "folder_hangs",
    Side.OURS,
    fr="le dossier ne répond pas (montage réseau figé)",
    en="the folder does not answer (a network mount that hangs)",
    verdict=Verdict.TEMPORARY,
    look=_SERVER,
)
FOLDER_BROKEN = cause(
    "folder_broken",
    Side.OURS,
    fr="le système de fichiers du dossier est en erreur",
    en="the folder's file system is in error",
    verdict=Verdict.TEMPORARY,
    look=_FILE_SYSTEM,
)
FOLDER_TOO_LARGE = cause(
    "folder_too_large",
    Side.CONTENT,
    fr="trop de fichiers dans le dossier pour en juger",
    en="too many files in the folder to judge it",
    verdict=Verdict.UNKNOWN,
    look=_CONSUMER,
)
NO_ARRIVALS = cause(
    "no_arrivals",
    Side.CONTENT,
    fr="rien n'arrive plus dans le dossier",
    en="nothing arrives in the folder any more",
    look=_ARRIVALS,
)
ARRIVALS_UNSEEN = cause(
    "arrivals_unseen",
    Side.PROBE,
    fr="le dossier vit, mais aucun fichier n'y reste assez longtemps pour être vu",
    en="the folder is alive, but no file stays long enough to be seen",
    verdict=Verdict.UNKNOWN,
    look=_UNSEEN,
)
FROM_THE_FUTURE = cause(
    "from_the_future",
    Side.CONTENT,
    fr="les fichiers sont datés du futur : leur âge ne dit rien",
    en="the files are dated in the future: their age says nothing",
    verdict=Verdict.UNKNOWN,
    look=_CLOCKS,
)
SOME_FROM_THE_FUTURE = cause(
    "some_from_the_future",
    Side.CONTENT,
    fr="des fichiers sont datés du futur",
    en="some files are dated in the future",
    verdict=Verdict.IMPAIRED,
    look=_CLOCKS,
)
TIMES_MISSING = cause(
    "times_missing",
    Side.CONTENT,
    fr="le serveur ne dit pas de quand datent les fichiers",
    en="the server does not say how old the files are",
    verdict=Verdict.UNKNOWN,
    look=_NO_TIMES,
)
NOT_CONSUMED = cause(
    "not_consumed",
    Side.CONTENT,
    fr="des fichiers arrivent et ne sont pas consommés",
    en="files arrive and are not consumed",
    look=_CONSUMER,
)
ERRORS_ARRIVE = cause(
    "errors_arrive",
    Side.CONTENT,
    fr="des fichiers viennent d'être mis en erreur",
    en="files have just been put aside as errors",
    verdict=Verdict.IMPAIRED,
    look=_ERRORS,
)
TOO_MANY_ERRORS = cause(
    "too_many_errors",
    Side.CONTENT,
    fr="trop de fichiers en erreur",
    en="too many files put aside as errors",
    look=_ERRORS,
)
PARTIAL_LINGERS = cause(
    "partial_lingers",
    Side.CONTENT,
    fr="des fichiers inachevés traînent : des transferts se sont rompus",
    en="unfinished files linger: transfers broke off",
    verdict=Verdict.IMPAIRED,
    look=_BROKEN_OFF,
)
WRITE_DENIED = cause(
    "write_denied",
    Side.PARTNER_REFUSES,
    fr="le serveur nous refuse l'écriture dans le dossier",
    en="the server does not let us write into the folder",
    look=_RIGHTS,
)
WRITE_FAILED = cause(
    "write_failed",
    Side.PARTNER_DOWN,
    fr="l'écriture du témoin échoue",
    en="writing the canary fails",
)
DISK_FULL = cause(
    "disk_full",
    Side.PARTNER_DOWN,
    fr="le disque ou le quota du serveur est plein",
    en="the server's disk or quota is full",
)
READ_DENIED = cause(
    "read_denied",
    Side.PARTNER_REFUSES,
    fr="le témoin est écrit, mais le serveur nous refuse de le relire",
    en="the canary was written, but the server does not let us read it back",
    verdict=Verdict.IMPAIRED,
    look=_RIGHTS,
)
CANARY_DIFFERS = cause(
    "canary_differs",
    Side.CONTENT,
    fr="le témoin relu n'est pas celui qui a été écrit",
    en="the canary read back is not the one that was written",
    look=Words(
        "Quelque chose réécrit ou tronque les fichiers : disque, passerelle de filtrage, chiffrement.",
        "Something rewrites or cuts off files: disk, a filtering gateway, encryption.",
    ),
)
CANARY_TAKEN = cause(
    "canary_taken",
    Side.CONTENT,
    fr="le témoin disparaît avant d'être relu",
    en="the canary vanishes before it is read back",
    verdict=Verdict.UNKNOWN,
    look=Words(
        "Un consommateur prend tout : donner au témoin un nom qu'il laisse, ou un dossier à part (`directory`).",
        "A consumer takes everything: give the canary a name that it leaves, or a folder apart (`directory`).",
    ),
)
CANARY_STAYS = cause(
    "canary_stays",
    Side.PARTNER_REFUSES,
    fr="le témoin est écrit et relu, mais ne peut être effacé",
    en="the canary is written and read back, but cannot be removed",
    verdict=Verdict.IMPAIRED,
    look=_RIGHTS,
)
CANARY_FOREIGN = cause(
    "canary_foreign",
    Side.PROBE,
    fr="un fichier qui n'est pas à nous porte le nom du témoin : il n'est pas touché",
    en="a file that is not ours bears the canary's name: it is left alone",
    verdict=Verdict.UNKNOWN,
    look=Words("Donner au témoin (`canary`) un autre nom.", "Give the canary (`canary`) another name."),
)
CANARY_BUSY = cause(
    "canary_busy",
    Side.PROBE,
    fr="un autre de nos essais tient le témoin en ce moment",
    en="another run of ours holds the canary at this moment",
    verdict=Verdict.UNKNOWN,
    look=Words(
        "Deux sondes ont le même témoin dans le même dossier : donner à chacune son nom (`canary`).",
        "Two probes have the same canary in the same folder: give each its name (`canary`).",
    ),
)

REMOTE = (DIRECTORY_MISSING, NOT_A_DIRECTORY, LIST_DENIED)
LOCAL = (DIRECTORY_MISSING, NOT_A_DIRECTORY, FOLDER_FORBIDDEN, FOLDER_HANGS, FOLDER_BROKEN)
ARRIVALS = (
    FOLDER_TOO_LARGE,
    NO_ARRIVALS,
    ARRIVALS_UNSEEN,
    FROM_THE_FUTURE,
    SOME_FROM_THE_FUTURE,
    TIMES_MISSING,
    NOT_CONSUMED,
    ERRORS_ARRIVE,
    TOO_MANY_ERRORS,
    PARTIAL_LINGERS,
)
CANARIES = (
    WRITE_DENIED,
    WRITE_FAILED,
    DISK_FULL,
    READ_DENIED,
    CANARY_DIFFERS,
    CANARY_TAKEN,
    CANARY_STAYS,
    CANARY_FOREIGN,
    CANARY_BUSY,
)
