import type { Lock, Platform, PolicyFacts, SafetyPolicy } from '@haldane/core';
import type { Policy } from './policy.ts';
import { isFor, objectionsOf } from './rules.ts';

/** The policy at work: locks, which need no rule, its rules, what is known of other runs, and the platform that production is on. */
export function ruledBy(policy: Policy, facts: PolicyFacts, platform: Pick<Platform, 'clusters'>): SafetyPolicy {
  return {
    async objections(asked, signal) {
      const lock = await facts.lock(asked.run);
      if (lock !== null) return [lockedBy(lock)];
      const rules = policy.rules.filter((rule) => isFor(rule, asked));
      if (rules.length === 0) return [];
      const sight = { ...asked, now: await facts.now(), facts, platform, signal };
      return (await Promise.all(rules.map((rule) => objectionsOf(rule, sight)))).flat();
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

function lockedBy({ service, environment, why, by, until }: Lock): string {
  return `${service} in ${environment} is locked by ${by} until ${new Date(until).toISOString()} (${why}); wait, or a risk owner takes it off: haldane unlock ${service} ${environment}`;
}
