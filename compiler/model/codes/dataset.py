"""E9xxx: the bytes of a dataset. What is refused; what is only counted has no code."""

from __future__ import annotations

from compiler.model.diagnostics import Code

DATASET_TEXT = Code(
    "E9101",
    "A file of the dataset is not UTF-8 text",
    "Read in a guessed encoding, names of classes and files would be other names. UTF-16, other "
    "encodings and bytes that no text has are refused, with the place of the first of them.",
    "Convert the file, for example with `iconv -f UTF-16 -t UTF-8`, and upload it as a new "
    "version.",
)
DATASET_MALFORMED = Code(
    "E9102",
    "A file of the dataset is not what its format says",
    "A file that was cut off or damaged cannot be counted: whatever number came out would be that "
    "of another dataset.",
    "Look at the line or byte that the message names. A file that ends too early was often not "
    "uploaded to its end.",
)
DATASET_BEYOND = Code(
    "E9103",
    "A file of the dataset goes beyond a limit",
    "Limits on nesting, on the length of one record and on what an archive unpacks to keep a "
    "hostile or damaged file from taking all memory.",
    "Look at the place that the message names; such a file is seldom meant. Split a record that is "
    "really that large.",
)
DATASET_ENTITIES = Code(
    "E9104",
    "An XML file of the dataset declares a document type",
    "Entities that a document type declares can grow without bound or name other files. "
    "Annotations need none.",
    "Write the file again without <!DOCTYPE>.",
)
DATASET_NO_FILE = Code(
    "E9105",
    "A file that the format needs is not in the dataset",
    "Without its annotations a dataset has nothing to count.",
    "Write `annotations:` at the version, with the path below its uri; or upload the file.",
)
DATASET_SEVERAL = Code(
    "E9106",
    "Several files could be the annotations of the dataset",
    "To take one of them by chance would count another dataset after the next upload.",
    "Write `annotations:` at the version, with one of the paths that the message lists.",
)
DATASET_DUPLICATE = Code(
    "E9107",
    "A file of the dataset gives one name twice",
    "Readers take the first or the last of two, so the same file is two datasets.",
    "Remove one of the two.",
)
DATASET_ARCHIVE = Code(
    "E9108",
    "An archive of the dataset would be refused at the edge",
    "The sidecar refuses names that lead out of the archive, links, devices and names that occur "
    "twice. What it refuses is not counted either.",
    "Pack the archive again, with plain files below one folder.",
)
DATASET_COLUMN = Code(
    "E9109",
    "A column is not in the dataset",
    "`columns:` says which column is the id, the label and the path of a record. Declared classes "
    "cannot be counted without a column of labels.",
    "Write one of the columns that the message lists, such as `columns: {label: species}`.",
)
DATASET_EXTRA = Code(
    "E9110",
    "A dataset needs a library that is not installed",
    "The number of rows of a Parquet file is in its last bytes and needs nothing. Its columns are "
    "compressed in ways that only pyarrow reads, which is larger than everything else together.",
    "Install it with `pip install 'edgewright[parquet]'`, or leave out `classes:`, `columns:` and "
    "`splits:` of the dataset.",
)
