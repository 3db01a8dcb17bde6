import type { Alert, Arm, Criteria, Evidence, JudgedFacts, Mark, NoticedResult, StopReason } from '@haldane/core';
import { lastCheck } from './asked.ts';
import { contactOf } from './contact.ts';
import type { JudgeState } from './state.ts';
import { plural } from './words.ts';

export type Noticed = { readonly mark: Mark; readonly why: string; readonly result: NoticedResult; readonly alertMs: number | null };

/**
 * Whether the attack was noticed as its owner expects. A pipeline that is dead, a fault that was never met and an alert that fires
 * for control as well say nothing about detection: the mark is then unknown. The caller listens until the expectation's deadline.
 */
export function judgeNoticed(state: JudgeState, evidence: Evidence, facts: JudgedFacts, held: Mark): Noticed {
  const { criteria } = state;
  const { noticed, fault } = criteria.spec;
  if (noticed === null) return quiet('unknown', 'not-asked', 'nobody asked whether it was noticed');
  const { expect } = noticed;
  if (expect.rules.length === 0) {
    return criteria.act === 'request' && held === 'yes'
      ? quiet('yes', 'prevented', 'every forged token was refused: prevented, and no alert is asked for')
      : quiet('unknown', 'not-asked', 'no alert rule is named under noticed');
  }
  const heartbeat = lastCheck(evidence.checks, 'heartbeat');
  if (heartbeat?.passed !== true) {
    return quiet(
      'unknown',
      'pipeline-broken',
      heartbeat === null
        ? 'no heartbeat alert was looked for: a dead pipeline cannot be told from a missed alert'
        : `the alert pipeline did not pass its heartbeat: ${heartbeat.seen}`,
    );
  }
  const startedAt = startOf(state, evidence, facts);
  if (!fault || startedAt === null)
    return quiet(
      'unknown',
      'not-injected',
      fault ? 'the effect was never there, so there was nothing to notice' : 'no fault was made, so there was nothing to notice',
    );
  const isTwin = criteria.contactUnit === 'twin';
  if (!isTwin && contactOf(state.contact, criteria) === 0)
    return quiet('unknown', 'not-injected', 'the fault was never met, so there was nothing to notice');

  const from = Math.min(startedAt, facts.injectedAt ?? startedAt);
  const matching = evidence.alerts.filter((alert) => expect.rules.includes(alert.rule) && alert.receivedAt >= from);
  // A placebo is made at control's twin before anything else: an alert of it tells, whenever it comes.
  const ofControl = isTwin ? evidence.alerts.filter((alert) => expect.rules.includes(alert.rule)) : matching;
  const noise = noiseOf(ofControl, evidence);
  if (noise !== null) return quiet('unknown', 'noisy', noise);
  return grade(matching, evidence, startedAt, criteria, listenedUntil(evidence, facts));
}

/** In words, that control was alerted of too; null when it was not. */
function noiseOf(alerts: readonly Alert[], evidence: Evidence): string | null {
  // Control is asked the identical request when the experiment accepts one; what it raises from then on is our own doing.
  const confirmedAt = Math.min(
    ...evidence.accepts.filter((accept) => accept.confirmation !== null).map((accept) => accept.at),
    Number.POSITIVE_INFINITY,
  );
  const byControl = alerts.find(
    (alert) => isAbout(alert, evidence, 'control') && !isAbout(alert, evidence, 'experiment') && alert.receivedAt < confirmedAt,
  );
  if (byControl !== undefined)
    return `${byControl.rule} also fired for control, which was not attacked: it cannot tell an attack from none`;
  const placebo = evidence.checks.find((check) => check.name === 'placebo' && !check.passed);
  return placebo === undefined ? null : `control raised an alert without an attack: ${placebo.seen}`;
}

/** The best of the alerts that name the experiment decides. */
function grade(matching: readonly Alert[], evidence: Evidence, startedAt: number, criteria: Criteria, until: number): Noticed {
  const expect = criteria.spec.noticed?.expect ?? { rules: [], receiver: '', withinSeconds: 0, fields: [] };
  const deadline = startedAt + expect.withinSeconds * 1000;
  const graded = matching
    .filter((alert) => !isAbout(alert, evidence, 'control') || isAbout(alert, evidence, 'experiment'))
    .map((alert) => {
      const lacks = expect.fields.filter((field) => !fieldOf(alert, field));
      const unnamed = !isAbout(alert, evidence, 'experiment');
      const result: NoticedResult =
        alert.receiver !== expect.receiver
          ? 'wrong-receiver'
          : alert.receivedAt > deadline
            ? 'late'
            : lacks.length > 0 || unnamed
              ? 'incomplete'
              : 'in-time';
      return { alert, lacks, unnamed, result, ms: Math.max(0, alert.receivedAt - startedAt) };
    });
  const best = (['in-time', 'incomplete', 'late', 'wrong-receiver'] as const)
    .map((result) => graded.find((one) => one.result === result))
    .find((one) => one !== undefined);
  // Where alerts arrive is where they are read: what came while nobody could read may be lost, also when it can be read again.
  const unread = evidence.checks.find(({ name, passed, at }) => name === 'inbox' && !passed && at < deadline);
  if (best?.result !== 'in-time' && unread !== undefined)
    return quiet('unknown', 'pipeline-broken', `an alert may have come that nobody could see: ${unread.seen}`);
  if (best === undefined) {
    if (until < deadline)
      return quiet('unknown', 'missed', `no alert yet, but the run was given up ${seconds(deadline - until)} before its time was over`);
    return quiet(
      'no',
      'missed',
      `no alert ${expect.rules.join(' or ')} reached ${expect.receiver} within ${expect.withinSeconds} s, though the heartbeat did`,
    );
  }
  const said = `alert ${best.alert.rule} reached ${best.alert.receiver} ${seconds(best.ms)} after the effect`;
  const loud = { result: best.result, alertMs: best.ms };
  switch (best.result) {
    case 'in-time':
      return { mark: 'yes', why: said, ...loud };
    case 'incomplete':
      return {
        mark: 'no',
        why: `${said}, but ${best.lacks.length > 0 ? `lacks ${plural(best.lacks.length, 'field')} that are needed to act: ${best.lacks.join(', ')}` : 'does not say which instance it is about'}`,
        ...loud,
      };
    case 'late':
      return { mark: 'no', why: `${said}, later than the ${expect.withinSeconds} s that were asked for`, ...loud };
    case 'wrong-receiver':
      return { mark: 'no', why: `${said}; it should have reached ${expect.receiver}`, ...loud };
  }
}

/**
 * Until when an alert could have been seen (epoch ms): as the run says (null: its last judged second, for who listened was lost), and
 * never beyond its end where it was cut off. A run that says nothing and went its way listened until the expectation's deadline.
 */
function listenedUntil({ blocks }: Evidence, { stop, listenedUntil: until }: JudgedFacts): number {
  const cut: readonly StopReason[] = ['operator', 'halted', 'lease-lost', 'error'];
  const ended = stop !== null && cut.includes(stop.reason) ? stop.at : Number.POSITIVE_INFINITY;
  if (until === undefined) return ended;
  return Math.min(ended, until ?? ((blocks.at(-1)?.at ?? -1) + 1) * 1000);
}

/** When the clock starts (epoch ms): the effect was seen, or the first hostile request left. */
function startOf(state: JudgeState, evidence: Evidence, facts: JudgedFacts): number | null {
  if (evidence.effectAt !== null) return evidence.effectAt;
  if (state.criteria.act !== 'request' || facts.injectedAt === null) return null;
  const { injectedAt } = facts;
  const first = evidence.blocks.find((block) => (block.at + 1) * 1000 > injectedAt && block.hostile.experiment.sent > 0);
  return first === undefined ? null : Math.max(injectedAt, first.at * 1000);
}

/** Whether an alert speaks of an arm: one of its fields names one of the arm's instances. */
function isAbout(alert: Alert, evidence: Evidence, arm: Arm): boolean {
  return Object.values(alert.fields).some((value) => evidence.instances[arm].some((name) => name !== '' && value.includes(name)));
}

/** A field that is there and says something; the severity may stand beside the fields. */
function fieldOf(alert: Alert, field: string): boolean {
  const value = alert.fields[field] ?? (field === 'severity' ? alert.severity : '');
  return value.trim() !== '';
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function quiet(mark: Mark, result: NoticedResult, why: string): Noticed {
  return { mark, result, why, alertMs: null };
}
