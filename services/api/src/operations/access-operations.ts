import { ChangeParams, ListQuery, LoginBody, MineBody, TokenBody, TokenParams } from '@haldane/client/schema';
import type { Operation } from './operation.ts';

/** Logins, tokens, and whether a change of rights was one's own. */
export const accessOperations = {
  getMe: { method: 'GET', path: '/v1/me', says: 'Who the server takes you for.', on: 'login', may: null },
  exchangeLogin: {
    method: 'POST',
    path: '/v1/logins',
    says: 'Exchanges a login that a trusted issuer signed (OpenID Connect) for a token. Each opens once.',
    on: 'assertion',
    may: null,
    body: LoginBody,
    status: 201,
  },
  listTokens: {
    method: 'GET',
    path: '/v1/tokens',
    says: 'Tokens of the teams that you administer, without their secrets.',
    on: 'login',
    may: null,
    query: ListQuery,
  },
  makeToken: {
    method: 'POST',
    path: '/v1/tokens',
    says: 'Makes a token; its secret is shown this once.',
    on: 'grants',
    may: 'administer',
    body: TokenBody,
    status: 201,
  },
  revokeToken: { method: 'DELETE', path: '/v1/tokens/:id', says: 'Ends a token.', on: 'token', may: 'administer', params: TokenParams },
  answerRightsChange: {
    method: 'POST',
    path: '/v1/rights/:id/answer',
    says: 'Says whether a change of who may do what was your own; if not, it is taken back. Counts only from a button in Slack.',
    on: 'login',
    may: null,
    params: ChangeParams,
    body: MineBody,
  },
} as const satisfies Record<string, Operation>;
