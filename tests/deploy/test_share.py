"""What the bundle puts beside the program, as it is built: its links, and what the image and the composition name."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from deploy.bundle.build import add_share
from tests.docs.guides import Guide
from tests.entrance import INSTALLED

pytestmark = pytest.mark.skipif(INSTALLED, reason="a bundle is built from the sources")


@pytest.fixture(scope="module")
def share(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle") / "share"
    add_share(folder)
    return folder


def test_every_link_in_it_leads_to_what_is_there(share: Path) -> None:
    pages = [Guide(path) for path in share.rglob("*.md")]
    assert {page.path.name for page in pages} >= {"README.md", "LISEZMOI.md", "CONTRIBUTING.md", "operating.md"}
    broken = []
    for page in pages:
        for link in page.links():
            name, _, heading = link.partition("#")
            target = (page.path.parent / name).resolve() if name else page.path
            if not target.exists() or (heading and target.suffix == ".md" and heading not in Guide(target).anchors()):
                broken.append((str(page.path.relative_to(share)), link))
    assert broken == []


def test_an_image_can_be_made_of_it(share: Path) -> None:
    """Each file that the recipe copies is there, and kept from it by nothing."""
    recipe = (share / "Dockerfile").read_text().replace("\\\n", " ")
    copied = [shlex.split(line)[1:-1] for line in recipe.splitlines() if re.match(r"COPY (?!--)", line)]
    names = {name for words in copied for name in words}
    assert "requirements/run.lock" in names
    assert [name for name in names if not (share / name).exists()] == []
    for line in (share / ".dockerignore").read_text().splitlines():
        assert not line.startswith("!") or (share / line[1:]).exists(), line
    for name in ("commands/run.py", "config/loading.py", "retabli/model/ladder.py", "probes/tcp.py"):
        assert (share / name).is_file()
    assert list(share.rglob("__pycache__")) == []


def test_each_path_that_the_composition_names_is_there(share: Path) -> None:
    composition = share / "deploy" / "compose.yaml"
    read = yaml.safe_load(composition.read_text())
    contexts = [each["build"]["context"] for each in read["services"].values() if "build" in each]
    assert contexts
    for context in contexts:
        assert (composition.parent / context / "Dockerfile").is_file()
    mounted = [volume for each in read["services"].values() for volume in each["volumes"]]
    paths = [found[1] for volume in mounted if (found := re.match(r"(?:\$\{\w+:-)?(\./[^:}]+)", volume))]
    assert len(paths) > 4
    for path in paths:
        assert (composition.parent / path).exists(), path
