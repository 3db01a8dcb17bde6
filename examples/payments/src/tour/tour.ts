import { mkdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { HaldaneClient } from '@haldane/client';
import { planText, recompute } from '@haldane/reports';
import { type Config, reportPaths, startStack } from '@haldane/standalone';
import { startSurroundings } from '../surroundings.ts';
import { tell, tellPlan, waiting } from './chapters.ts';
import type { Expected } from './expected.ts';
import { type Killed, killTheRunner } from './killed.ts';
import { startLoad } from './load.ts';
import type { Printer } from './printer.ts';
import { begin, exampleFile, type Underway } from './runs.ts';

export type TourOptions = { readonly config: Config; readonly once: boolean; readonly print: Printer; readonly signal: AbortSignal };

const builds = ['sound', 'flawed-jwks', 'flawed-alg', 'slow'] as const;

const expectations = {
  rehearsal: { verdict: 'inconclusive', because: /nothing (was )?found|no difference/i },
  sound: { verdict: 'resilient', held: 'yes', served: 'yes', noticed: 'yes' },
  flawedJwks: { verdict: 'vulnerable', stop: 'breach', held: 'no', noticed: 'no' },
  flawedAlg: { verdict: 'vulnerable', stop: 'breach', held: 'no' },
  slow: { verdict: 'vulnerable', stop: 'budget-spent', served: 'no' },
  /** Where the budget lies in parts, harm may be proven while they come together. */
  slowOnSeveral: { verdict: 'vulnerable', served: 'no' },
} as const satisfies Record<string, Expected>;

/** Shows what Haldane does, on this machine, with real processes and real traffic. True when each build got its expected verdict. */
export async function tour({ config, once, print, signal }: TourOptions): Promise<boolean> {
  const startedAt = Date.now();
  print.title('Haldane: would we survive this attack, and would we notice?');
  const port = await freePort();
  const alertToken = crypto.randomUUID();
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 });
  const surroundings = await waiting(
    print,
    () => 'starting an identity provider, two detectors, a database',
    startSurroundings({
      dataDir: join(config.dataDir, 'payments'),
      webhookUrl: (receiver) => `http://127.0.0.1:${port}/alerts/${receiver}?token=${alertToken}`,
    }),
  );
  const closing: (() => Promise<unknown>)[] = [() => surroundings.stop()];
  const results: boolean[] = [];
  try {
    const env = { ...config.env, ...surroundings.env };
    const stack = await startStack({ ...config, env, port, alertToken, ephemeral: once });
    closing.push(() => stack.stop());
    const client = new HaldaneClient(stack.access);
    const deployed = await waiting(
      print,
      () => 'starting the payments service, four builds of it',
      Promise.all(builds.map((build) => client.deploy(exampleFile(`${build}/service.yaml`)))),
    );
    /** Begins a run among users, who stay as long as it lasts: a small machine need not carry those whom nobody watches. */
    const among = async (build: (typeof builds)[number], experiment: string): Promise<Underway> => {
      signal.throwIfAborted();
      const { address, service } = deployed[builds.indexOf(build)] as (typeof deployed)[0];
      const output = join(config.dataDir, 'payments', `load-${build}-${experiment}.log`);
      const users = await startLoad(address, service, output, surroundings.env);
      closing.push(() => users.stop());
      const underway = await begin(client, `${build}/${experiment}.yaml`, signal);
      return { ...underway, ended: underway.ended.finally(() => users.stop()) };
    };
    print.text('Four builds of a payments service run behind their routes; 400 users send 200 requests a second to whatever is watched.');

    print.chapter('a', 'The plan: what would happen, before anything is touched');
    results.push(await tellPlan(print, client, exampleFile('sound/jwks.yaml'), planText));

    // Two at a time, as much as two processors carry: the sound build twice and then the slow one; meanwhile the others, and a Haldane to be killed.
    const rehearsal = among('sound', 'rehearsal');
    const sound = after(rehearsal, () => among('sound', 'jwks'));
    const flawedJwks = among('flawed-jwks', 'jwks');
    const flawedAlg = after(flawedJwks, () => among('flawed-alg', 'forged'));
    const slow = after(sound, () => among('slow', 'jwks'));
    const killed = flawedAlg.then(({ ended }) => ended).then(() => killTheRunner(config, surroundings.env, print, signal));
    // Whichever fails first is told; the others must not end the process meanwhile.
    for (const one of [sound, flawedJwks, flawedAlg, slow, killed]) one.catch(() => undefined);

    print.chapter('b', 'A rehearsal: the whole run without the harmful change');
    results.push(await tell(print, rehearsal, expectations.rehearsal));
    print.chapter('d', 'Builds with a flaw, meanwhile: one that fails open when the keys are away');
    results.push(await tell(print, flawedJwks, expectations.flawedJwks));
    print.chapter('d', "One that trusts the token's own word on how it was signed");
    results.push(await tell(print, flawedAlg, expectations.flawedAlg));
    print.chapter('c', 'The sound build: the keys go away');
    results.push(await tell(print, sound, expectations.sound));
    const several = (config.routers ?? 1) > 1;
    print.chapter('d', `One that holds, but fails users meanwhile: its error budget${several ? ', or the proof of harm,' : ''} ends it`);
    results.push(await tell(print, slow, several ? expectations.slowOnSeveral : expectations.slow));

    print.chapter('e', 'Kill -9 of the runner in the middle of a fault');
    results.push(tellKilled(print, await waiting(print, () => 'waiting for the lease to end', killed)));

    print.chapter('f', 'Nobody has to believe us');
    const paths = reportPaths(config.dataDir, (await sound).run.id);
    const again = recompute(await readFile(paths.json, 'utf8'));
    if (again.same)
      print.ok(`the verdict was judged again from the exported evidence alone: ${again.verdict.verdict}, the same number by number`);
    else print.bad('the verdict that was judged again differs from the stored one');
    results.push(again.same);
    print.text(`The report, with plots: ${paths.html}`);

    const asExpected = results.every(Boolean);
    print.title(asExpected ? `All as expected, after ${Math.round((Date.now() - startedAt) / 1000)} s.` : 'NOT ALL WAS AS EXPECTED:');
    for (const cross of print.crosses) print.text(cross);
    if (once || !asExpected) return asExpected;
    print.text(`Haldane goes on at ${stack.access.address}. Try next, in another terminal:`);
    print.text('  npx haldane run examples/payments/sound/forged.yaml');
    print.text('  npx haldane scenarios');
    print.text('and for a service of your own: docs/your-own-service.md. Ctrl-C ends it.');
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    return asExpected;
  } finally {
    for (const step of closing.reverse()) await step().catch((error: Error) => print.bad(`while stopping: ${error.message}`));
  }
}

/** The next run, once the one before it is over. */
async function after(before: Promise<Underway>, next: () => Promise<Underway>): Promise<Underway> {
  await (await before).ended;
  return next();
}

function tellKilled(print: Printer, killed: Killed): boolean {
  const ofTheRun = killed.atTheKill.filter((line) => !killed.before.includes(line));
  print.text(`When it was killed, ${ofTheRun.length} things of the run were there:`);
  for (const line of ofTheRun) print.text(`  ${line}`);
  const restored = killed.after.join('\n') === killed.before.join('\n');
  const say = (good: boolean, words: string) => (good ? print.ok(words) : print.bad(words));
  say(
    restored,
    restored
      ? `before = after, ${(killed.afterMs / 1000).toFixed(1)} s later, with nobody's help: ${killed.after.length} lines, all the same`
      : `after 30 s still there: ${killed.after.filter((line) => !killed.before.includes(line)).join('; ')}`,
  );
  say(
    killed.tidy && killed.journalOpen === 0,
    `a new Haldane took the run over (stop reason ${killed.stop}): journal entries not back: ${killed.journalOpen}`,
  );
  say(
    killed.leftovers.length === 0,
    `leftovers: ${killed.leftovers.length}${killed.leftovers.length > 0 ? ` (${killed.leftovers.join('; ')})` : ''}`,
  );
  return restored && killed.tidy && killed.journalOpen === 0 && killed.leftovers.length === 0;
}

/** A port that nothing listens on, so that the alert pipeline can be told where to post before the API is there. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
