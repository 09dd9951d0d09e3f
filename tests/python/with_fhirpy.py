"""fhirpy's two clients, with a token that Authlib got for them.

Takes one argument of JSON and prints one line of JSON: what each of them saw, for the test to judge.
"""

import asyncio
import inspect
import json
import sys

from authlib.integrations.requests_client import OAuth2Session
from fhirpy import AsyncFHIRClient, SyncFHIRClient
from fhirpy.base.exceptions import BaseFHIRError, OperationOutcome


async def done(answer):
    """What a call of either client gives."""
    return await answer if inspect.isawaitable(answer) else answer


async def refused(call):
    """The name of the error that the client raises, and what it was told."""
    try:
        await done(call())
    except OperationOutcome as error:
        issue = error.resource["issue"][0]
        return {"error": "OperationOutcome", "code": issue["code"], "places": issue.get("expression", [])}
    except BaseFHIRError as error:
        outcome = json.loads(str(error))
        return {"error": type(error).__name__, "code": outcome["issue"][0]["code"]}
    return {"error": None}


async def play(kind, asked, token):
    def client(authorization=f"Bearer {token}", **more):
        return kind(asked["base"], authorization=authorization, **more)

    fhir, name = client(), kind.__name__
    saw = {"read": (await done(fhir.reference("Patient", "ada").to_resource())).id}

    observations = fhir.resources("Observation").search(patient="ada").sort("_id")
    saw["all"] = [one.id for one in await done(observations.limit(3).fetch_all())]
    saw["page"] = [one.id for one in await done(observations.limit(3).fetch())]
    saw["first"] = (await done(observations.first())).id
    included = await done(observations.limit(1).include("Observation", "subject").fetch_raw())
    saw["included"] = [entry.resource.resource_type for entry in included.entry]
    saw["found"] = (await done(fhir.resources("Patient").search(identifier="urn:example:mrn|mrn-bob").get())).id
    # The client counts by a parameter of another product's.
    saw["count_strict"] = await refused(observations.count)
    lenient = client(extra_headers={"Prefer": "handling=lenient"})
    saw["count"] = await done(lenient.resources("Observation").search(patient="ada").count())

    mrn = {"system": "urn:example:mrn", "value": f"{name}-1"}
    new = fhir.resource("Patient", identifier=[mrn], name=[{"family": "By fhirpy"}], birthDate="1974-12-25")
    saw["valid"] = await done(new.is_valid())
    await done(new.save())
    saw["created"] = [bool(new.id), new["meta"]["versionId"], new["birthDate"]]
    # It sends a version without the quotes of an ETag.
    await done(new.refresh())
    saw["unchanged"] = new["meta"]["versionId"]
    other = await done(fhir.resources("Patient").search(_id=new.id).get())
    other["birthDate"] = "1974-12-26"
    await done(other.update())
    await done(new.refresh())
    saw["changed"] = [new["meta"]["versionId"], new["birthDate"]]
    by_number = fhir.resources("Patient").search(identifier=f"{mrn['system']}|{mrn['value']}")
    again = fhir.resource("Patient", identifier=[mrn], name=[{"family": "Again"}])
    updated, was_created = await done(by_number.update(again))
    saw["conditional_update"] = [updated.id == new.id, was_created, updated["name"][0]["family"]]
    # A patch of neither of FHIR's kinds.
    saw["patch"] = await refused(lambda: new.patch(active=False))
    await done(updated.delete())
    saw["deleted"] = await refused(lambda: fhir.get("Patient", updated.id))

    saw["other_type"] = await refused(fhir.resources("Condition").fetch_all)
    code, subject = {"text": "x"}, {"reference": "Patient/ada"}
    observation = fhir.resource("Observation", status="final", code=code, subject=subject)
    saw["other_create"] = await refused(observation.save)
    saw["nobody"] = await refused(lambda: client(authorization="Bearer wrong").get("Patient", "ada"))
    return saw


async def main(asked):
    client = asked["by_secret"]
    with OAuth2Session(client["id"], client["secret"], scope=asked["scope"]) as session:
        token = session.fetch_token(asked["token_url"], grant_type="client_credentials")["access_token"]
    return {kind.__name__: await play(kind, asked, token) for kind in (AsyncFHIRClient, SyncFHIRClient)}


print(json.dumps(asyncio.run(main(json.loads(sys.argv[1])))))
