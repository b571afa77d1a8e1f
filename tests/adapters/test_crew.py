"""A crew answers in order, passes faults on, and leaves no process behind."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from compiler.adapters.crew import crew
from compiler.model.codes import spec as codes
from compiler.model.diagnostics import CompileError, Diagnostic


def double(number: int) -> tuple[int, int]:
    return number * 2, os.getpid()


def alive() -> set[int]:
    """The processes whose parent is this one, finished ones that nobody waited for included."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid():
            found.add(int(stat.parent.name))
    return found


@pytest.mark.parametrize("count", [1, 2, 5])
def test_answers_come_in_the_order_of_the_messages(count: int) -> None:
    with crew(count, double) as hands:
        answers = hands.ask(range(40))
    assert [number for number, _ in answers] == [2 * n for n in range(40)]


def test_one_process_works_in_place() -> None:
    with crew(1, double) as hands:
        assert hands.size == 1
        assert {process for _, process in hands.ask(range(5))} == {os.getpid()}


def test_several_processes_work_and_this_one_does_not() -> None:
    with crew(3, double) as hands:
        assert hands.size == 3
        found = {process for _, process in hands.ask(range(60))}
    assert os.getpid() not in found
    assert 1 <= len(found) <= 3


def test_no_messages_have_no_answers() -> None:
    for count in (1, 2):
        with crew(count, double) as hands:
            assert hands.ask([]) == []


def test_a_crew_is_asked_again_and_keeps_what_it_knew_before() -> None:
    known = {"factor": 3}

    def times(number: int) -> int:
        return number * known["factor"]

    with crew(2, times) as hands:
        assert hands.ask([1, 2, 3]) == [3, 6, 9]
        known["factor"] = 100
        assert hands.ask([4]) == [12]


def test_the_fault_of_the_first_message_that_failed_is_raised_here() -> None:
    def picky(number: int) -> int:
        if number == 7:
            raise CompileError((Diagnostic(codes.WRONG_TYPE, f"{number} is not for us"),))
        return number

    for count in (1, 2):
        with pytest.raises(CompileError, match="7 is not for us") as fault, crew(count, picky) as c:
            c.ask(range(20))
        (found,) = fault.value.diagnostics
        assert found.code == codes.WRONG_TYPE


def test_a_fault_keeps_its_type_and_its_words() -> None:
    nothing: dict[str, int] = {}

    def missing(name: str) -> int:
        return nothing[name]

    with pytest.raises(KeyError, match="nowhere"), crew(2, missing) as hands:
        hands.ask(["nowhere"])


def after(work: Callable[[], None]) -> set[int]:
    """The processes that some work leaves behind."""
    before = alive()
    work()
    return alive() - before


def test_every_process_is_gone_when_the_block_ends() -> None:
    def work() -> None:
        with crew(4, double) as hands:
            hands.ask(range(10))

    assert after(work) == set()


def test_every_process_is_gone_after_a_fault_of_the_work_or_of_the_caller() -> None:
    def failing(number: int) -> int:
        raise ValueError(number)

    def work() -> None:
        # Three processes begin at once; whichever fails first is heard.
        with pytest.raises(ValueError, match=r"^[012]$"), crew(3, failing) as hands:
            hands.ask(range(10))
        with pytest.raises(ZeroDivisionError), crew(3, double) as hands:
            hands.ask([1, 2, 3][: 1 // 0])

    assert after(work) == set()


@pytest.mark.parametrize("count", [1, 2])
def test_progress_is_told_here_after_each_answer(count: int) -> None:
    told: list[tuple[int, int, int]] = []
    with crew(count, double) as hands:
        hands.ask(range(4), lambda done, of: told.append((done, of, os.getpid())))
    assert told == [(done, 4, os.getpid()) for done in (1, 2, 3, 4)]


def test_large_messages_and_answers_do_not_block_each_other() -> None:
    def echo(data: bytes) -> bytes:
        return data * 2

    done: list[int] = []

    def work() -> None:
        with crew(2, echo) as hands:
            done.extend(len(answer) for answer in hands.ask([b"x" * 2_000_000] * 6))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(60)
    assert done == [4_000_000] * 6


def test_nothing_of_this_process_is_cleaned_up_by_a_child(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("x")

    def touch(_: int) -> bool:
        return kept.exists()

    try:
        with crew(2, touch) as hands:
            assert hands.ask([1, 2]) == [True, True]
        assert kept.exists()
    finally:
        kept.unlink()
