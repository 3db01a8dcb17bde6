import { HaldaneError, wholeScope } from '@haldane/core';
import type { Handler } from '../ask.ts';

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

  makeToken: async ({ desk, caller, body }) => {
    // Whoever is narrowed could otherwise widen itself by a token of its own making.
    if (!caller.isWhole) throw new HaldaneError('forbidden', 'a token that is narrowed makes no others; use the one that it came from');
    const scope = { ...wholeScope, ...body.scope };
    return desk.store.tokens.issue({
      subject: body.subject,
      grants: body.grants,
      scope,
      madeBy: caller.token.subject,
      livesMs: body.lives * 1000,
    });
  },

  revokeToken: async ({ desk, params }) => desk.store.tokens.revoke(params.id),
} satisfies { readonly [Id in AccessOperations]: Handler<Id> };

type AccessOperations = 'getMe' | 'exchangeLogin' | 'listTokens' | 'makeToken' | 'revokeToken';
