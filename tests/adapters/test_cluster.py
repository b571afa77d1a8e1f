"""A connection to a cluster: what it sends, what it never sends, and how each failure reads."""

from __future__ import annotations

import itertools
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from compiler.adapters import cluster
from compiler.adapters.cluster import Connection, connect
from compiler.model.diagnostics import CompileError
from tests.adapters.fake_cluster import TOKEN, Asked, FakeCluster, Reply, fake_cluster, status

CONFIG_MAP = ("v1", "ConfigMap", "shop", "one")


@pytest.fixture
def fake() -> Iterator[FakeCluster]:
    with fake_cluster() as running:
        yield running


def failure(connection: Connection) -> tuple[str, str]:
    """Code and message of listing pods."""
    return told(connection)[:2]


def told(connection: Connection) -> tuple[str, str, str]:
    """Code, message and hint of listing pods."""
    with pytest.raises(CompileError) as caught:
        list(connection.list("v1", "Pod", "shop"))
    (found,) = caught.value.diagnostics
    assert TOKEN not in f"{found.message}{found.hint}"
    return found.code.id, found.message, found.hint


def refused(config: Path, context: str | None = None) -> tuple[str, str]:
    """Code and message of making a connection."""
    with pytest.raises(CompileError) as caught:
        connect(config, context)
    (found,) = caught.value.diagnostics
    assert TOKEN not in f"{found.message}{found.hint}"
    return found.code.id, f"{found.message} {found.hint}"


def test_whatever_has_a_body_is_a_dry_run(fake: FakeCluster, tmp_path: Path) -> None:
    connection = connect(fake.kubeconfig(tmp_path))
    for force in (False, True):
        answer = connection.dry_run(CONFIG_MAP, "text: [as, it, is]\n", "me", force=force)
        assert answer.status == 200
    assert connection.get("v1", "ConfigMap", "one", "shop") is None
    sent = [one for one in fake.asked if one.method != "GET" or one.body]
    assert [one.query["force"] for one in sent] == ["false", "true"]
    for one in sent:
        assert (one.method, one.path) == ("PATCH", "/api/v1/namespaces/shop/configmaps/one")
        assert one.query["dryRun"] == "All"
        assert one.query["fieldValidation"] == "Strict"
        assert one.body == b"text: [as, it, is]\n"
        assert one.token == f"Bearer {TOKEN}"


def test_a_connection_has_no_other_way_to_send_a_body(fake: FakeCluster, tmp_path: Path) -> None:
    """The one place that adds a body adds the dry run, whatever a caller asks for."""
    connection = connect(fake.kubeconfig(tmp_path))
    connection._ask("/api/v1/namespaces", {"dryRun": ""}, b"{}")
    assert fake.asked[-1].query["dryRun"] == "All"
    public = {name for name in dir(Connection) if not name.startswith("_")}
    assert public == {"dry_run", "get", "list", "name", "served", "server", "version"}


def test_lists_are_read_page_by_page(tmp_path: Path) -> None:
    def pages(asked: Asked) -> Reply | None:
        if not asked.path.endswith("/pods"):
            return None
        start = int(asked.query.get("continue", "0"))
        metadata = {"continue": str(start + 1)} if start < 2 else {}
        return Reply(body={"kind": "PodList", "metadata": metadata, "items": [{"n": start}]})

    with fake_cluster(pages) as running:
        connection = connect(running.kubeconfig(tmp_path))
        assert [one["n"] for one in connection.list("v1", "Pod", "shop", "a=b")] == [0, 1, 2]
        asked = [one for one in running.asked if one.path.endswith("/pods")]
        assert {one.query["labelSelector"] for one in asked} == {"a=b"}
        assert len([one for one in running.asked if one.path == "/api/v1"]) == 1


def test_warnings_of_the_server_are_read(tmp_path: Path) -> None:
    texts = (("Warning", '299 - "first \\"one\\""'), ("Warning", '299 - "second"'))
    taken = Reply(body={"kind": "ConfigMap"}, headers=texts)
    with fake_cluster(lambda asked: taken if asked.method == "PATCH" else None) as running:
        connection = connect(running.kubeconfig(tmp_path))
        answer = connection.dry_run(CONFIG_MAP, "{}", "me", force=True)
    assert answer.warnings == ('first "one"', "second")


def test_a_busy_server_is_asked_again_as_often_as_is_decent(tmp_path: Path) -> None:
    later = Reply(429, {"kind": "Status"}, (("Retry-After", "0"),))
    turns = itertools.count()
    with fake_cluster(lambda _: later if next(turns) < 3 else None) as running:
        assert connect(running.kubeconfig(tmp_path)).version() == "1.32"
        assert len(running.asked) == 4
    with fake_cluster(lambda _: later) as running:
        code, message = failure(connect(running.kubeconfig(tmp_path)))
        assert code == "E8007"
        assert "answers 429" in message
        assert len(running.asked) == 6


def test_a_connection_that_the_server_closed_is_opened_again(tmp_path: Path) -> None:
    turns = itertools.count()
    with fake_cluster(lambda _: Reply(drop=True) if next(turns) == 0 else None) as running:
        assert connect(running.kubeconfig(tmp_path)).version() == "1.32"
    with fake_cluster(lambda _: Reply(drop=True)) as running:
        code, message = failure(connect(running.kubeconfig(tmp_path)))
    assert code == "E8004"
    assert "cannot be reached" in message


def test_credentials_that_have_expired_are_told(tmp_path: Path) -> None:
    with fake_cluster(lambda _: status(401, "Unauthorized", "Unauthorized")) as running:
        config = running.kubeconfig(tmp_path)
        code, message, hint = told(connect(config))
    assert code == "E8003"
    assert "does not accept the credentials" in message
    assert f"`kubectl --kubeconfig {config} --context fake auth whoami`" in hint


def test_a_command_that_is_proposed_can_be_pasted(
    tmp_path: Path, fake: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "my files"
    folder.mkdir()
    config = fake.kubeconfig(folder, "an env")
    fake.url = "http://127.0.0.1:1"
    absent = fake.kubeconfig(tmp_path, "an env")
    words = f"`kubectl --kubeconfig {absent} --context 'an env' version`"
    assert words in told(connect(absent))[2]
    assert connect(config).version() == "1.32"
    monkeypatch.setenv("KUBECONFIG", str(absent))
    assert "`kubectl --context 'an env' version`" in told(connect())[2]


def test_a_lacking_permission_is_named_with_verb_resource_namespace_and_user(
    tmp_path: Path,
) -> None:
    words = (
        'deployments.apps is forbidden: User "ann" cannot list resource "deployments" '
        'in API group "apps" in the namespace "shop"'
    )
    with fake_cluster(
        lambda asked: status(403, words, "Forbidden") if "pods" in asked.path else None
    ) as running:
        code, message = failure(connect(running.kubeconfig(tmp_path)))
    assert code == "E8006"
    assert message.startswith("user ann may not list deployments.apps in namespace shop")


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, "<html>log in</html>"),
        Reply(200, "[1, 2"),
        Reply(200, [1]),
        Reply(302, "", (("Location", "https://login.example.com/"),)),
        Reply(404, "no such page"),
        Reply(500, "oops"),
        status(500, "etcdserver: leader changed"),
    ],
)
def test_an_answer_that_no_api_server_gives_is_told(reply: Reply, tmp_path: Path) -> None:
    with fake_cluster(lambda _: reply) as running:
        code, message = failure(connect(running.kubeconfig(tmp_path)))
        assert len(running.asked) <= 2
    assert code == "E8007"
    assert f"answers {reply.status}" in message


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        config = FakeCluster(f"https://127.0.0.1:{found.getsockname()[1]}").kubeconfig(tmp_path)
        code, message = failure(connect(config))
    assert code == "E8004"
    assert message.endswith("cannot be reached: connection refused")
    config = FakeCluster("https://name.invalid").kubeconfig(tmp_path)
    assert failure(connect(config))[1].endswith("its name is not known")


def test_a_server_that_never_answers_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        code, message = failure(connect(FakeCluster(url).kubeconfig(tmp_path)))
    assert code == "E8004"
    assert "did not answer in time" in message


def test_a_certificate_of_another_authority_is_refused(tmp_path: Path) -> None:
    with fake_cluster(tls=tmp_path) as running:
        assert connect(running.kubeconfig(tmp_path)).version() == "1.32"
        other = tmp_path / "other.pem"
        trustme.CA().cert_pem.write_to_path(str(other))
        running.authority = str(other)
        code, message, hint = told(connect(running.kubeconfig(tmp_path)))
    assert code == "E8005"
    assert "certificate" in message
    assert hint.startswith("Take a fresh kubeconfig")


def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    with fake_cluster(tls=tmp_path) as running:
        running.url = running.url.replace("127.0.0.1", "localhost")
        code, message, hint = told(connect(running.kubeconfig(tmp_path)))
    assert (code, "mismatch" in message) == ("E8005", True)
    assert "`tls-server-name`" in hint


def test_a_server_without_tls_is_told(tmp_path: Path, fake: FakeCluster) -> None:
    fake.url = fake.url.replace("http:", "https:")
    code, _, hint = told(connect(fake.kubeconfig(tmp_path)))
    assert (code, "without TLS" in hint) == ("E8005", True)


def test_a_proxy_that_does_not_answer_is_told_without_its_address(
    tmp_path: Path, fake: FakeCluster
) -> None:
    config = fake.kubeconfig(tmp_path)
    document = json.loads(config.read_text())
    document["clusters"][0]["cluster"]["proxy-url"] = f"http://me:{TOKEN}@127.0.0.1:1"
    config.write_text(json.dumps(document))
    code, message, hint = told(connect(config))
    assert code == "E8004"
    assert "the proxy does not answer" in message
    assert "proxy-url" in hint


def test_a_kind_that_is_not_served_is_told(tmp_path: Path, fake: FakeCluster) -> None:
    connection = connect(fake.kubeconfig(tmp_path))
    assert connection.served("sedna.io/v1alpha1", "Model") is None
    with pytest.raises(CompileError, match=r"E8008 .* serves no Model of sedna.io/v1alpha1"):
        list(connection.list("sedna.io/v1alpha1", "Model"))


def test_the_current_context_counts_where_none_is_named(
    tmp_path: Path, fake: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = fake.kubeconfig(tmp_path, "first", "second")
    assert connect(config).context == "first"
    assert connect(config, "second").context == "second"
    (tmp_path / "empty").write_text("apiVersion: v1\nkind: Config\n")
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'empty'}:{tmp_path / 'absent'}:{config}")
    assert connect(context="second").version() == "1.32"


def test_an_unknown_context_is_told_with_those_that_there_are(
    tmp_path: Path, fake: FakeCluster
) -> None:
    code, words = refused(fake.kubeconfig(tmp_path, "hub", "west"), "hubb")
    assert code == "E8002"
    assert "has no context hubb; its contexts are: hub, west" in words
    assert "Did you mean hub?" in words


def test_a_file_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, words = refused(tmp_path / "absent")
    assert (code, words.endswith("Name the right file with --kubeconfig.")) == ("E8001", True)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(CompileError, match=r"there is no kubeconfig ~/\.kube/config"):
        connect()


@pytest.mark.parametrize(
    "text",
    [
        f"users: [{{name: me, user: {{token: {TOKEN}}}]",
        f"users: [{{user: {{token: {TOKEN}}}}}]\ncontexts: [{{name: fake}}]",
        f"current-context: fake\nusers:\n- name: me\n  toke: {TOKEN}\n"
        "contexts:\n- {name: fake, context: {cluster: one, user: me}}\n"
        "clusters:\n- {name: one, cluster: {server: 'http://127.0.0.1:1'}}\n",
        f"- {TOKEN}",
        TOKEN,
        "",
        "contexts: 3",
        "\x00",
    ],
)  # fmt: skip
def test_a_broken_file_is_told_and_nothing_of_it_is_shown(text: str, tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    code, words = refused(path, "fake")
    assert code in ("E8001", "E8002")
    assert str(path) in words
    assert code == "E8002" or f"`kubectl --kubeconfig {path} " in words


def test_a_file_that_is_no_yaml_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text("contexts:\n- name: [\n")
    code, words = refused(path)
    assert (code, f"{path} cannot be used, line 3: it is no YAML" in words) == ("E8001", True)


def test_a_credential_plugin_is_run(tmp_path: Path, fake: FakeCluster) -> None:
    made = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
            "status": {"token": "made-by-the-plugin"}}  # fmt: skip
    plugin = {"apiVersion": made["apiVersion"], "command": "echo", "args": [json.dumps(made)]}
    connection = connect(fake.kubeconfig(tmp_path, exec=plugin))
    assert connection.version() == "1.32"
    assert fake.asked[-1].token == "Bearer made-by-the-plugin"


def test_a_credential_plugin_that_fails_is_told_and_no_token_of_it_shown(
    tmp_path: Path, fake: FakeCluster, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = "eyJhbGciOiJSUzI1NiIsImtpZCI6IkFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaIn0"
    script = f"echo 'session expired for {secret}' >&2; exit 3"
    group = "client.authentication.k8s.io/v1"
    plugin = {"apiVersion": group, "command": "sh", "args": ["-c", script]}
    code, words = refused(fake.kubeconfig(tmp_path, exec=plugin))
    assert code == "E8003"
    assert "session expired for …" in words
    assert "--context fake auth whoami`" in words
    code, words = refused(
        fake.kubeconfig(tmp_path, exec={"apiVersion": group, "command": "no-such-plugin"})
    )
    assert code == "E8003"
    assert "no-such-plugin" in words
    assert capfd.readouterr() == ("", "")
    assert fake.asked == []


def test_the_account_of_a_pod_is_used_where_there_is_no_kubeconfig_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    # Outside of a pod the account's files are missing, and that is what is told.
    with pytest.raises(CompileError, match="E8001 the account of this pod cannot be used"):
        connect()
