import { HaldaneError, wholeScope } from '@haldane/core';
import { isOfSlack } from '../access/caller.ts';
import type { Handler } from '../ask.ts';
import type { accessOperations } from '../operations/access-operations.ts';
import { watchedBy } from '../slack/slack-app.ts';

export const accessHandlers = {
  getMe: async ({ caller }) => {
    const { id, ...rest } = caller.token;
    return { token: id, subject: rest.subject, grants: rest.grants, scope: rest.scope, expiresAt: rest.expiresAt };
  },

  exchangeLogin: async ({ desk, login }) => desk.store.tokens.issue(login),

  listTokens: async ({ desk, caller, query }) => {
    const all = await desk.store.tokens.list(query.limit ?? 100);
    return all.filter((token) => caller.administers(token));
  },

  makeToken: async ({ desk, caller, body, slack }) => {
    // Whoever is narrowed could otherwise widen itself by a token of its own making.
    if (!caller.isWhole) throw new HaldaneError('forbidden', 'a token that is narrowed makes no others; use the one that it came from');
    const scope = { ...wholeScope, ...body.scope };
    return desk.store.tokens.issue({
      subject: body.subject,
      grants: body.grants,
      scope,
      madeBy: caller.token.subject,
      madeWith: caller.token.id,
      livesMs: body.lives * 1000,
      ...(body.grants.every(({ role }) => role === 'viewer') ? {} : watchedBy(slack, caller.token.subject)),
    });
  },

  answerRightsChange: async ({ desk, caller, params, body }) => {
    const { rights } = desk.store;
    const change = await rights.get(params.id);
    if (change === null) throw new HaldaneError('not-found', `there is no change of rights "${params.id}"`);
    // A token that was stolen would say yes for what it did itself.
    if (!isOfSlack(caller)) throw new HaldaneError('forbidden', 'whether it was you is answered by the button in Slack, and by no token');
    const who = caller.token.subject;
    if (who !== change.author) throw new HaldaneError('forbidden', `only ${change.author} can say whether it was them`);
    const answer = body.mine ? 'kept' : 'taken-back';
    if (await rights.settle(params.id, answer, who, body.mine ? 'it was them' : 'it was not them')) return { answered: answer };
    const { answered } = (await rights.get(params.id)) ?? change;
    throw new HaldaneError(
      'conflict',
      answered === null ? 'it is too late: it is being taken back' : `it is answered already: ${answered.replace('-', ' ')}`,
    );
  },

  revokeToken: async ({ desk, params }) => desk.store.tokens.revoke(params.id),
} satisfies { readonly [Id in keyof typeof accessOperations]: Handler<Id> };
