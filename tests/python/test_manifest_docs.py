"""docs/models.md has the table that the manifests give."""

from pathlib import Path

from ortembed.manifest import manifests

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs/models.md"
HEADER = [
    "| short name | hub | dimension (cut to) | tokens | MB | licence | languages | architecture | prompts |",
    "|---|---|---|---|---|---|---|---|---|",
]


def row(manifest) -> str:
    cut = ", ".join(str(size) for size in manifest.matryoshka if size < manifest.dimension)
    cells = [
        f"`{manifest.name}`",
        manifest.hub_id,
        f"{manifest.dimension} ({cut})" if cut else str(manifest.dimension),
        str(manifest.max_seq_length),
        str(manifest.size_mb),
        manifest.licence,
        manifest.languages,
        manifest.family,
        ", ".join(manifest.prompts) or "none",
    ]
    return f"| {' | '.join(cells)} |"


def test_the_table_is_that_of_the_manifests():
    table = [line for line in DOCUMENT.read_text("utf-8").splitlines() if line.startswith("|")]
    expected = [*HEADER, *map(row, manifests().values())]
    assert table == expected, "docs/models.md should have\n" + "\n".join(expected)


def test_the_readme_counts_the_manifests():
    assert f"[{len(manifests())} models](docs/models.md)" in (ROOT / "README.md").read_text("utf-8")
