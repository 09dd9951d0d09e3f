"""The SMART team's fhirclient: Backend Services with an assertion that is signed by Authlib.

Takes one argument of JSON and prints one line of JSON: what it saw, for the test to judge.
"""

import json
import sys
import time

from authlib.oauth2.rfc7523 import private_key_jwt_sign
from fhirclient import client
from fhirclient import server as errors
from fhirclient.models.condition import Condition
from fhirclient.models.humanname import HumanName
from fhirclient.models.observation import Observation
from fhirclient.models.patient import Patient
from joserfc.jwk import RSAKey


def refused(call):
    """The name of the error that the client raises, and the status."""
    try:
        call()
    except (
        errors.FHIRUnauthorizedException,
        errors.FHIRPermissionDeniedException,
        errors.FHIRNotFoundException,
    ) as error:
        return [type(error).__name__, error.response.status_code]
    return None


def main(asked):
    who, scope = asked["by_key"]["RS384"]["id"], asked["scope"]
    assertion = private_key_jwt_sign(
        RSAKey.import_key(asked["keys"]["RS384"]["private"]),
        client_id=who,
        token_endpoint=asked["token_url"],
        alg="RS384",
        claims={"exp": int(time.time()) + 240},
        header={"kid": "rs384", "typ": "JWT"},
    )
    kept = {}
    settings = {"app_id": who, "api_base": asked["base"], "scope": scope, "jwt_token": assertion}
    smart = client.FHIRClient(settings=settings, save_func=kept.update)
    saw = {"ready_before": smart.prepare()}
    # It reads the whole CapabilityStatement by its own model of R4, and finds the endpoints nowhere else.
    saw["version"] = smart.server.capabilityStatement.fhirVersion
    saw["auth"] = [smart.server.auth.auth_type, smart.server.auth.state.get("token_uri")]
    # It asks for `launch/patient`, too, whatever the scopes are.
    smart.authorize()
    saw["ready"] = smart.ready
    saw["granted"] = [smart.launch_context["token_type"], smart.launch_context["scope"]]
    saw["replayed"] = refused(smart.authorize)

    patient = Patient.read("ada", smart.server)
    saw["read"] = [patient.id, smart.human_name(patient.name[0]), patient.birthDate.isostring]
    search = Observation.where({"patient": "ada", "_sort": "_id", "_count": "3"})
    pages = list(search.perform_iter(smart.server))
    saw["pages"] = [[entry.resource.id for entry in page.entry] for page in pages]
    saw["included"] = [
        found.resource_type
        for found in Observation.where({"_id": "o-1"}).include("subject").perform_resources_iter(smart.server)
    ]

    new = Patient()
    new.name = [HumanName({"family": "By fhirclient"})]
    created = new.create(smart.server)
    new = Patient.read(created["id"], smart.server)
    new.active = True
    saw["updated"] = new.update(smart.server)["meta"]["versionId"]
    new.delete(smart.server)
    saw["deleted"] = type(error_of(lambda: Patient.read(created["id"], smart.server))).__name__
    saw["missing"] = refused(lambda: Patient.read("nobody-here", smart.server))
    saw["other_type"] = refused(lambda: list(Condition.where({}).perform_resources_iter(smart.server)))

    # Another process that is given the state goes on with the token.
    restored = client.FHIRClient(state=json.loads(json.dumps(kept)), save_func=lambda state: None)
    saw["restored"] = [restored.ready, Patient.read("bob", restored.server).id]
    return saw


def error_of(call):
    try:
        call()
    except Exception as error:  # noqa: BLE001 - whichever it is, it is what was seen
        return error
    return None


print(json.dumps(main(json.loads(sys.argv[1]))))
