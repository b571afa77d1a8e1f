"""What the page of a `diff` of 2,000 sites takes in a browser, against a bare table of as many.

Run it as `python tests/bench/bench_page.py [ROUNDS]`. A keystroke counts from the key to the frame
that shows its answer; the bare page writes one word. Scrolling goes through the whole page. The
bare page is measured in turn with ours, so that a busy machine slows both. Without a browser there
is one row that says so. Nothing is asserted.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from compiler.reports import changes_html
from tests.bench.measuring import Row, heading
from tests.reports.chromium import Browser, program
from tests.reports.test_changes_page import fleet

SITES = 2000
WORDS = "store-0217"
BARE = (
    "<!doctype html><meta charset=utf-8><input type=search name=search><p id=found></p><table>"
    + "".join(f"<tr><td>store-{n:04}<td>hot swap<td>46.0 MiB</tr>" for n in range(SITES))
    + "</table><script>document.querySelector('input').addEventListener('input', event => {"
    "document.getElementById('found').textContent = event.target.value})</script>"
)
LOADED = "performance.getEntriesByType('navigation')[0].domComplete"
KEYSTROKE = """
new Promise(done => {
  const field = document.querySelector('[name=search]');
  const begin = performance.now();
  field.value = %r;
  field.dispatchEvent(new Event('input', {bubbles: true}));
  requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => done(performance.now() - begin);
    channel.port2.postMessage(0);
  });
})
"""
"""The message comes once the frame has been laid out and painted."""
SCROLL = """
new Promise(done => {
  const all = document.scrollingElement, frames = [], step = 700;
  let before = performance.now();
  const next = now => {
    frames.push(now - before);
    before = now;
    all.scrollTop += step;
    const end = all.scrollTop + innerHeight >= all.scrollHeight - 2;
    if (end || frames.length > 600) done(frames.slice(2)); else requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
})
"""


def rows(rounds: int = 3) -> Iterator[Row]:
    """Every row; one that says what is missing where there is no browser."""
    if program() is None:
        yield Row("the page of a diff in a browser", "", "not measured: no Chromium here")
        return
    text = changes_html.render(fleet(SITES))
    ours, bare = _Measured(), _Measured()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Browser() as browser:
        for name, page in (("ours", text), ("bare", BARE)):
            Path(folder, f"{name}.html").write_text(page, encoding="utf-8")
        for _ in range(rounds):
            for name, measured in (("ours", ours), ("bare", bare)):
                measured.take(browser, Path(folder, f"{name}.html"))
    kind = f"the page of a diff of {SITES:,} sites ({len(text) / 2**20:.1f} MiB)"
    yield _row(f"{kind}: opened", "≤ 1 s", ours.opened, bare.opened)
    yield _row(f"{kind}: a keystroke until it is seen", "≤ 100 ms", ours.keys, bare.keys)
    yield _row(f"{kind}: a frame while it scrolls", "≤ 33 ms", ours.frames, bare.frames)


class _Measured:
    """Milliseconds of one page."""

    def __init__(self) -> None:
        self.opened: list[float] = []
        self.keys: list[float] = []
        self.frames: list[float] = []

    def take(self, browser: Browser, page: Path) -> None:
        """Open it, type into it and scroll it once."""
        browser.open(page)
        self.opened.append(float(browser.run(LOADED)))
        for end in (*range(1, len(WORDS) + 1), 0):
            self.keys.append(float(browser.run(KEYSTROKE % WORDS[:end])))
        self.frames += [float(one) for one in browser.run(SCROLL)]


def _row(work: str, goal: str, ours: list[float], bare: list[float]) -> Row:
    middle, floor = statistics.median(ours), statistics.median(bare)
    late = sorted(ours)[len(ours) * 95 // 100]
    measured = f"{middle:.0f} ms (95 of 100 within {late:.0f} ms); a bare table {floor:.0f} ms"
    return Row(work, goal, f"{measured}, {middle / floor:.1f} ×")


def main() -> None:
    """Print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    print(heading())
    for row in rows(rounds):
        print(f"{row.work:75} {row.goal:>8}   {row.measured}", flush=True)


if __name__ == "__main__":
    main()
