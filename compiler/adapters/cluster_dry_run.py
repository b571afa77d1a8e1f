"""Compiled objects before a real API server: a server-side dry run of each, several at a time.

Definitions come first: where the cluster is to get one, or a newer one, from this very compile,
objects of its kind are not sent, because the server would judge them by what it has. Workloads
are asked about twice, once as they are and once as the pod that a controller would make of them:
quotas, limit ranges and pod security speak of pods only. Nothing is stored, see `cluster`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field, replace
from typing import Any

from compiler.adapters.cluster import CONNECTIONS, Answer, Connection
from compiler.adapters.cluster_answers import (
    LIVE_VALUE,
    Verdict,
    blames_values,
    conflicts,
    fixed_fields,
    is_conflict,
    is_missing_namespace,
    refusals,
    told_once,
    unknown_account,
)
from compiler.adapters.cluster_faults import forbidden
from compiler.model.codes import world as codes
from compiler.model.diagnostics import CompileError
from compiler.model.record import dataclass

_DEFINITION = "CustomResourceDefinition"
_LONGEST_NAME = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One compiled object, what its pods look like, and the field manager that will apply it."""

    api_version: str
    kind: str
    namespace: str
    name: str
    text: str
    data: Mapping[str, Any]
    manager: str
    pods: tuple[Mapping[str, Any], ...] = ()

    @property
    def group_kind(self) -> tuple[str, str]:
        """The kind as a definition names it."""
        return (self.api_version.rpartition("/")[0], self.kind)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the server says of one item. `judged` is false where it could not look at all of it."""

    verdicts: tuple[Verdict, ...] = ()
    judged: bool = True
    no_namespace: bool = False
    unserved: bool = False
    no_stand_in: bool = False


@dataclass(slots=True)
class _Bench:
    connection: Connection
    accounts: frozenset[str]
    """ServiceAccounts of this compile, by name: a stand-in namespace has none of them."""
    stand_in: str
    coming: set[tuple[str, str]] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)


def dry_run(
    connection: Connection,
    items: Sequence[Item],
    stand_in: str = "",
    told: Callable[[], None] = lambda: None,
    beside: Sequence[Item] = (),
) -> list[Judgement]:
    """One judgement for each item, in order; `told` is called after each.

    `beside` is what the compile brings too and nobody wants judged: of its definitions the server
    is asked all the same where an item is of their kind, for that decides about the item.

    What lies in a namespace that does not exist is judged as if it lay in `stand_in`.

    Raises:
        CompileError: the cluster cannot be asked, or does not know the user.
    """
    accounts = frozenset(item.name for item in (*items, *beside) if item.kind == "ServiceAccount")
    bench = _Bench(connection, accounts, stand_in)
    first = [number for number, item in enumerate(items) if item.kind == _DEFINITION]
    rest = [number for number, item in enumerate(items) if item.kind != _DEFINITION]
    found: dict[int, Judgement] = {}
    kinds = {item.group_kind for item in items}
    needed = [item for item in beside if item.kind == _DEFINITION and _defines(item) in kinds]
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        try:
            list(pool.map(lambda item: _judge(bench, item), needed))
            for numbers in (first, rest):
                asked = pool.map(lambda n: _judge(bench, items[n]), numbers)
                for number, judgement in zip(numbers, asked, strict=True):
                    found[number] = judgement
                    told()
        except BaseException:
            # What waits in the pool would run into the same wall, ten seconds each.
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [found[number] for number in range(len(items))]


def _judge(bench: _Bench, item: Item) -> Judgement:
    if item.group_kind in bench.coming:
        return Judgement((_coming(item),), judged=False)
    if bench.connection.served(item.api_version, item.kind) is None:
        return Judgement(judged=False, unserved=True)
    return _ask(bench, item)


def _coming(item: Item) -> Verdict:
    text = f"{item.kind} ({item.api_version}) was judged offline only: this compile changes it"
    return Verdict(codes.NEW_DEFINITION, text)


def _ask(bench: _Bench, item: Item) -> Judgement:
    if item.namespace in bench.missing and bench.stand_in:
        return replace(_ask(bench, _moved(item, bench.stand_in)), no_namespace=True)
    answer, owners = _answer(bench.connection, item)
    if is_missing_namespace(answer.status, answer.body):
        if bench.stand_in in ("", item.namespace):
            gone = bool(bench.stand_in)
            return Judgement(judged=False, no_namespace=True, no_stand_in=gone)
        bench.missing.add(item.namespace)
        return _ask(bench, item)
    if lacking := _lacking(answer):
        return Judgement((lacking,), judged=False)
    warnings = [Verdict(codes.SERVER_WARNING, text) for text in answer.warnings]
    if answer.refused:
        return Judgement(told_once((*owners, *warnings, *_refused(bench, item, answer))))
    if item.kind == _DEFINITION:
        _expect(bench, item, answer)
    found = [*owners, *warnings]
    for pod in item.pods:
        found += _pod(bench, item, pod, answer.warnings)
    judged = not any(one.code in (codes.FORBIDDEN, codes.NOT_JUDGED) for one in found)
    return Judgement(told_once(found), judged)


def _refused(bench: _Bench, item: Item, answer: Answer) -> Iterator[Verdict]:
    """What a refusal means, with a hint where the live object may have caused it."""
    told = refusals(answer.status, answer.message, answer.reason, answer.causes)
    blamed = [one for one in told if blames_values(one, answer.reason)]
    live = bool(blamed) and _is_live(bench, item)
    for one in told:
        yield replace(one, hint=LIVE_VALUE) if live and one in blamed else one


def _is_live(bench: _Bench, item: Item) -> bool:
    try:
        live = bench.connection.get(item.api_version, item.kind, item.name, item.namespace)
    except CompileError:
        # Who may not read it still gets the server's words.
        return False
    return live is not None


def _lacking(answer: Answer) -> Verdict | None:
    """The permission that the user lacks for asking, if that is the answer."""
    words = forbidden(answer.message) if answer.status == 403 else ""
    return Verdict(codes.FORBIDDEN, words) if words else None


def _moved(item: Item, namespace: str) -> Item:
    """The same object in another namespace; the one text that is not sent as it was compiled."""
    data = {**item.data, "metadata": {**item.data["metadata"], "namespace": namespace}}
    return replace(item, namespace=namespace, data=data, text=json.dumps(data))


def _answer(connection: Connection, item: Item) -> tuple[Answer, tuple[Verdict, ...]]:
    """The answer to an apply with force, and who would lose fields by that force."""
    identity = (item.api_version, item.kind, item.namespace, item.name)
    answer = connection.dry_run(identity, item.text, item.manager, force=False)
    if not is_conflict(answer.status, answer.causes):
        return answer, ()
    forced = connection.dry_run(identity, item.text, item.manager, force=True)
    return forced, tuple(conflicts(answer.causes, fixed_fields(forced.causes)))


def _expect(bench: _Bench, item: Item, answer: Answer) -> None:
    """Note the kind of a definition that the cluster lacks or has in another form."""
    live = bench.connection.get(item.api_version, item.kind, item.name)
    if live is not None and _generation(live) == _generation(answer.body):
        return
    bench.coming.add(_defines(item))


def _defines(item: Item) -> tuple[str, str]:
    spec = item.data["spec"]
    return (spec["group"], spec["names"]["kind"])


def _generation(data: Mapping[str, Any]) -> Any:
    return (data.get("metadata") or {}).get("generation")


def _pod(
    bench: _Bench, item: Item, template: Mapping[str, Any], known: Iterable[str]
) -> Iterator[Verdict]:
    name = f"{item.name[: _LONGEST_NAME - 6]}-probe".replace(".", "-")
    metadata = {**(template.get("metadata") or {}), "name": name, "namespace": item.namespace}
    pod = {**template, "apiVersion": "v1", "kind": "Pod", "metadata": metadata}
    identity = ("v1", "Pod", item.namespace, name)
    answer = bench.connection.dry_run(identity, json.dumps(pod), item.manager, force=True)
    for text in answer.warnings:
        if text not in known:
            yield Verdict(codes.SERVER_WARNING, f"its pods: {text}")
    if not answer.refused:
        return
    if lacking := _lacking(answer):
        yield lacking
        return
    account = unknown_account(answer.message)
    if account == "default" or account in bench.accounts:
        text = f"its pods were not judged: ServiceAccount {account} does not exist yet"
        yield Verdict(codes.NOT_JUDGED, text)
        return
    told = refusals(answer.status, answer.message, answer.reason, answer.causes)
    yield from (Verdict(one.code, f"its pods: {one.text}", one.hint) for one in told)
