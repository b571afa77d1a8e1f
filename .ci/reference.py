"""Writes the pages of docs/ that the code knows best, and the list of commands in the README.

Usage: python .ci/reference.py [--check]

`--check` changes nothing and fails when a page does not say what the code says.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from reference_spec import link, spec_page, table  # noqa: E402

from compiler.backends.argocd_health import customizations  # noqa: E402
from compiler.cli import COMMANDS, program  # noqa: E402
from compiler.model import codes, emit  # noqa: E402
from compiler.model.diagnostics import Code  # noqa: E402
from sidecar.model.reasons import REASONS, Reason  # noqa: E402

NOTE = "<!-- Written by .ci/reference.py from the code. Run `make docs` instead of editing. -->"
CONTRACT = ROOT / "sidecar" / "contract.schema.json"
MARKERS = ("<!-- help -->\n", "<!-- /help -->")
WIDTH = 80


def pages() -> dict[str, str]:
    """Every generated page by its path below the repository."""
    return {
        "docs/spec.md": f"{NOTE}\n{spec_page()}",
        "docs/errors.md": errors_page(),
        "docs/sidecar-config.md": contract_page(json.loads(CONTRACT.read_text(encoding="utf-8"))),
        "docs/sidecar-reasons.md": reasons_page(),
        "docs/commands.md": commands_page(),
        "docs/argocd-health.yaml": health_page(),
        "README.md": with_help((ROOT / "README.md").read_text(encoding="utf-8")),
    }


def main() -> None:
    """Write the pages, or compare them."""
    check = "--check" in sys.argv[1:]
    stale = []
    for name, text in pages().items():
        path = ROOT / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if check and stale:
        sys.exit(f"stale: {', '.join(stale)}; run `make docs` and commit what changes")
    print("\n".join(f"wrote {name}" for name in stale) or "every page is up to date")


# The codes.

ERRORS_INTRO = """\
# Every finding, by its code

A finding is printed as `file:line:column: CODE message`, with the line of your file and, where
there is one, a hint. `E` stops the compile, `W` is a warning, `N` a note. A code never changes its
meaning. `edgewright explain CODE` prints the same text.
"""


def errors_page() -> str:
    """One section for each code, grouped by the floor that reports it."""
    parts = [NOTE, ERRORS_INTRO]
    for name in codes.MODULES:
        module = import_module(f"compiler.model.codes.{name}")
        found = sorted(
            (value for value in vars(module).values() if isinstance(value, Code)),
            key=lambda code: (code.id[1:], code.id[0]),
        )
        if found:
            heading = (module.__doc__ or "").strip().split("\n")[0].rstrip(".")
            parts.append(f"## {heading}\n")
            parts += [_code(code) for code in found]
    return "\n".join(parts).rstrip("\n") + "\n"


def _code(code: Code) -> str:
    return f"### {code.id}\n\n**{code.title}.** {code.reason}\n\n*What to do:* {code.remedy}\n"


# The sidecar's config.

CONTRACT_INTRO = """\
# The sidecar's config, key by key

The compiler writes one of these as `config.json` into a ConfigMap beside each edge workload; the
sidecar reads nothing else to know what it must hold. The schema is
[`sidecar/contract.schema.json`](../sidecar/contract.schema.json); `edgewright schema --sidecar`
prints it.
"""


def contract_page(schema: Mapping[str, Any]) -> str:
    """A table for the document, one for each of its parts."""
    parts = [NOTE, CONTRACT_INTRO, schema["description"] + "\n", "## The document\n"]
    parts.append(_contract_table(schema))
    for name, part in schema["$defs"].items():
        parts.append(f"## {name}\n\n{part.get('description', '')}\n")
        if "properties" in part:
            parts.append(_contract_table(part))
        else:
            parts.append(f"Type: {_contract_type(part)}.\n")
    return "\n".join(parts).rstrip("\n") + "\n"


def _contract_table(schema: Mapping[str, Any]) -> str:
    rows = [
        (f"`{path}`", _contract_type(part), "yes" if needed else "", part.get("description", ""))
        for path, part, needed in _contract_keys(schema, "")
    ]
    return table(("key", "type", "required", "meaning"), rows)


def _contract_keys(
    schema: Mapping[str, Any], above: str
) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    for name, part in schema.get("properties", {}).items():
        path = f"{above}{name}"
        yield path, part, name in schema.get("required", ())
        yield from _contract_keys(part, f"{path}.")
        yield from _contract_keys(part.get("items", {}), f"{path}[].")


def _contract_type(part: Mapping[str, Any]) -> str:
    if "$ref" in part:
        return f"see {link(part['$ref'].rpartition('/')[2])}"
    if "const" in part:
        return f"`{json.dumps(part['const'])}`"
    if "enum" in part:
        return ", ".join(f"`{word}`" for word in part["enum"])
    if part.get("type") == "array":
        most = f", at most {part['maxItems']:,}" if "maxItems" in part else ""
        return f"list of {_contract_type(part['items'])}{most}"
    limits = [
        f"{words} {part[key]:,}"
        for key, words in (("minimum", "from"), ("maximum", "to"))
        if key in part and part[key] < 2**53 - 1
    ]
    return " ".join([part.get("type", "any"), *limits])


# The sidecar's reasons.

REASONS_INTRO = """\
# Why a sidecar waits, is blocked or went back

The same code stands in `status`, in `/v1/status`, in metrics, in reports and in the journal of a
worker. A code never changes its meaning. `edgewright-sidecar doctor` prints what to do about those
that it finds on a node.
"""
REASON_KINDS = {
    "wait": ("Waits", "Nothing has to be done: it is tried again by itself, after one second at "
             "first and five minutes at most."),
    "blocked": ("Blocked", "Somebody has to change something. What is active keeps serving; every "
                "five minutes the sidecar looks again."),
    "undone": ("Undone", "A new version failed and the one before it serves again. The new one is "
               "not tried again with the same hook, probe and server image."),
    "note": ("Notes", "Nothing waits and nothing is blocked; it is worth knowing."),
}  # fmt: skip


def reasons_page() -> str:
    """One table for each kind of reason, in the order of the code's own table."""
    parts = [NOTE, REASONS_INTRO]
    for kind, (title, words) in REASON_KINDS.items():
        found = [reason for reason in REASONS.values() if reason.kind == kind]
        parts.append(f"## {title}\n\n{words}\n")
        parts.append(table(("reason", "means", "what to do"), [_reason(one) for one in found]))
    return "\n".join(parts).rstrip("\n") + "\n"


def _reason(reason: Reason) -> tuple[str, str, str]:
    return f"`{reason.code}`", reason.meaning, reason.advice


# Argo CD's health checks.

HEALTH_INTRO = """\
# Written by .ci/reference.py from the code; run `make docs` instead of editing.
# Merge these keys into the data of the ConfigMap argocd-cm, and Argo CD tells the health of
# Sedna's resources and of our records. Everything works without them.
"""


def health_page() -> str:
    """The keys of `argocd-cm`, as a patch of that ConfigMap."""
    patch = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "argocd-cm", "namespace": "argocd"},
        "data": customizations(),
    }
    return HEALTH_INTRO + emit.dump(patch)


# The commands.


def commands_page() -> str:
    """The help of every command, as the terminal shows it."""
    parts = [NOTE, "# The commands\n", _fenced(_help(program, "edgewright"))]
    context = click.Context(program, info_name="edgewright")
    for name in sorted(COMMANDS):
        command = program.get_command(context, name)
        if command is not None:
            parts.append(f"## {name}\n")
            parts.append(_fenced(_help(command, name, context)))
            parts += _subcommands(command, name, context)
    return "\n".join(parts).rstrip("\n") + "\n"


def _subcommands(command: click.Command, name: str, parent: click.Context) -> Iterator[str]:
    """The help of the commands of a group."""
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=name, parent=parent)
        for below, one in sorted(command.commands.items()):
            yield f"### {name} {below}\n"
            yield _fenced(_help(one, below, context))


def with_help(readme: str) -> str:
    """The README with the program's help between its markers."""
    before, _, rest = readme.partition(MARKERS[0])
    _, _, after = rest.partition(MARKERS[1])
    return f"{before}{MARKERS[0]}{_fenced(_help(program, 'edgewright'))}{MARKERS[1]}{after}"


def _help(command: click.Command, name: str, parent: click.Context | None = None) -> str:
    context = click.Context(
        command, info_name=name, parent=parent, max_content_width=WIDTH, terminal_width=WIDTH
    )
    return command.get_help(context).rstrip() + "\n"


def _fenced(text: str) -> str:
    return f"```text\n{text}```\n"


if __name__ == "__main__":
    main()
