"""Forms of single values: what passes, what does not, and what a value amounts to."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from compiler.model.spec import names, scalars
from compiler.model.spec.amounts import (
    bits_per_second,
    duration_seconds,
    parse_measure,
    parse_percentage,
)

GOOD_AND_BAD: tuple[tuple[str, Any, list[Any], list[Any]], ...] = (
    ("Name", names.Name, ["a", "store-001", "0"], ["", "A", "-a", "a-", "a.b", "a" * 64]),
    (
        "ModelReference",
        names.ModelReference,
        ["m", "m:1.4.0", "m:1+x"],
        ["m:", ":1", "m:1 ", "m:-"],
    ),
    ("HostName", names.HostName, ["a.b-c", "n1"], ["a..b", ".a", "A"]),
    ("LabelKey", names.LabelKey, ["ring", "acme.io/ring", "A_b.c"], ["", "/a", "a/", "a" * 64]),
    ("LabelValue", names.LabelValue, ["", "north", "A.b_c"], ["-a", "a b", "a" * 64]),
    ("PortName", names.PortName, ["http", "port-8080", "a1"], ["80", "-a", "A", "a" * 16]),
    (
        "SecretName",
        names.SecretName,
        ["s3", "w-{site}", "{site.vars.x}-a"],
        ["S3", "{nope}", "a_b"],
    ),
    ("MinorVersion", names.MinorVersion, ["1.32"], ["1", "1.32.1", "v1.32"]),
    ("Sha256", scalars.Sha256, ["a" * 64], ["A" * 64, "a" * 63]),
    (
        "Quantity",
        scalars.Quantity,
        ["2", 2, 0.5, "500m", "8Gi", "1e3"],
        ["2 cores", "-1", "Gi", True],
    ),
    ("Duration", scalars.Duration, ["24h", "1h30m", "500ms"], ["24", "h", "1 h"]),
    ("BitRate", scalars.BitRate, ["20Mbit/s", "9bit/s"], ["20MB/s", "20"]),
    ("Window", scalars.Window, ["01:00-05:00", "22:00-04:00"], ["1:00-2:00", "24:00-01:00", "a"]),
    ("Timezone", scalars.Timezone, ["UTC", "Europe/Vienna"], ["/x", "../etc", ""]),
    (
        "Cron",
        scalars.Cron,
        ["0 2 * * *", "*/5 0-6 1,15 jan-mar mon"],
        ["* * * *", "60 * * * *", "a b c d e", "*/0 * * * *"],
    ),
    ("Taint", scalars.Taint, ["edge=true:NoSchedule", "edge:NoExecute"], ["edge", "edge:Never"]),
    (
        "Url",
        scalars.Url,
        ["s3://b", "https://h:1/p?q"],
        ["s3:b", "https://u:p@h", "https://u@h", "x y"],
    ),
    (
        "Uri",
        scalars.Uri,
        ["m:a/b", "s3://b/a", "host:/a"],
        ["a", "m:", "m:/a", "m:../a", "host:a", "m:{site}"],
    ),
    ("SiteUri", scalars.SiteUri, ["m:out/{site}/"], ["m:{{site}}", "m:{other}"]),
    ("AbsolutePath", scalars.AbsolutePath, ["/a/b", "/"], ["a", "/a/../b", "/{site}"]),
    ("FilePath", scalars.FilePath, ["a/b.yaml", "..a"], ["../a", "/a", "a/..", "~/a", "a\\b"]),
    ("Branch", scalars.Branch, ["main", "deploy/{environment}"], ["a b", "deploy/{site}"]),
    (
        "Image",
        scalars.Image,
        ["nginx", "r.io:5000/a/b:1", "a@sha256:" + "0" * 64],
        ["A", "a:b:c", "http://a", "a b"],
    ),
    ("RegistryHost", names.RegistryHost, ["r.io", "r.io:5000"], ["https://r.io", "r.io/x"]),
    (
        "SiteText",
        scalars.SiteText,
        ["", "a {site} b", 1, "a {b: 1}"],
        ["{nope}", "${A}", "{{a}}", True, None],
    ),
    (
        "Argument",
        scalars.Argument,
        ["${HOME}", "{site}", '{"a": 1}'],
        ["{nope}", "{{a}}", "${{a}}"],
    ),
    ("Prose", scalars.Prose, ["uses {x} and {{y}}"], ["", "a\0"]),
    ("PortNumber", scalars.PortNumber, [1, 65535], [0, 65536, "80", 1.5, True]),
    ("Flag", scalars.Flag, [True, False], ["yes", 1, "true"]),
)


@pytest.mark.parametrize(
    ("annotation", "good", "bad"),
    [case[1:] for case in GOOD_AND_BAD],
    ids=[c[0] for c in GOOD_AND_BAD],
)
def test_a_form_takes_the_good_and_refuses_the_bad(
    annotation: Any, good: list[Any], bad: list[Any]
) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    for value in good:
        adapter.validate_python(value)
    for value in bad:
        with pytest.raises(ValidationError):
            adapter.validate_python(value)


@pytest.mark.parametrize(
    ("written", "number", "unit"),
    [(0.61, 0.61, ""), (3, 3.0, ""), ("24ms", 0.024, "s"), ("2%", 2.0, "%"), ("1Ki", 1024.0, "B")],
)
def test_a_measure_has_a_number_in_base_units(written: Any, number: float, unit: str) -> None:
    measure = parse_measure(written)
    assert measure.number == pytest.approx(number)
    assert (measure.unit, str(measure)) == (unit, str(written))


def test_percentages_durations_and_rates_have_their_amounts() -> None:
    assert parse_percentage("95%") == 95.0
    assert duration_seconds("1h30m") == 5400.0
    assert duration_seconds("1d") == 86400.0
    assert duration_seconds("500ms") == 0.5
    assert bits_per_second("20Mbit/s") == 20_000_000.0
