"""E11xx to E15xx: values of the spec, one at a time."""

from __future__ import annotations

from compiler.model.diagnostics import Code

WRONG_TYPE = Code(
    "E1101",
    "A value has the wrong type",
    "Each key takes one type of value, or one of a few shapes that the message lists. Guessing "
    "what was meant would deploy something that nobody wrote.",
    "Write the value in one of the shapes that the message names. A text that looks like a "
    "number, a date or a truth value needs quotes.",
)
UNKNOWN_WORD = Code(
    "E1102",
    "A word is not one of the allowed ones",
    "The key takes one word out of a closed list, and each word has its own meaning downstream.",
    "Use one of the words in the message; the hint names the nearest one.",
)
MALFORMED_TEXT = Code(
    "E1103",
    "A text does not have the required form",
    "Names become parts of Kubernetes object names, digests are compared byte for byte, and "
    "quantities and durations are computed with, so each has one exact form.",
    "Follow the form and the example in the message.",
)
OUT_OF_RANGE = Code(
    "E1104",
    "A number is out of range",
    "The value would be refused later by a cluster, or has no meaning (a port above 65535, more "
    "than 100 percent).",
    "Choose a number within the range in the message.",
)
WRONG_LENGTH = Code(
    "E1105",
    "A list or text is too short or too long",
    "An empty list or text here would select or do nothing, silently; one that is too long would "
    "be refused by a cluster.",
    "Add an entry, remove the key, or shorten the value to the length in the message.",
)
CONTROL_CHARACTER = Code(
    "E1106",
    "A text holds a control character",
    "NUL and other control characters cannot be stored in Kubernetes objects, environment "
    "variables or paths, and they can hide text from a reviewer.",
    "Remove the character; the message names its code point.",
)
NUMBER_FOR_TEXT = Code(
    "E1107",
    "A number stands where text belongs",
    "Unquoted, 1.10 is the number 1.1 and 007 is 7: a version or a label would silently change.",
    "Put the value in quotes.",
)
NOT_A_TRUTH_VALUE = Code(
    "E1108",
    "A truth value is not written true or false",
    "YAML 1.2 knows only true and false. Older readers took yes, no, on and off for truth values "
    "as well, so the same file would mean different things to different tools.",
    "Write true or false; write text such as no (the language) in quotes where text is meant.",
)
EMPTY_VALUE = Code(
    "E1109",
    "A key has no value",
    "A key without a value is null in YAML. Null has a meaning only in `set:`, where it removes "
    "something.",
    "Write the value, write {} or [] for an empty mapping or list, or remove the key.",
)
UNKNOWN_KEY = Code(
    "E1201",
    "A key is unknown here",
    "An unknown key is nearly always a typing error or stands at the wrong depth. Ignoring it "
    "would silently drop what it asked for.",
    "Use the key that the hint suggests, move it to where it belongs, or remove it.",
)
MISSING_KEY = Code(
    "E1202",
    "A required key is missing",
    "The entry has no meaning without this key, and there is no default that would be right for "
    "every fleet.",
    "Add the key; the message describes what it holds.",
)
MISSPELT_KEY = Code(
    "E1203",
    "A key is written in a known other way",
    "The key is an older name, another tool's name or a known misspelling of a key of this "
    "language. One meaning has one word.",
    "Rename the key as the hint says.",
)
WRONG_SHAPE = Code(
    "E1301",
    "A value has none of the allowed shapes",
    "Some keys can be written in a short and a long way. A mixture of them, or anything else, "
    "has no defined meaning.",
    "Write the value in one of the shapes that the message lists.",
)
EXCLUSIVE_KEYS = Code(
    "E1302",
    "Keys exclude one another",
    "Each of the keys answers the same question, so two answers contradict.",
    "Keep exactly one of the keys.",
)
ONE_KEY_NEEDED = Code(
    "E1303",
    "One of several keys is needed",
    "The entry must answer a question that any one of the keys can answer, and none is there.",
    "Add one of the keys that the message lists.",
)
ONLY_IN_A_PIPELINE = Code(
    "E1304",
    "A key belongs to a step of a pipeline",
    "Ports exist only while a pipeline runs. A job on its own has nothing to connect them to.",
    "Remove the key, or make the job a step of a `kind: pipeline` job.",
)
CONTRADICTION = Code(
    "E1305",
    "Values within one entry contradict",
    "Each value is right alone, together they cannot hold: a minimum above a maximum, parts that "
    "do not add up to one.",
    "Change one of the values so that the rule in the message holds.",
)
PLACEHOLDER_NOT_ALLOWED = Code(
    "E1401",
    "A placeholder stands where none is allowed",
    "Only values that may differ by site or environment are filled in. A name or a digest must "
    "read the same everywhere, or a review could not see what is deployed.",
    "Write the value out, or use an override or an environment to vary it.",
)
UNKNOWN_PLACEHOLDER = Code(
    "E1402",
    "A placeholder is unknown",
    "There are five placeholders; any other text in braces would reach the cluster as it stands.",
    "Use one of the placeholders in the message. A site's own values are {site.vars.NAME}.",
)
TEMPLATE_SYNTAX = Code(
    "E1403",
    "A value holds template syntax",
    "Values of the spec are data. They are never evaluated as Jinja, Go or shell templates, so "
    "{{ x }}, {% x %} and ${x} would reach the cluster as they stand.",
    "Use one of the placeholders in the message, or write the value out.",
)
PATH_NOT_ABSOLUTE = Code(
    "E1404",
    "A path must be absolute",
    "The path lies in a container or on a host, where there is no directory to start from.",
    "Write the whole path, starting with a slash.",
)
PATH_LEAVES_DIRECTORY = Code(
    "E1405",
    "A path leaves its directory",
    "A path with .. parts, or an absolute path where a relative one belongs, could read or write "
    "outside the place that the spec names.",
    "Write the path without .. parts, below the place it belongs to.",
)
PASSWORD_IN_VALUE = Code(
    "E1501",
    "A value contains a credential",
    "The spec and the compiled output are in Git, where every reader and every clone would hold "
    "the credential for ever. The value is not shown here, so that logs stay clean.",
    "Put the value into a Kubernetes Secret and name it: {secret: NAME, key: KEY}. Then replace "
    "the credential, since it was written to a file.",
)
PASSWORD_IN_URL = Code(
    "E1502",
    "A URL contains a user or password",
    "The spec and the compiled output are in Git, where every reader and every clone would hold "
    "the password for ever.",
    "Remove the part before the @ and name a Secret in the key beside the URL.",
)
SECRET_VALUE = Code(
    "E1503",
    "A Secret's value stands where its name belongs",
    "Only names of Secrets are written in a spec; credentials live in the cluster. The value is "
    "not shown here.",
    "Write the name of a Kubernetes Secret (lower-case letters, digits, '-' and '.'). Replace the "
    "credential if it was a real one.",
)
