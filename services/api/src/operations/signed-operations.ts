import type { Operation } from './operation.ts';

/** Where systems outside post what they have signed. */
export const signedOperations = {
  pressInSlack: {
    method: 'POST',
    path: '/slack/actions',
    says: "Where Slack sends presses of buttons, signed by the app's secret. What is done is done in the presser's name, by their rights.",
    on: 'signed',
    may: null,
    quiet: true,
  },
  receiveFromGitHub: {
    method: 'POST',
    path: '/github/webhook',
    says: "Where GitHub sends what its App hears, signed by the App's webhook secret: deploys that wait for Haldane.",
    on: 'signed',
    may: null,
    quiet: true,
    status: 202,
    mostBytes: 4 * 1024 * 1024,
  },
} as const satisfies Record<string, Operation>;
