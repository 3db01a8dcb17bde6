import type { Run, Verdict } from '@haldane/core';
import { judgedFactsOf, rejudge } from '@haldane/judge';
import { criteriaOf } from './criteria.ts';
import type { World } from './world.ts';

/** The record, made from what was stored and nothing else; the same that anyone can make again from the exported evidence. */
export async function judgeRun(world: World, run: Run): Promise<Verdict> {
  const evidence = await world.evidence.read(run.id);
  return rejudge(criteriaOf(run, world.platform, world.scenario), evidence, judgedFactsOf(run));
}
