"""The CT image that an archive is given and gives back: known again by its bytes, and by nothing else."""

import errno

import pytest

from retabli.model import causes
from retabli.model.ladder import Fall, cause_of
from retabli.net.dicom import data_sets
from retabli.net.dicom.ct_image import SyntheticImage
from retabli.net.dicom.marked_image import Uids
from retabli.net.dicom.syntaxes import IMPLICIT


@pytest.mark.parametrize("lacking", [OSError(errno.EMFILE, "Too many open files"), MemoryError()])
def test_what_we_could_not_read_is_not_called_another_image(
    lacking: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object) -> object:
        try:
            raise lacking
        except Exception as error:
            raise Fall(causes.GARBAGE, "a data set that cannot be read") from error

    image = SyntheticImage(Uids("2.25.1", "2.25.2", "2.25.3"), "RETABLI-TEST", "RETABLI^TEST", 0.0)
    data = image.encoded(IMPLICIT)
    assert image.is_in(data, IMPLICIT)
    assert not image.is_in(data[:100], IMPLICIT)
    monkeypatch.setattr(data_sets, "read", read)
    with pytest.raises(Fall) as left:
        image.is_in(data, IMPLICIT)
    assert cause_of(left.value) is causes.LOCAL_RESOURCES
