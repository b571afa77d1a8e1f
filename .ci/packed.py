"""Finds the sidecar's modules in the stores that `.ci/sidecar.py` packed them into.

This text becomes `sidecar/__init__.py` of what is delivered, before the package's own. Beside it
lie `source.bz2` with the text of modules, `index.bz2` with what there is, and for one version of
Python `<version>.bz2` with the code of what a resident process imports at its start. All else is
compiled from its text: for a resident process by one of its own, since it would keep what a
compiler leaves behind for as long as it lives. Nothing is written anywhere. The code lies in the
order in which it is imported, so that nothing of it is held for later.
"""

import os
import sys
from _frozen_importlib import ModuleSpec
from marshal import dumps, loads

try:
    from _bz2 import BZ2Decompressor
except ImportError:
    sys.exit("This Python was built without bz2, which edgewright-sidecar is packed with.")

COMPILE = (
    "import sys; sys.path.insert(0, sys.argv[1]); import sidecar; "
    "sys.meta_path[-1].compile_for(sys.argv[2], sys.argv[3:])"
)


class Store:
    """Files by name, one behind the other."""

    def __init__(self, data, names):
        self.rest = data
        self.stream = BZ2Decompressor()
        self.kept = {}
        self.names = set(names.split())

    def take(self, length):
        """So many bytes."""
        found = b""
        while len(found) < length:
            found += self.stream.decompress(self.rest, length - len(found))
            self.rest = b""
        return found

    def next(self):
        """The next file: its name and its bytes."""
        name = self.take(self.take(1)[0]).decode()
        return name, self.take(int.from_bytes(self.take(4), "big"))

    def get(self, name):
        """The bytes of a file that is in the list; those before it are kept for later."""
        while name not in self.kept:
            found, data = self.next()
            self.kept[found] = data
        return self.kept[name]

    def pop(self, name):
        """The same, for what is asked for once only."""
        data = self.get(name)
        del self.kept[name]
        self.names.discard(name)
        if not self.names:
            self.stream = None
        return data


class Packed:
    """Finder and loader of `sidecar.*`, as the import system and `linecache` want them."""

    def __init__(self, loader, home):
        self.loader = loader
        self.home = home
        self.text = None
        self.compiled = {}
        code, texts, _ = self.index()
        self.texts = frozenset(texts.split())
        try:
            self.code = Store(self.read(sys.implementation.cache_tag), code)
        except OSError:
            self.code = None

    def read(self, name):
        """The bytes of a store."""
        return self.loader.get_data(f"{self.home}/{name}.bz2")

    def index(self):
        """The names of all code, those of all texts, and the schema."""
        return BZ2Decompressor().decompress(self.read("index")).decode().split("\n\n")

    def source(self):
        """The store of texts, which is not kept once all has started from code."""
        found = self.text or Store(self.read("source"), "")
        self.text = found if self.code is None or self.code.names else None
        return found

    def find_spec(self, name, *_):
        """Where a module is: a file, or a package of that name."""
        if not name.startswith("sidecar."):
            return None
        base = name.replace(".", "/")
        places = ((f"{base}.py", False), (f"{base}/__init__.py", True))
        for known in (self.is_code, self.is_text):
            for file, package in places:
                if known(file):
                    return self.spec(name, file, package)
        return None

    def is_code(self, file):
        """Whether there is code of a module that was not run yet."""
        return self.code is not None and file in self.code.names

    def is_text(self, file):
        """Whether there is the text of a file."""
        return file in self.texts

    def spec(self, name, file, package):
        """What the import system is told of a module."""
        found = ModuleSpec(name, self, origin=self.place(file), is_package=package)
        found.loader_state = file
        found.has_location = True
        if package:
            found.submodule_search_locations = [self.place(file)[: -len("/__init__.py")]]
        return found

    def place(self, file):
        """The path that a file of the package would have in the archive."""
        return f"{self.home}{file[len('sidecar') :]}"

    def create_module(self, spec):
        """Leave it to the import system."""

    def exec_module(self, module):
        """Run a module's code, which is not kept."""
        file = module.__spec__.loader_state
        if self.is_code(file):
            code = loads(self.code.pop(file))
        elif sys.argv[1:2] == ["run"]:
            code = self.compiled_elsewhere(file)
        else:
            code = self.compile(file)
        exec(code, module.__dict__)

    def compile(self, file):
        """A module's code from its text."""
        return compile(self.source().get(file), file, "exec", 0, True)

    def compiled_elsewhere(self, file):
        """The same by another process, which compiles at once what the module imports besides."""
        if file not in self.compiled:
            self.compiled |= self.ask(file)
        return loads(self.compiled.pop(file)) if file in self.compiled else self.compile(file)

    def ask(self, file):
        """The code by file that another process compiles; none where none can be started."""
        known = [getattr(one.__spec__, "loader_state", None) for one in [*sys.modules.values()]]
        known = {one for one in known if isinstance(one, str)} - {file}
        known |= self.code.names if self.code else set()
        home = self.home.removesuffix("/sidecar")
        words = [sys.executable, "-I", "-S", "-c", COMPILE, home, file, *known]
        theirs, ours = os.pipe()
        with os.fdopen(theirs, "rb") as told:
            try:
                dup = [(os.POSIX_SPAWN_DUP2, ours, 1)]
                child = os.posix_spawn(words[0], words, os.environ, file_actions=dup)
            except OSError:
                return {}
            finally:
                os.close(ours)
            data = told.read()
        os.waitpid(child, 0)
        return loads(data) if data else {}

    def compile_for(self, file, known):
        """Write the code of a module, and of what it imports that is not known, to the output."""
        found = {}
        wanted = [file]
        for one in wanted:
            if one not in found and one not in known:
                code = self.compile(one)
                found[one] = dumps(code)
                wanted += filter(self.is_text, imports(code.co_names))
        sys.stdout.buffer.write(dumps(found))

    def get_source(self, name):
        """The text of a module, for whoever shows a traceback."""
        base = name.replace(".", "/")
        for file in (f"{base}.py", f"{base}/__init__.py"):
            if self.is_text(file):
                return self.source().get(file).decode()
        return None

    def get_data(self, path):
        """The bytes of a file of the package that is no module."""
        file = f"sidecar{path[len(self.home) :]}"
        if not file.endswith(".json"):
            raise OSError(path)
        return self.index()[2].encode()


def imports(names):
    """The files that the statements of a module may import, by the names that it uses."""
    packages = [name for name in names if name.startswith("sidecar.")]
    for package in packages:
        for name in (package, *(f"{package}.{name}" for name in names)):
            base = name.replace(".", "/")
            yield f"{base}.py"
            yield f"{base}/__init__.py"


# The last, since in a wheel much lies in files, which have a finder already.
sys.meta_path.append(Packed(__spec__.loader, globals()["__path__"][0]))
