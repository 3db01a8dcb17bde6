import type { Lock, Outside, Platform, PolicyFacts, PolicyQuestion, SafetyPolicy } from '@haldane/core';
import type { Policy } from './policy.ts';
import { approved, type Check, isFor, objectionsOf, permissions, surroundings } from './rules.ts';

/** The policy at work: locks, which need no rule, its rules, what is known of other runs, the platform that production is on, and what is outside. */
export function ruledBy(policy: Policy, facts: PolicyFacts, platform: Pick<Platform, 'clusters'>, outside: Outside): SafetyPolicy {
  const said = async (checks: readonly Check[], asked: PolicyQuestion, signal: AbortSignal): Promise<readonly string[]> => {
    const rules = policy.rules.filter((rule) => isFor(rule, asked));
    if (rules.length === 0) return [];
    const sight = { ...asked, now: await facts.now(), facts, platform, outside, signal };
    return (await Promise.all(rules.map((rule) => objectionsOf(rule, checks, sight)))).flat();
  };
  return {
    async objections(asked, signal) {
      const lock = await facts.lock(asked.run);
      return lock === null ? said(permissions, asked, signal) : [lockedBy(lock)];
    },
    async disturbances(asked, signal) {
      return [...(await runsUnderneath(facts, asked)), ...(await said(surroundings, asked, signal))];
    },
    async unapproved(asked) {
      const rules = policy.rules.filter((rule) => isFor(rule, asked));
      return (await Promise.all(rules.map((rule) => approved(rule, { ...asked, facts })))).some((objection) => objection !== null);
    },
    async reserve(asked) {
      const { run } = asked;
      const limits = policy.rules
        .filter((rule) => isFor(rule, asked))
        .flatMap(({ name, failuresPerMonth }) => (failuresPerMonth === undefined ? [] : [{ name, failuresPerMonth }]));
      const tightest = limits.sort((a, b) => a.failuresPerMonth - b.failuresPerMonth)[0];
      if (tightest === undefined) return null;
      const wanted = run.experiment.budget.failures;
      const { reserved, held } = await facts.reserve(run, wanted, tightest.failuresPerMonth);
      if (reserved) return null;
      return `policy "${tightest.name}": a budget of ${wanted} failures does not fit into this month: ${held} of ${tightest.failuresPerMonth} are spent or set aside for ${run.service}; lower budget, or wait for the next month`;
    },
    settle: (runId, spent) => facts.settle(runId, spent),
  };
}

/** What fails there fails here, in both arms: no rule is needed to know that. The run on what depends gives way. */
async function runsUnderneath(facts: PolicyFacts, { run, deployment }: PolicyQuestion): Promise<readonly string[]> {
  const names = deployment.dependencies.map(({ name }) => name).filter((name) => name !== run.service);
  const others = names.length === 0 ? [] : await facts.runsOn(run.environment, names);
  return others.map(({ id, service }) => `run ${id} is under way on ${service}, which ${run.service} depends on; wait until it is over`);
}

function lockedBy({ service, environment, why, by, until }: Lock): string {
  return `${service} in ${environment} is locked by ${by} until ${new Date(until).toISOString()} (${why}); wait, or a risk owner takes it off: haldane unlock ${service} ${environment}`;
}
