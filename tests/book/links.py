"""Reads the built book as a browser would: `python3 tests/book/links.py FOLDER`.

Every address inside the book leads to a file, every `#anchor` to a heading, and every tag is one of HTML: Markdown takes
`<name>` outside of backticks for a tag, and nobody sees it. Addresses elsewhere are not asked.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

TAGS = set(
    "a blockquote body br button code dd del details div dl dt em footer h1 h2 h3 h4 h5 h6 head hr html i iframe img input"
    " kbd label li link main mdbook-sidebar-scrollbox meta nav noscript ol p path pre script section small span strong style sub summary sup svg table"
    " tbody td th thead title tr ul".split()
)
# Made by mdBook of all the other pages, or shown at any depth: their addresses are those of the pages.
MADE = {"print.html", "404.html"}


class Page(HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.anchors, self.addresses, self.strange = set(), [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        if tag not in TAGS:
            self.strange.append(tag)
        for name, value in attributes:
            if name in ("id", "name") and value:
                self.anchors.add(value)
            if name in ("href", "src") and value:
                self.addresses.append(value)


def findings(pages, path):
    page = pages[path]
    for tag in page.strange:
        yield f"<{tag}> is no tag of HTML: put it into backticks"
    for address in page.addresses:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if not target.is_file():
            yield f"`{address}` leads nowhere in the book"
        elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
            yield f"`{address}`: that page has no such heading"


def main(folder):
    pages = {path: Page(path) for path in folder.rglob("*.html")}
    read = sorted(path for path in pages if path.name not in MADE)
    if len(read) < 40:
        sys.exit(f"only {len(read)} pages in {folder}: is this the book?")
    found = [f"{path.relative_to(folder)}: {finding}" for path in read for finding in findings(pages, path)]
    if found:
        sys.exit("\n".join(found))
    print(f"{len(read)} pages, {sum(len(pages[path].addresses) for path in read)} addresses: all lead somewhere")


main(Path(sys.argv[1]).resolve())
