import type { Grant, Topic } from '@haldane/core';

/** The ways of telling: a folder each. */
export const receiverKinds = ['webhook', 'slack', 'github'] as const;

/** Somebody who can be told. Secrets are names of variables, looked up once and stored nowhere. */
export type Receiver = { readonly name: string } & (
  | { readonly by: 'webhook'; readonly url?: string; readonly urlEnv?: string; readonly secretEnv: string }
  | { readonly by: 'slack'; readonly urlEnv: string; readonly buttons: boolean }
  | {
      readonly by: 'github';
      /** owner/name */
      readonly repository: string;
      /** Absent: it writes as Haldane's GitHub App. */
      readonly tokenEnv?: string;
      readonly api: string;
      readonly deployments: boolean;
      readonly checks: boolean;
    }
);

/** Who is told of what, of the services that `where` fits. Of several rules that fit, all hold: none silences another. */
export type TellRule = {
  readonly where: { readonly environment?: string; readonly service?: string; readonly team?: string };
  /** Told of every start, end and trouble, whatever else is said. */
  readonly onCall: readonly string[];
  readonly receivers: readonly string[];
  readonly about: readonly Topic[];
};

/** A member of a Slack workspace, and who that is here. */
export type SlackPerson = { readonly slack: string; readonly login: string; readonly grants: readonly Grant[] };

/** `ask`: the receiver where it is asked. `otherwise`: what becomes of a change whose author is nobody of `people`. */
export type WasThatYou = { readonly ask: string; readonly withinMinutes: number; readonly otherwise: 'keep' | 'take-back' };

/** Who is told, where and of what. */
export type Notify = {
  /** Where people reach this Haldane; absent: commands are told and no links. */
  readonly link?: string;
  readonly allow: readonly string[];
  readonly receivers: readonly Receiver[];
  readonly tell: readonly TellRule[];
  readonly slackApp?: {
    readonly signingSecretEnv: string;
    readonly people: readonly SlackPerson[];
    /** Whoever changes who may do what here is asked whether it was them; absent: nobody is. */
    readonly wasThatYou?: WasThatYou;
  };
};
