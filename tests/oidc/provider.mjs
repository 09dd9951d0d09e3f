// An OpenID provider, npm's oidc-provider as it is published, with people of the test's. Prints its issuer when it listens, and takes
// other claims of somebody as lines of JSON on standard input ({"login": {...}}), each answered by a line.
//
//   node provider.mjs '{"clientId": ..., "clientSecret": ..., "redirectUri": ..., "people": {"login": {claims}}, "scopes": ...,
//                       "packages": FOLDER}'
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const asked = JSON.parse(process.argv[2]);
const require = createRequire(join(asked.packages, 'node_modules', 'index.js'));
const { default: Provider } = await import(pathToFileURL(require.resolve('oidc-provider')).href);

let provider;
const server = createServer((request, response) => provider.callback()(request, response));
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const issuer = `http://127.0.0.1:${server.address().port}`;
const names = new Set(Object.values(asked.people).flatMap(Object.keys));
provider = new Provider(issuer, {
    clients: [{
        client_id: asked.clientId,
        client_secret: asked.clientSecret,
        redirect_uris: [asked.redirectUri],
        response_types: ['code'],
        grant_types: ['authorization_code'],
    },
    // A program, and an app of people's, which get access tokens for the gateway.
    { client_id: 'job', client_secret: asked.clientSecret, redirect_uris: [], response_types: [], grant_types: ['client_credentials'] },
    { client_id: 'app', client_secret: asked.clientSecret, redirect_uris: ['https://app.example/callback'], response_types: ['code'], grant_types: ['authorization_code'] }],
    features: {
        clientCredentials: { enabled: true },
        resourceIndicators: {
            enabled: true,
            getResourceServerInfo: (_, resource) => ({ scope: asked.scopes, audience: resource, accessTokenTTL: 600, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } }),
            useGrantedResource: () => true,
        },
    },
    extraTokenClaims: (_, token) => (token.accountId ? asked.people[token.accountId] : undefined),
    // Whoever logs in by a name of the test's is that one.
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...asked.people[id] }) }),
    claims: { openid: ['sub', ...names] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
});
createInterface({ input: process.stdin }).on('line', (line) => {
    Object.assign(asked.people, JSON.parse(line));
    console.log('{}');
});
console.log(JSON.stringify({ issuer }));
