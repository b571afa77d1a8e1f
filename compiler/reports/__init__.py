"""One module per output format for diagnostics and results. Takes data, returns text.

Listed in `REPORTS`; a test compares the tuple with the folder.
"""

from __future__ import annotations

REPORTS: tuple[str, ...] = (
    "changes_html",
    "changes_json",
    "changes_markdown",
    "changes_text",
    "dataset_html",
    "dataset_text",
    "github",
    "json",
    "mermaid",
    "models_card",
    "models_huggingface",
    "models_table",
    "sarif",
    "text",
)
