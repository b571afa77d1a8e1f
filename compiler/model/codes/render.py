"""E4xxx: templates and patches."""

from __future__ import annotations

from compiler.model.diagnostics import Code

TEMPLATE_MISSING = Code(
    "E4001",
    "A template does not exist",
    "Every object is rendered from a template file; without it the object cannot be written.",
    "Restore the file in your templates folder, or remove the folder's copy of its path so that "
    "the template that ships with edgewright is used.",
)
TEMPLATE_UNREADABLE = Code(
    "E4002",
    "A template file cannot be read",
    "A template is a UTF-8 text file of at most 256 KiB without control characters.",
    "Save the file as UTF-8, and move large values out of the template and into the spec.",
)
TEMPLATE_SYNTAX = Code(
    "E4003",
    "A template has a syntax error",
    "The file is not a valid Jinja template, so nothing can be rendered from it.",
    "Fix the line that is named; compare with the shipped template of the same path.",
)
TEMPLATE_CONSTRUCT = Code(
    "E4004",
    "A template uses a construct that templates may not hold",
    "Templates hold layout only: `for`, `if`, and names with attributes. Values are computed in "
    "typed, tested code, so that a template can neither hang, nor compute, nor read anything else.",
    "Write the layout with `for` and `if` over the given values, or use `patches:` in the spec to "
    "change the finished object.",
)
TEMPLATE_HOLE = Code(
    "E4005",
    "A hole of a template is part of a longer text",
    "`{{ value }}` is written as a whole YAML value with its own quotes. Inside a longer text, in "
    "quotes, in a block of text or in a comment it would change the text around it.",
    "Let the hole stand alone as a key or a value, without quotes around it.",
)
TEMPLATE_USELESS = Code(
    "E4006",
    "A file in your templates folder overrides nothing",
    "A file overrides the shipped template of the same path; one with another path is never used.",
    "Rename the file to the path of the template that it should override, or delete it.",
)
TEMPLATE_VALUE = Code(
    "E4010",
    "A template names a value that does not exist",
    "A missing value would silently leave a field empty, so it is an error.",
    "Use one of the values that the shipped template of the same path uses.",
)
TEMPLATE_YAML = Code(
    "E4011",
    "A template does not make a valid YAML mapping",
    "Each template makes exactly one object: one YAML mapping, without anchors and tags at its "
    "holes, without a second document and without a key that occurs twice.",
    "Check indentation, quotes and repeated keys at the line that is named.",
)
OBJECT_UNNAMED = Code(
    "E4012",
    "An object lacks what identifies it",
    "`apiVersion`, `kind` and `metadata.name` identify an object to the API server and name its "
    "file. They must be texts of letters, digits and the usual punctuation.",
    "Add the field, or correct its value.",
)
VALUE_UNFIT = Code(
    "E4013",
    "A value has no place in a manifest",
    "A manifest holds texts, 64-bit integers, finite numbers, booleans, nulls, lists and mappings "
    "with text keys of at most 1,000 characters; anything else is lost or misread on its way.",
    "Replace the value that is named.",
)
TOO_LARGE = Code(
    "E4014",
    "An object is too large",
    "The API server takes objects of at most 1 MiB, and a template may take at most 100,000 steps.",
    "Move data out of the object: into an artifact, or into several objects.",
)
TEXT_BEYOND_KUSTOMIZE = Code(
    "E4015",
    "A text holds a character that does not survive kustomize",
    "Argo CD and Flux build every directory with kustomize. It refuses U+007F to U+009F, U+FFFE "
    "and U+FFFF however they are escaped, changes U+0085 into a space, and loses the key `<<`. One "
    "such text would stop the whole directory.",
    "Remove the character, or ship the text as an artifact.",
)
SAME_OBJECT = Code(
    "E4020",
    "Two objects of one directory are the same object",
    "Equal group, kind, namespace and name mean that the second object would overwrite the first.",
    "Rename one of the two jobs or objects.",
)
SAME_FILE = Code(
    "E4021",
    "Two objects of one directory would get the same file",
    "File names are lower-case, because some file systems do not tell `A` from `a`.",
    "Rename one of the two objects.",
)
PATCH_UNUSED = Code(
    "E4101",
    "A patch matches no object",
    "A patch that changes nothing is a misspelt name, or is left over from a removed job.",
    "Correct `job:` or `kind:`, or delete the patch.",
)
PATCH_IDENTITY = Code(
    "E4102",
    "A patch changes what an object is",
    "apiVersion, kind, namespace and name come from the spec; other objects refer to them.",
    "Rename the job, or set the namespace of the project or the environment.",
)
PATCH_DIRECTIVE = Code(
    "E4103",
    "A patch uses a directive that is not supported",
    "Supported are `$patch: delete`, `$patch: replace`, `$patch: merge`, `$retainKeys` and "
    "`$deleteFromPrimitiveList/FIELD`. `$setElementOrder` is made by tools and depends on the "
    "state of a live object, which the compiler never sees.",
    "Write the list as it should be, with `$patch: replace` as one of its elements.",
)
PATCH_SHAPE = Code(
    "E4104",
    "A patch does not fit the object",
    "A mapping merges with a mapping and a list with a list. In a list that merges, such as "
    "`containers`, every element names the one that it changes.",
    "Give the value the shape that the object has there, or add the naming key to the element.",
)
