import { join } from 'node:path';
import type { SlackApp } from '@haldane/api';
import type { Clock, Delivery, News, Notifier } from '@haldane/core';
import { type Egress, egress } from '@haldane/egress';
import { type AppDoor, type Notify, notifiers, readNotify, secretOf, whoIsTold } from '@haldane/notifiers';
import { noticeOf } from '@haldane/reports';
import type { House } from '@haldane/runner';
import { Herald } from '@haldane/scheduler';
import type { Store } from '@haldane/store';
import { textIfThere } from './text-if-there.ts';

/** News that come up so late are news no more: nobody was told at the time, or nobody was named to tell. */
const oldMs = 86_400_000;
const replyWithinMs = 10_000;

type Parts = {
  readonly dataDir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly allow?: readonly string[] | undefined;
  /** Haldane's own GitHub App; null: there is none. */
  readonly gitHubApp: AppDoor | null;
};
type Sources = { readonly store: Pick<Store, 'runs' | 'services'>; readonly house: Pick<House, 'report'> };

type HeraldParts = {
  readonly store: Store;
  readonly house: House;
  readonly pools: readonly string[];
  readonly onTrouble: (what: string, error: unknown) => void;
  readonly clock: Clock;
};

/** Who is told of what by this Haldane. */
export type Telling = {
  /** The Slack app whose buttons lead to this Haldane's API; null: there is none. */
  readonly slack: SlackApp | null;
  readonly receivers: ReadonlyMap<string, Notifier>;
  /** The notices that news come to, one for each who is to be told. */
  compose(news: News, sources: Sources): Promise<readonly Pick<Delivery, 'receiver' | 'notice'>[]>;
};

/** Reads `haldane.notify.yaml` in the data folder; null when there is none. Throws `bad-document`, also for a secret that is not there. */
export async function tellingOf({ dataDir, env, clock, allow = [], gitHubApp }: Parts): Promise<Telling | null> {
  const path = join(dataDir, 'haldane.notify.yaml');
  const text = await textIfThere(path);
  if (text === null) return null;
  const notify = readNotify(text, path);
  const out = egress([...allow, ...notify.allow], { allowedBy: 'under "allow" in haldane.notify.yaml' });
  return {
    slack: slackOf(notify, env, out),
    receivers: notifiers(notify, { env, clock, egress: out, ...(gitHubApp === null ? {} : { gitHubApp }) }),
    async compose(news, { store, house }) {
      if (clock.now() - news.at > oldMs) return [];
      const run = news.runId === null ? null : await store.runs.get(news.runId);
      // A run of a platform that is not connected here is told without its report's words.
      const report = run === null || news.topic !== 'verdict' ? null : await house.report(run).catch(() => null);
      const ofNews = typeof news.data['team'] === 'string' ? news.data['team'] : null;
      const team = (await store.services.get(news))?.owner.team ?? ofNews;
      const notice = noticeOf({ news, run, report, team, link: notify.link ?? null });
      // Whoever is to be asked is, whatever rules say of who is told.
      if (news.topic !== 'rights-changed') return whoIsTold(notify.tell, notice).map((receiver) => ({ receiver, notice }));
      const asked = [notify.slackApp?.wasThatYou?.ask ?? []].flat();
      // Only there is it a question: its arrival is what silence is counted from.
      return [...new Set([...whoIsTold(notify.tell, notice), ...asked])].map((receiver) => ({
        receiver,
        notice: asked.includes(receiver) ? notice : { ...notice, remedies: [] },
      }));
    },
  };
}

/**
 * Whether a Haldane carries news. Receivers are known by name to all who share a database: one that lives for a command takes nothing from
 * them that its own file may call otherwise, and leaves what it has to tell itself to whoever stays up over its data folder.
 */
export function mayTell(telling: Telling | null, { ephemeral, databaseUrl }: { ephemeral: boolean; databaseUrl: string | null }): boolean {
  return telling === null || !ephemeral || databaseUrl === null;
}

/** Carries the news of these pools to whoever is to be told. Without anybody to tell, what others may have to tell is left to them. */
export function heraldOf(telling: Telling | null, { store, house, pools, onTrouble, clock }: HeraldParts): Herald {
  return new Herald({
    outbox: store.outbox,
    pools: telling === null ? pools : [...pools, null],
    receivers: telling?.receivers ?? new Map(),
    compose: async (news) => (telling === null ? [] : telling.compose(news, { store, house })),
    onGivenUp: async ({ id, receiver, topic, service, environment, why }) => {
      const what = receiver === null ? { news: id } : { delivery: id };
      const to = receiver === null ? 'whoever was to be told' : `receiver ${receiver}`;
      const detail = { ...what, topic, service, environment, why };
      const act = { who: 'Haldane', token: null, from: 'the herald', did: 'tell', to, detail };
      await store.audit.append({ ...act, outcome: 'failed', code: 'unavailable' });
    },
    onTrouble,
    clock,
    random: Math.random,
  });
}

function slackOf({ slackApp }: Notify, env: Parts['env'], out: Egress): SlackApp | null {
  if (slackApp === undefined) return null;
  return {
    signingSecret: secretOf(slackApp.signingSecretEnv, env, 'slackApp'),
    people: slackApp.people,
    ...(slackApp.wasThatYou === undefined
      ? {}
      : { wasThatYou: { withinMs: slackApp.wasThatYou.withinMinutes * 60_000, otherwise: slackApp.wasThatYou.otherwise } }),
    reply: async (url, message) => {
      const headers = { 'content-type': 'application/json' };
      await out.send({ method: 'POST', url, headers, body: JSON.stringify(message) }, AbortSignal.timeout(replyWithinMs));
    },
  };
}
