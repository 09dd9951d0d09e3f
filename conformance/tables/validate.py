#!/usr/bin/env python3
"""Writes mappers/src/validate/tables/*.txt from the definitions of FHIR R4 (4.0.1) and US Core 6.1.0 (both CC0).

One JSON object a line with names of StructureDefinition, and only what says more than the base type: cardinalities, types,
fixed values, slicing, bindings, keys and expressions of invariants. No sentence of a definition is taken over (no description,
no text of an invariant), and nothing of SNOMED CT or CPT: an element that fixes such a code is marked `unchecked`.

    python3 conformance/tables/validate.py [FOLDER WITH r4-core-4.0.1 AND us-core-610]
"""

import gzip
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = pathlib.Path(sys.argv[1]) if sys.argv[1:] else ROOT.parent / "shared/data/00-definitions"
OUT = ROOT / "mappers/src/validate/tables"
CORE = "http://hl7.org/fhir/StructureDefinition/"
CLINICAL = ("snomed", "ama-assn")
# What every element and every resource has; the structure check and the line of DomainResource tell it.
INHERITED = {"ele-1", "ext-1"}
OF_RESOURCES = {"dom-2", "dom-3", "dom-4", "dom-5", "dom-6"}
# Expressions of R4 that come to nothing where an element is absent, or ask for another number than their own text does.
CORRECTED = {
    "bdl-8": "fullUrl.exists() implies fullUrl.contains('/_history/').not()",
    "que-12": "enableWhen.count() > 1 implies enableBehavior.exists()",
    "ref-1": "reference.exists() implies (reference.startsWith('#').not() or "
             "(reference = '#' or reference.substring(1) in %rootResource.contained.id))",
}
# The check of structure tells these already, with the name of the missing element.
LIMITS = ("maxLength", "minValue", "maxValue")


def records(name):
    path = next(FOLDER.glob(name + ".ndjson*"))
    opened = gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else open(path, encoding="utf-8")
    with opened as lines:
        return [json.loads(line) for line in lines if line.strip()]


def short(canonical):
    """Core types by their name alone."""
    name = canonical.removeprefix(CORE)
    return name if canonical.startswith(CORE) and name in BASES else canonical


def types(element):
    found = []
    for one in element.get("type", []):
        code = one.get("code", "http://hl7.org/fhirpath/")
        if code.startswith("http://hl7.org/fhirpath/"):
            continue
        kind = {"code": code}
        for key in ("profile", "targetProfile"):
            names = [short(name) for name in one.get(key, [])]
            if names and names != ["Resource"]:
                kind[key] = names
        found.append(kind)
    return found


def values(element):
    return {key: value for key, value in element.items() if key.startswith(("fixed", "pattern") + LIMITS)}


def invariants(element, skip):
    return [{"key": one["key"], "severity": one["severity"], "expression": CORRECTED.get(one["key"], one["expression"])}
            for one in element.get("constraint", []) if one.get("expression") and one["key"] not in skip]


def binding(element):
    bound = element.get("binding", {})
    if bound.get("strength") in ("required", "extensible") and bound.get("valueSet"):
        return {"strength": bound["strength"], "valueSet": bound["valueSet"]}
    return None


class Definitions:
    def __init__(self, rows):
        self.elements = {row["type"]: {e["path"]: e for e in row["snapshot"]["element"]} for row in rows}

    def base(self, definition, element):
        """The element of a base type that a profile's element stands on."""
        steps = element["id"].split(".")
        own = {e["id"]: e for e in definition["snapshot"]["element"]}
        kind, path, at = definition["type"], definition["type"], steps[0]
        found = self.elements[kind].get(kind)
        for step in steps[1:]:
            name = step.split(":")[0]
            table = self.elements.get(kind, {})
            if f"{path}.{name}" in table:
                path = f"{path}.{name}"
            else:
                above = own.get(at, found)
                if found.get("contentReference"):
                    path = found["contentReference"][1:]
                else:
                    kind = (above.get("type") or found.get("type"))[0]["code"]
                    path = kind
                table = self.elements.get(kind, {})
                path = f"{path}.{name}"
            found = table.get(path)
            if found is None:
                return None
            at += "." + step
        return found


def lite(definition, element, base, keys):
    """What an element says beyond its base; None where it says nothing."""
    out = {"id": element["id"]}
    base = base or {}
    if element.get("sliceName"):
        out["sliceName"] = element["sliceName"]
    for key in ("min", "max"):
        if element.get(key) != base.get(key):
            out[key] = element[key]
    kinds = types(element)
    if kinds and kinds != types(base):
        out["type"] = kinds
    fixed = values(element)
    if any(word in json.dumps(fixed) for word in CLINICAL):
        out["unchecked"] = True
    else:
        out.update({key: value for key, value in fixed.items() if base.get(key) != value})
    bound = binding(element)
    if bound and bound != binding(base):
        out["binding"] = bound
    rules = invariants(element, keys | INHERITED | OF_RESOURCES)
    if rules:
        out["constraint"] = rules
    slicing = element.get("slicing")
    if slicing:
        kept = {key: slicing[key] for key in ("discriminator", "ordered", "rules") if slicing.get(key)}
        if not (definition["type"] == "Extension" and kept.get("rules") == "open" and element["path"].endswith("extension")):
            out["slicing"] = kept
        elif slicing:
            out["slicing"] = kept
    return out


def says(out):
    return any(key not in ("id", "slicing") for key in out)


def profile(definition, definitions):
    elements, slices = [], []
    own = definitions.elements[definition["type"]]
    inherited = {one["key"] for one in own[definition["type"]].get("constraint", [])}
    for element in definition["snapshot"]["element"]:
        base = definitions.base(definition, element)
        keys = inherited | {one["key"] for one in (base or {}).get("constraint", [])}
        for kind in types(element):
            root = definitions.elements.get(kind["code"], {}).get(kind["code"], {})
            keys |= {one["key"] for one in root.get("constraint", [])}
        out = lite(definition, element, base, keys)
        if element["path"] == definition["type"]:
            for key in ("min", "max"):
                out.pop(key, None)
            root_modifier = element.get("isModifier")
        elements.append(out)
    # A slicing without slices says nothing unless it closes the list.
    names = [e["id"] for e in elements]
    kept = []
    for out in elements:
        sliced = any(name.startswith(out["id"] + ":") for name in names)
        if "slicing" in out and not sliced and out["slicing"].get("rules", "open") == "open":
            del out["slicing"]
        if says(out) or "slicing" in out:
            kept.append(out)
    line = {"url": definition["url"], "type": definition["type"]}
    if definition.get("version") != "4.0.1":
        line["version"] = definition["version"]
    if definition["type"] == "Extension":
        line["context"] = [{"type": one["type"], "expression": one["expression"]} for one in definition.get("context", [])]
        if root_modifier:
            line["modifier"] = True
    line["snapshot"] = {"element": kept}
    return line


def base_type(definition):
    kept, kind = [], definition["type"]
    root = next(e for e in definition["snapshot"]["element"] if e["path"] == kind)
    for element in definition["snapshot"]["element"]:
        skip = INHERITED | (set() if kind == "DomainResource" else OF_RESOURCES)
        out = {"id": element["id"]}
        if element["path"] != kind:
            if element["max"] not in ("1", "*"):
                out["max"] = element["max"]
            if element["min"] > 1:
                out["min"] = element["min"]
            out.update({key: value for key, value in values(element).items() if key.startswith(LIMITS)})
            kinds = [one for one in types(element) if "targetProfile" in one or "profile" in one]
            if kinds:
                out["type"] = types(element)
            bound = binding(element)
            if bound and not (element["type"][0]["code"] == "code" and closed(bound)):
                out["binding"] = bound
        rules = invariants(element, skip)
        if rules:
            out["constraint"] = rules
        if says(out):
            kept.append(out)
    return {"url": definition["url"], "type": kind, "snapshot": {"element": kept}} if kept else None


class Codes:
    """Value sets that lists of codes can tell."""

    def __init__(self, sets, systems):
        self.sets = {}
        for one in sets:
            self.sets.setdefault(one["url"], one)
        self.systems = {one["url"]: one for one in systems if one.get("content") == "complete"}
        self.used = set()

    def all(self, system):
        """(code, codes above it) of a system."""
        def walk(concepts, above):
            for one in concepts:
                yield one["code"], above
                yield from walk(one.get("concept", []), above + [one["code"]])
        parents = {}
        def props(concepts):
            for one in concepts:
                for prop in one.get("property", []):
                    if prop["code"] == "subsumedBy":
                        parents.setdefault(one["code"], []).append(prop.get("valueCode"))
                props(one.get("concept", []))
        concepts = self.systems[system].get("concept", [])
        props(concepts)
        return list(walk(concepts, [])), parents

    def below(self, system, code):
        rows, parents = self.all(system)
        found = {code}
        grew = True
        while grew:
            grew = False
            for one, above in rows:
                if one not in found and (found & set(above) or found & set(parents.get(one, []))):
                    found.add(one)
                    grew = True
        return sorted(found)

    def expand(self, url, seen=()):
        """{system: None (all), codes, or "?" (some, by a rule or of a system that is not here)}; None where nothing is known."""
        found = self.sets.get(url.split("|")[0])
        if found is None or url in seen or not found.get("compose") or found["compose"].get("exclude"):
            return None
        out = {}
        def add(system, codes):
            if codes is None or out.get(system, ()) is None:
                out[system] = None
            elif codes == "?" or out.get(system) == "?":
                out[system] = "?"
            else:
                out[system] = sorted(set(out.get(system, [])) | set(codes))
        for include in found["compose"].get("include", []):
            system = include.get("system")
            if system and any(word in system for word in CLINICAL):
                add(system, "?")
            elif include.get("valueSet"):
                if system:
                    add(system, "?")
                    continue
                for other in include["valueSet"]:
                    inner = self.expand(other, seen + (url,))
                    if inner is None:
                        return None
                    for key, codes in inner.items():
                        add(key, codes)
            elif include.get("concept"):
                add(system, [one["code"] for one in include["concept"]])
            elif include.get("filter"):
                wanted = None
                if any(one["op"] not in ("is-a", "descendent-of") for one in include["filter"]) or system not in self.systems:
                    add(system, "?")
                    continue
                for one in include["filter"]:
                    codes = set(self.below(system, one["value"]))
                    if one["op"] == "descendent-of":
                        codes.discard(one["value"])
                    wanted = codes if wanted is None else wanted & codes
                add(system, sorted(wanted))
            elif system == "http://unitsofmeasure.org":
                add(system, None)
            elif system in self.systems:
                self.used.add(system)
                add(system, None)
            else:
                add(system, "?")
        return out


def closed(bound):
    return (CODES.expand(bound["valueSet"]) or {}) != {}


def ours(system):
    """Systems of the standard itself and of units; lists of others are kept only where an element is bound to them."""
    return system and ("hl7.org/" in system or system == "http://unitsofmeasure.org")


def bound_sets(line):
    for element in line["snapshot"]["element"]:
        if "binding" in element:
            yield element["binding"]["valueSet"].split("|")[0]


def write(name, head, rows):
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / name
    lines = [f"# {head} Generated by conformance/tables/validate.py; do not edit.", *rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{path.relative_to(ROOT)}: {len(rows)} lines, {path.stat().st_size} bytes", file=sys.stderr)


def compact(row):
    return json.dumps(row, separators=(",", ":"), ensure_ascii=False)


GATHERED = FOLDER
FOLDER = GATHERED / "r4-core-4.0.1"
R4 = records("structure-definitions")
SETS, SYSTEMS = records("value-sets"), records("code-systems")
FOLDER = GATHERED / "us-core-610"
US_CORE = records("structure-definitions")
SETS += records("value-sets")
SYSTEMS += records("code-systems")
BASE_ROWS = [row for row in R4 if row.get("derivation") != "constraint" and row["kind"] in ("resource", "complex-type")]
BASES = {row["type"] for row in R4 if row.get("derivation") != "constraint"}
CODES = Codes(SETS, SYSTEMS)


def main():
    definitions = Definitions(BASE_ROWS)
    base = [line for line in map(base_type, sorted(BASE_ROWS, key=lambda row: row["type"])) if line]
    derived = [row for row in R4 if row.get("derivation") == "constraint" and "snapshot" in row]
    derived += [row for row in US_CORE if row.get("derivation") == "constraint" and "snapshot" in row]
    derived = [profile(row, definitions) for row in sorted(derived, key=lambda row: row["url"])]
    profiles = [line for line in derived if line["type"] != "Extension"]
    extensions = [line for line in derived if line["type"] == "Extension"]
    write("base.txt", "What the types of FHIR R4 say beside structure.", [compact(line) for line in base])
    write("profiles.txt", "Profiles of FHIR R4 and US Core 6.1.0.", [compact(line) for line in profiles])
    write("extensions.txt", "Extensions of FHIR R4 and US Core 6.1.0.", [compact(line) for line in extensions])
    rows, unknown = [], []
    bound = {url for line in base + derived for url in bound_sets(line)}
    whole = {url for url in CODES.sets if url.startswith("http://hl7.org/fhir/ValueSet/")}
    for url in sorted(bound | whole):
        found = CODES.expand(url)
        if found is None:
            if url in bound:
                unknown.append(url)
            continue
        if not found or url not in bound and (not all(ours(system) for system in found) or "?" in found.values()):
            continue
        parts = [url]
        for system, codes in found.items():
            parts += ["@" + (system or ""), *(["*"] if codes is None else ["?"] if codes == "?" else codes)]
        assert not any("\t" in part for part in parts)
        rows.append("\t".join(parts))
    for system in sorted(CODES.used):
        rows.append("\t".join(["=" + system, *sorted({code for code, _ in CODES.all(system)[0]})]))
    write("codes.txt", "Value sets: url, @system, codes (* = all, ? = some); then =system, codes.", rows)
    print("not told by lists:", *unknown, sep="\n  ", file=sys.stderr)


if __name__ == "__main__":
    main()
