import { type Alert, HaldaneError } from '@haldane/core';
import { isLoose, type Loose, text } from '../loose.ts';
import { parseAlerts } from '../parse-alerts.ts';
import type { HistoryItem } from './history-item.ts';

/** What stands for the receiver where the alarm told no topic, as far as CloudWatch knows. */
export const noReceiver = 'no topic that CloudWatch knows of';
/** An action and the change of state that it was for may bear times so far apart. Milliseconds. */
const apartMs = 1_000;

type Transition = { readonly item: HistoryItem; readonly key: string; readonly at: number; readonly data: Loose; readonly state: string };

/**
 * Each time that an alarm of this history went off, as an alert for each topic that was told of it: by the topic's name, at the time of the change.
 * One that no topic was told of is an alert for `noReceiver`, once it is older than `settledBefore` (epoch ms): what its actions did is told a little
 * later. The same history gives the same ids, whoever asks and however often. Throws `unavailable` for a change of which nobody can say what it is.
 */
export function alertsOf(items: readonly HistoryItem[], settledBefore: number): readonly Alert[] {
  const changes = new Map(items.filter(isChange).map((item) => [JSON.stringify([keyOf(item), timeOf(item)]), transitionOf(item)]));
  const told = items.flatMap((item) => topicTold(item) ?? []);
  const topicsOf = ({ key, at }: Transition) => {
    const isLater = (other: Transition, than: number) => other.key === key && other.at > at && other.at <= than + apartMs;
    const those = told.filter((one) => one.key === key && at <= one.at + apartMs && ![...changes.values()].some((c) => isLater(c, one.at)));
    return new Set(those.map(({ topic }) => topic));
  };
  return [...changes.values()]
    .filter(({ state, data }) => state === 'ALARM' && stateIn(data['oldState']) !== 'ALARM')
    .flatMap((transition) => {
      const topics = [...topicsOf(transition)];
      if (topics.length === 0 && transition.at > settledBefore) return [];
      return (topics.length === 0 ? [noReceiver] : topics).flatMap((receiver) => alertOf(receiver, transition));
    })
    .toSorted((a, b) => a.receivedAt - b.receivedAt);
}

function alertOf(receiver: string, { item, key, at, data }: Transition): readonly Alert[] {
  const when = new Date(at).toISOString();
  const about = Object.values(item.AlarmContributorAttributes ?? {});
  const state = isLoose(data['newState']) ? data['newState'] : {};
  const generic = {
    id: `${key} ${when}`,
    rule: item.AlarmName,
    when,
    summary: text(state['stateReason']) ?? item.HistorySummary,
    source: 'aws.cloudwatch',
    ...(about.length === 0 ? {} : { resource: about.join(' ') }),
  };
  return parseAlerts(receiver, generic, at);
}

function isChange({ HistoryItemType }: HistoryItem): boolean {
  return HistoryItemType === 'StateUpdate' || HistoryItemType === 'AlarmContributorStateUpdate';
}

/** What is in its data comes first; where that is cut off or something else, its summary says it, too. */
function transitionOf(item: HistoryItem): Transition {
  const data = dataOf(item);
  const state = stateIn(data['newState']) ?? /\bto (OK|ALARM|INSUFFICIENT_DATA)\b/.exec(item.HistorySummary ?? '')?.[1];
  const at = timeOf(item);
  if (state === undefined || item.AlarmName === undefined || Number.isNaN(at))
    throw new HaldaneError(
      'unavailable',
      `CloudWatch tells of a change of alarm ${item.AlarmName ?? 'without a name'} of which nobody can say when it was or what it changed to: ${item.HistorySummary ?? 'no summary'}`,
    );
  return { item, key: keyOf(item), at, data, state };
}

type Told = { readonly key: string; readonly at: number; readonly topic: string };

/** The topic that an action has told; null for what failed, what tells nobody (scaling, a reboot), and what is no action. */
function topicTold(item: HistoryItem): Told | null {
  if (item.HistoryItemType !== 'Action' && item.HistoryItemType !== 'AlarmContributorAction') return null;
  const data = dataOf(item);
  const summary = item.HistorySummary ?? '';
  const isDone = text(data['actionState']) === 'Succeeded' || summary.startsWith('Successfully executed action ');
  const resource = text(data['notificationResource']) ?? /^Successfully executed action (\S+)/.exec(summary)?.[1] ?? '';
  const topic = /^arn:[^:]+:sns:[^:]*:[^:]*:([^:]+)$/.exec(resource)?.[1];
  const said = data['stateUpdateTimestamp'];
  return isDone && topic !== undefined ? { key: keyOf(item), at: typeof said === 'number' ? said : timeOf(item), topic } : null;
}

/** The alarm, and which of its series. */
function keyOf({ AlarmName = '', AlarmContributorId = '' }: HistoryItem): string {
  return `${AlarmName} ${AlarmContributorId}`;
}

function timeOf({ Timestamp }: HistoryItem): number {
  return Timestamp?.getTime() ?? Number.NaN;
}

function stateIn(value: unknown): string | undefined {
  return isLoose(value) ? (text(value['stateValue']) ?? undefined) : undefined;
}

function dataOf({ HistoryData = '' }: HistoryItem): Loose {
  try {
    const data: unknown = JSON.parse(HistoryData);
    return isLoose(data) ? data : {};
  } catch {
    return {};
  }
}
