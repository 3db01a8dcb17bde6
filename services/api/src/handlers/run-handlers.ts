import type { Run } from '@haldane/core';
import type { Caller } from '../access/caller.ts';
import { mayReach, readable, requireRun } from '../access/reach.ts';
import type { Handler } from '../ask.ts';
import type { Desk, Permit, WantedRun } from '../desk.ts';
import { linkToNext } from '../link.ts';
import { stageView } from '../stage-view.ts';
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

  beginStage: async ({ desk, caller, params, body, permit }) => stageView(await begin(desk, caller, { ...body, key: params.ref }, permit)),

  getStage: async ({ desk, run }) => {
    await desk.store.runs.attended(run.id);
    return stageView(run);
  },

  abortStage: async ({ desk, caller, params, body }) => {
    const run = await desk.store.runs.forestall(params.ref, caller.token.subject, body.why);
    // Somebody else's run is as none: who may not end it need not learn of it.
    if (run === null || !(await mayReach(desk, caller, 'abort', run))) return { run: null };
    await desk.store.runs.askAbort(run.id, body.why);
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
} satisfies { readonly [Id in RunOperations]: Handler<Id> };

type RunOperations =
  | 'planExperiment'
  | 'createRun'
  | 'beginStage'
  | 'getStage'
  | 'abortStage'
  | 'listRuns'
  | 'getRun'
  | 'abortRun'
  | 'getRunEvents'
  | 'getRunEvidence'
  | 'getRunReport';

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
