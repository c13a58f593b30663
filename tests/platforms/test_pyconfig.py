"""The pyconfig.h of other platforms, as this machine's compiler sees it, against that of this machine's Python."""

import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from platforms.paths import HERE

PYCONFIG = HERE / "include/pyconfig.h"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="wheels for other platforms are built on Linux alone")


def compiled(folder, expected):
    """Compile what each name has to be; give what the compiler says."""
    lines = [f"#include {str(PYCONFIG)!r}".replace("'", '"')]
    lines += [f'_Static_assert({name} == {value}, "{name}");' for name, value in expected.items()]
    (folder / "expected.c").write_text("\n".join(lines) + "\n", "utf-8")
    command = [shutil.which("cc"), "-DPy_LIMITED_API=0x030C0000", "-c", "expected.c", "-o", "expected.o"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stderr


@pytest.fixture
def here():
    """What Python says of this machine, of the names that ours has outside its part for Windows."""
    with Path(sysconfig.get_config_h_filename()).open(encoding="utf-8") as file:
        config = sysconfig.parse_config_h(file)
    text = re.sub(r"#ifdef _WIN32.*?#else", "", PYCONFIG.read_text("utf-8"), flags=re.DOTALL)
    names = set(re.findall(r"^#define (?!ORTEMBED)(\w+) ", text, re.MULTILINE))
    assert len(names) > 10
    return {name: config[name] for name in names}


def test_it_agrees_with_this_machines(tmp_path, here):
    assert compiled(tmp_path, here) == ""


def test_a_wrong_size_would_be_seen(tmp_path, here):
    assert "SIZEOF_LONG" in compiled(tmp_path, {**here, "SIZEOF_LONG": here["SIZEOF_LONG"] + 1})
