import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { HaldaneClient } from '@haldane/client';
import { parseReport, reports } from '@haldane/reports';
import { readConfig, startStack } from '@haldane/standalone';
import { chromium } from 'playwright-core';
import { after, test } from 'tap';
import { allowSeconds } from '../testing/allow-seconds.ts';
import { startRun } from '../testing/follow.ts';
import { openRoom } from '../testing/room.ts';
import { ask, serveKeys, writeTiny } from '../testing/tiny.ts';

const browserPath = process.env['LANE_CHROMIUM'] ?? '';

if (browserPath === '') {
  test(
    'the page of a real run in a real browser',
    { skip: 'LANE_CHROMIUM names no browser, such as /usr/bin/chromium' },
    async () => undefined,
  );
} else {
  allowSeconds(240);
  const room = await openRoom();
  after(() => room.leave());

  /** The JSON of a real run, with users and a fault. */
  async function realReport(): Promise<string> {
    const keys = await serveKeys();
    room.onLeave(() => keys.close());
    const env = { ...process.env, TINY_TOKEN: keys.token, KEYS_URL: keys.url };
    const config = { ...readConfig(env, join(room.folder, 'data')), databaseUrl: null, port: 0 };
    const stack = await startStack({ ...config, ephemeral: true });
    room.onLeave(() => stack.stop());
    const client = new HaldaneClient(stack.access);
    const files = await writeTiny(join(room.folder, 'tiny'));
    const users = ask((await client.deploy(files.manifest)).address, keys.token);
    const { id } = await (await startRun(client, files.experiment)).ended;
    await users.stop();
    return client.report(id, 'json');
  }

  test('the page of a real run: no script error, nothing from elsewhere, plots, both colour schemes, and room on a phone', async (t) => {
    const page = join(room.folder, 'report.html');
    await writeFile(page, reports.html(parseReport(await realReport())));
    // As root a browser has no sandbox to go into.
    const browser = await chromium.launch({ executablePath: browserPath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] });
    room.onLeave(() => browser.close());
    const backgrounds = new Set<string>();
    for (const colorScheme of ['light', 'dark'] as const)
      for (const viewport of [
        { width: 1280, height: 800 },
        { width: 375, height: 740 },
      ]) {
        const what = `${colorScheme}, ${viewport.width} wide`;
        const context = await browser.newContext({ colorScheme, viewport });
        const tab = await context.newPage();
        const errors: string[] = [];
        const requests: string[] = [];
        tab.on('pageerror', (error) => errors.push(error.message));
        tab.on('console', (message) => {
          if (message.type() === 'error' || message.type() === 'warning') errors.push(message.text());
        });
        tab.on('request', (request) => requests.push(request.url()));
        await tab.goto(pathToFileURL(page).href, { waitUntil: 'load' });
        t.same(errors, [], `${what}: no error`);
        t.same(
          requests.filter((url) => !url.startsWith('data:')),
          [pathToFileURL(page).href],
          `${what}: nothing is asked of anybody`,
        );
        const seen = await tab.evaluate(() => {
          // This runs in the page.
          const { document, getComputedStyle } = globalThis as unknown as {
            document: {
              body: object & { innerText: string };
              documentElement: { scrollWidth: number; clientWidth: number };
              querySelectorAll(what: string): ArrayLike<{ innerText: string; getBoundingClientRect(): { width: number; height: number } }>;
              createRange(): { selectNodeContents(node: object): void; getClientRects(): ArrayLike<unknown> };
            };
            getComputedStyle(element: object): { backgroundColor: string; color: string };
          };
          const { backgroundColor, color } = getComputedStyle(document.body);
          const plots = Array.from(document.querySelectorAll('svg'), (one) => one.getBoundingClientRect());
          const { scrollWidth, clientWidth } = document.documentElement;
          return {
            text: document.body.innerText,
            backgroundColor,
            color,
            plots: plots.filter(({ width, height }) => width > 100 && height > 40).length,
            marks: document.querySelectorAll('svg path, svg line, svg polyline').length,
            tooWide: scrollWidth - clientWidth,
            broken: Array.from(document.querySelectorAll('td'))
              .filter((cell) => {
                const range = document.createRange();
                range.selectNodeContents(cell);
                return /^([\d.]+|reverted)$/.test(cell.innerText) && range.getClientRects().length > 1;
              })
              .map((cell) => cell.innerText),
          };
        });
        t.ok(seen.plots >= 2 && seen.marks > 10, `${what}: ${seen.plots} plots with ${seen.marks} lines`);
        t.ok(seen.tooWide <= 0, `${what}: it fits (${seen.tooWide} px too wide)`);
        t.same(seen.broken, [], `${what}: no number and no state is broken into lines`);
        t.not(seen.backgroundColor, seen.color, `${what}: it can be read`);
        t.match(seen.text, /tiny/);
        backgrounds.add(seen.backgroundColor);
        await context.close();
      }
    t.equal(backgrounds.size, 2, 'the dark scheme is another than the light one');
  });

  test('nothing that was started here is still running', async (t) => {
    t.same(await room.leave(), []);
  });
}
