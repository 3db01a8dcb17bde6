import type { Grant, Watched } from '@haldane/core';

/** What the API knows of the Slack app whose buttons lead here. */
export type SlackApp = {
  /** Slack signs with it; whoever has it can press any button. */
  readonly signingSecret: string;
  /** Members (`T…/U…`: workspace and member) and who they are here: their name at the login, and what they may do. */
  readonly people: readonly { readonly slack: string; readonly login: string; readonly grants: readonly Grant[] }[];
  /** After how long the silence of whoever changed who may do what takes it back, and what holds for those who cannot be asked; absent: nobody is. */
  readonly wasThatYou?: { readonly withinMs: number; readonly otherwise: 'keep' | 'take-back' };
  /** Says something in the place of the button, by the address that came with the press. Throws `refused` for an address that is none to send to. */
  readonly reply: (url: string, message: object) => Promise<void>;
};

/** Whether the author of a change of rights is asked. One who is no known member of Slack cannot be, and then it holds what was declared. */
export function watchedBy(slack: SlackApp | null, author: string): { readonly watched?: Watched } {
  const { wasThatYou, people = [] } = slack ?? {};
  if (wasThatYou === undefined) return {};
  const canAnswer = people.some(({ login }) => login === author);
  const withinMs = canAnswer || wasThatYou.otherwise === 'take-back' ? wasThatYou.withinMs : null;
  return { watched: { author, withinMs, canAnswer } };
}
