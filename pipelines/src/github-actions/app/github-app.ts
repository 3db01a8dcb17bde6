import { createHmac } from 'node:crypto';
import { type Clock, HaldaneError, type JsonObject } from '@haldane/core';
import type { EnvironmentMap } from '@haldane/documents';
import { type DeployRule, type GitHubAppFile, ruleName } from './app-file.ts';
import { AppLogin, appKey } from './app-login.ts';
import type { DeployAnswer } from './deploy-answer.ts';
import { type DeployAsked, deployAsked } from './deploy-asked.ts';
import { liveCommit } from './live-commit.ts';
import { sendToGitHub } from './send-to-github.ts';
import { signedByGitHub } from './signed-by-github.ts';

/** What GitHub sent: its headers, and the bytes of the body before anybody parsed them. */
export type GitHubEvent = { readonly event: unknown; readonly signature: unknown; readonly body: string };

/** What an event came to. `rule` is the one by which the deploy is answered, and `name` its name. */
export type Received = {
  readonly says: string;
  readonly deploy: { readonly id: string; readonly asked: DeployAsked; readonly rule: DeployRule; readonly name: string } | null;
};

/** What the App may do with deploys: one token is for both. */
const rights = { deployments: 'write' } as const;

/** Haldane as a GitHub App: hears of deploys that wait for it, and tells GitHub whether they may go on. */
export class GitHubApp {
  readonly login: AppLogin;
  readonly #file: GitHubAppFile;
  readonly #secret: string;
  readonly #clock: Clock;

  /** Throws `bad-document` naming a variable that is not set, or holds no key. */
  constructor(file: GitHubAppFile, env: EnvironmentMap, clock: Clock) {
    const held = (variable: string): string => {
      const value = env[variable] ?? '';
      if (value === '') throw new HaldaneError('bad-document', `haldane.github.yaml: the variable ${variable} is not set`);
      return value;
    };
    this.#file = file;
    this.#clock = clock;
    this.#secret = held(file.webhookSecretEnv);
    const { api, app, privateKeyEnv } = file;
    this.login = new AppLogin({ api, app, key: appKey(held(privateKeyEnv), privateKeyEnv), clock });
  }

  /** The App's client id, or its number. */
  get id(): string {
    return this.#file.app;
  }
  get api(): string {
    return this.#file.api;
  }
  /** Keys what Haldane marks as its own at GitHub. */
  get seal(): string {
    return createHmac('sha256', this.#secret).update('haldane-seal').digest('hex');
  }
  get link(): string | null {
    return this.#file.link ?? null;
  }
  /** Names of the rules there are. */
  get rules(): readonly string[] {
    return this.#file.deploys.map(ruleName);
  }
  rule(name: string): DeployRule | null {
    return this.#file.deploys.find((one) => ruleName(one) === name) ?? null;
  }

  /**
   * Reads an event. Throws `unauthorised` for one that GitHub did not sign, `bad-request` and `refused` as `deployAsked` does, and `not-found` for a
   * deploy that no rule is for: GitHub then shows the delivery as failed, and the deploy waits for a person. Other events are none of its business.
   */
  receive({ event, signature, body }: GitHubEvent): Received {
    signedByGitHub(body, signature, this.#secret);
    const nothing = (says: string): Received => ({ says, deploy: null });
    if (event === 'ping') return nothing('heard');
    if (event !== 'deployment_protection_rule') return nothing(`nothing is done about ${String(event).slice(0, 60)}`);
    const payload = parsed(body);
    if (payload['action'] !== 'requested')
      return nothing(`nothing is done about deployment_protection_rule ${String(payload['action']).slice(0, 60)}`);
    const asked = deployAsked(payload, this.#file.api);
    const name = ruleName(asked);
    const rule = this.rule(name);
    if (rule === null)
      throw new HaldaneError('not-found', `haldane.github.yaml has no rule for deploys of ${asked.repository} to ${asked.environment}`);
    return {
      says: `deployment ${asked.deployment} is looked at`,
      deploy: { id: `github:${asked.repository.toLowerCase()}:${asked.deployment}`, asked, rule, name },
    };
  }

  /** The commit that is live where the deploy goes; null when GitHub does not say. Throws what `sendToGitHub` does. */
  async live(asked: DeployAsked, signal: AbortSignal): Promise<string | null> {
    const base = this.#file.api.replace(/\/+$/, '');
    return this.login.within(asked.repository, rights, signal, (bearer) =>
      liveCommit(asked, (path, schema) =>
        sendToGitHub({ method: 'GET', url: new URL(base + path), bearer, schema, now: this.#clock.now() }, signal),
      ),
    );
  }

  /** Tells GitHub how it goes with a deploy, or whether it may go on. Throws `bad-request` when nobody there waits for it any more. */
  async tell({ repository, environment, run }: DeployAsked, { state, comment }: DeployAnswer, signal: AbortSignal): Promise<void> {
    const url = new URL(`${this.#file.api.replace(/\/+$/, '')}/repos/${repository}/actions/runs/${run}/deployment_protection_rule`);
    const body: JsonObject = { environment_name: environment, comment, ...(state === null ? {} : { state }) };
    const now = this.#clock.now();
    await this.login.within(repository, rights, signal, (bearer) => sendToGitHub({ method: 'POST', url, bearer, body, now }, signal));
  }
}

function parsed(body: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch {
    // Said below.
  }
  throw new HaldaneError('bad-request', 'the body is no JSON; set the content type of the webhook to application/json');
}
