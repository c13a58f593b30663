"""The command beside its work: completion in shells, help, progress on a terminal, prompts."""

import os
import re
import shlex
import shutil
import struct
import subprocess
import sys

import numpy as np
import pytest

from ortembed.cli import main
from ortembed.cli.encoding import Encoding
from ortembed.cli.entry import _COMMANDS, _parser
from ortembed.manifest import manifests
from tests.python.tiny_models import MEAN_POOLING, save_bert

NAMES = [command.__name__.rpartition(".")[2] for command in _COMMANDS]


@pytest.fixture
def script(tmp_path, capsys):
    def write(shell):
        assert main(["completion", shell]) == 0
        path = tmp_path / f"completion.{shell}"
        path.write_text(capsys.readouterr().out, "utf-8")
        return path

    return write


def shell_output(shell, code, folder):
    if not shutil.which(shell):
        pytest.skip(f"there is no {shell} on this machine")
    done = subprocess.run(
        [shell, "-c", code], cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


COMPLETED = [
    ("ortembed em", ["embed"]),
    ("ortembed ", NAMES),
    ("ortembed embed --prec", ["--precision"]),
    ("ortembed embed --precision u", ["uint8", "ubinary"]),
    ("ortembed embed --model bge-m", ["bge-m3"]),
    ("ortembed info snowflake-arctic-embed-x", ["snowflake-arctic-embed-xs"]),
    ("ortembed embed tex", ["texts.txt"]),
    ("ortembed embed texts.txt --output vec", ["vectors.npy"]),
    ("ortembed models --cache-dir fol", ["folder"]),
    ("ortembed completion ", ["bash", "zsh", "fish"]),
]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "folder").mkdir()
    for name in ("texts.txt", "vectors.npy"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(("line", "words"), COMPLETED)
def test_bash_completes(script, folder, line, words):
    code = f"""
        source {script("bash")}
        declaration=$(complete -p ortembed)
        [[ $declaration =~ -F\\ ([^ ]+) ]]
        IFS=' ' read -r -a COMP_WORDS <<< '{line}'
        [[ '{line}' == *' ' ]] && COMP_WORDS+=('')
        COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
        ${{BASH_REMATCH[1]}} ortembed "${{COMP_WORDS[-1]}}" "${{COMP_WORDS[-2]}}"
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    assert [word.rstrip("/") for word in shell_output("bash", code, folder)] == words


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_path_in_a_model_is_no_local_file(script, shell):
    own = [
        line for line in script(shell).read_text("utf-8").splitlines() if re.search(r"-onnx\b|-l onnx|__onnx_", line)
    ]
    assert own
    assert not [line for line in own if "_files" in line or "__fish_complete_path" in line]


@pytest.mark.parametrize(("line", "words"), COMPLETED)
def test_fish_completes(script, folder, line, words):
    code = f"source {script('fish')}; complete -C '{line}' | string replace -r '\\t.*' ''; true"
    found = {word.rstrip("/") for word in shell_output("fish", code, folder)}
    assert {word for word in found if not word.startswith("-") or "-" in line.split()[-1][:1]} >= set(words)


def test_zsh_takes_its_script(script, folder):
    script("zsh").rename(folder / "_ortembed")
    code = "fpath=($PWD $fpath); autoload -Uz compinit; compinit -D -u; print $_comps[ortembed]"
    assert shell_output("zsh", code, folder) == ["_ortembed"]
    assert set(manifests()) <= set(re.findall(r"[a-z0-9.-]+", script("zsh").read_text("utf-8")))


def test_a_script_is_the_same_each_time(script):
    assert script("bash").read_bytes() == script("bash").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_each_command_has_examples_that_it_takes(name, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit, match="0"):
        main([name, "--help"])
    examples = capsys.readouterr().out.split("\nexamples:\n")[1].splitlines()
    assert examples
    for line in examples:
        own = re.search(r"ortembed (.*?)(?: > .*)?$", line)[1]
        assert vars(_parser().parse_args(shlex.split(own, comments=True)))["run"].__module__.endswith(f".{name}")


def test_help_tells_the_exit_statuses(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    told = " ".join(capsys.readouterr().out.split())
    for words in (
        "0 for success",
        "1 for an error",
        "2 for wrong usage",
        "130 when interrupted",
        "143 when told to end",
    ):
        assert words in told


@pytest.mark.skipif(os.name == "nt", reason="terminals are another matter there")
def test_a_terminal_sees_how_far_a_run_is_and_what_it_was(environment, tmp_path):
    (tmp_path / "in.txt").write_text("".join(f"text {i}\n" for i in range(300)), "utf-8")
    told = on_a_terminal(["embed", "in.txt", "-o", "out.npy"], environment, tmp_path)
    assert "ortembed: reading in.txt …" in told
    assert re.search(r"embedding: +100%.* 300/300 \[.*text/s\]", told)
    assert re.search(r"ortembed: 300 rows, in \d+\.\d s \(\d+ texts/s\) to out.npy", told)


@pytest.mark.skipif(os.name == "nt", reason="terminals are another matter there")
def test_rows_of_an_earlier_run_count_for_no_speed(environment, embed, tmp_path, monkeypatch):
    (tmp_path / "in.txt").write_text("".join(f"text {i}\n" for i in range(300)), "utf-8")
    whole = Encoding.encode_chunk
    monkeypatch.setattr(
        Encoding, "encode_chunk", lambda self, texts: interrupt() if "text 128" in texts else whole(self, texts)
    )
    monkeypatch.chdir(tmp_path)
    embed("in.txt", "-o", "out.npy", status=130)
    told = on_a_terminal(["embed", "in.txt", "-o", "out.npy"], environment, tmp_path)
    assert re.search(r"embedding: +43%.* 128/300 \[00:00<", told)
    assert "0/300" not in told.replace("300/300", "")
    assert "300 rows, 128 of them by an earlier run, in" in told


def interrupt():
    raise KeyboardInterrupt


def on_a_terminal(arguments, environment, folder):
    """Run the command with a terminal for standard error; give what is shown there."""
    import fcntl  # noqa: PLC0415 - not on Windows
    import termios  # noqa: PLC0415

    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    command = [sys.executable, "-m", "ortembed", *arguments]
    with subprocess.Popen(command, env=environment, cwd=folder, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 1 << 16):
                shown += part
        except OSError:  # Linux's way to say that nobody has it open any more
            pass
    os.close(ours)
    assert process.returncode == 0, shown
    return shown.decode()


@pytest.fixture(scope="module")
def prompted(tmp_path_factory):
    """A model with prompts, whose default is that for queries."""
    prompts = {"prompts": {"query": "hello: ", "passage": "dog: ", "other": "fish: "}, "default_prompt_name": "query"}
    return save_bert(tmp_path_factory.mktemp("model"), config_sentence_transformers=prompts, **MEAN_POOLING)


@pytest.mark.parametrize(
    ("arguments", "prompt"),
    [
        ([], "hello: "),
        (["--query"], "hello: "),
        (["--document"], "dog: "),
        (["--prompt-name", "other"], "fish: "),
        (["--prompt", "world "], "world "),
        (["--prompt", ""], ""),
    ],
)
@pytest.mark.parametrize("name", ["in.txt", "-"])
def test_the_prompt_is_chosen(embed, prompted, tmp_path, monkeypatch, arguments, prompt, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.txt").write_text("cat\n", "utf-8")
    (tmp_path / "plain.txt").write_text(f"{prompt}cat\n", "utf-8")
    with (tmp_path / "in.txt").open(encoding="utf-8") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        embed(name, "-o", "out.npy", "--model", prompted, *arguments)
    embed("plain.txt", "-o", "plain.npy", "--model", prompted, "--prompt", "")
    np.testing.assert_allclose(np.load("out.npy"), np.load("plain.npy"), atol=1e-6)


def test_a_prompt_that_the_model_lacks_is_told(embed, prompted, tmp_path):
    (tmp_path / "in.txt").write_text("cat\n", "utf-8")
    arguments = [tmp_path / "in.txt", "-o", tmp_path / "out.npy", "--model", prompted]
    told = embed(*arguments, "--prompt-name", "no", status=1)
    assert "the model has no prompt named 'no'; it has other, passage, query" in told
    with pytest.raises(SystemExit, match="2"):
        embed(*arguments, "--query", "--document")
