"""The types of names: of things in the spec, in Kubernetes, in models and metrics.

Each is `Annotated` with a `Text` that holds its form and the words for its errors. Whether a
name exists is not decided here.
"""

from __future__ import annotations

from typing import Annotated

from compiler.model.spec.placeholders import BY_SITE
from compiler.model.spec.text import Text

_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_LABEL_RULE = (
    "lower-case letters, digits and '-', beginning and ending with a letter or digit, at most 63"
)
_VERSION = r"[A-Za-z0-9](?:[A-Za-z0-9._+-]*[A-Za-z0-9+])?"
_PLACE = r"\{[A-Za-z][A-Za-z0-9_.-]*\}"


def _name(noun: str, example: str, reference: str = "") -> Text:
    return Text(
        noun=noun,
        rule=_LABEL_RULE,
        example=example,
        pattern=f"^{_LABEL}$",
        maximum=63,
        reference=reference,
    )


def _referring(noun: str, section: str, example: str) -> Text:
    return Text(
        noun=noun,
        rule="NAME or NAME:VERSION",
        example=example,
        pattern=f"^{_LABEL}(?::{_VERSION})?$",
        maximum=192,
        reference=section,
    )


Name = Annotated[str, _name("name", "camera")]
ProjectName = Annotated[str, _name("project name", "store-vision")]
Namespace = Annotated[str, _name("namespace", "store-vision")]
ClusterName = Annotated[str, _name("cluster name", "hub", "clusters")]
ProfileName = Annotated[str, _name("profile name", "nuc", "profiles")]
SiteName = Annotated[str, _name("site name", "store-001", "sites")]
StoreName = Annotated[str, _name("store name", "main", "stores")]
JobName = Annotated[str, _name("job name", "watch-shelves", "jobs")]
CodeName = Annotated[str, _name("code name", "shelf-io", "code")]
ModelReference = Annotated[str, _referring("model reference", "models", "shelf-detector:1.4.0")]
DatasetReference = Annotated[str, _referring("dataset reference", "datasets", "shelves:2026.1")]
KindName = Annotated[
    str,
    Text(
        noun="kind",
        rule="the name of a kind of job",
        example="serve",
        pattern=f"^{_LABEL}$",
        reference="kinds",
    ),
]
ServerName = Annotated[
    str,
    Text(
        noun="model server",
        rule="the name of a server flavour",
        example="triton",
        pattern=r"^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$",
        vocabulary="servers",
    ),
]
BackendName = Annotated[
    str,
    Text(
        noun="backend",
        rule="the name of a backend",
        example="kubernetes",
        pattern=f"^{_LABEL}$",
        vocabulary="backends",
    ),
]
DatasetFormat = Annotated[
    str,
    Text(
        noun="dataset format",
        rule="the name of a dataset format",
        example="coco",
        pattern=f"^{_LABEL}$",
        vocabulary="formats",
    ),
]
HostName = Annotated[
    str,
    Text(
        noun="host name",
        rule="lower-case letters, digits, '-' and '.', at most 253",
        example="edge-001a",
        pattern=rf"^{_LABEL}(?:\.{_LABEL})*$",
        maximum=253,
    ),
]
Address = Annotated[
    str,
    Text(
        noun="address",
        rule="an IP address or a DNS name",
        example="10.20.1.4",
        pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9.:-]*[A-Za-z0-9])?$",
        maximum=253,
    ),
]
LabelKey = Annotated[
    str,
    Text(
        noun="label key",
        rule="letters, digits, '-', '_' and '.', at most 63, after an optional prefix/",
        example="region",
        pattern=r"^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$",
        maximum=317,
    ),
]
LabelValue = Annotated[
    str,
    Text(
        noun="label value",
        rule="letters, digits, '-', '_' and '.', at most 63",
        example="north",
        pattern=r"^(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?)?$",
        maximum=63,
    ),
]
VariableName = Annotated[
    str,
    Text(
        noun="variable name",
        rule="letters, digits, '-' and '_', beginning with a letter or '_'",
        example="lang",
        pattern=r"^[A-Za-z_][A-Za-z0-9_-]*$",
        maximum=63,
    ),
]
EnvironmentName = Annotated[
    str,
    Text(
        noun="environment variable name",
        rule="letters, digits and '_', not beginning with a digit",
        example="RTSP_URL",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        maximum=253,
    ),
]
PortName = Annotated[
    str,
    Text(
        noun="port name",
        rule="lower-case letters, digits and '-', with a letter, at most 15",
        example="http",
        pattern=r"^(?:[a-z0-9]+-)*[0-9]*[a-z][a-z0-9]*(?:-[a-z0-9]+)*$",
        maximum=15,
    ),
]
ResourceName = Annotated[
    str,
    Text(
        noun="resource name",
        rule="cpu, memory, or DOMAIN/NAME",
        example="nvidia.com/gpu",
        pattern=r"^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?$",
        maximum=317,
    ),
]
SystemName = Annotated[
    str,
    Text(
        noun="system",
        rule="the name of an installed system",
        example="kubeedge",
        pattern=f"^{_LABEL}$",
    ),
]
SecretName = Annotated[
    str,
    Text(
        noun="name of a Secret",
        rule="lower-case letters, digits, '-' and '.', at most 253",
        example="s3-reader",
        pattern=rf"^(?:[a-z0-9]|{_PLACE})(?:(?:[a-z0-9.-]|{_PLACE})*(?:[a-z0-9]|{_PLACE}))?$",
        maximum=253,
        placeholders=BY_SITE,
        secret=True,
    ),
]
ConfigMapName = Annotated[
    str,
    Text(
        noun="name of a ConfigMap",
        rule="lower-case letters, digits, '-' and '.', at most 253",
        example="corp-ca",
        pattern=rf"^{_LABEL}(?:\.{_LABEL})*$",
        maximum=253,
    ),
]
DestinationName = Annotated[
    str,
    Text(
        noun="destination name",
        rule="lower-case letters, digits and '-', beginning and ending with a letter or digit, "
        "at most 63; {site} where each site is a cluster",
        example="edge-{site}",
        pattern=rf"^(?:[a-z0-9]|{_PLACE})(?:(?:[a-z0-9-]|{_PLACE})*(?:[a-z0-9]|{_PLACE}))?$",
        maximum=63,
        placeholders=("site",),
    ),
]
ContextName = Annotated[
    str,
    Text(
        noun="context name",
        rule="letters, digits and any of - _ . : @ / + without spaces; {site} where each site is "
        "a cluster, {environment} and {project} anywhere",
        example="edge-{site}",
        pattern=r"^[A-Za-z0-9{][A-Za-z0-9_.:@/+{}-]*$",
        maximum=253,
        placeholders=("site", "environment", "project"),
    ),
]
ClusterSecretName = Annotated[
    str,
    Text(
        noun="name of a Secret",
        rule="lower-case letters, digits, '-' and '.', at most 253",
        example="git-read",
        pattern=rf"^{_LABEL}(?:\.{_LABEL})*$",
        maximum=253,
        secret=True,
    ),
]
SecretKey = Annotated[
    str,
    Text(
        noun="key of a Secret",
        rule="letters, digits, '-', '_' and '.'",
        example="url",
        pattern=r"^[A-Za-z0-9._-]+$",
        maximum=253,
        secret=True,
    ),
]
RegistryHost = Annotated[
    str,
    Text(
        noun="registry",
        rule="HOST or HOST:PORT",
        example="registry.example.com",
        pattern=r"^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?$",
        maximum=253,
    ),
]
StepPort = Annotated[
    str,
    Text(
        noun="port of a step",
        rule="STEP.PORT",
        example="prep.train",
        pattern=rf"^{_LABEL}\.[A-Za-z_][A-Za-z0-9_-]*$",
        maximum=127,
    ),
]
SpecPath = Annotated[
    str,
    Text(
        noun="place in the spec",
        rule="SECTION.NAME",
        example="jobs.watch-shelves",
        pattern=rf"^[a-z]+(?:\.[a-z]+)?\.{_LABEL}$",
        maximum=192,
    ),
]
Word = Annotated[
    str,
    Text(
        noun="word",
        rule="letters, digits, '-', '_' and '.', without spaces",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@/+-]*$",
        maximum=128,
    ),
]
Version = Annotated[
    str,
    Text(
        noun="version",
        rule="letters, digits, '.', '_', '+' and '-', at most 128",
        example="1.4.0",
        pattern=f"^{_VERSION}$",
        maximum=128,
    ),
]
MinorVersion = Annotated[
    str,
    Text(
        noun="version",
        rule="MAJOR.MINOR, in quotes",
        example="1.32",
        pattern=r"^[0-9]{1,3}\.[0-9]{1,3}$",
    ),
]
