"""The SMART team's fhirclient as an app that a patient uses: what it does before the browser goes to the gateway, and after it came back.

Takes one argument of JSON and prints one line of JSON. Between the two the app keeps its state, as a web server does in a session.
"""

import json
import sys

from fhirclient import client
from fhirclient import server as errors
from fhirclient.models.observation import Observation
from fhirclient.models.patient import Patient


def begin(asked):
    kept = {}
    settings = {
        "app_id": asked["id"],
        "app_secret": asked.get("secret"),
        "api_base": asked["base"],
        "redirect_uri": asked["redirect"],
        "scope": asked["scope"],
    }
    smart = client.FHIRClient(settings=settings, save_func=kept.update)
    before = smart.prepare()
    url = smart.authorize_url
    smart.save_state()
    return {"ready": before, "url": url, "state": kept}


def finish(asked):
    kept = {}
    smart = client.FHIRClient(state=asked["state"], save_func=kept.update)
    smart.handle_callback(asked["callback"])
    context = smart.launch_context
    saw = {"ready": smart.ready, "granted": context["scope"], "context": smart.patient_id, "id_token": "id_token" in context}
    saw["patient"] = [smart.patient.id, smart.human_name(smart.patient.name[0])]
    found = Observation.where({"_sort": "_id"}).perform_resources(smart.server)
    saw["observations"] = [observation.id for observation in found]
    try:
        Patient.read(asked["other"], smart.server)
        saw["other"] = "read"
    except (errors.FHIRNotFoundException, errors.FHIRPermissionDeniedException) as error:
        saw["other"] = type(error).__name__

    before = smart.server.auth.access_token
    saw["refreshed"] = smart.reauthorize() and smart.server.auth.access_token != before
    saw["again"] = Patient.read(smart.patient_id, smart.server).id
    # The code was used: all that came of it ends, and the client says that it is not let in.
    try:
        smart.handle_callback(asked["callback"])
        saw["replayed"] = "taken"
    except Exception as error:  # noqa: BLE001 - whichever it is, it is what was seen
        saw["replayed"] = getattr(getattr(error, "response", None), "status_code", None)
    return saw


asked = json.loads(sys.argv[1])
print(json.dumps(begin(asked) if asked["step"] == "begin" else finish(asked)))
