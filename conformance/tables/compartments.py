#!/usr/bin/env python3
"""Writes mappers/src/search/compartment/table.rs from the compartment definitions of FHIR R4 (4.0.1, CC0): names only.

    conformance/tables/compartments.py [FOLDER WITH compartment-definitions.ndjson]
"""

import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = pathlib.Path(sys.argv[1]) if sys.argv[1:] else ROOT.parent / "shared/data/00-definitions/r4-core-4.0.1"
KINDS = ["Device", "Encounter", "Patient", "Practitioner", "RelatedPerson"]

found = {}
for line in (FOLDER / "compartment-definitions.ndjson").read_text().splitlines():
    definition = json.loads(line)
    if definition["code"] not in KINDS or "example" in definition["url"].rsplit("/", 1)[1]:
        continue
    for resource in definition["resource"]:
        names = [name for name in resource.get("param", []) if name != "{def}"]
        if names:
            found.setdefault(resource["code"], {}).setdefault(definition["code"], set()).update(names)

out = ["//! Written by `conformance/tables/compartments.py` from the definitions of FHIR R4 (CC0): do not edit.", "",
       "/// By type: for each of `KINDS` the reference parameters that put a resource in its compartment.",
       "pub(super) static TABLE: &[(&str, [&[&str]; 5])] = &["]
for kind in sorted(found):
    lists = ", ".join("&[" + ", ".join(f'"{n}"' for n in sorted(found[kind].get(k, ()))) + "]" for k in KINDS)
    out.append(f'    ("{kind}", [{lists}]),')
out += ["];", ""]
(ROOT / "mappers/src/search/compartment/table.rs").write_text("\n".join(out))
