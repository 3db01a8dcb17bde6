import type { NewStage, StageView } from '@haldane/client';
import { HaldaneError, type HeldDeploy, type Run } from '@haldane/core';
import type { Caller } from '../access/caller.ts';
import { mayReach, readable, requireRun, requireService } from '../access/reach.ts';
import type { Handler } from '../ask.ts';
import type { Desk, Permit, WantedRun } from '../desk.ts';
import { linkToNext } from '../link.ts';
import type { runOperations } from '../operations/run-operations.ts';
import { askedOf, chosenStageView, progressOf, stageView } from '../stage-view.ts';
import { stream } from '../stream.ts';

const contentTypes = {
  terminal: 'text/plain',
  markdown: 'text/markdown',
  html: 'text/html',
  json: 'application/json',
  junit: 'application/xml',
} as const;

export const runHandlers = {
  planExperiment: async ({ desk, body, permit }) => desk.plan(body.file, permit, body.find),

  createRun: async ({ desk, caller, body, permit }) => begin(desk, caller, body, permit),

  beginStage: async ({ desk, caller, params, body, permit }) => {
    const held = await desk.store.deploys.stage(params.ref);
    if (held !== null) {
      await requireService(desk, caller, 'run', askedOf(held));
      return viewOf(desk, held);
    }
    const { file, experiments, unattended, fault } = body;
    if ((file === undefined) === (experiments === undefined))
      throw new HaldaneError('bad-request', 'body: give file, the one experiment to run, or experiments, those to choose among');
    if (file !== undefined || (await desk.store.runs.find(params.ref)) !== null) {
      const wanted = { ...(unattended === undefined ? {} : { unattended }), ...(fault === undefined ? {} : { fault }) };
      return stageView(await begin(desk, caller, { ...wanted, file: file ?? '', key: params.ref }, permit));
    }
    return viewOf(desk, await desk.hold({ ...chosenBy(params.ref, body), by: caller.token.subject }, permit));
  },

  getStage: async ({ desk, run, stage, params }) => {
    if (stage !== null) {
      await desk.store.deploys.stageAttended((params as { ref?: string }).ref ?? '');
      return viewOf(desk, stage);
    }
    if (run === null) throw new HaldaneError('internal', 'a stage was found that is neither');
    await desk.store.runs.attended(run.id);
    return stageView(run);
  },

  abortStage: async ({ desk, caller, params, body }) => {
    const { runs, deploys } = desk.store;
    const run = await runs.forestall(params.ref, caller.token.subject, body.why);
    const held = run === null ? await deploys.stage(params.ref) : null;
    if (held !== null && (await mayReach(desk, caller, 'abort', askedOf(held)))) {
      await deploys.abortStage(params.ref, body.why);
      // Whoever looks at the stage does so, too, but users need not wait for that.
      const { ref } = progressOf(held);
      const current = ref === null ? null : await runs.find(ref);
      if (current !== null) await runs.askAbort(current.id, body.why);
      return { run: current?.id ?? null };
    }
    // Somebody else's run is as none: who may not end it need not learn of it.
    if (run === null || !(await mayReach(desk, caller, 'abort', run))) return { run: null };
    await runs.askAbort(run.id, body.why);
    return { run: run.id };
  },

  listRuns: async ({ desk, caller, query, request, reply }) => {
    const { limit = 20, before } = query;
    const of = await readable(desk, caller);
    const runs = await desk.store.runs.list(limit, { ...(before === undefined ? {} : { before }), ...(of === null ? {} : { of }) });
    if (runs.length === limit) linkToNext(request, reply, { before: runs.at(-1)?.id ?? '', limit });
    return runs;
  },

  getRun: async ({ run }) => run,

  abortRun: async ({ desk, run, body }) => {
    await desk.store.runs.askAbort(run.id, body.why);
    return desk.store.runs.get(run.id);
  },

  getRunEvents: async ({ desk, run, query, request, reply }) => {
    const resumed = Number(request.headers['last-event-id']);
    await stream(desk, run.id, Number.isSafeInteger(resumed) && resumed > 0 ? resumed : (query.after ?? 0), reply);
  },

  getRunEvidence: async ({ desk, run }) => desk.evidence(run.id),

  getRunReport: async ({ desk, run, query, reply }) => {
    const format = query.format ?? 'markdown';
    return reply.type(`${contentTypes[format]}; charset=utf-8`).send(await desk.report(run, format));
  },

  getRunBundle: async ({ desk, run, reply }) =>
    reply
      .type('application/vnd.dsse.envelope.v1+json')
      .header('content-disposition', `attachment; filename="${run.id}.bundle.json"`)
      .send(await desk.bundle(run)),
} satisfies { readonly [Id in keyof typeof runOperations]: Handler<Id> };

async function begin(desk: Desk, caller: Caller, wanted: WantedRun, permit: Permit): Promise<Run> {
  // Asked again, it is answered from what is there: what may not begin now may have begun well then.
  const known = wanted.key === undefined ? null : await desk.store.runs.find(wanted.key);
  if (known !== null) {
    // A key that somebody else used leads to their run, which need not be the caller's.
    await requireRun(desk, caller, 'run', known);
    return known;
  }
  const run = await desk.create({ ...wanted, by: caller.token.subject }, permit);
  await requireRun(desk, caller, 'read', run);
  await desk.store.experiments.keep(run.experiment, caller.token.subject);
  return run;
}

/** What a body asks to choose among. Throws `bad-request` naming the field. */
function chosenBy(ref: string, { experiments = '', checkout = '', path = '', maxMinutes = '', unattended, fault }: NewStage) {
  if (fault !== undefined) throw new HaldaneError('bad-request', 'fault: only a stage of one file can be a rehearsal');
  const files = [...new Set(commas(experiments))];
  if (ref.length > mostOfRef)
    throw new HaldaneError('bad-request', `ref: a stage that chooses has one of at most ${mostOfRef} characters; this has ${ref.length}`);
  if (files.length === 0 || files.length > mostFiles)
    throw new HaldaneError('bad-request', `experiments: name 1 to ${mostFiles} files with commas between; these are ${files.length}`);
  return {
    ref,
    files,
    checkout: checkout === '' ? null : checkout,
    paths: commas(path),
    maxMinutes: maxMinutes === '' ? null : Math.min(Number(maxMinutes), mostMinutes),
    unattended: unattended ?? null,
  };
}

const mostFiles = 20;
/** The runs of the stage are known by it and their place among the files. */
const mostOfRef = 190;
const mostMinutes = 10_080;

function commas(text: string): readonly string[] {
  return text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
}

/** With the run that is under way, as it is now: whoever looks at the stage does so less often. */
async function viewOf(desk: Desk, held: HeldDeploy): Promise<StageView> {
  const { ref } = progressOf(held);
  return chosenStageView(held, ref === null ? null : await desk.store.runs.find(ref));
}
