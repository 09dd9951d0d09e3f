// SMART App Launch, standalone, by hand: what a library such as fhirclient does, in the order in which it happens.
'use strict';

const { fhir, client, scope } = document.documentElement.dataset;
const redirect = location.origin + '/';
const says = document.getElementById('says');
const record = document.getElementById('record');

function tell(text, isWrong) {
    says.textContent = text;
    says.className = isWrong ? 'wrong' : '';
}

// The address says who does what: both are in what every SMART server publishes.
async function endpoints() {
    const answer = await fetch(fhir + '/.well-known/smart-configuration', { headers: { Accept: 'application/json' } });
    if (!answer.ok) throw new Error('the clinic does not say how to connect (' + answer.status + ')');
    return answer.json();
}

function base64url(bytes) {
    return btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

// To the clinic's own pages, with a challenge of which this tab alone has the verifier.
async function connect() {
    const verifier = base64url(crypto.getRandomValues(new Uint8Array(48)));
    const state = base64url(crypto.getRandomValues(new Uint8Array(16)));
    sessionStorage.setItem('pending', JSON.stringify({ verifier, state }));
    const challenge = base64url(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier)));
    const { authorization_endpoint } = await endpoints();
    location.assign(authorization_endpoint + '?' + new URLSearchParams({
        response_type: 'code', client_id: client, redirect_uri: redirect, scope, state, aud: fhir,
        code_challenge: challenge, code_challenge_method: 'S256',
    }));
}

// Back from there: the code becomes a token.
async function finish(query) {
    const pending = JSON.parse(sessionStorage.getItem('pending') ?? 'null');
    sessionStorage.removeItem('pending');
    history.replaceState(null, '', '/');
    if (!pending || query.get('state') !== pending.state) throw new Error('this is not what the app began: connect again');
    if (query.has('error')) throw new Error('the clinic says: ' + (query.get('error_description') ?? query.get('error')));
    const { token_endpoint } = await endpoints();
    const answer = await fetch(token_endpoint, {
        method: 'POST',
        body: new URLSearchParams({
            grant_type: 'authorization_code', code: query.get('code'), redirect_uri: redirect, client_id: client,
            code_verifier: pending.verifier,
        }),
    });
    const token = await answer.json();
    if (!answer.ok) throw new Error('the clinic says: ' + (token.error_description ?? token.error));
    return token;
}

async function read(token, path) {
    const headers = { Accept: 'application/fhir+json', Authorization: 'Bearer ' + token.access_token };
    const answer = await fetch(fhir + '/' + path, { headers });
    const resource = await answer.json();
    if (!answer.ok) throw new Error(path.split('?')[0] + ': ' + (resource.issue?.[0]?.details?.text ?? answer.status));
    return resource;
}

const word = (concept) => concept?.text ?? concept?.coding?.[0]?.display ?? concept?.coding?.[0]?.code ?? '';
const day = (text) => (text ?? '').slice(0, 10);

function measured(observation) {
    const one = (part) => {
        const { value, unit } = part.valueQuantity ?? { value: part.valueInteger };
        return value === undefined ? part.valueString ?? word(part.valueCodeableConcept) : [value, unit].join(' ');
    };
    return (observation.component ?? [observation]).map(one).join(' / ');
}

function element(name, text) {
    const made = document.createElement(name);
    made.textContent = text;
    return made;
}

function table(title, heads, rows) {
    record.append(element('h2', title));
    if (rows.length === 0) {
        record.append(element('p', 'Nothing is there, or nothing that you let this app see.'));
        return;
    }
    const made = document.createElement('table');
    for (const [cells, kind] of [[heads, 'th'], ...rows.map((row) => [row, 'td'])]) {
        const row = made.insertRow();
        row.append(...cells.map((cell) => element(kind, cell)));
    }
    record.append(made);
}

async function show(token) {
    const patient = await read(token, 'Patient/' + token.patient);
    const name = patient.name?.[0] ?? {};
    tell('Connected to the record of ' + [...(name.given ?? []), name.family].join(' ') + ', born ' + patient.birthDate + '.');
    table('What the clinic granted', ['Scope'], token.scope.split(' ').map((one) => [one]));
    const about = 'patient=' + encodeURIComponent(token.patient) + '&_count=10';
    const parts = [
        ['Medications', 'MedicationRequest?' + about, ['Medication', 'Status', 'Since'],
            (one) => [word(one.medicationCodeableConcept) || one.medicationReference?.display || '', one.status, day(one.authoredOn)]],
        ['Latest results', 'Observation?' + about + '&_sort=-date', ['What', 'Value', 'When'],
            (one) => [word(one.code), measured(one), day(one.effectiveDateTime)]],
        ['Conditions', 'Condition?' + about, ['Condition', 'Status', 'Since'],
            (one) => [word(one.code), word(one.clinicalStatus), day(one.onsetDateTime ?? one.recordedDate)]],
    ];
    for (const [title, path, heads, row] of parts) {
        // What the person switched off on the approval page is refused, and that is all that the app learns.
        const found = await read(token, path).catch(() => ({}));
        const rows = (found.entry ?? []).filter((entry) => entry.search?.mode === 'match').map((entry) => row(entry.resource));
        table(title, heads, rows);
    }
    document.getElementById('connect').textContent = 'Connect again';
}

document.getElementById('connect').addEventListener('click', () => {
    connect().catch((error) => tell(error.message, true));
});
const query = new URLSearchParams(location.search);
if (query.has('code') || query.has('error')) {
    tell('Connecting…');
    finish(query).then(show).catch((error) => tell(error.message, true));
}
