"""`edgewright check`: what compile would say, written nowhere; and the list of Secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.running import ROOT, run, run_json
from tests.stages.resolving import SHOP

SECRETS = (
    SHOP.replace("stores: {main: {", "stores: {main: {read: {secret: s3-reader}, ")
    .replace("LEVEL: info", "PASSWORD: {secret: 'camera-{site}', key: password}")
    .replace("  profiles:\n", "  registries: {r.example.com: {secret: registry}}\n  profiles:\n")
)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "spec.yaml").write_text(SECRETS, encoding="utf-8")
    return tmp_path


def test_a_good_spec_is_counted_and_nothing_is_written(shop: Path) -> None:
    before = sorted(shop.rglob("*"))
    result = run("check", at=shop)
    assert result.exit_code == 0
    assert result.stdout.startswith("specs: ok, ")
    assert sorted(shop.rglob("*")) == before


def test_it_finds_what_compile_finds(shop: Path) -> None:
    spec = shop / "specs" / "spec.yaml"
    spec.write_text(SECRETS.replace("models: [detector]", "models: [detecter]"), encoding="utf-8")
    checked, compiled = run("check", at=shop), run("compile", at=shop)
    assert checked.exit_code == compiled.exit_code == 1
    assert "E2001 model detecter is not defined" in checked.stderr
    assert checked.stderr == compiled.stderr


def test_every_secret_is_listed_with_its_keys_its_users_and_what_a_rotation_costs(
    shop: Path,
) -> None:
    result = run("check", "--secrets", at=shop)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "shop/default/hub:"
    rows = {line.split()[0]: line for line in lines[1:]}
    assert set(rows) == {
        "shop/camera-north-1", "shop/camera-west-1", "shop/registry", "shop/s3-reader"
    }  # fmt: skip
    assert "keys: password; for jobs.watch; rotation restarts pods" in rows["shop/camera-north-1"]
    assert "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY" in rows["shop/s3-reader"]
    assert rows["shop/s3-reader"].endswith("rotation is picked up by itself")
    assert ".dockerconfigjson" in rows["shop/registry"]


def test_json_has_one_row_for_each_secret(shop: Path) -> None:
    found = run_json("check", "--secrets", at=shop)
    assert [row["name"] for row in found["secrets"]] == [
        "camera-north-1",
        "camera-west-1",
        "registry",
        "s3-reader",
    ]
    assert found["secrets"][0] == {
        "cluster": "shop/default/hub",
        "namespace": "shop",
        "name": "camera-north-1",
        "keys": ["password"],
        "users": ["jobs.watch"],
        "restart": True,
    }


def test_the_examples_are_sound() -> None:
    for spec, options in (("helmet-detection", []), ("thousand-stores", ["--env", "sample"])):
        result = run("check", ROOT / "specs" / spec, *options)
        assert result.exit_code == 0, result.stderr


def test_an_environment_that_does_not_exist_is_refused_with_a_proposal() -> None:
    result = run("check", ROOT / "specs/thousand-stores", "--env", "samlpe")
    assert result.exit_code == 1
    assert "E2201 there is no environment samlpe; there are: sample, prod" in result.stderr
    assert "Did you mean sample?" in result.stderr
