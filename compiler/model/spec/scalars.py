"""The types of single values: digests, paths, quantities, times.

Each is `Annotated` with a `Text` that holds its form and the words for its errors. Whether a
name exists is not decided here.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from compiler.model.spec.checks import (
    check_absolute,
    check_cron,
    check_image,
    check_license,
    check_one_license,
    check_relative,
    check_uri,
    check_url,
    check_window,
)
from compiler.model.spec.placeholders import BY_SITE, EVERYWHERE
from compiler.model.spec.text import PRINTABLE_OR_EMPTY, Text

Sha256 = Annotated[
    str,
    Text(
        noun="sha256 digest",
        rule="64 lower-case hexadecimal digits",
        pattern="^[0-9a-f]{64}$",
    ),
]
Quantity = Annotated[
    str,
    Text(
        noun="quantity",
        rule="a number with an optional unit m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi or Ei",
        example="700Mi",
        pattern=r"^\+?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?$",
        maximum=40,
        numbers=True,
    ),
]
Duration = Annotated[
    str,
    Text(
        noun="duration",
        rule="numbers with the units ms, s, m, h or d",
        example="24h",
        pattern=r"^(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|d))+$",
        maximum=32,
    ),
]
BitRate = Annotated[
    str,
    Text(
        noun="link rate",
        rule="a number with bit/s, kbit/s, Mbit/s or Gbit/s",
        example="20Mbit/s",
        pattern=r"^[0-9]+(?:\.[0-9]+)?(?:|k|M|G)bit/s$",
        maximum=32,
    ),
]
Window = Annotated[
    str,
    Text(
        noun="window",
        rule='"HH:MM-HH:MM" in quotes, from 00:00 to 23:59',
        example="01:00-05:00",
        pattern=r"^[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}$",
        check=check_window,
    ),
]
Timezone = Annotated[
    str,
    Text(
        noun="time zone",
        rule="a name of the IANA time zone database",
        example="Europe/Vienna",
        pattern=r"^[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*$",
        maximum=64,
    ),
]
Cron = Annotated[
    str,
    Text(
        noun="schedule",
        rule="five cron fields: minute, hour, day, month, weekday",
        example="0 2 * * *",
        check=check_cron,
    ),
]
Taint = Annotated[
    str,
    Text(
        noun="taint",
        rule="KEY=VALUE:EFFECT or KEY:EFFECT; EFFECT is NoSchedule, PreferNoSchedule or NoExecute",
        example="edge=true:NoSchedule",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_./-]*(?:=[A-Za-z0-9_.-]*)?:(?:NoSchedule|PreferNoSchedule|NoExecute)$",
    ),
]
Url = Annotated[
    str,
    Text(
        noun="URL",
        rule="SCHEME://HOST/PATH without a user or password",
        example="https://example.com/path",
        check=check_url,
    ),
]
Uri = Annotated[
    str,
    Text(
        noun="uri",
        rule="STORE:PATH, a full URL, or host:/PATH",
        example="main:shelf/1.4.0.tar.gz",
        check=check_uri,
    ),
]
SiteUri = Annotated[
    str,
    Text(
        noun="uri",
        rule="STORE:PATH, a full URL, or host:/PATH",
        example="main:shelf/out/{site}/",
        placeholders=BY_SITE,
        check=check_uri,
    ),
]
AbsolutePath = Annotated[
    str,
    Text(
        noun="path",
        rule="an absolute path without '..'",
        example="/data",
        check=check_absolute,
    ),
]
HostPath = Annotated[
    str,
    Text(
        noun="path",
        rule="an absolute path without '..'",
        example="/srv/pos",
        placeholders=BY_SITE,
        check=check_absolute,
    ),
]
FilePath = Annotated[
    str,
    Text(
        noun="file",
        rule="a path relative to this file, without '..'",
        example="app/app.yaml",
        check=check_relative,
    ),
]
RelativePath = Annotated[
    str,
    Text(
        noun="path",
        rule="a relative path without '..'",
        example="annotations.json",
        check=check_relative,
    ),
]
Branch = Annotated[
    str,
    Text(
        noun="branch",
        rule="the name of a Git branch",
        example="deploy/{environment}",
        pattern=r"^(?:[A-Za-z0-9._+#@-]|/|\{[A-Za-z.]+\})+$",
        placeholders=EVERYWHERE,
    ),
]
TreePath = Annotated[
    str,
    Text(
        noun="path",
        rule="a relative path without '..'",
        example="generated",
        placeholders=EVERYWHERE,
        check=check_relative,
    ),
]
Image = Annotated[
    str,
    Text(
        noun="image",
        rule="REGISTRY/REPOSITORY:TAG or REGISTRY/REPOSITORY@sha256:DIGEST",
        example="registry.example.com/ort-server:1.19",
        check=check_image,
    ),
]
Line = Annotated[str, Text(noun="text")]
License = Annotated[
    str,
    Text(
        noun="licence",
        rule="an SPDX expression",
        example="Apache-2.0 OR MIT",
        maximum=1000,
        check=check_license,
    ),
]
OneLicense = Annotated[
    str,
    Text(
        noun="licence",
        rule="the SPDX name of one licence, WITH an exception where it has one",
        example="Apache-2.0",
        maximum=200,
        check=check_one_license,
    ),
]
Prose = Annotated[str, Text(noun="text", placeholders=None)]
SiteText = Annotated[
    str,
    Text(
        noun="text",
        rule="text, in which placeholders are replaced",
        pattern=PRINTABLE_OR_EMPTY,
        placeholders=BY_SITE,
        numbers=True,
    ),
]
Argument = Annotated[
    str,
    Text(
        noun="argument",
        rule="text, in which placeholders are replaced",
        pattern=PRINTABLE_OR_EMPTY,
        placeholders=BY_SITE,
        numbers=True,
        program=True,
    ),
]
SiteVariable = Annotated[
    str,
    Text(
        noun="value",
        pattern=PRINTABLE_OR_EMPTY,
        numbers=True,
        maximum=4096,
    ),
]
Flag = Annotated[bool, Field(strict=True)]
Count = Annotated[int, Field(strict=True, ge=1, le=1_000_000_000)]
CountOrZero = Annotated[int, Field(strict=True, ge=0, le=1_000_000_000)]
PortNumber = Annotated[int, Field(strict=True, ge=1, le=65535)]
UserId = Annotated[int, Field(strict=True, ge=0, le=2_147_483_647)]
Share = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
