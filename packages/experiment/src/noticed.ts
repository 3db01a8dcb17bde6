import type { Run } from '@haldane/core';
import { messageOf } from '@haldane/core';
import type { Session } from './session/session.ts';

/** After the deadline of the expectation an alert that was on its way may still arrive and is then called late. */
const graceMs = 1_000;

/**
 * Sends the heartbeat through control: a dead alert pipeline is not a missed alert. Where nobody is asked for anything, that control's twin was
 * made is the event whose alert is waited for. Does nothing when nobody wants to know.
 */
export async function sendHeartbeat(session: Session, run: Run, signal: AbortSignal): Promise<void> {
  const request = session.deployment.synthetic.heartbeat;
  if (run.experiment.noticed === null || session.heartbeat !== null) return;
  const isSent = session.list.attach !== null;
  const sent = { sentAt: isSent ? session.world.clock.now() : session.begunAt, trouble: null };
  session.heartbeat = sent;
  if (!isSent || session.probes === null) return;
  const failedFor = async (seen: string) => {
    session.heartbeat = { ...sent, trouble: seen };
    await session.check({ name: 'heartbeat', at: sent.sentAt, passed: false, seen });
  };
  if (request === null) {
    session.heartbeatDone = true;
    await failedFor('no heartbeat request is declared under synthetic.heartbeat');
    return;
  }
  try {
    const answer = await session.probes.once(request, 'control', signal);
    // Detection may see what the service refused, so its alert is waited for all the same.
    if (answer.class !== 'success') await failedFor(`the heartbeat request was answered ${answer.status ?? answer.class}`);
  } catch (error) {
    await failedFor(`the heartbeat request failed: ${messageOf(error)}`);
  }
}

/** Looks whether the heartbeat's alert arrived; true once that is decided: it has, or its time is over. */
export async function lookForHeartbeat(session: Session, run: Run): Promise<boolean> {
  const noticed = run.experiment.noticed;
  const sent = session.heartbeat;
  if (noticed === null || sent === null || session.heartbeatDone) return true;
  const { inbox: heard } = session;
  const isHeartbeat = (rule: string) => (noticed.heartbeatRule === undefined ? /heartbeat/i.test(rule) : rule === noticed.heartbeatRule);
  // One that names nobody and came before tells of something else.
  const alert = heard.alerts.find((one) => isHeartbeat(one.rule) && (heard.names(one) || one.receivedAt >= sent.sentAt));
  const now = session.world.clock.now();
  const within = noticed.heartbeatWithinSeconds * 1000;
  if (alert === undefined && now - sent.sentAt < within + heard.lateMs && heard.heardUntil < sent.sentAt + within) return false;
  session.heartbeatDone = true;
  const inbox = session.lastCheck('inbox');
  const trouble = sent.trouble ?? (inbox?.passed === false ? inbox.seen : null);
  await session.check({
    name: 'heartbeat',
    at: now,
    passed: alert !== undefined,
    seen: alert
      ? `alert ${alert.rule} reached ${alert.receiver} ${alert.receivedAt - sent.sentAt} ms after its event`
      : `no heartbeat alert within ${noticed.heartbeatWithinSeconds} s${trouble === null ? '' : `: ${trouble}`}`,
  });
  return true;
}

/** How long to keep listening before an expected alert counts as missed, in ms; 0 when there is nothing to wait for. */
export function listenFor(session: Session, run: Run): number {
  const noticed = run.experiment.noticed;
  const effectAt = session.effectAt;
  if (noticed === null || effectAt === null) return 0;
  const { rules, receiver, withinSeconds } = noticed.expect;
  const { inbox } = session;
  // One that names nobody may be followed by one that does.
  const arrived = inbox.alerts.some(
    (alert) => rules.includes(alert.rule) && alert.receiver === receiver && alert.receivedAt >= effectAt && inbox.names(alert),
  );
  const deadline = effectAt + withinSeconds * 1000;
  if (arrived || inbox.heardUntil >= deadline + graceMs) return 0;
  return Math.max(0, deadline + graceMs + inbox.lateMs - session.world.clock.now());
}
