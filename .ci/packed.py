"""Finds the sidecar's modules in the stores that `.ci/sidecar.py` packed them into.

This text becomes `sidecar/__init__.py` of what is delivered, before the package's own. Beside it
lies `source.lzma` with the text of modules, and for one version of Python `<version>.lzma` with the
code of those that a resident process imports and `<version>-later.lzma` with that of those which it
may import one day. Another version compiles the text. Nothing is written anywhere. A store is
unpacked as far as it is needed and no further: the code lies in the order in which it is imported,
so that a resident process never holds more than one module of it.
"""

import sys
from _frozen_importlib import ModuleSpec
from _lzma import FORMAT_RAW, LZMADecompressor
from marshal import loads

FILTERS = [{"id": 0x21, "dict_size": 1 << 19, "lc": 4, "lp": 0, "pb": 0}]


class Store:
    """Files by name, one behind the other. The first is the list of all names."""

    def __init__(self, data):
        self.rest = data
        self.stream = LZMADecompressor(FORMAT_RAW, None, FILTERS)
        self.kept = {}
        self.names = set(self.next()[1].decode().split())

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
        self.tag = sys.implementation.cache_tag
        self.code = self.read(self.tag)
        self.later = self.read(f"{self.tag}-later").names if self.code else set()

    def read(self, name):
        """A store, or None where the archive has none of that name."""
        try:
            return Store(self.loader.get_data(f"{self.home}/{name}.lzma"))
        except OSError:
            return None

    def source(self):
        """The store of texts, which is not kept once all has started from code."""
        found = self.text or self.read("source")
        self.text = found if self.code is None or self.code.names else None
        return found

    def find_spec(self, name, *_):
        """Where a module is: a file, or a package of that name."""
        if not name.startswith("sidecar."):
            return None
        base = name.replace(".", "/")
        places = ((f"{base}.py", False), (f"{base}/__init__.py", True))
        for known in (self.is_code, self.later.__contains__, self.is_text):
            for file, package in places:
                if known(file):
                    return self.spec(name, file, package)
        return None

    def is_code(self, file):
        """Whether there is code of a module that was not run yet."""
        return self.code is not None and file in self.code.names

    def is_text(self, file):
        """Whether there is the text of a file."""
        return file in self.source().names

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
        elif file in self.later:
            code = loads(self.read(f"{self.tag}-later").get(file))
        else:
            code = compile(self.source().get(file), file, "exec", 0, True)
        exec(code, module.__dict__)

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
        if not self.is_text(file):
            raise OSError(path)
        return self.source().get(file)


# The last, since in a wheel much lies in files, which have a finder already.
sys.meta_path.append(Packed(__spec__.loader, globals()["__path__"][0]))
