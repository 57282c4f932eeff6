"""Every fault has a file named for it; the sentences it must give stand at its end, after `#! `."""

from pathlib import Path

import pytest

from config import ConfigurationFault, load

FAULTS = Path(__file__).parent / "faults"


def expected(file: Path) -> list[str]:
    marked = [line[3:] for line in file.read_text().splitlines() if line.startswith("#! ")]
    lines = []
    for each in marked:
        where = f"{file}:" if each[0].isdigit() else f"{file}: "
        lines.append(where + each.replace("{folder}", str(FAULTS)))
    return lines


@pytest.mark.parametrize("name", sorted(file.stem for file in FAULTS.glob("*.yaml")))
def test_each_fault_is_told_with_its_line_its_path_and_a_sentence(name: str) -> None:
    file = FAULTS / f"{name}.yaml"
    with pytest.raises(ConfigurationFault) as caught:
        load(file)
    assert sorted(str(caught.value).splitlines()) == sorted(expected(file))
