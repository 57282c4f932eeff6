"""The guides as a reader has them: their words in code, their blocks, their links and anchors."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
# Each guide in both languages: French first.
PAIRS = (
    ("LISEZMOI.md", "README.md"),
    ("docs/exploitation.md", "docs/operating.md"),
    ("docs/premiere-configuration.md", "docs/first-configuration.md"),
    ("docs/securite.md", "docs/security.md"),
    ("docs/depannage.md", "docs/troubleshooting.md"),
    ("docs/sauvegarde.md", "docs/backup.md"),
    ("docs/astreinte.md", "docs/on-call.md"),
    ("docs/trace-ecrite.md", "docs/written-record.md"),
    ("docs/flux-fermes.md", "docs/closed-flows.md"),
    ("docs/ajouter-une-sonde.md", "docs/adding-a-probe.md"),
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Guide:
    path: Path

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        """Without its blocks and its words in code."""
        return SPAN.sub("", FENCE.sub("", self.text))

    def blocks(self, *kinds: str) -> Iterator[str]:
        yield from (block for kind, block in FENCE.findall(self.text) if kind in kinds)

    def spans(self) -> Iterator[str]:
        yield from SPAN.findall(FENCE.sub("", self.text))

    def links(self) -> Iterator[str]:
        yield from (link for link in LINK.findall(FENCE.sub("", self.text)) if "://" not in link)

    def anchors(self) -> set[str]:
        """As GitHub makes them of headings."""
        return {anchor(found) for found in HEADING.findall(FENCE.sub("", self.text))}


def anchor(heading: str) -> str:
    kept = "".join(char for char in heading.lower() if char.isalnum() or char in " -_\u00a0")
    return kept.strip().replace(" ", "-").replace("\u00a0", "")


def guides() -> list[Guide]:
    """Every guide of both languages, and every page that the program writes."""
    written = [ROOT / name for pair in PAIRS for name in pair]
    return [Guide(path) for path in (*written, *sorted(REFERENCE.glob("*/*.md")))]


def french() -> list[Guide]:
    return [Guide(ROOT / first) for first, _ in PAIRS] + [Guide(path) for path in sorted(REFERENCE.glob("fr/*.md"))]
