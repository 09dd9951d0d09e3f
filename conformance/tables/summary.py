#!/usr/bin/env python3
"""Writes mappers/src/search/summary/table.rs from the definitions of FHIR R4 (4.0.1, CC0): names only.

    conformance/tables/summary.py [FOLDER WITH structure-definitions.ndjson.gz]
"""

import gzip
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = pathlib.Path(sys.argv[1]) if sys.argv[1:] else ROOT.parent / "shared/data/00-definitions/r4-core-4.0.1"

rows = []
with gzip.open(FOLDER / "structure-definitions.ndjson.gz", "rt", encoding="utf-8") as lines:
    for line in lines:
        definition = json.loads(line)
        if definition["kind"] != "resource" or definition.get("derivation") == "constraint" or definition.get("abstract"):
            continue
        summary, mandatory = [], []
        for element in definition["snapshot"]["element"]:
            path = element["path"].split(".")
            if len(path) != 2 or path[1] in ("id", "meta"):
                continue
            if element.get("isSummary"):
                summary.append(path[1])
            if element["min"] > 0:
                mandatory.append(path[1])
        rows.append((definition["type"], sorted(set(summary) | set(mandatory)), sorted(mandatory)))

out = ["//! Written by `conformance/tables/summary.py` from the definitions of FHIR R4 (CC0): do not edit.", "",
       "/// By type: elements of the summary, and those that must be there; `[x]` stands for any type of a choice.",
       "pub(super) static TABLE: &[(&str, &[&str], &[&str])] = &["]
for kind, summary, mandatory in sorted(rows):
    text = lambda names: "&[" + ", ".join(f'"{name}"' for name in names) + "]"
    out.append(f'    ("{kind}", {text(summary)}, {text(mandatory)}),')
out += ["];", ""]
(ROOT / "mappers/src/search/summary/table.rs").write_text("\n".join(out))
