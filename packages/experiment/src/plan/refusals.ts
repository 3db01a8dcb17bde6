import { isDeepStrictEqual } from 'node:util';
import { type Deployment, type ExperimentSpec, type Platform, plainSlice, type Scenario, timesOf } from '@haldane/core';
import { deployWords } from '../interrogate.ts';
import { subjectOf } from '../subject/subject-of.ts';

const exposures = ['synthetic', 'reads', 'all'] as const;

/** Why this run may not begin, each naming what to change; empty when it may. */
export function refusalsOf(spec: ExperimentSpec, deployment: Deployment, platform: Platform, scenario: Scenario): readonly string[] {
  const refusals: string[] = [];
  const params = spec.scenario.params;
  if (!deployment.optIn.includes(scenario.id))
    refusals.push(
      `${deployment.service} is not opted in to ${scenario.id}: its owner (${deployment.owner.team}) adds it to optIn in ${spec.manifest}`,
    );
  const deploying = deployWords(deployment);
  if (deploying !== null) refusals.push(`${deploying}: wait until it is done`);
  const missing = scenario.needs.filter((need) => !platform.faults.can.includes(need));
  if (missing.length > 0)
    refusals.push(
      `platform ${platform.id} cannot do ${missing.join(', ')}, which ${scenario.id} needs; it can do ${platform.faults.can.join(', ')}`,
    );
  if (exposures.indexOf(spec.exposure) > exposures.indexOf(scenario.exposure))
    refusals.push(`exposure ${spec.exposure} is more than ${scenario.id} allows; write exposure: ${scenario.exposure}`);
  refusals.push(...subjectOf(platform, scenario, spec).refusals(deployment));
  const isPlain = spec.slice === undefined || isDeepStrictEqual(spec.slice, plainSlice);
  if (!isPlain && !platform.faults.can.includes('slice-rules'))
    refusals.push(
      `platform ${platform.id} cannot do slice-rules (modes, routes, keys, a never list, a rate, a ramp): there is no router of ours in the path; leave out slice`,
    );
  const key = spec.slice?.key.from ?? 'cookie';
  if (key !== 'cookie' && scenario.breaksIdentity)
    refusals.push(
      `slice.key: ${key} may change under ${scenario.id}, which can log users out: a user would change arms; write key: cookie, which is the router's own`,
    );
  refusals.push(...shareRefusals(spec, platform));
  if (deployment.environment === 'production' && !deployment.intakeDeclared)
    refusals.push(
      `intake is not declared in ${spec.manifest}: in production each way in besides the route is named and turned off, or intake: [] says there is none`,
    );
  if (deployment.environment === 'production' && scenario.residue.length > 0 && spec.exposure !== 'synthetic')
    refusals.push(`${scenario.id} may leave ${scenario.residue.join(', ')} in data; in production write exposure: synthetic`);
  return [...refusals, ...scenario.objections(params, deployment)];
}

/** Both arms together are at most the whole route, and only some platforms can make them unequal. */
function shareRefusals(spec: ExperimentSpec, platform: Platform): readonly string[] {
  const refusals: string[] = [];
  const times = timesOf(spec, 'control');
  if (spec.share * (1 + times) > 1)
    refusals.push(
      `share ${spec.share} for the experiment and ${times} times as much for control are more than the whole route; write a share of at most ${Math.floor(1000 / (1 + times)) / 10}%`,
    );
  if (times > 1 && !platform.faults.can.includes('larger-control'))
    refusals.push(`platform ${platform.id} gives both arms the same share; write controlTimes: 1`);
  return refusals;
}
