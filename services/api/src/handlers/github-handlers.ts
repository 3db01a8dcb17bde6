import { HaldaneError } from '@haldane/core';
import type { Handler } from '../ask.ts';

export const gitHubHandlers = {
  receiveFromGitHub: async ({ gitHub, request, body }) => {
    if (gitHub === null) throw new HaldaneError('unauthorised', 'no GitHub App is known here; docs/github-app.md says how to name one');
    return gitHub({ headers: request.headers, body: typeof body === 'string' ? body : '', from: request.ip });
  },
} satisfies { readonly [Id in 'receiveFromGitHub']: Handler<Id> };
