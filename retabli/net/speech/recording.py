"""The recording that is sent to be recognised: the one shipped here, or the operator's own.

The shipped one was made by `flite -voice rms -t "<WORDS>" -o recording.wav` (a synthetic voice; nobody's): mono,
16 kHz, 16 bits, 4.4 s. Its words say what it is, wherever they may end up.
"""

import io
import wave
from dataclasses import dataclass
from pathlib import Path

from retabli.model import causes
from retabli.model.ladder import Fall

SHIPPED = Path(__file__).with_name("recording.wav")
WORDS = "this is only a test recording of the hospital please throw it away"
MOST_AUDIO = 1_000_000  # bytes; half a minute at 16 kHz and 16 bits


@dataclass(frozen=True, slots=True)
class Recording:
    """What is sent, and the name of its file."""

    name: str
    audio: bytes


def read_recording(path: Path, *, samples_only: bool = False) -> Recording:
    """The recording; `samples_only`: without the header of its WAV file.

    Raises:
        Fall: `file_unreadable`, naming the file.
    """
    try:
        with path.open("rb") as file:
            audio = file.read(MOST_AUDIO + 1)
    except (OSError, ValueError) as error:
        raise Fall(causes.FILE_UNREADABLE, f"{path}: {getattr(error, 'strerror', None) or error}") from error
    if not audio:
        raise Fall(causes.FILE_UNREADABLE, f"{path} is empty")
    if len(audio) > MOST_AUDIO:
        raise Fall(causes.FILE_UNREADABLE, f"{path} is larger than {MOST_AUDIO} bytes")
    return Recording(path.name, _samples(path, audio) if samples_only else audio)


def _samples(path: Path, audio: bytes) -> bytes:
    try:
        with wave.open(io.BytesIO(audio)) as reader:
            samples: bytes = reader.readframes(reader.getnframes())
    except (wave.Error, EOFError) as error:
        raise Fall(causes.FILE_UNREADABLE, f"{path} is no WAV file: {error}") from error
    if not samples:
        raise Fall(causes.FILE_UNREADABLE, f"{path} holds no samples")
    return samples
