import { randomUUID } from 'node:crypto';
import { mkdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HaldaneClient } from '@haldane/client';
import { hasCode, messageOf, type Run, type ServiceRef } from '@haldane/core';
import { editDocument } from '@haldane/documents';
import { type BisectAnswer, firstBad } from '@haldane/judge';
import { withoutRepository } from '@haldane/pipelines';
import { bisectable } from './bisectable.ts';
import type { Ground } from './ground.ts';
import { prepared } from './prepared.ts';

export type BisectOptions = {
  readonly client: HaldaneClient;
  readonly ground: Ground;
  /** The experiment as it is written; every revision gets this one. */
  readonly experiment: string;
  /** What makes a revision ready to start, in its folder; null: nothing. */
  readonly prepare: string | null;
  /** Variables that manifests may name, and that `prepare` gets. */
  readonly env: Readonly<Record<string, string>>;
  /** Where revisions are laid out. */
  readonly dataDir: string;
  /** Shows a run to its end; throws when a person has stopped it. */
  readonly watch: (run: Run) => Promise<Run>;
  /** Ends what runs the revisions, and with it those that still run: before their folders go. */
  readonly stop: () => Promise<void>;
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

/**
 * Runs one experiment over revisions of a repository until it is known which of them brought the flaw in. Each is laid out in a folder of its own
 * and started as another environment of the service, where only Haldane's own requests reach it. A revision that cannot be started, or
 * whose run ends without an answer, says nothing.
 */
export async function bisect(options: BisectOptions): Promise<BisectFound> {
  const { ground, dataDir, stop, say, signal } = options;
  const { service, environment, line, from } = ground;
  const room: Room = { folder: join(dataDir, `revisions-${randomUUID().slice(0, 8)}`), laidOut: new Set() };
  const answers: BisectAnswer[] = [];
  const runs: BisectFound['runs'][number][] = [];
  const named = (at: number) => line[at] ?? '';
  try {
    await mkdir(room.folder, { recursive: true, mode: 0o700 });
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
    // What is known stands, also where something cannot be cleared away.
    await stop().catch((error: unknown) => say(`what ran the revisions could not be ended: ${messageOf(error)}`));
    await removed(room.folder).catch((error: unknown) => say(`${room.folder} could not be removed: ${messageOf(error)}`));
  }
}

/** Where revisions are laid out, each in a folder, and which of them are ready to start. */
type Room = { readonly folder: string; readonly laidOut: Set<string> };

async function runAt(revision: string, room: Room, options: BisectOptions): Promise<{ readonly run: Run | null; readonly why: string }> {
  const { client, experiment, watch, signal } = options;
  const unknown = (error: unknown) => ({ run: null, why: messageOf(error).split('\n').slice(0, 3).join(' ') });
  let manifest: string;
  try {
    manifest = await laidOut(revision, room, options);
  } catch (error) {
    signal.throwIfAborted();
    return unknown(error);
  }
  try {
    const file = join(room.folder, 'experiment.yaml');
    await writeFile(
      file,
      editDocument(experiment, [
        { at: ['service'], to: manifest },
        { at: ['exposure'], to: 'synthetic' },
        { at: ['slice'], to: undefined },
        // Alerts arrive elsewhere: here they would all be missed.
        { at: ['noticed'], to: undefined },
      ]),
    );
    await client.deploy(manifest);
    const run = await watch(await client.create({ file }));
    return { run, why: run.facts.verdict?.headline ?? run.stop?.why ?? 'it ended without a verdict' };
  } catch (error) {
    signal.throwIfAborted();
    // A revision that is not as it should be says nothing of the flaw; a Haldane that is not there says nothing of any revision.
    if (hasCode(error, 'internal') || hasCode(error, 'halted') || hasCode(error, 'unavailable')) throw error;
    return unknown(error);
  }
}

/** Lays a revision out once, made ready and as an environment of its own, and says where its manifest is. What a try leaves that fails is not taken for it. */
async function laidOut(revision: string, room: Room, { ground, prepare, env, signal }: BisectOptions): Promise<string> {
  const { repository } = ground;
  const folder = join(room.folder, revision.slice(0, 16));
  const manifest = join(folder, ground.manifest);
  if (room.laidOut.has(revision)) return manifest;
  await removed(folder);
  await repository.checkOut(revision, folder, signal);
  if (prepare !== null)
    await prepared(prepare, { cwd: folder, env: withoutRepository(env), log: join(room.folder, 'prepare.log') }, signal);
  // What the newest manifest may do says nothing of what an old one would.
  await bisectable(manifest, { top: await realpath(folder), repository: await realpath(repository.folder), env }, signal);
  await writeFile(
    manifest,
    editDocument(await readFile(manifest, 'utf8'), [
      { at: ['environment'], to: `${ground.environment}-bisect` },
      { at: ['deploy', 'revision'], to: revision },
      { at: ['route', 'port'], to: 0 },
      // What is live elsewhere is not what is started here.
      { at: ['pipeline'], to: undefined },
    ]),
  );
  room.laidOut.add(revision);
  return manifest;
}

/** Waits a little for processes that end and still write. */
function removed(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}

function answerOf({ facts }: Run): BisectAnswer['says'] {
  const { verdict } = facts;
  if (verdict?.verdict === 'vulnerable') return 'bad';
  // Nobody listens for alerts here, so that resilient is what held and what served.
  const isGood = verdict?.verdict === 'resilient' || (verdict?.held.mark === 'yes' && verdict.served.mark === 'yes');
  return isGood && verdict?.verdict !== 'invalid' ? 'good' : 'unknown';
}
