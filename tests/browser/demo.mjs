// A person with a real browser at the demo's app: connects it, logs in, approves, and looks at what it shows.
// Prints that as one line of JSON.
//
//   node demo.mjs '{"app": URL, "login": ..., "password": ..., "find"?: ..., "pictures"?: FOLDER, "packages": FOLDER}'
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const asked = JSON.parse(process.argv[2]);
const require = createRequire(join(asked.packages, 'node_modules', 'index.js'));
const { chromium } = require('playwright-core');
const browser = await chromium.launch({ executablePath: asked.chromium ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
const page = await (await browser.newContext({ viewport: { width: 1200, height: 900 } })).newPage();
const complaints = [];
page.on('console', (message) => { if (message.type() === 'error') complaints.push(message.text()); });
page.on('pageerror', (error) => complaints.push(String(error)));
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
    await page.goto(asked.app);
    await picture('app');
    await page.getByRole('button', { name: 'Connect' }).click();
    await page.waitForURL(/\/oauth\/login/);
    await page.fill('input[name=login]', asked.login);
    await page.fill('input[name=password]', asked.password);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.waitForURL(/\/oauth\/authorize\/continue/);
    if (asked.find) {
        await page.fill('input[name=q]', asked.find);
        await page.getByRole('button', { name: 'Find' }).click();
        await picture('found');
        await page.locator('form:has(input[name=patient]) button').first().click();
    }
    await page.getByRole('button', { name: 'Approve' }).waitFor();
    await picture('approval');
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.waitForSelector('table', { timeout: 30000 });
    await page.waitForFunction(() => document.querySelectorAll('h2').length === 4);
    await picture('record');
    const tables = await page.$$eval('h2', (heads) => heads.map((head) => {
        const next = head.nextElementSibling;
        return { title: head.textContent, rows: next.tagName === 'TABLE' ? next.rows.length - 1 : 0 };
    }));
    console.log(JSON.stringify({ says: await page.textContent('#says'), address: page.url(), tables, complaints }));
} catch (error) {
    console.log(JSON.stringify({ error: `${error}\n${page.url()}\n${await page.content()}`, complaints }));
    process.exitCode = 1;
} finally {
    await browser.close();
}
