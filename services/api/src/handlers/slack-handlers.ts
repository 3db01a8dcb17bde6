import { HaldaneError, systemClock, wholeScope } from '@haldane/core';
import { slackId } from '../access/caller.ts';
import type { Handler } from '../ask.ts';
import { askedBy, type Press, pressable, pressOf } from '../slack/press.ts';
import { signedBySlack } from '../slack/signed-by-slack.ts';
import type { SlackApp } from '../slack/slack-app.ts';

export const slackHandlers = {
  /** Whoever pressed is asked for like anybody: the act goes through the front door, in their name, and is in the audit log as theirs. */
  pressInSlack: async ({ desk, slack, actFor, request, body }) => {
    if (slack === null) throw new HaldaneError('unauthorised', 'no Slack app is known here; docs/notifications.md says how to name one');
    const form = typeof body === 'string' ? body : '';
    await signedBySlack({ headers: request.headers, body: form }, slack.signingSecret, systemClock.now(), desk.store.tokens);
    const press = pressOf(form);
    if (press === null) return { pressed: null };
    const asked = askedBy(press);
    const person = slack.people.find((one) => one.slack === press.who);
    if (person === undefined) {
      const act = { who: `slack:${press.who}`, token: null, from: request.ip, did: asked.id, to: asked.path, detail: {} };
      await desk.store.audit.append({ ...act, outcome: 'refused', code: 'forbidden' });
      say(
        slack,
        press,
        'ephemeral',
        `Haldane does not know you yet, so nothing was done. Ask whoever runs it to add ${press.who} to slackApp in haldane.notify.yaml.`,
      );
      return { pressed: asked.id, done: false };
    }
    const scope = { ...wholeScope, operations: pressable };
    const token = { id: slackId(press.who), subject: person.login, grants: person.grants, scope, expiresAt: null };
    const { ok, detail } = await actFor(token, asked, request.ip);
    if (ok) say(slack, press, 'in_channel', `${person.login} ${asked.words}.`);
    else say(slack, press, 'ephemeral', `Nothing was done: ${detail}`);
    return { pressed: asked.id, done: ok };
  },
} satisfies { readonly [Id in 'pressInSlack']: Handler<Id> };

/** An answer that does not arrive changes nothing of what was done. */
function say({ reply }: SlackApp, { replyTo }: Press, to: 'ephemeral' | 'in_channel', words: string): void {
  if (replyTo === null) return;
  const text = words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').slice(0, 2_000);
  reply(replyTo, { response_type: to, replace_original: false, text }).catch(() => undefined);
}
