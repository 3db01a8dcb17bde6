import type { Block, Criteria, Evidence, ExperimentSpec, JudgedFacts, Verdict } from '@haldane/core';
import { haldane1 } from './judge.ts';
import { knownBy } from './known-by.ts';
import { rejudge } from './rejudge.ts';

/** A stored run under other criteria: what it would have come to, and how far the stored log reaches. */
export type Replayed = {
  readonly criteria: Criteria;
  readonly verdict: Verdict;
  /** Blocks of the log that these criteria would have needed. */
  readonly blocks: number;
  /** In plain words how it would have ended. */
  readonly ended: string;
};

/**
 * The criteria of a stored run with the bars of another experiment: alpha, tolerance, contact, clean answers, durations and what must be
 * noticed. What was done to the service (scenario, share, exposure, instances, budget, rates) cannot be done otherwise in hindsight.
 */
export function underOther(stored: Criteria, other: ExperimentSpec): Criteria {
  const { spec } = stored;
  return {
    ...stored,
    spec: {
      ...spec,
      alpha: other.alpha,
      tolerance: other.tolerance,
      contact: other.contact,
      baselineSeconds: other.baselineSeconds,
      watchSeconds: other.watchSeconds,
      probes: { ...spec.probes, cleanAnswers: other.probes.cleanAnswers },
      noticed: other.noticed,
    },
  };
}

/**
 * Judges a stored log again, second by second. Where the criteria stop or are satisfied earlier, the log is cut there; where they
 * would have gone on, the log ends and the rest is unknown. Phases are those of the log: they were lived, not judged.
 */
export function replay(criteria: Criteria, evidence: Evidence, facts: JudgedFacts): Replayed {
  let state = haldane1.begin(criteria);
  for (const [index, block] of evidence.blocks.entries()) {
    const until = (block.at + 1) * 1000;
    const stepped = haldane1.step(state, block, knownBy(block, evidence));
    state = stepped.state;
    const { decision } = stepped;
    const end = block.phase === 'observing' && decision.do === 'next';
    if (decision.do !== 'stop' && !end) continue;
    const stop = decision.do === 'stop' ? { reason: decision.reason, why: decision.why, at: until } : null;
    const seen = cut(evidence, index + 1, facts.stop === null && end ? null : until);
    return {
      criteria,
      verdict: rejudge(criteria, seen, { ...facts, stop }),
      blocks: index + 1,
      ended: `${stop === null ? 'ended' : `stopped (${stop.reason})`} ${place(evidence.blocks, block)}: ${decision.why}`,
    };
  }
  const last = evidence.blocks.at(-1);
  const own = facts.stop;
  // A person, a lost lease or a changed target ended it whatever the criteria say.
  const outside =
    own !== null && !['harm-proven', 'budget-spent', 'suspected-open', 'invalid-arms', 'spillover', 'deadline'].includes(own.reason);
  const why = `the stored log ends here${own === null ? '' : `, where the run stopped under its own criteria (${own.reason})`}; what would have come is not known`;
  const stop = outside ? own : { reason: 'deadline' as const, why, at: own?.at ?? ((last?.at ?? 0) + 1) * 1000 };
  return {
    criteria,
    verdict: rejudge(criteria, evidence, { ...facts, stop }),
    blocks: evidence.blocks.length,
    ended: `not decided ${last === undefined ? 'by an empty log' : place(evidence.blocks, last)}: ${outside ? own.why : why}`,
  };
}

/** Only what was there by then. Alerts come after the last block and are cut only where the run would have been stopped. */
function cut(evidence: Evidence, blocks: number, until: number | null): Evidence {
  return {
    ...evidence,
    blocks: evidence.blocks.slice(0, blocks),
    accepts: until === null ? evidence.accepts : evidence.accepts.filter((accept) => accept.at <= until),
  };
}

function place(blocks: readonly Block[], block: Block): string {
  const first = blocks.find((one) => one.phase === block.phase)?.at ?? block.at;
  return `after ${block.at + 1 - first} s of ${block.phase}`;
}
