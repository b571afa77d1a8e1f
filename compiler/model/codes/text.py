"""E10xx: the text of a YAML or CSV file."""

from __future__ import annotations

from compiler.model.diagnostics import Code

SYNTAX = Code(
    "E1001",
    "The file is not YAML",
    "The text breaks a rule of YAML, so nothing after this place can be read with certainty. "
    "Other files are still read; this one ends here.",
    "Correct the marked place. A value that holds `: `, ` #`, or begins with one of "
    "``[ ] { } , & * ! | > ' \" % @ ` `` needs quotes.",
)
TAB = Code(
    "E1002",
    "A tab stands where only spaces may stand",
    "YAML forbids tabs in indentation, because their width differs from editor to editor and the "
    "indentation is the structure.",
    "Replace the tab by spaces; most editors can do so for every YAML file.",
)
ENCODING = Code(
    "E1003",
    "The file is not UTF-8",
    "Every text file of a fleet is read as UTF-8. Guessing another encoding would turn some "
    "names into other names without a word.",
    "Save the file as UTF-8, which every editor and spreadsheet offers.",
)
CONTROL_CHARACTER = Code(
    "E1004",
    "The file holds a character that cannot be seen",
    "Control characters, NUL, byte order marks inside the text and Unicode line separators are "
    "invisible in review, and readers of YAML 1.1 and 1.2 disagree about what they mean.",
    'Delete the character, or write it as an escape such as "\\u2028" in double quotes.',
)
FILE_TOO_LARGE = Code(
    "E1005",
    "The file is too large",
    "A cap on size keeps a wrong file (a model, a log, a dump) from taking the memory of the "
    "machine that compiles.",
    "Split the spec into several files of the same folder, or list the sites in a table that "
    "`fleet.sitesFrom` names.",
)
SCALAR_TOO_LONG = Code(
    "E1006",
    "One value is too long",
    "No object of Kubernetes holds more than 1 MiB, so a longer value can only be a mistake.",
    "Put the bytes into a store and refer to them as an artifact under `code:`.",
)
TOO_DEEP = Code(
    "E1007",
    "The structure is nested too deeply",
    "Nothing in the language comes near this depth; such a file is damaged or hostile.",
    "Look for brackets that are never closed, or for indentation that only ever grows.",
)
TOO_MUCH = Code(
    "E1008",
    "The file holds too much",
    "Aliases that refer to aliases grow without bound: nine short lines can stand for a billion "
    "values. Caps on aliases, values and documents keep such a file harmless.",
    "Write fewer aliases, split the file, or list the sites in a table.",
)
DUPLICATE_KEY = Code(
    "E1009",
    "A key stands twice in one mapping",
    "YAML has no rule for which of the two counts, and most readers silently take the last.",
    "Remove one of them, or merge the two.",
)
COMPLEX_KEY = Code(
    "E1010",
    "A key is not a plain word",
    "Keys of a spec are text. A mapping, a list, an alias or nothing at all as a key is nearly "
    "always a value with `{` or `[` that lacks its quotes.",
    'Write the key as text. A value that begins with a placeholder needs quotes: "{site}".',
)
MERGE_KEY = Code(
    "E1011",
    "Merge keys are not part of the language",
    "`<<` belongs to YAML 1.1; YAML 1.2 dropped it, and with it a reviewer can no longer see at "
    "the place of use what a mapping holds.",
    "Write the keys out, or let `*alias` stand for a whole value.",
)
TAG = Code(
    "E1012",
    "Tags are not part of the language",
    "A tag asks the reader to build something else than what is written, up to running code. "
    "Every value has the type that its text shows.",
    'Remove the tag. Text that looks like a number or a word such as true needs quotes: "1.10".',
)
DIRECTIVE = Code(
    "E1013",
    "The directive is not supported",
    "A spec is YAML 1.2 without directives; `%YAML 1.1` would change the meaning of `no`, `012` "
    "and `24:00` for other readers of the same file, and `%TAG` serves tags only.",
    "Remove the line that begins with `%`.",
)
ALIAS = Code(
    "E1014",
    "An alias refers to nothing",
    "An alias stands for a value that was marked with `&name` earlier in the same document. One "
    "that lies inside its own value would never end.",
    "Mark the value with `&name` before the alias, or write the value out.",
)
NUMBER = Code(
    "E1015",
    "The number cannot be held",
    "Infinity, `.nan` and numbers beyond the range of a double cannot be written in JSON, which "
    "is what every cluster and every worker reads.",
    "Write a finite number, or quote the value if it is meant as text.",
)
CONFLICT_MARKERS = Code(
    "E1016",
    "The file holds marks of an unfinished Git merge",
    "Between the marks lie two versions of the same lines; only a person can say which is meant.",
    "Choose the lines to keep, delete the marks and `git add` the file.",
)
TOO_MANY_PROBLEMS = Code(
    "E1017",
    "The file has too many problems to list them all",
    "After a hundred problems the rest most likely has the same cause.",
    "Correct the ones that are shown and run the command again.",
)

NO_FILES = Code(
    "E1030",
    "There is nothing to read",
    "A fleet is a folder with at least one `.yaml` or `.yml` file. Files whose name begins with a "
    "dot, and files in folders below, are not part of the spec.",
    "Name the folder that holds the spec, or begin one with `edgewright init`.",
)
UNREADABLE = Code(
    "E1031",
    "The file cannot be read",
    "The system refused to open the file, or it is not a regular file.",
    "Check the permissions and the type of the file.",
)
OUTSIDE = Code(
    "E1032",
    "The path leaves the folder of the spec",
    "Whoever reviews the folder must see every byte that goes into the output. Absolute paths, "
    "`../` and links that lead out would bring in files that the review does not show.",
    "Move or copy the file into the folder and name it relative to the file that refers to it.",
)
NOT_A_MAPPING = Code(
    "E1033",
    "The file does not hold sections",
    "The top of every file of a spec is a mapping from section names (`models:`, `jobs:`, ...) to "
    "their content.",
    "Begin the file with a section, or move it to a folder below if it is not part of the spec.",
)
DEFINED_TWICE = Code(
    "E1034",
    "Something is defined twice",
    "The files of a folder are one spec, whatever their names and order. If two of them define "
    "the same thing, neither order nor chance may decide which one counts.",
    "Keep one definition. A site may change a part of it with `overrides:`, an environment with "
    "`set:`.",
)
FILE_MISSING = Code(
    "E1035",
    "The file does not exist",
    "The spec names a file that is not there. Paths are relative to the file that names them.",
    "Correct the path or add the file.",
)
ONE_FILE = Code(
    "N1036",
    "One file was read, and others of its folder were not",
    "Where a file is named in place of a folder, it is the whole spec: what the files beside it "
    "define is unknown, as when a spec is tried out before it replaces another.",
    "Name the folder where all its files are meant.",
)

EDIT_SHARED = Code(
    "E1040",
    "A value that a command would change is shared by an anchor",
    "An alias stands for the same value in several places. A command that edits one of them would "
    "change the others as well, which nobody asked for.",
    "Write the value out at each place, without `&` and `*`, and run the command again.",
)
EDIT_LAYOUT = Code(
    "E1041",
    "A command cannot change a value without changing its surroundings",
    "Commands that edit a spec keep every other byte: comments, quotes, layout. Where what is "
    "written leaves no place for that, nothing is changed.",
    "Make the change by hand that the message names.",
)

CSV_HEADER = Code(
    "E1050",
    "The table of sites has a wrong header",
    "The first line names the columns: name, cluster, layer, profile, and optionally hosts, "
    "labels.KEY, vars.KEY, link.rate, link.window and timezone, each at most once.",
    "Correct the first line of the table.",
)
CSV_ROW = Code(
    "E1051",
    "A row has another number of cells than the header",
    "With a cell too many or too few, every value to its right would land in a wrong column.",
    "Add or remove cells. A cell that contains a comma needs double quotes.",
)
CSV_DELIMITER = Code(
    "E1052",
    "The cells of the table are not separated by commas",
    "Spreadsheets in some languages write semicolons or tabs. Semicolons separate the hosts "
    "inside one cell, so the table needs commas.",
    "Save the table again with a comma as its separator.",
)
CSV_CELL = Code(
    "E1053",
    "A cell of the table cannot be read",
    "A row needs a name; `hosts` holds `name` or `name=address`, separated by semicolons; a cell "
    "lies on one line, and its quotes are closed.",
    "Correct the cell.",
)
