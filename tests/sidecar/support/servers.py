"""Stand-ins of model servers: real processes on loopback that speak the real servers' protocols.

They are not the servers. What they copy, from the servers' own sources, is what a sidecar can see:
paths, status codes, error bodies, when a version directory is taken, that the old version stays
until the new one serves, and when it does not. A "model" is any file; one that begins with one of
these words behaves so:

    broken WORDS      is refused with WORDS
    crash             ends the process while it loads
    crash-later       loads, and ends the process at its third question whether it is ready
    slow SECONDS      takes that long to load
    add NUMBER        answers a tensor with NUMBER added to each value; others add 0

    python servers.py triton --port 8000 --models DIR

Also answered, on every protocol: `GET /stand-in/requests` (all requests so far), `POST
/stand-in/crash` (the process is gone), `GET /stand-in/models` (what is loaded, with its SHA-256).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import signal
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

Reply = tuple[int, Any]


class Asked(NamedTuple):
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes


class RefusedError(Exception):
    """A model that the server does not load, in its own words."""


class Loaded:
    """A version in memory."""

    def __init__(self, path: Path, number: int) -> None:
        files = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
        files = [one for one in files if one.name not in {"config.pbtxt", "labels.txt"}]
        if not files:
            raise RefusedError(f"no file in {path.name}")
        content = b"".join(one.read_bytes() for one in files)
        word, _, rest = content.partition(b" ")
        rest = rest.partition(b"\n")[0]
        if word.strip() == b"crash":
            os.kill(os.getpid(), signal.SIGKILL)
        if word == b"slow":
            time.sleep(float(rest))
        if word == b"broken":
            raise RefusedError(rest.decode("latin-1"))
        self.number = number
        self.sha256 = hashlib.sha256(content).hexdigest()
        self.add = float(rest) if word == b"add" else 0.0
        self.fatal = 3 if word.strip() == b"crash-later" else 0

    def asked(self) -> None:
        """Somebody asks whether it is ready."""
        self.fatal -= 1
        if self.fatal == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def infer(self, body: bytes, name: str) -> Reply:
        """An Open Inference Protocol answer: each input with `add` added."""
        try:
            inputs = json.loads(body)["inputs"]
            outputs = [
                {
                    "name": one["name"].replace("input", "output"),
                    "shape": one["shape"],
                    "datatype": one["datatype"],
                    "data": [value + self.add for value in one["data"]],
                }
                for one in inputs
            ]
        except (ValueError, KeyError, TypeError):
            return 400, {"error": "failed to parse the request JSON buffer"}
        return 200, {"model_name": name, "model_version": str(self.number), "outputs": outputs}


class Server:
    """What all flavours share: the models below one directory, and what is loaded of them."""

    first_words: ClassVar[str] = ""

    def __init__(self, models: Path, options: argparse.Namespace) -> None:
        self.models = models
        self.options = options
        self.lock = threading.RLock()
        self.loaded: dict[str, Loaded] = {}

    def start(self) -> None:
        """Load what is there when the process begins."""

    def names(self) -> list[str]:
        """The models that have files."""
        return sorted(one.name for one in self.models.iterdir()) if self.models.is_dir() else []

    def numbers(self, name: str) -> list[int]:
        """The version directories of a model, as the servers with numbered layouts see them."""
        path = self.models / name
        found = path.iterdir() if path.is_dir() else ()
        return sorted(int(one.name) for one in found if re.fullmatch("[1-9][0-9]*", one.name))

    def serves(self, name: str, number: str | None) -> Loaded | None:
        """The loaded version of a question, when it is that."""
        found = self.loaded.get(name)
        return found if found and number in {None, str(found.number)} else None

    def answer(self, asked: Asked) -> Reply:
        """The answer to one request."""
        raise NotImplementedError

    def open_inference(self, asked: Asked, unready: Reply) -> Reply | None:
        """Health, readiness and inference, which three flavours share."""
        if asked.method == "GET" and asked.path in {"/v2/health/live", "/v2/health/ready"}:
            return 200, None
        match = re.fullmatch(r"/v2/models/([^/]+)(?:/versions/([^/]+))?/(ready|infer)", asked.path)
        if match is None:
            return None
        found = self.serves(match[1], match[2])
        if found is None:
            return unready
        if match[3] == "infer":
            return found.infer(asked.body, match[1])
        found.asked()
        return 200, None


class Triton(Server):
    """Triton in the control mode `explicit`, with the version policy `latest`."""

    def start(self) -> None:
        self.seen: dict[str, float] = {}
        for name in self.names():
            code, said = self._load(name)
            if code != 200 and not self.options.keep_going:
                sys.exit(f"stand-in triton: {said}")

    def answer(self, asked: Asked) -> Reply:
        found = self.open_inference(asked, (400, {"error": "Model version not ready"}))
        if found is not None:
            return found
        match = re.fullmatch(r"/v2/repository/models/([^/]+)/(load|unload)", asked.path)
        if match is None:
            return 404, {"error": "Not Found"}
        if asked.method != "POST":
            return 405, {"error": "Method Not Allowed"}
        if match[2] == "unload":
            self.loaded.pop(match[1], None)
            return 200, None
        return self._load(match[1])

    def _load(self, name: str) -> Reply:
        numbers = self.numbers(name)
        if not (self.models / name).is_dir():
            return 500, {"error": f"failed to load '{name}', failed to poll from model repository"}
        if not numbers:
            return 400, {
                "error": f"load failed for model '{name}': at least one version must be available "
                f"under the version policy of model '{name}'\n"
            }
        changed = self._changed(name)
        if name in self.loaded and self.seen.get(name) == changed:
            return 200, None
        try:
            found = Loaded(self.models / name / str(numbers[-1]), numbers[-1])
        except RefusedError as error:
            # The version before stays loaded, and the next load tries again.
            said = f"version {numbers[-1]} is at UNAVAILABLE state: Internal: {error};"
            return 400, {"error": f"load failed for model '{name}': {said}\n"}
        self.loaded[name], self.seen[name] = found, changed
        return 200, None

    def _changed(self, name: str) -> float:
        below = (self.models / name).rglob("*")
        return max(one.stat().st_mtime for one in (self.models / name, *below))


class OpenInference(Server):
    """MLServer: one directory or file for each model, no version."""

    def start(self) -> None:
        for name in self.names():
            self._load(name)

    def answer(self, asked: Asked) -> Reply:
        name = asked.path.split("/")[3] if asked.path.count("/") > 3 else ""
        missing = (404, {"error": f"Model {name} not found"})
        found = self.open_inference(asked, missing)
        if found is not None:
            return found
        match = re.fullmatch(r"/v2/repository/models/([^/]+)/(load|unload)", asked.path)
        if match is None or asked.method != "POST":
            return 404, {"detail": "Not Found"}
        name = match[1]
        if match[2] == "load":
            return self._load(name)
        if self.loaded.pop(name, None) is None:
            return 404, {"error": f"Model {name} not found"}
        return 200, None

    def _load(self, name: str) -> Reply:
        if not (self.models / name).exists():
            return 422, {"error": f"Invalid URI specified for model {name}"}
        try:
            self.loaded[name] = Loaded(self.models / name, 1)
        except RefusedError as error:
            return 400, {"error": str(error)}
        return 200, None


class States(Server):
    """What TensorFlow Serving and OpenVINO Model Server share: states of versions."""

    def __init__(self, models: Path, options: argparse.Namespace) -> None:
        super().__init__(models, options)
        self.states: dict[str, dict[int, tuple[str, str, str]]] = {}

    def status(self, name: str, number: str | None = None) -> list[dict[str, Any]]:
        """The status document's list."""
        return [
            {
                "version": str(one),
                "state": state,
                "status": {"error_code": code, "error_message": said},
            }
            for one, (state, code, said) in sorted(self.states.get(name, {}).items(), reverse=True)
            if number in {None, str(one)}
        ]

    def told(self, name: str, number: str | None) -> Reply:
        """The answer to a GET of a model's status."""
        listed = self.status(name, number)
        if not listed:
            which = f"version {number} of model" if number else "any versions of model"
            return 404, {"error": f"Could not find {which} {name}"}
        if (found := self.serves(name, number)) is not None:
            found.asked()
        return 200, {"model_version_status": listed}

    def take(self, name: str, number: int, broken: tuple[str, str, str]) -> bool:
        """Load a version, and let go of the one before; whether that went well."""
        states = self.states.setdefault(name, {})
        states[number] = ("LOADING", "OK", "")
        try:
            found = Loaded(self.models / name / str(number), number)
        except RefusedError as error:
            states[number] = tuple(one.replace("WORDS", str(error)) for one in broken)  # type: ignore[assignment]  # three of them
            return False
        old, self.loaded[name] = self.loaded.get(name), found
        states[number] = ("AVAILABLE", "OK", "")
        if old is not None and old.number != number:
            states[old.number] = ("END", "OK", "")
        return True


class TensorFlowServing(States):
    """TensorFlow Serving: looks by itself, and takes a higher number as soon as it is there."""

    def start(self) -> None:
        self.failed: set[tuple[str, int]] = set()
        self._look()
        threading.Thread(target=self._poll, daemon=True).start()

    def answer(self, asked: Asked) -> Reply:
        match = re.fullmatch(r"/v1/models/([^/:]+)(?:/versions/([^/:]+))?(:predict)?", asked.path)
        if match is None:
            return 400, {"error": f"Malformed request: {asked.method} {asked.path}"}
        if match[3] is None:
            return self.told(match[1], match[2])
        found = self.serves(match[1], match[2])
        if found is None:
            return 404, {"error": f"Servable not found for request: {match[1]}"}
        try:
            rows = json.loads(asked.body)["instances"]
            return 200, {"predictions": [value + found.add for value in rows]}
        except (ValueError, KeyError, TypeError):
            return 400, {"error": "JSON Parse error"}

    def _poll(self) -> None:
        while True:
            time.sleep(self.options.poll)
            self._look()

    def _look(self) -> None:
        for name in self.names():
            numbers = self.numbers(name)
            for number, state in self.states.get(name, {}).items():
                if number not in numbers and state[0] != "END":
                    self.states[name][number] = ("END", "OK", "")
            self.failed = {(one, n) for one, n in self.failed if one != name or n in numbers}
            if not numbers or (name, numbers[-1]) in self.failed:
                continue
            if self.loaded.get(name) is None or self.loaded[name].number != numbers[-1]:
                broken = ("END", "INVALID_ARGUMENT", "WORDS")
                if not self.take(name, numbers[-1], broken):
                    self.failed.add((name, numbers[-1]))


class OpenVino(States):
    """OpenVINO Model Server with a config file and without its own polling."""

    def start(self) -> None:
        self._reload()

    def answer(self, asked: Asked) -> Reply:
        if asked.path == "/v1/config/reload" and asked.method == "POST":
            return self._reload()
        if asked.path == "/v1/config":
            return 200, self._all()
        match = re.fullmatch(r"/v1/models/([^/:]+)(?:/versions/([^/:]+))?", asked.path)
        if match:
            return self.told(match[1], match[2])
        missing = (404, {"error": "Model with requested version is not found"})
        return self.open_inference(asked, missing) or (404, {"error": "Not found"})

    def _all(self) -> dict[str, Any]:
        return {name: {"model_version_status": self.status(name)} for name in self.names()}

    def _reload(self) -> Reply:
        # One model's error is the answer for all, and a broken version is tried at every reload.
        changed = failed = False
        for name in self.names():
            numbers = self.numbers(name)
            for number in [one for one in self.states.get(name, {}) if one not in numbers]:
                self.states[name][number] = ("END", "OK", "OK")
            current = self.loaded.get(name)
            if numbers and (current is None or current.number != numbers[-1]):
                good = self.take(name, numbers[-1], ("LOADING", "UNKNOWN", "UNKNOWN"))
                changed, failed = changed or good, failed or not good
        if failed:
            text = "Reloading models versions failed. Check server logs for more info."
            return 500, {"error": text}
        return (201 if changed else 200), self._all()


class TorchServe(Server):
    """TorchServe with its management interface on a port of its own."""

    def start(self) -> None:
        self.workers: dict[str, int] = {}
        self.directories: dict[str, str] = {}
        for name in self.names():
            self._register(
                {"url": str(self.models / name), "model_name": name, "initial_workers": "2"}
            )

    def answer(self, asked: Asked) -> Reply:
        if asked.path == "/ping":
            return 200, {"status": "Healthy"}
        match = re.fullmatch(r"/models(?:/([^/]+))?", asked.path)
        if match is None:
            return _torch(404, "ResourceNotFoundException", "Requested resource is not found")
        name = match[1]
        if asked.method == "POST" and name is None:
            return self._register(asked.query)
        if name not in self.loaded:
            return _torch(404, "ModelNotFoundException", f"Model not found: {name}")
        if asked.method == "DELETE":
            del self.loaded[name]
            return 200, {"status": f'Model "{name}" unregistered'}
        workers = [{"id": str(9000 + one), "status": "READY"} for one in range(self.workers[name])]
        self.loaded[name].asked()
        return 200, [
            {
                "modelName": name,
                "modelVersion": "1.0",
                "modelUrl": self.directories[name],
                "minWorkers": len(workers),
                "maxWorkers": len(workers),
                "workers": workers,
            }
        ]

    def _register(self, query: dict[str, str]) -> Reply:
        url, workers = query.get("url", ""), int(query.get("initial_workers", "0"))
        name = query.get("model_name") or Path(url).name
        if not Path(url).is_dir():
            return _torch(404, "ModelNotFoundException", f"Model not found at: {url}")
        if name in self.loaded:
            said = f"Model version 1.0 is already registered for model {name}"
            return _torch(409, "ConflictStatusException", said)
        try:
            found = Loaded(Path(url), 1)
        except RefusedError as error:
            said = f"Failed to start workers for model {name} version: 1.0: {error}"
            return _torch(500, "InternalServerException", said)
        self.loaded[name], self.workers[name], self.directories[name] = found, workers, url
        said = f'Model "{name}" Version: 1.0 registered with {workers} initial workers'
        return 200, {"status": said}


def _torch(code: int, kind: str, said: str) -> Reply:
    return code, {"code": code, "type": kind, "message": said}


class Plain(Server):
    """A program of one's own: `POST /reload` loads the model that the body names."""

    def answer(self, asked: Asked) -> Reply:
        if asked.path == "/health":
            return 200, None
        if asked.method != "POST" or asked.path != "/reload":
            return 404, "not here\n"
        told = json.loads(asked.body)
        if told["event"] == "unload":
            self.loaded.pop(told["model"], None)
            return 204, None
        try:
            self.loaded[told["model"]] = Loaded(Path(told["path"]), 1)
        except RefusedError as error:
            return 500, f"cannot load: {error}\n"
        return 200, "loaded\n"


FLAVOURS: dict[str, type[Server]] = {
    "triton": Triton,
    "ovms": OpenVino,
    "tfserving": TensorFlowServing,
    "torchserve": TorchServe,
    "openinference": OpenInference,
    "http": Plain,
}


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_: ClassVar[Server]
    seen: ClassVar[list[str]] = []

    def _serve(self) -> None:
        path, _, text = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        query = {key: values[-1] for key, values in urllib.parse.parse_qs(text).items()}
        if path.startswith("/stand-in/"):
            code, said = self._own(path)
        else:
            self.seen.append(f"{self.command} {self.path}")
            # Loads wait for each other, and questions never wait for a load.
            asked = Asked(self.command, urllib.parse.unquote(path), query, body)
            changing = self.command != "GET" and "infer" not in path and "predict" not in path
            with self.server_.lock if changing else threading.Lock():
                code, said = self.server_.answer(asked)
        plain = isinstance(said, str)
        data = b"" if said is None else said.encode() if plain else json.dumps(said).encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/plain" if plain else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - the names that http.server calls

    def _own(self, path: str) -> Reply:
        if path == "/stand-in/crash":
            os.kill(os.getpid(), signal.SIGKILL)
        if path == "/stand-in/requests":
            return 200, self.seen
        loaded = self.server_.loaded.items()
        return 200, {name: {"number": one.number, "sha256": one.sha256} for name, one in loaded}

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's own name
        """Stay silent; `/stand-in/requests` has it all."""


class Listener(ThreadingHTTPServer):
    """Many connections at once, none of them waited for at the end."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64


def main() -> None:
    """Serve until killed. Prints `ready PORT [PORT]` once the ports are open."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("flavour", choices=sorted(FLAVOURS))
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--management-port", type=int, default=0, help="torchserve's second port")
    parser.add_argument("--address", default="127.0.0.1", help="0.0.0.0 where a kubelet probes")
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--start-delay", type=float, default=0.0, help="seconds before it listens")
    parser.add_argument("--poll", type=float, default=0.2, help="seconds between tfserving's looks")
    parser.add_argument("--keep-going", action="store_true", help="triton: --exit-on-error=false")
    options = parser.parse_args()
    time.sleep(options.start_delay)
    server = FLAVOURS[options.flavour](options.models, options)
    server.start()
    Handler.server_ = server
    listeners = [Listener((options.address, options.port), Handler)]
    if options.flavour == "torchserve":
        listeners.append(Listener(("127.0.0.1", options.management_port), Handler))
    print("ready", *(one.server_address[1] for one in listeners), flush=True)
    for one in listeners[1:]:
        threading.Thread(target=one.serve_forever, daemon=True).start()
    listeners[0].serve_forever()


if __name__ == "__main__":
    main()
