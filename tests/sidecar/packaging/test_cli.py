"""The command line: flags, help, exit codes, and how little it takes to start."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar import cli
from sidecar.cli import COMMANDS, Command, Flag, code_of, parse
from sidecar.model.reasons import REASONS, ReasonError

ROOT = Path(__file__).parents[3]
HELPERS = {"findings", "reaching", "kserve", "kserve_files", "kserve_places"}
"""Modules of the folder that are no commands of their own."""

SAMPLE = Command(
    "sample",
    "be parsed",
    (Flag("config", "PATH", "a config", "/default"), Flag("json", "", "as JSON"),
     Flag("key", "KEY", "a key")),
    words="[WORD]",
)  # fmt: skip


def ran(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sidecar", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def test_flags_are_read_with_their_defaults_in_either_spelling() -> None:
    assert parse(SAMPLE, []) == ({"config": "/default"}, [])
    assert parse(SAMPLE, ["--config", "/a", "--json"]) == ({"config": "/a", "json": ""}, [])
    assert parse(SAMPLE, ["--config=/a=b", "word"]) == ({"config": "/a=b"}, ["word"])
    assert parse(SAMPLE, ["--key", "--json"])[0]["key"] == "--json"
    assert parse(SAMPLE, ["--", "--json", "x"]) == ({"config": "/default"}, ["--json", "x"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--confg", "x"], "there is no flag --confg; did you mean --config?"),
        (["--zzz"], "there is no flag --zzz"),
        (["-j"], "there is no flag -j"),
        (["--config"], "--config needs PATH"),
        (["--json=1"], "--json takes no value"),
        (["--json", "--json"], "--json was given twice"),
    ],
)
def test_a_wrong_flag_is_told_with_what_was_meant(words: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        parse(SAMPLE, words)


def test_words_are_refused_where_none_are_taken() -> None:
    with pytest.raises(ValueError, match="it takes no 'x'"):
        parse(SAMPLE._replace(words=""), ["x"])


def test_every_command_is_a_module_and_every_module_a_command() -> None:
    folder = ROOT / "sidecar" / "commands"
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"} - HELPERS
    assert modules == {one.name for one in COMMANDS}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: one.name)
def test_every_command_has_help_that_names_its_flags_and_imports_nothing_for_it(
    command: Command,
) -> None:
    done = ran(command.name, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: edgewright-sidecar {command.name}")
    for flag in command.flags:
        assert f"--{flag.name}" in done.stdout


def test_the_overview_lists_every_command_that_people_use() -> None:
    done = ran("--help")
    assert done.returncode == 0
    listed = re.findall(r"^  (\w+) +\S", done.stdout, re.MULTILINE)
    assert listed == [one.name for one in COMMANDS if not one.hidden]


def test_what_the_compiler_renders_is_understood() -> None:
    for name, words in (
        ("prepare", ["--root", "/r", "--owner", "65532:65532"]),
        ("run", ["--config", "/c", "--role", "node"]),
        ("once", ["--config", "/c", "--work-key", "k", "--repeat"]),
        ("push", ["--config", "/c", "--work-key", "k", "--repeat"]),
    ):
        command = next(one for one in COMMANDS if one.name == name)
        flags, rest = parse(command, words)
        assert rest == []
        assert set(flags) >= {word.removeprefix("--") for word in words if word.startswith("--")}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "usage: edgewright-sidecar"),
        (["rnu"], "there is no command 'rnu'; did you mean run?"),
        (["run", "--confg", "x"], "run: there is no flag --confg; did you mean --config?"),
        (["status", "word"], "status: it takes no 'word'"),
    ],
)
def test_wrong_usage_ends_with_2(words: list[str], said: str) -> None:
    done = ran(*words)
    assert done.returncode == cli.USAGE
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_reason_ends_with_the_code_of_its_kind_and_says_what_to_do() -> None:
    codes = {one.kind: code_of(ReasonError(one.code)) for one in REASONS.values()}
    assert codes == {"wait": cli.WAITING, "blocked": cli.BLOCKED, "undone": cli.BLOCKED, "note": 0}
    done = ran("status", "--config", "/nowhere/config.json", "--view", "/nowhere")
    assert done.returncode == cli.BLOCKED
    assert done.stderr.startswith("ConfigInvalid: ")
    assert REASONS["ConfigInvalid"].advice in done.stderr


def test_the_version_names_the_contracts() -> None:
    assert re.fullmatch(r"edgewright-sidecar [0-9.]+ \(contract 1\)\n", ran("--version").stdout)


def test_reading_the_command_line_imports_no_parser() -> None:
    script = "import sys, sidecar.cli; print(*sys.modules)"
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, '.'); {script}"]
    told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert {"argparse", "difflib", "optparse", "sidecar.commands"}.isdisjoint(told.split())


def test_a_relative_path_is_made_absolute_where_it_is_read() -> None:
    here = Path.cwd()
    assert parse(SAMPLE, ["--config", "a/b"])[0]["config"] == str(here / "a/b")


@pytest.mark.parametrize("word", ["abc", "-1", "nan", "inf", ""])
def test_a_patience_that_is_no_number_of_seconds_is_wrong_usage(word: str) -> None:
    done = ran("push", "--config", "/nowhere", f"--patience={word}")
    assert (done.returncode, "takes a number of seconds" in done.stderr) == (2, True)
