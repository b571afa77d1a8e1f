"""What lies where below the root of a node's store, as absolute text paths. Makes nothing.

format                                 "1": refuse newer, migrate older
store/blobs/<aa>/<digest>              verified, synced, read-only
store/trees/<tree>/                    unpacked; <tree> is the digest of its manifest
store/trees/<tree>.json                the manifest: path, mode, size, sha256
store/unpacked/<digest>.<form>         link to ../trees/<tree>; see activation/forms.py
store/partial/<digest>.<owner>.part    and .json, a line for each state: what of it can be trusted
store/staging/<owner>/                 swept when its owner is dead
store/owners/<owner>                   locked by its process as long as that lives
store/locks/<name>                     one fetcher for each digest, one collector
store/reserve/                         a little space to begin collecting with on a full disk
store/loaded/<digest>                  empty; as old as what somebody put here ahead of its config
store/loose.json                       what nothing keeps, and since when
store/scrub.json                       which blob was hashed last
store/datasets/<dataset>/<writer>.json append-only manifests of the datasets of the site
store/peers/<host>                     empty; as old as the ban of a node that gave wrong bytes
tenants/<tenant>/lock                  locked by the resident process of the tenant
tenants/<tenant>/config/accepted.json  the config that was accepted last
tenants/<tenant>/slots/<group>/releases/<release>/<kind>/<name>   link to a tree or its file
tenants/<tenant>/slots/<group>/{current,previous}                  links to releases/<release>
tenants/<tenant>/slots/<group>/record.json                         phase of the last change
tenants/<tenant>/quarantine/<key>.json
tenants/<tenant>/views/<kind>/<name>/<number>/                     hard links, by one rename
tenants/<tenant>/outbox/<stream>/{new,sent,dead,uploads,tmp}/   see outbox/spool.py
tenants/<tenant>/journal.ndjson{,.1}
"""

from __future__ import annotations

from typing import NamedTuple

FORMAT = 1


class Layout(NamedTuple):
    """The paths below one root."""

    root: str

    @property
    def format(self) -> str:
        """The file that states the layout's version."""
        return f"{self.root}/format"

    def store(self, *parts: str) -> str:
        """A path in the part that all tenants share."""
        return "/".join((self.root, "store", *parts))

    def blob(self, digest: str) -> str:
        """The verified bytes of a digest."""
        return self.store("blobs", digest[:2], digest)

    def tree(self, tree: str) -> str:
        """The directory of a tree."""
        return self.store("trees", tree)

    def manifest(self, tree: str) -> str:
        """The manifest of a tree."""
        return self.store("trees", f"{tree}.json")

    def unpacked(self, digest: str, form: str) -> str:
        """The link from a blob to what it unpacks to; `form` is one of `activation.forms`."""
        return self.store("unpacked", f"{digest}.{form}")

    def loaded(self, digest: str) -> str:
        """The mark of bytes that somebody put here before any config named them."""
        return self.store("loaded", digest)

    def partial(self, digest: str, owner: str) -> str:
        """The file that a fetch writes into; `.json` beside it says what is in it."""
        return self.store("partial", f"{digest}.{owner}.part")

    def staging(self, owner: str) -> str:
        """The directory in which an owner prepares what it renames into place."""
        return self.store("staging", owner)

    def owner(self, token: str) -> str:
        """The file that an owner keeps locked."""
        return self.store("owners", token)

    def lock(self, name: str) -> str:
        """The file of a named lock."""
        return self.store("locks", name)

    def tenant(self, tenant: str, *parts: str) -> str:
        """A path in a tenant's own part."""
        return "/".join((self.root, "tenants", tenant, *parts))

    def slot(self, tenant: str, group: str, *parts: str) -> str:
        """A path in the slot of a group: what changes by one rename."""
        return self.tenant(tenant, "slots", group, *parts)

    def view(self, tenant: str, kind: str, name: str) -> str:
        """The directory of a model server's numbered versions."""
        return self.tenant(tenant, "views", kind, name)

    def outbox(self, tenant: str, stream: str, *parts: str) -> str:
        """A path in a stream of the outbox."""
        return self.tenant(tenant, "outbox", stream, *parts)
