import type { Grant } from '@haldane/core';

/** What the API knows of the Slack app whose buttons lead here. */
export type SlackApp = {
  /** Slack signs with it; whoever has it can press any button. */
  readonly signingSecret: string;
  /** Members (`T…/U…`: workspace and member) and who they are here: their name at the login, and what they may do. */
  readonly people: readonly { readonly slack: string; readonly login: string; readonly grants: readonly Grant[] }[];
  /** Says something in the place of the button, by the address that came with the press. Throws `refused` for an address that is none to send to. */
  readonly reply: (url: string, message: object) => Promise<void>;
};
