"""Authlib's OAuth2Session: secrets in both places, and keys by Backend Services.

Takes one argument of JSON and prints one line of JSON: what it saw, for the test to judge.
"""

import json
import sys
import time

from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from joserfc.jwk import ECKey, RSAKey

KINDS = {"RS384": (RSAKey, 2048), "ES384": (ECKey, "P-384")}


def make():
    """A pair of keys for each algorithm."""
    made = {}
    for algorithm, (kind, size) in KINDS.items():
        key = kind.generate_key(size, {"kid": algorithm.lower(), "use": "sig", "alg": algorithm})
        made[algorithm] = {"private": key.as_dict(private=True), "public": {"keys": [key.as_dict(private=False)]}}
    return made


def session(client, asked, **more):
    return OAuth2Session(client["id"], client.get("secret"), scope=asked["scope"], **more)


def fetched(session, url):
    """A token's answer without the token, or why there was none."""
    try:
        token = session.fetch_token(url, grant_type="client_credentials")
    except OAuthError as error:
        return {"error": error.error, "described": bool(error.description)}
    return {"type": token["token_type"], "scope": token["scope"], "expires_in": token["expires_in"]}


def pages(session, url):
    """The ids on all pages of a search."""
    ids, count = [], 0
    while url:
        answer = session.get(url)
        answer.raise_for_status()
        bundle = answer.json()
        ids += [entry["resource"]["id"] for entry in bundle.get("entry", [])]
        url = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)
        count += 1
    return {"ids": ids, "pages": count}


def requests(session, base):
    """What the token opens and what it does not."""
    refused = session.get(f"{base}/Condition")
    new = {"resourceType": "Patient", "name": [{"family": "By Authlib"}]}
    written = session.post(f"{base}/Patient", json=new, headers={"Content-Type": "application/fhir+json"})
    forbidden = session.post(f"{base}/Observation", json={"resourceType": "Observation"})
    return {
        "read": session.get(f"{base}/Patient/ada").json().get("id"),
        "search": pages(session, f"{base}/Observation?patient=ada&_sort=_id&_count=3"),
        "refused": [refused.status_code, refused.headers.get("WWW-Authenticate")],
        "created": [written.status_code, written.headers.get("Location")],
        "not_created": forbidden.status_code,
    }


def by_secret(asked, method):
    url = asked["token_url"]
    client = session(
        asked["by_secret"], asked, token_endpoint_auth_method=method, revocation_endpoint_auth_method=method
    )
    saw = {"token": fetched(client, url)} | requests(client, asked["base"])
    token = client.token["access_token"]
    saw["introspected"] = client.introspect_token(asked["introspect_url"], token=token).json()
    saw["revoked"] = client.revoke_token(asked["revoke_url"], token=token).status_code
    saw["after"] = client.get(f"{asked['base']}/Patient/ada").status_code
    saw["introspected_after"] = client.introspect_token(asked["introspect_url"], token=token).json()
    wrong = dict(asked["by_secret"], secret="fgs_wrong")
    saw["wrong_secret"] = fetched(session(wrong, asked, token_endpoint_auth_method=method), url)
    return saw


def renewed(asked):
    """A session that takes each token for a stale one, and gets another by itself before each request."""
    url = asked["token_url"]
    more = {"token_endpoint": url, "grant_type": "client_credentials", "leeway": 400}
    client = session(asked["by_secret"], asked, **more)
    fetched(client, url)
    before = client.token["access_token"]
    status = client.get(f"{asked['base']}/Patient/ada").status_code
    return {"status": status, "another": client.token["access_token"] != before, "scope": client.token["scope"]}


def by_key(asked, algorithm):
    url, client = asked["token_url"], asked["by_key"][algorithm]
    keys = asked["keys"]

    def signing(key, **claims):
        kind = KINDS[key][0]
        headers = {"kid": key.lower(), "typ": "JWT"}
        client_auth = PrivateKeyJWT(url, claims=claims, headers=headers, alg=key)
        signed = OAuth2Session(
            client["id"],
            kind.import_key(keys[key]["private"]),
            scope=asked["scope"],
            token_endpoint_auth_method="private_key_jwt",
        )
        signed.register_client_auth_method(client_auth)
        return signed

    soon = int(time.time()) + 240
    first = signing(algorithm, exp=soon)
    saw = {"token": fetched(first, url)} | requests(first, asked["base"])
    # The same object signs the same `jti` again.
    saw["replayed"] = fetched(first, url)
    saw["another"] = fetched(signing(algorithm, exp=soon), url)
    saw["an_hour"] = fetched(signing(algorithm), url)
    other = next(name for name in KINDS if name != algorithm)
    saw["anothers_key"] = fetched(signing(other, exp=soon), url)
    return saw


def metadata(asked):
    """What Authlib's own rules say of the server's metadata (RFC 8414)."""
    with OAuth2Session() as plain:
        found = plain.get(asked["metadata_url"], withhold_token=True).json()
    said = AuthorizationServerMetadata(found)
    # A server of tests is not served by https.
    left_out = {"issuer"}
    # What is said of people's logins is held to the rules as soon as they have an endpoint.
    if "authorization_endpoint" not in found:
        left_out |= {"authorization_endpoint", "response_types_supported"}
    else:
        left_out |= {name for name in AuthorizationServerMetadata.REGISTRY_KEYS if str(found.get(name)).startswith("http:")}
    for name in AuthorizationServerMetadata.REGISTRY_KEYS:
        if name not in left_out:
            getattr(said, f"validate_{name}")()
    return {"token_endpoint": found["token_endpoint"], "issuer": found["issuer"]}


def main(asked):
    if asked.get("make"):
        return make()
    saw = {method: by_secret(asked, method) for method in ("client_secret_basic", "client_secret_post")}
    saw |= {algorithm: by_key(asked, algorithm) for algorithm in KINDS}
    saw["renewed"] = renewed(asked)
    saw["metadata"] = metadata(asked)
    return saw


print(json.dumps(main(json.loads(sys.argv[1]))))
