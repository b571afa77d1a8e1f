"""The command line: which commands and flags there are, and which exit code an ending has.

Flags are read by hand, because an argument parser's import alone costs a resident process half a
mebibyte. A command's module is imported when it is called and not before. What fails for a reason
is told in one line with what to do about it; anything else is a bug and shows a traceback.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Final, NamedTuple

from sidecar import CONTRACTS, __version__
from sidecar.model.reasons import ReasonError

OK: Final = 0
BLOCKED: Final = 1
"""Somebody has to change something first."""
USAGE: Final = 2
WAITING: Final = 3
"""Trying again later can help."""
OUTSIDE: Final = 6
"""The system around the program failed: a file, a socket, a server."""
BUG: Final = 70
INTERRUPTED: Final = 130

CONFIG: Final = "/etc/edgewright/sidecar/config.json"
ROOT: Final = "/var/lib/edgewright"
VIEW: Final = "/edgewright"


class Flag(NamedTuple):
    """A flag. Without `value`, the word that help shows for it, it takes none."""

    name: str
    value: str
    text: str
    default: str | None = None


class Command(NamedTuple):
    """A command: its module is `sidecar.commands.<name>`, or `words_to` where words are given."""

    name: str
    text: str
    flags: tuple[Flag, ...] = ()
    words: str = ""
    words_to: str = ""
    hidden: bool = False


_CONFIG = Flag("config", "PATH", f"config of the worker, by default {CONFIG}", CONFIG)
_VIEW = Flag("view", "DIR", f"where the pod's links are made, by default {VIEW}", VIEW)
_ROOT = Flag("root", "PATH", f"the node's store, by default {ROOT}", ROOT)
_PATHS = (_CONFIG.name, _VIEW.name, _ROOT.name)
_JSON = Flag("json", "", "print JSON for programs")
_KEY = Flag("work-key", "KEY", "key of the Run's work; what is complete under it is not done again")
_REPEAT = Flag("repeat", "", "do the work even where it is complete")

COMMANDS: Final = (
    Command(
        "run",
        "fetch, verify, switch and report for as long as the pod lives",
        (
            _CONFIG,
            _VIEW,
            Flag("role", "ROLE", "`node` serves the whole node instead of one worker", ""),
        ),
    ),
    Command(
        "once",
        "bring and activate everything, then exit; or fetch SRC into DST as KServe's initializer",
        (_CONFIG, _VIEW, _KEY, _REPEAT),
        words="[SRC DST ...]",
        words_to="kserve",
    ),
    Command(
        "push",
        "store what a Run left in its outbox, then exit; or FILE at URL",
        (
            _CONFIG,
            _KEY,
            _REPEAT,
            Flag("patience", "SEC", "how long to wait where somebody has to mend something"),
        ),
        words="[FILE URL [STORE]]",
    ),
    Command(
        "prepare",
        "make the store's directory on the host and hand it to its user; needs root",
        (_ROOT, Flag("owner", "UID:GID", "who gets it, by default 65532:65532", "65532:65532")),
    ),
    Command(
        "load",
        "put artifacts from a medium into the store by their digests, without the network",
        (_ROOT, _JSON),
        words="ARCHIVE|FOLDER|-",
    ),
    Command(
        "verify",
        "hash everything in the store again, without the network",
        (_ROOT, _JSON, Flag("repair", "", "set aside what rotted, so that sidecars bring it anew")),
    ),
    Command("status", "what is wanted, active and waiting, and why", (_CONFIG, _VIEW, _JSON)),
    Command(
        "rollback",
        "switch back to the version before, at once and offline",
        (_CONFIG, _VIEW, _JSON, Flag("retry", "", "let what failed or was rolled back come again")),
        words="[KIND/NAME]",
    ),
    Command(
        "gc",
        "delete what no worker of the node needs",
        (_CONFIG, _VIEW, Flag("dry-run", "", "delete nothing, say what would go")),
    ),
    Command(
        "doctor",
        "say in plain words what is wrong on this node and what to do",
        (_CONFIG, _VIEW, _JSON, Flag("network", "", "also try names, proxies and stores")),
    ),
    Command("worker", "move bytes for the process that started it", hidden=True),
    Command("signature", "check a signed envelope", words="ENVELOPE ROOTS", hidden=True),
)


def main(arguments: Sequence[str]) -> int:
    """Run one command and give the exit code of the process."""
    if not arguments or arguments[0] in ("--help", "-h", "help"):
        print(_overview())
        return OK if arguments else USAGE
    if arguments[0] == "--version":
        contracts = ", ".join(map(str, CONTRACTS))
        print(f"edgewright-sidecar {__version__} (contract {contracts})")
        return OK
    name, rest = _command(arguments)
    command = next((one for one in COMMANDS if one.name == name), None)
    if command is None:
        names = [one.name for one in COMMANDS if not one.hidden]
        return _usage(f"there is no command {name!r}{_meant(name, names)}")
    if "--help" in rest or "-h" in rest:
        print(_help(command))
        return OK
    return _run(command, rest)


def _command(arguments: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The command's name and its arguments; KServe gives places to an image without any name."""
    if "/" in arguments[0] and not arguments[0].startswith("-"):
        return "once", arguments
    return arguments[0], arguments[1:]


def _run(command: Command, arguments: Sequence[str]) -> int:
    try:
        flags, words = parse(command, arguments)
    except ValueError as fault:
        return _usage(f"{command.name}: {fault}")
    module = command.words_to if words and command.words_to else command.name
    try:
        return _called(module, flags, words)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception:
        sys.excepthook(*sys.exc_info())
        return BUG


def _called(module: str, flags: dict[str, str], words: list[str]) -> int:
    call: Callable[[dict[str, str], list[str]], int]
    call = import_module(f"sidecar.commands.{module}").main
    try:
        return call(flags, words)
    except ReasonError as fault:
        return _told(fault)
    except OSError as fault:
        print(f"{module}: {fault}", file=sys.stderr)
        return OUTSIDE


def code_of(fault: ReasonError) -> int:
    """The exit code of work that ended for a reason."""
    return {"wait": WAITING, "note": OK}.get(fault.reason.kind, BLOCKED)


def _told(fault: ReasonError) -> int:
    reason = fault.reason
    detail = f": {fault.detail}" if fault.detail else ""
    print(f"{reason.code}: {reason.meaning}{detail}\n  {reason.advice}", file=sys.stderr)
    return code_of(fault)


def _usage(text: str) -> int:
    print(f"{text}\nSee: edgewright-sidecar --help", file=sys.stderr)
    return USAGE


def parse(command: Command, arguments: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The flags and words of a command, with defaults.

    Raises:
        ValueError: a flag is unknown, lacks its value or was given twice; or words were given
            where none are taken.
    """
    known = {flag.name: flag for flag in command.flags}
    flags: dict[str, str] = {}
    words: list[str] = []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--":
            words += rest
            break
        if not word.startswith("-") or word == "-":
            words.append(word)
            continue
        name, value = _flag(word, known, rest)
        if name in flags:
            raise ValueError(f"--{name} was given twice")
        flags[name] = value
    if words and not command.words:
        raise ValueError(f"it takes no {words[0]!r}")
    stated = {flag.name: flag.default for flag in command.flags if flag.default is not None}
    # Links lead from elsewhere, so a relative path would mean another place to them.
    paths = {name: os.path.abspath(flags[name]) for name in _PATHS if flags.get(name)}
    return {**stated, **flags, **paths}, words


def _flag(word: str, known: Mapping[str, Flag], rest: list[str]) -> tuple[str, str]:
    name, given, value = word.removeprefix("--").partition("=")
    flag = known.get(name) if word.startswith("--") else None
    if flag is None:
        raise ValueError(f"there is no flag {word.partition('=')[0]}{_meant(name, known, '--')}")
    if not flag.value:
        if given:
            raise ValueError(f"--{name} takes no value")
        return name, ""
    if not given:
        if not rest:
            raise ValueError(f"--{name} needs {flag.value}")
        value = rest.pop(0)
    return name, value


def _meant(name: str, names: Sequence[str] | Mapping[str, Flag], before: str = "") -> str:
    from difflib import get_close_matches

    found = get_close_matches(name, list(names), 1)
    return f"; did you mean {before}{found[0]}?" if found else ""


def _overview() -> str:
    rows = [f"  {one.name:<10}{one.text}" for one in COMMANDS if not one.hidden]
    return "\n".join(
        (
            "usage: edgewright-sidecar COMMAND [FLAGS]",
            "",
            *rows,
            "",
            "COMMAND --help lists the flags of a command; --version names the contracts.",
            f"Exit codes: {OK} done, {BLOCKED} blocked until somebody changes something,",
            f"{USAGE} wrong usage, {WAITING} waits and can be tried again, {OUTSIDE} a file, "
            f"socket or server failed, {BUG} a bug.",
        )
    )


def _help(command: Command) -> str:
    usage = " ".join(("usage: edgewright-sidecar", command.name, "[FLAGS]", command.words)).rstrip()
    rows = [f"  {f'--{one.name} {one.value}'.rstrip():<18}{one.text}" for one in command.flags]
    return "\n".join(
        (usage, "", f"{command.text[0].upper()}{command.text[1:]}.", "", *rows)
    ).rstrip()
