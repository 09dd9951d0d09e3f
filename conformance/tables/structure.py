#!/usr/bin/env python3
"""Writes mappers/src/structure/facts.txt from the official R4 definitions.

fhirbolt-shared knows the children, arrays and complex types of every R4 path; it does not know which primitive type a
path has, what is required, what a choice may be, or which codes a required binding allows. Those facts, and nothing
else of the definitions (no sentence, no SNOMED CT, no CPT), go into the table.

    python3 conformance/tables/structure.py [../shared/data/00-definitions/r4-core-4.0.1] > mappers/src/structure/facts.txt
"""

import gzip
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Names of ours for facts that every type inherits; the checker adds them itself.
INHERITED = {"id", "implicitRules", "language", "meta", "text", "contained", "extension", "modifierExtension"}
# Constraints of Quantity that are types of their own in JSON names (valueAge).
QUANTITIES = {"Age", "Count", "Distance", "Duration"}


def records(folder, name):
    for path in sorted(folder.glob(name + ".ndjson*")):
        opened = gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else open(path, encoding="utf-8")
        with opened as lines:
            yield from (json.loads(line) for line in lines if line.strip())


def concepts(nodes):
    for node in nodes:
        yield node["code"]
        yield from concepts(node.get("concept", []))


def codes_of(url, value_sets, code_systems):
    """Every code of the value set, or None where the definitions do not enumerate it."""
    value_set = value_sets.get(url)
    compose = (value_set or {}).get("compose", {})
    if not compose or compose.get("exclude"):
        return None
    codes = []
    for include in compose["include"]:
        if include.get("valueSet") or include.get("filter") or "snomed" in include.get("system", ""):
            return None
        system = code_systems.get(include.get("system"))
        if include.get("concept"):
            codes += [concept["code"] for concept in include["concept"]]
        elif system and system.get("content") == "complete":
            codes += concepts(system.get("concept", []))
        else:
            return None
    assert all(not re.search(r"\s", code) for code in codes), url
    return sorted(set(codes))


def primitive_of(entry, primitives):
    """The primitive type of one type entry, or None."""
    if entry["code"] in primitives:
        return entry["code"]
    for extension in entry.get("extension", []):
        if extension["url"].endswith("structuredefinition-fhir-type"):
            return extension["valueUrl"]
    return None


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "../shared/data/00-definitions/r4-core-4.0.1"
    definitions = list(records(folder, "structure-definitions"))
    value_sets = {one["url"]: one for one in records(folder, "value-sets")}
    code_systems = {one["url"]: one for one in records(folder, "code-systems")}
    primitives = {one["id"] for one in definitions if one["kind"] == "primitive-type"}
    kept = [
        one for one in definitions
        if one["kind"] in ("complex-type", "resource") and (one["type"] == one["id"] or one["id"] in QUANTITIES)
        and not one["abstract"]
    ]
    # The types of Extension.value[x] stand in four places; one star says them.
    open_choice = {
        one["code"]
        for definition in kept if definition["id"] == "Extension"
        for element in definition["snapshot"]["element"] if element["path"] == "Extension.value[x]"
        for one in element["type"]
    }
    lines, used = {}, {}
    for definition in sorted(kept, key=lambda one: one["id"]):
        for element in definition["snapshot"]["element"][1:]:
            path = element["path"].replace("Quantity.", definition["id"] + ".", 1) \
                if definition["id"] in QUANTITIES else element["path"]
            owner, name = path.rsplit(".", 1)
            if name in INHERITED and (element["base"]["path"] != path or path == "Extension.extension"):
                continue
            types = element.get("type", [])
            fact = ""
            if name.endswith("[x]"):
                codes = [one["code"] for one in types]
                fact = ":*" if set(codes) == open_choice and definition["id"] != "Extension" else ":" + ",".join(codes)
            elif len(types) == 1 and (primitive := primitive_of(types[0], primitives)):
                fact = ":" + primitive
                binding = element.get("binding", {})
                if primitive == "code" and binding.get("strength") == "required":
                    url = binding["valueSet"].split("|")[0]
                    codes = codes_of(url, value_sets, code_systems)
                    if codes:
                        used.setdefault(url.rsplit("/", 1)[1], codes)
                        assert used[url.rsplit("/", 1)[1]] == codes, url
                        fact += "=" + url.rsplit("/", 1)[1]
            required = "!" if element["min"] > 0 else ""
            if fact or required:
                lines.setdefault(owner, []).append(name + fact + required)
    print("# Facts of FHIR R4 (4.0.1, CC0) beside fhirbolt-shared. Generated by conformance/tables/structure.py; do not edit.")
    print("# path  name:primitive[=value-set][!]  name[x]:type,...[!]  name!   (! = required, * = the types of Extension.value[x])")
    for name, codes in sorted(used.items()):
        print("=" + name, *codes)
    for owner, facts in sorted(lines.items()):
        print(owner, *facts)


if __name__ == "__main__":
    main()
