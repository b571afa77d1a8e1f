"""E83xx: bundles, which carry what a site needs on a medium. All of them end with exit code 6."""

from __future__ import annotations

from compiler.model.diagnostics import Code

OTHER_BYTES = Code(
    "E8301",
    "A store holds other bytes than are locked",
    "A bundle carries bytes by their digest, and a sidecar takes no others. What the store gives "
    "now is not what the lock, or the spec's `sha256:`, names.",
    "Store the locked bytes again, or take the new ones with `edgewright lock --accept-changed "
    "NAME`.",
)
NO_PLATFORM = Code(
    "E8302",
    "An image has no variant for the hardware of the site",
    "The index behind the locked digest lists the platforms that the image was built for, and the "
    "site's is not among them: its node could not start the container.",
    "Build the image for that platform and run `edgewright lock --update IMAGE`.",
)
UNWRITABLE = Code(
    "E8303",
    "The bundle cannot be written",
    "The system refuses to write the archive, or the disk has too little room for it. What is "
    "complete so far stays beside it, and the next run goes on from there.",
    "Make room, or write it somewhere else with `--output FILE`.",
)
NO_BUNDLE = Code(
    "E8304",
    "The file is no bundle",
    "A bundle is a tar archive whose first file, `bundle.json`, says what is in it.",
    "Name an archive that `edgewright bundle SITE` wrote; a newer format needs a newer release.",
)
TORN = Code(
    "E8305",
    "A part of the bundle has other bytes than it is named by",
    "The archive was cut off or damaged on its way, or somebody changed it. A sidecar would not "
    "take such an artifact.",
    "Copy the archive again from where it was made, or make it again: the same spec and lock give "
    "the same bytes.",
)
MISSING = Code(
    "E8306",
    "Something that the bundle names is not in it",
    "The lock inside, or the list of its files, names what the archive does not hold. The site "
    "would wait for it.",
    "Copy the archive again from where it was made, or make it again.",
)
SURPLUS = Code(
    "E8307",
    "Something is in the bundle that nothing in it names",
    "Nobody asked for those bytes, so nobody knows what they are: a sidecar refuses the archive.",
    "Make the bundle again with `edgewright bundle SITE`.",
)
TOO_MANY = Code(
    "E8308",
    "The site needs more files than a bundle carries",
    "Each file of a prefix is an artifact of its own, and the sidecars' `load` takes a hundred "
    "thousand files of an archive at most.",
    "Pack the dataset's files into one archive and write its `uri:` with `unpack:`, or bring it to "
    "the site another way.",
)
