import { messageOf, type OpenRun, type Outside, type PassedRun, type Platform, type PolicyFacts, type PolicyQuestion } from '@haldane/core';
import type { Rule } from './policy.ts';
import { frozenBy, outsideWindows } from './window.ts';

/** Everything that a rule may look at. */
export type Sight = PolicyQuestion & {
  readonly now: number;
  readonly facts: PolicyFacts;
  readonly platform: Pick<Platform, 'clusters'>;
  readonly outside: Outside;
  readonly signal: AbortSignal;
};

/** One thing that a rule can ask for: why the run may not go on by it, or null. `ask` runs only when the rule says anything about it. */
export type Check = (rule: Rule, sight: Sight) => Promise<string | null> | string | null;

const weekMs = 7 * 86_400_000;

const percent = (share: number) => `${Number((share * 100).toPrecision(3))} %`;

/** What a rule permits at all. */
export const permissions: readonly Check[] = [
  ({ windows }, { now }) => (windows === undefined ? null : outsideWindows(windows, now)),
  ({ freezes }, { now }) => frozenBy(freezes, now),
  ({ caps }, { run }) =>
    caps?.share !== undefined && run.experiment.share > caps.share
      ? `share ${percent(run.experiment.share)} is more than ${percent(caps.share)}; write share: ${percent(caps.share).replace(' ', '')}`
      : null,
  runsAtOnce,
  shareTogether,
  smallSteps,
  ladder,
  approved,
  consented,
  fewPages,
];

/** What must be so around the run. */
export const surroundings: readonly Check[] = [keptApart, healthy, asked];

/** Why the run may not go on by this rule. A check that cannot answer means no. */
export async function objectionsOf(rule: Rule, checks: readonly Check[], sight: Sight): Promise<readonly string[]> {
  const answers = await Promise.all(
    checks.map(async (check) => {
      try {
        return await check(rule, sight);
      } catch (error) {
        sight.signal.throwIfAborted();
        return `it cannot be said whether it is kept: ${messageOf(error)}`;
      }
    }),
  );
  return answers.filter((answer) => answer !== null).map((answer) => `policy "${rule.name}": ${answer}`);
}

export function isFor({ where }: Rule, { run, deployment }: PolicyQuestion): boolean {
  const fits = (wanted: string | undefined, is: string) => wanted === undefined || wanted === is;
  return fits(where.environment, run.environment) && fits(where.service, run.service) && fits(where.team, deployment.owner.team);
}

/** Open runs that the rule is for and that were there first: of two that begin at once, one goes on. */
async function before({ where }: Rule, { run, facts }: Sight) {
  const open = (await facts.open()).filter(
    (one) => (where.environment ?? one.environment) === one.environment && (where.service ?? one.service) === one.service,
  );
  const own = open.findIndex(({ id }) => id === run.id);
  return own < 0 ? open : open.slice(0, own);
}

async function runsAtOnce(rule: Rule, sight: Sight): Promise<string | null> {
  if (rule.caps?.runs === undefined) return null;
  const others = await before(rule, sight);
  if (others.length < rule.caps.runs) return null;
  return `${others.length} runs are under way (${others.map(({ id }) => id).join(', ')}) and at most ${rule.caps.runs} may be; wait for one to end`;
}

async function shareTogether(rule: Rule, sight: Sight): Promise<string | null> {
  if (rule.caps?.together === undefined) return null;
  const taken = (await before(rule, sight)).reduce((sum, { share }) => sum + 2 * share, 0);
  const wanted = 2 * sight.run.experiment.share;
  if (taken + wanted <= rule.caps.together + 1e-9) return null;
  return `both arms take ${percent(wanted)} and other runs ${percent(taken)}, together more than ${percent(rule.caps.together)}; lower share, or wait`;
}

/** Names are what manifests call things: within one environment the same name is taken for the same thing. */
async function keptApart(rule: Rule, sight: Sight): Promise<string | null> {
  const { apart } = rule;
  if (apart === undefined) return null;
  const { run, deployment } = sight;
  for (const other of await before(rule, sight)) {
    if (other.environment !== run.environment || other.id === run.id) continue;
    if (other.touches === null)
      return `run ${other.id} on ${other.service} has only begun, and what it touches is not known yet; ask again in a moment`;
    const shared = sharedWith(other, other.touches, deployment, apart);
    if (shared !== undefined) return `${shared} is also in reach of run ${other.id} on ${other.service}; wait until that is over`;
  }
  return null;
}

function sharedWith(
  other: OpenRun,
  { route, dependencies }: NonNullable<OpenRun['touches']>,
  deployment: Sight['deployment'],
  apart: NonNullable<Rule['apart']>,
): string | undefined {
  if (apart.includes('route') && route === deployment.route) return `route ${route}`;
  if (!apart.includes('dependencies')) return undefined;
  // An experiment on what another service depends on is felt there, too.
  const theirs = new Set([other.service, ...dependencies]);
  return [deployment.service, ...deployment.dependencies.map(({ name }) => name)].find((name) => theirs.has(name));
}

const passedOf = ({ run, scenario, facts }: Sight): Promise<readonly PassedRun[]> =>
  facts.passed(run.service, scenario.id, scenario.version);

async function smallSteps({ firstShare }: Rule, sight: Sight): Promise<string | null> {
  const { share } = sight.run.experiment;
  if (firstShare === undefined || share <= firstShare) return null;
  const here = (await passedOf(sight)).filter(({ environment }) => environment === sight.run.environment);
  const allowed = Math.max(firstShare, ...here.map((passed) => 2 * passed.share));
  if (share <= allowed + 1e-9) return null;
  const why =
    here.length === 0 ? `nothing of ${sight.scenario.id} was resilient here yet` : 'a share may double only after a resilient run';
  return `share ${percent(share)} is too large a step: ${why}; at most ${percent(allowed)} now`;
}

async function ladder({ ladder: wanted }: Rule, sight: Sight): Promise<string | null> {
  if (wanted === undefined) return null;
  const { deployment, scenario, now } = sight;
  const there = (await passedOf(sight)).filter(({ environment }) => environment === wanted.after);
  if (there.some(({ revision, at }) => revision === deployment.revision || at > now - wanted.within * 1000)) return null;
  return `${scenario.id} (version ${scenario.version}) has not passed in ${wanted.after} on ${deployment.revision}, nor on any revision within ${Math.round(wanted.within / 86_400)} days; run it there first`;
}

async function healthy(rule: Rule, { deployment, platform, signal }: Sight): Promise<string | null> {
  if (!rule.healthy) return null;
  const live = await platform.clusters.describe(deployment.source, signal);
  if (live === null) return `nobody can say whether ${deployment.service} is healthy: its cluster ${deployment.source} is not to be seen`;
  const sick = live.instances.filter((instance) => !instance.healthy);
  return sick.length === 0
    ? null
    : `${sick.map(({ name }) => name).join(', ')} of ${deployment.service} not healthy; heal production first`;
}

/** Whoever is called more often, or waited for longer, is asked before. */
async function consented({ consents }: Rule, { run, scenario, facts }: Sight): Promise<string | null> {
  const { environment } = run;
  const given = consents
    .filter((service) => service !== run.service)
    .map(async (service) => ({ service, who: await facts.approvals({ service, environment }, scenario.id, scenario.version) }));
  const [missing] = (await Promise.all(given)).filter(({ who }) => who.length === 0);
  if (missing === undefined) return null;
  return `the owner of ${missing.service} has not consented to ${scenario.id} (version ${scenario.version}); an approver of its team: haldane approve ${missing.service} ${environment} ${scenario.id}`;
}

async function fewPages({ pagesPerWeek }: Rule, { run, now, facts }: Sight): Promise<string | null> {
  const { noticed } = run.experiment;
  if (pagesPerWeek === undefined || noticed === null) return null;
  const { receiver } = noticed.expect;
  const pages = await facts.pages(receiver, now - weekMs, run.id);
  if (pages < pagesPerWeek) return null;
  return `${receiver} got ${pages} alerts of experiments in seven days, and at most ${pagesPerWeek} may be; wait, or choose another receiver`;
}

async function asked({ checks }: Rule, { outside, run, now, signal }: Sight): Promise<string | null> {
  const answers = checks.map(async (check) => {
    try {
      const why = await outside.ask(check, run, now, signal);
      return why === null ? [] : [`${check.name}: ${why}`];
    } catch (error) {
      signal.throwIfAborted();
      return [`${check.name}: could not be asked, ${messageOf(error)}`];
    }
  });
  const no = (await Promise.all(answers)).flat();
  return no.length === 0 ? null : no.join('; ');
}

/** Why people must approve it first; null when enough have, or none need to. */
export async function approved(
  { approvals }: Rule,
  { run, scenario, facts }: PolicyQuestion & Pick<Sight, 'facts'>,
): Promise<string | null> {
  if (approvals === undefined) return null;
  const who = await facts.approvals(run, scenario.id, scenario.version);
  if (who.length >= approvals) return null;
  const so = who.length === 0 ? 'nobody has' : `only ${who.join(', ')} has`;
  return `${so} approved ${scenario.id} (version ${scenario.version}) for ${run.service} in ${run.environment}, and ${approvals} must; haldane approve ${run.service} ${run.environment} ${scenario.id}`;
}
