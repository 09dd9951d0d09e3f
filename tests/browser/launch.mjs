// A person with a real browser and an app made with npm's fhirclient as it is published: it begins, the person logs in, chooses and
// approves on the gateway's own pages, and the app reads. Prints what the app saw as one line of JSON.
//
//   node launch.mjs '{"iss": ..., "clientId": ..., "clientSecret"?: ..., "scope": ..., "port": ..., "login": ..., "password": ...,
//                     "provider"?: NAME, "find"?: ..., "patient"?: ..., "launch"?: ..., "pictures"?: FOLDER, "packages": FOLDER}'
import { createServer } from 'node:http';
import { readFileSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const asked = JSON.parse(process.argv[2]);
const require = createRequire(join(asked.packages, 'node_modules', 'index.js'));
const { chromium } = require('playwright-core');
const library = readFileSync(join(asked.packages, 'node_modules/fhirclient/build/fhir-client.js'));
const origin = `http://127.0.0.1:${asked.port}`;

const begin = { clientId: asked.clientId, clientSecret: asked.clientSecret, scope: asked.scope, redirectUri: `${origin}/app`, completeInTarget: true };
const pages = {
    '/begin': `FHIR.oauth2.authorize(${JSON.stringify({ ...begin, iss: asked.iss })})`,
    // An EHR opens the app with iss and launch in its address.
    '/launch': `FHIR.oauth2.authorize(${JSON.stringify(begin)})`,
    '/app': `(async () => {
        try {
            const client = await FHIR.oauth2.ready();
            const seen = { state: client.state.tokenResponse, patient: client.patient.id, user: client.user?.fhirUser };
            if (client.patient.id) seen.read = await client.patient.read();
            seen.observations = await client.request('Observation?_count=100', { pageLimit: 0, flat: true });
            if (client.state.tokenResponse.refresh_token) {
                await client.refresh();
                seen.refreshed = client.state.tokenResponse;
                seen.again = await client.request('Observation?_count=1', { flat: true });
            }
            document.body.innerHTML = '<pre id="seen"></pre>';
            document.getElementById('seen').textContent = JSON.stringify(seen);
        } catch (error) {
            document.body.innerHTML = '<pre id="seen"></pre>';
            document.getElementById('seen').textContent = JSON.stringify({ error: String(error) });
        }
    })()`,
};

const server = createServer((request, response) => {
    const path = new URL(request.url, origin).pathname;
    if (path === '/fhir-client.js') {
        response.setHeader('Content-Type', 'text/javascript');
        response.end(library);
    } else if (pages[path]) {
        response.setHeader('Content-Type', 'text/html');
        response.end(`<!doctype html><title>app</title><body><script src="/fhir-client.js"></script><script>${pages[path]}</script>`);
    } else {
        response.statusCode = path === '/favicon.ico' ? 204 : 404;
        response.end();
    }
});
await new Promise((done) => server.listen(asked.port, '127.0.0.1', done));

const browser = await chromium.launch({ executablePath: asked.chromium ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
const context = await browser.newContext({ viewport: { width: asked.width ?? 1200, height: 900 }, javaScriptEnabled: true });
const page = await context.newPage();
const complaints = [];
// What the pages of an outside provider complain of is theirs.
const ours = () => [origin, new URL(asked.iss).origin].some((known) => page.url().startsWith(known));
page.on('console', (message) => { if (message.type() === 'error' && ours()) complaints.push(message.text()); });
let number = 0;
async function picture(name) {
    if (!asked.pictures) return;
    mkdirSync(asked.pictures, { recursive: true });
    number += 1;
    for (const width of [360, 1200]) {
        await page.setViewportSize({ width, height: 900 });
        await page.screenshot({ path: join(asked.pictures, `${number}-${name}-${width}.png`), fullPage: true });
    }
}

try {
    const start = asked.launch ? `${origin}/launch?iss=${encodeURIComponent(asked.iss)}&launch=${asked.launch}` : `${origin}/begin`;
    await page.goto(start);
    await page.waitForURL(/\/oauth\/login/);
    await picture('login');
    if (asked.provider) {
        // npm's oidc-provider: a login, then a consent.
        await page.getByRole('link', { name: `Log in with ${asked.provider}` }).click();
        await page.fill('input[name=login]', asked.login);
        await page.fill('input[name=password]', asked.password);
        await page.getByRole('button', { name: 'Sign-in' }).click();
        await page.getByRole('button', { name: 'Continue' }).click();
    } else {
        await page.fill('input[name=login]', asked.login);
        await page.fill('input[name=password]', asked.password);
        await page.getByRole('button', { name: 'Log in' }).click();
    }
    await page.waitForURL(/\/oauth\/authorize\/continue/);
    if (asked.find) {
        await page.fill('input[name=q]', asked.find);
        await picture('picker');
        await page.getByRole('button', { name: 'Find' }).click();
        await picture('found');
        await page.getByRole('button', { name: new RegExp(asked.patient) }).click();
    }
    await page.getByRole('button', { name: 'Approve' }).waitFor();
    await picture('approval');
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.waitForSelector('#seen', { timeout: 30000 });
    const seen = JSON.parse(await page.textContent('#seen'));
    await page.goto(new URL('/oauth/manage', asked.iss).href);
    await picture('manage');
    console.log(JSON.stringify({ ...seen, complaints }));
} catch (error) {
    console.log(JSON.stringify({ error: `${error}\n${page.url()}\n${await page.content()}`, complaints }));
    process.exitCode = 1;
} finally {
    await browser.close();
    server.close();
}
