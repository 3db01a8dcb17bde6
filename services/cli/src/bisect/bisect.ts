import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HaldaneClient } from '@haldane/client';
import { HaldaneError, hasCode, messageOf, type Run, type ServiceRef } from '@haldane/core';
import { editDocument } from '@haldane/documents';
import { type BisectAnswer, firstBad } from '@haldane/judge';
import type { Ground } from './ground.ts';

export type BisectOptions = {
  readonly client: HaldaneClient;
  readonly ground: Ground;
  /** The experiment as it is written; every revision gets this one. */
  readonly experiment: string;
  /** What makes a revision ready to start, in its folder; null: nothing. */
  readonly prepare: string | null;
  /** Where revisions are laid out. */
  readonly dataDir: string;
  /** Shows a run to its end; throws when a person has stopped it. */
  readonly watch: (run: Run) => Promise<Run>;
  readonly say: (words: string) => void;
  readonly signal: AbortSignal;
};

/** `first`: null when it is only known that the flaw came in after `after`, and with `until` at the latest. */
export type BisectFound = ServiceRef & {
  readonly first: string | null;
  readonly after: string;
  readonly until: string;
  readonly why: string;
  readonly runs: readonly {
    readonly revision: string;
    readonly runId: string | null;
    readonly says: BisectAnswer['says'];
    readonly why: string;
  }[];
};

const prepareWithinMs = 600_000;

/**
 * Runs one experiment over revisions of a repository until it is known which of them brought the flaw in. Each is laid out in a folder of its own
 * and started as another environment of the service, where only Haldane's own requests reach it. A revision that cannot be started, or
 * whose run ends without an answer, says nothing.
 */
export async function bisect(options: BisectOptions): Promise<BisectFound> {
  const { ground, dataDir, say, signal } = options;
  const { service, environment, line, from } = ground;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const room = await mkdtemp(join(dataDir, 'revisions-'));
  const answers: BisectAnswer[] = [];
  const runs: BisectFound['runs'][number][] = [];
  const named = (at: number) => line[at] ?? '';
  try {
    for (;;) {
      signal.throwIfAborted();
      const step = firstBad(line.length - 1, from, answers);
      if (step.do === 'end') {
        const { first, after, until, why } = step;
        return { service, environment, first: first === null ? null : named(first), after: named(after), until: named(until), why, runs };
      }
      say(`${named(step.at)}  ${await ground.repository.subject(named(step.at), signal)}`);
      const { run, why } = await runAt(named(step.at), room, options);
      const says = run === null ? 'unknown' : answerOf(run);
      answers.push({ at: step.at, says, proven: run?.facts.verdict?.record.strength === 'block' });
      runs.push({ revision: named(step.at), runId: run?.id ?? null, says, why });
      say(`  ${says}: ${why}`);
    }
  } finally {
    await rm(room, { recursive: true, force: true });
  }
}

async function runAt(
  revision: string,
  room: string,
  { client, ground, experiment, prepare, watch, signal }: BisectOptions,
): Promise<{ readonly run: Run | null; readonly why: string }> {
  const folder = join(room, revision.slice(0, 16));
  const files = { manifest: join(folder, ground.manifest), experiment: join(room, 'experiment.yaml') };
  try {
    if (await isNew(folder)) {
      await ground.repository.checkOut(revision, folder, signal);
      if (prepare !== null) await prepared(prepare, folder, signal);
      await writeFile(
        files.manifest,
        editDocument(await readFile(files.manifest, 'utf8'), [
          { at: ['environment'], to: `${ground.environment}-bisect` },
          { at: ['deploy', 'revision'], to: revision },
          { at: ['route', 'port'], to: 0 },
          // What is live elsewhere is not what is started here.
          { at: ['pipeline'], to: undefined },
        ]),
      );
    }
    await writeFile(
      files.experiment,
      editDocument(experiment, [
        { at: ['service'], to: files.manifest },
        { at: ['exposure'], to: 'synthetic' },
        { at: ['slice'], to: undefined },
        // Alerts arrive elsewhere: here they would all be missed.
        { at: ['noticed'], to: undefined },
      ]),
    );
    await client.deploy(files.manifest);
    const run = await watch(await client.create({ file: files.experiment }));
    return { run, why: run.facts.verdict?.headline ?? run.stop?.why ?? 'it ended without a verdict' };
  } catch (error) {
    signal.throwIfAborted();
    // A revision that is not as it should be says nothing of the flaw; a Haldane that is not there says nothing of any revision.
    if (hasCode(error, 'internal') || hasCode(error, 'halted') || hasCode(error, 'unavailable')) throw error;
    return { run: null, why: messageOf(error).split('\n').slice(0, 3).join(' ') };
  }
}

function answerOf({ facts }: Run): BisectAnswer['says'] {
  const { verdict } = facts;
  if (verdict?.verdict === 'vulnerable') return 'bad';
  // Nobody listens for alerts here, so that resilient is what held and what served.
  const isGood = verdict?.verdict === 'resilient' || (verdict?.held.mark === 'yes' && verdict.served.mark === 'yes');
  return isGood && verdict?.verdict !== 'invalid' ? 'good' : 'unknown';
}

async function isNew(folder: string): Promise<boolean> {
  try {
    await mkdir(folder);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Runs what a person gave as a command, in the revision's folder. Throws `not-healthy` with the end of what it said. */
function prepared(command: string, cwd: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile('/bin/sh', ['-c', command], { cwd, signal, timeout: prepareWithinMs, maxBuffer: 64 * 1024 * 1024 }, (error, out, err) => {
      if (error === null) return resolve();
      const said = `${out}${err}`.trim().split('\n').slice(-2).join(' ');
      reject(new HaldaneError('not-healthy', `--prepare failed: ${said.slice(-300) || messageOf(error)}`, { cause: error }));
    });
  });
}
